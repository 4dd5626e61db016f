/*
 * What the server's files share.
 *
 *     server.c         the beginning: all workers, their listeners, the user, the threads
 *     worker.c         one worker: its net, resolver and front, and what its mailboxes bring
 *     handoff.c        the way of a query from the worker it arrived at to the one that resolves it
 *     control.c        the control socket, worker 0's; control_commands.c what its requests do
 *     server_reload.c  SIGHUP     figures.c  SIGUSR1     server_stop.c  SIGTERM
 *
 * Worker 0 runs in the main thread, has the signals, and conducts: what concerns all workers it
 * posts to each, and each posts back that it has done it. Once the threads run, a `struct worker`
 * is its own thread's, but for `mail` and net_post; of a `struct server` all but the constant
 * fields is worker 0's.
 */
#ifndef OPS_SERVER_INTERNAL_H
#define OPS_SERVER_INTERNAL_H

#include <pthread.h>

#include "base/epoch.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "dns/name.h"
#include "net/loop.h"
#include "ops/control.h"
#include "ops/generation.h"
#include "ops/local_root.h"
#include "ops/server.h"
#include "ops/trust.h"
#include "ops/waiter.h"
#include "resolver/front.h"

enum {
    WORKERS_MAX = 64,
    MAIL_ROOM = 16384, /* letters in a mailbox */
    /*
     * Queries that a worker may have handed to others at once. Each comes back exactly once, so the
     * origin's `sure` mailbox has room for all of them, and for what the conducting needs: a few
     * letters a worker.
     */
    HANDED_MAX = MAIL_ROOM - 4 * WORKERS_MAX,
    HANDOFF_BUCKETS = 1024,
};

enum letter {
    LETTER_ASK,    /* what: a struct handoff, the receiver's until it comes back */
    LETTER_CANCEL, /* number: the request of one that `from` has handed over */
    LETTER_ANSWER, /* what: the struct handoff comes back */
    LETTER_APPLY,  /* what: a struct generation with a reference */
    LETTER_COUNT,  /* what: a struct figures to be filled */
    LETTER_STOP,
    LETTER_END,
    LETTER_APPLIED, /* to worker 0, as the rest */
    LETTER_COUNTED,
    LETTER_STOPPED,
};

struct mailboxes {
    struct mailbox asks; /* LETTER_ASK, LETTER_CANCEL; may be full */
    struct mailbox sure; /* all others; never full, see HANDED_MAX */
};

struct handoffs {
    struct list out[HANDOFF_BUCKETS]; /* handed to others, by the request */
    struct list in[HANDOFF_BUCKETS];  /* of others, under way here, by their request */
    size_t out_count;
    atomic_size_t lent; /* octets of answers from here that their origins have not sent yet */
    uint64_t handed;    /* in all */
    uint64_t refused;   /* resolved where they arrived instead */
    uint8_t reply[DNS_MESSAGE_MAX];
};

enum worker_state {
    WORKER_RUNNING,
    WORKER_STOPPING, /* new queries are answered from the cache only; what is under way goes on */
    WORKER_STOPPED,  /* nothing is resolved any more; answers of others may come */
    WORKER_REPORTED, /* that too is over; the cache answers until the loop ends */
};

struct worker {
    struct server *server;
    unsigned number;
    uint32_t tcp_idle_ms;   /* as at start */
    struct generation *now; /* a reference */
    struct net *net;
    struct world *world;
    struct cache *cache; /* its handle */
    struct resolver *resolver;
    struct front *front;
    struct gauge work;
    struct mailboxes mail;
    struct handoffs *handoffs; /* NULL when there is one worker */
    bool online;               /* in the epoch */
    enum worker_state state;
    uint64_t stop_at_ms;
    pthread_t thread;
};

/* What one worker adds to the figures of all. */
struct figures {
    struct counters resolver;
    struct net_counters net;
    uint64_t handed, handed_refused;
    size_t lookups, net_pending, work_used, work_limit;
};

/* Something that all workers do and worker 0 waits for. Who asks for it while one is under way came
 * too late for that and waits for the next. */
struct round {
    unsigned waiting; /* for so many workers; 0: none is under way */
    struct list now;  /* waiters for its end */
    struct list next; /* and for that of the next */
};

/* Whether a round is to begin with it. One that waits already waits for the next as well then. */
static inline bool round_join(struct round *r, struct waiter *w)
{
    list_remove(&w->in_waiters);
    list_append(r->waiting > 0 ? &r->next : &r->now, &w->in_waiters);
    return r->waiting == 0;
}

/* When it is over and all have been answered: whether the next is to begin. */
static inline bool round_again(struct round *r)
{
    list_take_all(&r->now, &r->next);
    return !list_empty(&r->now);
}

/* What takes several turns of worker 0's loop (ops/control_commands.c). */
struct flushing {
    bool under_way;
    bool all;
    uint8_t zone[NAME_MAX_WIRE];
    struct cache_flush job;
    struct list waiters;
};

struct names;

struct server {
    struct worker *workers; /* constant from here … */
    unsigned count;
    struct epoch *epoch;            /* NULL when there is one worker */
    struct hash_key shares;         /* deals questions out among workers */
    struct endpoint_list listening; /* as at start: a reload opens and closes nothing */
    uint16_t udp_payload;           /* … to here */
    struct control *control;        /* NULL: no socket is configured */
    struct generation *applying;    /* with a reference, during that round */
    struct trace *trace;            /* the one that is under way */
    struct names *names;            /* NULL until the configuration has host names */
    struct trust_state *trust;      /* NULL: trust anchors stay as they are configured */
    struct root_keeper *root;       /* keeps the local root, if there is to be one */
    bool renew;              /* the generation, when the round is over: addresses have changed */
    struct figures *figures; /* one a worker */
    struct round apply, count_up, stop;
    struct waiter on_sighup, on_sigusr1; /* the signals' own */
    struct flushing flushing;
    json_t *reload_said; /* what the reload under way has changed */
    uint64_t reloads;
    uint64_t start_ms;
    bool reloading; /* the round of `apply` brings another configuration */
    bool stopping;
};

/* server.c */
/* A worker's part of what is for all of them. */
uint64_t server__share(uint64_t whole, const struct worker *w);
void server__draw_key(struct worker *w, struct hash_key *key);

/* worker.c */
MUST_CHECK enum err worker__init(struct worker *w, struct server *s, unsigned number);
void worker__deinit(struct worker *w);
/* Opens its handle on the cache unless it has one, `first` being worker 0's; then resolver and
 * front. */
MUST_CHECK enum err worker__make_core(struct worker *w, struct cache *first);
void worker__run(struct worker *w); /* until the end */
/* Posts what must not be lost. */
void worker__tell(struct worker *to, enum letter kind, void *what, const struct worker *from);
/* Takes the reference. */
void worker__apply(struct worker *w, struct generation *next);
void worker__count(const struct worker *w, struct figures *out);
void worker__stop(struct worker *w);

/* handoff.c */
MUST_CHECK enum err handoff__init(struct worker *w);
void handoff__deinit(struct worker *w);
/* Hands a query to its owner; false: it cannot be handed, resolve it here. */
bool handoff__ask(struct worker *w, const struct net_query *q, struct worker *owner);
/* The client of a request has gone; false: it was not handed over. */
bool handoff__cancel(struct worker *w, uint64_t request);
/* The front's answer; false: the request is none of other workers. */
bool handoff__answer(struct worker *w, uint64_t request, const uint8_t *bytes, size_t size);
/* What the letters bring. */
void handoff__asked(struct worker *w, void *what);
void handoff__cancelled(struct worker *w, unsigned from, uint64_t request);
void handoff__answered(struct worker *w, void *what);

/* server_reload.c, figures.c, server_stop.c: on a signal, and when a worker has done its part. */
/* Their results are the waiter's. */
void server__reload(struct server *s, struct waiter *w);
void server__count(struct server *s, struct waiter *w);
void server__on_reload(void *ctx, int signum);
void server__applied(struct server *s);
/* A new generation of the same configuration: host names have other addresses, trust anchors other
 * keys. False: it could not be made, which has been logged, or it will be after the round that is
 * under way. */
bool server__renew(struct server *s);
void server__on_figures(void *ctx, int signum);
void server__counted(struct server *s);
void server__on_stop(void *ctx, int signum);
void server__stopped(struct server *s);

#endif
