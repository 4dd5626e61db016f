#include "tests/unit/net_fixture.h"

struct server {
    struct rig *r;
    struct endpoint at;
    int listener;
};

static struct server server_new(struct rig *r)
{
    struct server s = {.r = r};
    s.listener = open_server(SOCK_STREAM, &s.at);
    return s;
}

static struct rig *rig_upstream(void)
{
    struct rig *r = rig_prepare();
    rig_open(r);
    return r;
}

static int accept_one(struct server *s)
{
    int fd = -1;
    AWAIT(s->r, (fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    return fd;
}

/* Reads one query of six octets and returns its id. */
static uint8_t read_query(struct server *s, int fd)
{
    uint8_t m[8];
    tcp_read(s->r, fd, m, sizeof m);
    assert_memory_equal(m, "\0\6", 2);
    assert_memory_equal(m + 4, "\1qnu", 4);
    return m[3];
}

static void reply(int fd, uint8_t id, char mark)
{
    uint8_t m[7] = {0, 5, 0, id, 0x81, (uint8_t)mark, 0};
    assert_int_equal(send(fd, m, sizeof m, MSG_NOSIGNAL), sizeof m);
}

static void cancel(struct rig *r, uint64_t token)
{
    r->w->ops->cancel(r->w, token);
}

/* One whole exchange; `fd` is the server's end, or -1 to accept a connection for it. */
static int exchange(struct server *s, uint64_t token, int fd)
{
    struct rig *r = s->r;
    size_t before = r->event_count;
    assert_int_equal(ask_server(r, token, &s->at, TRANSPORT_TCP, 1), OK);
    if (fd < 0)
        fd = accept_one(s);
    reply(fd, read_query(s, fd), 'a');
    AWAIT(r, r->event_count == before + 1);
    assert_int_equal(r->events[before].token, token);
    assert_int_equal(r->events[before].why, OK);
    cancel(r, token);
    return fd;
}

static void connection_is_used_again(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    int fd = exchange(&s, 1, -1);
    exchange(&s, 2, fd);
    exchange(&s, 3, fd);
    assert_int_equal(net_figures(r->n)->upstream_tcp_opened, 1);
    assert_int_equal(net_figures(r->n)->upstream_tcp_reused, 2);
    close(fd);
    close(s.listener);
    rig_free(r);
}

static void answers_out_of_order_find_their_exchanges(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 10, &s.at, TRANSPORT_TCP, 1), OK);
    assert_int_equal(ask_server(r, 20, &s.at, TRANSPORT_TCP, 2), OK);
    int fd = accept_one(&s);
    assert_int_equal(read_query(&s, fd), 1);
    assert_int_equal(read_query(&s, fd), 2);
    reply(fd, 3, 'x'); /* an id that nobody asked with */
    reply(fd, 2, 'b');
    reply(fd, 1, 'a');
    AWAIT(r, r->event_count == 2);
    assert_int_equal(r->events[0].token, 20);
    assert_int_equal(r->events[0].bytes[3], 'b');
    assert_int_equal(r->events[1].token, 10);
    assert_int_equal(r->events[1].bytes[3], 'a');
    assert_int_equal(net_figures(r->n)->upstream_tcp_opened, 1);
    close(fd);
    close(s.listener);
    rig_free(r);
}

static void id_in_use_takes_a_second_connection(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 10, &s.at, TRANSPORT_TCP, 1), OK);
    int first = accept_one(&s);
    assert_int_equal(read_query(&s, first), 1);
    assert_int_equal(ask_server(r, 20, &s.at, TRANSPORT_TCP, 1), OK);
    int second = accept_one(&s);
    assert_int_equal(read_query(&s, second), 1);
    reply(second, 1, 'b');
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].token, 20);
    close(first);
    close(second);
    close(s.listener);
    rig_free(r);
}

static void reply_in_single_octets_is_put_together(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    int on = 1;
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 4), OK);
    int fd = accept_one(&s);
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    read_query(&s, fd);
    const uint8_t m[7] = {0, 5, 0, 4, 0x81, 'a', 0};
    for (size_t i = 0; i < sizeof m; i++) {
        assert_int_equal(r->event_count, 0);
        assert_int_equal(send(fd, m + i, 1, 0), 1);
        idle(r, 3);
    }
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].size, 5);
    close(fd);
    close(s.listener);
    rig_free(r);
}

static void refused_connection_fails_the_exchange(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    close(s.listener);
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 1), OK);
    assert_int_equal(r->event_count, 0); /* never from within send */
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].why, ERR_REFUSED);
    assert_int_equal(r->turns, 1);
    assert_int_equal(net_pending(r->n), 0);
    rig_free(r);
}

static void close_before_the_reply_fails_a_first_exchange(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 1), OK);
    int fd = accept_one(&s);
    read_query(&s, fd);
    close(fd);
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].why, ERR_REFUSED);
    assert_int_equal(net_figures(r->n)->upstream_tcp_opened, 1);
    close(s.listener);
    rig_free(r);
}

static void close_of_a_used_connection_is_tried_once_more(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    int fd = exchange(&s, 1, -1);
    assert_int_equal(ask_server(r, 2, &s.at, TRANSPORT_TCP, 7), OK);
    assert_int_equal(ask_server(r, 3, &s.at, TRANSPORT_TCP, 8), OK);
    read_query(&s, fd);
    close(fd);
    fd = accept_one(&s);
    assert_int_equal(read_query(&s, fd), 7);
    assert_int_equal(read_query(&s, fd), 8); /* both on the one fresh connection */
    assert_int_equal(r->event_count, 1);
    reply(fd, 7, 'z');
    AWAIT(r, r->event_count == 2);
    assert_int_equal(r->events[1].token, 2);
    cancel(r, 2);
    close(fd); /* the fresh one: no third try */
    AWAIT(r, r->event_count == 3);
    assert_int_equal(r->events[2].token, 3);
    assert_int_equal(r->events[2].why, ERR_REFUSED);
    assert_int_equal(net_figures(r->n)->upstream_tcp_opened, 2);
    close(s.listener);
    rig_free(r);
}

static void idle_connection_closed_by_the_server_is_forgotten(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    close(exchange(&s, 1, -1));
    AWAIT(r, r->n->upstream_tcp.count == 0);
    assert_int_equal(r->event_count, 1);
    close(exchange(&s, 2, -1));
    assert_int_equal(net_figures(r->n)->upstream_tcp_reused, 0);
    close(s.listener);
    rig_free(r);
}

static void idle_connection_is_closed_in_time(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.upstream_tcp_idle_ms = 60;
    rig_open(r);
    struct server s = server_new(r);
    int fd = exchange(&s, 1, -1);
    uint64_t began = test_ms();
    AWAIT(r, is_closed(fd));
    assert_true(test_ms() - began >= 40);
    assert_int_equal(r->n->upstream_tcp.count, 0);
    close(fd);
    close(s.listener);
    rig_free(r);
}

/* One exchange whose server says how long it keeps the connection; returns its end. */
static int exchange_with_keep(struct server *s, uint64_t token, uint32_t idle_ms)
{
    struct rig *r = s->r;
    size_t before = r->event_count;
    assert_int_equal(ask_server(r, token, &s->at, TRANSPORT_TCP, 1), OK);
    int fd = accept_one(s);
    reply(fd, read_query(s, fd), 'a');
    AWAIT(r, r->event_count == before + 1);
    r->w->ops->keep(r->w, token, idle_ms);
    cancel(r, token);
    return fd;
}

static void server_that_keeps_idle_connections_for_less_is_believed(void **state)
{
    (void)state;
    struct rig *r = rig_upstream(); /* ten seconds */
    struct server s = server_new(r);
    int fd = exchange_with_keep(&s, 1, 60);
    uint64_t began = test_ms();
    AWAIT(r, is_closed(fd));
    assert_true(test_ms() - began >= 40);
    close(fd);
    close(s.listener);
    rig_free(r);
}

static void server_that_keeps_idle_connections_is_left_connected_for_longer(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.upstream_tcp_idle_ms = 40;
    rig_open(r);
    struct server s = server_new(r), other = server_new(r);
    int fd = exchange_with_keep(&s, 1, 100000);
    int usual = exchange(&other, 2, -1);
    AWAIT(r, is_closed(usual));
    assert_false(is_closed(fd));
    exchange(&s, 3, fd);
    uint64_t began = test_ms();
    AWAIT(r, is_closed(fd)); /* but not for as long as it likes */
    assert_true(test_ms() - began >= 200);
    close(fd);
    close(usual);
    close(s.listener);
    close(other.listener);
    rig_free(r);
}

static void server_that_wants_the_connection_closed_is_obeyed(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 1), OK);
    assert_int_equal(ask_server(r, 2, &s.at, TRANSPORT_TCP, 2), OK);
    int fd = accept_one(&s);
    reply(fd, read_query(&s, fd), 'a');
    AWAIT(r, r->event_count == 1);
    r->w->ops->keep(r->w, 1, 0);
    cancel(r, 1);
    reply(fd, read_query(&s, fd), 'b'); /* what is under way ends in peace */
    AWAIT(r, r->event_count == 2);
    int second = exchange(&s, 3, -1); /* what is new goes elsewhere */
    cancel(r, 2);
    AWAIT(r, is_closed(fd));
    close(fd);
    close(second);
    close(s.listener);
    rig_free(r);
}

static void cancelled_exchange_has_no_events(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 1), OK);
    assert_int_equal(ask_server(r, 2, &s.at, TRANSPORT_TCP, 2), OK);
    int fd = accept_one(&s);
    read_query(&s, fd);
    read_query(&s, fd);
    cancel(r, 1);
    reply(fd, 1, 'a');
    reply(fd, 2, 'b');
    AWAIT(r, r->event_count == 1);
    assert_int_equal(r->events[0].token, 2);
    cancel(r, 2);
    assert_int_equal(net_pending(r->n), 0);
    close(fd);
    idle(r, 10);
    assert_int_equal(r->event_count, 1);
    close(s.listener);
    rig_free(r);
}

static void connection_that_stayed_silent_is_not_used_again(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r);
    assert_int_equal(ask_server(r, 1, &s.at, TRANSPORT_TCP, 1), OK);
    int silent = accept_one(&s);
    read_query(&s, silent);
    cancel(r, 1);
    AWAIT(r, is_closed(silent));
    int fd = exchange(&s, 2, -1);
    assert_int_equal(net_figures(r->n)->upstream_tcp_opened, 2);
    close(silent);
    close(fd);
    close(s.listener);
    rig_free(r);
}

static void connections_are_bounded(void **state)
{
    (void)state;
    struct rig *r = rig_upstream();
    struct server s = server_new(r), other = server_new(r);
    r->n->upstream_tcp.most = 1;
    int fd = exchange(&s, 1, -1);
    int second = exchange(&other, 2, -1); /* the idle one makes room */
    AWAIT(r, is_closed(fd));
    assert_int_equal(ask_server(r, 3, &other.at, TRANSPORT_TCP, 1), OK);
    assert_int_equal(ask_server(r, 4, &s.at, TRANSPORT_TCP, 1), ERR_LIMIT);
    close(fd);
    close(second);
    close(s.listener);
    close(other.listener);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_is_used_again),
        cmocka_unit_test(answers_out_of_order_find_their_exchanges),
        cmocka_unit_test(id_in_use_takes_a_second_connection),
        cmocka_unit_test(reply_in_single_octets_is_put_together),
        cmocka_unit_test(refused_connection_fails_the_exchange),
        cmocka_unit_test(close_before_the_reply_fails_a_first_exchange),
        cmocka_unit_test(close_of_a_used_connection_is_tried_once_more),
        cmocka_unit_test(idle_connection_closed_by_the_server_is_forgotten),
        cmocka_unit_test(idle_connection_is_closed_in_time),
        cmocka_unit_test(server_that_keeps_idle_connections_for_less_is_believed),
        cmocka_unit_test(server_that_keeps_idle_connections_is_left_connected_for_longer),
        cmocka_unit_test(server_that_wants_the_connection_closed_is_obeyed),
        cmocka_unit_test(cancelled_exchange_has_no_events),
        cmocka_unit_test(connection_that_stayed_silent_is_not_used_again),
        cmocka_unit_test(connections_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
