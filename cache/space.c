/*
 * Keeping to the budget: cleaning and eviction.
 *
 * Eviction frees entries here and there; cleaning turns that into free segments. Cleaning a segment
 * with little room in it moves much to gain little, so eviction goes on until the living take at
 * most 10 of 11 parts of the segments: the emptiest segment then has a good part free, mostly far
 * more, as what was stored together gets old together. One segment of the budget is never used but
 * while cleaning, so that the budget holds at every moment.
 *
 * Nothing here runs but from a put, a flush or a resize: what a get handed out stays where it is.
 */
#include "cache/internal.h"

#include <string.h>

#include "base/must.h"

enum { CLEANINGS_A_PUT = 2, SLACK_SEGMENTS = 2 };

/* Segments that the budget has room for beside all else, less the one for cleaning. */
static uint32_t segment_limit(const struct cache *c, size_t growth)
{
    size_t else_held = c->memory.held - (size_t)c->store.held * SEGMENT_SIZE + growth;
    size_t room = c->budget > else_held ? (c->budget - else_held) / SEGMENT_SIZE : 0;
    return room > 0 ? (uint32_t)room - 1 : 0;
}

/* ---- Eviction -------------------------------------------------------------------------------- */

/* Delegations and servers are drawn on only when they hold more than their floor. */
static uint32_t choose_victim(struct cache *c)
{
    uint64_t floor = c->budget / 100 * CACHE_FLOOR_PERCENT / ENTRY_UNIT;
    unsigned groups = 1u << GROUP_ORDINARY;
    if (c->group_units[GROUP_SPARED] > floor)
        groups |= 1u << GROUP_SPARED;
    uint32_t handle = c->policy->ops->victim(c->policy, groups);
    return handle != 0 ? handle : c->policy->ops->victim(c->policy, 1u << GROUP_SPARED);
}

static bool evict_one(struct cache *c)
{
    uint32_t handle = choose_victim(c);
    if (handle == 0)
        return false;
    const struct entry *e = store__at(&c->store, handle);
    enum cache_miss reason = MISS_EVICTED;
    if (c->now >= e->expiry)
        reason = MISS_EXPIRED;
    else if (e->kind == CACHE_ANSWER && answer__stale(c, e))
        reason = MISS_FLUSHED;
    c->counts.evictions[e->kind]++;
    cache__remove(c, handle, reason);
    return true;
}

/* Has the emptiest segment room for `units` once its living entries have moved together? */
static bool worth_cleaning(const struct store *s, uint32_t units)
{
    uint32_t index = store__least_live(s);
    return index != SEGMENT_NONE &&
           s->segments[index].live + units + SEGMENT_FIRST <= SEGMENT_UNITS;
}

/* Done at each put, not only when the segments are full, so that none pays for many. */
static bool evict_to_target(struct cache *c, uint32_t units, uint32_t limit)
{
    uint64_t most = (uint64_t)limit * SEGMENT_UNITS * 10 / 11;
    while (c->store.live + units > most) {
        if (!evict_one(c))
            return false;
    }
    return true;
}

static bool evict_to_clean(struct cache *c, uint32_t units)
{
    while (!worth_cleaning(&c->store, units)) {
        if (!evict_one(c))
            return store__least_live(&c->store) != SEGMENT_NONE;
    }
    return true;
}

/* ---- Cleaning -------------------------------------------------------------------------------- */

static void move_entry(struct cache *c, uint32_t from)
{
    struct entry *old = store__at(&c->store, from);
    struct key k = cache__key_of(c, old);
    uint32_t to = store__alloc(&c->store, old->units);
    memcpy(store__at(&c->store, to), old, (size_t)old->units * ENTRY_UNIT);
    table__move(&c->table, k.place, from, to);
    c->policy->ops->move(c->policy, from, to);
    store__free(&c->store, from);
}

/* Moves what lives in the emptiest segment to the open one. False when no segment could be opened.
 */
static bool clean(struct cache *c)
{
    struct store *s = &c->store;
    uint32_t index = store__least_live(s);
    MUST(index != SEGMENT_NONE);
    for (uint32_t at = 0; (at = store__next(s, index, at)) != 0;) {
        if (!store__fits(s, store__at(s, at)->units) && !store__open(s))
            return false;
        move_entry(c, at);
    }
    store__tidy(s);
    return true;
}

/* More than a tenth of what is held is dead, with some patience for small caches. */
static bool cleaning_due(const struct store *s)
{
    uint64_t held = (uint64_t)s->held * SEGMENT_UNITS;
    return held * 10 > s->live * 11 + (uint64_t)SLACK_SEGMENTS * SEGMENT_UNITS * 10 &&
           worth_cleaning(s, SEGMENT_UNITS / 16);
}

/* Where there is no memory to move what lives, it goes: the budget holds whatever happens. */
static void drop_segment(struct cache *c)
{
    uint32_t index = store__least_live(&c->store);
    if (index == SEGMENT_NONE)
        return;
    for (uint32_t at = 0; (at = store__next(&c->store, index, at)) != 0;) {
        c->counts.evictions[store__at(&c->store, at)->kind]++;
        cache__remove(c, at, MISS_EVICTED);
    }
    store__tidy(&c->store);
}

/* Gives segments back until the budget holds. Each round gains a sixteenth of a segment or more. */
static bool shrink(struct cache *c, size_t growth)
{
    uint32_t limit;
    while (c->store.held > (limit = segment_limit(c, growth))) {
        (void)evict_to_target(c, SEGMENT_UNITS / 16, limit);
        if (!evict_to_clean(c, SEGMENT_UNITS / 16))
            return false;
        if (!clean(c))
            drop_segment(c);
    }
    return true;
}

bool cache__settle(struct cache *c, uint32_t units, size_t growth)
{
    struct store *s = &c->store;
    store__tidy(s);
    if (!shrink(c, growth))
        return false;
    if (units == 0)
        return true;
    if (!evict_to_target(c, units, segment_limit(c, growth)))
        return false;
    if (store__fits(s, units))
        return true;
    for (unsigned i = 0; i < CLEANINGS_A_PUT && cleaning_due(s); i++) {
        if (!clean(c))
            return false;
    }
    if (store__fits(s, units))
        return true;
    uint32_t limit = segment_limit(c, growth);
    if (s->held < limit)
        return store__open(s);
    if (!evict_to_clean(c, units) || !clean(c))
        return false;
    return store__fits(s, units) || (s->held < limit && store__open(s));
}
