/*
 * Which server is asked: four at 10, 40, 150 and 600 ms for one zone, and what chance and change do
 * to them. Figures are counted over all messages, first choices or not.
 */
#include "tests/unit/resolver_bench.h"

enum { SERVERS = 4, QUERIES = 4000, WARM = 100, PAUSE_MS = 100 };

struct servers {
    struct bench *b;
    uint64_t rtt_ms[SERVERS]; /* UINT64_MAX: silent */
    unsigned lost;            /* of 100 messages to the first */
    bool lose[SENT_MAX];      /* decided when a message is first looked at */
    unsigned looked_at;
    unsigned asked[SERVERS];
    uint64_t pause_ms; /* between questions; 0: PAUSE_MS */
    uint64_t waited_ms;
    unsigned n;
};

static unsigned index_of(const struct endpoint *e)
{
    return e->bytes[3] - 1U;
}

/* A zone at 198.51.`net`.1 to .4, in the cache as a referral would have put it. */
static void know_zone_at(struct bench *b, uint8_t net)
{
    static const uint8_t zone[] = "\7example\3com", ns[] = "\2ns\7example\3com";
    struct delegation d = {.zone = zone, .expiry = UINT32_MAX, .ns_count = 1, .ns = {ns}};
    for (uint8_t i = 0; i < SERVERS; i++)
        d.address[d.address_count++] = (struct delegation_address){
            .at = {.family = 4, .port = 53, .bytes = {198, 51, net, (uint8_t)(i + 1)}}};
    assert_true(cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000)));
}

static void know_zone(struct bench *b)
{
    know_zone_at(b, 100);
}

static uint64_t rtt_of(void *ctx, const struct sent *s)
{
    struct servers *w = ctx;
    unsigned i = (unsigned)(s - w->b->sent);
    for (; w->looked_at <= i; w->looked_at++) {
        uint8_t chance;
        draw(&w->b->world, &chance, 1);
        w->lose[w->looked_at] =
            index_of(&w->b->sent[w->looked_at].to) == 0 && chance * 100U / 256 < w->lost;
    }
    return w->lose[i] ? UINT64_MAX : w->rtt_ms[index_of(&s->to)];
}

static void play(struct servers *w)
{
    struct asking a;
    char name[40];
    struct bench *b = w->b;
    uint64_t from = b->now_ms;
    snprintf(name, sizeof name, "q%u.example.com.", w->n++);
    b->sent_count = w->looked_at = 0;
    ask(b, &a, name, TYPE_A);
    live(b, &a, rtt_of, w);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    w->waited_ms += b->now_ms - from;
    for (unsigned i = 0; i < b->sent_count; i++)
        w->asked[index_of(&b->sent[i].to)]++;
    pass_ms(b, w->pause_ms ? w->pause_ms : PAUSE_MS);
}

static void play_many(struct servers *w, unsigned count)
{
    memset(w->asked, 0, sizeof w->asked);
    w->waited_ms = 0;
    for (unsigned i = 0; i < count; i++)
        play(w);
}

static unsigned percent_of(const struct servers *w, unsigned from, unsigned to)
{
    unsigned all = 0, some = 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        all += w->asked[i];
        some += i >= from && i <= to ? w->asked[i] : 0;
    }
    return some * 100 / all;
}

static void print_figures(const struct servers *w, unsigned count)
{
    print_message(
        "10, 40, 150, 600 ms, %u %% lost at the first: messages %u %u %u %u, mean wait %llu ms\n",
        w->lost, w->asked[0], w->asked[1], w->asked[2], w->asked[3],
        (unsigned long long)(w->waited_ms / count));
}

static void nine_of_ten_messages_go_to_the_best_server(void **state)
{
    struct servers w = {.b = *state, .rtt_ms = {10, 40, 150, 600}};
    know_zone(w.b);
    play_many(&w, WARM);
    play_many(&w, QUERIES);
    print_figures(&w, QUERIES);
    assert_true(percent_of(&w, 0, 0) >= 90);
    assert_true(w.waited_ms / QUERIES <= 30);
}

/* One in five lost, and 100 ms to notice it, make 10 ms worth some 35: no worse than the next by
 * half. */
static void loss_at_the_best_leaves_nine_of_ten_to_it_and_the_next(void **state)
{
    struct servers w = {.b = *state, .rtt_ms = {10, 40, 150, 600}, .lost = 20};
    know_zone(w.b);
    play_many(&w, WARM);
    play_many(&w, QUERIES);
    print_figures(&w, QUERIES);
    assert_true(percent_of(&w, 0, 1) >= 90);
    assert_true(w.waited_ms / QUERIES <= 60);
}

/* Milliseconds from a change until nine of ten messages go to the first server. */
static uint64_t until_found(struct servers *w)
{
    uint64_t since = w->b->now_ms;
    do {
        play_many(w, 20);
    } while (percent_of(w, 0, 0) < 90 && w->b->now_ms - since < 120000);
    return w->b->now_ms - since - w->waited_ms - 20 * w->pause_ms;
}

static void check_recovery(struct bench *b, uint64_t sick_ms, uint64_t pause_ms, const char *what)
{
    struct servers w = {.b = b, .rtt_ms = {sick_ms, 40, 150, 600}, .pause_ms = pause_ms};
    know_zone(b);
    play_many(&w, 600);
    assert_true(percent_of(&w, 1, 1) >= 85);
    w.rtt_ms[0] = 10;
    uint64_t ms = until_found(&w);
    print_message("the best was %s: found again after %llu ms\n", what, (unsigned long long)ms);
    assert_true(ms <= 60000);
}

static void a_server_that_was_silent_is_found_within_a_minute(void **state)
{
    check_recovery(*state, UINT64_MAX, PAUSE_MS, "silent");
}

/* Few questions are enough: one quick reply says more than many slow ones before. */
static void a_server_that_was_slow_is_found_within_a_minute(void **state)
{
    check_recovery(*state, 240, 4 * PAUSE_MS, "slow");
}

static void a_dead_server_is_asked_rarely(void **state)
{
    struct servers w = {.b = *state, .rtt_ms = {UINT64_MAX, 40, 150, 600}};
    know_zone(w.b);
    play_many(&w, 300);
    uint64_t since = w.b->now_ms;
    play_many(&w, 3000);
    uint64_t seconds = (w.b->now_ms - since) / 1000;
    print_message("a dead server got %u messages in %llu s\n", w.asked[0],
                  (unsigned long long)seconds);
    assert_true(w.asked[0] <= seconds / 15 && w.asked[0] >= seconds / 60);
}

static void servers_that_are_all_alike_share_the_load(void **state)
{
    struct servers w = {.b = *state, .rtt_ms = {20, 21, 22, 23}};
    know_zone(w.b);
    play_many(&w, WARM);
    play_many(&w, 1000);
    print_message("20, 21, 22, 23 ms: messages %u %u %u %u\n", w.asked[0], w.asked[1], w.asked[2],
                  w.asked[3]);
    for (unsigned i = 0; i < SERVERS; i++)
        assert_true(w.asked[i] >= 200 && w.asked[i] <= 300);
}

static void a_forwarder_is_given_the_time_to_find_what_it_does_not_have(void **state)
{
    struct servers w = {.b = *state, .rtt_ms = {5}};
    static const struct endpoint at = {.family = 4, .port = 53, .bytes = {198, 51, 100, 1}};
    struct stub_zone zone = {.name = name_root, .servers = &at, .server_count = 1, .forward = true};
    w.b->options.stubs = &zone;
    w.b->options.stub_count = 1;
    play_many(&w, WARM);
    assert_int_equal(w.asked[0], WARM);
    w.rtt_ms[0] = 400;
    play_many(&w, 1);
    assert_int_equal(w.asked[0], 1);
}

/* Also when the whole name is asked after time-outs of a minimised question, which begins anew with
 * them all. */
static void one_that_was_not_asked_yet_comes_before_those_that_were_silent(void **state)
{
    struct asking a;
    char name[40];
    struct servers w = {.b = *state, .rtt_ms = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 20}};
    w.b->options.minimise = true;
    for (uint8_t i = 0; i < 200; i++) {
        know_zone_at(w.b, i);
        snprintf(name, sizeof name, "a.b.q%u.example.com.", i);
        w.b->sent_count = w.looked_at = 0;
        ask(w.b, &a, name, TYPE_A);
        live(w.b, &a, rtt_of, &w);
        assert_int_equal(a.rcode, RCODE_NOERROR);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(nine_of_ten_messages_go_to_the_best_server),
        TEST(loss_at_the_best_leaves_nine_of_ten_to_it_and_the_next),
        TEST(a_server_that_was_silent_is_found_within_a_minute),
        TEST(a_server_that_was_slow_is_found_within_a_minute),
        TEST(a_dead_server_is_asked_rarely),
        TEST(servers_that_are_all_alike_share_the_load),
        TEST(one_that_was_not_asked_yet_comes_before_those_that_were_silent),
        TEST(a_forwarder_is_given_the_time_to_find_what_it_does_not_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
