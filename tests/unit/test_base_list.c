#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/list.h"

struct item {
    unsigned number;
    struct list link;
};

static void a_list_is_a_queue(void **state)
{
    (void)state;
    struct list head;
    struct item items[3];
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_shift(&head));
    for (unsigned i = 0; i < 3; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    unsigned seen = 0;
    LIST_EACH (it, &head)
        assert_int_equal(CONTAINER_OF(it, struct item, link)->number, seen++);
    assert_int_equal(seen, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_ptr_equal(list_shift(&head), &items[i].link);
    assert_true(list_empty(&head));
}

static void a_node_may_be_removed_twice_and_while_walking(void **state)
{
    (void)state;
    struct list head;
    struct item items[5];
    list_init(&head);
    for (unsigned i = 0; i < 5; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    LIST_EACH_SAFE (it, next, &head) {
        if (CONTAINER_OF(it, struct item, link)->number % 2 == 0)
            list_remove(it);
    }
    list_remove(&items[0].link);
    assert_ptr_equal(list_shift(&head), &items[1].link);
    assert_ptr_equal(list_shift(&head), &items[3].link);
    assert_true(list_empty(&head));
}

static void a_read_past_the_end_fails_for_good(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
    struct cursor c = cursor_of(bytes, sizeof(bytes));
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_offset(&c), 3);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_left(&c), 3);
    c.failed = false;
    assert_int_equal(cursor_u16(&c), 0x0405);
    assert_int_equal(cursor_u8(&c), 6);
    assert_non_null(cursor_bytes(&c, 0));
    assert_null(cursor_bytes(&c, SIZE_MAX));
}

static void numbers_are_stored_in_network_order(void **state)
{
    (void)state;
    uint8_t bytes[4];
    store_u32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_int_equal(load_u16(bytes + 1), 0x0203);
    store_u32(bytes, UINT32_MAX);
    assert_true(load_u32(bytes) == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_a_queue),
        cmocka_unit_test(a_node_may_be_removed_twice_and_while_walking),
        cmocka_unit_test(a_read_past_the_end_fails_for_good),
        cmocka_unit_test(numbers_are_stored_in_network_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
