/*
 * The gauge through which the cache takes all its memory, so that one figure says what it holds and
 * a test can make any allocation fail. Folder-internal.
 */
#ifndef CACHE_MEMORY_H
#define CACHE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/epoch.h"

/* What begins each block that readers without a lock may be in when it is replaced. */
struct retired {
    struct retired *next;
    uint64_t number; /* of the epoch */
    size_t size;     /* of the whole block */
};

struct memory {
    struct epoch *epoch; /* NULL: no readers but the writer */
    size_t held;         /* octets: allocations, and the segments in use; those that wait too */
    size_t peak;         /* the most it ever was */
    size_t ceiling;      /* with an epoch: see memory__room */
    size_t waiting;      /* octets of the retired blocks */
    struct retired *oldest;
    struct retired *newest;
    /* For tests: when not 0, the n-th growth from now fails, then counting ends. */
    size_t fail_after;
};

/* Charges `size` octets; false when a test wants this growth to fail. */
bool memory__charge(struct memory *m, size_t size);
void memory__discharge(struct memory *m, size_t size);

/* Zeroed octets, charged; NULL when they are not to be had. Freed with the same size. */
void *memory__alloc(struct memory *m, size_t size);
void memory__free(struct memory *m, void *p, size_t size);

/* Is there room for `size` more while things wait for readers? Always, if nothing ever waits. */
static inline bool memory__room(const struct memory *m, size_t size)
{
    return !m->epoch || m->held + size <= m->ceiling;
}

/* Frees a block that was just unlinked: when all readers have passed, without an epoch at once. */
void memory__retire(struct memory *m, struct retired *block);
/* Frees what was retired up to the number. */
void memory__reclaim(struct memory *m, uint64_t safe);

#endif
