/*
 * What the files of net/ share: the struct behind `struct net` and the verbs between its parts.
 *
 *     loop.c  lifecycle        world_uv.c  the world's verbs      stop.c  the orderly end
 *     udp_listener.c, udp_out.c    datagrams of clients, in and out by the batch
 *     tcp_listener.c, tcp_client.c connections of clients
 *     upstream_udp.c, upstream_tcp.c  exchanges with servers
 *     requests.c  client requests by token     exchanges.c  exchanges by token
 *     frames.c  messages out of a stream       memory.c  allocation against the gauge
 *     sockets.c  addresses and options of sockets       stream.c  TCP for a thread that may wait
 *
 * Every callback of libuv begins with net__enter, which reads the clock, and ends with net__turn
 * when the sink or the service was told anything, else with net__settle. Neither the sink nor the
 * service is ever called from within a verb that they call (send, cancel, wake, net_answer); what
 * those verbs find out is put on the `attention` list and dealt with after the turn.
 */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "net/loop.h"

enum {
    UDP_BATCH = 32,             /* datagrams taken by one recvmmsg */
    UDP_ROUNDS = 8,             /* batches of one listener before others have their turn */
    UDP_LAST_ROUNDS = 64,       /* and before it is closed for good */
    UDP_QUERY_MAX = 4096,       /* octets; a longer datagram is no query that we answer */
    UDP_OUT = 64,               /* replies of a listener waiting for sendmmsg */
    TCP_MESSAGE_MAX = 65535,    /* RFC 1035 section 4.2.2 */
    TCP_UNREAD_MAX = 64 * 1024, /* octets of replies unread by a client that stop our reading */
    RANDOM_BUFFER = 4096,
};

union net_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The address of ours that a datagram was sent to; family 0 when the listener's socket tells it. */
struct net_local {
    uint8_t family;
    uint32_t interface;
    uint8_t bytes[16];
};

struct net;

/* memory.c: malloc charged to a gauge; NULL when either refuses. */
void *net__alloc(struct gauge *g, size_t size);
void net__release(struct gauge *g, void *p, size_t size);

/* sockets.c */
socklen_t net__to_sockaddr(const struct endpoint *e, union net_sockaddr *out);
void net__from_sockaddr(const union net_sockaddr *from, struct endpoint *out);
/*
 * A non-blocking socket bound to `at`; -1 with errno. `type` is SOCK_DGRAM or SOCK_STREAM.
 * `shared`: with SO_REUSEPORT, next to others of this process.
 */
int net__bound_socket(const struct endpoint *at, int type, bool shared);
/* This network's share of the descriptors that the process may open. */
size_t net__descriptors(const struct net *n);
bool net__shares_ports(const struct net *n);
/* Never set DF by what ICMP claims: a forged "too big" must not make us send fragments. */
int net__ignore_path_mtu(int fd, unsigned family);
void net__set_rcvbuf(int fd, unsigned octets);
/* Where a descriptor is bound. */
int net__bound_to(int fd, struct endpoint *out);

/* requests.c: the requests that the service has been given. */
struct udp_listener;
struct tcp_client;

struct request {
    struct list link; /* of its TCP client */
    struct udp_listener *udp;
    struct tcp_client *tcp;
    struct endpoint peer;
    struct net_local local;
    uint32_t index;
    uint32_t generation;
    uint32_t next_free;
    bool taken;
};

struct requests {
    struct gauge *gauge;
    struct request **chunks;
    size_t chunk_count;
    uint32_t first_free;
    size_t taken;
};

void net__requests_init(struct requests *r, struct gauge *g);
void net__requests_deinit(struct requests *r);
struct request *net__request_take(struct requests *r); /* NULL when memory is refused */
void net__request_drop(struct requests *r, struct request *q);
uint64_t net__request_token(const struct request *q);
struct request *net__request_find(const struct requests *r, uint64_t token); /* NULL when stale */
/* The n-th of all slots, taken or not; NULL past the end. */
struct request *net__request_at(const struct requests *r, size_t n);

/* exchanges.c: open exchanges with servers by the core's token. */
struct exchange {
    struct exchange *next;
    uint64_t token;
    enum transport via;
};

struct exchanges {
    struct exchange **buckets;
    unsigned bits;
    size_t count;
};

MUST_CHECK enum err net__exchanges_init(struct exchanges *x);
void net__exchanges_deinit(struct exchanges *x);
void net__exchange_add(struct exchanges *x, struct exchange *e);
struct exchange *net__exchange_find(const struct exchanges *x, uint64_t token);
void net__exchange_remove(struct exchanges *x, struct exchange *e);

/*
 * frames.c: a stream's octets between being read and being a message. With capacity 0 `bytes` is
 * borrowed from the read buffer; what is left when the callback ends is kept in memory of its own.
 */
struct frames {
    uint8_t *bytes;
    size_t at, end, capacity;
};

MUST_CHECK enum err net__frames_add(struct frames *f, struct gauge *g, uint8_t *bytes, size_t size);
/* The next whole message, borrowed until the next call on `f`. */
bool net__frames_next(struct frames *f, const uint8_t **message, size_t *size);
bool net__frames_ready(const struct frames *f);
MUST_CHECK enum err net__frames_keep(struct frames *f, struct gauge *g);
void net__frames_free(struct frames *f, struct gauge *g);

/* udp_listener.c, udp_out.c */
struct udp_in; /* the receive buffers, one set for all listeners of a loop */

struct udp_out {
    struct mmsghdr heads[UDP_OUT];
    struct iovec parts[UDP_OUT];
    union net_sockaddr to[UDP_OUT];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control[UDP_OUT];
    uint8_t *bytes;
    unsigned count;
};

struct udp_listener {
    uv_poll_t poll;
    struct net *net;
    struct list link;  /* of net->udp.listeners */
    struct list dirty; /* of net->udp.dirty while replies wait */
    struct endpoint at;
    int fd;
    bool wildcard;
    struct udp_out out;
};

struct udp_side {
    struct list listeners;
    struct list dirty;
    struct udp_in *in;
};

MUST_CHECK enum err net__udp_init(struct net *n);
MUST_CHECK enum err net__udp_listen(struct net *n, const struct endpoint *at,
                                    struct udp_listener **out);
void net__udp_stop(struct net *n);
void net__udp_close(struct udp_listener *l);
/* Room for the next reply; `net__udp_commit` makes it a reply. Sends what waits when there is none.
 */
uint8_t *net__udp_reserve(struct udp_listener *l);
void net__udp_commit(struct udp_listener *l, const struct endpoint *to,
                     const struct net_local *from, size_t size);
void net__udp_flush(struct net *n);

/* tcp_listener.c, tcp_client.c */
struct tcp_side {
    struct list listeners;
    struct list clients;
    struct list idle;      /* clients with nothing in flight, longest first */
    struct list attention; /* clients to be looked at after the turn */
    uv_timer_t sweep;
    size_t count, most;
    uint8_t *read;  /* 64 KiB that every stream is read into */
    uint8_t *reply; /* 64 KiB that the service writes an answer into */
};

MUST_CHECK enum err net__tcp_init(struct net *n);
MUST_CHECK enum err net__tcp_listen(struct net *n, const struct endpoint *at);
void net__tcp_stop(struct net *n);        /* no connection is accepted any more */
void net__tcp_resume(struct net *n);      /* accepts again where accepting was paused */
void net__tcp_retry_later(struct net *n); /* does that in a while */
void net__tcp_take(struct net *n, int fd, const struct endpoint *peer);
bool net__tcp_make_room(struct net *n); /* closes the client that is idle the longest */
void net__tcp_answer(struct request *q, const uint8_t *bytes, size_t size);
void net__tcp_forget(struct request *q);
/* Looks after the clients on the attention list; true when the service was told anything. */
bool net__tcp_settle(struct net *n);
void net__tcp_drain(struct net *n);
void net__tcp_close_all(struct net *n);

/* upstream_udp.c */
struct upstream_udp {
    struct list idle[2]; /* by family: 0 is IPv4 */
    struct list busy;
    size_t idle_count[2];
    size_t count, most;
};

void net__upstream_udp_init(struct net *n);
MUST_CHECK enum err net__upstream_udp_send(struct net *n, const struct upstream_send *s);
void net__upstream_udp_cancel(struct net *n, struct exchange *e);
/* Closes a socket that waits for its next exchange, so that there is a descriptor; false: none
 * does. */
bool net__upstream_udp_spare(struct net *n);
void net__upstream_udp_close_all(struct net *n);
/* The descriptor that carries an exchange over UDP; -1 when there is none. For tests. */
int net__upstream_udp_fd(const struct net *n, uint64_t token);

/* upstream_tcp.c */
struct upstream_tcp {
    struct list connections;
    struct list idle; /* connections that carry no exchange, longest first */
    uv_timer_t sweep;
    size_t count, most;
};

MUST_CHECK enum err net__upstream_tcp_init(struct net *n);
MUST_CHECK enum err net__upstream_tcp_send(struct net *n, const struct upstream_send *s);
void net__upstream_tcp_cancel(struct net *n, struct exchange *e);
/* The server keeps the connection of the exchange so long while it is idle; 0: it wants it closed.
 */
void net__upstream_tcp_keep(struct exchange *e, uint32_t idle_ms);
void net__upstream_tcp_close_all(struct net *n);

/* world_uv.c */
struct net_clock {
    uint64_t now_ms;
    uint64_t wake_ms; /* UINT64_MAX: nothing asked for */
    uv_timer_t timer;
};

struct net_random {
    uint8_t bytes[RANDOM_BUFFER];
    size_t left;
};

MUST_CHECK enum err net__world_init(struct net *n);

/* loop.c: what other threads say, and what we say to them by sleeping. */
struct net_posts {
    uv_async_t async;
    void (*fn)(void *ctx);
    void *ctx;
    uv_prepare_t idle; /* before the sleep; in use when there is a hook for it */
};

enum net_state { NET_RUNNING, NET_STOPPING, NET_DRAINING, NET_FINISHED };

struct net {
    struct world world;
    uv_loop_t loop;
    struct net_config config;
    struct world_sink sink;
    struct net_service service;
    struct net_counters figures;
    struct net_clock clock;
    struct net_random random;
    struct requests requests;
    struct exchanges exchanges;
    struct udp_side udp;
    struct tcp_side tcp;
    struct upstream_udp upstream_udp;
    struct upstream_tcp upstream_tcp;
    struct list signals;
    struct list timers;
    uv_async_t stop; /* keeps the loop alive until the end, and begins it */
    uv_timer_t grace;
    enum net_state state;
    struct net_posts posts;
};

void net__enter(struct net *n);
void net__turn(struct net *n);
void net__settle(struct net *n);
void net__close_watchers(struct net *n); /* signals and timers of net_on_signal and net_after */

/* stop.c */
MUST_CHECK enum err net__stop_init(struct net *n);
void net__finish(struct net *n);

#endif
