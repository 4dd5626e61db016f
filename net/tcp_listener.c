/*
 * Listening for connections, and which of them are let in.
 *
 * The number of clients is bounded by configuration and by descriptors. A newcomer over the bound
 * takes the place of the client that has been idle the longest; when none is idle it is refused
 * (RFC 7766 section 6.2.2). Sockets are accepted here and not by libuv, so that refusing one needs
 * no memory.
 */
#include "net/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"

enum {
    ACCEPT_ROUNDS = 32, /* connections taken in a wake-up */
    BACKLOG = 256,
    CLIENTS_LEAST = 4,
};

struct tcp_listener {
    uv_poll_t poll;
    struct net *net;
    struct list link;
    int fd;
};

static struct tcp_listener *listener_at(struct list *link)
{
    return CONTAINER_OF(link, struct tcp_listener, link);
}

/* A quarter of the descriptors at most: clients' connections must not starve the upstream side. */
enum err net__tcp_init(struct net *n)
{
    struct tcp_side *t = &n->tcp;
    list_init(&t->listeners);
    list_init(&t->clients);
    list_init(&t->idle);
    list_init(&t->attention);
    size_t files = net__descriptors(n);
    t->most = n->config.tcp_clients_max;
    if (t->most > files / 4)
        t->most = files / 4;
    if (t->most < CLIENTS_LEAST)
        t->most = CLIENTS_LEAST;
    t->sweep.data = n;
    t->read = malloc(TCP_MESSAGE_MAX + 1);
    t->reply = malloc(TCP_MESSAGE_MAX);
    if (t->read == NULL || t->reply == NULL)
        return ERR_NOMEM;
    return uv_timer_init(&n->loop, &t->sweep) == 0 ? OK : ERR_IO;
}

/* Out of descriptors: poll no more until a client has gone or a while later, or the loop would
 * spin. */
static void pause_listener(struct tcp_listener *l)
{
    int why = errno;
    if (net__tcp_make_room(l->net))
        return;
    LOG(LOG_INFO, "tcp_accept_paused", "errno=%d", why);
    uv_poll_stop(&l->poll);
    net__tcp_retry_later(l->net);
}

/* Takes one connection; false when there is none waiting. */
static bool accept_one(struct tcp_listener *l)
{
    struct net *n = l->net;
    union net_sockaddr from;
    socklen_t size = sizeof from;
    int fd = accept4(l->fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_listener(l);
        return errno == EINTR || errno == ECONNABORTED;
    }
    if (n->tcp.count >= n->tcp.most && !net__tcp_make_room(n)) {
        n->figures.tcp_refused++;
        close(fd);
        return true;
    }
    struct endpoint peer;
    net__from_sockaddr(&from, &peer);
    net__tcp_take(n, fd, &peer);
    return true;
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
    (void)events;
    struct tcp_listener *l = handle->data;
    net__enter(l->net);
    for (int i = 0; i < ACCEPT_ROUNDS && accept_one(l); i++)
        continue;
    if (status < 0 && l->net->state == NET_RUNNING)
        MUST(uv_poll_start(handle, UV_READABLE, on_connection) == 0);
    net__settle(l->net);
}

void net__tcp_resume(struct net *n)
{
    if (n->state != NET_RUNNING)
        return;
    LIST_EACH (it, &n->tcp.listeners) {
        struct tcp_listener *l = listener_at(it);
        if (!uv_is_active((uv_handle_t *)&l->poll))
            MUST(uv_poll_start(&l->poll, UV_READABLE, on_connection) == 0);
    }
}

static int open_listener(struct tcp_listener *l, const struct endpoint *at)
{
    l->fd = net__bound_socket(at, SOCK_STREAM, net__shares_ports(l->net));
    if (l->fd < 0)
        return -1;
    int rc = 0;
    if (listen(l->fd, BACKLOG) == 0 && (rc = uv_poll_init(&l->net->loop, &l->poll, l->fd)) == 0)
        return 0;
    int why = rc != 0 ? -rc : errno;
    close(l->fd);
    errno = why;
    return -1;
}

enum err net__tcp_listen(struct net *n, const struct endpoint *at)
{
    struct tcp_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_NOMEM;
    l->net = n;
    if (open_listener(l, at) != 0) {
        int why = errno;
        free(l);
        errno = why;
        return ERR_IO;
    }
    l->poll.data = l;
    MUST(uv_poll_start(&l->poll, UV_READABLE, on_connection) == 0);
    list_append(&n->tcp.listeners, &l->link);
    return OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net__tcp_stop(struct net *n)
{
    struct list *node;
    while ((node = list_shift(&n->tcp.listeners)) != NULL) {
        struct tcp_listener *l = listener_at(node);
        uv_close((uv_handle_t *)&l->poll, on_closed);
        close(l->fd);
    }
}
