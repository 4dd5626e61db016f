/*
 * The core against a world in the test's own hands: each message it sends is kept; each reply,
 * failure and passing moment is given to it by hand. Shared by the tests of resolver/.
 */
#ifndef TESTS_UNIT_RESOLVER_BENCH_H
#define TESTS_UNIT_RESOLVER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/writer.h"
#include "resolver/limits.h"
#include "resolver/resolver.h"
#include "zones/hints.h"

enum { SENT_MAX = 4096 };

struct sent {
    uint64_t token;
    struct endpoint to;
    enum transport via;
    uint8_t message[512];
    size_t size;
    uint64_t at_ms;
    uint32_t idle_ms; /* said of its connection; UINT32_MAX: nothing */
    bool open;
};

struct bench {
    struct world world;
    uint64_t now_ms;
    uint64_t wake_ms;
    int64_t wall_s;
    uint64_t seed;
    bool no_ipv6;    /* every send to IPv6 fails at once */
    bool no_network; /* every send does */
    unsigned refused;
    unsigned sockets; /* that may be open at once; 0: any number */
    unsigned open;
    struct sent sent[SENT_MAX];
    unsigned sent_count;
    struct gauge work;
    struct arena arena;
    struct cache *cache;
    struct resolver_options options;
    struct resolver *r;
    struct world_sink sink;
};

static uint64_t now_ms(struct world *w)
{
    return CONTAINER_OF(w, struct bench, world)->now_ms;
}

static int64_t wall_s(struct world *w)
{
    return CONTAINER_OF(w, struct bench, world)->wall_s;
}

static void draw(struct world *w, void *out, size_t size)
{
    struct bench *b = CONTAINER_OF(w, struct bench, world);
    for (size_t i = 0; i < size; i++) {
        b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(b->seed >> 56);
    }
}

static enum err keep_message(struct world *w, const struct upstream_send *s)
{
    struct bench *b = CONTAINER_OF(w, struct bench, world);
    if (b->no_network || (b->no_ipv6 && s->to.family == 6)) {
        b->refused++;
        return ERR_IO;
    }
    if (b->sockets && b->open >= b->sockets)
        return ERR_LIMIT;
    b->open++;
    assert_true(b->sent_count < SENT_MAX && s->length <= sizeof b->sent[0].message);
    struct sent *k = &b->sent[b->sent_count++];
    *k = (struct sent){.token = s->token,
                       .to = s->to,
                       .via = s->via,
                       .size = s->length,
                       .at_ms = b->now_ms,
                       .idle_ms = UINT32_MAX,
                       .open = true};
    memcpy(k->message, s->message, s->length);
    return OK;
}

static void cancel(struct world *w, uint64_t token)
{
    struct bench *b = CONTAINER_OF(w, struct bench, world);
    for (unsigned i = 0; i < b->sent_count; i++)
        if (b->sent[i].token == token && b->sent[i].open) {
            b->sent[i].open = false;
            b->open--;
        }
}

static void keep(struct world *w, uint64_t token, uint32_t idle_ms)
{
    struct bench *b = CONTAINER_OF(w, struct bench, world);
    for (unsigned i = 0; i < b->sent_count; i++)
        if (b->sent[i].token == token)
            b->sent[i].idle_ms = idle_ms;
}

static void wake(struct world *w, uint64_t at_ms)
{
    CONTAINER_OF(w, struct bench, world)->wake_ms = at_ms;
}

static const struct world_ops ops = {now_ms, wall_s, draw, keep_message, cancel, keep, wake};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct cache_config cache = {.size = CACHE_SIZE_MIN, .policy = "lru"};
    uint8_t seed[32] = {7};
    struct delegation *hints;
    struct zone_error error;
    if (!b)
        return -1;
    b->world.ops = &ops;
    b->now_ms = 1000000;
    b->wall_s = 1790000000;
    b->work.limit = 64 << 20;
    hash_key_init(&cache.key, seed);
    arena_init(&b->arena, NULL);
    assert_int_equal(cache_new(&b->cache, &cache), OK);
    assert_int_equal(hints_load(&b->arena, NULL, &hints, &error), OK);
    b->options = (struct resolver_options){.use_ipv4 = true,
                                           .use_ipv6 = true,
                                           .randomise_case = true,
                                           .ttl_max = 86400,
                                           .negative_ttl_max = 3600,
                                           .hints = hints};
    struct resolver_config config = {.cache = b->cache,
                                     .world = &b->world,
                                     .work = &b->work,
                                     .options = &b->options,
                                     .key = cache.key};
    assert_int_equal(resolver_new(&b->r, &config), OK);
    b->sink = resolver_sink(b->r);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    resolver_free(b->r);
    assert_int_equal(b->work.used, 0);
    for (unsigned i = 0; i < b->sent_count; i++)
        assert_false(b->sent[i].open);
    cache_free(b->cache);
    arena_deinit(&b->arena);
    free(b);
    return 0;
}

/* ---- Clients --------------------------------------------------------------------------------- */

struct asking {
    struct client client;
    unsigned told;
    uint16_t rcode;
    enum reason reason;
    uint8_t security;
    unsigned answers;
    uint8_t first[64]; /* of the first answer's rdata */
};

static void on_done(struct client *c, const struct outcome *o)
{
    struct asking *a = CONTAINER_OF(c, struct asking, client);
    a->told++;
    a->rcode = o->rcode;
    a->reason = o->reason;
    a->security = o->security;
    a->answers = o->answer_count;
    if (o->answer_count && o->answer[0]->rdata_size - 2 <= sizeof a->first)
        memcpy(a->first, o->answer[0]->rdata + 2, o->answer[0]->rdata_size - 2);
}

__attribute__((unused)) static void ask(struct bench *b, struct asking *a, const char *name,
                                        uint16_t type)
{
    uint8_t wire[NAME_MAX_WIRE];
    *a = (struct asking){.client.done = on_done};
    assert_int_equal(name_from_text(name, wire), OK);
    struct question q = {.name = wire, .type = type};
    assert_int_equal(resolver_ask(b->r, &q, &a->client), OK);
    resolver_turn(b->r);
}

/* The reply to a kept message: its own octets with QR set, and an A record of the question's name
 * if `answer`. */
static inline size_t reply_to(const struct sent *s, uint16_t flags, bool answer, uint8_t out[512])
{
    size_t end = DNS_HEADER_SIZE + name_size(s->message + DNS_HEADER_SIZE) + 4;
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
    memcpy(out, s->message, end);
    store_u16(out + 2, (uint16_t)(FLAG_QR | flags));
    memset(out + 6, 0, 6);
    if (!answer)
        return end;
    store_u16(out + 6, 1);
    memcpy(out + end, record, sizeof record);
    return end + sizeof record;
}

static inline void give(struct bench *b, const struct sent *s, const uint8_t *bytes, size_t size)
{
    b->sink.reply(b->sink.ctx, s->token, bytes, size);
    b->sink.turn(b->sink.ctx);
}

static void pass_ms(struct bench *b, uint64_t ms)
{
    b->now_ms += ms;
    b->sink.turn(b->sink.ctx);
}

/* ---- A world that answers -------------------------------------------------------------------- */

/* How long the reply to a message takes; UINT64_MAX: none comes. */
typedef uint64_t rtt_fn(void *ctx, const struct sent *s);

/* Lets time pass until the client is told: replies with an address come as `rtt` says. */
static inline void live(struct bench *b, struct asking *a, rtt_fn *rtt, void *ctx)
{
    uint8_t bytes[512];
    for (unsigned moves = 0; !a->told && moves < 1000; moves++) {
        struct sent *first = NULL;
        uint64_t at = b->wake_ms;
        for (unsigned i = 0; i < b->sent_count; i++) {
            struct sent *s = &b->sent[i];
            uint64_t takes = s->open ? rtt(ctx, s) : UINT64_MAX;
            if (takes != UINT64_MAX && s->at_ms + takes < at) {
                at = s->at_ms + takes;
                first = s;
            }
        }
        if (first) {
            b->now_ms = at;
            give(b, first, bytes, reply_to(first, FLAG_AA, true, bytes));
        } else {
            pass_ms(b, at - b->now_ms);
        }
    }
    assert_int_equal(a->told, 1);
}

#endif
