/*
 * Handing over a miss. One question is resolved by one worker of the process, the one that its name
 * and type hash to, so that many clients of one name cost the messages of one whichever sockets
 * they came in at.
 *
 *     origin                                      owner
 *     handoff__ask     ── LETTER_ASK ──────►      handoff__asked → front_query
 *     handoff__cancel  ── LETTER_CANCEL ───►      handoff__cancelled → front_cancel
 *     handoff__answered ◄───── LETTER_ANSWER ──   handoff__answer, or whatever else ends it
 *
 * A struct handoff belongs to whom the last letter was sent; each of the two links is one worker's
 * alone all the time. Every handoff comes back exactly once, with the answer or, when there is
 * none, with size 0; so it is the origin that allocates, charges and frees. A cancel names the
 * request instead of pointing, since its handoff may be on its way back. A cancel that finds the
 * mailbox full is dropped: then the answer comes and net does not know the request any more.
 *
 * Most answers fit where the query was. Longer ones are lent by the owner until the origin has sent
 * them, in its next turn. Ever so many clients may wait for one long answer, so what is lent is
 * bounded; over it the query goes back as it came, and the origin answers it itself: from the cache
 * that both share, as the answer has just been stored there.
 *
 * The owner's front names a handoff by its address and the bit that net leaves free in its names.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ops/server_internal.h"

enum {
    ANSWER_ROOM = 256, /* octets; so many handoffs wait at once that all have little */
    LENT_PART = 8,     /* of the owner's share of work.size */
};

struct handoff {
    struct list at_origin; /* in its `out` */
    struct list at_owner;  /* in its `in` while it is under way there */
    struct worker *origin;
    struct worker *owner;
    uint64_t request; /* the origin's net's */
    struct endpoint client;
    enum transport via;
    size_t query_size;
    size_t capacity; /* of `bytes` */
    uint8_t *lent;   /* an answer that is longer than `bytes`; NULL: it is there */
    size_t size;     /* of the answer; 0: none */
    bool as_it_came; /* there is none, and `bytes` are the query still */
    uint8_t bytes[]; /* the query, later the answer */
};

static const uint64_t HANDED = UINT64_C(1) << 63;

enum err handoff__init(struct worker *w)
{
    struct handoffs *hs = calloc(1, sizeof *hs);
    if (!hs)
        return ERR_NOMEM;
    for (size_t i = 0; i < HANDOFF_BUCKETS; i++) {
        list_init(&hs->out[i]);
        list_init(&hs->in[i]);
    }
    atomic_init(&hs->lent, 0);
    w->handoffs = hs;
    enum err e = mailbox_init(&w->mail.asks, MAIL_ROOM);
    return e == OK ? mailbox_init(&w->mail.sure, MAIL_ROOM) : e;
}

static size_t held(const struct handoff *h)
{
    return sizeof *h + h->capacity;
}

static void free_handoff(struct handoff *h)
{
    free(h->lent);
    free(h);
}

static void release(struct worker *origin, struct handoff *h)
{
    list_remove(&h->at_origin);
    origin->handoffs->out_count--;
    origin->work.used -= held(h);
    if (h->lent)
        atomic_fetch_sub_explicit(&h->owner->handoffs->lent, h->size, memory_order_relaxed);
    free_handoff(h);
}

/* All of its own, wherever they are: no thread runs any more, and the owner may be gone. */
void handoff__deinit(struct worker *w)
{
    if (!w->handoffs)
        return;
    for (size_t i = 0; i < HANDOFF_BUCKETS; i++) {
        struct list *node;
        while ((node = list_shift(&w->handoffs->out[i])) != NULL)
            free_handoff(CONTAINER_OF(node, struct handoff, at_origin));
    }
    mailbox_deinit(&w->mail.asks);
    mailbox_deinit(&w->mail.sure);
    free(w->handoffs);
    w->handoffs = NULL;
}

static struct list *bucket(struct list *buckets, uint64_t request)
{
    return &buckets[(request ^ request >> 32) % HANDOFF_BUCKETS];
}

/* FRONT_REPLY: it is in the worker's buffer. */
static enum front_verdict ask_front(struct worker *w, const struct handoff *h, uint64_t request,
                                    size_t *size)
{
    struct front_query query = {.bytes = h->bytes,
                                .size = h->query_size,
                                .client = h->client,
                                .via = h->via,
                                .request = request,
                                .handed = true};
    size_t capacity = h->via == TRANSPORT_UDP ? w->server->udp_payload : DNS_MESSAGE_MAX;
    return front_query(w->front, &query, w->handoffs->reply, capacity, size);
}

/* ---- At the origin --------------------------------------------------------------------------- */

static struct handoff *make(struct worker *w, const struct net_query *q)
{
    size_t capacity = q->size > ANSWER_ROOM ? q->size : ANSWER_ROOM;
    struct gauge *g = &w->work;
    size_t size = sizeof(struct handoff) + capacity;
    if (g->limit - g->used < size || g->used > g->limit)
        return NULL;
    struct handoff *h = malloc(size);
    if (!h)
        return NULL;
    *h = (struct handoff){.origin = w,
                          .request = q->request,
                          .client = q->client,
                          .via = q->via,
                          .query_size = q->size,
                          .capacity = capacity};
    memcpy(h->bytes, q->bytes, q->size);
    list_init(&h->at_owner);
    g->used += size;
    return h;
}

bool handoff__ask(struct worker *w, const struct net_query *q, struct worker *owner)
{
    struct handoffs *hs = w->handoffs;
    struct handoff *h = hs->out_count < HANDED_MAX ? make(w, q) : NULL;
    if (!h) {
        hs->refused++;
        return false;
    }
    h->owner = owner;
    list_append(bucket(hs->out, h->request), &h->at_origin);
    hs->out_count++;
    struct mail mail = {.what = h, .kind = LETTER_ASK, .from = w->number};
    if (!mailbox_post(&owner->mail.asks, &mail)) {
        release(w, h);
        hs->refused++;
        return false;
    }
    hs->handed++;
    net_post(owner->net);
    return true;
}

bool handoff__cancel(struct worker *w, uint64_t request)
{
    if (!w->handoffs)
        return false;
    LIST_EACH (it, bucket(w->handoffs->out, request)) {
        const struct handoff *h = CONTAINER_OF(it, struct handoff, at_origin);
        if (h->request != request)
            continue;
        struct mail mail = {.number = request, .kind = LETTER_CANCEL, .from = w->number};
        if (w->state != WORKER_REPORTED && mailbox_post(&h->owner->mail.asks, &mail))
            net_post(h->owner->net);
        return true;
    }
    return false;
}

/* As if it had come in just now, but not to be handed over again. */
static void ask_here(struct worker *w, const struct handoff *h)
{
    size_t size = 0;
    w->handoffs->refused++;
    enum front_verdict v = ask_front(w, h, h->request, &size);
    if (v == FRONT_REPLY)
        net_answer(w->net, h->request, w->handoffs->reply, size);
    else if (v != FRONT_PENDING)
        net_forget(w->net, h->request);
}

void handoff__answered(struct worker *w, void *what)
{
    struct handoff *h = what;
    MUST(h->origin == w);
    if (h->as_it_came)
        ask_here(w, h);
    else if (h->size > 0)
        net_answer(w->net, h->request, h->lent ? h->lent : h->bytes, h->size);
    else
        net_forget(w->net, h->request);
    release(w, h);
}

/* ---- At the owner ---------------------------------------------------------------------------- */

/* NULL: there is no memory for it, or too much is lent already. */
static uint8_t *lend(struct worker *w, size_t size)
{
    atomic_size_t *lent = &w->handoffs->lent;
    if (atomic_load_explicit(lent, memory_order_relaxed) + size > w->work.limit / LENT_PART)
        return NULL;
    uint8_t *p = malloc(size);
    if (p)
        atomic_fetch_add_explicit(lent, size, memory_order_relaxed);
    return p;
}

static void give_back(struct worker *w, struct handoff *h, const uint8_t *bytes, size_t size)
{
    if (size > h->capacity)
        h->lent = lend(w, size);
    h->as_it_came = size > h->capacity && !h->lent;
    h->size = h->as_it_came ? 0 : size;
    if (h->size > 0)
        memcpy(h->lent ? h->lent : h->bytes, bytes, size);
    worker__tell(h->origin, LETTER_ANSWER, h, w);
}

void handoff__asked(struct worker *w, void *what)
{
    struct handoff *h = what;
    size_t size = 0;
    list_append(bucket(w->handoffs->in, h->request), &h->at_owner);
    enum front_verdict v = ask_front(w, h, HANDED | (uint64_t)(uintptr_t)h, &size);
    if (v == FRONT_PENDING)
        return;
    list_remove(&h->at_owner);
    give_back(w, h, w->handoffs->reply, v == FRONT_REPLY ? size : 0);
}

bool handoff__answer(struct worker *w, uint64_t request, const uint8_t *bytes, size_t size)
{
    if (!(request & HANDED))
        return false;
    struct handoff *h = (struct handoff *)(uintptr_t)(request & ~HANDED);
    list_remove(&h->at_owner);
    give_back(w, h, bytes, size);
    return true;
}

void handoff__cancelled(struct worker *w, unsigned from, uint64_t request)
{
    LIST_EACH (it, bucket(w->handoffs->in, request)) {
        struct handoff *h = CONTAINER_OF(it, struct handoff, at_owner);
        if (h->request != request || h->origin->number != from)
            continue;
        front_cancel(w->front, HANDED | (uint64_t)(uintptr_t)h);
        list_remove(&h->at_owner);
        give_back(w, h, NULL, 0);
        return;
    }
}
