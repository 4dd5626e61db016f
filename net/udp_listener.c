/*
 * Queries over UDP. A wake-up takes up to UDP_ROUNDS batches, so that a flood does not keep the
 * connections and the servers' replies waiting; the poll is level-triggered and comes back. A query
 * that is answered at once costs no allocation: the service writes into the slot that sendmmsg
 * reads.
 */
#include "net/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

struct udp_in {
    struct mmsghdr heads[UDP_BATCH];
    struct iovec parts[UDP_BATCH];
    union net_sockaddr from[UDP_BATCH];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control[UDP_BATCH];
    uint8_t bytes[UDP_BATCH][UDP_QUERY_MAX];
};

static void reset_head(struct udp_in *in, unsigned i)
{
    struct msghdr *h = &in->heads[i].msg_hdr;
    h->msg_name = &in->from[i];
    h->msg_namelen = sizeof in->from[i];
    h->msg_control = in->control[i].bytes;
    h->msg_controllen = sizeof in->control[i].bytes;
    h->msg_flags = 0;
}

enum err net__udp_init(struct net *n)
{
    list_init(&n->udp.listeners);
    list_init(&n->udp.dirty);
    struct udp_in *in = calloc(1, sizeof *in);
    if (in == NULL)
        return ERR_NOMEM;
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        in->parts[i] = (struct iovec){in->bytes[i], UDP_QUERY_MAX};
        in->heads[i].msg_hdr.msg_iov = &in->parts[i];
        in->heads[i].msg_hdr.msg_iovlen = 1;
        reset_head(in, i);
    }
    n->udp.in = in;
    return OK;
}

/* RFC 1035 section 7.3 and RFC 2181 section 4.1: a reply leaves from where the query went to. */
static void read_local(const struct udp_listener *l, struct msghdr *h, struct net_local *out)
{
    *out = (struct net_local){0};
    if (!l->wildcard)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            out->family = 4;
            memcpy(out->bytes, &info.ipi_spec_dst, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            out->family = 6;
            out->interface = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
            memcpy(out->bytes, &info.ipi6_addr, 16);
        }
    }
}

static void ask(struct udp_listener *l, const struct net_query *query,
                const struct net_local *local, struct request *request)
{
    struct net *n = l->net;
    uint8_t *reply = net__udp_reserve(l);
    size_t size = 0;
    enum net_verdict verdict =
        n->service.query(n->service.ctx, query, reply, n->config.udp_payload, &size);
    if (verdict == NET_PENDING) {
        request->udp = l;
        request->peer = query->client;
        request->local = *local;
        return;
    }
    net__request_drop(&n->requests, request);
    if (verdict == NET_REPLY)
        net__udp_commit(l, &query->client, local, size);
}

static void take(struct udp_listener *l, unsigned i)
{
    struct net *n = l->net;
    struct mmsghdr *head = &n->udp.in->heads[i];
    n->figures.udp_received++;
    if ((head->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        n->figures.udp_oversized++;
        return;
    }
    struct request *request = net__request_take(&n->requests);
    if (request == NULL) {
        n->figures.udp_dropped++; /* as if lost on the way; the client asks again */
        return;
    }
    struct net_query query = {
        .bytes = n->udp.in->bytes[i],
        .size = head->msg_len,
        .via = TRANSPORT_UDP,
        .request = net__request_token(request),
    };
    struct net_local local;
    net__from_sockaddr(&n->udp.in->from[i], &query.client);
    read_local(l, &head->msg_hdr, &local);
    ask(l, &query, &local, request);
}

/* Takes one batch; true when there may be more. */
static bool take_batch(struct udp_listener *l)
{
    struct net *n = l->net;
    int got = recvmmsg(l->fd, n->udp.in->heads, UDP_BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    n->figures.udp_batches++;
    for (unsigned i = 0; i < (unsigned)got; i++) {
        take(l, i);
        reset_head(n->udp.in, i);
    }
    net__turn(n);
    return got == UDP_BATCH;
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)events;
    struct udp_listener *l = handle->data;
    struct net *n = l->net;
    for (int i = 0; i < UDP_ROUNDS && n->state != NET_FINISHED; i++) {
        net__enter(n);
        if (!take_batch(l))
            break;
    }
    /* libuv stops a poll that saw an error; reading has cleared the error. */
    if (status < 0 && n->state != NET_FINISHED)
        MUST(uv_poll_start(handle, UV_READABLE, on_readable) == 0);
}

static void free_listener(struct udp_listener *l)
{
    free(l->out.bytes);
    free(l);
}

static void on_closed(uv_handle_t *handle)
{
    free_listener(handle->data);
}

void net__udp_close(struct udp_listener *l)
{
    list_remove(&l->link);
    list_remove(&l->dirty);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
}

/* What has arrived until now is answered; what comes later finds a closed port. */
void net__udp_stop(struct net *n)
{
    LIST_EACH (it, &n->udp.listeners) {
        struct udp_listener *l = CONTAINER_OF(it, struct udp_listener, link);
        for (int i = 0; i < UDP_LAST_ROUNDS && take_batch(l); i++)
            continue;
        uv_poll_stop(&l->poll);
    }
}

static struct udp_listener *new_listener(struct net *n)
{
    struct udp_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    size_t payload = n->config.udp_payload;
    l->net = n;
    list_init(&l->link);
    list_init(&l->dirty);
    l->out.bytes = calloc(UDP_OUT, payload);
    if (l->out.bytes == NULL) {
        free(l);
        return NULL;
    }
    for (unsigned i = 0; i < UDP_OUT; i++) {
        l->out.parts[i].iov_base = l->out.bytes + i * payload;
        l->out.heads[i].msg_hdr.msg_iov = &l->out.parts[i];
        l->out.heads[i].msg_hdr.msg_iovlen = 1;
        l->out.heads[i].msg_hdr.msg_name = &l->out.to[i];
    }
    return l;
}

static int set_options(struct udp_listener *l)
{
    int on = 1;
    if (net__ignore_path_mtu(l->fd, l->at.family) != 0)
        return -1;
    net__set_rcvbuf(l->fd, l->net->config.rcvbuf);
    if (!l->wildcard)
        return 0;
    if (l->at.family == 4)
        return setsockopt(l->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    return setsockopt(l->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

static bool is_wildcard(const struct endpoint *e)
{
    static const uint8_t zero[16];
    return memcmp(e->bytes, zero, sizeof zero) == 0;
}

/* Opens the descriptor and its poll; errno on -1. */
static int open_listener(struct udp_listener *l)
{
    l->fd = net__bound_socket(&l->at, SOCK_DGRAM, net__shares_ports(l->net));
    if (l->fd < 0)
        return -1;
    int rc = 0;
    if (set_options(l) == 0 && net__bound_to(l->fd, &l->at) == 0 &&
        (rc = uv_poll_init(&l->net->loop, &l->poll, l->fd)) == 0)
        return 0;
    int why = rc != 0 ? -rc : errno;
    close(l->fd);
    errno = why;
    return -1;
}

enum err net__udp_listen(struct net *n, const struct endpoint *at, struct udp_listener **out)
{
    struct udp_listener *l = new_listener(n);
    if (l == NULL)
        return ERR_NOMEM;
    l->at = *at;
    l->wildcard = is_wildcard(at);
    if (open_listener(l) != 0) {
        int why = errno;
        free_listener(l);
        errno = why;
        return ERR_IO;
    }
    l->poll.data = l;
    MUST(uv_poll_start(&l->poll, UV_READABLE, on_readable) == 0);
    list_append(&n->udp.listeners, &l->link);
    *out = l;
    return OK;
}
