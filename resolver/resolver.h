/*
 * The resolver core: questions in, outcomes out, messages to servers asked of the world.
 *
 *     struct resolver *r;
 *     resolver_new(&r, &config);                 // config names cache and world
 *     world sink ← resolver_sink(r)              // reply, failed, turn
 *
 *     resolver_ask(r, &question, &client);       // enqueues; client->done is called from
 * resolver_turn resolver_turn(r);                          // drains the queue: steps run, messages
 * go out … the world: reply(token, bytes) → enqueued → turn … client->done(client, &outcome); //
 * exactly once, unless resolver_forget came first
 *
 *     resolver_stop(r);                          // every client still waiting gets SERVFAIL
 *     resolver_free(r);
 *
 * Sans-I/O: no socket, no clock, no randomness but through the world. Nothing is called back from
 * within resolver_ask, reply or failed, so nobody is re-entered or freed under his own feet. One
 * thread.
 */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include "base/heap.h"
#include "base/list.h"
#include "base/world.h"
#include "cache/cache.h"
#include "dns/cookie.h"
#include "dns/message.h"
#include "dnssec/anchors.h"
#include "resolver/counters.h"
#include "resolver/outcome.h"
#include "resolver/tracer.h"
#include "zones/local_root.h"
#include "zones/special.h"

/*
 * A zone whose servers the operator names: authoritative ones (stub), or resolvers that are asked
 * to recurse (forward). The deepest that encloses a name decides; with a forward zone nothing that
 * was learned below it counts.
 */
struct stub_zone {
    const uint8_t *name;
    const struct endpoint *servers;
    size_t server_count;
    bool prime;   /* stub, the root only: ask these for the root's NS first */
    bool forward; /* RD is set, and no referral is followed */
    bool first;   /* forward: when none of them gives an answer, walk from the root instead */
};

/* The options that shape resolution; borrowed until the next resolver_configure. */
struct resolver_options {
    bool minimise;       /* QNAME minimisation (RFC 9156) */
    bool randomise_case; /* 0x20 */
    bool full_responses; /* pass on authority and additional records of an answer */
    bool use_ipv4;
    bool use_ipv6;
    uint32_t ttl_min; /* seconds, applied when a record is taken in */
    uint32_t ttl_max;
    uint32_t negative_ttl_max;
    uint32_t zone_flow; /* under way at a zone, at a server, to begin with; 0: as limits.def says */
    uint32_t server_flow;
    const struct delegation *hints; /* the root's; never NULL */
    bool prime;                     /* ask the hints for the root's NS before use */
    const struct stub_zone *stubs;
    size_t stub_count;
    const struct special_zones *special; /* NULL: none */
    const struct local_root *local_root; /* asked before the root's servers; NULL: none */
    struct anchors anchors;              /* none: nothing is validated */
    struct dnssec_policy dnssec;
    uint32_t verdicts;   /* numbers the anchors and the policy: another one where they differ */
    int64_t built_s;     /* POSIX: no clock that is right stands before that */
    bool clock_grace;    /* until then answer what dates alone speak against */
    bool aggressive;     /* use denials for other names (RFC 8198) */
    bool signal_anchors; /* tell their zones which we have (RFC 8145) */
    bool sentinel;       /* tell which keys of the root we trust (RFC 8509) */
    struct prefix_list do_not_query;      /* addresses never asked */
    bool cookies;                         /* to servers (RFC 7873) */
    uint8_t cookie_secret[COOKIE_SECRET]; /* makes the client cookie of each */
    struct prefix_list own;               /* our listeners: never asked, and said so */
};

struct resolver_config {
    struct cache *cache;
    struct world *world;
    struct gauge *work; /* bounds all arenas */
    const struct resolver_options *options;
    struct hash_key key;
    /* Called at each step of each lookup, for traces; NULL: none. */
    void (*trace)(void *ctx, const char *line);
    void *trace_ctx;
    const struct tracer *tracer; /* told of each event; NULL: none */
};

struct resolver;

MUST_CHECK enum err resolver_new(struct resolver **out, const struct resolver_config *config);
void resolver_free(struct resolver *r);
/* Takes new options (reload). Lookups under way go on with the new ones. */
void resolver_configure(struct resolver *r, const struct resolver_options *options);

struct world_sink resolver_sink(struct resolver *r);

struct question {
    const uint8_t *name; /* any case */
    uint16_t type;
    bool cd;          /* checking disabled: part of what is shared */
    bool cached_only; /* RD=0: nothing is asked of servers */
    bool fresh;       /* servers are asked whatever is held of the question */
};

/* A point in time at which a lookup or a client is to be woken. */
struct timer {
    struct heap_node node;
    bool of_client;
};

/*
 * One client's wish. The caller embeds it; the fields below the line are the resolver's. It must
 * live until done was called or resolver_forget.
 */
struct client {
    /* Called once. The outcome and its message hold during the call only. */
    void (*done)(struct client *c, const struct outcome *o);
    /* ---- */
    struct budget budget;
    struct timer timer; /* its deadline */
    struct list link; /* among its lookup's waiters, or those to be told that they were detached */
    struct list age;  /* among all that wait, oldest first */
    struct lookup *lookup; /* NULL once detached */
    enum reason reason;    /* why it was detached */
};

/* ERR_NOMEM: nothing was enqueued and done is not called. */
MUST_CHECK enum err resolver_ask(struct resolver *r, const struct question *q, struct client *c);
/* The client goes away: done is not called any more. */
void resolver_forget(struct resolver *r, struct client *c);

/* Does all that is due at the world's now. */
void resolver_turn(struct resolver *r);
/* Ends every lookup; the clients get SERVFAIL (reason: stopping) from within. */
void resolver_stop(struct resolver *r);

/* Lookups under way. */
size_t resolver_load(const struct resolver *r);
struct counters *resolver_counters(struct resolver *r);

#endif
