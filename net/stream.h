/*
 * DNS messages over one TCP connection, for a thread of its own that may wait. Off the path of
 * answers: the loops of the workers never do.
 *
 *     net_stream_open(&s, &to, 5000, &stop);    // all that follows has that much time in all,
 *     net_stream_within(&s, 60000);             // or, from here on, so much
 *     net_stream_send(&s, query, size);
 *     net_stream_receive(&s, reply, &size);
 *     net_stream_close(&s);
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct net_stream {
    int fd; /* -1: closed */
    uint64_t deadline_ms;
    const atomic_bool *stop; /* becomes true when it is to end at once, seen within 100 ms */
};

/*
 * Each of them: ERR_IO with errno, which is ETIMEDOUT when the time is over, ECANCELED when it was
 * stopped, ECONNRESET when the peer has closed. The stream is closed by net_stream_close alone,
 * also after an error.
 */
MUST_CHECK enum err net_stream_open(struct net_stream *s, const struct endpoint *to,
                                    uint32_t within_ms, const atomic_bool *stop);
void net_stream_within(struct net_stream *s, uint32_t ms);
MUST_CHECK enum err net_stream_send(struct net_stream *s, const uint8_t *message, size_t size);
/* `out` has room for DNS_MESSAGE_MAX octets. */
MUST_CHECK enum err net_stream_receive(struct net_stream *s, uint8_t *out, size_t *size);
void net_stream_close(struct net_stream *s);

#endif
