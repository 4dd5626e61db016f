/*
 * The world in production: the kernel's clocks and random bytes, sockets, and one libuv timer.
 *
 * The core's clock is CLOCK_BOOTTIME, libuv's timers run on CLOCK_MONOTONIC: after a suspend a
 * timer fires late by the time asleep, which any packet mends since every batch ends in a turn.
 */
#include "net/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"

static struct net *net_of(struct world *w)
{
    return CONTAINER_OF(w, struct net, world);
}

static void read_clock(struct net *n)
{
    struct timespec t;
    MUST(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
    n->clock.now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void net__enter(struct net *n)
{
    read_clock(n);
    if (n->config.hooks.enter != NULL)
        n->config.hooks.enter(n->config.hooks.ctx);
}

static uint64_t now_ms(struct world *w)
{
    return net_of(w)->clock.now_ms;
}

static int64_t wall_s(struct world *w)
{
    (void)w;
    return (int64_t)time(NULL);
}

static void fill_random(uint8_t *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = getrandom(out + done, size - done, 0);
        if (got > 0)
            done += (size_t)got;
        else
            MUST(errno == EINTR); /* nothing safe can be done without random bytes */
    }
}

/* Bytes are wiped when they are handed out, so memory never holds what protects an open query. */
static void random_bytes(struct world *w, void *out, size_t size)
{
    struct net_random *r = &net_of(w)->random;
    if (size > sizeof r->bytes) {
        fill_random(out, size);
        return;
    }
    if (size > r->left) {
        fill_random(r->bytes, sizeof r->bytes);
        r->left = sizeof r->bytes;
    }
    r->left -= size;
    memcpy(out, r->bytes + r->left, size);
    explicit_bzero(r->bytes + r->left, size);
}

static enum err send_message(struct world *w, const struct upstream_send *s)
{
    struct net *n = net_of(w);
    if (n->state == NET_FINISHED)
        return ERR_IO;
    bool allowed = s->to.family == 4 ? n->config.use_ipv4 : s->to.family == 6 && n->config.use_ipv6;
    if (!allowed)
        return ERR_UNSUPPORTED;
    if (s->length > TCP_MESSAGE_MAX)
        return ERR_RANGE;
    if (net__exchange_find(&n->exchanges, s->token) != NULL)
        return ERR_EXISTS;
    return s->via == TRANSPORT_UDP ? net__upstream_udp_send(n, s) : net__upstream_tcp_send(n, s);
}

static void cancel(struct world *w, uint64_t token)
{
    struct net *n = net_of(w);
    struct exchange *e = net__exchange_find(&n->exchanges, token);
    if (e == NULL)
        return; /* it has failed already */
    if (e->via == TRANSPORT_UDP)
        net__upstream_udp_cancel(n, e);
    else
        net__upstream_tcp_cancel(n, e);
}

static void keep(struct world *w, uint64_t token, uint32_t idle_ms)
{
    struct exchange *e = net__exchange_find(&net_of(w)->exchanges, token);
    if (e != NULL && e->via == TRANSPORT_TCP)
        net__upstream_tcp_keep(e, idle_ms);
}

static void on_wake(uv_timer_t *timer);

static void arm(struct net *n)
{
    struct net_clock *c = &n->clock;
    uint64_t delay = c->wake_ms > c->now_ms ? c->wake_ms - c->now_ms : 0;
    uv_update_time(&n->loop);
    MUST(uv_timer_start(&c->timer, on_wake, delay, 0) == 0);
}

/* The two clocks tick at different moments: the timer may come a millisecond early. */
static void on_wake(uv_timer_t *timer)
{
    struct net *n = timer->data;
    net__enter(n);
    if (n->clock.wake_ms > n->clock.now_ms) {
        arm(n);
        return;
    }
    n->clock.wake_ms = UINT64_MAX;
    net__turn(n);
}

static void wake(struct world *w, uint64_t at_ms)
{
    struct net *n = net_of(w);
    if (n->state == NET_FINISHED || at_ms == n->clock.wake_ms)
        return;
    n->clock.wake_ms = at_ms;
    if (at_ms == UINT64_MAX)
        MUST(uv_timer_stop(&n->clock.timer) == 0);
    else
        arm(n);
}

enum err net__world_init(struct net *n)
{
    static const struct world_ops ops = {
        .now_ms = now_ms,
        .wall_s = wall_s,
        .random = random_bytes,
        .send = send_message,
        .cancel = cancel,
        .keep = keep,
        .wake = wake,
    };
    n->world.ops = &ops;
    n->clock.wake_ms = UINT64_MAX;
    n->clock.timer.data = n;
    read_clock(n);
    return uv_timer_init(&n->loop, &n->clock.timer) == 0 ? OK : ERR_IO;
}
