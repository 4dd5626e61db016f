#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void every_piece_is_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    uint8_t *pieces[300];
    arena_init(&a, NULL);
    for (unsigned i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&a, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i & 0xff, i);
    }
    for (unsigned i = 0; i < 300; i++)
        for (unsigned j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], i & 0xff);
    arena_deinit(&a);
}

static void the_gauge_counts_what_is_held_and_gets_all_back(void **state)
{
    (void)state;
    struct gauge g = {.limit = 1000000};
    struct arena a, b;
    arena_init(&a, &g);
    arena_init(&b, &g);
    assert_non_null(arena_alloc(&a, 100000));
    assert_non_null(arena_alloc(&b, 10));
    assert_true(g.used >= 100010);
    assert_int_equal(g.used, a.held + b.held);
    arena_deinit(&a);
    assert_int_equal(g.used, b.held);
    arena_deinit(&b);
    assert_int_equal(g.used, 0);
}

static void growth_over_the_limit_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct gauge g = {.limit = 5000};
    struct arena a;
    arena_init(&a, &g);
    char *kept = arena_copy(&a, "kept", 5);
    size_t used = g.used;
    assert_null(arena_alloc(&a, 5000));
    assert_int_equal(g.used, used);
    assert_string_equal(kept, "kept");
    assert_non_null(arena_alloc(&a, 1000));
    arena_deinit(&a);
    assert_int_equal(g.used, 0);
}

static void the_nth_growth_fails_once_when_a_test_asks(void **state)
{
    (void)state;
    struct gauge g = {.limit = SIZE_MAX, .fail_after = 2};
    struct arena a;
    arena_init(&a, &g);
    assert_non_null(arena_alloc(&a, 40000));
    assert_null(arena_alloc(&a, 40000));
    assert_int_equal(g.fail_after, 0);
    assert_non_null(arena_alloc(&a, 40000));
    arena_deinit(&a);
}

static void cleared_memory_is_zero_and_products_do_not_overflow(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    memset(arena_alloc(&a, 500), 0xff, 500);
    const uint8_t *p = arena_calloc(&a, 100, 7);
    for (unsigned i = 0; i < 700; i++)
        assert_int_equal(p[i], 0);
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_copy(&a, NULL, 0));
    arena_deinit(&a);
}

static void a_deinited_arena_may_be_used_again(void **state)
{
    (void)state;
    struct gauge g = {.limit = 100000};
    struct arena a;
    arena_init(&a, &g);
    for (unsigned i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&a, 50000));
        arena_deinit(&a);
    }
    assert_int_equal(g.used, 0);
}

static void what_is_adopted_stays_and_is_charged_once(void **state)
{
    (void)state;
    struct gauge gauge = {.limit = 100000};
    struct arena keeps, gives;
    arena_init(&keeps, &gauge);
    arena_init(&gives, &gauge);
    char *first = arena_copy(&keeps, "first", 6), *second = arena_copy(&gives, "second", 7);
    char *large = arena_alloc(&gives, 5000);
    memset(large, 'x', 5000);
    size_t used = gauge.used;
    arena_adopt(&keeps, &gives);
    assert_int_equal(gauge.used, used);
    arena_deinit(&gives); /* nothing is left in it */
    assert_int_equal(gauge.used, used);
    assert_non_null(arena_alloc(&gives, 10)); /* and it can be used anew */
    assert_non_null(arena_alloc(&keeps, 10));
    assert_string_equal(first, "first");
    assert_string_equal(second, "second");
    assert_int_equal(large[4999], 'x');
    arena_adopt(&keeps, &gives);
    arena_deinit(&keeps);
    assert_int_equal(gauge.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_aligned_and_apart),
        cmocka_unit_test(the_gauge_counts_what_is_held_and_gets_all_back),
        cmocka_unit_test(growth_over_the_limit_fails_and_changes_nothing),
        cmocka_unit_test(the_nth_growth_fails_once_when_a_test_asks),
        cmocka_unit_test(cleared_memory_is_zero_and_products_do_not_overflow),
        cmocka_unit_test(what_is_adopted_stays_and_is_charged_once),
        cmocka_unit_test(a_deinited_arena_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
