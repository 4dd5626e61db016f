/*
 * One conversation with a server that gives the root zone away: is it newer than ours, and if so,
 * all of it (AXFR over TCP, RFC 5936). Waits, for at most PRIMARY_CONNECT_MS and PRIMARY_WITHIN_MS.
 */
#ifndef OPS_ROOT_PRIMARY_H
#define OPS_ROOT_PRIMARY_H

#include <stdatomic.h>

#include "base/addr.h"
#include "dns/message.h"

enum {
    ROOT_PRIMARY_WHY = 240,
    /* The root zone has 2 MB: that much at a third of a megabit a second. */
    PRIMARY_WITHIN_MS = 60000,
    /* A network that swallows everything (IPv6 that leads nowhere) must not hold up the next one.
     */
    PRIMARY_CONNECT_MS = 5000,
};

enum primary_says {
    PRIMARY_NEWER, /* the zone */
    PRIMARY_SAME,
    PRIMARY_FAILED, /* `why` */
};

/*
 * `serial`: of what is held; NULL: nothing is. The zone's sets go to the arena, unverified. A
 * server that has an older zone than ours counts as failed.
 */
enum primary_says root_primary_ask(const struct endpoint *at, const uint32_t *serial,
                                   const atomic_bool *stop, struct arena *a,
                                   struct rrset_array *zone, char why[ROOT_PRIMARY_WHY]);

#endif
