/*
 * Fingerprint tables for the reasons of misses.
 */
#include "cache/ghosts.h"

enum { ROWS = CACHE_MISSES - MISS_EXPIRED };

enum err ghosts__init(struct ghosts *g, struct memory *m, size_t size)
{
    uint32_t count = (uint32_t)(size / 128 / ROWS / sizeof *g->prints);
    *g = (struct ghosts){.memory = m, .count = count};
    g->prints = memory__alloc(m, (size_t)ROWS * count * sizeof *g->prints);
    return g->prints ? OK : ERR_NOMEM;
}

void ghosts__deinit(struct ghosts *g)
{
    memory__free(g->memory, g->prints, (size_t)ROWS * g->count * sizeof *g->prints);
    g->prints = NULL;
}

static uint16_t *print_at(const struct ghosts *g, uint64_t id, unsigned row)
{
    return &g->prints[(size_t)row * g->count + ((id & UINT32_MAX) * g->count >> 32)];
}

/* Never 0, which marks an empty place. */
static uint16_t print_of(uint64_t id)
{
    uint16_t print = (uint16_t)(id >> 40);
    return print ? print : 1;
}

void ghosts__forget(struct ghosts *g, uint64_t id)
{
    for (unsigned row = 0; row < ROWS; row++) {
        uint16_t *at = print_at(g, id, row);
        if (*at == print_of(id))
            *at = 0;
    }
}

void ghosts__note(struct ghosts *g, uint64_t id, enum cache_miss reason)
{
    ghosts__forget(g, id);
    if (reason == MISS_COLD)
        return;
    *print_at(g, id, (unsigned)reason - MISS_EXPIRED) = print_of(id);
}

enum cache_miss ghosts__reason(const struct ghosts *g, uint64_t id)
{
    for (unsigned row = 0; row < ROWS; row++) {
        if (*print_at(g, id, row) == print_of(id))
            return (enum cache_miss)(MISS_EXPIRED + row);
    }
    return MISS_COLD;
}
