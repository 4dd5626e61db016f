/* Priming over a network that is not there, and then is. */
#include "tests/unit/resolver_bench.h"

enum { STEP_MS = 250, LONGEST_PAUSE_MS = 30000 };

static unsigned ask_once(struct bench *b, unsigned n)
{
    struct asking a;
    char name[40];
    snprintf(name, sizeof name, "q%u.example.com.", n);
    unsigned before = b->refused;
    ask(b, &a, name, TYPE_A);
    if (b->no_network) {
        assert_int_equal(a.told, 1);
        assert_int_equal(a.reason, REASON_ROOT_UNREACHABLE);
    }
    return b->refused - before;
}

/* Asks for five minutes without a network; returns how often something was tried. */
static unsigned ask_in_vain(struct bench *b, uint64_t *longest_ms)
{
    unsigned tries = 0;
    uint64_t last = b->now_ms;
    *longest_ms = 0;
    for (unsigned n = 0; n < 5 * 60 * 1000 / STEP_MS; n++) {
        if (ask_once(b, n)) {
            tries++;
            *longest_ms = b->now_ms - last > *longest_ms ? b->now_ms - last : *longest_ms;
            last = b->now_ms;
        }
        pass_ms(b, STEP_MS);
    }
    return tries;
}

static void roots_out_of_reach_are_tried_ever_more_rarely_but_every_half_minute(void **state)
{
    struct bench *b = *state;
    uint64_t longest;
    b->options.prime = true;
    b->no_network = true;
    unsigned tries = ask_in_vain(b, &longest);
    print_message("tries in five minutes: %u, the longest pause %llu ms\n", tries,
                  (unsigned long long)longest);
    assert_true(tries >= 10 && tries <= 16);
    assert_true(longest <= LONGEST_PAUSE_MS + STEP_MS);
}

static void a_network_that_comes_back_is_found_within_half_a_minute(void **state)
{
    struct bench *b = *state;
    uint64_t longest;
    b->options.prime = true;
    b->no_network = true;
    (void)ask_in_vain(b, &longest);
    b->no_network = false;
    b->sent_count = 0;
    uint64_t since = b->now_ms;
    for (unsigned n = 2000; !b->sent_count && n < 3000; n++) {
        struct asking waiting;
        char name[40];
        snprintf(name, sizeof name, "q%u.example.com.", n);
        ask(b, &waiting, name, TYPE_A);
        if (!waiting.told)
            resolver_forget(b->r, &waiting.client);
        if (!b->sent_count)
            pass_ms(b, STEP_MS);
    }
    print_message("asked again after %llu ms\n", (unsigned long long)(b->now_ms - since));
    assert_true(b->sent_count > 0 && b->now_ms - since <= LONGEST_PAUSE_MS);
    resolver_stop(b->r);
}

static void priming_goes_on_when_the_client_that_began_it_has_gone(void **state)
{
    struct bench *b = *state;
    struct asking a;
    b->options.prime = true;
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    resolver_forget(b->r, &a.client);
    resolver_turn(b->r);
    assert_true(b->sent[0].open);
    assert_int_equal(resolver_load(b->r), 1);
    resolver_stop(b->r);
    assert_int_equal(resolver_load(b->r), 0);
    assert_false(b->sent[0].open);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(roots_out_of_reach_are_tried_ever_more_rarely_but_every_half_minute),
        TEST(a_network_that_comes_back_is_found_within_half_a_minute),
        TEST(priming_goes_on_when_the_client_that_began_it_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
