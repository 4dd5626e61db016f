/*
 * A network under test in the test's own thread: the loop is stepped between what clients and
 * servers do with plain sockets, so no test sleeps and each ends within PATIENCE_MS.
 *
 * The service answers by the query's third octet: 'e' its echo with QR set, 'p' later (`asked`
 * holds the tokens), 'b' some 60,000 octets, anything else not at all.
 */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/internal.h"

enum { PATIENCE_MS = 5000, ASKED_MAX = 512, EVENTS_MAX = 256, BIG = 60000 };

struct event {
    uint64_t token;
    enum err why; /* OK: a reply of `size` octets that begins with `bytes` */
    size_t size;
    uint8_t bytes[16];
};

struct rig {
    struct net *n;
    struct world *w;
    struct gauge work;
    struct net_config config;
    struct endpoint at; /* of the first listener */
    uint64_t asked[ASKED_MAX];
    size_t asked_count, query_count, cancelled, turns;
    struct event events[EVENTS_MAX];
    size_t event_count;
    void (*on_turn)(struct rig *r);
};

static inline uint64_t test_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void step(struct rig *r)
{
    uv_run(&r->n->loop, UV_RUN_NOWAIT);
}

/* Steps the loop until `condition` holds. */
#define AWAIT(r, condition)                                                                        \
    for (uint64_t until_ = test_ms() + PATIENCE_MS; !(condition);) {                               \
        if (test_ms() > until_)                                                                    \
            fail_msg("%s:%d: not within %d ms: %s", __FILE__, __LINE__, PATIENCE_MS, #condition);  \
        step(r);                                                                                   \
        usleep(100);                                                                               \
    }

/* Steps the loop for a while in which nothing is expected to happen. */
static inline void idle(struct rig *r, uint64_t ms)
{
    for (uint64_t until = test_ms() + ms; test_ms() < until; usleep(500))
        step(r);
}

static inline enum net_verdict rig_query(void *ctx, const struct net_query *q, uint8_t *reply,
                                         size_t capacity, size_t *size)
{
    struct rig *r = ctx;
    assert_true(q->request != 0);
    r->query_count++;
    if (q->size < 4)
        return NET_DROP;
    if (q->bytes[3] == 'p') {
        assert_true(r->asked_count < ASKED_MAX);
        r->asked[r->asked_count++] = q->request;
        return NET_PENDING;
    }
    if (q->bytes[3] != 'e' && q->bytes[3] != 'b')
        return NET_DROP;
    *size = q->bytes[3] == 'b' ? BIG : q->size;
    assert_true(*size <= capacity);
    memset(reply, 'x', *size);
    memcpy(reply, q->bytes, q->size);
    reply[2] |= 0x80;
    return NET_REPLY;
}

static inline void rig_cancel(void *ctx, uint64_t request)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < r->asked_count; i++)
        if (r->asked[i] == request)
            r->cancelled++;
}

static inline void rig_event(struct rig *r, struct event e)
{
    assert_true(r->event_count < EVENTS_MAX);
    r->events[r->event_count++] = e;
}

static inline void rig_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length)
{
    struct event e = {.token = token, .size = length};
    memcpy(e.bytes, message, length < sizeof e.bytes ? length : sizeof e.bytes);
    rig_event(ctx, e);
}

static inline void rig_failed(void *ctx, uint64_t token, enum err why)
{
    assert_int_not_equal(why, OK);
    rig_event(ctx, (struct event){.token = token, .why = why});
}

static inline void rig_turn(void *ctx)
{
    struct rig *r = ctx;
    r->turns++;
    if (r->on_turn != NULL)
        r->on_turn(r);
}

static inline void rig_open(struct rig *r)
{
    assert_int_equal(net_new(&r->n, &r->config), OK);
    r->w = net_world(r->n);
    struct world_sink sink = {r, rig_reply, rig_failed, rig_turn};
    struct net_service service = {r, rig_query, rig_cancel};
    net_connect(r->n, &sink, &service);
}

static inline struct rig *rig_prepare(void)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->work.limit = 16u << 20;
    r->config = (struct net_config){
        .work = &r->work,
        .use_ipv4 = true,
        .use_ipv6 = true,
        .udp_payload = 1232,
        .tcp_clients_max = 20,
        .tcp_pipeline_max = 32,
        .tcp_idle_ms = 10000,
        .upstream_tcp_idle_ms = 10000,
    };
    return r;
}

static inline struct endpoint parse(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(text, 53, &e), OK);
    return e;
}

/* Listens on a port that the kernel chooses and TCP happens to have free too. */
static inline void rig_listen(struct rig *r, const char *address)
{
    struct endpoint at = parse(address);
    at.port = 0;
    enum err err = ERR_IO;
    for (int i = 0; i < 20 && err != OK; i++)
        err = net_listen(r->n, &at);
    assert_int_equal(err, OK);
    assert_true(net_listener(r->n, 0, &r->at));
    assert_true(r->at.port != 0);
}

static inline struct rig *rig_new(const char *address)
{
    struct rig *r = rig_prepare();
    rig_open(r);
    rig_listen(r, address);
    return r;
}

static inline void rig_free(struct rig *r)
{
    net_free(r->n);
    assert_int_equal(r->work.used, 0);
    free(r);
}

/* A client's socket, connected to `to` unless that is NULL. */
static inline int open_client(const struct endpoint *to, unsigned family, int type)
{
    int fd = socket(family == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (to == NULL)
        return fd;
    union net_sockaddr a;
    socklen_t size = net__to_sockaddr(to, &a);
    assert_int_equal(connect(fd, &a.any, size), 0);
    return fd;
}

static inline int tcp_client(const struct rig *r)
{
    return open_client(&r->at, r->at.family, SOCK_STREAM);
}

/* Sends the two length octets and a message of six: id, kind, sequence. */
static inline void tcp_ask(int fd, uint8_t id, char kind)
{
    uint8_t m[8] = {0, 6, 0, id, 0, (uint8_t)kind, 'n', 'u'};
    assert_int_equal(send(fd, m, sizeof m, MSG_NOSIGNAL), sizeof m);
}

static inline void udp_ask(int fd, uint8_t id, char kind)
{
    uint8_t m[6] = {0, id, 0, (uint8_t)kind, 'n', 'u'};
    assert_int_equal(send(fd, m, sizeof m, 0), sizeof m);
}

static inline ssize_t take(int fd, void *buf, size_t size)
{
    return recv(fd, buf, size, MSG_DONTWAIT);
}

/* Reads exactly `size` octets from a stream. */
static inline void tcp_read(struct rig *r, int fd, uint8_t *buf, size_t size)
{
    size_t done = 0;
    ssize_t got = 0;
    while (done < size) {
        AWAIT(r, (got = take(fd, buf + done, size - done)) >= 0);
        assert_true(got > 0);
        done += (size_t)got;
    }
}

/* Whether the peer has closed: end of file or reset. */
static inline bool is_closed(int fd)
{
    uint8_t byte;
    ssize_t got = take(fd, &byte, 1);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static inline uint64_t answer_for(const struct rig *r, size_t i)
{
    assert_true(i < r->asked_count);
    return r->asked[i];
}

/* A server on 127.0.0.1; `at` becomes its address. */
static inline int open_server(int type, struct endpoint *at)
{
    *at = parse("127.0.0.1");
    at->port = 0;
    int fd = net__bound_socket(at, type, false);
    assert_true(fd >= 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(net__bound_to(fd, at), 0);
    return fd;
}

/* Asks a server by the world's verb; the message is six octets that begin with the id. */
static inline enum err ask_server(struct rig *r, uint64_t token, const struct endpoint *to,
                                  enum transport via, uint8_t id)
{
    uint8_t m[6] = {0, id, 1, 'q', 'n', 'u'};
    struct upstream_send s = {token, *to, via, m, sizeof m};
    return r->w->ops->send(r->w, &s);
}

#endif
