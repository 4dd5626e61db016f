/*
 * The shards. Linear probing; a removal closes the gap behind it, so there are no tombstones. The
 * shards begin with different capacities, so that they do not all grow in the same breath.
 */
#include "cache/table.h"

#include "base/must.h"

enum { CAPACITY_LEAST = 8 };

void table__init(struct table *t, struct memory *m)
{
    *t = (struct table){.memory = m};
}

void table__deinit(struct table *t)
{
    for (unsigned i = 0; i < TABLE_SHARDS; i++)
        memory__free(t->memory, t->shards[i].slots, t->shards[i].capacity * sizeof(struct slot));
}

static uint32_t following(const struct shard *s, uint32_t at)
{
    return at + 1 == s->capacity ? 0 : at + 1;
}

/* At most 53 of 64 slots are taken: load 0.83. */
static bool full(const struct shard *s)
{
    return ((uint64_t)s->count + 1) * 64 > (uint64_t)s->capacity * 53;
}

static uint32_t next_capacity(const struct table *t, const struct shard *s)
{
    if (s->capacity == 0)
        return CAPACITY_LEAST + (uint32_t)(s - t->shards) % CAPACITY_LEAST;
    return s->capacity + s->capacity / 8 + 1;
}

static void place_slot(struct shard *s, struct slot slot)
{
    uint32_t at = shard__home(s, slot.tag);
    while (s->slots[at].handle != 0)
        at = following(s, at);
    s->slots[at] = slot;
}

static bool rebuild(struct table *t, struct shard *s, uint32_t capacity)
{
    struct shard fresh = {.capacity = capacity, .count = s->count};
    fresh.slots = memory__alloc(t->memory, capacity * sizeof(struct slot));
    if (!fresh.slots)
        return false;
    for (uint32_t i = 0; i < s->capacity; i++) {
        if (s->slots[i].handle != 0)
            place_slot(&fresh, s->slots[i]);
    }
    memory__free(t->memory, s->slots, s->capacity * sizeof(struct slot));
    *s = fresh;
    return true;
}

size_t table__growth(struct table *t, uint64_t hash)
{
    const struct shard *s = table__shard(t, hash);
    return full(s) ? next_capacity(t, s) * sizeof(struct slot) : 0;
}

bool table__reserve(struct table *t, uint64_t hash)
{
    struct shard *s = table__shard(t, hash);
    return !full(s) || rebuild(t, s, next_capacity(t, s));
}

void table__insert(struct table *t, struct place p, uint32_t handle)
{
    struct shard *s = table__shard(t, p.hash);
    MUST(!full(s) && handle != 0);
    place_slot(s, (struct slot){.tag = p.tag, .handle = handle});
    s->count++;
}

static uint32_t find(const struct shard *s, uint32_t tag, uint32_t handle)
{
    MUST(s->count > 0);
    uint32_t at = shard__home(s, tag);
    while (s->slots[at].handle != handle) {
        MUST(s->slots[at].handle != 0);
        at = following(s, at);
    }
    return at;
}

static uint32_t distance(const struct shard *s, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + s->capacity - from;
}

/*
 * Whoever follows the gap in the same run of taken slots moves into it, unless its home lies behind
 * the gap: then it would not be found from there. Its old place is the next gap.
 */
static void close_gap(struct shard *s, uint32_t gap)
{
    for (uint32_t at = following(s, gap); s->slots[at].handle != 0; at = following(s, at)) {
        uint32_t home = shard__home(s, s->slots[at].tag);
        if (distance(s, home, at) >= distance(s, gap, at)) {
            s->slots[gap] = s->slots[at];
            gap = at;
        }
    }
    s->slots[gap] = (struct slot){0};
}

void table__remove(struct table *t, struct place p, uint32_t handle)
{
    struct shard *s = table__shard(t, p.hash);
    close_gap(s, find(s, p.tag, handle));
    s->count--;
    /* Two thirds empty: give back half. Without memory for that it stays as it is. */
    if (s->capacity > 4 * CAPACITY_LEAST && s->count < s->capacity / 3)
        (void)rebuild(t, s, s->capacity / 2);
}

void table__move(struct table *t, struct place p, uint32_t from, uint32_t to)
{
    struct shard *s = table__shard(t, p.hash);
    s->slots[find(s, p.tag, from)].handle = to;
}
