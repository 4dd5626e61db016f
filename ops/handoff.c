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
 * The owner's front names a handoff by its address and the bit that net leaves free in its names.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ops/server_internal.h"

struct handoff {
    struct list at_origin; /* in its `out` */
    struct list at_owner;  /* in its `in` while it is under way there */
    struct worker *origin;
    struct worker *owner;
    uint64_t request; /* the origin's net's */
    struct endpoint client;
    enum transport via;
    size_t query_size;
    size_t capacity;
    uint8_t *large;  /* an answer that is longer than `bytes`; NULL: it is there */
    size_t size;     /* of the answer; 0: none */
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
    w->handoffs = hs;
    enum err e = mailbox_init(&w->mail.asks, MAIL_ROOM);
    return e == OK ? mailbox_init(&w->mail.sure, MAIL_ROOM) : e;
}

static size_t held(const struct handoff *h)
{
    return sizeof *h + h->capacity;
}

static void release(struct worker *origin, struct handoff *h)
{
    list_remove(&h->at_origin);
    origin->handoffs->out_count--;
    origin->work.used -= held(h);
    free(h->large);
    free(h);
}

/* All of its own, wherever they are: no thread runs any more. */
void handoff__deinit(struct worker *w)
{
    if (!w->handoffs)
        return;
    for (size_t i = 0; i < HANDOFF_BUCKETS; i++) {
        LIST_EACH_SAFE (it, next, &w->handoffs->out[i])
            release(w, CONTAINER_OF(it, struct handoff, at_origin));
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

/* ---- At the origin --------------------------------------------------------------------------- */

static struct handoff *make(struct worker *w, const struct net_query *q)
{
    size_t payload = w->server->udp_payload;
    size_t capacity = q->size > payload ? q->size : payload;
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

void handoff__answered(struct worker *w, void *what)
{
    struct handoff *h = what;
    MUST(h->origin == w);
    if (h->size > 0)
        net_answer(w->net, h->request, h->large ? h->large : h->bytes, h->size);
    else
        net_forget(w->net, h->request);
    release(w, h);
}

/* ---- At the owner ---------------------------------------------------------------------------- */

/* No memory for a long answer: its header alone, with SERVFAIL and no sections. */
static size_t only_failure(uint8_t *out, const uint8_t *bytes)
{
    enum { HEADER = 12, RCODE_OCTET = 3, COUNTS = 4 };
    memcpy(out, bytes, HEADER);
    out[RCODE_OCTET] = (uint8_t)((out[RCODE_OCTET] & 0xf0) | RCODE_SERVFAIL);
    memset(out + COUNTS, 0, HEADER - COUNTS);
    return HEADER;
}

static void give_back(struct worker *w, struct handoff *h, const uint8_t *bytes, size_t size)
{
    h->size = size;
    if (size > h->capacity && (h->large = malloc(size)) == NULL)
        h->size = only_failure(h->bytes, bytes);
    else if (size > 0)
        memcpy(h->large ? h->large : h->bytes, bytes, size);
    worker__tell(h->origin, LETTER_ANSWER, h, w);
}

void handoff__asked(struct worker *w, void *what)
{
    struct handoff *h = what;
    size_t size = 0;
    struct front_query query = {.bytes = h->bytes,
                                .size = h->query_size,
                                .client = h->client,
                                .via = h->via,
                                .request = HANDED | (uint64_t)(uintptr_t)h,
                                .handed = true};
    size_t capacity = h->via == TRANSPORT_UDP ? w->server->udp_payload : DNS_MESSAGE_MAX;
    list_append(bucket(w->handoffs->in, h->request), &h->at_owner);
    switch (front_query(w->front, &query, w->handoffs->reply, capacity, &size)) {
    case FRONT_PENDING:
        return;
    case FRONT_REPLY:
        break;
    case FRONT_ELSEWHERE:
    case FRONT_DROP:
        size = 0;
        break;
    }
    list_remove(&h->at_owner);
    give_back(w, h, w->handoffs->reply, size);
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
