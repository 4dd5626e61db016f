#include "cache/spans.h"

#include <string.h>

#include "dns/name.h"
#include "dns/types.h"

enum { ROOM_FIRST = 8, SLICE_NAMES = 8192 };

struct zone {
    struct list in_bucket;
    struct list in_use;
    size_t size; /* of this struct */
    uint16_t type;
    uint32_t count;
    uint32_t room;
    uint8_t **names; /* in canonical order; each its own octets and no more */
    uint8_t name[];  /* lower case */
};

void spans__init(struct spans *s, struct memory *m, const struct hash_key *key)
{
    *s = (struct spans){.memory = m, .key = *key};
    list_init(&s->by_use);
    for (unsigned i = 0; i < SPANS_BUCKETS; i++)
        list_init(&s->buckets[i]);
}

void spans__resize(struct spans *s, size_t budget)
{
    s->limit = budget / SPANS_SHARE;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void *take(struct spans *s, size_t size)
{
    void *p = memory__room(s->memory, size) ? memory__alloc(s->memory, size) : NULL;
    s->bytes += p ? size : 0;
    return p;
}

static void give(struct spans *s, void *p, size_t size)
{
    memory__free(s->memory, p, size);
    s->bytes -= size;
}

static void give_name(struct spans *s, uint8_t *name)
{
    give(s, name, name_size(name));
}

static void free_zone(struct spans *s, struct zone *z)
{
    list_remove(&z->in_bucket);
    list_remove(&z->in_use);
    for (uint32_t i = 0; i < z->count; i++)
        give_name(s, z->names[i]);
    if (z->names)
        give(s, z->names, z->room * sizeof *z->names);
    s->zones--;
    give(s, z, z->size);
}

void spans__deinit(struct spans *s)
{
    while (!list_empty(&s->by_use))
        free_zone(s, CONTAINER_OF(s->by_use.next, struct zone, in_use));
}

/* ---- Zones ----------------------------------------------------------------------------------- */

/* Of a name in lower case. */
static struct list *bucket_of(struct spans *s, const uint8_t *lower)
{
    return &s->buckets[hash_bytes(&s->key, lower, name_size(lower)) % SPANS_BUCKETS];
}

/* The same; it is used. */
static struct zone *find_lower(struct spans *s, const uint8_t *lower, uint16_t type)
{
    LIST_EACH (it, bucket_of(s, lower)) {
        struct zone *z = CONTAINER_OF(it, struct zone, in_bucket);
        if (z->type != type || !name_equal(z->name, lower))
            continue;
        list_remove(&z->in_use);
        list_append(&s->by_use, &z->in_use);
        return z;
    }
    return NULL;
}

static struct zone *find_zone(struct spans *s, const uint8_t *name, uint16_t type)
{
    uint8_t lower[NAME_MAX_WIRE];
    if (s->zones == 0)
        return NULL;
    name_lower(lower, name);
    return find_lower(s, lower, type);
}

int spans__deepest(struct spans *s, const uint8_t *name, unsigned least)
{
    uint8_t lower[NAME_MAX_WIRE];
    unsigned labels = name_labels(name);
    if (s->zones == 0)
        return -1;
    name_lower(lower, name);
    for (const uint8_t *at = lower; labels >= least; at = name_skip(at, 1), labels--) {
        if (find_lower(s, at, TYPE_NSEC) || find_lower(s, at, TYPE_NSEC3))
            return (int)labels;
        if (labels == 0)
            break;
    }
    return -1;
}

static struct zone *new_zone(struct spans *s, const uint8_t *name, uint16_t type)
{
    size_t size = sizeof(struct zone) + name_size(name);
    struct zone *z = take(s, size);
    if (!z)
        return NULL;
    z->size = size;
    z->type = type;
    name_lower(z->name, name);
    list_append(bucket_of(s, z->name), &z->in_bucket);
    list_append(&s->by_use, &z->in_use);
    s->zones++;
    return z;
}

/* Never the zone that was used last, which is being added to. */
static void make_room(struct spans *s)
{
    while ((s->bytes > s->limit || s->zones > SPANS_ZONES) && s->zones > 1)
        free_zone(s, CONTAINER_OF(s->by_use.next, struct zone, in_use));
}

bool spans__forget(struct spans *s, const uint8_t *below, unsigned *bucket)
{
    for (size_t work = 0; *bucket < SPANS_BUCKETS && work < SLICE_NAMES; ++*bucket) {
        LIST_EACH_SAFE (it, next, &s->buckets[*bucket]) {
            struct zone *z = CONTAINER_OF(it, struct zone, in_bucket);
            work++;
            if (below && !name_at_or_below(z->name, below))
                continue;
            work += z->count;
            free_zone(s, z);
        }
    }
    return *bucket == SPANS_BUCKETS;
}

static void forget_zone(struct spans *s, const uint8_t *name, uint16_t type)
{
    struct zone *z = find_zone(s, name, type);
    if (z)
        free_zone(s, z);
}

void spans__forget_above(struct spans *s, const uint8_t *name)
{
    for (int labels; (labels = spans__deepest(s, name, 0)) >= 0;) {
        const uint8_t *zone = name_suffix(name, (unsigned)labels);
        forget_zone(s, zone, TYPE_NSEC);
        forget_zone(s, zone, TYPE_NSEC3);
    }
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* How many names come before it, itself included if it is there. */
static uint32_t count_up_to(const struct zone *z, const uint8_t *name)
{
    uint32_t low = 0, high = z->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(z->names[middle], name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_name(struct spans *s, struct zone *z, uint32_t index)
{
    give_name(s, z->names[index]);
    z->count--;
    memmove(z->names + index, z->names + index + 1, (z->count - index) * sizeof *z->names);
}

static uint32_t next_room(uint32_t room)
{
    return room ? room + room / 2 : ROOM_FIRST;
}

size_t spans__growth(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner)
{
    const struct zone *z = find_zone(s, zone, type);
    size_t growth = name_size(owner);
    if (!z)
        growth += sizeof *z + name_size(zone);
    if (!z || z->count == z->room)
        growth += next_room(z ? z->room : 0) * sizeof *z->names;
    return growth;
}

static bool reserve(struct spans *s, struct zone *z)
{
    if (z->count < z->room)
        return true;
    uint32_t room = next_room(z->room);
    uint8_t **names = take(s, room * sizeof *names);
    if (!names)
        return false;
    if (z->names) {
        memcpy(names, z->names, z->count * sizeof *names);
        give(s, z->names, z->room * sizeof *z->names);
    }
    z->names = names;
    z->room = room;
    return true;
}

/* Which one makes way needs no secret: an attacker could fill the zone's names anyway. */
static uint32_t by_chance(struct spans *s, uint32_t below)
{
    s->chance = s->chance * UINT32_C(1664525) + UINT32_C(1013904223);
    return (s->chance >> 8) % below;
}

static bool insert(struct spans *s, struct zone *z, const uint8_t *owner)
{
    uint32_t at = count_up_to(z, owner);
    if (at > 0 && name_equal(z->names[at - 1], owner))
        return true;
    if (z->count == SPANS_PER_ZONE) {
        drop_name(s, z, by_chance(s, z->count));
        at = count_up_to(z, owner);
    }
    size_t size = name_size(owner);
    uint8_t *name = reserve(s, z) ? take(s, size) : NULL;
    if (!name)
        return false;
    name_lower(name, owner);
    memmove(z->names + at + 1, z->names + at, (z->count - at) * sizeof *z->names);
    z->names[at] = name;
    z->count++;
    return true;
}

bool spans__add(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner)
{
    struct zone *z = find_zone(s, zone, type);
    if (!z)
        z = new_zone(s, zone, type);
    bool added = z && insert(s, z, owner);
    make_room(s);
    return added;
}

const uint8_t *spans__find(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *at)
{
    struct zone *z = find_zone(s, zone, type);
    if (!z || z->count == 0)
        return NULL;
    uint32_t before = count_up_to(z, at);
    return z->names[(before > 0 ? before : z->count) - 1];
}

void spans__remove(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner)
{
    struct zone *z = find_zone(s, zone, type);
    uint32_t at = z ? count_up_to(z, owner) : 0;
    if (at == 0 || !name_equal(z->names[at - 1], owner))
        return;
    drop_name(s, z, at - 1);
    if (z->count == 0)
        free_zone(s, z);
}
