/*
 * Listens to what a resolver tells of its walks (resolver/tracer.h) and sees whether the story
 * holds: what is heard was sent before, a lookup ends once and says nothing after, nobody waits for
 * itself, and a failure has its reason.
 */
#ifndef TESTS_SIM_TRACE_CHECK_H
#define TESTS_SIM_TRACE_CHECK_H

#include <stdbool.h>

#include "resolver/tracer.h"

enum { TRACE_CHECK_LOOKUPS = 8192 }; /* lookups with higher numbers are not looked at */

struct trace_check {
    struct tracer tracer; /* for the resolver's configuration */
    const char *wrong;    /* what did not hold first; NULL: the story holds */
    uint32_t lookup;      /* of which lookup */
    struct told {
        uint16_t out; /* messages whose end was not told */
        bool ended;
    } told[TRACE_CHECK_LOOKUPS];
};

/* On a struct that is zeroed. */
void trace_check_begin(struct trace_check *c);

#endif
