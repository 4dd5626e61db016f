/* How much is under way at a zone and at a server (resolver/flow.h). */
#include "resolver/lookup.h"
#include "tests/unit/resolver_bench.h"

/* The cache knows `zone` by one server, 192.0.2.`host`. */
static void know_zone(struct bench *b, const char *zone, uint8_t host)
{
    uint8_t name[NAME_MAX_WIRE], ns[NAME_MAX_WIRE] = "\2ns";
    assert_int_equal(name_from_text(zone, name), OK);
    name_copy(ns + 3, name);
    struct delegation d = {.zone = name,
                           .expiry = (uint32_t)(b->now_ms / 1000) + 86400,
                           .ns_count = 1,
                           .address_count = 1,
                           .ns = {ns}};
    d.address[0].at =
        (struct endpoint){.family = 4, .bytes = {198, 51, 100, host}, .port = DNS_PORT};
    cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000));
}

/* `count` clients, each asking a name of its own below the zone. */
static struct asking *ask_many(struct bench *b, const char *zone, unsigned count)
{
    static unsigned number;
    struct asking *a = calloc(count, sizeof *a);
    char name[64];
    assert_non_null(a);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%u.%s", number++, zone);
        ask(b, &a[i], name, TYPE_A);
    }
    return a;
}

static unsigned told(const struct asking *a, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += a[i].told;
    return n;
}

static unsigned answered(const struct asking *a, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += a[i].told && a[i].rcode == RCODE_NOERROR;
    return n;
}

static unsigned busy(const struct asking *a, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += a[i].told && a[i].reason == REASON_BUSY;
    return n;
}

static unsigned open_now(const struct bench *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->sent_count; i++)
        n += b->sent[i].open;
    return n;
}

/* Answers the first `most` messages that are open. */
static void answer_some(struct bench *b, unsigned most)
{
    uint8_t bytes[512];
    for (unsigned i = 0; i < b->sent_count && most > 0; i++) {
        if (!b->sent[i].open)
            continue;
        size_t size = reply_to(&b->sent[i], FLAG_AA, true, bytes);
        give(b, &b->sent[i], bytes, size);
        most--;
    }
}

/* Lets time pass to the next wake-up, as often as it takes. */
static void pass_all(struct bench *b, uint64_t ms)
{
    uint64_t until = b->now_ms + ms;
    while (b->wake_ms <= until)
        pass_ms(b, b->wake_ms > b->now_ms ? b->wake_ms - b->now_ms : 1);
    pass_ms(b, until - b->now_ms);
}

static void finish(struct bench *b, struct asking *a, struct asking *more)
{
    resolver_stop(b->r);
    free(a);
    free(more);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_server_is_sent_no_more_than_its_limit_at_once(void **state)
{
    struct bench *b = *state;
    know_zone(b, "slow.example.", 1);
    struct asking *a = ask_many(b, "slow.example.", 150);
    assert_int_equal(open_now(b), LIMIT_SERVER_FLOW);
    assert_int_equal(told(a, 150), 0);
    finish(b, a, NULL);
}

static void a_zone_of_many_servers_holds_no_more_than_its_limit(void **state)
{
    struct bench *b = *state;
    uint8_t zone[NAME_MAX_WIRE], ns[NAME_MAX_WIRE];
    assert_int_equal(name_from_text("wide.example.", zone), OK);
    assert_int_equal(name_from_text("ns.wide.example.", ns), OK);
    struct delegation d = {
        .zone = zone, .expiry = UINT32_MAX, .ns_count = 1, .address_count = 4, .ns = {ns}};
    for (unsigned i = 0; i < 4; i++)
        d.address[i].at = (struct endpoint){
            .family = 4, .bytes = {198, 51, 100, (uint8_t)(1 + i)}, .port = DNS_PORT};
    cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000));
    know_zone(b, "next.wide.example.", 9);
    struct asking *a = ask_many(b, "wide.example.", LIMIT_ZONE_FLOW + 50);
    assert_int_equal(open_now(b), LIMIT_ZONE_FLOW);
    /* A zone below it is another. */
    struct asking *c = ask_many(b, "next.wide.example.", 10);
    assert_int_equal(open_now(b), LIMIT_ZONE_FLOW + 10);
    finish(b, a, c);
}

static void a_burst_at_a_zone_that_answers_waits_in_line_and_is_answered(void **state)
{
    struct bench *b = *state;
    know_zone(b, "good.example.", 1);
    struct asking *a = ask_many(b, "good.example.", 900);
    for (unsigned i = 0; i < 30 && told(a, 900) < 900; i++) {
        pass_ms(b, 20);
        answer_some(b, 900);
    }
    assert_int_equal(answered(a, 900), 900);
    assert_int_equal(resolver_counters(b->r)->limit_server_flow, 0);
    assert_int_equal(resolver_counters(b->r)->limit_zone_flow, 0);
    finish(b, a, NULL);
}

static void answers_raise_the_limit_while_it_is_in_use(void **state)
{
    struct bench *b = *state;
    know_zone(b, "good.example.", 1);
    struct asking *a = ask_many(b, "good.example.", 900);
    assert_int_equal(open_now(b), LIMIT_SERVER_FLOW);
    answer_some(b, 50);
    assert_in_range(open_now(b), LIMIT_SERVER_FLOW + 40, LIMIT_SERVER_FLOW + 50);
    finish(b, a, NULL);
}

static void silence_lowers_the_limit_and_newcomers_fail_at_once(void **state)
{
    struct bench *b = *state;
    know_zone(b, "dead.example.", 1);
    struct asking *a = ask_many(b, "dead.example.", 100);
    pass_all(b, 1000);
    b->sent_count = 0; /* what is open stays open in the core, not here */
    struct asking *c = ask_many(b, "dead.example.", 100);
    assert_int_equal(busy(c, 100), 100);
    assert_int_equal(open_now(b), 0);
    finish(b, a, c);
}

static void a_zone_that_answers_again_gets_its_room_back(void **state)
{
    struct bench *b = *state;
    know_zone(b, "dead.example.", 1);
    struct asking *a = ask_many(b, "dead.example.", 100);
    pass_all(b, 7000);
    assert_int_equal(told(a, 100), 100);
    free(a);
    unsigned ok = 0;
    for (unsigned i = 0; i < 12; i++) {
        a = ask_many(b, "dead.example.", 90);
        pass_ms(b, 20);
        answer_some(b, 4000);
        pass_ms(b, 20);
        answer_some(b, 4000);
        ok = answered(a, 90);
        pass_all(b, 7000);
        free(a);
    }
    assert_int_equal(ok, 90);
}

static void who_waited_the_whole_time_fails_alone(void **state)
{
    struct bench *b = *state;
    know_zone(b, "far.example.", 1);
    struct endpoint at = {.family = 4, .bytes = {198, 51, 100, 1}, .port = DNS_PORT};
    resolver_turn(b->r);
    servers_measured(b->r, &at, 1400);
    struct asking *a = ask_many(b, "far.example.", LIMIT_SERVER_FLOW);
    struct asking *late = ask_many(b, "far.example.", 1);
    pass_ms(b, LIMIT_FLOW_WAIT_MS - 1);
    assert_int_equal(told(late, 1), 0);
    pass_ms(b, 1);
    assert_int_equal(busy(late, 1), 1);
    assert_int_equal(told(a, LIMIT_SERVER_FLOW), 0);
    assert_int_equal(resolver_counters(b->r)->limit_server_flow, 1);
    finish(b, a, late);
}

static void a_moment_of_silence_fails_nobody_who_is_in(void **state)
{
    struct bench *b = *state;
    know_zone(b, "shaky.example.", 1);
    struct asking *a = ask_many(b, "shaky.example.", LIMIT_SERVER_FLOW);
    pass_all(b, 1000);
    assert_int_equal(told(a, LIMIT_SERVER_FLOW), 0);
    answer_some(b, 4000);
    assert_int_equal(answered(a, LIMIT_SERVER_FLOW), LIMIT_SERVER_FLOW);
    finish(b, a, NULL);
}

static void who_waits_in_line_may_go(void **state)
{
    struct bench *b = *state;
    know_zone(b, "slow.example.", 1);
    struct asking *a = ask_many(b, "slow.example.", LIMIT_SERVER_FLOW + 3);
    for (unsigned i = LIMIT_SERVER_FLOW; i < LIMIT_SERVER_FLOW + 2; i++)
        resolver_forget(b->r, &a[i].client);
    resolver_turn(b->r);
    answer_some(b, 1);
    assert_int_equal(open_now(b), LIMIT_SERVER_FLOW);
    assert_int_equal(b->sent_count, LIMIT_SERVER_FLOW + 1);
    finish(b, a, NULL);
}

static void the_line_has_an_end(void **state)
{
    struct bench *b = *state;
    know_zone(b, "slow.example.", 1);
    struct asking *a = ask_many(b, "slow.example.", LIMIT_SERVER_FLOW + LIMIT_FLOW_LINE + 5);
    assert_int_equal(busy(a, LIMIT_SERVER_FLOW + LIMIT_FLOW_LINE + 5), 5);
    finish(b, a, NULL);
}

static void root_and_top_level_servers_begin_without_limit(void **state)
{
    struct bench *b = *state;
    know_zone(b, "example.", 1);
    struct asking *a = ask_many(b, "example.", 500);
    assert_int_equal(open_now(b), 500);
    struct asking *c = ask_many(b, "elsewhere.", 500);
    assert_int_equal(open_now(b), 1000);
    finish(b, a, c);
}

static void forwarders_begin_without_limit(void **state)
{
    struct bench *b = *state;
    uint8_t zone[NAME_MAX_WIRE];
    assert_int_equal(name_from_text("corp.example.", zone), OK);
    struct endpoint at = {.family = 4, .bytes = {192, 0, 2, 53}, .port = DNS_PORT};
    struct stub_zone forward = {.name = zone, .servers = &at, .server_count = 1, .forward = true};
    b->options.stubs = &forward;
    b->options.stub_count = 1;
    resolver_configure(b->r, &b->options);
    struct asking *a = ask_many(b, "corp.example.", 500);
    assert_int_equal(open_now(b), 500);
    finish(b, a, NULL);
}

static void a_dead_top_level_zone_is_limited_too(void **state)
{
    struct bench *b = *state;
    know_zone(b, "dead.", 1);
    struct asking *a = ask_many(b, "dead.", 200);
    pass_all(b, 1000);
    struct asking *c = ask_many(b, "dead.", 50);
    assert_int_equal(busy(c, 50), 50);
    finish(b, a, c);
}

/* A tenth of the packets is lost each way, so a fifth of the messages has no answer. As soon as one
 * client is told another asks. */
static void packets_lost_on_the_way_close_no_zone(void **state)
{
    enum { CLIENTS = 64, MESSAGES = 3900 };
    struct bench *b = *state;
    know_zone(b, "lossy.", 1);
    struct asking *a = ask_many(b, "lossy.", CLIENTS);
    uint8_t bytes[512];
    char name[64];
    uint32_t chance = 7;
    for (unsigned seen = 0, next = 0; seen < MESSAGES; pass_all(b, 20)) {
        for (; seen < b->sent_count; seen++) {
            chance = chance * 1664525 + 1013904223;
            if ((chance >> 16) % 100 >= 19 && b->sent[seen].open)
                give(b, &b->sent[seen], bytes, reply_to(&b->sent[seen], FLAG_AA, true, bytes));
        }
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (!a[i].told)
                continue;
            assert_int_not_equal(a[i].reason, REASON_BUSY);
            snprintf(name, sizeof name, "m%u.lossy.", next++);
            ask(b, &a[i], name, TYPE_A);
        }
    }
    assert_int_equal(resolver_counters(b->r)->limit_zone_flow, 0);
    assert_int_equal(resolver_counters(b->r)->limit_server_flow, 0);
    finish(b, a, NULL);
}

static void a_moment_in_which_nothing_comes_turns_no_newcomer_away(void **state)
{
    struct bench *b = *state;
    know_zone(b, "busy.", 1);
    struct asking *a = ask_many(b, "busy.", 200);
    answer_some(b, 50);
    pass_all(b, 400); /* the share falls below that of a zone that lives, and the limit with it */
    struct asking *c = ask_many(b, "busy.", 50);
    assert_int_equal(told(c, 50), 0);
    for (unsigned i = 0; i < 20; i++) {
        answer_some(b, 400);
        pass_all(b, 20);
    }
    assert_int_equal(answered(a, 200), 200);
    assert_int_equal(answered(c, 50), 50);
    finish(b, a, c);
}

static void a_server_that_is_full_is_asked_after_the_others(void **state)
{
    struct bench *b = *state;
    know_zone(b, "slow.example.", 1);
    struct asking *a = ask_many(b, "slow.example.", LIMIT_SERVER_FLOW);
    uint8_t zone[NAME_MAX_WIRE], ns[NAME_MAX_WIRE];
    assert_int_equal(name_from_text("two.example.", zone), OK);
    assert_int_equal(name_from_text("ns.two.example.", ns), OK);
    struct delegation d = {
        .zone = zone, .expiry = UINT32_MAX, .ns_count = 1, .address_count = 2, .ns = {ns}};
    for (unsigned i = 0; i < 2; i++)
        d.address[i].at = (struct endpoint){
            .family = 4, .bytes = {198, 51, 100, (uint8_t)(1 + i)}, .port = DNS_PORT};
    cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000));
    struct asking *c = ask_many(b, "two.example.", 50);
    assert_int_equal(open_now(b), LIMIT_SERVER_FLOW + 50);
    for (unsigned i = LIMIT_SERVER_FLOW; i < b->sent_count; i++)
        assert_int_equal(b->sent[i].to.bytes[3], 2);
    finish(b, a, c);
}

static void without_a_free_socket_a_question_waits_for_one(void **state)
{
    struct bench *b = *state;
    know_zone(b, "good.example.", 1);
    b->sockets = 5;
    struct asking *a = ask_many(b, "good.example.", 60);
    assert_int_equal(open_now(b), 5);
    for (unsigned i = 0; i < 60; i++) {
        pass_ms(b, 10);
        answer_some(b, 1);
    }
    assert_int_equal(answered(a, 60), 60);
    assert_int_equal(resolver_counters(b->r)->limit_sockets, 0);
    finish(b, a, NULL);
}

static void a_question_waits_for_a_socket_only_so_long(void **state)
{
    struct bench *b = *state;
    know_zone(b, "far.example.", 1);
    struct endpoint at = {.family = 4, .bytes = {198, 51, 100, 1}, .port = DNS_PORT};
    resolver_turn(b->r);
    servers_measured(b->r, &at, 1400);
    b->sockets = 1;
    struct asking *a = ask_many(b, "far.example.", 2);
    pass_ms(b, LIMIT_FLOW_WAIT_MS - 1);
    assert_int_equal(told(a, 2), 0);
    pass_ms(b, 1);
    assert_int_equal(told(&a[1], 1), 1);
    assert_int_equal(a[1].reason, REASON_SOCKETS);
    assert_int_equal(a[0].told, 0);
    finish(b, a, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_server_is_sent_no_more_than_its_limit_at_once),
        T(a_zone_of_many_servers_holds_no_more_than_its_limit),
        T(a_burst_at_a_zone_that_answers_waits_in_line_and_is_answered),
        T(answers_raise_the_limit_while_it_is_in_use),
        T(silence_lowers_the_limit_and_newcomers_fail_at_once),
        T(a_zone_that_answers_again_gets_its_room_back),
        T(a_moment_of_silence_fails_nobody_who_is_in),
        T(who_waited_the_whole_time_fails_alone),
        T(who_waits_in_line_may_go),
        T(the_line_has_an_end),
        T(without_a_free_socket_a_question_waits_for_one),
        T(a_question_waits_for_a_socket_only_so_long),
        T(root_and_top_level_servers_begin_without_limit),
        T(forwarders_begin_without_limit),
        T(a_dead_top_level_zone_is_limited_too),
        T(packets_lost_on_the_way_close_no_zone),
        T(a_moment_in_which_nothing_comes_turns_no_newcomer_away),
        T(a_server_that_is_full_is_asked_after_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
