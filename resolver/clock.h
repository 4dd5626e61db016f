/* What is known of the wall clock, and what hangs on it: which trust anchors hold. */
#ifndef RESOLVER_CLOCK_H
#define RESOLVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "resolver/outcome.h"

struct lookup;
struct resolver;

struct clock {
    int64_t offset;       /* from boot time */
    uint32_t doubt_until; /* it jumped not long ago */
    bool seen;
    bool wrong; /* it stands before this software was made */
    /* The number of the anchors and policy by which is judged: that of the options, and one more
     * for each anchor that has ended since. */
    uint32_t verdicts;
    uint32_t next_change; /* boot-time seconds: when the next ends; UINT32_MAX: none will */
};

/* To be called when time has passed, or the options are others. */
void clock_look(struct resolver *r);
/* Are dates let pass, for want of a clock (dnssec.clock-grace)? Nothing has AD then, and no verdict
 * is kept. */
bool clock_grace(const struct resolver *r);
/* Have anchors or policy changed since the lookup began? Then nothing that it judged is kept. */
bool clock_overtook(const struct lookup *l);
/* Is it the dates of signatures? */
bool clock_matters(enum reason reason);
/* Was it found bogus by a clock that was put right since? */
bool clock_doubts(const struct resolver *r, enum reason reason);

#endif
