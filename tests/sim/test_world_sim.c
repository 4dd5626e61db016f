/* The simulated world, with a small core of the test's own in place of the resolver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world_sim.h"

/* What the core saw, as text: "r1@0 t@0 w…". */
struct core {
    struct sim *sim;
    char seen[2048];
    unsigned turns;
    bool cancel_on_reply;
    bool restless;
};

static void note(struct core *c, const char *what, uint64_t token)
{
    size_t n = strlen(c->seen);
    snprintf(c->seen + n, sizeof c->seen - n, "%s%llu@%llu ", what, (unsigned long long)token,
             (unsigned long long)sim_now(c->sim));
}

static void on_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length)
{
    struct core *c = ctx;
    note(c, length > 0 ? (const char[]){(char)message[0], '\0'} : "r", token);
    if (c->cancel_on_reply)
        sim_world(c->sim)->ops->cancel(sim_world(c->sim), token);
}

static void on_failed(void *ctx, uint64_t token, enum err why)
{
    (void)why;
    note(ctx, "f", token);
}

static void on_turn(void *ctx)
{
    struct core *c = ctx;
    c->turns++;
    if (c->restless)
        sim_world(c->sim)->ops->wake(sim_world(c->sim), sim_now(c->sim));
}

static struct core *start(const struct sim_config *config)
{
    static struct core c;
    memset(&c, 0, sizeof c);
    assert_int_equal(sim_new(&c.sim, config), OK);
    sim_connect(c.sim, (struct world_sink){&c, on_reply, on_failed, on_turn});
    return &c;
}

static enum err send_one(struct core *c, uint64_t token, const char *text)
{
    struct upstream_send s = {.token = token,
                              .to = {.family = 4, .port = 53, .bytes = {192, 0, 2, 1}},
                              .message = (const uint8_t *)text,
                              .length = strlen(text)};
    return sim_world(c->sim)->ops->send(sim_world(c->sim), &s);
}

static void reply(struct core *c, uint64_t sequence, const char *text, uint64_t delay)
{
    struct sim_exchange *x = sim_find(c->sim, sequence);
    assert_non_null(x);
    assert_int_equal(sim_reply(c->sim, x, (const uint8_t *)text, strlen(text), delay), OK);
}

static void replies_of_one_moment_come_in_the_order_they_were_given(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    assert_int_equal(send_one(c, 7, "q"), OK);
    assert_int_equal(send_one(c, 8, "q"), OK);
    reply(c, 2, "b", 5);
    reply(c, 1, "a", 5);
    reply(c, 1, "c", 3);
    assert_int_equal(sim_advance(c->sim, 10), OK);
    assert_string_equal(c->seen, "c7@3 b8@5 a7@5 ");
    assert_int_equal(sim_now(c->sim), 10);
    sim_free(c->sim);
}

static void one_turn_follows_the_events_of_a_moment(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    assert_int_equal(send_one(c, 1, "q"), OK);
    reply(c, 1, "a", 0);
    reply(c, 1, "b", 0);
    assert_int_equal(sim_run_now(c->sim), OK);
    assert_int_equal(c->turns, 1);
    sim_free(c->sim);
}

static void nothing_comes_after_cancel(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    c->cancel_on_reply = true;
    assert_int_equal(send_one(c, 1, "q"), OK);
    reply(c, 1, "a", 0);
    reply(c, 1, "b", 0);
    reply(c, 1, "c", 50);
    assert_int_equal(sim_advance(c->sim, 100), OK);
    assert_string_equal(c->seen, "a1@0 ");
    assert_null(sim_next(c->sim, NULL));
    sim_free(c->sim);
}

static void wake_comes_once_at_the_time_asked_for_last(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    struct world *w = sim_world(c->sim);
    w->ops->wake(w, 10);
    w->ops->wake(w, 30);
    assert_int_equal(sim_next_time(c->sim), 30);
    assert_int_equal(sim_advance(c->sim, 29), OK);
    assert_int_equal(c->turns, 0);
    assert_int_equal(sim_advance(c->sim, 100), OK);
    assert_int_equal(c->turns, 1);
    assert_true(sim_next_time(c->sim) == UINT64_MAX);
    sim_free(c->sim);
}

static void core_that_never_rests_is_an_error(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    c->restless = true;
    sim_poke(c->sim);
    assert_int_equal(sim_run_now(c->sim), ERR_LIMIT);
    sim_free(c->sim);
}

static void failure_is_told_and_leaves_the_exchange_open(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    assert_int_equal(send_one(c, 1, "q"), OK);
    assert_true(sim_outstanding(sim_find(c->sim, 1)));
    assert_int_equal(sim_fail(c->sim, sim_find(c->sim, 1), ERR_REFUSED, 0), OK);
    assert_false(sim_outstanding(sim_find(c->sim, 1)));
    assert_int_equal(sim_run_now(c->sim), OK);
    assert_string_equal(c->seen, "f1@0 ");
    assert_non_null(sim_find(c->sim, 1));
    sim_free(c->sim);
}

static void refused_send_opens_no_exchange(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1});
    sim_refuse_sends(c->sim, 1, ERR_IO);
    assert_int_equal(send_one(c, 1, "q"), ERR_IO);
    assert_null(sim_next(c->sim, NULL));
    assert_int_equal(send_one(c, 1, "q"), OK);
    assert_int_equal(sim_sent(c->sim), 1);
    sim_free(c->sim);
}

static void wall_clock_goes_with_time_and_can_be_set(void **state)
{
    (void)state;
    struct core *c = start(&(struct sim_config){.seed = 1, .start_ms = 5000, .wall_s = 1700000000});
    assert_int_equal(sim_wall(c->sim), 1700000000);
    assert_int_equal(sim_advance(c->sim, 3500), OK);
    assert_int_equal(sim_wall(c->sim), 1700000003);
    sim_set_wall(c->sim, -5);
    assert_int_equal(sim_wall(c->sim), -5);
    assert_int_equal(sim_now(c->sim), 8500);
    sim_free(c->sim);
}

/* Some life that depends on the seed. */
static uint64_t hash_of_a_life(uint64_t seed, const char *message)
{
    struct core *c = start(&(struct sim_config){.seed = seed});
    for (uint64_t i = 1; i <= 20; i++) {
        uint8_t delay;
        sim_world(c->sim)->ops->random(sim_world(c->sim), &delay, 1);
        assert_int_equal(send_one(c, i, message), OK);
        reply(c, i, "a", delay);
    }
    assert_int_equal(sim_advance(c->sim, 1000), OK);
    uint64_t hash = sim_trace_hash(c->sim);
    sim_free(c->sim);
    return hash;
}

static void trace_hash_depends_on_seed_and_bytes_alone(void **state)
{
    (void)state;
    assert_true(hash_of_a_life(1, "q") == hash_of_a_life(1, "q"));
    assert_true(hash_of_a_life(1, "q") != hash_of_a_life(2, "q"));
    assert_true(hash_of_a_life(1, "q") != hash_of_a_life(1, "p"));
}

static void trace_hash_depends_on_times_and_notes(void **state)
{
    (void)state;
    uint64_t hash[3];
    for (unsigned i = 0; i < 3; i++) {
        struct core *c = start(&(struct sim_config){.seed = 1});
        assert_int_equal(sim_advance(c->sim, i == 1 ? 1 : 0), OK);
        sim_note(c->sim, i == 2 ? "b" : "a", NULL, 0);
        hash[i] = sim_trace_hash(c->sim);
        sim_free(c->sim);
    }
    assert_true(hash[0] != hash[1]);
    assert_true(hash[0] != hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_one_moment_come_in_the_order_they_were_given),
        cmocka_unit_test(one_turn_follows_the_events_of_a_moment),
        cmocka_unit_test(nothing_comes_after_cancel),
        cmocka_unit_test(wake_comes_once_at_the_time_asked_for_last),
        cmocka_unit_test(core_that_never_rests_is_an_error),
        cmocka_unit_test(failure_is_told_and_leaves_the_exchange_open),
        cmocka_unit_test(refused_send_opens_no_exchange),
        cmocka_unit_test(wall_clock_goes_with_time_and_can_be_set),
        cmocka_unit_test(trace_hash_depends_on_seed_and_bytes_alone),
        cmocka_unit_test(trace_hash_depends_on_times_and_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
