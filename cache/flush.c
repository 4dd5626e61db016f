/*
 * Removal on request. Any of it moves the answer epoch on: an answer may hold records of many
 * names. A name that is removed is to be asked for anew, so what zones above it have denied (RFC
 * 8198) is not used any more either.
 */
#include "cache/internal.h"

enum {
    SLICE_SEGMENTS = 2, /* that a slice visits, with some thousand entries: 2 to 3 ms to remove */
    PASSES_MOST = 3,
};

/* An answer goes with its epoch; what is known of a server is not its zone's word. */
static uint32_t find_of_name(struct cache_core *c, const struct key *k)
{
    uint32_t slot = 0, handle;
    while ((handle = cache__next_of_name(c, k, &slot)) != 0)
        if (store__at(&c->store, handle)->kind != CACHE_ANSWER)
            return handle;
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
    spans__forget_above(&c->core->spans, copy);
    store__tidy(&c->core->store);
    lock_release(&c->core->writers);
    return gone;
}

static size_t flush_segment(struct cache_core *c, uint32_t segment, const uint8_t *zone)
{
    size_t gone = 0;
    for (uint32_t at = 0; (at = store__next(&c->store, segment, at)) != 0;) {
        const struct entry *e = store__at(&c->store, at);
        if (zone && (e->kind == CACHE_SERVER || !name_at_or_below(e->body, zone)))
            continue;
        cache__remove(c, at, MISS_FLUSHED);
        gone++;
    }
    return gone;
}

/*
 * Between two slices others put, and a put may clean: move entries from segments that are still to
 * be visited to one that was already. When that has happened the whole begins anew, and where it
 * happens again and again the last pass is one slice.
 */
bool cache_flush_slice(struct cache *c, const uint8_t *zone, struct cache_flush *f)
{
    struct cache_core *core = c->core;
    cache_drop_answers(c);
    lock_take(&core->writers);
    if (zone && f->spans == 0)
        spans__forget_above(&core->spans, zone);
    if (!spans__forget(&core->spans, zone, &f->spans)) {
        lock_release(&core->writers);
        return false;
    }
    if (f->segment == 0)
        f->moves = core->moves;
    uint32_t end = core->store.writable;
    if (f->passes + 1 < PASSES_MOST && end - f->segment > SLICE_SEGMENTS)
        end = f->segment + SLICE_SEGMENTS;
    for (; f->segment < end; f->segment++)
        f->gone += flush_segment(core, f->segment, zone);
    store__tidy(&core->store);
    bool over = f->segment >= core->store.writable;
    if (over && f->moves != core->moves) {
        f->passes++;
        f->segment = 0;
        over = false;
    }
    lock_release(&core->writers);
    return over;
}

static size_t flush_below(struct cache *c, const uint8_t *zone)
{
    struct cache_flush f = {0};
    while (!cache_flush_slice(c, zone, &f)) {
    }
    return f.gone;
}

size_t cache_flush_zone(struct cache *c, const uint8_t *zone)
{
    uint8_t copy[NAME_MAX_WIRE];
    name_copy(copy, zone);
    return flush_below(c, copy);
}

size_t cache_flush_all(struct cache *c)
{
    return flush_below(c, NULL);
}
