/* What is known of the wall clock. */
#ifndef RESOLVER_CLOCK_H
#define RESOLVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "resolver/outcome.h"

struct resolver;

struct clock {
    int64_t offset;       /* from boot time */
    uint32_t doubt_until; /* it jumped not long ago */
    bool seen;
    bool wrong; /* it stands before this software was made */
};

/* To be called when time has passed. */
void clock_look(struct resolver *r);
/* Are dates let pass, for want of a clock (dnssec.clock-grace)? Nothing has AD then, and no verdict
 * is kept. */
bool clock_grace(const struct resolver *r);
/* Was it found bogus by a clock that was put right since? */
bool clock_doubts(const struct resolver *r, enum reason reason);

#endif
