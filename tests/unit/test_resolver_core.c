/*
 * The core against a world in the test's own hands: each message it sends is kept, each reply,
 * failure and passing moment is given to it by hand. What whole conversations show is in
 * tests/scenarios/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/writer.h"
#include "resolver/limits.h"
#include "resolver/resolver.h"
#include "zones/hints.h"

enum { SENT_MAX = 256 };

struct sent {
    uint64_t token;
    struct endpoint to;
    enum transport via;
    uint8_t message[512];
    size_t size;
    bool open;
};

struct bench {
    struct world world;
    uint64_t now_ms;
    uint64_t wake_ms;
    uint64_t seed;
    bool no_ipv6; /* every send to IPv6 fails at once */
    unsigned refused;
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
    (void)w;
    return 1790000000;
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
    if (b->no_ipv6 && s->to.family == 6) {
        b->refused++;
        return ERR_IO;
    }
    assert_true(b->sent_count < SENT_MAX && s->length <= sizeof b->sent[0].message);
    struct sent *k = &b->sent[b->sent_count++];
    *k = (struct sent){
        .token = s->token, .to = s->to, .via = s->via, .size = s->length, .open = true};
    memcpy(k->message, s->message, s->length);
    return OK;
}

static void cancel(struct world *w, uint64_t token)
{
    struct bench *b = CONTAINER_OF(w, struct bench, world);
    for (unsigned i = 0; i < b->sent_count; i++)
        if (b->sent[i].token == token)
            b->sent[i].open = false;
}

static void wake(struct world *w, uint64_t at_ms)
{
    CONTAINER_OF(w, struct bench, world)->wake_ms = at_ms;
}

static const struct world_ops ops = {now_ms, wall_s, draw, keep_message, cancel, wake};

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

/* ---- Clients ------------------------------------------------------------------------------------
 */

struct asking {
    struct client client;
    unsigned told;
    uint16_t rcode;
    enum reason reason;
    unsigned answers;
    uint8_t first[64]; /* of the first answer's rdata */
};

static void on_done(struct client *c, const struct outcome *o)
{
    struct asking *a = CONTAINER_OF(c, struct asking, client);
    a->told++;
    a->rcode = o->rcode;
    a->reason = o->reason;
    a->answers = o->answer_count;
    if (o->answer_count && o->answer[0]->rdata_size - 2 <= sizeof a->first)
        memcpy(a->first, o->answer[0]->rdata + 2, o->answer[0]->rdata_size - 2);
}

static void ask(struct bench *b, struct asking *a, const char *name, uint16_t type)
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
static size_t reply_to(const struct sent *s, uint16_t flags, bool answer, uint8_t out[512])
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

static void give(struct bench *b, const struct sent *s, const uint8_t *bytes, size_t size)
{
    b->sink.reply(b->sink.ctx, s->token, bytes, size);
    b->sink.turn(b->sink.ctx);
}

static void pass_ms(struct bench *b, uint64_t ms)
{
    b->now_ms += ms;
    b->sink.turn(b->sink.ctx);
}

/* ---- Tests --------------------------------------------------------------------------------------
 */

static void a_network_without_ipv6_uses_no_budget_up(void **state)
{
    struct bench *b = *state;
    struct asking a;
    b->no_ipv6 = true;
    ask(b, &a, "www.example.com.", TYPE_A);
    while (b->refused < 13 && !a.told) {
        pass_ms(b, b->wake_ms - b->now_ms);
        if (b->sent_count > 5)
            break;
    }
    assert_true(b->refused > 0);
    assert_int_equal(a.client.budget.packets, LIMIT_PACKETS - b->sent_count);
    resolver_stop(b->r);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.reason, REASON_STOPPING);
}

static void only_the_reply_with_id_question_and_letters_counts(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512], forged[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    const struct sent *s = &b->sent[0];
    size_t size = reply_to(s, FLAG_AA, true, bytes);
    static const unsigned at[] = {0, 1, 2, 5, 13, 14};
    for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
        memcpy(forged, bytes, size);
        forged[at[i]] ^= at[i] == 2 ? 0x80 : 0x03;
        give(b, s, forged, size);
        assert_int_equal(a.told, 0);
        assert_true(s->open);
    }
    /* Another type in the question, then another class. */
    size_t end = size - 16;
    for (unsigned i = 1; i <= 3; i += 2) {
        memcpy(forged, bytes, size);
        forged[end - i] ^= 0x10;
        give(b, s, forged, size);
        assert_int_equal(a.told, 0);
    }
    assert_int_equal(resolver_counters(b->r)->reply_mismatch, 8);
    give(b, s, bytes, size);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    assert_int_equal(a.answers, 1);
}

static void letters_in_another_case_bring_tcp(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, true, bytes);
    name_lower(bytes + DNS_HEADER_SIZE, bytes + DNS_HEADER_SIZE);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    assert_int_equal(b->sent[1].via, TRANSPORT_TCP);
    assert_true(endpoint_equal(&b->sent[1].to, &b->sent[0].to));
    size = reply_to(&b->sent[1], FLAG_AA, true, bytes);
    name_lower(bytes + DNS_HEADER_SIZE, bytes + DNS_HEADER_SIZE);
    give(b, &b->sent[1], bytes, size);
    assert_int_equal(a.answers, 1);
}

static void many_clients_of_one_question_cost_one_message(void **state)
{
    struct bench *b = *state;
    enum { CLIENTS = 1000 };
    struct asking *a = calloc(CLIENTS, sizeof *a);
    uint8_t bytes[512];
    assert_non_null(a);
    for (unsigned i = 0; i < CLIENTS; i++)
        ask(b, &a[i], i % 2 ? "www.example.com." : "WWW.EXAMPLE.COM.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA, true, bytes));
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(a[i].told, 1);
    assert_int_equal(resolver_counters(b->r)->coalesced, CLIENTS - 1);
    free(a);
}

static void a_client_that_goes_is_not_told_and_the_last_one_ends_the_lookup(void **state)
{
    struct bench *b = *state;
    struct asking a[2];
    ask(b, &a[0], "www.example.com.", TYPE_A);
    ask(b, &a[1], "www.example.com.", TYPE_A);
    resolver_forget(b->r, &a[0].client);
    resolver_turn(b->r);
    assert_true(b->sent[0].open);
    resolver_forget(b->r, &a[1].client);
    resolver_turn(b->r);
    assert_false(b->sent[0].open);
    assert_int_equal(resolver_load(b->r), 0);
    assert_int_equal(a[0].told + a[1].told, 0);
}

static void a_client_is_told_at_its_deadline_at_the_latest(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint64_t start = b->now_ms;
    ask(b, &a, "www.example.com.", TYPE_A);
    while (!a.told)
        pass_ms(b, b->wake_ms - b->now_ms);
    assert_true(b->now_ms - start <= LIMIT_TIME_MS);
    assert_int_equal(a.rcode, RCODE_SERVFAIL);
}

static void late_and_double_replies_meet_nobody(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, true, bytes);
    struct sent first = b->sent[0];
    b->sink.reply(b->sink.ctx, first.token, bytes, size);
    b->sink.reply(b->sink.ctx, first.token, bytes, size);
    b->sink.failed(b->sink.ctx, first.token, ERR_REFUSED);
    b->sink.turn(b->sink.ctx);
    give(b, &first, bytes, size);
    assert_int_equal(a.told, 1);
    assert_int_equal(resolver_counters(b->r)->reply_stale, 3);
}

static void every_failing_allocation_ends_in_servfail_and_leaks_nothing(void **state)
{
    struct bench *b = *state;
    uint8_t bytes[512];
    for (size_t n = 1; n < 40; n++) {
        struct asking a = {.client.done = on_done};
        uint8_t wire[NAME_MAX_WIRE];
        char name[] = "aa.example.com.";
        name[0] = (char)('a' + n % 26);
        name[1] = (char)('a' + n / 26);
        assert_int_equal(name_from_text(name, wire), OK);
        struct question q = {.name = wire, .type = TYPE_A};
        b->sent_count = 0;
        b->work.fail_after = n;
        enum err e = resolver_ask(b->r, &q, &a.client);
        resolver_turn(b->r);
        if (b->sent_count)
            give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA, true, bytes));
        b->work.fail_after = 0;
        assert_true(e == ERR_NOMEM || a.told == 1);
        if (a.told)
            assert_true(a.answers == 1 || a.reason == REASON_WORK_SIZE);
        assert_int_equal(resolver_load(b->r), 0);
        assert_int_equal(b->work.used, 0);
    }
}

/* A referral from the zone one label up (`cut` labels skipped) to ns.c.test., with or without glue.
 */
static size_t refer(const struct sent *s, unsigned skip, bool glue, uint8_t out[512])
{
    size_t size = reply_to(s, 0, false, out);
    const uint8_t *name = s->message + DNS_HEADER_SIZE;
    uint8_t at = DNS_HEADER_SIZE;
    for (unsigned i = 0; i < skip; i++)
        at = (uint8_t)(at + 1 + s->message[at]);
    (void)name;
    static const uint8_t target[] = {2, 'n', 's', 1, 'c', 4, 't', 'e', 's', 't', 0};
    uint8_t head[] = {0xc0, at, 0, 2, 0, 1, 0, 0, 1, 44, 0, sizeof target};
    memcpy(out + size, head, sizeof head);
    size += sizeof head;
    memcpy(out + size, target, sizeof target);
    size += sizeof target;
    store_u16(out + 8, 1);
    if (!glue)
        return size;
    static const uint8_t rest[] = {0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 53};
    memcpy(out + size, target, sizeof target);
    size += sizeof target;
    memcpy(out + size, rest, sizeof rest);
    store_u16(out + 10, 1);
    return size + sizeof rest;
}

static void a_lookup_whose_last_payer_left_is_not_joined(void **state)
{
    struct bench *b = *state;
    struct asking first, second;
    uint8_t bytes[512];
    b->options.use_ipv6 = false;
    ask(b, &first, "www.a.test.", TYPE_A);
    give(b, &b->sent[0], bytes, refer(&b->sent[0], 1, false, bytes));
    assert_int_equal(b->sent_count, 2); /* ns.c.test. A */
    ask(b, &second, "www.b.test.", TYPE_A);
    assert_int_equal(b->sent_count, 3);
    first.client.budget.packets = 0;
    size_t size = refer(&b->sent[1], 1, true, bytes);
    b->sink.reply(b->sink.ctx, b->sent[1].token, bytes, size);
    size = refer(&b->sent[2], 1, false, bytes);
    b->sink.reply(b->sink.ctx, b->sent[2].token, bytes, size);
    b->sink.turn(b->sink.ctx); /* both in one batch */
    assert_int_equal(first.told, 1);
    assert_int_equal(first.reason, REASON_BUDGET_PACKETS);
    if (b->sent_count == 3)
        print_message("nothing is out; next wake-up in %llu ms\n",
                      (unsigned long long)(b->wake_ms - b->now_ms));
    assert_int_equal(b->sent_count, 4); /* ns.c.test. goes on at its own server for the second */
    resolver_stop(b->r);
}

/* Some servers make the target from the question's name as it came (www.example.com ->
 * www.example.net): the letters that 0x20 turned must not reach cache and client. */
static void letters_that_a_server_copies_into_a_target_are_put_back(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    b->options.use_ipv6 = false;
    ask(b, &a, "abcdefghijklmnop.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, false, bytes);
    uint8_t record[] = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 22};
    static const uint8_t tail[] = {3, 'n', 'e', 't', 0};
    memcpy(bytes + size, record, sizeof record);
    size += sizeof record;
    memcpy(bytes + size, bytes + DNS_HEADER_SIZE, 17); /* the label as it was sent */
    size += 17;
    memcpy(bytes + size, tail, sizeof tail);
    size += sizeof tail;
    store_u16(bytes + 6, 1);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    give(b, &b->sent[1], bytes, reply_to(&b->sent[1], FLAG_AA, true, bytes));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.answers, 2);
    assert_memory_equal(a.first,
                        "\x10"
                        "abcdefghijklmnop",
                        17);
}

/* RFC 9520: servers that cannot be reached are remembered for a second at least. */
static void a_zone_whose_servers_refuse_is_remembered_as_failing(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    static const uint8_t ref[] = {0xc0, 16, 0, 2, 0, 1, 0, 0, 1, 44, 0, 5, 2, 'n', 's', 0xc0, 16};
    static const uint8_t glue[] = {2, 'n', 's', 0xc0, 16, 0,   1, 0, 1, 0,
                                   0, 1,   44,  0,    4,  192, 0, 2, 53};
    b->options.use_ipv6 = false;
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], 0, false, bytes);
    memcpy(bytes + size, ref, sizeof ref);
    size += sizeof ref;
    memcpy(bytes + size, glue, sizeof glue);
    size += sizeof glue;
    store_u16(bytes + 8, 1);
    store_u16(bytes + 10, 1);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    b->sink.failed(b->sink.ctx, b->sent[1].token, ERR_REFUSED); /* ICMP port unreachable */
    b->sink.turn(b->sink.ctx);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_SERVFAIL);
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(a.told, 1);
    assert_int_equal(b->sent_count, 2); /* nobody was asked again */
    resolver_stop(b->r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_network_without_ipv6_uses_no_budget_up),
        TEST(only_the_reply_with_id_question_and_letters_counts),
        TEST(letters_in_another_case_bring_tcp),
        TEST(many_clients_of_one_question_cost_one_message),
        TEST(a_client_that_goes_is_not_told_and_the_last_one_ends_the_lookup),
        TEST(a_client_is_told_at_its_deadline_at_the_latest),
        TEST(late_and_double_replies_meet_nobody),
        TEST(a_lookup_whose_last_payer_left_is_not_joined),
        TEST(letters_that_a_server_copies_into_a_target_are_put_back),
        TEST(a_zone_whose_servers_refuse_is_remembered_as_failing),
        TEST(every_failing_allocation_ends_in_servfail_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
