/*
 * What the files of cache/ share: the cache itself, keys, the draft of an entry, and the steps that
 * every kind goes through. Folder-internal.
 *
 *     put:  cache__key… → cache__draft → draft__… (the kind packs its content) → cache__put
 *     get:  cache__key… → cache__get → the kind unpacks entry_content()
 *
 * An entry is packed into the draft before anything moves: what a caller hands to a put may point
 * into the cache, and making room cleans segments. The draft is the worker's own.
 *
 * What takes a `struct cache` may be called by any worker at any time; what takes a `struct
 * cache_core` and may change it wants the writers' lock. Nothing is ever done to what readers may
 * look at but: an entry is published or replaced by one release store to a slot, a use stamp is
 * stored, an array is replaced as a whole, and what is out of reach is freed by the epoch.
 */
#ifndef CACHE_INTERNAL_H
#define CACHE_INTERNAL_H

#include <stdatomic.h>

#include "base/epoch.h"
#include "base/lock.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "cache/ghosts.h"
#include "cache/memory.h"
#include "cache/policy.h"
#include "cache/spans.h"
#include "cache/store.h"
#include "cache/table.h"
#include "dns/name.h"

enum { ADDRESS_KEY_MAX = 1 + 2 + 4 + 16 };

struct draft {
    uint16_t size;
    bool failed; /* it would be over CACHE_ENTRY_MAX */
    uint8_t bytes[CACHE_ENTRY_MAX - ENTRY_HEADER];
};

/*
 * What all workers share. Above `writers`, what a hit reads; below, what only the holder of the
 * lock looks at, so that puts do not take from the readers' cache lines more than they must.
 */
struct cache_core {
    struct hash_key hash_key;
    struct policy *policy;
    struct ghosts ghosts;
    _Atomic uint32_t answer_epoch;
    struct store store;
    struct table table;
    _Alignas(EPOCH_LINE) struct lock writers;
    struct memory memory;
    struct spans spans;
    size_t budget;
    uint64_t group_units[POLICY_GROUPS];
    uint32_t now;   /* the latest that a caller named: evictions tell by it who was past its time */
    uint64_t moves; /* of entries, by cleaning */
    struct cache_figures counts; /* hits and misses: of handles that are gone */
    struct cache *handles;
};

/* Written by one worker, summed by any. */
struct tally {
    _Atomic uint64_t hits[CACHE_KINDS];
    _Atomic uint64_t misses[CACHE_KINDS][CACHE_MISSES];
};

/* A worker's handle. In cache lines of its own. */
struct cache {
    struct cache_core *core;
    struct cache *next; /* of the core's handles; under the lock */
    uint16_t verdicts;  /* that it takes and gives: cache_judge_by */
    struct tally tally;
    struct draft draft;
};

/* What an entry is sought by. The name is borrowed. */
struct key {
    const uint8_t *name;
    const uint8_t *address; /* servers only, else NULL */
    uint8_t name_size;
    uint8_t address_size;
    uint8_t kind;
    uint16_t type;
    uint16_t variant;
    struct place place;
    uint64_t id; /* of name and details, for the ghosts */
};

/* As cache_new; `fail_after` as in struct memory, for tests. */
MUST_CHECK enum err cache__new(struct cache **out, const struct cache_config *config,
                               size_t fail_after);

/* ---- Keys and entries (entries.c) ------------------------------------------------------------ */

enum { VARIANT_PLAIN = 0, VARIANT_NXDOMAIN = 1, VARIANT_ALL_ZONES = 1 };

struct key cache__key(const struct cache_core *c, enum cache_kind kind, const uint8_t *name,
                      uint16_t type, uint16_t variant);
/* Completes a key whose fields but place and id are set; `lower` is the name in lower case. */
void cache__key_hash(const struct cache_core *c, struct key *k, const uint8_t *lower);

/* 0 when it is not there, whatever its expiry. Needs no lock. */
uint32_t cache__find(struct cache_core *c, const struct key *k);
/* With expiry, use stamp and miss reason, but not counted. `*out` is set on MISS_EXPIRED too, if
 * held. */
enum cache_miss cache__look(struct cache_core *c, const struct key *k, uint32_t now,
                            struct entry **out);
/* The same, counted. */
enum cache_miss cache__get(struct cache *c, const struct key *k, uint32_t now, struct entry **out);
/* The same of what is nothing but a verdict: one under other anchors is past its time. */
enum cache_miss cache__get_verdict(struct cache *c, const struct key *k, uint32_t now,
                                   struct entry **out);
void cache__count(struct cache *c, enum cache_kind kind, enum cache_miss m);

/* Begins the draft with the key's name and address; the key then borrows them from the draft. */
void cache__draft(struct cache *c, struct key *k);
void draft__u8(struct draft *d, uint8_t v);
void draft__u16(struct draft *d, uint16_t v);
void draft__u32(struct draft *d, uint32_t v);
void draft__bytes(struct draft *d, const void *bytes, size_t size);

struct put {
    uint32_t expiry;
    uint8_t trust;
    uint8_t security;
};

/* Stores the draft in place of what the key had before. Takes the lock. */
bool cache__put(struct cache *c, const struct key *k, struct put what, uint32_t now);
/* The same for who has the lock. */
bool cache__store(struct cache *c, const struct key *k, struct put what, uint32_t now);
/* Takes an entry out. */
void cache__remove(struct cache_core *c, uint32_t handle, enum cache_miss reason);
/* The entries of the key's name, servers' left out, one by one from *slot on, which begins at 0;
 * 0 when there is no more. Wants the lock; a removal has it begin anew. */
uint32_t cache__next_of_name(struct cache_core *c, const struct key *k, uint32_t *slot);

/* Is it an answer of an earlier epoch? (answer.c) */
bool answer__stale(const struct cache_core *c, const struct entry *e);

/* Of entries of their kind; what they set points into the entry. */
void rrset__unpack(const struct cache *c, const struct entry *e, struct rrset *out);
/* Begins the draft for the key with the set; entries of CACHE_DENIAL have the same form. */
void rrset__pack(struct cache *c, struct key *k, const struct rrset *set);
void negative__unpack(const struct cache *c, const struct entry *e, struct negative *out);
void failure__unpack(const struct entry *e, struct failure *out);
void delegation__unpack(const struct cache *c, const struct entry *e, struct delegation *out);
void answer__unpack(const struct entry *e, struct answer *out);
uint8_t answer__flags(const struct entry *e); /* enum answer_flag */

/* ---- Space (space.c) ------------------------------------------------------------------------- */

/*
 * Makes room for an entry of `units` in the open segment, and for `growth` octets of table, within
 * the budget: cleans, evicts. Entries may move. `units` 0: only keeps to the budget. False when
 * memory is refused.
 */
bool cache__settle(struct cache_core *c, uint32_t units, size_t growth);
/* Frees what no reader can be in any more. */
void cache__reclaim(struct cache_core *c);
/* The place of an entry in the table; its ghost's id too. */
struct key cache__key_of(const struct cache_core *c, const struct entry *e);

#endif
