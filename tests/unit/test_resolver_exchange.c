/* Messages to servers and what comes back: two at once, doubtful replies, forgers. */
#include "tests/unit/resolver_bench.h"

/* A reply to `s` that a forger guessed: another id. */
static void guess(struct bench *b, const struct sent *s)
{
    uint8_t bytes[512];
    size_t size = reply_to(s, FLAG_AA, true, bytes);
    bytes[0] ^= 0x5a;
    give(b, s, bytes, size);
}

static void answer(struct bench *b, const struct sent *s)
{
    uint8_t bytes[512];
    give(b, s, bytes, reply_to(s, FLAG_AA, true, bytes));
}

static void fail_with(struct bench *b, const struct sent *s, enum err why)
{
    b->sink.failed(b->sink.ctx, s->token, why);
    b->sink.turn(b->sink.ctx);
}

static void bare_error(struct bench *b, const struct sent *s, uint8_t rcode)
{
    uint8_t bytes[DNS_HEADER_SIZE] = {s->message[0], s->message[1], 0x80, rcode};
    give(b, s, bytes, sizeof bytes);
}

static bool has_opt(const struct sent *s)
{
    return s->message[11] == 1;
}

static bool same_place(const struct sent *a, const struct sent *b)
{
    return endpoint_equal(&a->to, &b->to);
}

static struct server_state known_of(struct bench *b, const struct sent *s)
{
    struct server_state state = {0};
    if (cache_get_server(b->cache, &s->to, NULL, (uint32_t)(b->now_ms / 1000), &state))
        state = (struct server_state){0};
    return state;
}

/* ---- L23: somebody guesses ------------------------------------------------------------------- */

static void a_wrong_id_brings_tcp_beside_the_waiting_udp(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    for (unsigned i = 0; i < 100; i++)
        guess(b, &b->sent[0]);
    assert_int_equal(b->sent_count, 2); /* one, however many guesses */
    assert_int_equal(b->sent[1].via, TRANSPORT_TCP);
    assert_true(same_place(&b->sent[0], &b->sent[1]));
    assert_true(b->sent[0].open);
    assert_int_equal(resolver_counters(b->r)->upstream_beside, 1);
    answer(b, &b->sent[1]);
    assert_int_equal(a.answers, 1);
    assert_false(b->sent[0].open);
}

static void udp_may_win_over_tcp_beside_it(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    assert_true(b->sent[1].open);
    answer(b, &b->sent[0]);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.answers, 1);
    assert_false(b->sent[1].open);
}

static void tcp_refused_after_a_guess_brings_udp_from_a_new_port(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    fail_with(b, &b->sent[1], ERR_REFUSED);
    assert_int_equal(b->sent_count, 3);
    assert_int_equal(b->sent[2].via, TRANSPORT_UDP);
    assert_true(same_place(&b->sent[0], &b->sent[2]));
    assert_false(b->sent[0].open);
    assert_memory_not_equal(b->sent[0].message, b->sent[2].message, 2);
    guess(b, &b->sent[2]); /* TCP was refused: not once more */
    assert_int_equal(b->sent_count, 3);
    answer(b, &b->sent[2]);
    assert_int_equal(a.answers, 1);
}

static void guesses_are_not_held_against_the_server(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    fail_with(b, &b->sent[1], ERR_REFUSED);
    answer(b, &b->sent[2]);
    struct server_state s = known_of(b, &b->sent[0]);
    assert_int_equal(s.timeouts, 0);
    assert_int_equal(s.retry_at, 0);
    assert_false(s.lame);
}

static void truncation_while_tcp_is_out_beside_brings_no_second_tcp(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA | FLAG_TC, false, bytes));
    assert_int_equal(b->sent_count, 2);
    assert_false(b->sent[0].open);
    assert_true(b->sent[1].open);
    answer(b, &b->sent[1]);
    assert_int_equal(a.answers, 1);
}

static void tcp_that_never_answers_leaves_the_server_to_udp(void **state)
{
    struct bench *b = *state;
    struct asking a;
    unsigned udp = 0;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    for (unsigned i = 0; i < 20 && !a.told; i++) {
        pass_ms(b, b->wake_ms - b->now_ms);
        for (udp = 2; udp < b->sent_count; udp++)
            if (b->sent[udp].open && b->sent[udp].via == TRANSPORT_UDP)
                answer(b, &b->sent[udp]);
    }
    assert_int_equal(a.answers, 1);
}

/* ---- Two at once ----------------------------------------------------------------------------- */

static void both_fail_in_one_batch_and_another_server_is_asked(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    b->sink.failed(b->sink.ctx, b->sent[0].token, ERR_REFUSED);
    b->sink.failed(b->sink.ctx, b->sent[1].token, ERR_REFUSED);
    b->sink.turn(b->sink.ctx);
    assert_int_equal(b->sent_count, 3);
    assert_false(same_place(&b->sent[0], &b->sent[2]));
    answer(b, &b->sent[2]);
    assert_int_equal(a.answers, 1);
}

static void an_answer_and_a_failure_in_one_batch_are_an_answer(void **state)
{
    for (unsigned first = 0; first < 2; first++) {
        struct bench *b = *state;
        struct asking a;
        uint8_t bytes[512];
        unsigned base = b->sent_count;
        ask(b, &a, first ? "one.example.com." : "two.example.com.", TYPE_A);
        struct sent *udp = &b->sent[base], *tcp = &b->sent[base + 1];
        guess(b, udp);
        size_t size = reply_to(udp, FLAG_AA, true, bytes);
        if (first)
            b->sink.failed(b->sink.ctx, tcp->token, ERR_REFUSED);
        b->sink.reply(b->sink.ctx, udp->token, bytes, size);
        if (!first)
            b->sink.failed(b->sink.ctx, tcp->token, ERR_REFUSED);
        b->sink.turn(b->sink.ctx);
        assert_int_equal(a.answers, 1);
        assert_int_equal(b->sent_count, base + 2);
    }
}

static void a_lookup_that_ends_cancels_both(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    guess(b, &b->sent[0]);
    resolver_forget(b->r, &a.client);
    resolver_turn(b->r);
    assert_false(b->sent[0].open);
    assert_false(b->sent[1].open);
    assert_int_equal(resolver_load(b->r), 0);
}

/* ---- A bare header, rubbish ------------------------------------------------------------------ */

static void a_bare_header_ends_nothing_and_the_next_try_begins_beside(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    bare_error(b, &b->sent[0], RCODE_REFUSED);
    assert_int_equal(b->sent_count, 2);
    assert_false(same_place(&b->sent[0], &b->sent[1]));
    assert_true(b->sent[0].open);
    answer(b, &b->sent[0]);
    assert_int_equal(a.answers, 1);
    assert_false(b->sent[1].open);
}

static void a_bare_formerr_brings_a_query_without_edns_at_once(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_true(has_opt(&b->sent[0]));
    bare_error(b, &b->sent[0], RCODE_FORMERR);
    assert_int_equal(b->sent_count, 2);
    assert_true(same_place(&b->sent[0], &b->sent[1]));
    assert_false(has_opt(&b->sent[1]));
    assert_true(b->sent[0].open);
    answer(b, &b->sent[1]);
    assert_int_equal(a.answers, 1);
}

static void two_bare_headers_are_the_bound_of_what_is_out(void **state)
{
    struct bench *b = *state;
    struct asking a;
    ask(b, &a, "www.example.com.", TYPE_A);
    bare_error(b, &b->sent[0], RCODE_REFUSED);
    bare_error(b, &b->sent[1], RCODE_REFUSED);
    bare_error(b, &b->sent[1], RCODE_REFUSED);
    assert_int_equal(b->sent_count, 2);
    pass_ms(b, b->wake_ms - b->now_ms);
    assert_int_equal(b->sent_count, 3); /* they are over: the third server */
    answer(b, &b->sent[2]);
    assert_int_equal(a.answers, 1);
}

static void rubbish_brings_the_next_server_beside(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, true, bytes);
    give(b, &b->sent[0], bytes, size - 1);
    assert_int_equal(b->sent_count, 2);
    assert_false(same_place(&b->sent[0], &b->sent[1]));
    assert_true(b->sent[0].open);
    answer(b, &b->sent[1]);
    assert_int_equal(a.answers, 1);
}

/* ---- TCP keepalive (RFC 7828) ---------------------------------------------------------------- */

static void the_idle_time_that_a_server_names_is_passed_on(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 11, 0, 2, 0, 25};
    ask(b, &a, "www.example.com.", TYPE_A);
    give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA | FLAG_TC, false, bytes));
    assert_int_equal(b->sent[1].via, TRANSPORT_TCP);
    size_t size = reply_to(&b->sent[1], FLAG_AA, true, bytes);
    memcpy(bytes + size, opt, sizeof opt);
    bytes[11] = 1;
    give(b, &b->sent[1], bytes, size + sizeof opt);
    assert_int_equal(a.answers, 1);
    assert_int_equal(b->sent[0].idle_ms, UINT32_MAX);
    assert_int_equal(b->sent[1].idle_ms, 2500);
}

static void a_server_that_names_no_idle_time_changes_nothing(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA | FLAG_TC, false, bytes));
    answer(b, &b->sent[1]);
    assert_int_equal(a.answers, 1);
    assert_int_equal(b->sent[1].idle_ms, UINT32_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_wrong_id_brings_tcp_beside_the_waiting_udp),
        TEST(udp_may_win_over_tcp_beside_it),
        TEST(tcp_refused_after_a_guess_brings_udp_from_a_new_port),
        TEST(guesses_are_not_held_against_the_server),
        TEST(truncation_while_tcp_is_out_beside_brings_no_second_tcp),
        TEST(tcp_that_never_answers_leaves_the_server_to_udp),
        TEST(both_fail_in_one_batch_and_another_server_is_asked),
        TEST(an_answer_and_a_failure_in_one_batch_are_an_answer),
        TEST(a_lookup_that_ends_cancels_both),
        TEST(a_bare_header_ends_nothing_and_the_next_try_begins_beside),
        TEST(a_bare_formerr_brings_a_query_without_edns_at_once),
        TEST(two_bare_headers_are_the_bound_of_what_is_out),
        TEST(the_idle_time_that_a_server_names_is_passed_on),
        TEST(a_server_that_names_no_idle_time_changes_nothing),
        TEST(rubbish_brings_the_next_server_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
