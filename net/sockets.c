#include "net/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

socklen_t net__to_sockaddr(const struct endpoint *e, union net_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    if (e->family == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(e->port);
        memcpy(&out->v4.sin_addr, e->bytes, 4);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(e->port);
    out->v6.sin6_scope_id = e->scope;
    memcpy(&out->v6.sin6_addr, e->bytes, 16);
    return sizeof out->v6;
}

void net__from_sockaddr(const union net_sockaddr *from, struct endpoint *out)
{
    memset(out, 0, sizeof *out);
    if (from->any.sa_family == AF_INET) {
        out->family = 4;
        out->port = ntohs(from->v4.sin_port);
        memcpy(out->bytes, &from->v4.sin_addr, 4);
    } else if (from->any.sa_family == AF_INET6) {
        out->family = 6;
        out->port = ntohs(from->v6.sin6_port);
        out->scope = from->v6.sin6_scope_id;
        memcpy(out->bytes, &from->v6.sin6_addr, 16);
    }
}

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

int net__ignore_path_mtu(int fd, unsigned family)
{
    if (family == 4)
        return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    return set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

void net__set_rcvbuf(int fd, unsigned octets)
{
    if (octets == 0)
        return;
    int value = octets > INT32_MAX ? INT32_MAX : (int)octets;
    if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, value) == 0)
        return;
    /* Without CAP_NET_ADMIN the kernel cuts the value to net.core.rmem_max. */
    if (set_int(fd, SOL_SOCKET, SO_RCVBUF, value) != 0)
        LOG(LOG_WARNING, "rcvbuf_not_set", "octets=%u errno=%d", octets, errno);
}

bool net__shares_ports(const struct net *n)
{
    return n->config.nets > 1;
}

/* What is left of a share for connections and exchanges: loop, listeners and log come first. */
enum { OWN_DESCRIPTORS = 12 };

size_t net__descriptors(const struct net *n)
{
    struct rlimit limit;
    rlim_t files = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
    size_t share = (size_t)(net__shares_ports(n) ? files / n->config.nets : files);
    return share > 2 * OWN_DESCRIPTORS ? share - OWN_DESCRIPTORS : OWN_DESCRIPTORS;
}

static int prepare(int fd, const struct endpoint *at, int type, bool shared)
{
    if (at->family == 6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)
        return -1;
    /* For UDP this one would let two servers share the port, and one of them would hear nothing. */
    if (type == SOCK_STREAM && set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)
        return -1;
    if (shared && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0)
        return -1;
    union net_sockaddr a;
    socklen_t size = net__to_sockaddr(at, &a);
    return bind(fd, &a.any, size);
}

int net__bound_socket(const struct endpoint *at, int type, bool shared)
{
    int domain = at->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (prepare(fd, at, type, shared) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum err net_probe(const struct endpoint *at)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        int fd = net__bound_socket(at, types[i], false);
        if (fd < 0)
            return ERR_IO;
        close(fd);
    }
    return OK;
}

int net__bound_to(int fd, struct endpoint *out)
{
    union net_sockaddr a;
    socklen_t size = sizeof a;
    if (getsockname(fd, &a.any, &size) != 0)
        return -1;
    net__from_sockaddr(&a, out);
    return 0;
}
