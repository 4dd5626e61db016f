/*
 * From a hash to entries: many small open-addressing tables ("shards"). Folder-internal.
 *
 * A slot is 8 octets: a tag of 32 hash bits and a handle. A slot's home is tag × capacity / 2³², so
 * that a shard may have any capacity and grow by an eighth without a look at the entries: plain
 * doubling would leave half of the slots empty. The shard is chosen by the name alone; the tag is
 * the name's hash xor something invertible made of the kind and type, so all entries of a name lie
 * in one shard and can be told there by their tags (table__same_name).
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/memory.h"

enum { TABLE_SHARDS = 256, TABLE_PLAIN_BITS = 20 };

struct slot {
    uint32_t tag;
    uint32_t handle; /* 0: empty */
};

struct shard {
    struct slot *slots;
    uint32_t capacity;
    uint32_t count;
};

struct table {
    struct memory *memory;
    struct shard shards[TABLE_SHARDS];
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

/* Can a slot be of the name that hashes so, with details below 2^TABLE_PLAIN_BITS? */
static inline bool table__same_name(uint64_t hash, uint32_t tag)
{
    return ((tag ^ (uint32_t)hash) * TABLE_UNMIX) >> TABLE_PLAIN_BITS == 0;
}

static inline struct shard *table__shard(struct table *t, uint64_t hash)
{
    return &t->shards[hash >> 56];
}

static inline uint32_t shard__home(const struct shard *s, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * s->capacity >> 32);
}

/* The handles whose slots have the tag, one by one; 0 when there is no more. */
struct probe {
    const struct shard *shard;
    uint32_t at;
    uint32_t tag;
};

static inline struct probe table__probe(struct table *t, struct place p)
{
    const struct shard *s = table__shard(t, p.hash);
    return (struct probe){.shard = s, .at = shard__home(s, p.tag), .tag = p.tag};
}

static inline uint32_t probe__next(struct probe *p)
{
    if (p->shard->count == 0)
        return 0;
    for (;;) {
        struct slot slot = p->shard->slots[p->at];
        if (slot.handle == 0)
            return 0;
        if (++p->at == p->shard->capacity)
            p->at = 0;
        if (slot.tag == p->tag)
            return slot.handle;
    }
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
