/*
 * The cache: every kind of entry under one byte budget, one entry header, one eviction order.
 *
 * Kinds: RRsets (what iteration reads), answers (finished responses in wire form, what a hit is
 * served from), negative entries (RFC 2308), failures (RFC 9520), delegations (the parent's side of
 * a zone cut: the only thing iteration walks along), servers (round-trip times, EDNS state) and
 * denials (what a zone has signed of what does not exist, RFC 8198).
 * Delegations and servers keep a floor of CACHE_FLOOR_PERCENT of the budget, so that a flood of
 * junk names cannot evict `.com`.
 *
 * A `struct cache` is one worker's handle on the cache that all workers share. cache_new makes the
 * cache and the handle of worker 0, cache_attach those of the others. A handle is used by one
 * thread at a time. Gets take no lock; the worker must be online in the epoch (base/epoch.h) while
 * it gets and reads. Puts, flushes and resizes take one lock for the whole cache: they are rare
 * against gets (a put follows an exchange with a server), short, and the store, the order and the
 * budget are shared by all shards anyway.
 *
 * What a get hands out is read in place: pointers into the cache that hold until the worker goes
 * offline or quiescent or until its own next put, flush or resize, whichever is first. What must
 * live longer is copied into an arena (rrset_copy, delegation_copy). A put copies, and what it is
 * given may point into the cache. Names are compared without case; the case of the first put is
 * kept.
 *
 * Times are boot-time seconds (`now`), TTLs absolute: an entry is a hit while now < expiry. An
 * entry with expiry <= now is not stored. No call here reads a clock or sleeps. A hit allocates
 * nothing and writes at most one use stamp.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "dns/delegation.h"
#include "dns/rrset.h"

enum {
    CACHE_FLOOR_PERCENT = 15,
    CACHE_ENTRY_MAX = 16384, /* octets of one entry; more is not stored */
};

enum cache_kind {
    CACHE_RRSET,
    CACHE_ANSWER,
    CACHE_NEGATIVE,
    CACHE_FAILURE,
    CACHE_DELEGATION,
    CACHE_SERVER,
    CACHE_DENIAL,
    CACHE_KINDS
};

/* Why there was no hit; CACHE_HIT is 0, so that `if (!cache_get_…)` reads as "if it is there". */
enum cache_miss {
    CACHE_HIT = 0,
    MISS_COLD,        /* never seen, or forgotten long ago */
    MISS_EXPIRED,     /* there, but past its time */
    MISS_EVICTED,     /* made way for others */
    MISS_FLUSHED,     /* removed on request, or the answer epoch moved on */
    MISS_UNCACHEABLE, /* seen, and refused: TTL 0, too large */
    CACHE_MISSES
};

struct cache_config {
    size_t size;        /* octets, all kinds; at least CACHE_SIZE_MIN */
    const char *policy; /* name of an eviction policy: "lru" */
    struct hash_key key;
    struct epoch *epoch; /* of the workers; borrowed. NULL: one thread, nothing waits for readers */
};

enum { CACHE_SIZE_MIN = 1 << 20 };
#define CACHE_SIZE_MAX ((size_t)15 << 30) /* what entries can be named in */

struct cache;
struct epoch;

/* The cache, and the handle of worker 0. ERR_NOMEM; ERR_RANGE: size; ERR_NOTFOUND: no such policy.
 */
MUST_CHECK enum err cache_new(struct cache **out, const struct cache_config *config);
/* The handle of another worker, which has that seat in the epoch. Any thread may call it.
 * ERR_NOMEM. */
MUST_CHECK enum err cache_attach(struct cache *c, unsigned worker, struct cache **out);
/* Frees the handle, with the last one the cache; in any order. No worker may be reading by then. */
void cache_free(struct cache *c);
/* Changes the budget; evicts at once when it shrinks. */
MUST_CHECK enum err cache_resize(struct cache *c, size_t size);

/*
 * Verdicts hang on trust anchors and policy; whoever judges by others gives the handle another
 * number (modulo VERDICTS_LAST + 1). What was put under another one then reads as unchecked, and
 * failures and denials for aggressive use are not found. Where the number changes, answers of all
 * workers are dropped.
 */
#define VERDICTS_LAST 4095U
void cache_judge_by(struct cache *c, uint32_t verdicts);

/* ---- RRsets ---------------------------------------------------------------------------------- */

/* `out` points into the cache. */
enum cache_miss cache_get_rrset(struct cache *c, const uint8_t *owner, uint16_t type, uint32_t now,
                                struct rrset *out);
/*
 * Stores unless an unexpired set of higher trust is there (RFC 2181 §5.4.1); the same trust
 * replaces. Replacing (or first storing) an RRset removes a negative entry of that name and type or
 * the whole name. False when it was not stored (trust, size, TTL 0, no memory): not an error for
 * the caller.
 */
bool cache_put_rrset(struct cache *c, const struct rrset *set, uint32_t now);

/* ---- Negative entries ------------------------------------------------------------------------ */

struct negative {
    bool nxdomain; /* the name does not exist; else it has no such type */
    uint8_t security;
    uint32_t expiry;
    /* SOA, and the denial records if any, in an array that the cache fills; in place as above. */
    unsigned count;
    struct rrset authority[12];
};

enum { NEGATIVE_AUTHORITY_MAX = 12 };

/* A hit when the name is known not to exist, or known not to have the type. */
enum cache_miss cache_get_negative(struct cache *c, const uint8_t *name, uint16_t type,
                                   uint32_t now, struct negative *out);
/* An NXDOMAIN entry covers its name for all types (`type` is not looked at), never names below it.
 */
bool cache_put_negative(struct cache *c, const uint8_t *name, uint16_t type,
                        const struct negative *n, uint32_t now);

/* ---- Denials for aggressive use (RFC 8198) ----------------------------------------------------
 */

/*
 * Stores a validated NSEC or NSEC3 set of `zone`, which signed it, or what goes along with a denial
 * (SOA) or is denied for (the set of a wildcard).
 */
bool cache_put_denial(struct cache *c, const uint8_t *zone, const struct rrset *set, uint32_t now);
/* The labels of the deepest zone at or above the name, of so many labels or more, of which there is
 * an NSEC or NSEC3 set; -1: there is none. */
int cache_denial_zone(struct cache *c, const uint8_t *name, unsigned least);
/* That of this very owner. */
enum cache_miss cache_get_denial(struct cache *c, const uint8_t *zone, uint16_t type,
                                 const uint8_t *owner, uint32_t now, struct rrset *out);
/*
 * Of NSEC or NSEC3 the one whose owner is the last at or before `at` in the zone's order, so that
 * none but this can match or cover it; where none comes before, the last of all.
 */
enum cache_miss cache_find_denial(struct cache *c, const uint8_t *zone, uint16_t type,
                                  const uint8_t *at, uint32_t now, struct rrset *out);

/* ---- Failures (RFC 9520) --------------------------------------------------------------------- */

struct failure {
    uint16_t reason;  /* enum reason of the resolver; opaque here */
    uint8_t attempts; /* failures in a row, for the back-off */
    uint32_t expiry;
};

/* `*out` is filled on MISS_EXPIRED too (its attempts), as long as the entry is still held. */
enum cache_miss cache_get_failure(struct cache *c, const uint8_t *name, uint16_t type, uint32_t now,
                                  struct failure *out);
bool cache_put_failure(struct cache *c, const uint8_t *name, uint16_t type, const struct failure *f,
                       uint32_t now);
void cache_forget_failure(struct cache *c, const uint8_t *name, uint16_t type);

/* ---- Delegations ----------------------------------------------------------------------------- */

/* The whole delegation goes when the parent's NS RRset expires, whatever the child says (ghost
 * domains). */
enum cache_miss cache_get_delegation(struct cache *c, const uint8_t *zone, uint32_t now,
                                     struct delegation *out);
bool cache_put_delegation(struct cache *c, const struct delegation *d, uint32_t now);

/* ---- Servers --------------------------------------------------------------------------------- */

/* What is known of a server address. Times in milliseconds unless named otherwise. */
struct server_state {
    uint32_t expiry;  /* boot-time seconds */
    uint32_t srtt_ms; /* smoothed round-trip time; 0: never measured */
    uint32_t rttvar_ms;
    uint32_t retry_at;   /* boot-time seconds: not before, when it is held to be dead; else 0 */
    uint8_t timeouts;    /* in a row */
    uint8_t edns;        /* enum server_edns */
    uint8_t lame;        /* for the zone of the key */
    uint32_t edns_until; /* boot-time seconds: when `edns` is to be tried anew */
    uint8_t edns_misses; /* in a row: answers that came without EDNS only */
    uint8_t cookie_size; /* of its server cookie (RFC 7873): 0, or 8 to 32 */
    uint8_t cookie[32];
};
enum server_edns { SERVER_EDNS_UNKNOWN, SERVER_EDNS_OK, SERVER_EDNS_BROKEN };

/* `zone` NULL: of the address for all zones; else of the address for that zone (lameness). */
enum cache_miss cache_get_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                                 uint32_t now, struct server_state *out);
bool cache_put_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                      const struct server_state *s, uint32_t now);

/* ---- Answers --------------------------------------------------------------------------------- */

enum answer_flag { ANSWER_DO = 1, ANSWER_CD = 2 }; /* part of the question */

struct answer_key {
    const uint8_t *qname; /* lower case, qname_size octets */
    uint16_t qname_size;
    uint16_t qtype;
    uint8_t flags; /* enum answer_flag */
    uint8_t view;  /* policy view; 0 for now */
};

/* A finished response, without OPT: header, question, records. TTLs as of `stored`. */
struct answer {
    const uint8_t *wire;
    const uint8_t *ttl_offsets; /* ttl_count × two octets, network order */
    uint16_t size;
    uint16_t ttl_count;
    uint16_t ede;    /* enum dns_ede; EDE_NONE: none */
    bool secure;     /* the AD bit, if AD or DO was asked and CD=0 */
    uint32_t stored; /* boot-time seconds */
    uint32_t expiry;
};

enum cache_miss cache_get_answer(struct cache *c, const struct answer_key *key, uint32_t now,
                                 struct answer *out);
bool cache_put_answer(struct cache *c, const struct answer_key *key, const struct answer *a,
                      uint32_t now);
/* Copies the wire into `out` (a->size octets) with its TTLs counted down to `now`. */
void answer_copy(const struct answer *a, uint32_t now, uint8_t *out);
/* Moves the answer epoch on: all answers are gone at once and refill from RRsets. */
void cache_drop_answers(struct cache *c);

/* ---- Removal and figures --------------------------------------------------------------------- */

/*
 * What is held of one name, whatever its expiry: for somebody who wants to look. Counts nothing and
 * stamps no use. `item` and what it points to hold within the call, which must not come back to the
 * cache: it is made with the lock taken.
 */
struct cache_item {
    enum cache_kind kind; /* never CACHE_SERVER */
    uint16_t type;        /* 0 of delegations and of NXDOMAIN */
    uint8_t flags;        /* of answers: enum answer_flag */
    bool stale;           /* an answer that the epoch has ended */
    uint8_t trust, security;
    uint32_t expiry;
    size_t octets; /* that the entry takes */
    union {
        struct rrset rrset;
        struct negative negative;
        struct failure failure;
        struct delegation delegation;
        struct answer answer;
    };
};
void cache_contents(struct cache *c, const uint8_t *name,
                    void (*seen)(void *ctx, const struct cache_item *item), void *ctx);
/* As cache_get_server, but leaves no trace. */
bool cache_peek_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                       uint32_t now, struct server_state *out);

/*
 * Removes everything of one name (all types and kinds but servers); answers by the epoch. No
 * denial that was there serves for a removed name any more. This and the next two return how many
 * entries were removed; answers that only the epoch ends are not counted.
 */
size_t cache_flush_name(struct cache *c, const uint8_t *name);
/* Removes everything at and below a name. Visits every entry. */
size_t cache_flush_zone(struct cache *c, const uint8_t *zone);
size_t cache_flush_all(struct cache *c);
/*
 * The same as the last two (`zone` NULL: all) in slices, so that whoever has clients can serve them
 * in between: again and again with what was zeroed before the first, until it is true. Then
 * `gone` entries were removed. What others put meanwhile may go too.
 */
struct cache_flush {
    size_t gone;
    uint64_t moves;
    uint32_t segment;
    unsigned spans;
    unsigned passes;
};
bool cache_flush_slice(struct cache *c, const uint8_t *zone, struct cache_flush *f);

struct cache_figures {
    size_t bytes; /* held, all kinds, tables included */
    size_t budget;
    uint64_t entries[CACHE_KINDS];
    uint64_t kind_bytes[CACHE_KINDS];
    uint64_t hits[CACHE_KINDS];
    uint64_t misses[CACHE_KINDS][CACHE_MISSES];
    uint64_t evictions[CACHE_KINDS];
};
void cache_figures(const struct cache *c, struct cache_figures *out);

const char *cache_kind_text(enum cache_kind k);
const char *cache_miss_text(enum cache_miss m);

#endif
