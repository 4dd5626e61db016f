/* A copied delegation stands on its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/delegation.h"
#include "dns/name.h"

struct names {
    uint8_t zone[NAME_MAX_WIRE];
    uint8_t ns[2][NAME_MAX_WIRE];
};

static struct delegation delegation_of(struct names *n)
{
    assert_int_equal(name_from_text("Example.com.", n->zone), OK);
    assert_int_equal(name_from_text("ns1.example.com.", n->ns[0]), OK);
    assert_int_equal(name_from_text("ns.example.net.", n->ns[1]), OK);
    struct delegation d = {.zone = n->zone, .expiry = 77, .security = 3, .ns_count = 2};
    d.ns[0] = n->ns[0];
    d.ns[1] = n->ns[1];
    d.address_count = 1;
    d.address[0].ns = 1;
    assert_int_equal(endpoint_parse("192.0.2.1", 53, &d.address[0].at), OK);
    return d;
}

static void a_copy_does_not_need_what_it_was_made_from(void **state)
{
    (void)state;
    struct names names, expected;
    struct delegation d = delegation_of(&names);
    (void)delegation_of(&expected);
    struct arena arena;
    arena_init(&arena, NULL);
    struct delegation *copy = delegation_copy(&arena, &d);
    assert_non_null(copy);
    memset(&names, 0xff, sizeof(names));
    memset(&d, 0xff, sizeof(d));
    assert_true(name_equal_case(copy->zone, expected.zone));
    assert_int_equal(copy->expiry, 77);
    assert_int_equal(copy->security, 3);
    assert_int_equal(copy->ns_count, 2);
    assert_true(name_equal_case(copy->ns[0], expected.ns[0]));
    assert_true(name_equal_case(copy->ns[1], expected.ns[1]));
    char text[ADDR_TEXT_MAX];
    assert_int_equal(copy->address_count, 1);
    assert_int_equal(copy->address[0].ns, 1);
    assert_string_equal(endpoint_text(&copy->address[0].at, text), "192.0.2.1:53");
    arena_deinit(&arena);
}

static void a_copy_that_does_not_fit_is_null(void **state)
{
    (void)state;
    struct names names;
    struct delegation d = delegation_of(&names);
    struct gauge gauge = {.limit = SIZE_MAX, .fail_after = 1};
    struct arena arena;
    arena_init(&arena, &gauge);
    assert_null(delegation_copy(&arena, &d));
    arena_deinit(&arena);
    assert_int_equal(gauge.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_does_not_need_what_it_was_made_from),
        cmocka_unit_test(a_copy_that_does_not_fit_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
