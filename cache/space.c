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

enum { CLEANINGS_A_PUT = 2, SLACK_SEGMENTS = 2, SPARE_MOST = 8 };

/*
 * What waits for readers (base/epoch.h) counts as held, so that the budget holds, but it comes back
 * by itself: nothing is evicted for its sake. Where it leaves no room, a put is refused instead,
 * and some segments more are kept for cleaning, so that this is rare.
 */
static uint32_t spare_segments(const struct cache_core *c)
{
    if (!c->memory.epoch)
        return 1;
    size_t some = c->budget / SEGMENT_SIZE / 64;
    return 1 + (uint32_t)(some < SPARE_MOST ? some : SPARE_MOST);
}

/* Segments that hold entries or may come to. */
static uint32_t in_use(const struct store *s)
{
    return s->held - s->waiting;
}

/* Segments that the budget has room for beside all else, less those for cleaning. */
static uint32_t segment_limit(const struct cache_core *c, size_t growth)
{
    size_t else_held = c->memory.held - (size_t)c->store.held * SEGMENT_SIZE + growth;
    else_held -= c->memory.waiting;
    size_t room = c->budget > else_held ? (c->budget - else_held) / SEGMENT_SIZE : 0;
    uint32_t spare = spare_segments(c);
    return room > spare ? (uint32_t)room - spare : 0;
}

static bool open_segment(struct cache_core *c, size_t growth)
{
    return memory__room(&c->memory, SEGMENT_SIZE + growth) && store__open(&c->store);
}

void cache__reclaim(struct cache_core *c)
{
    if (!c->memory.oldest && c->store.waiting == 0)
        return;
    uint64_t safe = epoch_safe(c->memory.epoch);
    memory__reclaim(&c->memory, safe);
    store__reclaim(&c->store, safe);
}

/* ---- Eviction -------------------------------------------------------------------------------- */

/* Delegations and servers are drawn on only when they hold more than their floor. */
static uint32_t choose_victim(struct cache_core *c)
{
    uint64_t floor = c->budget / 100 * CACHE_FLOOR_PERCENT / ENTRY_UNIT;
    unsigned groups = 1u << GROUP_ORDINARY;
    if (c->group_units[GROUP_SPARED] > floor)
        groups |= 1u << GROUP_SPARED;
    uint32_t handle = c->policy->ops->victim(c->policy, groups);
    return handle != 0 ? handle : c->policy->ops->victim(c->policy, 1u << GROUP_SPARED);
}

static bool evict_one(struct cache_core *c)
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
static bool evict_to_target(struct cache_core *c, uint32_t units, uint32_t limit)
{
    uint64_t most = (uint64_t)limit * SEGMENT_UNITS * 10 / 11;
    while (c->store.live + units > most) {
        if (!evict_one(c))
            return false;
    }
    return true;
}

static bool evict_to_clean(struct cache_core *c, uint32_t units)
{
    while (!worth_cleaning(&c->store, units)) {
        if (!evict_one(c))
            return store__least_live(&c->store) != SEGMENT_NONE;
    }
    return true;
}

/* ---- Cleaning -------------------------------------------------------------------------------- */

/* Readers may stamp the old one meanwhile; what they say after that is lost. */
static void copy_entry(struct entry *to, const struct entry *from)
{
    size_t behind = offsetof(struct entry, stamp) + sizeof from->stamp;
    uint32_t stamp = atomic_load_explicit(&from->stamp, memory_order_relaxed);
    memcpy(to, from, offsetof(struct entry, stamp));
    atomic_store_explicit(&to->stamp, stamp, memory_order_relaxed);
    memcpy((uint8_t *)to + behind, (const uint8_t *)from + behind,
           (size_t)from->units * ENTRY_UNIT - behind);
}

static void move_entry(struct cache_core *c, uint32_t from)
{
    struct entry *old = store__at(&c->store, from);
    struct key k = cache__key_of(c, old);
    uint32_t to = store__alloc(&c->store, old->units);
    copy_entry(store__at(&c->store, to), old);
    table__move(&c->table, k.place, from, to);
    c->policy->ops->move(c->policy, from, to);
    store__free(&c->store, from);
    c->moves++;
}

/* Moves what lives in the emptiest segment to the open one. False when no segment could be opened.
 */
static bool clean(struct cache_core *c)
{
    struct store *s = &c->store;
    uint32_t index = store__least_live(s);
    MUST(index != SEGMENT_NONE);
    for (uint32_t at = 0; (at = store__next(s, index, at)) != 0;) {
        if (!store__fits(s, store__at(s, at)->units) && !open_segment(c, 0))
            return false;
        move_entry(c, at);
    }
    store__tidy(s);
    return true;
}

/* More than a tenth of what is held is dead, with some patience for small caches. */
static bool cleaning_due(const struct store *s)
{
    uint64_t held = (uint64_t)in_use(s) * SEGMENT_UNITS;
    return held * 10 > s->live * 11 + (uint64_t)SLACK_SEGMENTS * SEGMENT_UNITS * 10 &&
           worth_cleaning(s, SEGMENT_UNITS / 16);
}

/* Where there is no memory to move what lives, it goes: the budget holds whatever happens. */
static void drop_segment(struct cache_core *c)
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

/*
 * Gives segments back until the budget holds. Each round gains a sixteenth of a segment or more.
 * False when it cannot, for now: what it cleans from waits, or there is no memory.
 */
static bool shrink(struct cache_core *c, size_t growth)
{
    uint32_t limit;
    while (in_use(&c->store) > (limit = segment_limit(c, growth))) {
        (void)evict_to_target(c, SEGMENT_UNITS / 16, limit);
        if (!memory__room(&c->memory, SEGMENT_SIZE))
            return false;
        if (!evict_to_clean(c, SEGMENT_UNITS / 16))
            return false;
        if (!clean(c))
            drop_segment(c);
    }
    if (c->memory.held <= c->budget)
        c->memory.ceiling = c->budget;
    return true;
}

bool cache__settle(struct cache_core *c, uint32_t units, size_t growth)
{
    struct store *s = &c->store;
    cache__reclaim(c);
    store__tidy(s);
    if (!shrink(c, growth))
        return units == 0 && s->waiting > 0;
    if (units == 0)
        return true;
    if (!memory__room(&c->memory, growth) || !evict_to_target(c, units, segment_limit(c, growth)))
        return false;
    if (store__fits(s, units))
        return true;
    for (unsigned i = 0; i < CLEANINGS_A_PUT && cleaning_due(s); i++) {
        if (!memory__room(&c->memory, SEGMENT_SIZE + growth))
            break;
        if (!clean(c))
            return false;
    }
    if (store__fits(s, units))
        return true;
    uint32_t limit = segment_limit(c, growth);
    if (in_use(s) < limit)
        return open_segment(c, growth);
    if (!memory__room(&c->memory, SEGMENT_SIZE + growth))
        return false;
    if (!evict_to_clean(c, units) || !clean(c))
        return false;
    return store__fits(s, units) || (in_use(s) < limit && open_segment(c, growth));
}
