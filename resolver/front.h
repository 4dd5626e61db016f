/*
 * The front: one client message in, one reply out, now or later. Sans-I/O, so that a scenario takes
 * the same way as a datagram: view → access list → answer cache → resolver.
 *
 * A listener in production, and the simulator in tests, drive it so:
 *
 *     front_query(f, &q, reply, sizeof reply, &size)
 *         FRONT_REPLY    send reply[0..size) now
 *         FRONT_DROP     send nothing
 *         FRONT_PENDING  f's `answer` is called exactly once, from within resolver_turn
 *     front_cancel(f, request)    the client has gone (TCP closed): no answer follows
 */
#ifndef RESOLVER_FRONT_H
#define RESOLVER_FRONT_H

#include "dns/cookie.h"
#include "policy/access.h"
#include "policy/crowd.h"
#include "resolver/resolver.h"

enum front_verdict {
    FRONT_REPLY,
    FRONT_PENDING,
    FRONT_DROP,
    FRONT_ELSEWHERE, /* a miss whose question another worker resolves: hand it to q->owner's front
                      */
};

struct front_query {
    const uint8_t *bytes; /* borrowed for the call */
    size_t size;
    struct endpoint client;
    enum transport via;
    uint64_t request; /* the listener's name for it, handed back with the answer */
    bool handed;      /* another worker handed it over: resolve it here, and don't count it again */
    unsigned
        *owner; /* FRONT_ELSEWHERE puts the worker's number here; NULL where there is one worker */
};

struct front_config {
    struct resolver *resolver;
    struct cache *cache;
    struct world *world;
    struct gauge *work;               /* bounds what waiting queries hold */
    const struct access_list *access; /* borrowed; NULL: everybody */
    struct crowd_limits limits;       /* of the whole server; 0: as limits.def says */
    uint16_t udp_payload;             /* most octets of a UDP reply, and what our OPT says: 1232 */
    /* What id.server, hostname.bind (CH TXT) and NSID tell, and what version.server, version.bind
     * do; NULL or empty: refused. At most 255 octets, borrowed. */
    const char *identity;
    const char *version;
    /* DNS cookies (RFC 7873): the secrets, the same for all who answer on one address; borrowed.
     * NULL: the option is ignored. */
    const struct cookie_secrets *cookies;
    uint32_t tcp_idle_ms; /* what a client over TCP is told that asks (RFC 7828); 0: nothing */
    unsigned worker;      /* which of */
    unsigned workers;     /* how many fronts there are; 0 and 1: this one alone */
    struct hash_key key;  /* the same for all workers: shares questions out among them */
    bool query_log;       /* a line a query at notice level */
    /* `size` 0: none is sent, and the request is over. */
    void (*answer)(void *ctx, uint64_t request, const uint8_t *bytes, size_t size);
    void *ctx;
};

struct front;

MUST_CHECK enum err front_new(struct front **out, const struct front_config *config);
void front_free(struct front *f);
/* Takes a new configuration (reload): the same resolver, cache and world. */
void front_configure(struct front *f, const struct front_config *config);

enum front_verdict front_query(struct front *f, const struct front_query *q, uint8_t *reply,
                               size_t capacity, size_t *size);
void front_cancel(struct front *f, uint64_t request);
/* The server is about to end: what the answer cache holds is answered as ever, and all else with
 * SERVFAIL at once, so that a client asks another server instead of waiting for this one. */
void front_stop(struct front *f);

#endif
