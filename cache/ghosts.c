/*
 * Fingerprint tables for the reasons of misses.
 */
#include "cache/ghosts.h"

enum { ROWS = CACHE_MISSES - MISS_EXPIRED };

enum err ghosts__init(struct ghosts *g, struct memory *m, size_t size)
{
    uint32_t count = (uint32_t)(size / 128 / ROWS / sizeof(uint16_t));
    size_t octets = sizeof(struct prints) + (size_t)ROWS * count * sizeof(uint16_t);
    g->memory = m;
    struct prints *p = memory__alloc(m, octets);
    atomic_init(&g->prints, p);
    if (!p)
        return ERR_NOMEM;
    p->retired.size = octets;
    p->count = count;
    return OK;
}

void ghosts__deinit(struct ghosts *g)
{
    struct prints *p = atomic_load_explicit(&g->prints, memory_order_relaxed);
    if (p)
        memory__free(g->memory, p, p->retired.size);
    atomic_store_explicit(&g->prints, NULL, memory_order_relaxed);
}

void ghosts__replace(struct ghosts *g, struct ghosts *fresh)
{
    struct prints *old = atomic_load_explicit(&g->prints, memory_order_relaxed);
    struct prints *new = atomic_load_explicit(&fresh->prints, memory_order_relaxed);
    atomic_store_explicit(&g->prints, new, memory_order_release);
    atomic_store_explicit(&fresh->prints, NULL, memory_order_relaxed);
    memory__retire(g->memory, &old->retired);
}

static struct prints *prints_of(const struct ghosts *g)
{
    return atomic_load_explicit(&g->prints, memory_order_acquire);
}

static _Atomic uint16_t *print_at(struct prints *p, uint64_t id, unsigned row)
{
    return &p->at[(size_t)row * p->count + ((id & UINT32_MAX) * p->count >> 32)];
}

static uint16_t load(const _Atomic uint16_t *print)
{
    return atomic_load_explicit(print, memory_order_relaxed);
}

/* Never 0, which marks an empty place. */
static uint16_t print_of(uint64_t id)
{
    uint16_t print = (uint16_t)(id >> 40);
    return print ? print : 1;
}

void ghosts__forget(struct ghosts *g, uint64_t id)
{
    struct prints *p = prints_of(g);
    for (unsigned row = 0; row < ROWS; row++) {
        _Atomic uint16_t *at = print_at(p, id, row);
        if (load(at) == print_of(id))
            atomic_store_explicit(at, 0, memory_order_relaxed);
    }
}

void ghosts__note(struct ghosts *g, uint64_t id, enum cache_miss reason)
{
    ghosts__forget(g, id);
    if (reason == MISS_COLD)
        return;
    _Atomic uint16_t *at = print_at(prints_of(g), id, (unsigned)reason - MISS_EXPIRED);
    atomic_store_explicit(at, print_of(id), memory_order_relaxed);
}

enum cache_miss ghosts__reason(const struct ghosts *g, uint64_t id)
{
    struct prints *p = prints_of(g);
    for (unsigned row = 0; row < ROWS; row++) {
        if (load(print_at(p, id, row)) == print_of(id))
            return (enum cache_miss)(MISS_EXPIRED + row);
    }
    return MISS_COLD;
}
