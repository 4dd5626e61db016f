/*
 * Exchanges with servers over UDP.
 *
 * Each runs on a connected socket that is never bound: connect(AF_UNSPEC) gives the port back and
 * the next connect draws a fresh one from the kernel's whole range (RFC 5452 section 9.2), at
 * little more than half of what a new socket costs. A descriptor carries one query at a time and
 * stays registered with epoll. Between uses it has no port, so nothing can reach it; what came
 * before is drained.
 */
#include "net/internal.h"

#include <errno.h>
#include <unistd.h>

#include "base/must.h"

enum {
    READ_ROUNDS = 16,     /* datagrams taken from one exchange in a wake-up */
    DRAIN_ROUNDS = 64,    /* datagrams thrown away before a socket is closed instead */
    IDLE_MAX = 1024,      /* unused sockets kept, by family */
    SOCKETS_MOST = 20000, /* the kernel has some 28,000 ports to give */
    SOCKETS_LEAST = 8,
};

struct asker {
    struct exchange exchange;
    uv_poll_t poll;
    struct net *net;
    struct list link; /* idle, or busy with `exchange` */
    struct endpoint to;
    int fd;
    unsigned char family;
    bool busy;
};

static struct asker *asker_of(struct exchange *e)
{
    return CONTAINER_OF(e, struct asker, exchange);
}

/* Half of the descriptors are the upstream's; the rest is for listeners, connections and files. */
void net__upstream_udp_init(struct net *n)
{
    struct upstream_udp *u = &n->upstream_udp;
    size_t files = net__descriptors(n);
    size_t ports = net__shares_ports(n) ? SOCKETS_MOST / n->config.nets : SOCKETS_MOST;
    u->most = files / 2 > ports ? ports : files / 2;
    if (u->most < SOCKETS_LEAST)
        u->most = SOCKETS_LEAST;
    list_init(&u->idle[0]);
    list_init(&u->idle[1]);
    list_init(&u->busy);
}

static void on_closed(uv_handle_t *handle)
{
    struct asker *a = handle->data;
    net__release(a->net->config.work, a, sizeof *a);
}

static void close_asker(struct asker *a)
{
    list_remove(&a->link);
    a->busy = false;
    a->net->upstream_udp.count--;
    uv_close((uv_handle_t *)&a->poll, on_closed);
    close(a->fd);
}

/* Gives the port back and empties the queue; false when the socket had better be closed. */
static bool disconnect_asker(struct asker *a)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (connect(a->fd, &nowhere, sizeof nowhere) != 0)
        return false;
    char byte;
    for (int i = 0; i < DRAIN_ROUNDS; i++)
        if (recv(a->fd, &byte, 0, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno == EAGAIN)
            return true;
    return false;
}

/* Makes a busy socket an idle one. */
static void put_back(struct asker *a)
{
    struct upstream_udp *u = &a->net->upstream_udp;
    unsigned f = a->family == 6;
    a->busy = false;
    list_remove(&a->link);
    if (u->idle_count[f] >= IDLE_MAX || !disconnect_asker(a)) {
        close_asker(a);
        return;
    }
    u->idle_count[f]++;
    list_append(u->idle[f].next, &a->link); /* first: the one used last is warm in the caches */
}

static void fail(struct asker *a, enum err why)
{
    struct net *n = a->net;
    uint64_t token = a->exchange.token;
    net__exchange_remove(&n->exchanges, &a->exchange);
    put_back(a);
    n->sink.failed(n->sink.ctx, token, why);
}

/*
 * Reads one datagram; true when another should be tried now. After a reply it is not: the core may
 * end the exchange in its turn, and if it does not, the level-triggered poll comes back.
 */
static bool read_one(struct asker *a, bool *told)
{
    struct net *n = a->net;
    union net_sockaddr from = {0};
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(a->fd, n->tcp.read, TCP_MESSAGE_MAX, MSG_DONTWAIT, &from.any, &size);
    if (got < 0) {
        if (errno == EINTR)
            return true;
        if (errno == EAGAIN || !a->busy)
            return false;
        fail(a, errno == ECONNREFUSED ? ERR_REFUSED : ERR_IO);
        *told = true;
        return false;
    }
    struct endpoint source;
    net__from_sockaddr(&from, &source);
    /* Between getting its port and being connected a socket hears everybody. */
    if (!a->busy || !endpoint_equal(&source, &a->to)) {
        n->figures.upstream_strangers++;
        return true;
    }
    n->sink.reply(n->sink.ctx, a->exchange.token, n->tcp.read, (size_t)got);
    *told = true;
    return false;
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    (void)events;
    struct asker *a = handle->data;
    struct net *n = a->net;
    bool told = false;
    net__enter(n);
    for (int i = 0; i < READ_ROUNDS && read_one(a, &told); i++)
        continue;
    /* libuv stops a poll that saw an error, such as a refused port; reading has cleared the error.
     */
    if (status < 0 && !uv_is_closing((uv_handle_t *)handle))
        MUST(uv_poll_start(handle, UV_READABLE, on_event) == 0);
    if (told)
        net__turn(n);
}

static int open_socket(unsigned family)
{
    int domain = family == 4 ? AF_INET : AF_INET6;
    int fd = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && net__ignore_path_mtu(fd, family) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum err open_asker(struct net *n, uint8_t family, struct asker **out)
{
    struct upstream_udp *u = &n->upstream_udp;
    if (u->count >= u->most)
        return ERR_LIMIT;
    struct asker *a = net__alloc(n->config.work, sizeof *a);
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct asker){.net = n, .family = family, .fd = open_socket(family)};
    list_init(&a->link);
    if (a->fd < 0 || uv_poll_init(&n->loop, &a->poll, a->fd) != 0) {
        enum err err = a->fd < 0 && errno != EMFILE && errno != ENFILE ? ERR_IO : ERR_LIMIT;
        if (a->fd >= 0)
            close(a->fd);
        net__release(n->config.work, a, sizeof *a);
        return err;
    }
    a->poll.data = a;
    u->count++;
    MUST(uv_poll_start(&a->poll, UV_READABLE, on_event) == 0);
    *out = a;
    return OK;
}

bool net__upstream_udp_spare(struct net *n)
{
    struct upstream_udp *u = &n->upstream_udp;
    unsigned f = u->idle_count[1] > u->idle_count[0];
    struct list *node = list_shift(&u->idle[f]);
    if (node == NULL)
        return false;
    u->idle_count[f]--;
    close_asker(CONTAINER_OF(node, struct asker, link));
    return true;
}

static enum err take_asker(struct net *n, uint8_t family, struct asker **out)
{
    struct upstream_udp *u = &n->upstream_udp;
    unsigned f = family == 6;
    struct list *node = list_shift(&u->idle[f]);
    if (node == NULL && u->count >= u->most && u->idle_count[!f] > 0) {
        u->idle_count[!f]--;
        close_asker(CONTAINER_OF(list_shift(&u->idle[!f]), struct asker, link));
    }
    if (node == NULL)
        return open_asker(n, family, out);
    u->idle_count[f]--;
    *out = CONTAINER_OF(node, struct asker, link);
    return OK;
}

static enum err transmit(struct asker *a, const struct upstream_send *s)
{
    union net_sockaddr to;
    socklen_t size = net__to_sockaddr(&s->to, &to);
    if (connect(a->fd, &to.any, size) != 0)
        return errno == EAGAIN || errno == EADDRNOTAVAIL ? ERR_LIMIT : ERR_IO;
    ssize_t sent;
    do
        sent = send(a->fd, s->message, s->length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return OK;
    return errno == ECONNREFUSED ? ERR_REFUSED : ERR_IO;
}

enum err net__upstream_udp_send(struct net *n, const struct upstream_send *s)
{
    struct asker *a;
    enum err err = take_asker(n, s->to.family, &a);
    if (err != OK)
        return err;
    a->exchange = (struct exchange){.token = s->token, .via = TRANSPORT_UDP};
    a->to = s->to;
    a->busy = true;
    list_append(&n->upstream_udp.busy, &a->link);
    err = transmit(a, s);
    if (err == OK)
        net__exchange_add(&n->exchanges, &a->exchange);
    else
        put_back(a);
    return err;
}

void net__upstream_udp_cancel(struct net *n, struct exchange *e)
{
    net__exchange_remove(&n->exchanges, e);
    put_back(asker_of(e));
}

void net__upstream_udp_close_all(struct net *n)
{
    struct upstream_udp *u = &n->upstream_udp;
    struct list *lists[] = {&u->busy, &u->idle[0], &u->idle[1]};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        LIST_EACH_SAFE (it, next, lists[i]) {
            struct asker *a = CONTAINER_OF(it, struct asker, link);
            if (a->busy)
                net__exchange_remove(&n->exchanges, &a->exchange);
            close_asker(a);
        }
    }
    u->idle_count[0] = u->idle_count[1] = 0;
}

int net__upstream_udp_fd(const struct net *n, uint64_t token)
{
    struct exchange *e = net__exchange_find(&n->exchanges, token);
    return e != NULL && e->via == TRANSPORT_UDP ? asker_of(e)->fd : -1;
}
