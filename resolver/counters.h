/* The resolver's counters, from resolver/counters.def. Monotonic since start. */
#ifndef RESOLVER_COUNTERS_H
#define RESOLVER_COUNTERS_H

#include <stdint.h>

struct counters {
#define X(name, text) uint64_t name;
#include "resolver/counters.def"
#undef X
};

#endif
