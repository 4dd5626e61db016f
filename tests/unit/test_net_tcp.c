#include "tests/unit/net_fixture.h"

#include <sys/resource.h>

static void expect_echo(struct rig *r, int fd, uint8_t id)
{
    uint8_t m[8];
    tcp_read(r, fd, m, sizeof m);
    assert_int_equal(m[0] << 8 | m[1], 6);
    assert_int_equal(m[3], id);
    assert_int_equal(m[4], 0x80);
}

static void query_is_answered_over(const char *address)
{
    struct rig *r = rig_new(address);
    int fd = tcp_client(r);
    tcp_ask(fd, 5, 'e');
    expect_echo(r, fd, 5);
    tcp_ask(fd, 6, 'e');
    expect_echo(r, fd, 6);
    assert_int_equal(net_figures(r->n)->tcp_accepted, 1);
    assert_int_equal(net_figures(r->n)->tcp_received, 2);
    close(fd);
    AWAIT(r, r->n->tcp.count == 0);
    rig_free(r);
}

static void query_over_ipv4_is_answered(void **state)
{
    (void)state;
    query_is_answered_over("127.0.0.1");
}

static void query_over_ipv6_is_answered(void **state)
{
    (void)state;
    query_is_answered_over("::1");
}

static void single_octets_make_a_message(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    uint8_t m[8] = {0, 6, 0, 9, 0, 'e', 'n', 'u'};
    for (size_t i = 0; i < sizeof m; i++) {
        assert_int_equal(r->query_count, 0);
        assert_int_equal(send(fd, m + i, 1, 0), 1);
        idle(r, 3);
    }
    expect_echo(r, fd, 9);
    close(fd);
    rig_free(r);
}

static void two_messages_in_one_segment_are_both_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    uint8_t m[19] = {0, 6, 0, 1, 0, 'e', 'n', 'u', 0, 6, 0, 2, 0, 'e', 'n', 'u', 0, 6, 0};
    assert_int_equal(send(fd, m, sizeof m, 0), sizeof m);
    expect_echo(r, fd, 1);
    expect_echo(r, fd, 2);
    assert_int_equal(send(fd, "\3\0enu", 5, 0), 5); /* the rest of a third one */
    expect_echo(r, fd, 3);
    close(fd);
    rig_free(r);
}

static void answer(struct rig *r, size_t i, const char *text)
{
    net_answer(r->n, r->asked[i], (const uint8_t *)text, strlen(text));
    net__turn(r->n);
}

static void answers_leave_in_the_order_they_come(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    uint8_t m[5];
    for (uint8_t i = 0; i < 3; i++)
        tcp_ask(fd, i, 'p');
    AWAIT(r, r->asked_count == 3);
    answer(r, 2, "two");
    tcp_read(r, fd, m, sizeof m);
    assert_memory_equal(m, "\0\3two", 5);
    tcp_ask(fd, 9, 'e');
    expect_echo(r, fd, 9);
    answer(r, 0, "nil");
    answer(r, 1, "one");
    tcp_read(r, fd, m, sizeof m);
    assert_memory_equal(m, "\0\3nil", 5);
    tcp_read(r, fd, m, sizeof m);
    assert_memory_equal(m, "\0\3one", 5);
    close(fd);
    rig_free(r);
}

static void largest_message_passes_both_ways(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    static uint8_t m[2 + 65535];
    memset(m, 'z', sizeof m);
    m[0] = m[1] = 0xff;
    m[4] = 0;
    m[5] = 'e';
    for (size_t done = 0; done < sizeof m;) {
        ssize_t sent = send(fd, m + done, sizeof m - done, MSG_DONTWAIT);
        if (sent > 0)
            done += (size_t)sent;
        step(r);
    }
    static uint8_t back[sizeof m];
    tcp_read(r, fd, back, sizeof back);
    m[4] = 0x80;
    assert_memory_equal(back, m, sizeof m);
    close(fd);
    rig_free(r);
}

static void reading_stops_at_the_pipeline_bound(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_pipeline_max = 4;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fd = tcp_client(r);
    uint8_t m[5];
    for (uint8_t i = 0; i < 10; i++)
        tcp_ask(fd, i, 'p');
    AWAIT(r, r->asked_count == 4);
    idle(r, 30);
    assert_int_equal(r->asked_count, 4);
    for (size_t i = 0; i < 10; i++) {
        AWAIT(r, r->asked_count > i);
        assert_true(r->asked_count <= i + 4);
        answer(r, i, "yes");
        tcp_read(r, fd, m, sizeof m);
    }
    close(fd);
    rig_free(r);
}

static void client_that_never_reads_is_bounded_and_closed(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_idle_ms = 300;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fd = tcp_client(r);
    size_t most = 0, sent = 0;
    uint64_t until = test_ms() + PATIENCE_MS;
    uint8_t m[8] = {0, 6, 0, 1, 0, 'b', 'n', 'u'};
    while (net_figures(r->n)->tcp_closed_bound == 0 && test_ms() < until) {
        sent += send(fd, m, sizeof m, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof m;
        step(r);
        most = r->work.used > most ? r->work.used : most;
    }
    assert_int_equal(net_figures(r->n)->tcp_closed_bound, 1);
    assert_true(sent > 1000);
    assert_true(r->query_count < sent); /* most were never read */
    assert_true(most < 512 * 1024);
    close(fd);
    rig_free(r);
}

static void silent_client_is_closed(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_idle_ms = 100;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int silent = tcp_client(r), trickling = tcp_client(r);
    uint64_t began = test_ms();
    AWAIT(r, r->n->tcp.count == 2);
    uint8_t octet = 0;
    AWAIT(r, send(trickling, &octet, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 || is_closed(trickling));
    AWAIT(r, is_closed(silent));
    assert_true(test_ms() - began >= 95);
    assert_int_equal(net_figures(r->n)->tcp_closed_idle, 2);
    close(silent);
    close(trickling);
    rig_free(r);
}

static void client_that_waits_for_an_answer_is_not_idle(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_idle_ms = 50;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fd = tcp_client(r);
    uint8_t m[5];
    tcp_ask(fd, 1, 'p');
    AWAIT(r, r->asked_count == 1);
    idle(r, 150);
    answer(r, 0, "yes");
    tcp_read(r, fd, m, sizeof m);
    AWAIT(r, is_closed(fd));
    assert_int_equal(net_figures(r->n)->tcp_closed_idle, 1);
    close(fd);
    rig_free(r);
}

static void client_that_ends_its_side_still_gets_answers(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_pipeline_max = 1; /* so that two messages wait when the end comes */
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fd = tcp_client(r);
    uint8_t m[5];
    for (uint8_t i = 0; i < 3; i++)
        tcp_ask(fd, i, 'p');
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (size_t i = 0; i < 3; i++) {
        AWAIT(r, r->asked_count == i + 1);
        idle(r, 5);
        answer(r, i, "yes");
        tcp_read(r, fd, m, sizeof m);
    }
    AWAIT(r, is_closed(fd));
    assert_int_equal(r->n->tcp.count, 0);
    close(fd);
    rig_free(r);
}

static void client_that_resets_is_cancelled(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    tcp_ask(fd, 1, 'p');
    tcp_ask(fd, 2, 'p');
    AWAIT(r, r->asked_count == 2);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    AWAIT(r, r->cancelled == 2);
    assert_int_equal(net_pending(r->n), 0);
    answer(r, 0, "too late");
    rig_free(r);
}

static void newcomer_takes_the_place_of_the_longest_idle(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_clients_max = 4;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fds[5];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = tcp_client(r);
        AWAIT(r, r->n->tcp.count == i + 1);
    }
    tcp_ask(fds[0], 1, 'e'); /* makes the second one the longest idle */
    expect_echo(r, fds[0], 1);
    fds[4] = tcp_client(r);
    tcp_ask(fds[4], 2, 'e');
    expect_echo(r, fds[4], 2);
    AWAIT(r, is_closed(fds[1]));
    assert_int_equal(net_figures(r->n)->tcp_closed_bound, 1);
    assert_int_equal(r->n->tcp.count, 4);
    for (size_t i = 0; i < 5; i++)
        close(fds[i]);
    rig_free(r);
}

static void newcomer_is_refused_when_all_are_busy(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_clients_max = 4;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int fds[5];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = tcp_client(r);
        tcp_ask(fds[i], 1, 'p');
        AWAIT(r, r->asked_count == i + 1);
    }
    fds[4] = tcp_client(r);
    AWAIT(r, is_closed(fds[4]));
    assert_int_equal(net_figures(r->n)->tcp_refused, 1);
    assert_int_equal(r->cancelled, 0);
    for (size_t i = 0; i < 5; i++)
        close(fds[i]);
    rig_free(r);
}

static void refused_memory_closes_the_client(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    tcp_ask(fd, 1, 'e');
    expect_echo(r, fd, 1);
    r->work.limit = r->work.used;
    tcp_ask(fd, 2, 'e'); /* no room for the reply */
    AWAIT(r, is_closed(fd));
    int other = tcp_client(r);
    r->work.limit = r->work.used; /* none for the client itself */
    AWAIT(r, is_closed(other));
    assert_int_equal(net_figures(r->n)->tcp_closed_bound, 1);
    assert_int_equal(net_figures(r->n)->tcp_refused, 1);
    r->work.limit = 1 << 20;
    close(fd);
    close(other);
    rig_free(r);
}

static void lack_of_descriptors_only_delays_the_client(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    tcp_ask(fd, 1, 'e');
    int next = dup(fd); /* the lowest number that is free */
    close(next);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    idle(r, 30);
    size_t accepted = r->n->tcp.count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(accepted, 0);
    expect_echo(r, fd, 1);
    close(fd);
    rig_free(r);
}

static void dropped_query_keeps_the_connection(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r);
    uint8_t empty[2] = {0, 0};
    tcp_ask(fd, 1, 'd');
    assert_int_equal(send(fd, empty, sizeof empty, 0), 2);
    tcp_ask(fd, 2, 'e');
    expect_echo(r, fd, 2);
    assert_int_equal(r->query_count, 3);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_over_ipv4_is_answered),
        cmocka_unit_test(query_over_ipv6_is_answered),
        cmocka_unit_test(single_octets_make_a_message),
        cmocka_unit_test(two_messages_in_one_segment_are_both_answered),
        cmocka_unit_test(answers_leave_in_the_order_they_come),
        cmocka_unit_test(largest_message_passes_both_ways),
        cmocka_unit_test(reading_stops_at_the_pipeline_bound),
        cmocka_unit_test(client_that_never_reads_is_bounded_and_closed),
        cmocka_unit_test(silent_client_is_closed),
        cmocka_unit_test(client_that_waits_for_an_answer_is_not_idle),
        cmocka_unit_test(client_that_ends_its_side_still_gets_answers),
        cmocka_unit_test(client_that_resets_is_cancelled),
        cmocka_unit_test(newcomer_takes_the_place_of_the_longest_idle),
        cmocka_unit_test(newcomer_is_refused_when_all_are_busy),
        cmocka_unit_test(refused_memory_closes_the_client),
        cmocka_unit_test(lack_of_descriptors_only_delays_the_client),
        cmocka_unit_test(dropped_query_keeps_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
