/*
 * From a hash to entries: many small open-addressing tables ("shards"). Folder-internal.
 *
 * A slot is 8 octets: a tag of 32 hash bits and a handle. A slot's home is tag × capacity / 2³², so
 * that a shard may have any capacity and grow by an eighth without a look at the entries: plain
 * doubling would leave half of the slots empty. The shard is chosen by the name alone; the tag is
 * the name's hash xor something invertible made of the kind and type, so all entries of a name lie
 * in one shard and can be told there by their tags (table__same_name).
 *
 * Any thread may probe; all else wants the writers' lock. An array that is replaced is retired.
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/memory.h"

enum { TABLE_SHARDS = 256, TABLE_PLAIN_BITS = 26 };

/* A tag in the lower half, a handle in the upper; 0: empty. */
struct slots {
    struct retired retired;
    uint32_t capacity;
    _Atomic uint64_t at[];
};

/* `capacity` is that of `slots`, to spare a hit one cache line; the two belong together only while
 * `shifts` is even and stays the same. */
struct shard {
    struct slots *_Atomic slots; /* NULL: no entry was ever put */
    _Atomic uint32_t capacity;
    _Atomic uint32_t shifts; /* goes up before and after slots move, or the array is replaced */
};

struct table {
    struct memory *memory;
    struct shard shards[TABLE_SHARDS];
    uint32_t counts[TABLE_SHARDS]; /* entries of each shard; of writers */
};

/* Where an entry is sought: `details` tells apart what has the same name. */
struct place {
    uint64_t hash; /* of the name (and address) */
    uint32_t tag;
};

#define TABLE_MIX   UINT32_C(0x9e3779b1)
#define TABLE_UNMIX UINT32_C(0x0e8b2f51) /* TABLE_MIX × TABLE_UNMIX = 1 mod 2³² */

_Static_assert((uint32_t)(TABLE_MIX *TABLE_UNMIX) == 1, "the mixing can be undone");

static inline struct place table__place(uint64_t hash, uint32_t details)
{
    return (struct place){.hash = hash, .tag = (uint32_t)hash ^ details * TABLE_MIX};
}

/* Can a slot be of the name that hashes so, with details below 2^TABLE_PLAIN_BITS? Of others one in
 * 64 looks so too. */
static inline bool table__same_name(uint64_t hash, uint32_t tag)
{
    return ((tag ^ (uint32_t)hash) * TABLE_UNMIX) >> TABLE_PLAIN_BITS == 0;
}

static inline struct shard *table__shard(struct table *t, uint64_t hash)
{
    return &t->shards[hash >> 56];
}

static inline uint32_t slot_tag(uint64_t slot)
{
    return (uint32_t)slot;
}

static inline uint32_t slot_handle(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static inline uint32_t table__home(uint32_t capacity, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * capacity >> 32);
}

/*
 * The handles whose slots have the tag, one by one; 0 when there is no more.
 *
 * A probe takes no lock. Beside a writer it may find an entry that is just being replaced or
 * removed, which is as good as having come a moment earlier. It may also overlook one that a
 * removal in its way is moving: probe__overlooked tells that this can be, and one probes anew.
 */
struct probe {
    const struct shard *shard;
    const struct slots *slots;
    uint32_t capacity;
    uint32_t at;
    uint32_t left; /* slots not yet looked at */
    uint32_t tag;
    uint32_t shifts;
};

static inline bool probe__overlooked(const struct probe *p)
{
    uint32_t shifts = atomic_load_explicit(&p->shard->shifts, memory_order_relaxed);
    return shifts != p->shifts || (shifts & 1) != 0;
}

static inline struct probe table__probe(struct table *t, struct place p)
{
    const struct shard *s = table__shard(t, p.hash);
    struct probe probe = {.shard = s, .tag = p.tag};
    probe.shifts = atomic_load_explicit(&s->shifts, memory_order_acquire);
    probe.slots = atomic_load_explicit(&s->slots, memory_order_acquire);
    probe.capacity = atomic_load_explicit(&s->capacity, memory_order_acquire);
    if (probe__overlooked(&probe))
        probe.capacity = probe.slots ? probe.slots->capacity : 0;
    probe.left = probe.capacity;
    probe.at = table__home(probe.capacity, p.tag);
    return probe;
}

static inline uint32_t probe__next(struct probe *p)
{
    while (p->left-- > 0) {
        uint64_t slot = atomic_load_explicit(&p->slots->at[p->at], memory_order_acquire);
        if (slot == 0)
            break;
        if (++p->at == p->capacity)
            p->at = 0;
        if (slot_tag(slot) == p->tag)
            return slot_handle(slot);
    }
    p->left = 0;
    return 0;
}

void table__init(struct table *t, struct memory *m);
void table__deinit(struct table *t);

/* Octets that one more entry of this hash would take on top, the old slots being still there. */
size_t table__growth(struct table *t, uint64_t hash);
/* Makes room for one more; false when there is no memory. */
bool table__reserve(struct table *t, uint64_t hash);
/* There is room (table__reserve). */
void table__insert(struct table *t, struct place p, uint32_t handle);
/* The entry is in the table, in both. */
void table__remove(struct table *t, struct place p, uint32_t handle);
void table__move(struct table *t, struct place p, uint32_t from, uint32_t to);

#endif
