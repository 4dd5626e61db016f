/*
 * Exchanges with servers over TCP. Connections are kept and shared (RFC 7766 section 6.2.1): a
 * message goes on an open connection to the same address unless its id is in use there, because a
 * stream tells exchanges apart by nothing else.
 *
 * A server may close an idle connection at the moment we write to it. So an exchange that was put
 * on a used connection is tried once more on a fresh one before it has failed (RFC 7766
 * section 6.2.3). A connection on which an exchange was given up without a sign of life takes no
 * new ones.
 */
#include "net/internal.h"

#include <string.h>

#include "base/must.h"

enum {
    PIPELINE_MAX = 32,
    CONNECTIONS_MOST = 512,
    CONNECTIONS_LEAST = 4,
    KEEP_TIMES = 10, /* as long, where a server agrees (RFC 7828) */
};

struct connection {
    uv_tcp_t handle;
    uv_connect_t connect;
    struct net *net;
    struct list link;
    struct list idle;
    struct list exchanges;
    struct endpoint to;
    uint64_t since_ms;
    uint64_t received; /* messages */
    uint32_t keep_ms;  /* idle for so long it is closed */
    struct frames in;
    unsigned in_flight;
    bool open;   /* the handshake is done */
    bool silent; /* takes no new exchanges: no sign of life, or the server wants it closed */
};

struct tcp_exchange {
    struct exchange exchange;
    struct connection *on;
    struct list link;
    uint64_t heard; /* on->received when it was sent */
    bool reused;    /* the connection had been used before */
    uint16_t id;
    size_t length;
    uint8_t message[];
};

/* One message on its way; it may outlive its exchange. */
struct outgoing {
    uv_write_t write;
    struct connection *on;
    size_t size;
    uint8_t bytes[];
};

static void on_sweep(uv_timer_t *timer);
static enum err place(struct net *n, struct tcp_exchange *e, const struct endpoint *to, bool fresh);

static struct tcp_exchange *exchange_at(struct list *link)
{
    return CONTAINER_OF(link, struct tcp_exchange, link);
}

enum err net__upstream_tcp_init(struct net *n)
{
    struct upstream_tcp *u = &n->upstream_tcp;
    list_init(&u->connections);
    list_init(&u->idle);
    size_t files = net__descriptors(n);
    u->most = files / 8 > CONNECTIONS_MOST ? CONNECTIONS_MOST : files / 8;
    if (u->most < CONNECTIONS_LEAST)
        u->most = CONNECTIONS_LEAST;
    u->sweep.data = n;
    return uv_timer_init(&n->loop, &u->sweep) == 0 ? OK : ERR_IO;
}

static uint16_t id_of(const uint8_t *message)
{
    return (uint16_t)(message[0] << 8 | message[1]);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    net__release(c->net->config.work, c, sizeof *c);
}

/* The exchanges must have been taken off before. */
static void close_connection(struct connection *c)
{
    list_remove(&c->link);
    list_remove(&c->idle);
    net__frames_free(&c->in, c->net->config.work);
    c->net->upstream_tcp.count--;
    uv_close((uv_handle_t *)&c->handle, on_closed);
}

static void rest(struct connection *c)
{
    struct net *n = c->net;
    c->since_ms = n->clock.now_ms;
    list_remove(&c->idle);
    list_append(&n->upstream_tcp.idle, &c->idle);
    uv_timer_t *sweep = &n->upstream_tcp.sweep;
    if (!uv_is_active((uv_handle_t *)sweep) || uv_timer_get_due_in(sweep) > c->keep_ms)
        MUST(uv_timer_start(&n->upstream_tcp.sweep, on_sweep, c->keep_ms, 0) == 0);
}

static void take_off(struct tcp_exchange *e)
{
    list_remove(&e->link);
    e->on->in_flight--;
    e->on = NULL;
}

static void free_exchange(struct net *n, struct tcp_exchange *e)
{
    net__exchange_remove(&n->exchanges, &e->exchange);
    net__release(n->config.work, e, sizeof *e + e->length);
}

static void fail(struct net *n, struct tcp_exchange *e, enum err why)
{
    uint64_t token = e->exchange.token;
    free_exchange(n, e);
    n->sink.failed(n->sink.ctx, token, why);
}

/* The peer has closed or broken the connection, or there never was one. From a callback only. */
static void lose(struct connection *c, enum err why)
{
    struct net *n = c->net;
    struct endpoint to = c->to;
    struct list lost;
    list_init(&lost);
    struct list *node;
    while ((node = list_shift(&c->exchanges)) != NULL)
        list_append(&lost, node);
    close_connection(c);
    bool told = false;
    while ((node = list_shift(&lost)) != NULL) {
        struct tcp_exchange *e = exchange_at(node);
        e->on = NULL;
        if (e->reused && place(n, e, &to, true) == OK)
            continue;
        fail(n, e, why);
        told = true;
    }
    if (told)
        net__turn(n);
}

static void on_written(uv_write_t *write, int status)
{
    struct outgoing *o = CONTAINER_OF(write, struct outgoing, write);
    struct connection *c = o->on;
    struct net *n = c->net;
    net__release(n->config.work, o, sizeof *o + o->size);
    if (status >= 0 || uv_is_closing((uv_handle_t *)&c->handle))
        return;
    net__enter(n);
    lose(c, ERR_REFUSED);
}

static bool deliver(struct connection *c, const uint8_t *message, size_t size)
{
    c->received++;
    if (size < 2)
        return false;
    LIST_EACH (it, &c->exchanges) {
        struct tcp_exchange *e = exchange_at(it);
        if (e->id != id_of(message))
            continue;
        struct net *n = c->net;
        n->sink.reply(n->sink.ctx, e->exchange.token, message, size);
        return true;
    }
    return false; /* of an exchange that was given up */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct connection *c = handle->data;
    *buf = uv_buf_init((char *)c->net->tcp.read, TCP_MESSAGE_MAX + 1);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct net *n = c->net;
    net__enter(n);
    if (got < 0) {
        lose(c, ERR_REFUSED);
        return;
    }
    enum err err = net__frames_add(&c->in, n->config.work, (uint8_t *)buf->base, (size_t)got);
    const uint8_t *message;
    size_t size;
    bool told = false;
    while (err == OK && net__frames_next(&c->in, &message, &size))
        told |= deliver(c, message, size);
    if (err == OK)
        err = net__frames_keep(&c->in, n->config.work);
    if (err != OK)
        lose(c, err);
    if (told)
        net__turn(n);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct connection *c = connect->handle->data;
    if (uv_is_closing((uv_handle_t *)&c->handle))
        return;
    net__enter(c->net);
    if (status < 0 || uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0) {
        lose(c, status == UV_ECONNREFUSED ? ERR_REFUSED : ERR_IO);
        return;
    }
    c->open = true;
}

static enum err open_connection(struct net *n, const struct endpoint *to, struct connection **out)
{
    struct connection *c = net__alloc(n->config.work, sizeof *c);
    if (c == NULL)
        return ERR_NOMEM;
    memset(c, 0, sizeof *c);
    c->net = n;
    c->to = *to;
    c->keep_ms = n->config.upstream_tcp_idle_ms;
    list_init(&c->link);
    list_init(&c->idle);
    list_init(&c->exchanges);
    MUST(uv_tcp_init(&n->loop, &c->handle) == 0);
    c->handle.data = c;
    n->upstream_tcp.count++;
    list_append(&n->upstream_tcp.connections, &c->link);
    union net_sockaddr address;
    net__to_sockaddr(to, &address);
    int rc = uv_tcp_connect(&c->connect, &c->handle, &address.any, on_connected);
    if (rc != 0) {
        close_connection(c);
        return rc == UV_EMFILE || rc == UV_ENFILE ? ERR_LIMIT : ERR_IO;
    }
    uv_tcp_nodelay(&c->handle, 1);
    n->figures.upstream_tcp_opened++;
    *out = c;
    return OK;
}

static bool make_room(struct net *n)
{
    struct upstream_tcp *u = &n->upstream_tcp;
    if (u->count < u->most)
        return true;
    if (list_empty(&u->idle))
        return false;
    close_connection(CONTAINER_OF(u->idle.next, struct connection, idle));
    return true;
}

static bool carries_id(const struct connection *c, uint16_t id)
{
    LIST_EACH (it, &c->exchanges)
        if (exchange_at(it)->id == id)
            return true;
    return false;
}

/* A connection that can carry the id; `fresh` excludes those that were open before. */
static struct connection *find(struct net *n, const struct endpoint *to, uint16_t id, bool fresh)
{
    LIST_EACH (it, &n->upstream_tcp.connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, link);
        if (!c->silent && !(fresh && c->open) && c->in_flight < PIPELINE_MAX &&
            endpoint_equal(&c->to, to) && !carries_id(c, id))
            return c;
    }
    return NULL;
}

static enum err write_message(struct connection *c, const struct tcp_exchange *e)
{
    struct gauge *g = c->net->config.work;
    size_t size = 2 + e->length;
    struct outgoing *o = net__alloc(g, sizeof *o + size);
    if (o == NULL)
        return ERR_NOMEM;
    o->on = c;
    o->size = size;
    o->bytes[0] = (uint8_t)(e->length >> 8);
    o->bytes[1] = (uint8_t)e->length;
    memcpy(o->bytes + 2, e->message, e->length);
    uv_buf_t buf = uv_buf_init((char *)o->bytes, (unsigned)size);
    if (uv_write(&o->write, (uv_stream_t *)&c->handle, &buf, 1, on_written) == 0)
        return OK;
    net__release(g, o, sizeof *o + size);
    return ERR_IO;
}

/* Puts an exchange on a connection and writes it; `fresh` asks for a new one. */
static enum err place(struct net *n, struct tcp_exchange *e, const struct endpoint *to, bool fresh)
{
    struct connection *c = find(n, to, e->id, fresh);
    e->reused = c != NULL && c->open;
    if (c == NULL) {
        enum err err = make_room(n) ? open_connection(n, to, &c) : ERR_LIMIT;
        if (err == ERR_LIMIT && net__upstream_udp_spare(n))
            err = open_connection(n, to, &c);
        if (err != OK)
            return err;
    }
    enum err err = write_message(c, e);
    if (err != OK) {
        if (c->in_flight == 0)
            close_connection(c);
        return err;
    }
    if (e->reused)
        n->figures.upstream_tcp_reused++;
    list_remove(&c->idle);
    list_append(&c->exchanges, &e->link);
    c->in_flight++;
    e->on = c;
    e->heard = c->received;
    return OK;
}

enum err net__upstream_tcp_send(struct net *n, const struct upstream_send *s)
{
    if (s->length < 2)
        return ERR_FORMAT;
    struct tcp_exchange *e = net__alloc(n->config.work, sizeof *e + s->length);
    if (e == NULL)
        return ERR_NOMEM;
    *e = (struct tcp_exchange){.exchange = {.token = s->token, .via = TRANSPORT_TCP}};
    list_init(&e->link);
    e->length = s->length;
    e->id = id_of(s->message);
    memcpy(e->message, s->message, s->length);
    enum err err = place(n, e, &s->to, false);
    if (err != OK) {
        net__release(n->config.work, e, sizeof *e + s->length);
        return err;
    }
    net__exchange_add(&n->exchanges, &e->exchange);
    return OK;
}

/*
 * A server that names a time is used to connections that stay: ours may stay longer than with
 * others, though never longer than it said. One that names none at all takes no new exchanges.
 */
void net__upstream_tcp_keep(struct exchange *exchange, uint32_t idle_ms)
{
    struct connection *c = CONTAINER_OF(exchange, struct tcp_exchange, exchange)->on;
    uint32_t most = KEEP_TIMES * c->net->config.upstream_tcp_idle_ms;
    c->keep_ms = idle_ms < most ? idle_ms : most;
    if (idle_ms == 0)
        c->silent = true;
}

void net__upstream_tcp_cancel(struct net *n, struct exchange *exchange)
{
    struct tcp_exchange *e = CONTAINER_OF(exchange, struct tcp_exchange, exchange);
    struct connection *c = e->on;
    if (c->received == e->heard)
        c->silent = true;
    take_off(e);
    free_exchange(n, e);
    if (c->in_flight > 0)
        return;
    if (c->silent)
        close_connection(c);
    else
        rest(c);
}

static void on_sweep(uv_timer_t *timer)
{
    struct net *n = timer->data;
    struct upstream_tcp *u = &n->upstream_tcp;
    net__enter(n);
    uint64_t next_ms = UINT64_MAX;
    LIST_EACH_SAFE (it, next, &u->idle) {
        struct connection *c = CONTAINER_OF(it, struct connection, idle);
        uint64_t due = c->since_ms + c->keep_ms;
        if (due <= n->clock.now_ms)
            close_connection(c);
        else if (due < next_ms)
            next_ms = due;
    }
    if (next_ms != UINT64_MAX)
        MUST(uv_timer_start(timer, on_sweep, next_ms - n->clock.now_ms, 0) == 0);
}

void net__upstream_tcp_close_all(struct net *n)
{
    LIST_EACH_SAFE (it, next, &n->upstream_tcp.connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, link);
        struct list *node;
        while ((node = list_shift(&c->exchanges)) != NULL)
            free_exchange(n, exchange_at(node));
        close_connection(c);
    }
}
