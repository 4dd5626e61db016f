#include "tests/unit/net_fixture.h"

#include <malloc.h>

static int udp_client(const struct rig *r)
{
    return open_client(&r->at, r->at.family, SOCK_DGRAM);
}

static void echo_over(const char *address)
{
    struct rig *r = rig_new(address);
    int fd = udp_client(r);
    uint8_t m[64];
    ssize_t got;
    udp_ask(fd, 7, 'e');
    AWAIT(r, (got = take(fd, m, sizeof m)) > 0);
    assert_int_equal(got, 6);
    assert_int_equal(m[1], 7);
    assert_int_equal(m[2], 0x80);
    assert_int_equal(net_pending(r->n), 0);
    close(fd);
    rig_free(r);
}

static void query_over_ipv4_is_answered(void **state)
{
    (void)state;
    echo_over("127.0.0.1");
}

static void query_over_ipv6_is_answered(void **state)
{
    (void)state;
    echo_over("::1");
}

static void waiting_queries_are_taken_by_the_batch(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    bool seen[100] = {false};
    for (uint8_t i = 0; i < 100; i++)
        udp_ask(fd, i, 'e');
    for (int i = 0; i < 100; i++) {
        AWAIT(r, take(fd, m, sizeof m) == 6);
        assert_false(seen[m[1]]);
        seen[m[1]] = true;
    }
    assert_int_equal(net_figures(r->n)->udp_received, 100);
    assert_int_equal(net_figures(r->n)->udp_sent, 100);
    assert_int_equal(net_figures(r->n)->udp_batches, 4);
    assert_int_equal(r->turns, 4);
    close(fd);
    rig_free(r);
}

static void late_answer_goes_to_its_asker(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int first = udp_client(r), second = udp_client(r);
    uint8_t m[64];
    udp_ask(first, 1, 'p');
    AWAIT(r, r->asked_count == 1);
    udp_ask(second, 2, 'p');
    AWAIT(r, r->asked_count == 2);
    assert_int_equal(net_pending(r->n), 2);
    net_answer(r->n, r->asked[1], (const uint8_t *)"two", 3);
    net_answer(r->n, r->asked[0], (const uint8_t *)"one", 3);
    net__turn(r->n);
    AWAIT(r, take(first, m, sizeof m) == 3);
    assert_memory_equal(m, "one", 3);
    AWAIT(r, take(second, m, sizeof m) == 3);
    assert_memory_equal(m, "two", 3);
    assert_int_equal(net_pending(r->n), 0);
    close(first);
    close(second);
    rig_free(r);
}

static void second_answer_to_one_request_is_ignored(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    udp_ask(fd, 1, 'p');
    AWAIT(r, r->asked_count == 1);
    net_answer(r->n, r->asked[0], (const uint8_t *)"one", 3);
    udp_ask(fd, 2, 'p'); /* takes the slot anew */
    AWAIT(r, r->asked_count == 2);
    net_answer(r->n, r->asked[0], (const uint8_t *)"stale", 5);
    net_answer(r->n, 0, (const uint8_t *)"none", 4);
    net__turn(r->n);
    AWAIT(r, take(fd, m, sizeof m) == 3);
    idle(r, 20);
    assert_true(take(fd, m, sizeof m) < 0);
    assert_int_equal(net_pending(r->n), 1);
    close(fd);
    rig_free(r);
}

static void answer_a_turn_after_the_batch(struct rig *r)
{
    for (size_t i = 0; i < r->asked_count; i++)
        net_answer(r->n, r->asked[i], (const uint8_t *)"late", 4);
    r->asked_count = 0;
}

static void more_answers_than_slots_all_leave(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    for (int i = 0; i < 200; i++) {
        udp_ask(fd, (uint8_t)i, 'p');
        step(r);
    }
    AWAIT(r, r->asked_count == 200);
    answer_a_turn_after_the_batch(r);
    net__turn(r->n);
    for (int i = 0; i < 200; i++)
        AWAIT(r, take(fd, m, sizeof m) == 4);
    assert_int_equal(net_figures(r->n)->udp_sent, 200);
    close(fd);
    rig_free(r);
}

/* Sends from an unconnected socket and returns who replied. */
static struct endpoint ask_and_see_source(struct rig *r, int fd, struct endpoint to, char kind)
{
    union net_sockaddr a = {0};
    socklen_t size = net__to_sockaddr(&to, &a);
    uint8_t m[6] = {0, 1, 0, (uint8_t)kind, 'n', 'u'};
    assert_int_equal(sendto(fd, m, sizeof m, 0, &a.any, size), sizeof m);
    size = sizeof a;
    AWAIT(r, recvfrom(fd, m, sizeof m, MSG_DONTWAIT, &a.any, &size) > 0);
    struct endpoint from;
    net__from_sockaddr(&a, &from);
    return from;
}

static void wildcard_listener_replies_from_the_address_asked(void **state)
{
    (void)state;
    struct rig *r = rig_new("0.0.0.0");
    int fd = open_client(NULL, 4, SOCK_DGRAM);
    struct endpoint to = parse("127.0.0.2");
    to.port = r->at.port;
    struct endpoint from = ask_and_see_source(r, fd, to, 'e');
    assert_true(endpoint_equal(&from, &to));
    to.bytes[3] = 77;
    r->on_turn = answer_a_turn_after_the_batch;
    from = ask_and_see_source(r, fd, to, 'p');
    assert_true(endpoint_equal(&from, &to));
    close(fd);
    rig_free(r);
}

static void ipv6_wildcard_listener_replies_from_the_address_asked(void **state)
{
    (void)state;
    struct rig *r = rig_new("::");
    int fd = open_client(NULL, 6, SOCK_DGRAM);
    struct endpoint to = parse("::1");
    to.port = r->at.port;
    struct endpoint from = ask_and_see_source(r, fd, to, 'e');
    assert_true(endpoint_equal(&from, &to));
    close(fd);
    rig_free(r);
}

static void both_wildcards_share_a_port(void **state)
{
    (void)state;
    struct rig *r = rig_new("0.0.0.0");
    struct endpoint six = parse("::");
    six.port = r->at.port;
    assert_int_equal(net_listen(r->n, &six), OK);
    rig_free(r);
}

static void dropped_and_oversized_queries_leave_nothing_behind(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    static uint8_t huge[UDP_QUERY_MAX + 1];
    uint8_t m[64];
    memset(huge, 'e', sizeof huge);
    udp_ask(fd, 1, 'd');
    assert_int_equal(send(fd, huge, sizeof huge, 0), sizeof huge);
    assert_int_equal(send(fd, huge, 0, 0), 0);
    AWAIT(r, net_figures(r->n)->udp_received == 3);
    assert_int_equal(r->query_count, 2);
    assert_int_equal(net_pending(r->n), 0);
    idle(r, 10);
    assert_true(take(fd, m, sizeof m) < 0);
    close(fd);
    rig_free(r);
}

static void refused_memory_drops_the_query_and_service_goes_on(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    r->work.limit = 0;
    udp_ask(fd, 1, 'e');
    AWAIT(r, net_figures(r->n)->udp_received == 1);
    assert_int_equal(r->query_count, 0);
    r->work.limit = 1 << 20;
    udp_ask(fd, 2, 'e');
    AWAIT(r, take(fd, m, sizeof m) == 6);
    assert_int_equal(m[1], 2);
    close(fd);
    rig_free(r);
}

static void answering_at_once_allocates_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    udp_ask(fd, 0, 'e');
    AWAIT(r, take(fd, m, sizeof m) == 6);
    size_t used = r->work.used;
    size_t heap = mallinfo2().uordblks;
    for (uint8_t i = 0; i < 200; i++) {
        udp_ask(fd, i, 'e');
        AWAIT(r, take(fd, m, sizeof m) == 6);
    }
    assert_int_equal(mallinfo2().uordblks, heap);
    assert_int_equal(r->work.used, used);
    close(fd);
    rig_free(r);
}

static void replies_carry_no_dont_fragment(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    struct udp_listener *l = CONTAINER_OF(r->n->udp.listeners.next, struct udp_listener, link);
    int mode = -1;
    socklen_t size = sizeof mode;
    assert_int_equal(getsockopt(l->fd, IPPROTO_IP, IP_MTU_DISCOVER, &mode, &size), 0);
    assert_int_equal(mode, IP_PMTUDISC_OMIT);
    rig_free(r);
}

static void receive_buffer_is_set(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.rcvbuf = 65536;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    struct udp_listener *l = CONTAINER_OF(r->n->udp.listeners.next, struct udp_listener, link);
    int octets = 0;
    socklen_t size = sizeof octets;
    assert_int_equal(getsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &octets, &size), 0);
    assert_int_equal(octets, 2 * 65536); /* the kernel doubles it for its own use */
    rig_free(r);
}

static void unsendable_reply_is_counted_and_others_leave(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = udp_client(r);
    uint8_t m[64];
    struct udp_listener *l = CONTAINER_OF(r->n->udp.listeners.next, struct udp_listener, link);
    struct endpoint nobody = parse("127.0.0.1");
    nobody.port = 0; /* as a query with source port 0 would ask for */
    struct net_local local = {0};
    udp_ask(fd, 1, 'p');
    AWAIT(r, r->asked_count == 1);
    memcpy(net__udp_reserve(l), "bad", 3);
    net__udp_commit(l, &nobody, &local, 3);
    net_answer(r->n, r->asked[0], (const uint8_t *)"good", 4);
    net__turn(r->n);
    AWAIT(r, take(fd, m, sizeof m) == 4);
    assert_int_equal(net_figures(r->n)->udp_send_failed, 1);
    assert_int_equal(net_figures(r->n)->udp_sent, 1);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_over_ipv4_is_answered),
        cmocka_unit_test(query_over_ipv6_is_answered),
        cmocka_unit_test(waiting_queries_are_taken_by_the_batch),
        cmocka_unit_test(late_answer_goes_to_its_asker),
        cmocka_unit_test(second_answer_to_one_request_is_ignored),
        cmocka_unit_test(more_answers_than_slots_all_leave),
        cmocka_unit_test(wildcard_listener_replies_from_the_address_asked),
        cmocka_unit_test(ipv6_wildcard_listener_replies_from_the_address_asked),
        cmocka_unit_test(both_wildcards_share_a_port),
        cmocka_unit_test(dropped_and_oversized_queries_leave_nothing_behind),
        cmocka_unit_test(refused_memory_drops_the_query_and_service_goes_on),
        cmocka_unit_test(answering_at_once_allocates_nothing),
        cmocka_unit_test(replies_carry_no_dont_fragment),
        cmocka_unit_test(receive_buffer_is_set),
        cmocka_unit_test(unsendable_reply_is_counted_and_others_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
