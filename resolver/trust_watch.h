/*
 * Asks for the keys of trust points when their probes are due (RFC 5011 §2.3), one at a time, and
 * hands what came to the state machine (dnssec/trust_point.h). The question goes to the zone's
 * servers whatever the cache holds, and bears CD: who is trusted is judged there and nowhere else.
 */
#ifndef RESOLVER_TRUST_WATCH_H
#define RESOLVER_TRUST_WATCH_H

#include "dnssec/trust_point.h"
#include "resolver/resolver.h"

/* All is borrowed, and stays where it is. */
struct trust_watch_config {
    struct resolver *resolver;
    struct world *world;
    const struct dnssec_policy *policy;
    struct trust_point *points;
    /* Of each point the anchor as it is configured; a point without is not asked for. NULL: all are
     * asked for, and only what they hold is trusted. */
    const struct rrset *const *ds;
    size_t count; /* what `ds` leaves out need be no point */
    /* A probe is over; the point as it was `before`. Not from here, but later, may the resolver be
     * given other options. */
    void (*news)(void *ctx, const struct trust_point *point, const struct trust_point *before,
                 enum trust_news news);
    void *ctx;
};

struct trust_watch;

MUST_CHECK enum err trust_watch_new(struct trust_watch **out,
                                    const struct trust_watch_config *config);
/* Before the resolver goes. */
void trust_watch_free(struct trust_watch *w);
/* Asks if a probe is due and none is under way. Returns when to look again, in seconds from now,
 * an hour at most. */
uint32_t trust_watch_look(struct trust_watch *w);

#endif
