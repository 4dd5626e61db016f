/* Special zones: which names are answered here, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/types.h"
#include "zones/special.h"

static struct arena arena;
static struct special_zones *zones;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return special_zones_new(&zones, &arena) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct special_answer find(const char *name, uint16_t type)
{
    uint8_t wire[NAME_MAX_WIRE];
    struct special_answer answer;
    assert_int_equal(name_from_text(name, wire), OK);
    special_find(zones, wire, type, &answer);
    return answer;
}

#define V6_ZEROS "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."

static const struct {
    const char *name;
    uint16_t type;
    enum special_kind kind;
} cases[] = {
    /* ours: exact, below, in any case */
    {"localhost.", TYPE_A, SPECIAL_ANSWER},
    {"LocalHost.", TYPE_AAAA, SPECIAL_ANSWER},
    {"a.b.localhost.", TYPE_A, SPECIAL_ANSWER},
    {"localhost.", TYPE_MX, SPECIAL_NODATA},
    {"a.localhost.", TYPE_NS, SPECIAL_NODATA},
    {"a.localhost.", TYPE_DS, SPECIAL_NODATA},
    {"invalid.", TYPE_A, SPECIAL_NODATA},
    {"invalid.", TYPE_SOA, SPECIAL_ANSWER},
    {"invalid.", TYPE_NS, SPECIAL_ANSWER},
    {"a.invalid.", TYPE_A, SPECIAL_NXDOMAIN},
    {"abc.onion.", TYPE_AAAA, SPECIAL_NXDOMAIN},
    {"www.test.", TYPE_A, SPECIAL_NXDOMAIN},
    {"printer.home.arpa.", TYPE_A, SPECIAL_NXDOMAIN},
    {"1.0.0.10.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"10.in-addr.arpa.", TYPE_PTR, SPECIAL_NODATA},
    {"1.1.16.172.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"1.1.31.172.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"1.1.168.192.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"1.1.64.100.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"1.1.127.100.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"255.255.255.255.in-addr.arpa.", TYPE_PTR, SPECIAL_NODATA},
    {"1.0.0.127.in-addr.arpa.", TYPE_PTR, SPECIAL_ANSWER},
    {"1.0.0.127.in-addr.arpa.", TYPE_A, SPECIAL_NODATA},
    {"0.0.127.in-addr.arpa.", TYPE_PTR, SPECIAL_NODATA},
    {"2.0.0.127.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"a.1.0.0.127.in-addr.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"1." V6_ZEROS, TYPE_PTR, SPECIAL_ANSWER},
    {"0." V6_ZEROS, TYPE_PTR, SPECIAL_NODATA},
    {"x.d.f.ip6.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"x.b.e.f.ip6.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    {"x.8.b.d.0.1.0.0.2.ip6.arpa.", TYPE_PTR, SPECIAL_NXDOMAIN},
    /* not ours: neighbours, parents, the parent's side of the cut */
    {".", TYPE_NS, SPECIAL_NONE},
    {"arpa.", TYPE_NS, SPECIAL_NONE},
    {"com.", TYPE_A, SPECIAL_NONE},
    {"example.", TYPE_A, SPECIAL_NONE},
    {"www.example.com.", TYPE_A, SPECIAL_NONE},
    {"localhost.example.com.", TYPE_A, SPECIAL_NONE},
    {"notlocalhost.", TYPE_A, SPECIAL_NONE},
    {"localhos.", TYPE_A, SPECIAL_NONE},
    {"localhostt.", TYPE_A, SPECIAL_NONE},
    {"zzz.", TYPE_A, SPECIAL_NONE},
    {"\\000.", TYPE_A, SPECIAL_NONE},
    {"arpa.home.", TYPE_A, SPECIAL_NONE},
    {"1.1.15.172.in-addr.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"1.1.32.172.in-addr.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"172.in-addr.arpa.", TYPE_NS, SPECIAL_NONE},
    {"1.1.63.100.in-addr.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"1.1.128.100.in-addr.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"254.255.255.255.in-addr.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"2." V6_ZEROS, TYPE_PTR, SPECIAL_NONE},
    {"x.c.f.ip6.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"c.e.f.ip6.arpa.", TYPE_PTR, SPECIAL_NONE},
    {"home.arpa.", TYPE_DS, SPECIAL_NONE},
    {"10.in-addr.arpa.", TYPE_DS, SPECIAL_NONE},
    {"localhost.", TYPE_DS, SPECIAL_NONE},
};

static void names_are_judged_by_the_zone_they_are_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct special_answer answer = find(cases[i].name, cases[i].type);
        if (answer.kind != cases[i].kind)
            fail_msg("%s type %u: %d, not %d", cases[i].name, cases[i].type, answer.kind,
                     cases[i].kind);
    }
}

static void localhost_has_the_loopback_addresses(void **state)
{
    (void)state;
    struct special_answer answer = find("foo.localhost.", TYPE_A);
    assert_int_equal(answer.count, 1);
    struct rrset_iter it = rrset_records(answer.records[0]);
    assert_true(rrset_next(&it));
    assert_int_equal(it.length, 4);
    assert_memory_equal(it.rdata, "\177\0\0\1", 4);
    assert_false(rrset_next(&it));

    answer = find("localhost.", TYPE_AAAA);
    it = rrset_records(answer.records[0]);
    assert_true(rrset_next(&it));
    assert_int_equal(it.length, 16);
    assert_memory_equal(it.rdata, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);

    assert_int_equal(find("localhost.", TYPE_ANY).count, 2);
}

static void loopback_addresses_are_named_localhost(void **state)
{
    (void)state;
    static const char *const names[] = {"1.0.0.127.in-addr.arpa.", "1." V6_ZEROS};
    for (int i = 0; i < 2; i++) {
        struct special_answer answer = find(names[i], TYPE_PTR);
        struct rrset_iter it = rrset_records(answer.records[0]);
        assert_true(rrset_next(&it));
        assert_memory_equal(it.rdata, "\11localhost", 11);
    }
}

static void a_negative_answer_carries_the_zones_own_soa(void **state)
{
    (void)state;
    struct special_answer answer = find("a.b.16.172.in-addr.arpa.", TYPE_PTR);
    assert_int_equal(answer.count, 1);
    const struct rrset *soa = answer.records[0];
    uint8_t apex[NAME_MAX_WIRE];
    assert_int_equal(name_from_text("16.172.in-addr.arpa.", apex), OK);
    assert_int_equal(soa->type, TYPE_SOA);
    assert_true(name_equal(soa->owner, apex));
    assert_int_equal(soa->expiry, 10800);
    struct rrset_iter it = rrset_records(soa);
    assert_true(rrset_next(&it));
    assert_true(name_equal(it.rdata, apex));
    assert_int_equal(load_u32(it.rdata + it.length - 4), 10800); /* MINIMUM */
}

static void building_in_too_little_memory_fails_cleanly(void **state)
{
    (void)state;
    for (size_t n = 1; n < 4; n++) {
        struct gauge gauge = {.limit = SIZE_MAX, .fail_after = n};
        struct arena small;
        struct special_zones *z;
        arena_init(&small, &gauge);
        enum err e = special_zones_new(&z, &small);
        assert_true(e == OK || e == ERR_NOMEM);
        assert_true(n > 1 || e == ERR_NOMEM);
        arena_deinit(&small);
        assert_int_equal(gauge.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_judged_by_the_zone_they_are_in),
        cmocka_unit_test(localhost_has_the_loopback_addresses),
        cmocka_unit_test(loopback_addresses_are_named_localhost),
        cmocka_unit_test(a_negative_answer_carries_the_zones_own_soa),
        cmocka_unit_test(building_in_too_little_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
