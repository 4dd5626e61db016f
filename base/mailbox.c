/*
 * Positions count up for ever; position p lies in slot p & mask. A slot's `turn` says what may be
 * done with it next: `turn == p` it is free for the sender who takes position p; `turn == p + 1`
 * the letter of position p is in it; once that is taken, `turn` becomes p + count, the position
 * that comes to this slot in the next round. So a sender who finds an older turn knows that the
 * ring is full, and the owner who does not find his that it is empty, or that the next sender has
 * taken his position but not yet filled it: that one wakes the owner afterwards.
 *
 * The release store of `turn` after the letter was written, read with acquire by who uses the slot
 * next, carries the letter and all behind it. `tail` itself carries nothing: relaxed.
 */
#include "base/mailbox.h"

#include <stdlib.h>

#include "base/must.h"

enum err mailbox_init(struct mailbox *m, size_t count)
{
    MUST(count > 1 && (count & (count - 1)) == 0);
    m->slots = calloc(count, sizeof *m->slots);
    if (!m->slots)
        return ERR_NOMEM;
    m->mask = count - 1;
    m->head = 0;
    atomic_init(&m->tail, 0);
    for (size_t i = 0; i < count; i++)
        atomic_init(&m->slots[i].turn, i);
    return OK;
}

void mailbox_deinit(struct mailbox *m)
{
    free(m->slots);
    m->slots = NULL;
}

/* The slot of the next position, which becomes ours; NULL when the ring is full. */
static struct mailbox_slot *claim(struct mailbox *m, size_t *position)
{
    size_t p = atomic_load_explicit(&m->tail, memory_order_relaxed);
    for (;;) {
        struct mailbox_slot *slot = &m->slots[p & m->mask];
        size_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == p) {
            *position = p;
            if (atomic_compare_exchange_weak_explicit(&m->tail, &p, p + 1, memory_order_relaxed,
                                                      memory_order_relaxed))
                return slot;
        } else if ((ptrdiff_t)(turn - p) < 0) {
            return NULL;
        } else {
            p = atomic_load_explicit(&m->tail, memory_order_relaxed); /* others were quicker */
        }
    }
}

bool mailbox_post(struct mailbox *m, const struct mail *mail)
{
    size_t position;
    struct mailbox_slot *slot = claim(m, &position);
    if (!slot)
        return false;
    slot->mail = *mail;
    atomic_store_explicit(&slot->turn, position + 1, memory_order_release);
    return true;
}

bool mailbox_take(struct mailbox *m, struct mail *mail)
{
    struct mailbox_slot *slot = &m->slots[m->head & m->mask];
    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != m->head + 1)
        return false;
    *mail = slot->mail;
    atomic_store_explicit(&slot->turn, m->head + m->mask + 1, memory_order_release);
    m->head++;
    return true;
}
