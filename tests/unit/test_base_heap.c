#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"

struct item {
    struct heap_node node;
    unsigned number;
};

static unsigned shift(struct heap *h)
{
    struct heap_node *n = heap_first(h);
    assert_non_null(n);
    heap_remove(h, n);
    assert_false(heap_holds(n));
    return ((struct item *)n)->number;
}

static void the_least_key_comes_first(void **state)
{
    (void)state;
    static const uint64_t keys[] = {5, 3, UINT64_MAX, 0, 4, 1, 2};
    static const unsigned order[] = {3, 5, 6, 1, 4, 0, 2};
    struct item items[7] = {0};
    struct heap h;
    heap_init(&h);
    assert_null(heap_first(&h));
    for (unsigned i = 0; i < 7; i++) {
        items[i].number = i;
        assert_int_equal(heap_insert(&h, &items[i].node, keys[i]), OK);
        assert_true(heap_holds(&items[i].node));
    }
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(shift(&h), order[i]);
    assert_null(heap_first(&h));
    heap_deinit(&h);
}

static void equal_keys_come_out_as_they_went_in(void **state)
{
    (void)state;
    static struct item items[1000];
    struct heap h;
    heap_init(&h);
    for (unsigned i = 0; i < 1000; i++) {
        items[i].number = i;
        assert_int_equal(heap_insert(&h, &items[i].node, i % 3), OK);
    }
    for (unsigned key = 0; key < 3; key++)
        for (unsigned i = key; i < 1000; i += 3)
            assert_int_equal(shift(&h), i);
    heap_deinit(&h);
}

static void any_node_may_be_taken_out_and_put_back(void **state)
{
    (void)state;
    static struct item items[500];
    struct heap h;
    uint32_t random = 1;
    heap_init(&h);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(heap_insert(&h, &items[i].node, i), OK);
    for (unsigned i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        struct item *it = &items[(random >> 8) % 500];
        heap_remove(&h, &it->node);
        heap_remove(&h, &it->node);
        assert_int_equal(heap_insert(&h, &it->node, random >> 20), OK);
    }
    assert_int_equal(h.count, 500);
    uint64_t key = 0, sequence = 0;
    for (unsigned i = 0; i < 500; i++) {
        struct heap_node *n = heap_first(&h);
        assert_true(n->key > key || (n->key == key && n->sequence >= sequence));
        key = n->key;
        sequence = n->sequence;
        heap_remove(&h, n);
    }
    heap_deinit(&h);
}

static void nodes_of_a_deinited_heap_are_in_none(void **state)
{
    (void)state;
    struct item item = {0};
    struct heap h;
    heap_init(&h);
    assert_int_equal(heap_insert(&h, &item.node, 1), OK);
    heap_deinit(&h);
    assert_false(heap_holds(&item.node));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_key_comes_first),
        cmocka_unit_test(equal_keys_come_out_as_they_went_in),
        cmocka_unit_test(any_node_may_be_taken_out_and_put_back),
        cmocka_unit_test(nodes_of_a_deinited_heap_are_in_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
