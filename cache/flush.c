/*
 * Removal on request. Any of it moves the answer epoch on: an answer may hold records of many
 * names.
 */
#include "cache/internal.h"

#include <string.h>

/* All entries of a name lie in one shard, and their tags can be told from others: see table.h. */
static uint32_t find_of_name(struct cache *c, const struct key *k)
{
    const struct shard *s = table__shard(&c->table, k->place.hash);
    for (uint32_t i = 0; i < s->capacity; i++) {
        struct slot slot = s->slots[i];
        if (slot.handle == 0 || !table__same_name(k->place.hash, slot.tag))
            continue;
        const struct entry *e = store__at(&c->store, slot.handle);
        if (e->kind != CACHE_ANSWER && e->kind != CACHE_SERVER && name_equal(e->body, k->name))
            return slot.handle;
    }
    return 0;
}

void cache_flush_name(struct cache *c, const uint8_t *name)
{
    uint8_t copy[NAME_MAX_WIRE];
    name_copy(copy, name); /* it may be the name of an entry that goes */
    struct key k = cache__key(c, CACHE_RRSET, copy, 0, VARIANT_PLAIN);
    cache_drop_answers(c);
    for (uint32_t handle; (handle = find_of_name(c, &k)) != 0;)
        cache__remove(c, handle, MISS_FLUSHED);
    store__tidy(&c->store);
}

/* `zone` NULL: everything. */
static void flush_below(struct cache *c, const uint8_t *zone)
{
    cache_drop_answers(c);
    for (uint32_t i = 0; i < c->store.writable; i++) {
        for (uint32_t at = 0; (at = store__next(&c->store, i, at)) != 0;) {
            const struct entry *e = store__at(&c->store, at);
            if (!zone || (e->kind != CACHE_SERVER && name_at_or_below(e->body, zone)))
                cache__remove(c, at, MISS_FLUSHED);
        }
    }
    store__tidy(&c->store);
}

void cache_flush_zone(struct cache *c, const uint8_t *zone)
{
    uint8_t copy[NAME_MAX_WIRE];
    name_copy(copy, zone);
    flush_below(c, copy);
}

void cache_flush_all(struct cache *c)
{
    flush_below(c, NULL);
}
