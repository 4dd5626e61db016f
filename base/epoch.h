/*
 * Epoch reclamation: when may memory go that others still read without a lock?
 *
 * Each of the workers has a seat that only it writes. While it is online it may follow pointers
 * that others unlink meanwhile; at a moment when it holds none, it says so (quiescent), and before
 * it sleeps it goes offline. Whoever unlinks something
 *
 *     1. takes it out of reach with a release store, so that who comes later does not find it;
 *     2. calls epoch_retire, after that store, and keeps the number with the thing;
 *     3. frees it once its number is <= epoch_safe().
 *
 * The number that is handed out is one above all that a seat can show which was online at that
 * time; a seat shows it or more only when its owner has read the counter after the unlinking, and
 * then it cannot find the thing. Where epoch_safe sees a seat offline, its read-modify-write comes
 * before the worker's exchange in the seat's own order, so that the worker, once online, sees all
 * that was unlinked before. That is why both are read-modify-writes: a plain store and load would
 * need a fence each, which thread sanitizers do not understand.
 *
 * A seat is a cache line of its own: readers write nothing shared. The calls nest in nothing:
 * online while online is quiescent.
 */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/must.h"

enum { EPOCH_WORKERS_MAX = 256, EPOCH_LINE = 64 };

struct epoch_seat {
    _Alignas(EPOCH_LINE) _Atomic uint64_t seen; /* 0: offline */
};

/* Wants the alignment of EPOCH_LINE: static, on the stack, or of aligned_alloc. */
struct epoch {
    _Alignas(EPOCH_LINE) _Atomic uint64_t now;
    unsigned workers;
    struct epoch_seat seats[EPOCH_WORKERS_MAX];
};

/* All workers are offline. */
static inline void epoch_init(struct epoch *e, unsigned workers)
{
    MUST(workers > 0 && workers <= EPOCH_WORKERS_MAX);
    atomic_init(&e->now, 1);
    e->workers = workers;
    for (unsigned i = 0; i < EPOCH_WORKERS_MAX; i++)
        atomic_init(&e->seats[i].seen, 0);
}

/* From here on what the worker finds stays where it is. */
static inline void epoch_online(struct epoch *e, unsigned worker)
{
    uint64_t now = atomic_load_explicit(&e->now, memory_order_acquire);
    (void)atomic_exchange_explicit(&e->seats[worker].seen, now, memory_order_acq_rel);
}

/* The worker holds nothing any more, and looks for nothing until it is online again. */
static inline void epoch_offline(struct epoch *e, unsigned worker)
{
    atomic_store_explicit(&e->seats[worker].seen, 0, memory_order_release);
}

/* The worker, which is online, holds nothing at this moment. */
static inline void epoch_quiescent(struct epoch *e, unsigned worker)
{
    uint64_t now = atomic_load_explicit(&e->now, memory_order_acquire);
    atomic_store_explicit(&e->seats[worker].seen, now, memory_order_release);
}

/* The number of what was just unlinked. */
static inline uint64_t epoch_retire(struct epoch *e)
{
    return atomic_fetch_add_explicit(&e->now, 1, memory_order_acq_rel) + 1;
}

/* What was retired with this number or a smaller one is held by nobody. */
static inline uint64_t epoch_safe(struct epoch *e)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < e->workers; i++) {
        uint64_t seen = atomic_fetch_add_explicit(&e->seats[i].seen, 0, memory_order_acq_rel);
        if (seen != 0 && seen < least)
            least = seen;
    }
    return least;
}

#endif
