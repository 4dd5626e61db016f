/*
 * Replies of a listener wait in preallocated slots and leave together by sendmmsg. A listener with
 * waiting replies is on the dirty list; net__udp_flush empties it at the end of each turn.
 */
#include "net/internal.h"

#include <errno.h>
#include <string.h>

#include "base/must.h"

static void flush(struct udp_listener *l)
{
    struct udp_out *out = &l->out;
    struct net_counters *figures = &l->net->figures;
    unsigned done = 0;
    while (done < out->count) {
        int sent = sendmmsg(l->fd, out->heads + done, out->count - done, 0);
        if (sent >= 0) {
            figures->udp_sent += (unsigned)sent;
            done += (unsigned)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            /* The interface takes no more; clients ask again, as with any lost datagram. */
            figures->udp_send_failed += out->count - done;
            done = out->count;
        } else if (errno != EINTR) {
            figures->udp_send_failed++; /* this one cannot be sent, the next may */
            done++;
        }
    }
    out->count = 0;
    list_remove(&l->dirty);
}

uint8_t *net__udp_reserve(struct udp_listener *l)
{
    if (l->out.count == UDP_OUT)
        flush(l);
    return l->out.parts[l->out.count].iov_base;
}

/* Makes the reply leave from the address that the query was sent to. */
static void name_source(struct msghdr *h, uint8_t *control, const struct net_local *from)
{
    h->msg_control = control;
    if (from->family == 4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, from->bytes, 4);
        h->msg_controllen = CMSG_SPACE(sizeof info);
        struct cmsghdr *c = CMSG_FIRSTHDR(h);
        *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return;
    }
    struct in6_pktinfo info = {.ipi6_ifindex = from->interface};
    memcpy(&info.ipi6_addr, from->bytes, 16);
    h->msg_controllen = CMSG_SPACE(sizeof info);
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
}

void net__udp_commit(struct udp_listener *l, const struct endpoint *to,
                     const struct net_local *from, size_t size)
{
    struct udp_out *out = &l->out;
    unsigned i = out->count;
    MUST(i < UDP_OUT && size <= l->net->config.udp_payload);
    struct msghdr *h = &out->heads[i].msg_hdr;
    h->msg_namelen = net__to_sockaddr(to, &out->to[i]);
    h->msg_control = NULL;
    h->msg_controllen = 0;
    if (from->family != 0)
        name_source(h, out->control[i].bytes, from);
    out->parts[i].iov_len = size;
    out->count++;
    if (out->count == 1)
        list_append(&l->net->udp.dirty, &l->dirty);
}

void net__udp_flush(struct net *n)
{
    struct list *node;
    while ((node = list_shift(&n->udp.dirty)) != NULL)
        flush(CONTAINER_OF(node, struct udp_listener, dirty));
}
