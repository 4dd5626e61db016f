/*
 * What all kinds have in common: keys, the way in and the way out.
 */
#include "cache/internal.h"

#include <string.h>

#include "base/must.h"

enum { PROBES_MOST = 64 };

/* ---- Keys ------------------------------------------------------------------------------------ */

void cache__key_hash(const struct cache_core *c, struct key *k, const uint8_t *lower)
{
    uint64_t hash;
    if (k->address_size == 0) {
        hash = hash_bytes(&c->hash_key, lower, k->name_size);
    } else {
        uint8_t both[NAME_MAX_WIRE + ADDRESS_KEY_MAX];
        memcpy(both, lower, k->name_size);
        memcpy(both + k->name_size, k->address, k->address_size);
        hash = hash_bytes(&c->hash_key, both, (size_t)k->name_size + k->address_size);
    }
    /* The type's 16 bits, three for the kind, seven for the variant: TABLE_PLAIN_BITS. */
    MUST(k->variant < 1 << 7);
    uint32_t details = (uint32_t)k->type | (uint32_t)k->kind << 16 | (uint32_t)k->variant << 19;
    k->place = table__place(hash, details);
    k->id = hash ^ details * UINT64_C(0x9e3779b97f4a7c15);
}

struct key cache__key(const struct cache_core *c, enum cache_kind kind, const uint8_t *name,
                      uint16_t type, uint16_t variant)
{
    uint8_t lower[NAME_MAX_WIRE];
    struct key k = {.name = name, .kind = (uint8_t)kind, .type = type, .variant = variant};
    k.name_size = (uint8_t)name_lower(lower, name);
    cache__key_hash(c, &k, lower);
    return k;
}

static uint8_t address_size(const struct entry *e)
{
    if (e->kind != CACHE_SERVER)
        return 0;
    return entry_content(e)[0] == 4 ? 1 + 2 + 4 + 4 : ADDRESS_KEY_MAX;
}

struct key cache__key_of(const struct cache_core *c, const struct entry *e)
{
    uint8_t lower[NAME_MAX_WIRE];
    struct key k = {
        .name = e->body,
        .address = entry_content(e),
        .name_size = e->name_size,
        .address_size = address_size(e),
        .kind = e->kind,
        .type = e->type,
        .variant = e->variant,
    };
    name_lower(lower, e->body);
    cache__key_hash(c, &k, lower);
    return k;
}

/* ---- The way out ----------------------------------------------------------------------------- */

static bool matches(const struct entry *e, const struct key *k)
{
    if (e->kind != k->kind || e->type != k->type || e->variant != k->variant ||
        e->name_size != k->name_size)
        return false;
    if (memcmp(e->body, k->name, k->name_size) != 0 && !name_equal(e->body, k->name))
        return false;
    return k->address_size == 0 || memcmp(entry_content(e), k->address, k->address_size) == 0;
}

static uint32_t probe_all(const struct store *s, struct probe *p, const struct key *k)
{
    for (uint32_t handle; (handle = probe__next(p)) != 0;) {
        if (matches(store__at(s, handle), k))
            return handle;
    }
    return 0;
}

/* Beside a writer that removes without a pause it gives up in the end: a miss is no error. */
uint32_t cache__find(struct cache_core *c, const struct key *k)
{
    for (unsigned i = 0; i < PROBES_MOST; i++) {
        struct probe p = table__probe(&c->table, k->place);
        uint32_t handle = probe_all(&c->store, &p, k);
        if (handle != 0 || !probe__overlooked(&p))
            return handle;
    }
    return 0;
}

enum cache_miss cache__look(struct cache_core *c, const struct key *k, uint32_t now,
                            struct entry **out)
{
    uint32_t handle = cache__find(c, k);
    *out = NULL;
    if (handle == 0)
        return ghosts__reason(&c->ghosts, k->id);
    struct entry *e = *out = store__at(&c->store, handle);
    if (now >= e->expiry)
        return MISS_EXPIRED;
    if (e->kind == CACHE_ANSWER && answer__stale(c, e))
        return MISS_FLUSHED;
    c->policy->ops->use(c->policy, e);
    return CACHE_HIT;
}

/* Only the worker itself writes its tally: no locked addition. */
static void count_one(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void cache__count(struct cache *c, enum cache_kind kind, enum cache_miss m)
{
    if (m == CACHE_HIT)
        count_one(&c->tally.hits[kind]);
    else
        count_one(&c->tally.misses[kind][m]);
}

enum cache_miss cache__get(struct cache *c, const struct key *k, uint32_t now, struct entry **out)
{
    enum cache_miss m = cache__look(c->core, k, now, out);
    cache__count(c, (enum cache_kind)k->kind, m);
    return m;
}

enum cache_miss cache__get_verdict(struct cache *c, const struct key *k, uint32_t now,
                                   struct entry **out)
{
    enum cache_miss m = cache__look(c->core, k, now, out);
    if (m == CACHE_HIT && (*out)->verdicts != c->verdicts)
        m = MISS_EXPIRED;
    cache__count(c, (enum cache_kind)k->kind, m);
    return m;
}

/* All entries of a name lie in one shard, and their tags can be told from others: see table.h. */
uint32_t cache__next_of_name(struct cache_core *c, const struct key *k, uint32_t *slot)
{
    const struct shard *shard = table__shard(&c->table, k->place.hash);
    const struct slots *s = atomic_load_explicit(&shard->slots, memory_order_relaxed);
    while (s && *slot < s->capacity) {
        uint64_t value = atomic_load_explicit(&s->at[(*slot)++], memory_order_relaxed);
        if (value == 0 || !table__same_name(k->place.hash, slot_tag(value)))
            continue;
        const struct entry *e = store__at(&c->store, slot_handle(value));
        if (e->kind != CACHE_SERVER && name_equal(e->body, k->name))
            return slot_handle(value);
    }
    return 0;
}

/* ---- The draft ------------------------------------------------------------------------------- */

void draft__bytes(struct draft *d, const void *bytes, size_t size)
{
    if (d->failed || size > sizeof d->bytes - d->size) {
        d->failed = true;
        return;
    }
    if (size > 0)
        memcpy(d->bytes + d->size, bytes, size);
    d->size = (uint16_t)(d->size + size);
}

void draft__u8(struct draft *d, uint8_t v)
{
    draft__bytes(d, &v, 1);
}

void draft__u16(struct draft *d, uint16_t v)
{
    uint8_t b[2];
    store_u16(b, v);
    draft__bytes(d, b, sizeof b);
}

void draft__u32(struct draft *d, uint32_t v)
{
    uint8_t b[4];
    store_u32(b, v);
    draft__bytes(d, b, sizeof b);
}

void cache__draft(struct cache *c, struct key *k)
{
    struct draft *d = &c->draft;
    d->size = 0;
    d->failed = false;
    draft__bytes(d, k->name, k->name_size);
    draft__bytes(d, k->address, k->address_size);
    k->name = d->bytes;
    k->address = d->bytes + k->name_size;
}

/* ---- The way in ------------------------------------------------------------------------------ */

static enum policy_group group_of(const struct entry *e)
{
    return e->kind == CACHE_DELEGATION || e->kind == CACHE_SERVER ? GROUP_SPARED : GROUP_ORDINARY;
}

static void account(struct cache_core *c, const struct entry *e, bool comes)
{
    uint64_t units = comes ? e->units : 0 - (uint64_t)e->units;
    c->group_units[group_of(e)] += units;
    c->counts.kind_bytes[e->kind] += (size_t)(units * ENTRY_UNIT);
    c->counts.entries[e->kind] += comes ? 1 : UINT64_MAX;
}

/* Out of the order and the log, but not out of the table. */
static void retire(struct cache_core *c, uint32_t handle)
{
    c->policy->ops->remove(c->policy, handle);
    account(c, store__at(&c->store, handle), false);
    store__free(&c->store, handle);
}

void cache__remove(struct cache_core *c, uint32_t handle, enum cache_miss reason)
{
    struct key k = cache__key_of(c, store__at(&c->store, handle));
    table__remove(&c->table, k.place, handle);
    ghosts__note(&c->ghosts, k.id, reason);
    retire(c, handle);
}

static uint32_t write_entry(const struct cache *worker, const struct key *k, struct put what)
{
    struct cache_core *c = worker->core;
    const struct draft *d = &worker->draft;
    uint32_t handle = store__alloc(&c->store, entry_units(d->size));
    struct entry *e = store__at(&c->store, handle);
    e->expiry = what.expiry;
    e->type = k->type;
    e->variant = k->variant;
    e->name_size = k->name_size;
    e->kind = k->kind & 15U;
    e->trust = what.trust & 15U;
    e->security = what.security & 15U;
    e->verdicts = worker->verdicts & VERDICTS_LAST;
    memcpy(e->body, d->bytes, d->size);
    return handle;
}

bool cache__store(struct cache *worker, const struct key *k, struct put what, uint32_t now)
{
    struct cache_core *c = worker->core;
    const struct draft *d = &worker->draft;
    c->now = now;
    if (d->failed || what.expiry <= now) {
        ghosts__note(&c->ghosts, k->id, MISS_UNCACHEABLE);
        return false;
    }
    size_t growth = table__growth(&c->table, k->place.hash);
    if (!cache__settle(c, entry_units(d->size), growth) ||
        !table__reserve(&c->table, k->place.hash))
        return false;
    uint32_t old = cache__find(c, k); /* only now: making room moves and evicts */
    uint32_t handle = write_entry(worker, k, what);
    c->policy->ops->insert(c->policy, handle, group_of(store__at(&c->store, handle)));
    account(c, store__at(&c->store, handle), true);
    if (old != 0) {
        table__move(&c->table, k->place, old, handle);
        retire(c, old);
    } else {
        table__insert(&c->table, k->place, handle);
    }
    ghosts__forget(&c->ghosts, k->id);
    return true;
}

bool cache__put(struct cache *c, const struct key *k, struct put what, uint32_t now)
{
    lock_take(&c->core->writers);
    bool stored = cache__store(c, k, what, now);
    lock_release(&c->core->writers);
    return stored;
}
