#include "tests/sim/world_sim.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cursor.h"
#include "base/heap.h"
#include "base/must.h"

enum { BUCKETS = 256 };

struct sim_event {
    struct heap_node node;
    struct sim_exchange *to;
    enum err why; /* OK: a message */
    size_t length;
    uint8_t bytes[];
};

struct sim {
    struct world world; /* first: the core's pointer is ours */
    struct world_sink sink;
    struct sim_config config;
    uint64_t now_ms;
    int64_t wall_offset_s; /* wall clock less boot-time seconds */
    uint64_t wake_at;
    uint64_t random_state;
    uint64_t sent;
    struct heap events;
    struct list exchanges;
    struct list buckets[BUCKETS];
    XXH64_state_t *hash;
    enum err refuse_why;
    unsigned refuse;
    bool turn_due;
};

static struct sim *of_world(struct world *w)
{
    return (struct sim *)(void *)w;
}

/* splitmix64: every seed gives a full-period sequence of its own. */
uint64_t sim_random(struct sim *s)
{
    uint64_t z = s->random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void hash_number(struct sim *s, uint64_t v)
{
    uint8_t b[8];
    store_u32(b, (uint32_t)(v >> 32));
    store_u32(b + 4, (uint32_t)v);
    MUST(XXH64_update(s->hash, b, sizeof b) == XXH_OK);
}

static void record(struct sim *s, struct sim_event_view e)
{
    e.at_ms = s->now_ms;
    if (!e.what)
        e.what = "";
    hash_number(s, (uint64_t)e.kind);
    hash_number(s, e.at_ms);
    hash_number(s, e.exchange ? e.exchange->sequence : 0);
    if (e.exchange && e.kind == SIM_SEND) {
        hash_number(s, (uint64_t)e.exchange->to.port << 8 | (uint64_t)e.exchange->via);
        MUST(XXH64_update(s->hash, e.exchange->to.bytes, sizeof e.exchange->to.bytes) == XXH_OK);
    }
    MUST(XXH64_update(s->hash, e.what, strlen(e.what) + 1) == XXH_OK);
    hash_number(s, e.length);
    if (e.length > 0)
        MUST(XXH64_update(s->hash, e.bytes, e.length) == XXH_OK);
    if (s->config.trace)
        s->config.trace(s->config.ctx, &e);
}

/* ---- what the core calls --------------------------------------------------------------------- */

static uint64_t op_now(struct world *w)
{
    return of_world(w)->now_ms;
}

static int64_t op_wall(struct world *w)
{
    return sim_wall(of_world(w));
}

static void op_random(struct world *w, void *out, size_t size)
{
    uint8_t *p = out;
    while (size > 0) {
        uint64_t v = sim_random(of_world(w));
        size_t n = size < sizeof v ? size : sizeof v;
        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)(v >> (8 * i));
        p += n;
        size -= n;
    }
}

static struct list *bucket_of(struct sim *s, uint64_t token)
{
    return &s->buckets[(token * 0x9e3779b97f4a7c15) >> 56];
}

static struct sim_exchange *find_token(struct sim *s, uint64_t token)
{
    struct list *head = bucket_of(s, token);
    LIST_EACH (it, head) {
        struct sim_exchange *x = CONTAINER_OF(it, struct sim_exchange, bucket);
        if (x->token == token)
            return x;
    }
    return NULL;
}

static enum err op_send(struct world *w, const struct upstream_send *m)
{
    struct sim *s = of_world(w);
    if (s->refuse > 0) {
        s->refuse--;
        return s->refuse_why;
    }
    MUST(!find_token(s, m->token)); /* a token names one exchange at a time */
    struct sim_exchange *x = calloc(1, sizeof *x);
    uint8_t *message = malloc(m->length + 1);
    if (!x || !message) {
        free(x);
        free(message);
        return ERR_NOMEM;
    }
    memcpy(message, m->message, m->length);
    *x = (struct sim_exchange){.token = m->token,
                               .to = m->to,
                               .via = m->via,
                               .message = message,
                               .length = m->length,
                               .sent_ms = s->now_ms,
                               .sequence = ++s->sent};
    list_append(&s->exchanges, &x->link);
    list_append(bucket_of(s, m->token), &x->bucket);
    record(s, (struct sim_event_view){
                  .kind = SIM_SEND, .exchange = x, .bytes = message, .length = m->length});
    if (s->config.on_send)
        s->config.on_send(s->config.ctx, s, x);
    return OK;
}

static void exchange_free(struct sim_exchange *x)
{
    list_remove(&x->link);
    list_remove(&x->bucket);
    free(x->message);
    free(x);
}

/* Takes the events of an exchange out of the heap, so that none reaches the core any more. */
static void drop_events(struct sim *s, const struct sim_exchange *x)
{
    size_t i = 0;
    while (i < s->events.count) {
        struct sim_event *e = CONTAINER_OF(s->events.nodes[i], struct sim_event, node);
        if (e->to != x) {
            i++;
            continue;
        }
        heap_remove(&s->events, &e->node);
        free(e);
        i = 0; /* the heap was put in another order */
    }
}

static void op_cancel(struct world *w, uint64_t token)
{
    struct sim *s = of_world(w);
    struct sim_exchange *x = find_token(s, token);
    MUST(x); /* the core may cancel only what it opened, once */
    record(s, (struct sim_event_view){.kind = SIM_CANCEL, .exchange = x});
    if (x->scheduled > 0)
        drop_events(s, x);
    exchange_free(x);
}

static void op_keep(struct world *w, uint64_t token, uint32_t idle_ms)
{
    struct sim_exchange *x = find_token(of_world(w), token);
    MUST(x && x->via == TRANSPORT_TCP); /* and only of what it has open */
    (void)idle_ms;
}

static void op_wake(struct world *w, uint64_t at_ms)
{
    of_world(w)->wake_at = at_ms;
}

static const struct world_ops ops = {.now_ms = op_now,
                                     .wall_s = op_wall,
                                     .random = op_random,
                                     .send = op_send,
                                     .cancel = op_cancel,
                                     .keep = op_keep,
                                     .wake = op_wake};

/* ---- what the test calls --------------------------------------------------------------------- */

enum err sim_new(struct sim **out, const struct sim_config *config)
{
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->hash = XXH64_createState();
    if (!s->hash) {
        free(s);
        return ERR_NOMEM;
    }
    MUST(XXH64_reset(s->hash, 0) == XXH_OK);
    s->world.ops = &ops;
    s->config = *config;
    s->now_ms = config->start_ms;
    s->wake_at = UINT64_MAX;
    s->random_state = config->seed;
    sim_set_wall(s, config->wall_s);
    heap_init(&s->events);
    list_init(&s->exchanges);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&s->buckets[i]);
    *out = s;
    return OK;
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    struct heap_node *n;
    while ((n = heap_first(&s->events))) {
        heap_remove(&s->events, n);
        free(CONTAINER_OF(n, struct sim_event, node));
    }
    heap_deinit(&s->events);
    LIST_EACH_SAFE (it, tmp, &s->exchanges)
        exchange_free(CONTAINER_OF(it, struct sim_exchange, link));
    XXH64_freeState(s->hash);
    free(s);
}

struct world *sim_world(struct sim *s)
{
    return &s->world;
}

void sim_connect(struct sim *s, struct world_sink sink)
{
    s->sink = sink;
}

uint64_t sim_now(const struct sim *s)
{
    return s->now_ms;
}

int64_t sim_wall(const struct sim *s)
{
    return s->wall_offset_s + (int64_t)(s->now_ms / 1000);
}

void sim_set_wall(struct sim *s, int64_t wall_s)
{
    s->wall_offset_s = wall_s - (int64_t)(s->now_ms / 1000);
}

void sim_sleep(struct sim *s, uint64_t ms)
{
    s->now_ms += ms;
}

void sim_refuse_sends(struct sim *s, unsigned count, enum err why)
{
    s->refuse = count;
    s->refuse_why = why;
}

static enum err schedule(struct sim *s, struct sim_event *e, struct sim_exchange *x,
                         uint64_t delay_ms)
{
    if (!e)
        return ERR_NOMEM;
    e->to = x;
    enum err err = heap_insert(&s->events, &e->node, s->now_ms + delay_ms);
    if (err) {
        free(e);
        return err;
    }
    x->scheduled++;
    return OK;
}

enum err sim_reply(struct sim *s, struct sim_exchange *x, const uint8_t *bytes, size_t length,
                   uint64_t delay_ms)
{
    struct sim_event *e = calloc(1, sizeof *e + length);
    if (e) {
        e->length = length;
        if (length > 0)
            memcpy(e->bytes, bytes, length);
    }
    return schedule(s, e, x, delay_ms);
}

enum err sim_fail(struct sim *s, struct sim_exchange *x, enum err why, uint64_t delay_ms)
{
    MUST(why != OK);
    struct sim_event *e = calloc(1, sizeof *e);
    if (e)
        e->why = why;
    return schedule(s, e, x, delay_ms);
}

struct sim_exchange *sim_next(struct sim *s, const struct sim_exchange *after)
{
    const struct list *next = after ? after->link.next : s->exchanges.next;
    if (next == &s->exchanges)
        return NULL;
    return CONTAINER_OF(next, struct sim_exchange, link);
}

struct sim_exchange *sim_find(struct sim *s, uint64_t sequence)
{
    for (struct sim_exchange *x = sim_next(s, NULL); x; x = sim_next(s, x)) {
        if (x->sequence == sequence)
            return x;
    }
    return NULL;
}

bool sim_outstanding(const struct sim_exchange *x)
{
    return !x->settled && x->scheduled == 0;
}

uint64_t sim_sent(const struct sim *s)
{
    return s->sent;
}

void sim_poke(struct sim *s)
{
    s->turn_due = true;
}

/* Hands one due event to the core; false when there is none. */
static bool deliver_one(struct sim *s)
{
    struct heap_node *n = heap_first(&s->events);
    if (!n || n->key > s->now_ms)
        return false;
    heap_remove(&s->events, n);
    struct sim_event *e = CONTAINER_OF(n, struct sim_event, node);
    struct sim_exchange *x = e->to;
    x->scheduled--;
    x->delivered++;
    s->turn_due = true;
    record(s, (struct sim_event_view){.kind = e->why ? SIM_FAILED : SIM_REPLY,
                                      .exchange = x,
                                      .bytes = e->bytes,
                                      .length = e->length});
    uint64_t token = x->token;
    if (e->why)
        s->sink.failed(s->sink.ctx, token, e->why);
    else
        s->sink.reply(s->sink.ctx, token, e->bytes, e->length);
    free(e);
    return true;
}

enum err sim_run_now(struct sim *s)
{
    for (unsigned round = 0; round < SIM_ROUNDS_MAX; round++) {
        while (deliver_one(s))
            continue;
        if (s->wake_at <= s->now_ms) {
            s->wake_at = UINT64_MAX;
            s->turn_due = true;
            record(s, (struct sim_event_view){.kind = SIM_WAKE});
        }
        if (!s->turn_due)
            return OK;
        s->turn_due = false;
        s->sink.turn(s->sink.ctx);
    }
    return ERR_LIMIT;
}

uint64_t sim_next_time(const struct sim *s)
{
    if (s->turn_due)
        return s->now_ms;
    uint64_t at = s->wake_at;
    struct heap_node *n = heap_first(&s->events);
    if (n && n->key < at)
        at = n->key;
    return at < s->now_ms ? s->now_ms : at;
}

enum err sim_step(struct sim *s, uint64_t until_ms, bool *moved)
{
    uint64_t at = sim_next_time(s);
    *moved = at != UINT64_MAX && at <= until_ms;
    if (!*moved)
        return OK;
    s->now_ms = at;
    return sim_run_now(s);
}

enum err sim_advance(struct sim *s, uint64_t ms)
{
    uint64_t until = s->now_ms + ms;
    for (unsigned steps = 0; steps < SIM_STEPS_MAX; steps++) {
        bool moved;
        enum err err = sim_step(s, until, &moved);
        if (err)
            return err;
        if (!moved) {
            s->now_ms = until;
            return OK;
        }
    }
    return ERR_LIMIT;
}

void sim_note(struct sim *s, const char *what, const uint8_t *bytes, size_t length)
{
    record(s, (struct sim_event_view){
                  .kind = SIM_NOTE, .what = what, .bytes = bytes, .length = length});
}

uint64_t sim_trace_hash(const struct sim *s)
{
    return XXH64_digest(s->hash);
}
