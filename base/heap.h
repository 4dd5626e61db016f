/*
 * An intrusive binary heap ordered by (key, sequence). The sequence is given out at insertion, so
 * that equal keys come out in the order they went in: without that nothing is deterministic.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct heap_node {
    uint64_t key;
    uint64_t sequence;
    size_t index; /* position + 1; 0 when in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
    uint64_t sequence;
};

void heap_init(struct heap *h);
void heap_deinit(struct heap *h); /* frees the array; the nodes are their owners' */

/* Inserts a node that is in no heap. ERR_NOMEM when the array cannot grow. */
MUST_CHECK enum err heap_insert(struct heap *h, struct heap_node *n, uint64_t key);

/* Takes a node out; nothing happens when it is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);

/* The node with the least (key, sequence), left in the heap; NULL when empty. */
struct heap_node *heap_first(const struct heap *h);

static inline bool heap_holds(const struct heap_node *n)
{
    return n->index != 0;
}

#endif
