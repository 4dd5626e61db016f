#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/crowd.h"

static const struct crowd_limits limits = {.queries = 100, .repeats = 3, .held = 5};

static int setup(void **state)
{
    struct hash_key key;
    uint8_t seed[32] = {9};
    struct crowd *c;
    hash_key_init(&key, seed);
    assert_int_equal(crowd_new(&c, &key), OK);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    crowd_free(*state);
    return 0;
}

static struct crowd_ticket ticket(const struct crowd *c, const char *address, bool proven,
                                  uint64_t question)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(address, 40000, &e), OK);
    return crowd_ticket(c, &e, proven, question);
}

static unsigned let_in(struct crowd *c, const struct crowd_ticket *t, unsigned tries)
{
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++)
        n += crowd_enter(c, t, &limits) == CROWD_IN;
    return n;
}

static void one_source_waits_so_often_for_one_question(void **state)
{
    struct crowd *c = *state;
    struct crowd_ticket t = ticket(c, "192.0.2.1", false, 7);
    assert_int_equal(let_in(c, &t, 10), 3);
    assert_int_equal(crowd_enter(c, &t, &limits), CROWD_REPEATS);
    struct crowd_ticket other = ticket(c, "192.0.2.1", false, 8);
    assert_int_equal(let_in(c, &other, 1), 1);
    struct crowd_ticket neighbour = ticket(c, "192.0.2.2", false, 7);
    assert_int_equal(let_in(c, &neighbour, 3), 3);
}

static void a_proven_source_may_repeat_itself(void **state)
{
    struct crowd *c = *state;
    struct crowd_ticket t = ticket(c, "192.0.2.1", true, 7);
    assert_int_equal(let_in(c, &t, 50), 50);
}

static void a_source_has_so_many_in_all_proven_or_not(void **state)
{
    struct crowd *c = *state;
    unsigned in = 0;
    for (uint64_t i = 0; i < 200; i++) {
        struct crowd_ticket t = ticket(c, "192.0.2.1", i % 2, i);
        in += let_in(c, &t, 1);
    }
    assert_int_equal(in, 100);
    struct crowd_ticket more = ticket(c, "192.0.2.1", true, 1000);
    assert_int_equal(crowd_enter(c, &more, &limits), CROWD_QUERIES);
}

static void who_leaves_makes_room(void **state)
{
    struct crowd *c = *state;
    struct crowd_ticket t = ticket(c, "192.0.2.1", false, 7);
    assert_int_equal(let_in(c, &t, 4), 3);
    crowd_leave(c, &t);
    assert_int_equal(let_in(c, &t, 4), 1);
}

static void addresses_of_one_ipv6_network_are_one_source(void **state)
{
    struct crowd *c = *state;
    struct crowd_ticket a = ticket(c, "2001:db8::1", false, 7),
                        b = ticket(c, "2001:db8::ffff:2", false, 7),
                        other = ticket(c, "2001:db8:0:1::1", false, 7);
    assert_int_equal(let_in(c, &a, 3), 3);
    assert_int_equal(let_in(c, &b, 1), 0);
    assert_int_equal(let_in(c, &other, 1), 1);
}

static void held_answers_leave_so_many_a_second(void **state)
{
    struct crowd *c = *state;
    struct crowd_ticket t = ticket(c, "192.0.2.1", false, 7), o = ticket(c, "192.0.2.9", false, 7);
    unsigned first = 0, second = 0;
    for (unsigned i = 0; i < 20; i++)
        first += crowd_release(c, &t, 1000, &limits);
    assert_int_equal(first, 5);
    assert_true(crowd_release(c, &o, 1000, &limits));
    for (unsigned i = 0; i < 20; i++)
        second += crowd_release(c, &t, 1001, &limits);
    assert_int_equal(second, 5);
}

static void only_the_loopback_counts_as_such(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } rows[] = {{"127.0.0.1", true}, {"127.255.0.9", true},       {"::1", true},
                {"10.0.0.1", false}, {"::ffff:127.0.0.1", false}, {"fe80::1", false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint e;
        assert_int_equal(endpoint_parse(rows[i].text, 53, &e), OK);
        assert_int_equal(crowd_is_loopback(&e), rows[i].is);
    }
}

/* With as many queries under way as the default work.size holds, nobody is taken for another. */
static void strangers_do_not_share_a_bound(void **state)
{
    struct crowd *c = *state;
    struct crowd_limits real = {.queries = 4096, .repeats = 16};
    unsigned refused = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        struct endpoint e = {.family = 4, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        struct crowd_ticket t = crowd_ticket(c, &e, false, i);
        refused += crowd_enter(c, &t, &real) != CROWD_IN;
    }
    assert_int_equal(refused, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(one_source_waits_so_often_for_one_question),
        T(a_proven_source_may_repeat_itself),
        T(a_source_has_so_many_in_all_proven_or_not),
        T(who_leaves_makes_room),
        T(addresses_of_one_ipv6_network_are_one_source),
        T(held_answers_leave_so_many_a_second),
        T(only_the_loopback_counts_as_such),
        T(strangers_do_not_share_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
