/*
 * A bounded mailbox between threads: any thread posts, one thread takes. Nobody waits and nobody
 * locks; a full mailbox refuses.
 *
 *     mailbox_init(&m, 1024);
 *     mailbox_post(&m, &mail)     any thread; false: full, and nothing was posted
 *     mailbox_take(&m, &mail)     the owner's thread; false: empty
 *
 * A letter is copied. What it points to is handed over: everything the sender wrote before posting
 * is seen by who takes it. Letters of one sender arrive in their order. Waking the owner is the
 * sender's business; who posted before he wakes is sure to be heard.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mail {
    void *what;      /* handed over; may be NULL */
    uint64_t number; /* what these two mean is the users' affair */
    unsigned kind;
    unsigned from;
};

struct mailbox_slot {
    atomic_size_t turn; /* whose it is: see mailbox.c */
    struct mail mail;
};

struct mailbox {
    struct mailbox_slot *slots;
    size_t mask;
    size_t head;    /* the owner's */
    char apart[64]; /* the tail is written by every sender: off the line that the owner reads */
    atomic_size_t tail;
};

/* Room for `count` letters, a power of two. ERR_NOMEM. */
MUST_CHECK enum err mailbox_init(struct mailbox *m, size_t count);
/* Letters still in it are lost: take them first if they own anything. Safe on one zeroed. */
void mailbox_deinit(struct mailbox *m);

bool mailbox_post(struct mailbox *m, const struct mail *mail);
bool mailbox_take(struct mailbox *m, struct mail *mail);

#endif
