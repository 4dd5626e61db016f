/*
 * One worker's network: a libuv loop, the world that the core sees, and the listeners that clients
 * reach. One thread; of another only net_post may be called.
 *
 *     net_new(&n, &config);                    // loop, clocks, upstream sockets
 *     world = net_world(n);                    // hand to the core
 *     net_connect(n, &sink, &service);         // core's and front's ends
 *     net_listen(n, &endpoint, &listen);       // for each address: UDP and TCP; still privileged
 *     net_run(n);                              // until net_stop
 *     net_free(n);
 *
 * Callbacks run on the loop's thread. A batch of datagrams is taken with one recvmmsg, each handed
 * to `service.query`, then `sink.turn` is called once, then the replies leave with one sendmmsg.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/arena.h"
#include "base/world.h"

struct net;

/* Around the loop's sleep. NULL: not called. */
struct net_hooks {
    void *ctx;
    void (*enter)(void *ctx); /* at the begin of every callback, also of several in a row */
    void (*idle)(void *ctx);  /* before the loop may sleep */
};

struct net_config {
    struct gauge *work;        /* TCP buffers and upstream exchanges are charged here */
    bool use_ipv4, use_ipv6;   /* upstream */
    uint16_t udp_payload;      /* most octets of a datagram we send: 1232 */
    unsigned tcp_clients_max;  /* connections taken in at once */
    unsigned tcp_pipeline_max; /* queries in flight on one connection: 32 */
    unsigned tcp_idle_ms;      /* a connection with nothing in flight is closed after that */
    unsigned upstream_tcp_idle_ms;
    unsigned rcvbuf; /* SO_RCVBUF of UDP listeners, octets; 0: the system's */
    /*
     * How many networks the process has; 0 and 1: this one. Several share the descriptors of the
     * process and its ports: each opens the same addresses with SO_REUSEPORT, and the kernel deals
     * clients out among them.
     */
    unsigned nets;
    struct net_hooks hooks;
};

enum net_verdict { NET_REPLY, NET_PENDING, NET_DROP };

struct net_query {
    const uint8_t *bytes;
    size_t size;
    struct endpoint client;
    enum transport via;
    /* Names it until it is answered or cancelled. Never 0, and its top bit is 0, so that a service
     * can tell names of its own by that bit. */
    uint64_t request;
};

/* Who answers queries. */
struct net_service {
    void *ctx;
    enum net_verdict (*query)(void *ctx, const struct net_query *q, uint8_t *reply, size_t capacity,
                              size_t *size);
    /* The client of a pending request has gone: no net_answer for it any more. */
    void (*cancel)(void *ctx, uint64_t request);
};

struct net_counters {
    uint64_t udp_oversized; /* datagrams longer than any query, dropped */
    uint64_t udp_dropped;   /* no room to remember whom to answer */
    uint64_t udp_batches, udp_received, udp_sent, udp_send_failed;
    uint64_t tcp_accepted, tcp_refused, tcp_closed_idle, tcp_closed_bound, tcp_received;
    uint64_t tcp_held_back;      /* reading stopped: too much under way, or unread by the client */
    uint64_t upstream_strangers; /* datagrams from another address or port than was asked */
    uint64_t upstream_tcp_opened, upstream_tcp_reused;
};

/* ERR_NOMEM, ERR_IO. From here on the process ignores SIGPIPE. */
MUST_CHECK enum err net_new(struct net **out, const struct net_config *config);
void net_free(struct net *n);
struct world *net_world(struct net *n);
void net_connect(struct net *n, const struct world_sink *sink, const struct net_service *service);

/*
 * Could UDP and TCP be opened on this address, by nobody else? The same errors as of net_listen.
 * With SO_REUSEPORT a second server of the same user would bind without an error and be dealt half
 * of the first one's clients; so the address is first bound, and given back at once, without that
 * option. (What another program binds between the two is not seen, if it uses the option too.)
 */
MUST_CHECK enum err net_probe(const struct endpoint *at);

/* Opens UDP and TCP on one address. ERR_IO with errno (EADDRINUSE, EADDRNOTAVAIL, EACCES) kept. */
MUST_CHECK enum err net_listen(struct net *n, const struct endpoint *at);

/* The index-th address listened to; port 0 has become a real one. False past the end. */
bool net_listener(const struct net *n, size_t index, struct endpoint *out);

/* The answer of a pending request; called from within sink.turn. Copies the bytes. */
void net_answer(struct net *n, uint64_t request, const uint8_t *bytes, size_t size);
/* A pending request gets no answer; the same rule. */
void net_forget(struct net *n, uint64_t request);

/* What is called on the loop's thread, once or more, after each net_post. */
void net_on_post(struct net *n, void (*fn)(void *ctx), void *ctx);
/* From any thread, until net_free. */
void net_post(struct net *n);

/* Watches a signal on this loop. ERR_IO. */
MUST_CHECK enum err net_on_signal(struct net *n, int signum, void (*fn)(void *ctx, int signum),
                                  void *ctx);
/* Calls fn once after `ms` (for ending with a grace time). */
MUST_CHECK enum err net_after(struct net *n, uint64_t ms, void (*fn)(void *ctx), void *ctx);

/* For what else lives on the loop: each of its callbacks begins with net_enter. */
struct uv_loop_s *net_loop(struct net *n);
void net_enter(struct net *n);

/* Runs until net_stop was called and what is queued has been sent. */
void net_run(struct net *n);
/* Takes no new queries, flushes queued replies, ends net_run. From within a callback. */
void net_stop(struct net *n);

const struct net_counters *net_figures(const struct net *n);
/* How many client requests and upstream exchanges are open, for statistics. */
size_t net_pending(const struct net *n);

/* The versions of the libraries below, "libuv 1.44.2", for --version. */
const char *net_library_version(void);

#endif
