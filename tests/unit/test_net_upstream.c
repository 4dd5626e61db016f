#include "tests/unit/net_fixture.h"

static struct endpoint here(int fd)
{
    struct endpoint e;
    assert_int_equal(net__bound_to(fd, &e), 0);
    return e;
}

/* Receives a query at the server's socket and says from where; -1 size while there is none. */
static ssize_t receive(int fd, uint8_t *m, size_t size, union net_sockaddr *from)
{
    socklen_t length = sizeof *from;
    return recvfrom(fd, m, size, MSG_DONTWAIT, &from->any, &length);
}

static socklen_t size_of(const union net_sockaddr *a)
{
    return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

static void reply_to(int fd, const union net_sockaddr *to, const char *text)
{
    size_t size = strlen(text);
    assert_int_equal(sendto(fd, text, size, 0, &to->any, size_of(to)), size);
}

static void cancel(struct rig *r, uint64_t token)
{
    r->w->ops->cancel(r->w, token);
}

static struct rig *rig_upstream(void)
{
    struct rig *r = rig_prepare();
    rig_open(r);
    return r;
}

static void reply_reaches_its_exchange(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    int server = open_server(SOCK_DGRAM, &to);
    union net_sockaddr first, second;
    uint8_t m[64];
    assert_int_equal(ask_server(r, 11, &to, TRANSPORT_UDP, 1), OK);
    AWAIT(r, receive(server, m, sizeof m, &first) == 6);
    assert_memory_equal(m, "\0\1\1qnu", 6);
    assert_int_equal(ask_server(r, 22, &to, TRANSPORT_UDP, 1), OK);
    AWAIT(r, receive(server, m, sizeof m, &second) == 6);
    assert_int_equal(net_pending(r->n), 2);
    reply_to(server, &second, "for 22");
    AWAIT(r, r->event_count == 1);
    reply_to(server, &first, "for 11!");
    AWAIT(r, r->event_count == 2);
    assert_int_equal(r->events[0].token, 22);
    assert_memory_equal(r->events[0].bytes, "for 22", 6);
    assert_int_equal(r->events[1].token, 11);
    assert_int_equal(r->events[1].size, 7);
    assert_true(r->turns >= 2);
    cancel(r, 11);
    cancel(r, 22);
    assert_int_equal(net_pending(r->n), 0);
    close(server);
    rig_free(r);
}

static void exchange_over_ipv6_works(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to = parse("::1");
    union net_sockaddr from;
    uint8_t m[64];
    to.port = 0;
    int server = net__bound_socket(&to, SOCK_DGRAM, false);
    to = here(server);
    for (uint64_t token = 1; token < 4; token++) {
        assert_int_equal(ask_server(r, token, &to, TRANSPORT_UDP, 1), OK);
        AWAIT(r, receive(server, m, sizeof m, &from) == 6);
        reply_to(server, &from, "six");
        AWAIT(r, r->event_count == token);
        assert_int_equal(r->events[token - 1].why, OK);
        cancel(r, token);
    }
    assert_int_equal(r->n->upstream_udp.count, 1);
    close(server);
    rig_free(r);
}

static void exchange_stays_open_until_it_is_cancelled(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    int server = open_server(SOCK_DGRAM, &to);
    union net_sockaddr from;
    uint8_t m[64];
    assert_int_equal(ask_server(r, 5, &to, TRANSPORT_UDP, 1), OK);
    assert_int_equal(ask_server(r, 5, &to, TRANSPORT_UDP, 1), ERR_EXISTS);
    AWAIT(r, receive(server, m, sizeof m, &from) == 6);
    for (int i = 0; i < 3; i++)
        reply_to(server, &from, "forged");
    AWAIT(r, r->event_count == 3);
    cancel(r, 5);
    reply_to(server, &from, "late");
    idle(r, 20);
    assert_int_equal(r->event_count, 3);
    cancel(r, 5); /* a second time: nothing */
    close(server);
    rig_free(r);
}

static void consecutive_queries_use_other_ports(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    int server = open_server(SOCK_DGRAM, &to);
    union net_sockaddr from;
    uint8_t m[64];
    in_port_t last = 0;
    int changed = 0;
    for (uint64_t token = 1; token <= 16; token++) {
        assert_int_equal(ask_server(r, token, &to, TRANSPORT_UDP, 1), OK);
        AWAIT(r, receive(server, m, sizeof m, &from) == 6);
        changed += from.v4.sin_port != last;
        last = from.v4.sin_port;
        cancel(r, token);
    }
    assert_true(changed >= 15); /* one repeat by chance in 28,000 */
    assert_int_equal(r->n->upstream_udp.count, 1);
    close(server);
    rig_free(r);
}

static void idle_socket_has_no_port(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    int server = open_server(SOCK_DGRAM, &to);
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 1), OK);
    int fd = net__upstream_udp_fd(r->n, 1);
    assert_true(fd >= 0 && here(fd).port != 0);
    cancel(r, 1);
    assert_int_equal(here(fd).port, 0);
    close(server);
    rig_free(r);
}

/* The kernel hands a connected socket its peer's datagrams only; the window is before it connects.
 */
static void stranger_is_ignored_and_counted(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to, other;
    int server = open_server(SOCK_DGRAM, &to), stranger = open_server(SOCK_DGRAM, &other);
    union net_sockaddr from, address;
    uint8_t m[64];
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 1), OK);
    AWAIT(r, receive(server, m, sizeof m, &from) == 6);
    reply_to(stranger, &from, "from outside");
    idle(r, 10);
    assert_int_equal(r->event_count, 0);
    int fd = net__upstream_udp_fd(r->n, 1);
    socklen_t size = net__to_sockaddr(&other, &address);
    assert_int_equal(connect(fd, &address.any, size), 0); /* keeps its port */
    reply_to(stranger, &from, "let in by the test");
    AWAIT(r, net_figures(r->n)->upstream_strangers == 1);
    assert_int_equal(r->event_count, 0);
    size = net__to_sockaddr(&to, &address);
    assert_int_equal(connect(fd, &address.any, size), 0);
    reply_to(server, &from, "true");
    AWAIT(r, r->event_count == 1);
    assert_memory_equal(r->events[0].bytes, "true", 4);
    close(server);
    close(stranger);
    rig_free(r);
}

static void refused_port_fails_the_exchange(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    union net_sockaddr from;
    uint8_t m[64];
    close(open_server(SOCK_DGRAM, &to));
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 1), OK);
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].token, 1);
    assert_int_equal(r->events[0].why, ERR_REFUSED);
    assert_int_equal(net_pending(r->n), 0);
    /* The socket serves again. */
    int server = open_server(SOCK_DGRAM, &to);
    assert_int_equal(ask_server(r, 2, &to, TRANSPORT_UDP, 1), OK);
    AWAIT(r, receive(server, m, sizeof m, &from) == 6);
    reply_to(server, &from, "yes");
    AWAIT(r, r->event_count == 2);
    assert_int_equal(r->events[1].why, OK);
    assert_int_equal(r->n->upstream_udp.count, 1);
    close(server);
    rig_free(r);
}

static void sending_is_bounded(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to, six = parse("::1");
    int server = open_server(SOCK_DGRAM, &to);
    r->n->upstream_udp.most = 3;
    for (uint64_t token = 1; token <= 3; token++)
        assert_int_equal(ask_server(r, token, &to, TRANSPORT_UDP, 1), OK);
    assert_int_equal(ask_server(r, 4, &to, TRANSPORT_UDP, 1), ERR_LIMIT);
    cancel(r, 2);
    assert_int_equal(ask_server(r, 4, &to, TRANSPORT_UDP, 1), OK);
    cancel(r, 4);
    assert_int_equal(ask_server(r, 5, &six, TRANSPORT_UDP, 1), OK); /* takes the idle one's place */
    assert_int_equal(r->n->upstream_udp.count, 3);
    cancel(r, 5);
    r->work.limit = r->work.used;
    r->n->upstream_udp.most = 10;
    assert_int_equal(ask_server(r, 6, &to, TRANSPORT_UDP, 1), ERR_NOMEM);
    assert_int_equal(ask_server(r, 6, &to, TRANSPORT_TCP, 1), ERR_NOMEM);
    close(server);
    rig_free(r);
}

static void family_that_is_off_is_not_used(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.use_ipv6 = false;
    rig_open(r);
    struct endpoint to = parse("::1"), none = {0};
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 1), ERR_UNSUPPORTED);
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_TCP, 1), ERR_UNSUPPORTED);
    assert_int_equal(ask_server(r, 1, &none, TRANSPORT_UDP, 1), ERR_UNSUPPORTED);
    rig_free(r);
}

/* What the core does: one exchange follows the other from within the turn. */
static struct endpoint chain_to;

static void chain(struct rig *r)
{
    for (size_t i = 0; i < r->event_count; i++) {
        uint64_t token = r->events[i].token;
        assert_int_equal(r->events[i].why, OK);
        cancel(r, token);
        if (token < 20)
            assert_int_equal(ask_server(r, token + 1, &chain_to, TRANSPORT_UDP, 1), OK);
    }
    r->event_count = 0;
}

static void exchanges_may_be_opened_and_ended_within_a_turn(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    int server = open_server(SOCK_DGRAM, &chain_to);
    union net_sockaddr from;
    uint8_t m[64];
    r->on_turn = chain;
    assert_int_equal(ask_server(r, 1, &chain_to, TRANSPORT_UDP, 1), OK);
    for (int i = 0; i < 20; i++) {
        AWAIT(r, receive(server, m, sizeof m, &from) == 6);
        reply_to(server, &from, "next");
    }
    AWAIT(r, net_pending(r->n) == 0);
    assert_int_equal(r->n->upstream_udp.count, 1);
    close(server);
    rig_free(r);
}

static void many_exchanges_are_told_apart(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct endpoint to;
    int server = open_server(SOCK_DGRAM, &to);
    uint64_t count = r->n->upstream_udp.most < 400 ? r->n->upstream_udp.most : 400;
    union net_sockaddr from;
    uint8_t m[64];
    for (uint64_t token = 1; token <= count; token++)
        assert_int_equal(ask_server(r, token << 32 | 7, &to, TRANSPORT_UDP, 1), OK);
    assert_int_equal(net_pending(r->n), count);
    for (uint64_t token = 1; token <= count; token++)
        cancel(r, token << 32 | 7);
    assert_int_equal(net_pending(r->n), 0);
    while (receive(server, m, sizeof m, &from) > 0)
        continue;
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 9), OK);
    AWAIT(r, receive(server, m, sizeof m, &from) == 6);
    assert_int_equal(m[1], 9);
    close(server);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_reaches_its_exchange),
        cmocka_unit_test(exchange_over_ipv6_works),
        cmocka_unit_test(exchange_stays_open_until_it_is_cancelled),
        cmocka_unit_test(consecutive_queries_use_other_ports),
        cmocka_unit_test(idle_socket_has_no_port),
        cmocka_unit_test(stranger_is_ignored_and_counted),
        cmocka_unit_test(refused_port_fails_the_exchange),
        cmocka_unit_test(sending_is_bounded),
        cmocka_unit_test(family_that_is_off_is_not_used),
        cmocka_unit_test(exchanges_may_be_opened_and_ended_within_a_turn),
        cmocka_unit_test(many_exchanges_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
