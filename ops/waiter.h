/*
 * Who waits for what a command brings, now or later: a peer of the control socket. It waits in the
 * list of what will answer it, and leaves alone by taking itself out.
 */
#ifndef OPS_WAITER_H
#define OPS_WAITER_H

#include <jansson.h>

#include "base/list.h"

struct waiter {
    struct list in_waiters; /* alone when it waits for nothing, or is being answered */
    /* Once a command; takes the reference. NULL: there was no memory. */
    void (*answer)(struct waiter *w, json_t *reply);
};

static inline void waiter_answer(struct waiter *w, json_t *reply)
{
    list_remove(&w->in_waiters);
    w->answer(w, reply);
}

/* All of a list; takes the reference. Who is answered may begin to wait anew, elsewhere. */
static inline void waiters_answer(struct list *waiters, json_t *reply)
{
    struct list *first;
    while ((first = list_shift(waiters)) != NULL)
        waiter_answer(CONTAINER_OF(first, struct waiter, in_waiters), json_incref(reply));
    json_decref(reply);
}

/* {"ok": false, "error": why} */
static inline json_t *refusal(const char *why)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

#endif
