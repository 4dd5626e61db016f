/*
 * An arena: memory for one piece of work, freed whole.
 *
 * All arenas of a server draw on one gauge, which bounds the bytes that work in progress may hold
 * (`work.size`). Growth can fail; then arena_alloc returns NULL and the caller returns ERR_NOMEM.
 * Nothing in an arena is freed singly. Not thread-safe: an arena belongs to one worker.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Bytes in use by all arenas that share it. */
struct gauge {
    size_t used;
    size_t limit;
    /* For tests: when not 0, the n-th growth from now fails, then counting ends. */
    size_t fail_after;
};

struct arena_block;

struct arena {
    struct gauge *gauge; /* borrowed; may be NULL: unbounded */
    struct arena_block *blocks;
    uint8_t *at;
    uint8_t *end;
    size_t held; /* bytes of all blocks, as charged to the gauge */
};

void arena_init(struct arena *a, struct gauge *gauge);
void arena_deinit(struct arena *a);
/* Takes over all that another holds, of the same gauge; that one is empty then. */
void arena_adopt(struct arena *a, struct arena *from);

/* `size` bytes aligned for any type, not cleared; NULL when the gauge or the system refuses. */
void *arena_alloc(struct arena *a, size_t size);

/* The same, zeroed, for `count` objects of `size` bytes; NULL also when the product overflows. */
void *arena_calloc(struct arena *a, size_t count, size_t size);

/* A copy of `size` bytes at `from`; NULL as above. `size` 0 gives a valid pointer. */
void *arena_copy(struct arena *a, const void *from, size_t size);

#endif
