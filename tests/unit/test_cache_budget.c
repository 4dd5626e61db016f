/*
 * The budget holds after every operation, cleaning loses nothing, the floor stands, and a failed
 * allocation is a refused put and no more.
 */
#include "tests/unit/cache_fixture.h"

#include "cache/internal.h"

/* ---- A model: for each number the content that was put last ---------------------------------- */

enum { NUMBERS = 40000 };

struct model {
    uint16_t length[NUMBERS]; /* 0: never put */
    uint8_t fill[NUMBERS];
};

static void check_against(struct cache *c, const struct model *m, bool all_there)
{
    uint64_t there = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        struct rrset out;
        enum cache_miss miss = cache_get_rrset(c, numbered("k", i), 16, NOW, &out);
        if (m->length[i] == 0)
            assert_int_not_equal(miss, CACHE_HIT);
        if (all_there && m->length[i] != 0)
            assert_int_equal(miss, CACHE_HIT);
        if (miss != CACHE_HIT)
            continue;
        there++;
        assert_int_equal(out.rdata_size, m->length[i] + 2);
        assert_int_equal(load_u16(out.rdata), m->length[i]);
        for (unsigned k = 0; k < m->length[i]; k++)
            assert_int_equal(out.rdata[2 + k], m->fill[i]);
    }
    assert_int_equal(there, figures_of(c).entries[CACHE_RRSET]);
}

static bool put_number(struct cache *c, struct model *m, uint32_t i, uint16_t length, uint8_t fill)
{
    struct rrset s = set_of(numbered("k", i), 16, length, fill, NOW + 60);
    bool stored = cache_put_rrset(c, &s, NOW);
    if (stored) {
        m->length[i] = length;
        m->fill[i] = fill;
    }
    return stored;
}

static uint16_t some_length(uint64_t *seed)
{
    uint32_t r = draw(seed);
    if (r % 200 == 0)
        return (uint16_t)(1 + draw(seed) % 15000);
    return (uint16_t)(1 + draw(seed) % (r % 10 == 0 ? 400 : 30));
}

/* ---- Cleaning -------------------------------------------------------------------------------- */

static void cleaning_keeps_every_living_entry(void **state)
{
    (void)state;
    static struct model m;
    memset(&m, 0, sizeof m);
    struct cache *c = cache_of(64 * MIB);
    uint64_t seed = 1;
    for (uint32_t step = 0; step < 400000; step++) {
        uint32_t i = draw(&seed) % 20000;
        assert_true(put_number(c, &m, i, (uint16_t)(1 + draw(&seed) % 60), (uint8_t)draw(&seed)));
    }
    check_against(c, &m, true);
    struct cache_figures f = figures_of(c);
    assert_int_equal(f.evictions[CACHE_RRSET], 0);
    uint64_t living = f.kind_bytes[CACHE_RRSET];
    size_t held = (size_t)c->core->store.held * SEGMENT_SIZE;
    print_message("after 400,000 replacements: living %llu, segments %zu\n",
                  (unsigned long long)living, held);
    assert_true(held <= living * 11 / 10 + 4 * SEGMENT_SIZE);
    cache_free(c);
}

static void segments_go_back_when_half_of_the_entries_go(void **state)
{
    (void)state;
    static struct model m;
    memset(&m, 0, sizeof m);
    struct cache *c = cache_of(64 * MIB);
    for (uint32_t i = 0; i < NUMBERS; i++)
        assert_true(put_number(c, &m, i, 100, (uint8_t)i));
    uint32_t before = c->core->store.held;
    for (uint32_t i = 0; i < NUMBERS; i += 2) {
        cache_flush_name(c, numbered("k", i));
        m.length[i] = 0;
    }
    for (uint32_t i = 0; i < 6000; i++) /* the cleaning comes with the next puts */
        assert_true(put_number(c, &m, 1, 100, (uint8_t)i));
    assert_true(c->core->store.held < before * 6 / 10 + 4);
    check_against(c, &m, true);
    cache_free(c);
}

/* ---- The budget ------------------------------------------------------------------------------ */

static void check_budget(const struct cache *c)
{
    struct cache_figures f = figures_of(c);
    assert_true(f.bytes <= f.budget);
}

static void random_operation(struct cache *c, struct model *m, uint64_t *seed)
{
    uint32_t i = draw(seed) % NUMBERS;
    struct rrset out;
    switch (draw(seed) % 2000) {
    case 0:
        assert_int_equal(cache_resize(c, CACHE_SIZE_MIN + draw(seed) % (3 * MIB)), OK);
        break;
    case 1:
        cache_flush_name(c, numbered("k", i));
        m->length[i] = 0;
        break;
    case 2:
        cache_drop_answers(c);
        break;
    default:
        if (draw(seed) % 2)
            cache_get_rrset(c, numbered("k", i % 3000), 16, NOW, &out);
        else
            (void)put_number(c, m, i, some_length(seed), (uint8_t)draw(seed));
    }
}

static void the_budget_is_never_exceeded(void **state)
{
    (void)state;
    static struct model m;
    memset(&m, 0, sizeof m);
    struct cache *c = cache_of(CACHE_SIZE_MIN);
    uint64_t seed = 2;
    for (uint32_t step = 0; step < 300000; step++) {
        random_operation(c, &m, &seed);
        check_budget(c);
        if (step % 50000 == 0)
            check_against(c, &m, false);
    }
    check_against(c, &m, false);
    cache_flush_all(c);
    memset(&m, 0, sizeof m);
    check_against(c, &m, false);
    cache_free(c);
}

static void the_budget_holds_in_the_midst_of_cleaning_too(void **state)
{
    (void)state;
    static struct model m;
    memset(&m, 0, sizeof m);
    struct cache *c = cache_of(CACHE_SIZE_MIN);
    uint64_t seed = 3;
    struct rrset out;
    for (uint32_t step = 0; step < 100000; step++) {
        cache_get_rrset(c, numbered("k", draw(&seed) % 2000), 16, NOW, &out);
        assert_true(put_number(c, &m, draw(&seed) % 20000, some_length(&seed), (uint8_t)step));
        assert_true(c->core->memory.peak <= CACHE_SIZE_MIN);
    }
    check_against(c, &m, false);
    cache_free(c);
}

static void entries_of_16_KiB_fill_the_budget_too(void **state)
{
    (void)state;
    struct cache *c = cache_of(4 * MIB);
    struct model *m = calloc(1, sizeof *m);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_true(put_number(c, m, i, 16200, (uint8_t)i));
        check_budget(c);
    }
    struct cache_figures f = figures_of(c);
    assert_true(f.kind_bytes[CACHE_RRSET] > f.budget * 7 / 10);
    check_against(c, m, false);
    free(m);
    cache_free(c);
}

static void a_full_cache_is_used_to_four_fifths(void **state)
{
    (void)state;
    struct cache *c = cache_of(16 * MIB);
    for (uint32_t i = 0; i < 400000; i++)
        assert_true(put_a(c, numbered("k", i), 1, NOW + 60));
    struct cache_figures f = figures_of(c);
    print_message("full: %.1f octets a name\n", (double)f.bytes / (double)f.entries[CACHE_RRSET]);
    assert_true(f.bytes <= f.budget);
    assert_true((double)f.bytes / (double)f.entries[CACHE_RRSET] < 99.0);
    assert_true(f.bytes >= f.budget * 4 / 5);
    struct rrset out;
    assert_int_equal(get_a(c, numbered("k", 399999), &out), CACHE_HIT);
    assert_int_equal(get_a(c, numbered("k", 399999 - 130000), &out), CACHE_HIT);
    cache_free(c);
}

static void shrinking_evicts_the_least_recently_used(void **state)
{
    (void)state;
    struct cache *c = cache_of(16 * MIB);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(put_a(c, numbered("k", i), 1, NOW + 60));
    struct rrset out;
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(get_a(c, numbered("k", i), &out), CACHE_HIT);
    assert_int_equal(cache_resize(c, 2 * MIB), OK);
    check_budget(c);
    assert_true(figures_of(c).evictions[CACHE_RRSET] > 70000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(get_a(c, numbered("k", i), &out), CACHE_HIT);
    assert_int_equal(get_a(c, numbered("k", 99999), &out), CACHE_HIT);
    assert_int_not_equal(get_a(c, numbered("k", 50000), &out), CACHE_HIT);
    assert_int_equal(cache_resize(c, CACHE_SIZE_MIN - 1), ERR_RANGE);
    assert_int_equal(cache_resize(c, 64 * MIB), OK);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(put_a(c, numbered("k", i), 1, NOW + 60));
    assert_int_equal(figures_of(c).entries[CACHE_RRSET], 100000);
    cache_free(c);
}

/* ---- The floor ------------------------------------------------------------------------------- */

static void a_flood_of_junk_names_evicts_no_delegation(void **state)
{
    (void)state;
    struct cache *c = cache_of(2 * MIB);
    struct delegation d = {.expiry = NOW + 60, .ns_count = 1, .ns = {name_root}};
    struct delegation out;
    for (uint32_t i = 0; i < 3000; i++) {
        d.zone = numbered("zone", i);
        assert_true(cache_put_delegation(c, &d, NOW));
    }
    assert_true(figures_of(c).kind_bytes[CACHE_DELEGATION] < 2 * MIB / 100 * CACHE_FLOOR_PERCENT);
    for (uint32_t i = 0; i < 200000; i++)
        assert_true(put_a(c, numbered("junk", i), 1, NOW + 60));
    struct cache_figures f = figures_of(c);
    assert_true(f.evictions[CACHE_RRSET] > 150000);
    assert_int_equal(f.evictions[CACHE_DELEGATION], 0);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(cache_get_delegation(c, numbered("zone", i), NOW, &out), CACHE_HIT);
    cache_free(c);
}

static void delegations_above_the_floor_make_way(void **state)
{
    (void)state;
    struct cache *c = cache_of(2 * MIB);
    struct server_state s = {.expiry = NOW + 60};
    for (uint32_t i = 0; i < 60000; i++) {
        struct endpoint at = {.family = 4, .port = 53};
        store_u32(at.bytes, i);
        assert_true(cache_put_server(c, &at, NULL, &s, NOW));
        check_budget(c);
    }
    struct cache_figures before = figures_of(c);
    assert_true(before.evictions[CACHE_SERVER] > 0); /* nothing else was left */
    assert_true(before.kind_bytes[CACHE_SERVER] > MIB);
    for (uint32_t i = 0; i < 60000; i++)
        assert_true(put_a(c, numbered("k", i), 1, NOW + 60));
    struct cache_figures f = figures_of(c);
    size_t floor = 2 * MIB / 100 * CACHE_FLOOR_PERCENT;
    assert_true(f.kind_bytes[CACHE_SERVER] <= floor);
    assert_true(f.kind_bytes[CACHE_SERVER] > floor * 9 / 10);
    cache_free(c);
}

/* ---- Failed allocations ---------------------------------------------------------------------- */

static void each_failed_allocation_at_start_is_reported(void **state)
{
    (void)state;
    struct cache_config config = {.size = CACHE_SIZE_MIN, .policy = "lru"};
    size_t failures = 0;
    for (size_t n = 1; n < 100; n++) {
        struct cache *c = NULL;
        enum err e = cache__new(&c, &config, n);
        if (e == OK) {
            cache_free(c);
            break;
        }
        assert_int_equal(e, ERR_NOMEM);
        assert_null(c);
        failures++;
    }
    assert_in_range(failures, 4, 98);
}

static void a_failed_allocation_refuses_a_put_and_harms_nothing(void **state)
{
    (void)state;
    static struct model m;
    memset(&m, 0, sizeof m);
    struct cache *c = cache_of(2 * MIB);
    uint64_t seed = 5;
    unsigned refused = 0;
    for (uint32_t step = 0; step < 200000; step++) {
        if (c->core->memory.fail_after == 0)
            c->core->memory.fail_after = 1 + draw(&seed) % 4;
        uint32_t i = draw(&seed) % NUMBERS;
        refused += !put_number(c, &m, i, some_length(&seed), (uint8_t)draw(&seed));
        check_budget(c);
    }
    c->core->memory.fail_after = 0;
    assert_true(refused > 100);
    check_against(c, &m, false);
    for (size_t n = 1; n <= 2; n++) {
        c->core->memory.fail_after = n;
        assert_int_equal(cache_resize(c, 8 * MIB), ERR_NOMEM);
        assert_int_equal(figures_of(c).budget, 2 * MIB);
        c->core->memory.fail_after = 0;
        check_budget(c);
    }
    cache_free(c);
}

/* ---- Reasons --------------------------------------------------------------------------------- */

static void evicted_entries_are_known_to_be_evicted(void **state)
{
    (void)state;
    struct cache *c = cache_of(16 * MIB);
    struct rrset out;
    uint32_t i = 0;
    while (figures_of(c).evictions[CACHE_RRSET] < 1000)
        assert_true(put_a(c, numbered("k", i++), 1, NOW + 60));
    uint32_t evicted = (uint32_t)figures_of(c).evictions[CACHE_RRSET];
    uint32_t known = 0;
    for (uint32_t k = 0; k < evicted; k++) {
        enum cache_miss miss = get_a(c, numbered("k", k), &out);
        assert_true(miss == MISS_EVICTED || miss == MISS_COLD);
        known += miss == MISS_EVICTED;
    }
    assert_true(known * 10 >= evicted * 8); /* fingerprints push each other out */
    assert_int_equal(get_a(c, numbered("k", i), &out), MISS_COLD);
    assert_true(put_a(c, numbered("k", 0), 1, NOW + 60));
    assert_int_equal(get_a(c, numbered("k", 0), &out), CACHE_HIT);
    cache_free(c);
}

static void what_was_past_its_time_when_it_made_way_is_expired(void **state)
{
    (void)state;
    struct cache *c = cache_of(CACHE_SIZE_MIN);
    struct rrset out;
    assert_true(put_a(c, wire("old.test"), 1, NOW + 1));
    for (uint32_t i = 0; figures_of(c).evictions[CACHE_RRSET] == 0; i++) {
        struct rrset s = set_of(numbered("k", i), 1, 4, 1, NOW + 60);
        assert_true(cache_put_rrset(c, &s, NOW + 2));
    }
    assert_int_equal(cache_get_rrset(c, wire("old.test"), 1, NOW + 2, &out), MISS_EXPIRED);
    assert_int_equal(figures_of(c).entries[CACHE_RRSET] > 0, 1);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleaning_keeps_every_living_entry),
        cmocka_unit_test(segments_go_back_when_half_of_the_entries_go),
        cmocka_unit_test(the_budget_is_never_exceeded),
        cmocka_unit_test(the_budget_holds_in_the_midst_of_cleaning_too),
        cmocka_unit_test(entries_of_16_KiB_fill_the_budget_too),
        cmocka_unit_test(a_full_cache_is_used_to_four_fifths),
        cmocka_unit_test(shrinking_evicts_the_least_recently_used),
        cmocka_unit_test(a_flood_of_junk_names_evicts_no_delegation),
        cmocka_unit_test(delegations_above_the_floor_make_way),
        cmocka_unit_test(each_failed_allocation_at_start_is_reported),
        cmocka_unit_test(a_failed_allocation_refuses_a_put_and_harms_nothing),
        cmocka_unit_test(evicted_entries_are_known_to_be_evicted),
        cmocka_unit_test(what_was_past_its_time_when_it_made_way_is_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
