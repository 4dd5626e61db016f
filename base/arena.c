#include "base/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each block is a quarter of what is held already, so that a small piece of work costs little and a
 * big one few calls of malloc. What does not fit into a block of that size gets one of its own
 * size: of most pieces that is the first thing they need, and exactly what it holds.
 */
enum { ARENA_FIRST_BLOCK = 320, ARENA_LAST_BLOCK = 32768 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* with this header */
    _Alignas(max_align_t) uint8_t bytes[];
};

void arena_init(struct arena *a, struct gauge *gauge)
{
    *a = (struct arena){.gauge = gauge};
}

void arena_deinit(struct arena *a)
{
    struct arena_block *b = a->blocks;
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    if (a->gauge)
        a->gauge->used -= a->held;
    *a = (struct arena){.gauge = a->gauge};
}

void arena_adopt(struct arena *a, struct arena *from)
{
    struct arena_block **last = &from->blocks;
    while (*last)
        last = &(*last)->next;
    *last = a->blocks;
    a->blocks = from->blocks;
    a->held += from->held;
    if (from->end - from->at > a->end - a->at) {
        a->at = from->at;
        a->end = from->end;
    }
    *from = (struct arena){.gauge = from->gauge};
}

static bool gauge_allows(struct gauge *g, size_t size)
{
    if (!g)
        return true;
    if (g->fail_after && --g->fail_after == 0)
        return false;
    return g->used <= g->limit && size <= g->limit - g->used;
}

static bool grow(struct arena *a, size_t size)
{
    size_t want = a->held / 4 > ARENA_FIRST_BLOCK ? a->held / 4 : ARENA_FIRST_BLOCK;
    if (want > ARENA_LAST_BLOCK)
        want = ARENA_LAST_BLOCK;
    if (want < sizeof(struct arena_block) + size)
        want = sizeof(struct arena_block) + size;
    if (!gauge_allows(a->gauge, want))
        return false;
    struct arena_block *b = malloc(want);
    if (!b)
        return false;
    *b = (struct arena_block){.next = a->blocks, .size = want};
    a->blocks = b;
    a->at = b->bytes;
    a->end = (uint8_t *)b + want;
    a->held += want;
    if (a->gauge)
        a->gauge->used += want;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 4)
        return NULL;
    size = size ? (size + align - 1) & ~(align - 1) : align;
    if ((size_t)(a->end - a->at) < size && !grow(a, size))
        return NULL;
    void *p = a->at;
    a->at += size;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    void *p = arena_alloc(a, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

void *arena_copy(struct arena *a, const void *from, size_t size)
{
    void *p = arena_alloc(a, size);
    if (p && size)
        memcpy(p, from, size);
    return p;
}
