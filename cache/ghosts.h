/*
 * Why something is not in the cache any more: fingerprints of what was evicted, flushed, refused or
 * thrown out past its time. Folder-internal.
 *
 * One direct-mapped table a reason, of fixed size; the newest takes the place of the oldest of its
 * slot. So the answer is right for what went lately, "cold" for what went long ago, and wrong once
 * in 65,536.
 */
#ifndef CACHE_GHOSTS_H
#define CACHE_GHOSTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "cache/cache.h"
#include "cache/memory.h"

/* Read without a lock: relaxed, as a reason may be wrong anyway. */
struct prints {
    struct retired retired;
    uint32_t count;        /* fingerprints of a row */
    _Atomic uint16_t at[]; /* a row for each reason from MISS_EXPIRED on */
};

struct ghosts {
    struct memory *memory;
    struct prints *_Atomic prints;
};

/* Sized for a budget of `size` octets: takes 1/128 of it. */
MUST_CHECK enum err ghosts__init(struct ghosts *g, struct memory *m, size_t size);
void ghosts__deinit(struct ghosts *g);
/* Takes the tables of `fresh`, which is empty then; its own go when no reader is in them. */
void ghosts__replace(struct ghosts *g, struct ghosts *fresh);

/* Remembers one reason and forgets the others; MISS_COLD forgets them all. */
void ghosts__note(struct ghosts *g, uint64_t id, enum cache_miss reason);
/* It is in the cache again. */
void ghosts__forget(struct ghosts *g, uint64_t id);
enum cache_miss ghosts__reason(const struct ghosts *g, uint64_t id);

#endif
