/*
 * Denials and their order: which record may cover a name, and what is left of a zone when records
 * go, memory is short, or there are very many.
 */
#include "cache_fixture.h"

#include "cache/internal.h"
#include "dns/types.h"

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

static bool put(struct cache *c, const char *zone, const char *owner, uint8_t fill)
{
    struct rrset set = set_of(wire(owner), TYPE_NSEC, 8, fill, NOW + 60);
    return cache_put_denial(c, wire(zone), &set, NOW);
}

/* The `fill` of the record that is found; 0: none. */
static unsigned find(struct cache *c, const char *zone, const char *at)
{
    struct rrset out;
    if (cache_find_denial(c, wire(zone), TYPE_NSEC, wire(at), NOW, &out))
        return 0;
    return out.rdata[2];
}

static void the_last_at_or_before_a_name_is_found(void **state)
{
    struct cache *c = *state;
    assert_true(put(c, "test", "m.test", 2));
    assert_true(put(c, "test", "test", 1));
    assert_true(put(c, "test", "z.test", 3));
    assert_int_equal(find(c, "test", "test"), 1);
    assert_int_equal(find(c, "test", "a.test"), 1);
    assert_int_equal(find(c, "test", "M.TEST"), 2);
    assert_int_equal(find(c, "test", "a.m.test"), 2);
    assert_int_equal(find(c, "test", "n.test"), 2);
    assert_int_equal(find(c, "test", "zz.test"), 3);
    assert_int_equal(find(c, "other", "a.other"), 0);
}

/* As the hashes of NSEC3 need it. */
static void before_the_first_comes_the_last(void **state)
{
    struct cache *c = *state;
    assert_true(put(c, "test", "m.test", 2));
    assert_true(put(c, "test", "p.test", 3));
    assert_int_equal(find(c, "test", "a.test"), 3);
}

static void zones_and_types_are_kept_apart(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    assert_true(put(c, "test", "sub.test", 1));
    assert_true(put(c, "sub.test", "sub.test", 2));
    assert_int_equal(find(c, "test", "sub.test"), 1);
    assert_int_equal(find(c, "sub.test", "a.sub.test"), 2);
    assert_true(cache_find_denial(c, wire("test"), TYPE_NSEC3, wire("z.test"), NOW, &out));
    assert_int_equal(cache_get_denial(c, wire("test"), TYPE_NSEC, wire("sub.test"), NOW, &out),
                     CACHE_HIT);
    assert_true(cache_get_denial(c, wire("test"), TYPE_SOA, wire("test"), NOW, &out));
}

static void a_record_that_has_gone_is_forgotten(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    assert_true(put(c, "test", "test", 1));
    struct rrset set = set_of(wire("m.test"), TYPE_NSEC, 8, 2, NOW + 10);
    assert_true(cache_put_denial(c, wire("test"), &set, NOW));
    assert_int_equal(find(c, "test", "n.test"), 2);
    for (unsigned i = 0; i < 2; i++) /* the name goes with the first find */
        assert_int_equal(
            cache_find_denial(c, wire("test"), TYPE_NSEC, wire("n.test"), NOW + 10, &out),
            i ? CACHE_HIT : MISS_EXPIRED);
    assert_int_equal(out.rdata[2], 1);
    assert_int_equal(cache_find_denial(c, wire("test"), TYPE_NSEC, wire("n.test"), NOW + 60, &out),
                     MISS_EXPIRED);
    assert_int_equal(c->core->spans.zones, 0);
    assert_int_equal(c->core->spans.bytes, 0);
}

static void the_deepest_zone_that_is_known_is_found(void **state)
{
    struct cache *c = *state;
    assert_int_equal(cache_denial_zone(c, wire("a.test"), 0), -1);
    assert_true(put(c, "test", "test", 1));
    assert_true(put(c, "c.b.test", "c.b.test", 2));
    assert_int_equal(cache_denial_zone(c, wire("x.C.b.TEST"), 0), 3);
    assert_int_equal(cache_denial_zone(c, wire("c.b.test"), 3), 3);
    assert_int_equal(cache_denial_zone(c, wire("b.test"), 0), 1);
    assert_int_equal(cache_denial_zone(c, wire("b.test"), 1), 1);
    assert_int_equal(cache_denial_zone(c, wire("b.test"), 2), -1);
    assert_int_equal(cache_denial_zone(c, wire("b.test"), 3), -1);
    assert_int_equal(cache_denial_zone(c, wire("test"), 0), 1);
    assert_int_equal(cache_denial_zone(c, wire("other"), 0), -1);
    assert_true(put(c, ".", ".", 3));
    assert_int_equal(cache_denial_zone(c, wire("other"), 0), 0);
    assert_int_equal(cache_denial_zone(c, wire("."), 0), 0);
}

/* Else a name that was made a moment ago would stay denied, whoever flushes it. */
static void what_is_flushed_is_denied_by_no_zone_above(void **state)
{
    struct cache *c = *state;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(put(c, ".", ".", 1));
        assert_true(put(c, "test", "test", 2));
        assert_true(put(c, "b.test", "b.test", 3));
        assert_true(put(c, "x.b.test", "x.b.test", 4));
        if (i == 0)
            cache_flush_name(c, wire("B.test"));
        else
            cache_flush_zone(c, wire("B.test"));
        assert_int_equal(find(c, "test", "c.test"), 0);
        assert_int_equal(find(c, "b.test", "c.b.test"), 0);
        assert_int_equal(find(c, "x.b.test", "c.x.b.test"), i == 0 ? 4 : 0);
        assert_int_equal(c->core->spans.zones, i == 0);
    }
}

static void a_flush_of_very_many_goes_in_slices(void **state)
{
    struct cache *c = *state;
    struct spans *s = &c->core->spans;
    struct cache_flush f = {0};
    unsigned slices = 1;
    char zone[64], name[64];
    spans__resize(s, SPANS_SHARE * ((size_t)64 << 20));
    for (unsigned z = 0; z < 100; z++) {
        snprintf(zone, sizeof zone, "z%u.test", z);
        for (unsigned i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "n%u.z%u.test", i, z);
            assert_true(spans__add(s, wire(zone), TYPE_NSEC, wire(name)));
        }
    }
    for (size_t before = s->bytes; !cache_flush_slice(c, NULL, &f); slices++, before = s->bytes)
        assert_true(s->bytes < before);
    assert_true(slices >= 5);
    assert_int_equal(s->bytes, 0);
}

/* By workers that read, the budget is not to be passed at any moment: there must be room all the
 * same. */
static void in_a_full_cache_there_is_room_for_the_order(void **state)
{
    (void)state;
    struct cache *c;
    static struct epoch epoch;
    char text[64];
    unsigned found = 0;
    epoch_init(&epoch, 1);
    struct cache_config config = {.size = 2 * MIB, .policy = "lru", .epoch = &epoch};
    assert_int_equal(cache_new(&c, &config), OK);
    for (unsigned i = 0; i < 60000; i++) {
        snprintf(text, sizeof text, "h%u.test", i);
        struct rrset set = set_of(wire(text), TYPE_A, 100, 1, NOW + 60);
        epoch_online(&epoch, 0);
        cache_put_rrset(c, &set, NOW);
        epoch_offline(&epoch, 0);
    }
    epoch_online(&epoch, 0);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "n%04u.test", i);
        epoch_quiescent(&epoch, 0);
        put(c, "test", text, 7);
        found += find(c, "test", text) == 7;
    }
    assert_true(found >= 490);
    epoch_offline(&epoch, 0);
    cache_free(c);
}

static void a_flush_of_a_zone_takes_the_order_along(void **state)
{
    struct cache *c = *state;
    assert_true(put(c, "a.test", "a.test", 1));
    assert_true(put(c, "b.a.test", "b.a.test", 2));
    assert_true(put(c, "b.test", "b.test", 3));
    cache_flush_zone(c, wire("a.test"));
    assert_int_equal(c->core->spans.zones, 1);
    assert_int_equal(find(c, "a.test", "x.a.test"), 0);
    assert_int_equal(find(c, "b.a.test", "x.b.a.test"), 0);
    assert_int_equal(find(c, "b.test", "x.b.test"), 3);
    cache_flush_all(c);
    assert_int_equal(c->core->spans.bytes, 0);
}

static void a_zone_has_so_many_names_and_no_more(void **state)
{
    struct cache *c = *state;
    struct spans s;
    char text[64];
    spans__init(&s, &c->core->memory, &c->core->hash_key);
    spans__resize(&s, (size_t)1 << 30);
    size_t full = 0;
    for (unsigned i = 0; i < SPANS_PER_ZONE + 500; i++) {
        if (i == SPANS_PER_ZONE)
            full = s.bytes;
        snprintf(text, sizeof text, "n%06u.test", i * 7919 % 100003);
        assert_true(spans__add(&s, wire("test"), TYPE_NSEC, wire(text)));
        assert_true(name_equal(spans__find(&s, wire("test"), TYPE_NSEC, wire(text)), wire(text)));
    }
    assert_int_equal(s.bytes, full); /* names of one length take each other's place */
    spans__deinit(&s);
    assert_int_equal(s.bytes, 0);
}

static void of_many_zones_the_longest_unused_goes(void **state)
{
    struct cache *c = *state;
    struct spans s;
    char zone[64];
    spans__init(&s, &c->core->memory, &c->core->hash_key);
    spans__resize(&s, SPANS_SHARE * (size_t)16384);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(zone, sizeof zone, "z%u.test", i);
        assert_true(spans__add(&s, wire(zone), TYPE_NSEC, wire(zone)));
        assert_true(s.bytes <= s.limit);
        assert_non_null(spans__find(&s, wire("z0.test"), TYPE_NSEC, wire("z0.test")));
    }
    assert_null(spans__find(&s, wire("z1.test"), TYPE_NSEC, wire("z1.test")));
    assert_non_null(spans__find(&s, wire("z999.test"), TYPE_NSEC, wire("z999.test")));
    spans__deinit(&s);
}

static void of_very_many_zones_the_longest_unused_go(void **state)
{
    struct cache *c = *state;
    struct spans s;
    char zone[64];
    spans__init(&s, &c->core->memory, &c->core->hash_key);
    spans__resize(&s, (size_t)1 << 30);
    for (unsigned i = 0; i < SPANS_ZONES + 10; i++) {
        snprintf(zone, sizeof zone, "z%u.test", i);
        assert_true(spans__add(&s, wire(zone), TYPE_NSEC, wire(zone)));
    }
    assert_int_equal(s.zones, SPANS_ZONES);
    assert_null(spans__find(&s, wire("z9.test"), TYPE_NSEC, wire("z9.test")));
    assert_non_null(spans__find(&s, wire("z10.test"), TYPE_NSEC, wire("z10.test")));
    spans__deinit(&s);
    assert_int_equal(s.bytes, 0);
}

/* Against a plain list, with names that come and go. */
static void the_order_is_that_of_a_plain_list(void **state)
{
    struct cache *c = *state;
    enum { NAMES = 300 };
    bool there[NAMES] = {false};
    struct spans s;
    uint64_t random = 3;
    char text[64];
    spans__init(&s, &c->core->memory, &c->core->hash_key);
    spans__resize(&s, (size_t)1 << 30);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned n = draw(&random) % NAMES, at = n;
        snprintf(text, sizeof text, "n%03u.test", n);
        if (draw(&random) % 3 == 0)
            spans__remove(&s, wire("test"), TYPE_NSEC, wire(text));
        else
            assert_true(spans__add(&s, wire("test"), TYPE_NSEC, wire(text)));
        const uint8_t *found = spans__find(&s, wire("test"), TYPE_NSEC, wire(text));
        there[n] = found && name_equal(found, wire(text));
        for (unsigned k = 0; k < NAMES && !there[at]; k++)
            at = (at + NAMES - 1) % NAMES;
        snprintf(text, sizeof text, "n%03u.test", at);
        assert_true(there[at] ? found && name_equal(found, wire(text)) : !found);
    }
    spans__deinit(&s);
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    for (size_t n = 1; n < 60; n++) {
        struct cache_config config = {.size = 4 * MIB, .policy = "lru"};
        struct cache *c;
        if (cache__new(&c, &config, 0))
            continue;
        c->core->memory.fail_after = n;
        for (unsigned i = 0; i < 20; i++) {
            char text[64];
            snprintf(text, sizeof text, "n%u.test", i);
            put(c, "test", text, 1);
        }
        c->core->memory.fail_after = 0;
        find(c, "test", "n5.test");
        cache_flush_all(c);
        assert_int_equal(c->core->spans.bytes, 0);
        cache_free(c);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_at_or_before_a_name_is_found),
        TEST(before_the_first_comes_the_last),
        TEST(zones_and_types_are_kept_apart),
        TEST(a_record_that_has_gone_is_forgotten),
        TEST(a_flush_of_a_zone_takes_the_order_along),
        TEST(a_zone_has_so_many_names_and_no_more),
        TEST(of_many_zones_the_longest_unused_goes),
        TEST(the_order_is_that_of_a_plain_list),
        TEST(without_memory_nothing_is_lost),
        TEST(the_deepest_zone_that_is_known_is_found),
        TEST(what_is_flushed_is_denied_by_no_zone_above),
        TEST(a_flush_of_very_many_goes_in_slices),
        TEST(in_a_full_cache_there_is_room_for_the_order),
        TEST(of_very_many_zones_the_longest_unused_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
