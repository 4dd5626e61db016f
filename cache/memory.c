/*
 * Counts what the cache takes from the system. Segments are charged by the store, all else is
 * allocated here.
 */
#include "cache/memory.h"

#include <stdlib.h>

#include "base/must.h"

bool memory__charge(struct memory *m, size_t size)
{
    if (m->fail_after != 0 && --m->fail_after == 0)
        return false;
    m->held += size;
    if (m->held > m->peak)
        m->peak = m->held;
    return true;
}

void memory__discharge(struct memory *m, size_t size)
{
    MUST(m->held >= size);
    m->held -= size;
}

void *memory__alloc(struct memory *m, size_t size)
{
    if (!memory__charge(m, size))
        return NULL;
    void *p = calloc(1, size);
    if (!p)
        memory__discharge(m, size);
    return p;
}

void memory__free(struct memory *m, void *p, size_t size)
{
    if (!p)
        return;
    free(p);
    memory__discharge(m, size);
}

void memory__retire(struct memory *m, struct retired *block)
{
    if (!block)
        return;
    if (!m->epoch) {
        memory__free(m, block, block->size);
        return;
    }
    block->number = epoch_retire(m->epoch);
    block->next = NULL;
    if (m->newest)
        m->newest->next = block;
    else
        m->oldest = block;
    m->newest = block;
    m->waiting += block->size;
}

void memory__reclaim(struct memory *m, uint64_t safe)
{
    while (m->oldest && m->oldest->number <= safe) {
        struct retired *block = m->oldest;
        m->oldest = block->next;
        m->waiting -= block->size;
        memory__free(m, block, block->size);
    }
    if (!m->oldest)
        m->newest = NULL;
}
