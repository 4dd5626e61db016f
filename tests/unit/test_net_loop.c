#include "tests/unit/net_fixture.h"

#include <signal.h>

static struct rig *rig_plain(void)
{
    struct rig *r = rig_prepare();
    rig_open(r);
    return r;
}

static void stop(void *ctx)
{
    struct rig *r = ctx;
    net_stop(r->n);
}

static void runs_until_it_is_stopped(void **state)
{
    (void)state;
    struct rig *r = rig_plain(); /* without any listener */
    uint64_t began = test_ms();
    assert_int_equal(net_after(r->n, 50, stop, r), OK);
    net_run(r->n);
    assert_true(test_ms() - began >= 45);
    rig_free(r);
}

static void freed_without_having_run(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    struct endpoint to = r->at;
    assert_int_equal(net_after(r->n, 50, stop, r), OK);
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_UDP, 1), OK);
    assert_int_equal(ask_server(r, 2, &to, TRANSPORT_TCP, 1), OK);
    rig_free(r);
}

static void port_in_use_is_reported(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    struct rig *other = rig_plain();
    errno = 0;
    assert_int_equal(net_listen(other->n, &r->at), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    rig_free(other);
    rig_free(r);
}

static void port_in_use_by_tcp_alone_is_reported_and_udp_given_back(void **state)
{
    (void)state;
    struct endpoint at;
    int taken = open_server(SOCK_STREAM, &at);
    struct rig *r = rig_plain();
    errno = 0;
    assert_int_equal(net_listen(r->n, &at), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    assert_false(net_listener(r->n, 0, &r->at));
    int udp = net__bound_socket(&at, SOCK_DGRAM, false);
    assert_true(udp >= 0);
    close(udp);
    close(taken);
    rig_free(r);
}

static void address_that_is_not_ours_is_reported(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    struct endpoint at = parse("192.0.2.1");
    at.port = 5353;
    errno = 0;
    assert_int_equal(net_listen(r->n, &at), ERR_IO);
    assert_int_equal(errno, EADDRNOTAVAIL);
    rig_free(r);
}

static void answer_all_and_stop(void *ctx)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < r->asked_count; i++)
        net_answer(r->n, r->asked[i], (const uint8_t *)"last", 4);
    net_stop(r->n);
}

static void stop_sends_what_was_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int tcp = tcp_client(r), udp = open_client(&r->at, 4, SOCK_DGRAM);
    uint8_t m[64];
    tcp_ask(tcp, 1, 'p');
    udp_ask(udp, 2, 'p');
    AWAIT(r, r->asked_count == 2);
    assert_int_equal(net_after(r->n, 1, answer_all_and_stop, r), OK);
    uint64_t began = test_ms();
    net_run(r->n);
    assert_true(test_ms() - began < 500); /* not the whole grace time */
    assert_int_equal(take(udp, m, sizeof m), 4);
    assert_int_equal(take(tcp, m, sizeof m), 6);
    assert_true(is_closed(tcp));
    assert_int_equal(r->cancelled, 0);
    close(tcp);
    close(udp);
    rig_free(r);
}

static void stop_cancels_what_was_not_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int tcp = tcp_client(r), udp = open_client(&r->at, 4, SOCK_DGRAM);
    tcp_ask(tcp, 1, 'p');
    udp_ask(udp, 2, 'p');
    AWAIT(r, r->asked_count == 2);
    assert_int_equal(net_after(r->n, 1, stop, r), OK);
    net_run(r->n);
    assert_int_equal(r->cancelled, 2);
    assert_int_equal(net_pending(r->n), 0);
    net_answer(r->n, r->asked[0], (const uint8_t *)"late", 4);
    close(tcp);
    close(udp);
    rig_free(r);
}

static void stop_waits_a_second_for_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct rig *r = rig_new("127.0.0.1");
    int fd = tcp_client(r), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 300; i++) /* 18 MB of replies: more than the kernel holds for us */
        tcp_ask(fd, 1, 'b');
    idle(r, 300);
    assert_true(r->query_count < 300);
    uint64_t began = test_ms();
    assert_int_equal(net_after(r->n, 1, stop, r), OK);
    net_run(r->n);
    uint64_t took = test_ms() - began;
    assert_true(took >= 900 && took < 3000);
    close(fd);
    rig_free(r);
}

static void world_after_the_end_does_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    struct endpoint to = parse("127.0.0.1");
    assert_int_equal(ask_server(r, 1, &to, TRANSPORT_TCP, 1), OK);
    assert_int_equal(net_after(r->n, 0, stop, r), OK);
    net_run(r->n);
    r->w->ops->cancel(r->w, 1);
    r->w->ops->wake(r->w, 5);
    assert_int_equal(ask_server(r, 2, &to, TRANSPORT_UDP, 1), ERR_IO);
    rig_free(r);
}

static int last_signal;

static void on_signal(void *ctx, int signum)
{
    struct rig *r = ctx;
    last_signal = signum;
    net_stop(r->n);
}

static void signal_reaches_its_function(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    assert_int_equal(net_on_signal(r->n, SIGUSR1, on_signal, r), OK);
    assert_int_equal(net_on_signal(r->n, SIGKILL, on_signal, r), ERR_IO);
    raise(SIGUSR1);
    net_run(r->n);
    assert_int_equal(last_signal, SIGUSR1);
    rig_free(r);
}

static uint64_t due, woken;

static void note_time(struct rig *r)
{
    woken = r->w->ops->now_ms(r->w);
    assert_true(woken >= due);
}

static void turn_comes_when_it_was_asked_for(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    r->on_turn = note_time;
    uint64_t now = r->w->ops->now_ms(r->w);
    r->w->ops->wake(r->w, now + 10000);
    due = now + 40;
    r->w->ops->wake(r->w, due);
    AWAIT(r, r->turns == 1);
    assert_true(woken < due + 2000);
    idle(r, 60);
    assert_int_equal(r->turns, 1);
    r->w->ops->wake(r->w, 0); /* in the past: at once */
    AWAIT(r, r->turns == 2);
    r->w->ops->wake(r->w, woken + 20);
    r->w->ops->wake(r->w, UINT64_MAX);
    idle(r, 60);
    assert_int_equal(r->turns, 2);
    rig_free(r);
}

static void clock_stands_still_between_batches(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    uint64_t before = r->w->ops->now_ms(r->w);
    usleep(5000);
    assert_int_equal(r->w->ops->now_ms(r->w), before);
    net__enter(r->n);
    assert_true(r->w->ops->now_ms(r->w) >= before + 5);
    int64_t wall = r->w->ops->wall_s(r->w);
    assert_true(wall > 1700000000 && llabs((long long)(wall - (int64_t)time(NULL))) <= 1);
    rig_free(r);
}

static void random_bytes_differ_and_are_wiped(void **state)
{
    (void)state;
    struct rig *r = rig_plain();
    uint8_t a[32], b[32], zero[32] = {0};
    static uint8_t many[3 * RANDOM_BUFFER];
    r->w->ops->random(r->w, a, sizeof a);
    assert_memory_equal(r->n->random.bytes + r->n->random.left, zero, sizeof zero);
    r->w->ops->random(r->w, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    for (int i = 0; i < 1000; i++) {
        memcpy(b, a, sizeof b);
        r->w->ops->random(r->w, a, sizeof a);
        assert_memory_not_equal(a, b, sizeof a);
    }
    r->w->ops->random(r->w, many, sizeof many);
    assert_memory_not_equal(many, many + RANDOM_BUFFER, RANDOM_BUFFER);
    rig_free(r);
}

static void version_names_the_library(void **state)
{
    (void)state;
    assert_non_null(strstr(net_library_version(), "libuv 1."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_until_it_is_stopped),
        cmocka_unit_test(freed_without_having_run),
        cmocka_unit_test(port_in_use_is_reported),
        cmocka_unit_test(port_in_use_by_tcp_alone_is_reported_and_udp_given_back),
        cmocka_unit_test(address_that_is_not_ours_is_reported),
        cmocka_unit_test(stop_sends_what_was_answered),
        cmocka_unit_test(stop_cancels_what_was_not_answered),
        cmocka_unit_test(stop_waits_a_second_for_a_client_that_does_not_read),
        cmocka_unit_test(world_after_the_end_does_nothing),
        cmocka_unit_test(signal_reaches_its_function),
        cmocka_unit_test(turn_comes_when_it_was_asked_for),
        cmocka_unit_test(clock_stands_still_between_batches),
        cmocka_unit_test(random_bytes_differ_and_are_wiped),
        cmocka_unit_test(version_names_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
