/*
 * One client's connection: queries in any pieces, answers in any order (RFC 7766 sections 6.2.1.1
 * and 7).
 *
 * Invariants
 * - `pending` holds in_flight requests; the client is on the idle list exactly when there are none.
 * - `filling` gathers replies until the client is attended to, then it becomes one write; `unsent`
 *   counts its octets and those of writes that have not ended.
 * - Octets are read only while in_flight < tcp_pipeline_max and unsent <= TCP_UNREAD_MAX; messages
 * that came with the last read wait in `in`.
 * - Nothing closes a client while the service or the core is on the stack: it is doomed, and
 *   closed when it is attended to.
 *
 * Idle time counts from the last whole query, answer or finished write, not from single octets: a
 * client that trickles, or that never reads what it asked for, is closed like one that is silent.
 */
#include "net/internal.h"

#include <string.h>
#include <unistd.h>

#include "base/must.h"

enum {
    OUT_LEAST = 2048,
    RETRY_MS = 100, /* until accepting is tried again */
};

struct tcp_out {
    uv_write_t write;
    struct tcp_client *client;
    size_t size, capacity;
    uint8_t bytes[];
};

struct tcp_client {
    uv_tcp_t handle;
    struct net *net;
    struct list link;
    struct list idle;
    struct list attention;
    struct list pending;
    struct endpoint peer;
    uint64_t since_ms;
    struct frames in;
    struct tcp_out *filling;
    size_t unsent;
    unsigned in_flight;
    bool reading;
    bool ended; /* the client sends no more; it may still read */
    bool doomed;
};

static void on_sweep(uv_timer_t *timer);

static struct gauge *gauge_of(const struct tcp_client *c)
{
    return c->net->config.work;
}

static void attend_later(struct tcp_client *c)
{
    list_remove(&c->attention);
    list_append(&c->net->tcp.attention, &c->attention);
}

static void doom(struct tcp_client *c)
{
    c->doomed = true;
    attend_later(c);
}

/* Something happened: the idle time begins anew, unless something is in flight. */
static void touch(struct tcp_client *c)
{
    struct net *n = c->net;
    list_remove(&c->idle);
    if (c->in_flight > 0)
        return;
    c->since_ms = n->clock.now_ms;
    list_append(&n->tcp.idle, &c->idle);
    if (!uv_is_active((uv_handle_t *)&n->tcp.sweep))
        MUST(uv_timer_start(&n->tcp.sweep, on_sweep, n->config.tcp_idle_ms, 0) == 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct tcp_client *c = handle->data;
    net__release(gauge_of(c), c, sizeof *c);
}

static void release_out(struct tcp_client *c, struct tcp_out *out)
{
    net__release(gauge_of(c), out, sizeof *out + out->capacity);
}

/* Closes at once; true when the service was told that requests are gone. */
static bool close_client(struct tcp_client *c)
{
    struct net *n = c->net;
    bool told = false;
    struct list *node;
    while ((node = list_shift(&c->pending)) != NULL) {
        struct request *q = CONTAINER_OF(node, struct request, link);
        uint64_t token = net__request_token(q);
        net__request_drop(&n->requests, q);
        n->service.cancel(n->service.ctx, token);
        told = true;
    }
    list_remove(&c->link);
    list_remove(&c->idle);
    list_remove(&c->attention);
    net__frames_free(&c->in, gauge_of(c));
    if (c->filling != NULL)
        release_out(c, c->filling);
    c->filling = NULL;
    n->tcp.count--;
    uv_close((uv_handle_t *)&c->handle, on_closed);
    net__tcp_resume(n);
    if (n->state == NET_DRAINING && n->tcp.count == 0)
        uv_async_send(&n->stop);
    return told;
}

/* Room for `size` more octets of replies in one write; NULL dooms the client. */
static uint8_t *room(struct tcp_client *c, size_t size)
{
    struct tcp_out *old = c->filling;
    if (old != NULL && old->capacity - old->size >= size)
        return old->bytes + old->size;
    size_t used = old == NULL ? 0 : old->size;
    size_t capacity = used + size > OUT_LEAST ? 2 * (used + size) : OUT_LEAST;
    struct tcp_out *out = net__alloc(gauge_of(c), sizeof *out + capacity);
    if (out == NULL) {
        c->net->figures.tcp_closed_bound++;
        doom(c);
        return NULL;
    }
    out->client = c;
    out->size = used;
    out->capacity = capacity;
    if (old != NULL) {
        memcpy(out->bytes, old->bytes, used);
        release_out(c, old);
    }
    c->filling = out;
    return out->bytes + used;
}

static void push(struct tcp_client *c, const uint8_t *bytes, size_t size)
{
    MUST(size <= TCP_MESSAGE_MAX);
    if (c->doomed)
        return;
    uint8_t *to = room(c, 2 + size);
    if (to == NULL)
        return;
    to[0] = (uint8_t)(size >> 8);
    to[1] = (uint8_t)size;
    memcpy(to + 2, bytes, size);
    c->filling->size += 2 + size;
    c->unsent += 2 + size;
    attend_later(c);
}

static void on_written(uv_write_t *write, int status)
{
    struct tcp_out *out = CONTAINER_OF(write, struct tcp_out, write);
    struct tcp_client *c = out->client;
    struct net *n = c->net;
    c->unsent -= out->size;
    release_out(c, out);
    if (uv_is_closing((uv_handle_t *)&c->handle))
        return;
    net__enter(n);
    if (status < 0)
        doom(c);
    else
        touch(c);
    attend_later(c);
    net__settle(n);
}

static void flush(struct tcp_client *c)
{
    struct tcp_out *out = c->filling;
    if (out == NULL)
        return;
    c->filling = NULL;
    uv_buf_t buf = uv_buf_init((char *)out->bytes, (unsigned)out->size);
    if (uv_write(&out->write, (uv_stream_t *)&c->handle, &buf, 1, on_written) == 0)
        return;
    c->unsent -= out->size;
    release_out(c, out);
    doom(c);
}

static bool may_take(const struct tcp_client *c)
{
    return !c->doomed && c->in_flight < c->net->config.tcp_pipeline_max &&
           c->unsent <= TCP_UNREAD_MAX && c->net->state == NET_RUNNING;
}

static void ask(struct tcp_client *c, const uint8_t *message, size_t size)
{
    struct net *n = c->net;
    struct request *request = net__request_take(&n->requests);
    if (request == NULL) {
        n->figures.tcp_closed_bound++;
        doom(c);
        return;
    }
    struct net_query query = {
        .bytes = message,
        .size = size,
        .client = c->peer,
        .via = TRANSPORT_TCP,
        .request = net__request_token(request),
    };
    size_t length = 0;
    enum net_verdict verdict =
        n->service.query(n->service.ctx, &query, n->tcp.reply, TCP_MESSAGE_MAX, &length);
    n->figures.tcp_received++;
    if (verdict == NET_PENDING) {
        request->tcp = c;
        list_append(&c->pending, &request->link);
        c->in_flight++;
    } else {
        net__request_drop(&n->requests, request);
    }
    if (verdict == NET_REPLY)
        push(c, n->tcp.reply, length);
    if (verdict != NET_DROP) /* garbage does not keep a connection alive */
        touch(c);
}

/* Hands the waiting messages to the service as far as the bounds allow; true when there were any.
 */
static bool serve(struct tcp_client *c)
{
    const uint8_t *message;
    size_t size;
    bool told = false;
    while (may_take(c) && net__frames_next(&c->in, &message, &size)) {
        ask(c, message, size);
        told = true;
    }
    if (net__frames_keep(&c->in, gauge_of(c)) != OK) {
        net__frames_free(&c->in, gauge_of(c)); /* the rest was in the read buffer */
        c->net->figures.tcp_closed_bound++;
        doom(c);
    }
    return told;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct tcp_client *c = handle->data;
    *buf = uv_buf_init((char *)c->net->tcp.read, TCP_MESSAGE_MAX + 1);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct tcp_client *c = stream->data;
    struct net *n = c->net;
    net__enter(n);
    bool told = false;
    if (got == UV_EOF) {
        c->ended = true;
        attend_later(c);
    } else if (got < 0) {
        doom(c);
    } else if (net__frames_add(&c->in, gauge_of(c), (uint8_t *)buf->base, (size_t)got) != OK) {
        n->figures.tcp_closed_bound++;
        doom(c);
    } else {
        told = serve(c);
        attend_later(c);
    }
    if (told)
        net__turn(n);
    else
        net__settle(n);
}

static void set_reading(struct tcp_client *c)
{
    bool want = may_take(c) && !c->ended;
    if (want == c->reading)
        return;
    c->reading = want;
    c->net->figures.tcp_held_back += !want && !c->ended && !c->doomed;
    if (!want)
        MUST(uv_read_stop((uv_stream_t *)&c->handle) == 0);
    else if (uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0)
        doom(c);
}

/* All has been said: nothing waits to be written, and nothing more will be. */
static bool is_finished(const struct tcp_client *c)
{
    if (c->unsent > 0)
        return false;
    if (c->net->state != NET_RUNNING)
        return true;
    return c->ended && c->in_flight == 0 && !net__frames_ready(&c->in);
}

static bool attend(struct tcp_client *c)
{
    bool told = false;
    if (!c->doomed) {
        told = serve(c);
        flush(c);
        if (is_finished(c))
            c->doomed = true;
        else
            set_reading(c);
    }
    list_remove(&c->attention);
    return c->doomed ? close_client(c) || told : told;
}

bool net__tcp_settle(struct net *n)
{
    struct list *node;
    bool told = false;
    while ((node = list_shift(&n->tcp.attention)) != NULL)
        told |= attend(CONTAINER_OF(node, struct tcp_client, attention));
    return told;
}

void net__tcp_answer(struct request *q, const uint8_t *bytes, size_t size)
{
    struct tcp_client *c = q->tcp;
    net__request_drop(&c->net->requests, q);
    c->in_flight--;
    push(c, bytes, size);
    touch(c);
}

void net__tcp_forget(struct request *q)
{
    struct tcp_client *c = q->tcp;
    net__request_drop(&c->net->requests, q);
    c->in_flight--;
    attend_later(c); /* there may be room for the next query now */
    touch(c);
}

void net__tcp_take(struct net *n, int fd, const struct endpoint *peer)
{
    struct tcp_client *c = net__alloc(n->config.work, sizeof *c);
    if (c == NULL) {
        n->figures.tcp_refused++;
        close(fd);
        return;
    }
    memset(c, 0, sizeof *c);
    c->net = n;
    c->peer = *peer;
    list_init(&c->link);
    list_init(&c->idle);
    list_init(&c->attention);
    list_init(&c->pending);
    MUST(uv_tcp_init(&n->loop, &c->handle) == 0);
    c->handle.data = c;
    n->tcp.count++;
    list_append(&n->tcp.clients, &c->link);
    if (uv_tcp_open(&c->handle, fd) != 0) {
        close(fd);
        doom(c);
        return;
    }
    n->figures.tcp_accepted++;
    uv_tcp_nodelay(&c->handle, 1);
    touch(c);
    attend_later(c);
}

bool net__tcp_make_room(struct net *n)
{
    LIST_EACH (it, &n->tcp.idle) {
        struct tcp_client *c = CONTAINER_OF(it, struct tcp_client, idle);
        if (c->unsent > 0 || c->doomed)
            continue;
        n->figures.tcp_closed_bound++;
        close_client(c); /* nothing is in flight, so the service is not told */
        return true;
    }
    return false;
}

static void on_sweep(uv_timer_t *timer)
{
    struct net *n = timer->data;
    net__enter(n);
    net__tcp_resume(n);
    while (!list_empty(&n->tcp.idle)) {
        struct tcp_client *c = CONTAINER_OF(n->tcp.idle.next, struct tcp_client, idle);
        uint64_t due = c->since_ms + n->config.tcp_idle_ms;
        if (due > n->clock.now_ms) {
            MUST(uv_timer_start(timer, on_sweep, due - n->clock.now_ms, 0) == 0);
            break;
        }
        if (c->unsent > 0)
            n->figures.tcp_closed_bound++;
        else
            n->figures.tcp_closed_idle++;
        close_client(c);
    }
}

void net__tcp_retry_later(struct net *n)
{
    MUST(uv_timer_start(&n->tcp.sweep, on_sweep, RETRY_MS, 0) == 0);
}

void net__tcp_drain(struct net *n)
{
    LIST_EACH (it, &n->tcp.clients)
        attend_later(CONTAINER_OF(it, struct tcp_client, link));
}

void net__tcp_close_all(struct net *n)
{
    while (!list_empty(&n->tcp.clients))
        close_client(CONTAINER_OF(n->tcp.clients.next, struct tcp_client, link));
}
