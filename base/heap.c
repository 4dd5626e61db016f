#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"

enum { HEAP_FIRST_CAPACITY = 64 };

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_deinit(struct heap *h)
{
    for (size_t i = 0; i < h->count; i++)
        h->nodes[i]->index = 0;
    free(h->nodes);
    *h = (struct heap){0};
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void put(struct heap *h, size_t at, struct heap_node *n)
{
    h->nodes[at] = n;
    n->index = at + 1;
}

static void sift_up(struct heap *h, size_t at, struct heap_node *n)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!before(n, h->nodes[parent]))
            break;
        put(h, at, h->nodes[parent]);
        at = parent;
    }
    put(h, at, n);
}

static void sift_down(struct heap *h, size_t at, struct heap_node *n)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], n))
            break;
        put(h, at, h->nodes[child]);
        at = child;
    }
    put(h, at, n);
}

static enum err grow(struct heap *h)
{
    size_t capacity = h->capacity ? 2 * h->capacity : HEAP_FIRST_CAPACITY;
    if (capacity > SIZE_MAX / sizeof(struct heap_node *))
        return ERR_NOMEM;
    struct heap_node **nodes = realloc(h->nodes, capacity * sizeof(struct heap_node *));
    if (!nodes)
        return ERR_NOMEM;
    h->nodes = nodes;
    h->capacity = capacity;
    return OK;
}

enum err heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
    MUST(!heap_holds(n));
    if (h->count == h->capacity) {
        enum err e = grow(h);
        if (e)
            return e;
    }
    n->key = key;
    n->sequence = h->sequence++;
    h->count++;
    sift_up(h, h->count - 1, n);
    return OK;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (!heap_holds(n))
        return;
    size_t at = n->index - 1;
    MUST(at < h->count && h->nodes[at] == n);
    n->index = 0;
    h->count--;
    if (at == h->count)
        return;
    struct heap_node *last = h->nodes[h->count];
    if (at > 0 && before(last, h->nodes[(at - 1) / 2]))
        sift_up(h, at, last);
    else
        sift_down(h, at, last);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
