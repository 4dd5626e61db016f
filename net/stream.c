#include "net/stream.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/must.h"
#include "dns/types.h"
#include "net/internal.h"

enum { LOOK_MS = 100 }; /* how long a wait is before it is seen that it should end */

static uint64_t now_ms(void)
{
    struct timespec t;
    MUST(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum err fail(int why)
{
    errno = why;
    return ERR_IO;
}

/* Until the socket can do that, or has an error of its own. */
static enum err wait_for(const struct net_stream *s, short events)
{
    struct pollfd p = {.fd = s->fd, .events = events};
    for (;;) {
        if (atomic_load_explicit(s->stop, memory_order_relaxed))
            return fail(ECANCELED);
        if (now_ms() >= s->deadline_ms)
            return fail(ETIMEDOUT);
        int ready = poll(&p, 1, LOOK_MS);
        if (ready > 0)
            return OK;
        if (ready < 0 && errno != EINTR)
            return ERR_IO;
    }
}

static enum err finish_connect(const struct net_stream *s)
{
    int why = 0;
    socklen_t size = sizeof why;
    enum err e = wait_for(s, POLLOUT);
    if (e == OK && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0)
        return ERR_IO;
    return e == OK && why != 0 ? fail(why) : e;
}

enum err net_stream_open(struct net_stream *s, const struct endpoint *to, uint32_t within_ms,
                         const atomic_bool *stop)
{
    union net_sockaddr at;
    socklen_t size = net__to_sockaddr(to, &at);
    *s = (struct net_stream){.stop = stop};
    net_stream_within(s, within_ms);
    s->fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return ERR_IO;
    if (connect(s->fd, &at.any, size) == 0)
        return OK;
    return errno == EINPROGRESS ? finish_connect(s) : ERR_IO;
}

void net_stream_within(struct net_stream *s, uint32_t ms)
{
    s->deadline_ms = now_ms() + ms;
}

/* True: it is to be tried again when the socket is ready. */
static bool is_for_later(ssize_t moved)
{
    return moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static enum err write_all(const struct net_stream *s, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(s->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && !is_for_later(sent))
            return ERR_IO;
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
            continue;
        }
        enum err e = wait_for(s, POLLOUT);
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err read_all(const struct net_stream *s, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        enum err e = wait_for(s, POLLIN);
        if (e != OK)
            return e;
        ssize_t got = recv(s->fd, bytes, size, 0);
        if (got == 0)
            return fail(ECONNRESET);
        if (got < 0 && !is_for_later(got))
            return ERR_IO;
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        }
    }
    return OK;
}

enum err net_stream_send(struct net_stream *s, const uint8_t *message, size_t size)
{
    uint8_t framed[2 + DNS_MESSAGE_MAX];
    MUST(size <= DNS_MESSAGE_MAX);
    store_u16(framed, (uint16_t)size);
    memcpy(framed + 2, message, size);
    return write_all(s, framed, 2 + size);
}

enum err net_stream_receive(struct net_stream *s, uint8_t *out, size_t *size)
{
    uint8_t length[2];
    enum err e = read_all(s, length, sizeof length);
    *size = e == OK ? load_u16(length) : 0;
    return e == OK ? read_all(s, out, *size) : e;
}

void net_stream_close(struct net_stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
