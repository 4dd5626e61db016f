/*
 * The orderly end: no new connections, then up to a second for clients to read what is queued, then
 * every handle is closed and uv_run returns. Datagrams are taken until then, so that none lies
 * unanswered in an open socket. Requests still open are cancelled at the service.
 */
#include "net/internal.h"

enum { DRAIN_MS = 1000 };

/* A handle without a loop was never started: net_new failed before it. */
static void close_handle(void *handle)
{
    if (((uv_handle_t *)handle)->loop != NULL && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void cancel_requests(struct net *n)
{
    struct request *q;
    for (size_t i = 0; (q = net__request_at(&n->requests, i)) != NULL; i++) {
        if (!q->taken)
            continue;
        uint64_t token = net__request_token(q);
        net__request_drop(&n->requests, q);
        n->service.cancel(n->service.ctx, token);
    }
}

void net__finish(struct net *n)
{
    if (n->state == NET_FINISHED)
        return;
    net__udp_stop(n);
    n->state = NET_FINISHED;
    net__udp_flush(n);
    net__tcp_stop(n);
    net__tcp_close_all(n);
    cancel_requests(n);
    LIST_EACH_SAFE (it, next, &n->udp.listeners)
        net__udp_close(CONTAINER_OF(it, struct udp_listener, link));
    net__upstream_udp_close_all(n);
    net__upstream_tcp_close_all(n);
    net__close_watchers(n);
    close_handle(&n->clock.timer);
    close_handle(&n->tcp.sweep);
    close_handle(&n->upstream_tcp.sweep);
    close_handle(&n->grace);
    close_handle(&n->posts.async);
    close_handle(&n->posts.idle);
    close_handle(&n->stop);
}

static void on_grace(uv_timer_t *timer)
{
    struct net *n = timer->data;
    net__enter(n);
    net__finish(n);
}

static void on_stop(uv_async_t *async)
{
    struct net *n = async->data;
    net__enter(n);
    if (n->state == NET_STOPPING) {
        n->state = NET_DRAINING;
        net__tcp_stop(n);
        net__tcp_drain(n);
        uv_timer_start(&n->grace, on_grace, DRAIN_MS, 0);
        net__settle(n);
    }
    if (n->state == NET_DRAINING && n->tcp.count == 0)
        net__finish(n);
}

enum err net__stop_init(struct net *n)
{
    n->stop.data = n;
    n->grace.data = n;
    if (uv_timer_init(&n->loop, &n->grace) != 0)
        return ERR_IO;
    return uv_async_init(&n->loop, &n->stop, on_stop) == 0 ? OK : ERR_IO;
}

void net_stop(struct net *n)
{
    if (n->state != NET_RUNNING)
        return;
    n->state = NET_STOPPING;
    uv_async_send(&n->stop);
}
