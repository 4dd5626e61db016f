/* A DNS message over TCP for a thread that waits: against a server in another thread. */
#include "tests/unit/net_fixture.h"

#include <fcntl.h>
#include <pthread.h>

#include "net/stream.h"

/* What the server does once it has taken the connection. */
struct peer {
    int listener;
    struct endpoint at;
    void (*serve)(int fd);
    pthread_t thread;
};

static void *serve_one(void *ctx)
{
    struct peer *p = ctx;
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    p->serve(fd);
    close(fd);
    return NULL;
}

static void peer_start(struct peer *p, void (*serve)(int fd))
{
    p->serve = serve;
    p->listener = open_server(SOCK_STREAM, &p->at);
    int flags = fcntl(p->listener, F_GETFL);
    assert_int_equal(fcntl(p->listener, F_SETFL, flags & ~O_NONBLOCK), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, serve_one, p), 0);
}

static void peer_stop(struct peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    close(p->listener);
}

static atomic_bool stop;

static void open_stream(struct net_stream *s, const struct peer *p, uint32_t within_ms)
{
    atomic_store(&stop, false);
    assert_int_equal(net_stream_open(s, &p->at, within_ms, &stop), OK);
}

static void expect_broken(struct net_stream *s, int why)
{
    static uint8_t reply[65535];
    size_t size;
    assert_int_equal(net_stream_receive(s, reply, &size), ERR_IO);
    assert_int_equal(errno, why);
    net_stream_close(s);
}

/* ---- Peers ----------------------------------------------------------------------------------- */

/* Sends back what came, octet by octet in the head, and another message right behind it. */
static void echo_torn(int fd)
{
    uint8_t m[2 + 5];
    for (size_t got = 0; got < sizeof m;)
        got += (size_t)recv(fd, m + got, sizeof m - got, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(send(fd, m + i, 1, MSG_NOSIGNAL), 1);
        usleep(2000);
    }
    assert_int_equal(send(fd, m + 3, sizeof m - 3, MSG_NOSIGNAL), sizeof m - 3);
    assert_int_equal(send(fd, "\0\2ab\0\0", 6, MSG_NOSIGNAL), 6);
}

static void close_within(int fd)
{
    assert_int_equal(send(fd, "\0\5abc", 5, MSG_NOSIGNAL), 5);
}

static void be_silent(int fd)
{
    uint8_t end;
    assert_int_equal(recv(fd, &end, 1, 0), 0); /* until the other side has closed */
}

/* Reads nothing until the other side has given up. */
static void read_nothing(int fd)
{
    (void)fd;
    while (!atomic_load(&stop))
        usleep(1000);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void messages_come_whole_however_they_are_torn(void **state)
{
    (void)state;
    struct peer p;
    struct net_stream s;
    static uint8_t reply[65535];
    size_t size;
    peer_start(&p, echo_torn);
    open_stream(&s, &p, PATIENCE_MS);
    assert_int_equal(net_stream_send(&s, (const uint8_t *)"hello", 5), OK);
    assert_int_equal(net_stream_receive(&s, reply, &size), OK);
    assert_int_equal(size, 5);
    assert_memory_equal(reply, "hello", 5);
    assert_int_equal(net_stream_receive(&s, reply, &size), OK);
    assert_int_equal(size, 2);
    assert_int_equal(net_stream_receive(&s, reply, &size), OK);
    assert_int_equal(size, 0);
    expect_broken(&s, ECONNRESET);
    peer_stop(&p);
}

static void a_peer_that_closes_within_a_message_is_seen(void **state)
{
    (void)state;
    struct peer p;
    struct net_stream s;
    peer_start(&p, close_within);
    open_stream(&s, &p, PATIENCE_MS);
    expect_broken(&s, ECONNRESET);
    peer_stop(&p);
}

static void a_silent_peer_is_waited_for_no_longer_than_said(void **state)
{
    (void)state;
    struct peer p;
    struct net_stream s;
    peer_start(&p, be_silent);
    uint64_t begin = test_ms();
    open_stream(&s, &p, 60000);
    net_stream_within(&s, 150);
    expect_broken(&s, ETIMEDOUT);
    assert_true(test_ms() - begin >= 150);
    assert_true(test_ms() - begin < PATIENCE_MS);
    peer_stop(&p);
}

static void *stop_soon(void *ctx)
{
    usleep(30000);
    atomic_store((atomic_bool *)ctx, true);
    return NULL;
}

static void who_is_told_to_stop_does_not_wait_on(void **state)
{
    (void)state;
    struct peer p;
    struct net_stream s;
    pthread_t other;
    peer_start(&p, be_silent);
    open_stream(&s, &p, 60000);
    uint64_t begin = test_ms();
    assert_int_equal(pthread_create(&other, NULL, stop_soon, &stop), 0);
    expect_broken(&s, ECANCELED);
    assert_true(test_ms() - begin < PATIENCE_MS);
    assert_int_equal(pthread_join(other, NULL), 0);
    peer_stop(&p);
}

static void a_peer_that_does_not_read_does_not_hold_us(void **state)
{
    (void)state;
    struct peer p;
    struct net_stream s;
    static const uint8_t message[60000];
    enum err e = OK;
    peer_start(&p, read_nothing);
    open_stream(&s, &p, 300);
    for (unsigned i = 0; i < 1000 && e == OK; i++)
        e = net_stream_send(&s, message, sizeof message);
    assert_int_equal(e, ERR_IO);
    assert_int_equal(errno, ETIMEDOUT);
    net_stream_close(&s);
    atomic_store(&stop, true);
    peer_stop(&p);
}

static void nobody_there_is_said_so(void **state)
{
    (void)state;
    struct net_stream s;
    struct endpoint at;
    atomic_store(&stop, false);
    close(open_server(SOCK_STREAM, &at));
    assert_int_equal(net_stream_open(&s, &at, PATIENCE_MS, &stop), ERR_IO);
    assert_int_equal(errno, ECONNREFUSED);
    net_stream_close(&s);
    net_stream_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_however_they_are_torn),
        cmocka_unit_test(a_peer_that_closes_within_a_message_is_seen),
        cmocka_unit_test(a_silent_peer_is_waited_for_no_longer_than_said),
        cmocka_unit_test(who_is_told_to_stop_does_not_wait_on),
        cmocka_unit_test(a_peer_that_does_not_read_does_not_hold_us),
        cmocka_unit_test(nobody_there_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
