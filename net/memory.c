#include "net/internal.h"

#include <stdlib.h>

void *net__alloc(struct gauge *g, size_t size)
{
    if (g->fail_after != 0 && --g->fail_after == 0)
        return NULL;
    if (g->used > g->limit || size > g->limit - g->used)
        return NULL;
    void *p = malloc(size);
    if (p != NULL)
        g->used += size;
    return p;
}

void net__release(struct gauge *g, void *p, size_t size)
{
    if (p == NULL)
        return;
    g->used -= size;
    free(p);
}
