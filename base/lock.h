/*
 * A lock between threads: the one door to the system's, for folders that speak to the system in
 * nothing else. Held for short, straight pieces of work; never taken twice, never while another is
 * held.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>

#include "base/err.h"
#include "base/must.h"

struct lock {
    pthread_mutex_t mutex;
};

/* ERR_NOMEM. */
static inline MUST_CHECK enum err lock_init(struct lock *l)
{
    return pthread_mutex_init(&l->mutex, NULL) == 0 ? OK : ERR_NOMEM;
}

static inline void lock_deinit(struct lock *l)
{
    MUST(pthread_mutex_destroy(&l->mutex) == 0);
}

static inline void lock_take(struct lock *l)
{
    MUST(pthread_mutex_lock(&l->mutex) == 0);
}

static inline void lock_release(struct lock *l)
{
    MUST(pthread_mutex_unlock(&l->mutex) == 0);
}

#endif
