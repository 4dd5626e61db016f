/*
 * The gauge through which the cache takes all its memory, so that one figure says what it holds and
 * a test can make any allocation fail. Folder-internal.
 */
#ifndef CACHE_MEMORY_H
#define CACHE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct memory {
    size_t held; /* octets: allocations, and the segments in use */
    size_t peak; /* the most it ever was */
    /* For tests: when not 0, the n-th growth from now fails, then counting ends. */
    size_t fail_after;
};

/* Charges `size` octets; false when a test wants this growth to fail. */
bool memory__charge(struct memory *m, size_t size);
void memory__discharge(struct memory *m, size_t size);

/* Zeroed octets, charged; NULL when they are not to be had. Freed with the same size. */
void *memory__alloc(struct memory *m, size_t size);
void memory__free(struct memory *m, void *p, size_t size);

#endif
