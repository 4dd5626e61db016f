/*
 * Removal on request. Any of it moves the answer epoch on: an answer may hold records of many
 * names.
 */
#include "cache/internal.h"

#include <string.h>

/* All entries of a name lie in one shard, and their tags can be told from others: see table.h. */
static uint32_t find_of_name(struct cache_core *c, const struct key *k)
{
    const struct shard *shard = table__shard(&c->table, k->place.hash);
    const struct slots *s = atomic_load_explicit(&shard->slots, memory_order_relaxed);
    for (uint32_t i = 0; s && i < s->capacity; i++) {
        uint64_t slot = atomic_load_explicit(&s->at[i], memory_order_relaxed);
        if (slot == 0 || !table__same_name(k->place.hash, slot_tag(slot)))
            continue;
        const struct entry *e = store__at(&c->store, slot_handle(slot));
        if (e->kind != CACHE_ANSWER && e->kind != CACHE_SERVER && name_equal(e->body, k->name))
            return slot_handle(slot);
    }
    return 0;
}

size_t cache_flush_name(struct cache *c, const uint8_t *name)
{
    uint8_t copy[NAME_MAX_WIRE];
    name_copy(copy, name); /* it may be the name of an entry that goes */
    struct key k = cache__key(c->core, CACHE_RRSET, copy, 0, VARIANT_PLAIN);
    cache_drop_answers(c);
    lock_take(&c->core->writers);
    size_t gone = 0;
    for (uint32_t handle; (handle = find_of_name(c->core, &k)) != 0; gone++)
        cache__remove(c->core, handle, MISS_FLUSHED);
    store__tidy(&c->core->store);
    lock_release(&c->core->writers);
    return gone;
}

/* `zone` NULL: everything. */
static size_t flush_below(struct cache_core *c, const uint8_t *zone)
{
    size_t gone = 0;
    for (uint32_t i = 0; i < c->store.writable; i++) {
        for (uint32_t at = 0; (at = store__next(&c->store, i, at)) != 0;) {
            const struct entry *e = store__at(&c->store, at);
            if (zone && (e->kind == CACHE_SERVER || !name_at_or_below(e->body, zone)))
                continue;
            cache__remove(c, at, MISS_FLUSHED);
            gone++;
        }
    }
    store__tidy(&c->store);
    return gone;
}

size_t cache_flush_zone(struct cache *c, const uint8_t *zone)
{
    uint8_t copy[NAME_MAX_WIRE];
    name_copy(copy, zone);
    cache_drop_answers(c);
    lock_take(&c->core->writers);
    size_t gone = flush_below(c->core, copy);
    lock_release(&c->core->writers);
    return gone;
}

size_t cache_flush_all(struct cache *c)
{
    cache_drop_answers(c);
    lock_take(&c->core->writers);
    size_t gone = flush_below(c->core, NULL);
    lock_release(&c->core->writers);
    return gone;
}
