/* The parts of net/ that need no socket: the request table, the exchange table, the stream's
 * frames. */
#include "tests/unit/net_fixture.h"

static struct gauge plenty(void)
{
    return (struct gauge){.limit = 64u << 20};
}

static void request_token_dies_with_the_request(void **state)
{
    (void)state;
    struct gauge g = plenty();
    struct requests r;
    net__requests_init(&r, &g);
    struct request *q = net__request_take(&r);
    uint64_t token = net__request_token(q);
    assert_true(token != 0);
    assert_ptr_equal(net__request_find(&r, token), q);
    net__request_drop(&r, q);
    assert_null(net__request_find(&r, token));
    assert_ptr_equal(net__request_take(&r), q);
    assert_null(net__request_find(&r, token));
    assert_null(net__request_find(&r, UINT64_MAX));
    net__requests_deinit(&r);
    assert_int_equal(g.used, 0);
}

static void requests_never_move_and_never_share_a_token(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static struct request *q[COUNT];
    struct gauge g = plenty();
    struct requests r;
    net__requests_init(&r, &g);
    for (size_t i = 0; i < COUNT; i++)
        q[i] = net__request_take(&r);
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(net__request_find(&r, net__request_token(q[i])), q[i]);
    assert_int_equal(r.taken, COUNT);
    net__requests_deinit(&r);
}

static void request_token_is_never_zero(void **state)
{
    (void)state;
    struct gauge g = plenty();
    struct requests r;
    net__requests_init(&r, &g);
    struct request *q = net__request_take(&r);
    assert_int_equal(q->index, 0);
    q->generation = INT32_MAX;
    net__request_drop(&r, q);
    q = net__request_take(&r);
    assert_true(net__request_token(q) != 0);
    assert_true(net__request_token(q) >> 63 == 0); /* that bit is the service's */
    net__requests_deinit(&r);
}

static void requests_are_bounded_by_the_gauge(void **state)
{
    (void)state;
    struct gauge g = {.limit = 300 * sizeof(struct request)};
    struct requests r;
    net__requests_init(&r, &g);
    size_t count = 0;
    while (count < 1000 && net__request_take(&r) != NULL)
        count++;
    assert_int_equal(count, 256);
    net__requests_deinit(&r);
}

static void gauge_can_be_made_to_fail(void **state)
{
    (void)state;
    struct gauge g = {.limit = 100, .fail_after = 2};
    void *first = net__alloc(&g, 10);
    assert_non_null(first);
    assert_null(net__alloc(&g, 10));
    void *third = net__alloc(&g, 90);
    assert_non_null(third);
    assert_null(net__alloc(&g, 1));
    net__release(&g, first, 10);
    net__release(&g, third, 90);
    net__release(&g, NULL, 5);
    assert_int_equal(g.used, 0);
}

static void exchanges_are_found_while_the_table_grows(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static struct exchange e[COUNT];
    struct exchanges x;
    assert_int_equal(net__exchanges_init(&x), OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        e[i].token = i << 32 | (i & 7);
        net__exchange_add(&x, &e[i]);
    }
    for (uint64_t i = 0; i < COUNT; i += 2)
        net__exchange_remove(&x, &e[i]);
    net__exchange_remove(&x, &e[0]);
    assert_int_equal(x.count, COUNT / 2);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_ptr_equal(net__exchange_find(&x, e[i].token), i % 2 == 0 ? NULL : &e[i]);
    net__exchanges_deinit(&x);
}

/* Cuts a stream of messages into pieces of `step` octets and expects them whole. */
static void cut_and_compare(size_t piece)
{
    enum { MESSAGES = 40 };
    static uint8_t stream[MESSAGES * 802];
    size_t size = 0, at = 0, seen = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        size_t length = i * 20;
        stream[size++] = (uint8_t)(length >> 8);
        stream[size++] = (uint8_t)length;
        memset(stream + size, (int)i, length);
        size += length;
    }
    struct gauge g = plenty();
    struct frames f = {0};
    static uint8_t buffer[sizeof stream];
    while (at < size) {
        size_t n = size - at < piece ? size - at : piece;
        memcpy(buffer, stream + at, n);
        assert_int_equal(net__frames_add(&f, &g, buffer, n), OK);
        at += n;
        const uint8_t *m;
        size_t length;
        while (net__frames_next(&f, &m, &length)) {
            assert_int_equal(length, seen * 20);
            for (size_t i = 0; i < length; i++)
                assert_int_equal(m[i], seen);
            seen++;
        }
        assert_int_equal(net__frames_keep(&f, &g), OK);
        memset(buffer, 0xee, n); /* the read buffer is another's now */
    }
    assert_int_equal(seen, MESSAGES);
    assert_int_equal(g.used, 0);
}

static void stream_cut_anywhere_gives_the_same_messages(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 70; piece++)
        cut_and_compare(piece);
    cut_and_compare(1000);
    cut_and_compare(5000);
    cut_and_compare(100000);
}

static void whole_message_is_read_in_place(void **state)
{
    (void)state;
    struct gauge none = {0};
    struct frames f = {0};
    uint8_t bytes[5] = {0, 3, 'a', 'b', 'c'};
    const uint8_t *m;
    size_t size;
    assert_int_equal(net__frames_add(&f, &none, bytes, sizeof bytes), OK);
    assert_true(net__frames_next(&f, &m, &size));
    assert_ptr_equal(m, bytes + 2);
    assert_int_equal(net__frames_keep(&f, &none), OK);
    assert_int_equal(net__frames_add(&f, &none, bytes, 4), OK);
    assert_false(net__frames_next(&f, &m, &size));
    assert_int_equal(net__frames_keep(&f, &none), ERR_NOMEM);
    net__frames_free(&f, &none);
}

static void endpoint_survives_the_socket_form(void **state)
{
    (void)state;
    const char *texts[] = {"192.0.2.7:5353", "[2001:db8::7]:53", "[fe80::1%1]:53"};
    for (size_t i = 0; i < 3; i++) {
        struct endpoint before, after;
        union net_sockaddr a;
        if (endpoint_parse(texts[i], 53, &before) != OK)
            continue; /* no interface with that index here */
        net__to_sockaddr(&before, &a);
        net__from_sockaddr(&a, &after);
        assert_true(endpoint_equal(&before, &after));
        assert_int_equal(before.scope, after.scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_token_dies_with_the_request),
        cmocka_unit_test(requests_never_move_and_never_share_a_token),
        cmocka_unit_test(request_token_is_never_zero),
        cmocka_unit_test(requests_are_bounded_by_the_gauge),
        cmocka_unit_test(gauge_can_be_made_to_fail),
        cmocka_unit_test(exchanges_are_found_while_the_table_grows),
        cmocka_unit_test(stream_cut_anywhere_gives_the_same_messages),
        cmocka_unit_test(whole_message_is_read_in_place),
        cmocka_unit_test(endpoint_survives_the_socket_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
