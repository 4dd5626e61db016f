/*
 * The shards. Linear probing; a removal closes the gap behind it, so there are no tombstones. The
 * shards begin with different capacities, so that they do not all grow in the same breath.
 */
#include "cache/table.h"

#include "base/must.h"

enum { CAPACITY_LEAST = 8 };

/* ---- Slots, as their only writer sees them ----------------------------------------------------
 */

static struct slots *slots_of(const struct shard *s)
{
    return atomic_load_explicit(&s->slots, memory_order_relaxed);
}

static uint64_t load(const struct slots *s, uint32_t at)
{
    return atomic_load_explicit(&s->at[at], memory_order_relaxed);
}

/* The release is for the entry: who finds the handle finds it whole. */
static void store(struct slots *s, uint32_t at, uint64_t slot)
{
    atomic_store_explicit(&s->at[at], slot, memory_order_release);
}

static uint64_t slot_of(uint32_t tag, uint32_t handle)
{
    return (uint64_t)handle << 32 | tag;
}

static uint32_t capacity_of(const struct shard *s)
{
    const struct slots *slots = slots_of(s);
    return slots ? slots->capacity : 0;
}

static size_t octets_of(uint32_t capacity)
{
    return sizeof(struct slots) + capacity * sizeof(uint64_t);
}

static uint32_t *count_of(struct table *t, const struct shard *s)
{
    return &t->counts[s - t->shards];
}

/*
 * Between the two, `shifts` is odd. All stores between them are releases: a reader who came across
 * one sees the odd number or a later one when it looks again.
 */
static void shift_begin(struct shard *s)
{
    uint32_t shifts = atomic_load_explicit(&s->shifts, memory_order_relaxed);
    atomic_store_explicit(&s->shifts, shifts + 1, memory_order_relaxed);
}

static void shift_end(struct shard *s)
{
    uint32_t shifts = atomic_load_explicit(&s->shifts, memory_order_relaxed);
    atomic_store_explicit(&s->shifts, shifts + 1, memory_order_release);
}

/* ---- The table ------------------------------------------------------------------------------- */

void table__init(struct table *t, struct memory *m)
{
    t->memory = m;
    for (unsigned i = 0; i < TABLE_SHARDS; i++) {
        atomic_init(&t->shards[i].slots, NULL);
        atomic_init(&t->shards[i].capacity, 0);
        atomic_init(&t->shards[i].shifts, 0);
        t->counts[i] = 0;
    }
}

void table__deinit(struct table *t)
{
    for (unsigned i = 0; i < TABLE_SHARDS; i++) {
        struct slots *slots = slots_of(&t->shards[i]);
        if (slots)
            memory__free(t->memory, slots, slots->retired.size);
    }
}

static uint32_t following(const struct slots *s, uint32_t at)
{
    return at + 1 == s->capacity ? 0 : at + 1;
}

/* At most 53 of 64 slots are taken: load 0.83. */
static bool full(struct table *t, const struct shard *s)
{
    return ((uint64_t)*count_of(t, s) + 1) * 64 > (uint64_t)capacity_of(s) * 53;
}

static uint32_t next_capacity(const struct table *t, const struct shard *s)
{
    uint32_t capacity = capacity_of(s);
    if (capacity == 0)
        return CAPACITY_LEAST + (uint32_t)(s - t->shards) % CAPACITY_LEAST;
    return capacity + capacity / 8 + 1;
}

static void place_slot(struct slots *s, uint64_t slot)
{
    uint32_t at = table__home(s->capacity, slot_tag(slot));
    while (load(s, at) != 0)
        at = following(s, at);
    store(s, at, slot);
}

static bool rebuild(struct table *t, struct shard *s, uint32_t capacity)
{
    struct slots *old = slots_of(s);
    struct slots *fresh = memory__alloc(t->memory, octets_of(capacity));
    if (!fresh)
        return false;
    fresh->retired.size = octets_of(capacity);
    fresh->capacity = capacity;
    for (uint32_t i = 0; i < capacity_of(s); i++) {
        if (load(old, i) != 0)
            place_slot(fresh, load(old, i));
    }
    shift_begin(s);
    atomic_store_explicit(&s->slots, fresh, memory_order_release);
    atomic_store_explicit(&s->capacity, capacity, memory_order_release);
    shift_end(s);
    if (old)
        memory__retire(t->memory, &old->retired);
    return true;
}

size_t table__growth(struct table *t, uint64_t hash)
{
    const struct shard *s = table__shard(t, hash);
    return full(t, s) ? octets_of(next_capacity(t, s)) : 0;
}

bool table__reserve(struct table *t, uint64_t hash)
{
    struct shard *s = table__shard(t, hash);
    return !full(t, s) || rebuild(t, s, next_capacity(t, s));
}

void table__insert(struct table *t, struct place p, uint32_t handle)
{
    struct shard *s = table__shard(t, p.hash);
    MUST(!full(t, s) && handle != 0);
    place_slot(slots_of(s), slot_of(p.tag, handle));
    ++*count_of(t, s);
}

static uint32_t find(const struct slots *s, uint32_t tag, uint32_t handle)
{
    uint32_t at = table__home(s->capacity, tag);
    while (slot_handle(load(s, at)) != handle) {
        MUST(load(s, at) != 0);
        at = following(s, at);
    }
    return at;
}

static uint32_t distance(const struct slots *s, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + s->capacity - from;
}

/*
 * Whoever follows the gap in the same run of taken slots moves into it, unless its home lies behind
 * the gap: then it would not be found from there. Its old place is the next gap.
 */
static void close_gap(struct slots *s, uint32_t gap)
{
    for (uint32_t at = following(s, gap); load(s, at) != 0; at = following(s, at)) {
        uint32_t home = table__home(s->capacity, slot_tag(load(s, at)));
        if (distance(s, home, at) >= distance(s, gap, at)) {
            store(s, gap, load(s, at));
            gap = at;
        }
    }
    store(s, gap, 0);
}

void table__remove(struct table *t, struct place p, uint32_t handle)
{
    struct shard *s = table__shard(t, p.hash);
    MUST(*count_of(t, s) > 0);
    uint32_t gap = find(slots_of(s), p.tag, handle);
    shift_begin(s);
    close_gap(slots_of(s), gap);
    shift_end(s);
    --*count_of(t, s);
    /* Two thirds empty: give back half. Without memory for that it stays as it is. */
    uint32_t capacity = capacity_of(s);
    if (capacity > 4 * CAPACITY_LEAST && *count_of(t, s) < capacity / 3 &&
        memory__room(t->memory, octets_of(capacity / 2)))
        (void)rebuild(t, s, capacity / 2);
}

void table__move(struct table *t, struct place p, uint32_t from, uint32_t to)
{
    struct slots *s = slots_of(table__shard(t, p.hash));
    MUST(s);
    store(s, find(s, p.tag, from), slot_of(p.tag, to));
}
