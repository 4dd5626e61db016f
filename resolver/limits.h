/*
 * The bounds of the resolution as constants: LIMIT_PACKETS, … from limits.def, where each has its
 * reason. A limit that is a client's own (packets, octets, time, aliases, addresses) detaches that
 * client with its own SERVFAIL and is never cached.
 */
#ifndef RESOLVER_LIMITS_H
#define RESOLVER_LIMITS_H

enum {
#define X(name, value, unit, reason, why, then, counted) LIMIT_##name = value,
#include "resolver/limits.def"
#undef X
    /* Time-outs of one exchange: an unmeasured server's, and the bounds of a measured one's. */
    TIMEOUT_UNKNOWN_MS = 376,
    TIMEOUT_MIN_MS = 100,
    TIMEOUT_MAX_MS = 1500,
    TIMEOUT_TOGETHER_MS = 800, /* the same, by the silence of others */
    TIMEOUT_FORWARDER_MS =
        500, /* at least: what it does not have in its cache it must find itself */
    TIMEOUT_TCP_MS = 2000,
    TIMEOUT_RACE_MS = 250, /* without a reply: one that is better off is asked beside it */
};

#endif
