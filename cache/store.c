/*
 * The segments. The addresses are reserved once, far more than any budget needs, and never move, so
 * a handle is all it takes to find an entry. Of the reservation only a first part is ever made
 * writable: as many segments as were held at once.
 */
#include "cache/store.h"

#include <string.h>
#include <sys/mman.h>

#include "base/must.h"

/* 32 GiB less what handles cannot name, if the system lets us; else less, but twice the budget. */
static enum err reserve_addresses(struct store *s, size_t size)
{
    size_t least = 2 * size;
    for (size_t want = (size_t)(STORE_HANDLE_END / SEGMENT_UNITS) * SEGMENT_SIZE; want >= least;
         want = want / 2 / SEGMENT_SIZE * SEGMENT_SIZE) {
        void *p = mmap(NULL, want, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED) {
            s->base = p;
            s->reserved = (uint32_t)(want / SEGMENT_SIZE);
            return OK;
        }
    }
    return ERR_NOMEM;
}

enum err store__init(struct store *s, struct memory *m, size_t size)
{
    *s = (struct store){.memory = m, .open = SEGMENT_NONE, .free = SEGMENT_NONE};
    s->oldest = s->newest = SEGMENT_NONE;
    for (unsigned i = 0; i < STORE_BUCKETS; i++)
        s->buckets[i] = SEGMENT_NONE;
    enum err e = store__reserve(s, size);
    if (e == OK)
        e = reserve_addresses(s, size);
    if (e != OK)
        store__deinit(s);
    return e;
}

void store__deinit(struct store *s)
{
    if (s->base)
        munmap(s->base, (size_t)s->reserved * SEGMENT_SIZE);
    memory__discharge(s->memory, (size_t)s->held * SEGMENT_SIZE);
    memory__free(s->memory, s->segments, s->capacity * sizeof *s->segments);
    *s = (struct store){.open = SEGMENT_NONE};
}

enum err store__reserve(struct store *s, size_t size)
{
    uint32_t capacity = (uint32_t)(size / SEGMENT_SIZE) + 2;
    if (capacity <= s->capacity)
        return OK;
    if (s->base && capacity > s->reserved)
        return ERR_NOMEM;
    struct segment *segments = memory__alloc(s->memory, capacity * sizeof *segments);
    if (!segments)
        return ERR_NOMEM;
    if (s->segments)
        memcpy(segments, s->segments, s->capacity * sizeof *segments);
    memory__free(s->memory, s->segments, s->capacity * sizeof *segments);
    s->segments = segments;
    s->capacity = capacity;
    return OK;
}

/* ---- Buckets --------------------------------------------------------------------------------- */

static unsigned bucket_of(uint32_t live)
{
    return live == 0 ? 0 : 1 + (live - 1) * (STORE_BUCKETS - 1) / SEGMENT_UNITS;
}

static void bucket_insert(struct store *s, uint32_t index)
{
    struct segment *g = &s->segments[index];
    uint32_t *head = &s->buckets[bucket_of(g->live)];
    g->prev = SEGMENT_NONE;
    g->next = *head;
    if (*head != SEGMENT_NONE)
        s->segments[*head].prev = index;
    *head = index;
}

static void bucket_remove(struct store *s, uint32_t index)
{
    struct segment *g = &s->segments[index];
    if (g->prev != SEGMENT_NONE)
        s->segments[g->prev].next = g->next;
    else
        s->buckets[bucket_of(g->live)] = g->next;
    if (g->next != SEGMENT_NONE)
        s->segments[g->next].prev = g->prev;
}

uint32_t store__least_live(const struct store *s)
{
    for (unsigned i = 0; i < STORE_BUCKETS; i++) {
        if (s->buckets[i] != SEGMENT_NONE)
            return s->buckets[i];
    }
    return SEGMENT_NONE;
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* A segment that nobody uses: one given back before, else the next of the reservation. */
static uint32_t take_segment(struct store *s)
{
    uint32_t index = s->free;
    if (index != SEGMENT_NONE) {
        s->free = s->segments[index].next;
        return index;
    }
    index = s->writable;
    if (index >= s->capacity || index >= s->reserved)
        return SEGMENT_NONE;
    if (mprotect(s->base + (size_t)index * SEGMENT_SIZE, SEGMENT_SIZE, PROT_READ | PROT_WRITE) != 0)
        return SEGMENT_NONE;
    s->writable++;
    return index;
}

bool store__open(struct store *s)
{
    if (!memory__charge(s->memory, SEGMENT_SIZE))
        return false;
    uint32_t index = take_segment(s);
    if (index == SEGMENT_NONE) {
        memory__discharge(s->memory, SEGMENT_SIZE);
        return false;
    }
    if (s->open != SEGMENT_NONE)
        bucket_insert(s, s->open);
    s->open = index;
    s->segments[index] = (struct segment){.used = SEGMENT_FIRST};
    s->held++;
    return true;
}

static void release(struct store *s, uint32_t index)
{
    struct segment *g = &s->segments[index];
    MUST(g->live == 0);
    /* Where the system refuses, the pages stay ours and are written anew later: no harm. */
    (void)madvise(s->base + (size_t)index * SEGMENT_SIZE, SEGMENT_SIZE, MADV_DONTNEED);
    *g = (struct segment){.next = s->free};
    s->free = index;
    s->held--;
    memory__discharge(s->memory, SEGMENT_SIZE);
}

static void retire(struct store *s, uint32_t index)
{
    struct epoch *epoch = s->memory->epoch;
    if (!epoch) {
        release(s, index);
        return;
    }
    s->segments[index].number = epoch_retire(epoch);
    s->segments[index].next = SEGMENT_NONE;
    if (s->newest != SEGMENT_NONE)
        s->segments[s->newest].next = index;
    else
        s->oldest = index;
    s->newest = index;
    s->waiting++;
}

void store__reclaim(struct store *s, uint64_t safe)
{
    while (s->oldest != SEGMENT_NONE && s->segments[s->oldest].number <= safe) {
        uint32_t index = s->oldest;
        s->oldest = s->segments[index].next;
        s->waiting--;
        release(s, index);
    }
    if (s->oldest == SEGMENT_NONE)
        s->newest = SEGMENT_NONE;
}

/* The open segment begins anew when it is empty, unless readers may still be in it. */
static void tidy_open(struct store *s)
{
    uint32_t index = s->open;
    if (index == SEGMENT_NONE || s->segments[index].live > 0 ||
        s->segments[index].used == SEGMENT_FIRST)
        return;
    s->segments[index].used = SEGMENT_FIRST;
    if (s->memory->epoch) {
        s->open = SEGMENT_NONE;
        retire(s, index);
    }
}

void store__tidy(struct store *s)
{
    while (s->buckets[0] != SEGMENT_NONE) {
        uint32_t index = s->buckets[0];
        bucket_remove(s, index);
        retire(s, index);
    }
    tidy_open(s);
}

/* ---- Entries --------------------------------------------------------------------------------- */

uint32_t store__alloc(struct store *s, uint32_t units)
{
    MUST(store__fits(s, units));
    struct segment *g = &s->segments[s->open];
    uint32_t handle = s->open * SEGMENT_UNITS + g->used;
    g->used += units;
    g->live += units;
    s->live += units;
    store__at(s, handle)->units = (uint16_t)units;
    return handle;
}

void store__free(struct store *s, uint32_t handle)
{
    struct entry *e = store__at(s, handle);
    uint32_t index = handle / SEGMENT_UNITS;
    struct segment *g = &s->segments[index];
    MUST(!entry_dead(e) && g->live >= e->units);
    bool listed = index != s->open && bucket_of(g->live) != bucket_of(g->live - e->units);
    if (listed)
        bucket_remove(s, index);
    e->newer = e->older = ENTRY_NONE;
    g->live -= e->units;
    s->live -= e->units;
    if (listed)
        bucket_insert(s, index);
}

uint32_t store__next(const struct store *s, uint32_t segment, uint32_t handle)
{
    uint32_t first = segment * SEGMENT_UNITS;
    uint32_t end = first + s->segments[segment].used;
    uint32_t at = handle == 0 ? first + SEGMENT_FIRST : handle + store__at(s, handle)->units;
    while (at < end) {
        const struct entry *e = store__at(s, at);
        if (!entry_dead(e))
            return at;
        at += e->units;
    }
    return 0;
}
