/*
 * Where the entries lie: a log of segments in one reserved stretch of addresses. Folder-internal.
 *
 * Entries are written one behind the other into the open segment. Freeing one only marks it; the
 * space comes back when its segment is empty, or is cleaned: the cache moves what lives in it
 * elsewhere (space.c). Closed segments hang in buckets by their live units, so that the one that
 * costs least to clean is found at once. A segment whose entries have all gone waits until no
 * reader can be in it (base/epoch.h); segments given back leave the process's memory
 * (MADV_DONTNEED).
 */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cache/entry.h"
#include "cache/memory.h"

enum {
    SEGMENT_SIZE = 128 * 1024,
    SEGMENT_UNITS = SEGMENT_SIZE / ENTRY_UNIT,
    SEGMENT_FIRST = 1,  /* the first unit stays free, so that no entry has handle 0 */
    STORE_BUCKETS = 33, /* the first for empty segments */
};

/* Handles from here up name no entry: the policy uses them as marks in its order. */
#define STORE_HANDLE_END UINT32_C(0xfffc0000)
#define SEGMENT_NONE     UINT32_MAX

/* Kept outside its segment, so that a segment's pages can go. */
struct segment {
    uint32_t used; /* units written, dead ones included; 0: not held */
    uint32_t live; /* units of living entries */
    uint32_t next; /* in its bucket, or in the list of free or of waiting segments */
    uint32_t prev;
    uint64_t number; /* of the epoch, while it waits */
};

struct store {
    struct memory *memory;
    uint8_t *base;
    uint8_t apart[EPOCH_LINE]; /* hits read what is above, puts write what is below */
    uint32_t reserved;         /* segments that the reserved addresses have room for */
    uint32_t writable;         /* of these, how many were ever used: they come first */
    struct segment *segments;
    uint32_t capacity; /* of `segments` */
    uint32_t held;     /* those that wait too */
    uint32_t open;     /* SEGMENT_NONE: none */
    uint32_t free;     /* used once, given back */
    uint32_t waiting;
    uint32_t oldest; /* of those that wait */
    uint32_t newest;
    uint64_t live; /* units in all segments */
    uint32_t buckets[STORE_BUCKETS];
};

MUST_CHECK enum err store__init(struct store *s, struct memory *m, size_t size);
void store__deinit(struct store *s);
/* Room for the bookkeeping of `size` octets of segments. ERR_NOMEM: nothing has changed. */
MUST_CHECK enum err store__reserve(struct store *s, size_t size);

static inline struct entry *store__at(const struct store *s, uint32_t handle)
{
    return (struct entry *)(void *)(s->base + (size_t)handle * ENTRY_UNIT);
}

/* Is there room in the open segment? */
static inline bool store__fits(const struct store *s, uint32_t units)
{
    return s->open != SEGMENT_NONE && s->segments[s->open].used + units <= SEGMENT_UNITS;
}

/* Closes the open segment and opens a fresh one. False when there is no memory: nothing changed. */
bool store__open(struct store *s);
/* `units` in the open segment, which must fit. */
uint32_t store__alloc(struct store *s, uint32_t units);
void store__free(struct store *s, uint32_t handle);

/* A closed segment with the fewest live units, or SEGMENT_NONE. */
uint32_t store__least_live(const struct store *s);
/* Gives empty segments back, when all readers have passed. */
void store__tidy(struct store *s);
/* Gives back the segments that were retired up to the number. */
void store__reclaim(struct store *s, uint64_t safe);
/* The living entries of a segment in order: the first when `handle` is 0; 0 when there is no more.
 */
uint32_t store__next(const struct store *s, uint32_t segment, uint32_t handle);

#endif
