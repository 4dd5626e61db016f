#include <stdlib.h>

#include "base/must.h"
#include "ops/control_trace.h"
#include "ops/server_internal.h"

enum {
    STOP_GRACE_MS = 1000,  /* how long what is under way may go on after SIGTERM */
    STOP_ANSWERS_MS = 500, /* and how long answers of other workers may take after that */
    STOP_LOOK_MS = 20,
    UPSTREAM_TCP_IDLE_MS = 2000,
    LETTERS_AT_ONCE = 1024, /* of each mailbox, then the sockets have their turn */
};

/* ---- Between net and front ------------------------------------------------------------------- */

static enum net_verdict verdict_of(enum front_verdict v)
{
    if (v == FRONT_REPLY)
        return NET_REPLY;
    return v == FRONT_PENDING ? NET_PENDING : NET_DROP;
}

static enum net_verdict take_query(void *ctx, const struct net_query *q, uint8_t *reply,
                                   size_t capacity, size_t *size)
{
    struct worker *w = ctx;
    unsigned owner = 0;
    struct front_query query = {.bytes = q->bytes,
                                .size = q->size,
                                .client = q->client,
                                .via = q->via,
                                .request = q->request,
                                .owner = w->handoffs ? &owner : NULL};
    enum front_verdict v = front_query(w->front, &query, reply, capacity, size);
    if (v != FRONT_ELSEWHERE)
        return verdict_of(v);
    if (handoff__ask(w, q, &w->server->workers[owner]))
        return NET_PENDING;
    query.handed = true; /* better twice than not at all */
    return verdict_of(front_query(w->front, &query, reply, capacity, size));
}

static void take_cancel(void *ctx, uint64_t request)
{
    struct worker *w = ctx;
    if (!handoff__cancel(w, request))
        front_cancel(w->front, request);
}

static void give_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct worker *w = ctx;
    if (handoff__answer(w, request, bytes, size))
        return;
    if (size > 0)
        net_answer(w->net, request, bytes, size);
    else
        net_forget(w->net, request);
}

static struct front_config front_config(struct worker *w)
{
    const struct config_work *work = &w->now->config->work;
    return (struct front_config){.resolver = w->resolver,
                                 .cache = w->cache,
                                 .world = w->world,
                                 .work = &w->work,
                                 .access = w->now->access,
                                 .limits = {.queries = work->source_queries,
                                            .repeats = work->source_repeats,
                                            .held = work->held_answers},
                                 .udp_payload = w->server->udp_payload,
                                 .worker = w->number,
                                 .workers = w->server->count,
                                 .key = w->server->shares,
                                 .identity = w->now->config->server.identity,
                                 .version = w->now->config->server.version,
                                 .cookies =
                                     w->now->config->cookies.server ? &w->now->cookies : NULL,
                                 .tcp_idle_ms = w->tcp_idle_ms,
                                 .query_log = w->now->config->log.queries,
                                 .answer = give_answer,
                                 .ctx = w};
}

/* ---- The epoch ------------------------------------------------------------------------------- */

static void enter(void *ctx)
{
    struct worker *w = ctx;
    if (!w->online)
        epoch_online(w->server->epoch, w->number);
    w->online = true;
}

/* Nothing of the cache is held between two turns, so asleep we keep nobody from freeing it. */
static void leave(void *ctx)
{
    struct worker *w = ctx;
    if (w->online)
        epoch_offline(w->server->epoch, w->number);
    w->online = false;
}

/* ---- The world's events: the resolver's, or those of a trace --------------------------------- */

static void on_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length)
{
    struct worker *w = ctx;
    struct world_sink sink = resolver_sink(w->resolver);
    if (token & TRACE_TOKEN)
        trace_reply(w->server, token, message, length);
    else
        sink.reply(sink.ctx, token, message, length);
}

static void on_failed(void *ctx, uint64_t token, enum err why)
{
    struct worker *w = ctx;
    struct world_sink sink = resolver_sink(w->resolver);
    if (token & TRACE_TOKEN)
        trace_failed(w->server, token, why);
    else
        sink.failed(sink.ctx, token, why);
}

static void on_turn(void *ctx)
{
    struct worker *w = ctx;
    resolver_turn(w->resolver);
    if (w->number == 0)
        trace_turn(w->server);
}

/* ---- Letters --------------------------------------------------------------------------------- */

void worker__tell(struct worker *to, enum letter kind, void *what, const struct worker *from)
{
    struct mail mail = {.what = what, .kind = kind, .from = from->number};
    MUST(mailbox_post(&to->mail.sure, &mail));
    net_post(to->net);
}

static void open_letter(struct worker *w, const struct mail *mail)
{
    struct server *s = w->server;
    switch ((enum letter)mail->kind) {
    case LETTER_ASK:
        handoff__asked(w, mail->what);
        break;
    case LETTER_CANCEL:
        handoff__cancelled(w, mail->from, mail->number);
        break;
    case LETTER_ANSWER:
        handoff__answered(w, mail->what);
        break;
    case LETTER_APPLY:
        worker__apply(w, mail->what);
        worker__tell(&s->workers[0], LETTER_APPLIED, NULL, w);
        break;
    case LETTER_COUNT:
        worker__count(w, mail->what);
        worker__tell(&s->workers[0], LETTER_COUNTED, NULL, w);
        break;
    case LETTER_STOP:
        worker__stop(w);
        break;
    case LETTER_END:
        net_stop(w->net);
        break;
    case LETTER_APPLIED:
        server__applied(s);
        break;
    case LETTER_COUNTED:
        server__counted(s);
        break;
    case LETTER_STOPPED:
        server__stopped(s);
        break;
    }
}

static void take_letters(void *ctx)
{
    struct worker *w = ctx;
    struct mailbox *boxes[] = {&w->mail.sure, &w->mail.asks};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        struct mail mail;
        unsigned n = 0;
        while (n < LETTERS_AT_ONCE && mailbox_take(boxes[i], &mail)) {
            open_letter(w, &mail);
            n++;
        }
        if (n == LETTERS_AT_ONCE)
            net_post(w->net);
    }
}

void worker__apply(struct worker *w, struct generation *next)
{
    struct generation *before = w->now;
    w->now = next;
    w->work.limit = server__share(next->config->work.size, w);
    resolver_configure(w->resolver, &next->options);
    struct front_config front = front_config(w);
    front_configure(w->front, &front);
    /* They were made under other options, here until now; RRsets make them anew. */
    cache_drop_answers(w->cache);
    generation_unref(before);
}

void worker__count(const struct worker *w, struct figures *out)
{
    *out = (struct figures){.resolver = *resolver_counters(w->resolver),
                            .net = *net_figures(w->net),
                            .lookups = resolver_load(w->resolver),
                            .net_pending = net_pending(w->net),
                            .work_used = w->work.used,
                            .work_limit = w->work.limit};
    if (w->handoffs) {
        out->handed = w->handoffs->handed;
        out->handed_refused = w->handoffs->refused;
    }
}

/* ---- The end --------------------------------------------------------------------------------- */

static void report_stopped(struct worker *w)
{
    if (w->state == WORKER_STOPPING)
        resolver_stop(w->resolver);
    w->state = WORKER_REPORTED;
    if (w->number == 0)
        server__stopped(w->server);
    else
        worker__tell(&w->server->workers[0], LETTER_STOPPED, NULL, w);
}

/*
 * Looks again and again: first until nothing is under way here or the grace time is over, then
 * until all that was handed to others has come back. They end by the same clock, so that is soon.
 */
static void look_for_end(void *ctx)
{
    struct worker *w = ctx;
    bool over = world_now_ms(w->world) >= w->stop_at_ms;
    size_t handed = w->handoffs ? w->handoffs->out_count : 0;
    if (w->state == WORKER_STOPPING && (over || (resolver_load(w->resolver) == 0 && handed == 0))) {
        resolver_stop(w->resolver);
        w->state = WORKER_STOPPED;
        w->stop_at_ms = world_now_ms(w->world) + STOP_ANSWERS_MS;
        over = false;
    }
    bool done = w->state == WORKER_STOPPED && (over || handed == 0);
    if (done || net_after(w->net, STOP_LOOK_MS, look_for_end, w) != OK)
        report_stopped(w);
}

void worker__stop(struct worker *w)
{
    w->state = WORKER_STOPPING;
    front_stop(w->front);
    w->stop_at_ms = world_now_ms(w->world) + STOP_GRACE_MS;
    look_for_end(w);
}

/* ---- The beginning --------------------------------------------------------------------------- */

static uint32_t share_of(uint32_t whole, const struct worker *w)
{
    uint64_t share = server__share(whole, w);
    return share > 0 ? (uint32_t)share : 1;
}

static enum err make_net(struct worker *w)
{
    const struct config_server *c = &w->now->config->server;
    struct net_config config = {
        .work = &w->work,
        .use_ipv4 = true, /* which families are asked is the resolver's choice, so that a reload can
                             change it */
        .use_ipv6 = true,
        .udp_payload = w->server->udp_payload,
        .tcp_clients_max = share_of(c->tcp_clients, w),
        .tcp_pipeline_max = c->tcp_pipeline,
        .tcp_idle_ms = w->tcp_idle_ms,
        .upstream_tcp_idle_ms = UPSTREAM_TCP_IDLE_MS,
        .rcvbuf = (unsigned)c->receive_buffer,
        .nets = w->server->count,
    };
    if (w->server->count > 1)
        config.hooks = (struct net_hooks){.ctx = w, .enter = enter, .idle = leave};
    enum err e = net_new(&w->net, &config);
    if (e == OK)
        w->world = net_world(w->net);
    return e;
}

enum err worker__init(struct worker *w, struct server *s, unsigned number)
{
    w->server = s;
    w->number = number;
    w->tcp_idle_ms = s->applying->config->server.tcp_idle * 1000;
    w->now = generation_ref(s->applying);
    w->work.limit = server__share(w->now->config->work.size, w);
    enum err e = make_net(w);
    if (e != OK || s->count < 2)
        return e;
    e = handoff__init(w);
    net_on_post(w->net, take_letters, w);
    return e;
}

enum err worker__make_core(struct worker *w, struct cache *first)
{
    struct resolver_config resolver = {
        .world = w->world, .work = &w->work, .options = &w->now->options};
    server__draw_key(w, &resolver.key);
    enum err e = w->cache ? OK : cache_attach(first, w->number, &w->cache);
    if (e != OK)
        return e;
    resolver.cache = w->cache;
    e = resolver_new(&w->resolver, &resolver);
    if (e != OK)
        return e;
    struct front_config front = front_config(w);
    e = front_new(&w->front, &front);
    if (e != OK)
        return e;
    struct world_sink sink = {.ctx = w, .reply = on_reply, .failed = on_failed, .turn = on_turn};
    struct net_service service = {.ctx = w, .query = take_query, .cancel = take_cancel};
    net_connect(w->net, &sink, &service);
    return OK;
}

/* What was told before the beginning counts from the first question on. */
void worker__run(struct worker *w)
{
    if (w->server->epoch) {
        enter(w);
        take_letters(w);
    }
    net_run(w->net);
    if (w->server->epoch)
        leave(w);
}

void worker__deinit(struct worker *w)
{
    if (w->front)
        front_free(w->front);
    if (w->resolver)
        resolver_free(w->resolver);
    if (w->net)
        net_free(w->net);
    if (w->cache)
        cache_free(w->cache);
    handoff__deinit(w);
    generation_unref(w->now);
}
