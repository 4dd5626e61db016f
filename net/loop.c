#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "net/internal.h"

struct signal_watch {
    uv_signal_t handle;
    struct list link;
    struct net *net;
    void (*fn)(void *ctx, int signum);
    void *ctx;
};

struct timer_watch {
    uv_timer_t handle;
    struct list link;
    struct net *net;
    void (*fn)(void *ctx);
    void *ctx;
};

/* Until net_connect, and for a loop without a core or without clients. */
static void ignore_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length)
{
    (void)ctx, (void)token, (void)message, (void)length;
}

static void ignore_failed(void *ctx, uint64_t token, enum err why)
{
    (void)ctx, (void)token, (void)why;
}

static void ignore_turn(void *ctx)
{
    (void)ctx;
}

static enum net_verdict drop_query(void *ctx, const struct net_query *q, uint8_t *reply,
                                   size_t capacity, size_t *size)
{
    (void)ctx, (void)q, (void)reply, (void)capacity, (void)size;
    return NET_DROP;
}

static void ignore_cancel(void *ctx, uint64_t request)
{
    (void)ctx, (void)request;
}

static const struct world_sink no_sink = {NULL, ignore_reply, ignore_failed, ignore_turn};
static const struct net_service no_service = {NULL, drop_query, ignore_cancel};

static void on_post(uv_async_t *async)
{
    struct net *n = async->data;
    net__enter(n);
    n->posts.fn(n->posts.ctx);
    net__turn(n);
}

static void on_idle(uv_prepare_t *prepare)
{
    struct net *n = prepare->data;
    if (n->config.hooks.idle != NULL)
        n->config.hooks.idle(n->config.hooks.ctx);
}

static enum err init_posts(struct net *n)
{
    n->posts.async.data = n;
    n->posts.fn = ignore_turn;
    n->posts.idle.data = n;
    if (uv_async_init(&n->loop, &n->posts.async, on_post) != 0)
        return ERR_IO;
    if (n->config.hooks.idle == NULL)
        return OK;
    MUST(uv_prepare_init(&n->loop, &n->posts.idle) == 0 &&
         uv_prepare_start(&n->posts.idle, on_idle) == 0);
    return OK;
}

void net_on_post(struct net *n, void (*fn)(void *ctx), void *ctx)
{
    n->posts.fn = fn;
    n->posts.ctx = ctx;
}

void net_post(struct net *n)
{
    uv_async_send(&n->posts.async);
}

/* Every part is given what net_free needs, whether or not the one before it could start. */
static enum err init_parts(struct net *n)
{
    net__requests_init(&n->requests, n->config.work);
    net__upstream_udp_init(n);
    list_init(&n->signals);
    list_init(&n->timers);
    enum err errs[] = {
        net__exchanges_init(&n->exchanges), net__world_init(n), net__udp_init(n), net__tcp_init(n),
        net__upstream_tcp_init(n),          net__stop_init(n),  init_posts(n),
    };
    for (size_t i = 0; i < sizeof errs / sizeof *errs; i++)
        if (errs[i] != OK)
            return errs[i];
    return OK;
}

enum err net_new(struct net **out, const struct net_config *config)
{
    MUST(config->work != NULL && config->udp_payload >= 512 && config->tcp_pipeline_max > 0);
    struct net *n = calloc(1, sizeof *n);
    if (n == NULL)
        return ERR_NOMEM;
    n->config = *config;
    n->sink = no_sink;
    n->service = no_service;
    if (uv_loop_init(&n->loop) != 0) {
        free(n);
        return ERR_IO;
    }
    /* A client that hangs up while we write is an error of that write, not the end of the process.
     */
    signal(SIGPIPE, SIG_IGN);
    enum err err = init_parts(n);
    if (err != OK)
        net_free(n);
    else
        *out = n;
    return err;
}

void net_free(struct net *n)
{
    if (n == NULL)
        return;
    n->sink = no_sink;
    n->service = no_service;
    n->posts.fn = ignore_turn;
    n->config.hooks = (struct net_hooks){0};
    net__finish(n);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    MUST(uv_loop_close(&n->loop) == 0);
    net__exchanges_deinit(&n->exchanges);
    net__requests_deinit(&n->requests);
    free(n->udp.in);
    free(n->tcp.read);
    free(n->tcp.reply);
    free(n);
}

struct uv_loop_s *net_loop(struct net *n)
{
    return &n->loop;
}

void net_enter(struct net *n)
{
    net__enter(n);
}

struct world *net_world(struct net *n)
{
    return &n->world;
}

void net_connect(struct net *n, const struct world_sink *sink, const struct net_service *service)
{
    n->sink = sink != NULL ? *sink : no_sink;
    n->service = service != NULL ? *service : no_service;
}

enum err net_listen(struct net *n, const struct endpoint *at)
{
    struct udp_listener *udp;
    enum err err = net__udp_listen(n, at, &udp);
    if (err != OK)
        return err;
    err = net__tcp_listen(n, &udp->at); /* with port 0: the port that UDP was given */
    if (err != OK) {
        int why = errno;
        net__udp_close(udp);
        errno = why;
    }
    return err;
}

bool net_listener(const struct net *n, size_t index, struct endpoint *out)
{
    LIST_EACH (it, &n->udp.listeners) {
        if (index-- > 0)
            continue;
        *out = CONTAINER_OF(it, struct udp_listener, link)->at;
        return true;
    }
    return false;
}

void net_answer(struct net *n, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct request *q = net__request_find(&n->requests, request);
    if (q == NULL)
        return;
    if (q->tcp != NULL) {
        net__tcp_answer(q, bytes, size);
        return;
    }
    MUST(q->udp != NULL && size <= n->config.udp_payload);
    memcpy(net__udp_reserve(q->udp), bytes, size);
    net__udp_commit(q->udp, &q->peer, &q->local, size);
    net__request_drop(&n->requests, q);
}

void net_forget(struct net *n, uint64_t request)
{
    struct request *q = net__request_find(&n->requests, request);
    if (q == NULL)
        return;
    if (q->tcp != NULL)
        net__tcp_forget(q);
    else
        net__request_drop(&n->requests, q);
}

/*
 * Attending to clients may hand the service queries that were held back or tell it that some are
 * gone, which the core hears of in another turn. It ends: no octet is read in here, so each round
 * has fewer held messages and fewer clients.
 */
void net__turn(struct net *n)
{
    do {
        n->sink.turn(n->sink.ctx);
        net__udp_flush(n);
    } while (net__tcp_settle(n));
}

void net__settle(struct net *n)
{
    if (net__tcp_settle(n))
        net__turn(n);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct signal_watch *w = handle->data;
    net__enter(w->net);
    w->fn(w->ctx, signum);
    net__turn(w->net);
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

enum err net_on_signal(struct net *n, int signum, void (*fn)(void *ctx, int signum), void *ctx)
{
    struct signal_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_NOMEM;
    w->net = n;
    w->fn = fn;
    w->ctx = ctx;
    w->handle.data = w;
    if (uv_signal_init(&n->loop, &w->handle) != 0) {
        free(w);
        return ERR_IO;
    }
    list_append(&n->signals, &w->link);
    int rc = uv_signal_start(&w->handle, on_signal, signum);
    if (rc == 0)
        return OK;
    list_remove(&w->link);
    uv_close((uv_handle_t *)&w->handle, on_signal_closed);
    errno = -rc;
    return ERR_IO;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_timer(uv_timer_t *handle)
{
    struct timer_watch *w = handle->data;
    struct net *n = w->net;
    net__enter(n);
    list_remove(&w->link);
    uv_close((uv_handle_t *)handle, on_timer_closed);
    w->fn(w->ctx);
    net__turn(n);
}

enum err net_after(struct net *n, uint64_t ms, void (*fn)(void *ctx), void *ctx)
{
    struct timer_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_NOMEM;
    w->net = n;
    w->fn = fn;
    w->ctx = ctx;
    w->handle.data = w;
    MUST(uv_timer_init(&n->loop, &w->handle) == 0);
    uv_update_time(&n->loop);
    MUST(uv_timer_start(&w->handle, on_timer, ms, 0) == 0);
    list_append(&n->timers, &w->link);
    return OK;
}

void net__close_watchers(struct net *n)
{
    struct list *node;
    while ((node = list_shift(&n->signals)) != NULL)
        uv_close((uv_handle_t *)&CONTAINER_OF(node, struct signal_watch, link)->handle,
                 on_signal_closed);
    while ((node = list_shift(&n->timers)) != NULL)
        uv_close((uv_handle_t *)&CONTAINER_OF(node, struct timer_watch, link)->handle,
                 on_timer_closed);
}

void net_run(struct net *n)
{
    net__enter(n);
    uv_update_time(&n->loop);
    uv_run(&n->loop, UV_RUN_DEFAULT);
}

const struct net_counters *net_figures(const struct net *n)
{
    return &n->figures;
}

size_t net_pending(const struct net *n)
{
    return n->requests.taken + n->exchanges.count;
}

const char *net_library_version(void)
{
    static char text[32];
    if (text[0] == '\0')
        snprintf(text, sizeof text, "libuv %s", uv_version_string());
    return text;
}
