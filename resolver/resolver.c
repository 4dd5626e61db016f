/* The resolver as a whole: made, asked, turned, stopped. */
#include "resolver/resolver.h"

#include <stdlib.h>

#include "base/must.h"
#include "resolver/lookup.h"

enum { RESOLVER_MAGIC = 0x7265736f, FIRST_BUCKETS = 256 };

enum err resolver_new(struct resolver **out, const struct resolver_config *config)
{
    MUST(config->cache && config->world && config->options && config->options->hints);
    struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->buckets = calloc(FIRST_BUCKETS, sizeof(struct lookup *));
    if (!r->buckets || keyring_new(&r->keys)) {
        free(r->buckets);
        free(r);
        return ERR_NOMEM;
    }
    r->magic = RESOLVER_MAGIC;
    r->bucket_count = FIRST_BUCKETS;
    r->config = *config;
    r->options = config->options;
    list_init(&r->ready);
    list_init(&r->detached);
    list_init(&r->waiting);
    heap_init(&r->timers);
    flows_init(&r->flows);
    *out = r;
    return OK;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    MUST(r->magic == RESOLVER_MAGIC);
    resolver_stop(r);
    flows_deinit(&r->flows);
    heap_deinit(&r->timers);
    keyring_free(r->keys);
    free(r->buckets);
    free(r->slots);
    r->magic = 0;
    free(r);
}

static void take_time(struct resolver *r)
{
    r->now_ms = world_now_ms(r->config.world);
    r->now = (uint32_t)(r->now_ms / 1000);
    clock_look(r);
}

void resolver_configure(struct resolver *r, const struct resolver_options *options)
{
    MUST(options->hints);
    r->options = options;
    take_time(r);
}

static void turn(void *ctx)
{
    resolver_turn(ctx);
}

struct world_sink resolver_sink(struct resolver *r)
{
    return (struct world_sink){
        .ctx = r,
        .reply = exchange_reply,
        .failed = exchange_failed,
        .turn = turn,
    };
}

static void budget_init(struct budget *b, uint64_t now_ms)
{
    *b = (struct budget){
        .packets = LIMIT_PACKETS,
        .bytes = LIMIT_BYTES,
        .aliases = LIMIT_ALIASES,
        .ns_lookups = LIMIT_NS_PER_QUERY,
        .checks = {.price = 3 * LIMIT_CHECK_PRICE,
                   .good = LIMIT_CHECKS_GOOD,
                   .failed = LIMIT_CHECKS_FAILED,
                   .blocks = LIMIT_HASH_BLOCKS},
        .deadline_ms = now_ms + LIMIT_TIME_MS,
    };
}

/*
 * Working memory is nearly used up: the oldest clients make way, if they have had their time. Most
 * questions are answered within it, so who waits longer asks about somebody slow, and under attack
 * that is the attack; were newcomers refused instead, it would have the server for itself. Two go
 * for each that comes, so that there is room again before there is none.
 */
static void make_way(struct resolver *r)
{
    const struct gauge *g = r->config.work;
    for (unsigned i = 0; i < 2 && g && g->used > g->limit - g->limit / 16; i++) {
        if (list_empty(&r->waiting))
            return;
        struct client *oldest = CONTAINER_OF(r->waiting.next, struct client, age);
        uint64_t since = oldest->budget.deadline_ms - LIMIT_TIME_MS;
        if (r->now_ms < since + LIMIT_MAKE_WAY_MS)
            return;
        r->counters.limit_make_way++;
        waits_detach(oldest, REASON_WORK_SIZE);
    }
}

enum err resolver_ask(struct resolver *r, const struct question *q, struct client *c)
{
    MUST(r->magic == RESOLVER_MAGIC);
    take_time(r);
    make_way(r);
    struct key_draft draft;
    unsigned flags = (q->cd ? LOOKUP_CD : 0U) | (q->cached_only ? LOOKUP_CACHED : 0U) |
                     (q->fresh ? LOOKUP_FRESH : 0U);
    enum err e = lookup__key(&draft, q->name, q->type, (uint8_t)flags);
    if (e)
        return e;
    struct lookup *l;
    bool made;
    if ((e = lookup__get(r, &draft.key, 0, &l, &made)))
        return e;
    if (!made)
        r->counters.coalesced++;
    budget_init(&c->budget, r->now_ms);
    c->timer.of_client = true;
    c->timer.node = (struct heap_node){0};
    c->reason = REASON_NONE;
    list_init(&c->link);
    list_init(&c->age);
    if ((e = heap_insert(&r->timers, &c->timer.node, c->budget.deadline_ms))) {
        lookup__check_orphan(l);
        return e;
    }
    c->lookup = l;
    list_append(&l->waits.clients, &c->link);
    list_append(&r->waiting, &c->age);
    return OK;
}

void resolver_forget(struct resolver *r, struct client *c)
{
    struct lookup *l = c->lookup;
    heap_remove(&r->timers, &c->timer.node);
    list_remove(&c->age);
    list_remove(&c->link);
    c->lookup = NULL;
    if (l)
        lookup__check_orphan(l);
}

static void expire_timers(struct resolver *r)
{
    struct heap_node *first;
    while ((first = heap_first(&r->timers)) && first->key <= r->now_ms) {
        struct timer *t = CONTAINER_OF(first, struct timer, node);
        heap_remove(&r->timers, first);
        if (t->of_client) {
            r->counters.limit_time++;
            waits_detach(CONTAINER_OF(t, struct client, timer), REASON_BUDGET_TIME);
        } else {
            struct lookup *l = CONTAINER_OF(t, struct lookup, timer);
            if (list_empty(&l->ready))
                lookup__wake(l, EVENT_TIMEOUT);
        }
    }
}

static void tell_detached(struct resolver *r)
{
    struct list *node;
    while ((node = list_shift(&r->detached))) {
        struct client *c = CONTAINER_OF(node, struct client, link);
        struct outcome o = {
            .rcode = RCODE_SERVFAIL, .reason = c->reason, .source = SOURCE_RESOLVED};
        c->done(c, &o);
    }
}

static void drain(struct resolver *r)
{
    for (;;) {
        tell_detached(r);
        struct list *node = list_shift(&r->ready);
        if (!node)
            break;
        lookup__run(CONTAINER_OF(node, struct lookup, ready));
    }
}

void resolver_turn(struct resolver *r)
{
    MUST(r->magic == RESOLVER_MAGIC);
    take_time(r);
    expire_timers(r);
    drain(r);
    const struct heap_node *first = heap_first(&r->timers);
    r->config.world->ops->wake(r->config.world, first ? first->key : UINT64_MAX);
}

void resolver_stop(struct resolver *r)
{
    take_time(r);
    for (size_t i = 0; i < r->bucket_count; i++) {
        for (struct lookup *l = r->buckets[i]; l; l = l->bucket_next) {
            LIST_EACH_SAFE (it, tmp, &l->waits.clients)
                waits_detach(CONTAINER_OF(it, struct client, link), REASON_STOPPING);
            if (l->key.flags & LOOKUP_PRIME)
                lookup__cancel(l);
        }
    }
    /* Without clients everything is orphaned, from the top down. */
    drain(r);
}

size_t resolver_load(const struct resolver *r)
{
    return r->lookup_count;
}

struct counters *resolver_counters(struct resolver *r)
{
    return &r->counters;
}
