#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/delegation.h"
#include "dns/rrset.h"
#include "dns/types.h"

static const uint8_t owner[] = "\1a\1z";

struct record {
    const char *bytes;
    uint16_t size;
};

static struct rrset *set_of(struct arena *a, uint16_t type, const struct record *at, size_t count)
{
    struct rrset_builder b;
    assert_int_equal(rrset_build(&b, a, owner, type, 100), OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rrset_add(&b, (const uint8_t *)at[i].bytes, at[i].size), OK);
    return rrset_finish(&b);
}

static void records_come_back_in_order_without_duplicates(void **state)
{
    (void)state;
    struct arena a;
    static const struct record records[] = {
        {"\0\2\1b", 5}, {"\0\1\1a", 5}, {"\0\2\1B", 5}, {"\0\1\1a", 5}};
    arena_init(&a, NULL);
    struct rrset *s = set_of(&a, TYPE_MX, records, 4);
    assert_int_equal(s->count, 2);
    assert_int_equal(s->rdata_size, 14);
    struct rrset_iter it = rrset_records(s);
    assert_true(rrset_next(&it));
    assert_memory_equal(it.rdata, "\0\2\1b", 5);
    assert_true(rrset_next(&it));
    assert_memory_equal(it.rdata, "\0\1\1a", 5);
    assert_false(rrset_next(&it));
    arena_deinit(&a);
}

/* Each name twice, the second time in other letters, then signatures twice, past every first size.
 */
static void a_long_set_has_no_duplicates_whatever_their_case(void **state)
{
    (void)state;
    struct arena a;
    struct rrset_builder b;
    enum { NAMES = 150 };
    arena_init(&a, NULL);
    assert_int_equal(rrset_build(&b, &a, (const uint8_t *)"", TYPE_NS, 1000), OK);
    for (unsigned i = 0; i < 2 * NAMES; i++) {
        char label[16];
        uint8_t name[20];
        int size = snprintf(label, sizeof label, i < NAMES ? "name-zZ%u" : "NAME-Zz%u", i % NAMES);
        name[0] = (uint8_t)size;
        memcpy(name + 1, label, (size_t)size + 1);
        assert_int_equal(rrset_add(&b, name, (uint16_t)(size + 2)), OK);
    }
    assert_int_equal(b.set->count, NAMES);
    for (unsigned i = 0; i < 2 * NAMES; i++) {
        uint8_t rdata[24] = {0, TYPE_NS, 8, [17] = (uint8_t)(i % NAMES), [18] = 0, [19] = 7};
        assert_int_equal(rrset_sign(&b, rdata, 20), OK);
    }
    assert_int_equal(b.set->signatures, NAMES);
    struct rrset *s = rrset_finish(&b);
    struct rrset_iter it = rrset_records(s);
    assert_true(rrset_next(&it));
    assert_memory_equal(it.rdata, "\10name-zZ0", 10);
    arena_deinit(&a);
}

static void sameness_ignores_order_ttl_signatures_and_case_of_names(void **state)
{
    (void)state;
    struct arena a;
    static const struct record one[] = {{"\0\1\1a", 5}, {"\0\2\1b", 5}};
    static const struct record two[] = {{"\0\2\1B", 5}, {"\0\1\1A", 5}};
    static const struct record three[] = {{"\0\2\1B", 5}, {"\0\1\1c", 5}};
    arena_init(&a, NULL);
    struct rrset *s = set_of(&a, TYPE_MX, one, 2);
    struct rrset *t = set_of(&a, TYPE_MX, two, 2);
    t->expiry = 7;
    t->owner = (const uint8_t *)"\1A\1Z";
    assert_true(rrset_same_records(s, t));
    assert_false(rrset_same_records(s, set_of(&a, TYPE_MX, three, 2)));
    assert_false(rrset_same_records(s, set_of(&a, TYPE_MX, one, 1)));
    assert_false(rrset_same_records(set_of(&a, TYPE_KX, one, 2), s));
    t->owner = (const uint8_t *)"\1b\1Z";
    assert_false(rrset_same_records(s, t));
    arena_deinit(&a);
}

static void a_copy_shares_nothing_with_its_original(void **state)
{
    (void)state;
    struct arena a, b;
    static const struct record records[] = {{"\1\1\1\1", 4}};
    arena_init(&a, NULL);
    arena_init(&b, NULL);
    struct rrset *copy = rrset_copy(&b, set_of(&a, TYPE_A, records, 1));
    arena_deinit(&a);
    assert_memory_equal(copy->owner, owner, sizeof(owner));
    assert_memory_equal(copy->rdata, "\0\4\1\1\1\1", 6);
    assert_int_equal(copy->expiry, 100);
    arena_deinit(&b);
}

static void a_set_ends_at_65535_octets(void **state)
{
    (void)state;
    struct arena a;
    struct rrset_builder b;
    static uint8_t rdata[65535];
    arena_init(&a, NULL);
    assert_int_equal(rrset_build(&b, &a, owner, 65280, 1), OK);
    assert_int_equal(rrset_add(&b, rdata, 65535), ERR_LIMIT);
    assert_int_equal(rrset_add(&b, rdata, 60000), OK);
    assert_int_equal(rrset_add(&b, rdata, 5531 + 1), ERR_LIMIT);
    assert_int_equal(rrset_add(&b, rdata, 5531), OK);
    assert_int_equal(rrset_reserve(&b, 65536), ERR_LIMIT);
    struct rrset *s = rrset_finish(&b);
    assert_int_equal(s->rdata_size, 65535);
    assert_int_equal(s->count, 2);
    arena_deinit(&a);
}

static void building_reports_memory_that_runs_out(void **state)
{
    (void)state;
    static uint8_t rdata[3000];
    enum err e = ERR_NOMEM;
    for (size_t n = 1; e && n < 10; n++) {
        struct gauge g = {.limit = SIZE_MAX, .fail_after = n};
        struct arena a;
        struct rrset_builder b;
        arena_init(&a, &g);
        e = rrset_build(&b, &a, owner, 65280, 1);
        if (!e)
            e = rrset_add(&b, rdata, sizeof(rdata));
        assert_true(e == OK || (e == ERR_NOMEM && n <= 2));
        arena_deinit(&a);
    }
    assert_int_equal(e, OK);
}

static void signatures_follow_the_records(void **state)
{
    (void)state;
    struct arena a;
    struct rrset_builder b;
    static const uint8_t signature[] = "\0\1\10\2\0\0\1\54\0\0\0\2\0\0\0\1\1\2\1z\0\252";
    char buf[500];
    arena_init(&a, NULL);
    assert_int_equal(rrset_build(&b, &a, owner, TYPE_A, 100), OK);
    assert_int_equal(rrset_add(&b, (const uint8_t *)"\1\1\1\1", 4), OK);
    assert_int_equal(rrset_sign(&b, signature, sizeof(signature) - 1), OK);
    assert_int_equal(rrset_sign(&b, signature, sizeof(signature) - 1), OK);
    struct rrset *s = rrset_finish(&b);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->signatures, 1);
    assert_string_equal(
        rrset_text(s, 60, buf, sizeof(buf)),
        "a.z.\t40\tIN\tA\t1.1.1.1\n"
        "a.z.\t40\tIN\tRRSIG\tA 8 2 300 19700101000002 19700101000001 258 z. qg==\n");
    assert_string_equal(rrset_text(s, 60, buf, 5), "a.z.");
    arena_deinit(&a);
}

static void a_delegation_is_copied_with_its_names(void **state)
{
    (void)state;
    struct arena a;
    uint8_t zone[] = "\1z";
    uint8_t ns[] = "\2ns\1z";
    struct delegation d = {.zone = zone, .expiry = 5, .ns_count = 1, .ns = {ns}};
    arena_init(&a, NULL);
    struct delegation *copy = delegation_copy(&a, &d);
    memset(zone, 0, sizeof(zone));
    memset(ns, 0, sizeof(ns));
    assert_memory_equal(copy->zone, "\1z", 3);
    assert_memory_equal(copy->ns[0], "\2ns\1z", 6);
    assert_int_equal(copy->expiry, 5);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_in_order_without_duplicates),
        cmocka_unit_test(a_long_set_has_no_duplicates_whatever_their_case),
        cmocka_unit_test(sameness_ignores_order_ttl_signatures_and_case_of_names),
        cmocka_unit_test(a_copy_shares_nothing_with_its_original),
        cmocka_unit_test(a_set_ends_at_65535_octets),
        cmocka_unit_test(building_reports_memory_that_runs_out),
        cmocka_unit_test(signatures_follow_the_records),
        cmocka_unit_test(a_delegation_is_copied_with_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
