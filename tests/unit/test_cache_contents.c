/*
 * What is held of a name, seen without a trace; and removal in slices, while others put.
 */
#include "cache_fixture.h"

static int setup(void **state)
{
    *state = cache_of(4 * MIB);
    return 0;
}

static int teardown(void **state)
{
    cache_free(*state);
    return 0;
}

/* ---- Contents -------------------------------------------------------------------------------- */

struct seen {
    unsigned of_kind[CACHE_KINDS];
    struct cache_item last[CACHE_KINDS]; /* what they point to is over */
    uint32_t mark;                       /* of what was looked at more closely */
};

static void note(void *ctx, const struct cache_item *item)
{
    struct seen *s = ctx;
    s->of_kind[item->kind]++;
    s->last[item->kind] = *item;
    if (item->kind == CACHE_RRSET)
        s->mark = item->rrset.rdata[2];
    if (item->kind == CACHE_DELEGATION)
        assert_true(name_equal(item->delegation.ns[0], wire("ns.a.test")));
}

static struct seen look(struct cache *c, const char *name)
{
    struct seen s = {.mark = 0};
    cache_contents(c, wire(name), note, &s);
    return s;
}

static void put_delegation(struct cache *c, const char *zone)
{
    struct delegation d = {.zone = wire(zone), .expiry = NOW + 70, .ns_count = 1};
    d.ns[0] = wire("ns.a.test");
    assert_true(cache_put_delegation(c, &d, NOW));
}

static void put_answer(struct cache *c, const char *name, uint8_t flags)
{
    static const uint8_t octets[12];
    const uint8_t *qname = wire(name);
    struct answer_key key = {
        .qname = qname, .qname_size = (uint16_t)name_size(qname), .qtype = 1, .flags = flags};
    struct answer a = {.wire = octets,
                       .ttl_offsets = octets,
                       .size = sizeof octets,
                       .ede = 0xffff,
                       .stored = NOW,
                       .expiry = NOW + 50};
    assert_true(cache_put_answer(c, &key, &a, NOW));
}

static void all_kinds_of_a_name_are_seen_and_no_others(void **state)
{
    struct cache *c = *state;
    struct negative none = {.expiry = NOW + 80};
    struct failure failure = {.reason = 7, .attempts = 2, .expiry = NOW + 5};
    for (uint32_t i = 0; i < 3000; i++)
        assert_true(put_a(c, numbered("other", i), 1, NOW + 60));
    assert_true(put_a(c, wire("a.test"), 42, NOW + 60));
    assert_true(put_a(c, wire("b.a.test"), 1, NOW + 60));
    assert_true(cache_put_negative(c, wire("a.test"), 28, &none, NOW));
    assert_true(cache_put_failure(c, wire("a.test"), 15, &failure, NOW));
    put_delegation(c, "a.test");
    put_answer(c, "a.test", 0);
    put_answer(c, "a.test", ANSWER_DO);
    struct seen s = look(c, "A.Test");
    assert_int_equal(s.of_kind[CACHE_RRSET], 1);
    assert_int_equal(s.mark, 42);
    assert_int_equal(s.last[CACHE_RRSET].expiry, NOW + 60);
    assert_int_equal(s.of_kind[CACHE_NEGATIVE], 1);
    assert_int_equal(s.last[CACHE_NEGATIVE].type, 28);
    assert_int_equal(s.of_kind[CACHE_FAILURE], 1);
    assert_int_equal(s.last[CACHE_FAILURE].failure.attempts, 2);
    assert_int_equal(s.of_kind[CACHE_DELEGATION], 1);
    assert_int_equal(s.of_kind[CACHE_ANSWER], 2);
    assert_false(s.last[CACHE_ANSWER].stale);
    s = look(c, "nothing.test");
    for (unsigned k = 0; k < CACHE_KINDS; k++)
        assert_int_equal(s.of_kind[k], 0);
}

static void what_is_past_its_time_and_answers_of_an_earlier_epoch_are_told_as_such(void **state)
{
    struct cache *c = *state;
    put_answer(c, "a.test", ANSWER_CD);
    cache_drop_answers(c);
    struct seen s = look(c, "a.test");
    assert_int_equal(s.of_kind[CACHE_ANSWER], 1);
    assert_true(s.last[CACHE_ANSWER].stale);
    assert_int_equal(s.last[CACHE_ANSWER].flags, ANSWER_CD);
    assert_int_equal(s.last[CACHE_ANSWER].expiry, NOW + 50);
}

static void a_look_counts_nothing(void **state)
{
    struct cache *c = *state;
    struct endpoint at;
    struct server_state server = {.expiry = NOW + 9, .srtt_ms = 30}, out;
    assert_int_equal(endpoint_parse("192.0.2.1", 53, &at), OK);
    assert_true(cache_put_server(c, &at, NULL, &server, NOW));
    assert_true(put_a(c, wire("a.test"), 1, NOW + 60));
    struct cache_figures before = figures_of(c);
    look(c, "a.test");
    look(c, "b.test");
    assert_true(cache_peek_server(c, &at, NULL, NOW, &out));
    assert_int_equal(out.srtt_ms, 30);
    assert_false(cache_peek_server(c, &at, wire("a.test"), NOW, &out));
    assert_false(cache_peek_server(c, &at, NULL, NOW + 9, &out));
    struct cache_figures after = figures_of(c);
    assert_memory_equal(&before, &after, sizeof before);
}

/* An entry that was looked at is as old as before: it goes first. */
static void a_look_is_no_use(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    assert_true(put_a(c, wire("looked.test"), 1, NOW + 60));
    assert_true(put_a(c, wire("used.test"), 1, NOW + 60));
    for (uint32_t i = 0; i < 200000 && get_a(c, wire("used.test"), &out) == CACHE_HIT; i++) {
        if (i % 64 == 0)
            look(c, "looked.test");
        assert_true(put_a(c, numbered("n", i), 1, NOW + 60));
        if (look(c, "looked.test").of_kind[CACHE_RRSET] == 0)
            return;
    }
    fail_msg("what was only looked at outlived what was used");
}

/* ---- Slices ---------------------------------------------------------------------------------- */

/* Puts of many sizes, so that segments have holes and cleaning moves what lives in them. */
static void churn(struct cache *c, uint64_t *random, unsigned puts)
{
    for (unsigned i = 0; i < puts; i++) {
        uint16_t length = (uint16_t)(4 + draw(random) % 900);
        struct rrset s = set_of(numbered("churn", draw(random) % 4000), 1, length, 1, NOW + 600);
        cache_put_rrset(c, &s, NOW);
    }
}

static void a_zone_is_gone_after_slices_between_which_entries_move(void **state)
{
    struct cache *c = *state;
    uint64_t random = 5;
    char name[40];
    churn(c, &random, 6000);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "x%u.zone.test", i);
        assert_true(put_a(c, wire(name), 1, NOW + 60));
        churn(c, &random, 20);
    }
    unsigned there = 0, slices = 0;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "x%u.zone.test", i);
        there += look(c, name).of_kind[CACHE_RRSET];
    }
    assert_true(there > 50);
    struct cache_flush job = {0};
    while (!cache_flush_slice(c, wire("zone.test"), &job)) {
        churn(c, &random, 200);
        assert_true(++slices < 1000);
    }
    assert_true(slices > 3);
    assert_true(job.passes > 0); /* entries did move */
    assert_true(job.gone > 0 && job.gone <= there);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "x%u.zone.test", i);
        assert_int_equal(look(c, name).of_kind[CACHE_RRSET], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_kinds_of_a_name_are_seen_and_no_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_is_past_its_time_and_answers_of_an_earlier_epoch_are_told_as_such, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_look_counts_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_look_is_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_zone_is_gone_after_slices_between_which_entries_move,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
