/* Several networks of one process: the same ports, letters across threads, the hooks around sleep.
 */
#include "tests/unit/net_fixture.h"

#include <pthread.h>

static struct rig *rig_sharing(void)
{
    struct rig *r = rig_prepare();
    r->config.nets = 2;
    rig_open(r);
    return r;
}

static void two_networks_share_a_port_and_its_clients(void **state)
{
    (void)state;
    struct rig *a = rig_sharing(), *b = rig_sharing();
    rig_listen(a, "127.0.0.1");
    assert_int_equal(net_listen(b->n, &a->at), OK);
    /* The kernel deals clients out by their ports: 60 heads in a row would be no chance. */
    for (int i = 0; i < 60; i++) {
        int udp = open_client(&a->at, 4, SOCK_DGRAM);
        udp_ask(udp, 1, 'e');
        uint8_t m[16];
        for (uint64_t until = test_ms() + PATIENCE_MS; take(udp, m, sizeof m) != 6;) {
            assert_true(test_ms() < until);
            step(a);
            step(b);
        }
        close(udp);
    }
    assert_true(a->query_count > 0 && b->query_count > 0);
    assert_int_equal(a->query_count + b->query_count, 60);
    rig_free(a);
    rig_free(b);
}

static void a_shared_port_is_seen_by_the_probe(void **state)
{
    (void)state;
    struct rig *a = rig_sharing();
    rig_listen(a, "127.0.0.1");
    errno = 0;
    assert_int_equal(net_probe(&a->at), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    struct endpoint at = a->at;
    rig_free(a);
    assert_int_equal(net_probe(&at), OK);
    assert_int_equal(net_probe(&at), OK); /* it gives back what it takes */
}

static void one_network_alone_shares_no_port(void **state)
{
    (void)state;
    struct rig *a = rig_new("127.0.0.1"), *b = rig_sharing();
    assert_int_equal(net_listen(b->n, &a->at), ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    rig_free(a);
    rig_free(b);
}

static void *post(void *ctx)
{
    struct rig *r = ctx;
    net_post(r->n);
    return NULL;
}

static void count_post(void *ctx)
{
    (*(volatile int *)ctx)++;
}

static void a_post_of_another_thread_is_followed_by_a_turn(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    volatile int posts = 0; /* the loop changes it */
    pthread_t thread;
    rig_open(r);
    net_on_post(r->n, count_post, (void *)(uintptr_t)&posts);
    size_t turns = r->turns;
    assert_int_equal(pthread_create(&thread, NULL, post, r), 0);
    AWAIT(r, posts == 1);
    assert_int_equal(r->turns, turns + 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_free(r);
}

struct hooks_seen {
    bool online;
    int sleeps, entries;
};

static void see_enter(void *ctx)
{
    struct hooks_seen *h = ctx;
    h->online = true;
    h->entries++;
}

static void see_idle(void *ctx)
{
    struct hooks_seen *h = ctx;
    h->online = false;
    h->sleeps++;
}

static struct hooks_seen seen;

static void must_be_online(struct rig *r)
{
    (void)r;
    assert_true(seen.online);
}

/* libuv: timers, prepare handles, poll and async callbacks. */
static void every_turn_is_entered_and_every_sleep_announced(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    memset(&seen, 0, sizeof seen);
    r->config.hooks = (struct net_hooks){&seen, see_enter, see_idle};
    r->on_turn = must_be_online;
    rig_open(r);
    assert_int_equal(seen.entries, 0); /* nothing happens before the loop runs */
    rig_listen(r, "127.0.0.1");
    int udp = open_client(&r->at, 4, SOCK_DGRAM), tcp = tcp_client(r);
    uint8_t m[16];
    udp_ask(udp, 1, 'e');
    tcp_ask(tcp, 2, 'e');
    AWAIT(r, take(udp, m, sizeof m) == 6);
    tcp_read(r, tcp, m, 8);
    r->w->ops->wake(r->w, r->w->ops->now_ms(r->w) + 5); /* a timer's turn comes before the sleep */
    size_t turns = r->turns;
    AWAIT(r, r->turns > turns);
    net_post(r->n);
    AWAIT(r, r->turns > turns + 1);
    assert_true(seen.sleeps > 0 && seen.entries > 3);
    step(r);
    assert_false(seen.online);
    close(udp);
    close(tcp);
    rig_free(r);
}

static void what_is_forgotten_gets_no_answer_and_makes_room(void **state)
{
    (void)state;
    struct rig *r = rig_prepare();
    r->config.tcp_pipeline_max = 1;
    rig_open(r);
    rig_listen(r, "127.0.0.1");
    int udp = open_client(&r->at, 4, SOCK_DGRAM), tcp = tcp_client(r);
    uint8_t m[16];
    udp_ask(udp, 1, 'p');
    tcp_ask(tcp, 2, 'p');
    tcp_ask(tcp, 3, 'e'); /* waits for the one before */
    AWAIT(r, r->asked_count == 2);
    for (size_t i = 0; i < 2; i++) {
        net_forget(r->n, r->asked[i]);
        net_forget(r->n, r->asked[i]); /* a stale name is nothing */
    }
    net_post(r->n);
    tcp_read(r, tcp, m, 8);
    assert_int_equal(m[3], 3);
    assert_int_equal(net_pending(r->n), 0);
    assert_int_equal(take(udp, m, sizeof m), -1);
    assert_int_equal(r->cancelled, 0);
    close(udp);
    close(tcp);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_networks_share_a_port_and_its_clients),
        cmocka_unit_test(a_shared_port_is_seen_by_the_probe),
        cmocka_unit_test(one_network_alone_shares_no_port),
        cmocka_unit_test(a_post_of_another_thread_is_followed_by_a_turn),
        cmocka_unit_test(every_turn_is_entered_and_every_sleep_announced),
        cmocka_unit_test(what_is_forgotten_gets_no_answer_and_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
