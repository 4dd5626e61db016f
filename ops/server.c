#include "ops/server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ops/identity.h"
#include "ops/notify.h"
#include "ops/server_internal.h"

enum {
    STOP_GRACE_MS = 1000, /* how long what is under way may go on after SIGTERM */
    STOP_LOOK_MS = 20,
    UPSTREAM_TCP_IDLE_MS = 2000,
};

/* ---- Between net and front ------------------------------------------------------------------- */

static enum net_verdict take_query(void *ctx, const struct net_query *q, uint8_t *reply,
                                   size_t capacity, size_t *size)
{
    struct server *s = ctx;
    if (s->stopping)
        return NET_DROP;
    struct front_query query = {.bytes = q->bytes,
                                .size = q->size,
                                .client = q->client,
                                .via = q->via,
                                .request = q->request};
    switch (front_query(s->front, &query, reply, capacity, size)) {
    case FRONT_REPLY:
        return NET_REPLY;
    case FRONT_PENDING:
        return NET_PENDING;
    case FRONT_ELSEWHERE: /* one worker */
    case FRONT_DROP:
        break;
    }
    return NET_DROP;
}

static void take_cancel(void *ctx, uint64_t request)
{
    struct server *s = ctx;
    front_cancel(s->front, request);
}

static void give_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct server *s = ctx;
    net_answer(s->net, request, bytes, size);
}

struct front_config server__front_config(struct server *s)
{
    return (struct front_config){.resolver = s->resolver,
                                 .cache = s->cache,
                                 .world = s->world,
                                 .work = &s->work,
                                 .access = s->now->access,
                                 .udp_payload = s->udp_payload,
                                 .query_log = s->now->config->log.queries,
                                 .answer = give_answer,
                                 .ctx = s};
}

/* ---- The end --------------------------------------------------------------------------------- */

static void stop_now(struct server *s)
{
    resolver_stop(s->resolver);
    net_stop(s->net);
}

/* Looks again and again until nothing is under way or the grace time is over. */
static void look_for_end(void *ctx)
{
    struct server *s = ctx;
    bool over = s->world->ops->now_ms(s->world) >= s->stop_at_ms;
    if (over || resolver_load(s->resolver) == 0 ||
        net_after(s->net, STOP_LOOK_MS, look_for_end, s) != OK)
        stop_now(s);
}

static void on_stop(void *ctx, int signum)
{
    struct server *s = ctx;
    if (s->stopping)
        return;
    LOG(LOG_NOTICE, "stopping", "signal=%s under_way=%zu", signum == SIGTERM ? "SIGTERM" : "SIGINT",
        resolver_load(s->resolver));
    notify_send("STOPPING=1");
    s->stopping = true;
    s->stop_at_ms = s->world->ops->now_ms(s->world) + STOP_GRACE_MS;
    look_for_end(s);
}

/* ---- The beginning --------------------------------------------------------------------------- */

static enum err make_net(struct server *s)
{
    const struct config_server *c = &s->now->config->server;
    struct net_config config = {
        .work = &s->work,
        .use_ipv4 = true, /* which families are asked is the resolver's choice, so that a reload can
                             change it */
        .use_ipv6 = true,
        .udp_payload = (uint16_t)c->udp_payload,
        .tcp_clients_max = c->tcp_clients,
        .tcp_pipeline_max = c->tcp_pipeline,
        .tcp_idle_ms = c->tcp_idle * 1000,
        .upstream_tcp_idle_ms = UPSTREAM_TCP_IDLE_MS,
        .rcvbuf = (unsigned)c->receive_buffer,
    };
    enum err e = net_new(&s->net, &config);
    if (e != OK)
        return e;
    s->world = net_world(s->net);
    s->udp_payload = config.udp_payload;
    return OK;
}

static void draw_key(struct server *s, struct hash_key *key)
{
    uint8_t seed[32];
    s->world->ops->random(s->world, seed, sizeof seed);
    hash_key_init(key, seed);
}

static enum err make_core(struct server *s)
{
    struct cache_config cache = {.size = s->now->config->cache.size, .policy = "lru"};
    struct resolver_config resolver = {
        .world = s->world, .work = &s->work, .options = &s->now->options};
    draw_key(s, &cache.key);
    draw_key(s, &resolver.key);
    enum err e = cache_new(&s->cache, &cache);
    if (e != OK)
        return e;
    resolver.cache = s->cache;
    e = resolver_new(&s->resolver, &resolver);
    if (e != OK)
        return e;
    struct front_config front = server__front_config(s);
    return front_new(&s->front, &front);
}

static const char *listen_advice(int why)
{
    switch (why) {
    case EADDRINUSE:
        return "stop the program that has it (ss -lnptu names it) or give another address or port";
    case EADDRNOTAVAIL:
        return "this machine has no such address: add it or name another";
    case EACCES:
    case EPERM:
        return "ports under 1024 are root's: start as root or give a port such as @5300";
    case EAFNOSUPPORT:
        return "this machine does not speak that protocol: remove the address";
    default:
        return "name another address";
    }
}

static enum err open_listeners(struct server *s, struct config_report *report)
{
    const struct config *c = s->now->config;
    for (size_t i = 0; i < s->listening.count; i++) {
        char text[ADDR_TEXT_MAX];
        errno = 0;
        enum err e = net_listen(s->net, &s->listening.at[i]);
        if (e == OK)
            continue;
        int why = errno;
        config_complain(report, c->file ? c->file : "nuthatchd", c->marks[OPTION_server_listen],
                        "server.listen: cannot serve on %s: %s: %s",
                        endpoint_text(&s->listening.at[i], text),
                        e == ERR_IO ? strerror(why) : err_text(e), listen_advice(why));
        return e;
    }
    return OK;
}

static enum err become_user(struct server *s, struct config_report *report)
{
    const struct config *c = s->now->config;
    char why[IDENTITY_WHY_MAX];
    enum err e = identity_become(c->server.user, why);
    if (e != OK)
        config_complain(report, c->file, c->marks[OPTION_server_user], "server.user: %s", why);
    return e;
}

static enum err watch_signals(struct server *s)
{
    enum err e = net_on_signal(s->net, SIGTERM, on_stop, s);
    if (e == OK)
        e = net_on_signal(s->net, SIGINT, on_stop, s);
    if (e == OK)
        e = net_on_signal(s->net, SIGHUP, server__on_reload, s);
    if (e == OK)
        e = net_on_signal(s->net, SIGUSR1, server__on_figures, s);
    return e;
}

/* The listeners outlive the generation that named them. */
static enum err keep_listening(struct server *s, const struct config *c)
{
    const struct endpoint_list *from = &c->server.listen;
    struct endpoint *copy = calloc(from->count, sizeof *copy);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, from->at, from->count * sizeof *copy);
    s->listening = (struct endpoint_list){copy, from->count};
    return OK;
}

static void complain_system(const struct server *s, struct config_report *report, enum err e)
{
    if (e != OK && e != ERR_NOMEM && report->count == 0)
        config_complain(report, s->now->config->file, (struct mark){0},
                        "cannot start: %s: look at the limits of the process (ulimit -a)",
                        err_text(e));
}

static enum err start(struct server *s, struct config_report *report)
{
    log_set_level((enum log_level)s->now->config->log.level);
    s->work.limit = s->now->config->work.size;
    enum err e = make_net(s);
    if (e == OK)
        e = make_core(s);
    if (e != OK)
        return e;
    struct world_sink sink = resolver_sink(s->resolver);
    struct net_service service = {.ctx = s, .query = take_query, .cancel = take_cancel};
    net_connect(s->net, &sink, &service);
    e = open_listeners(s, report);
    if (e == OK)
        e = become_user(s, report);
    if (e == OK)
        e = watch_signals(s);
    return e;
}

enum err server_new(struct server **out, struct config *config, struct config_report *report)
{
    struct server *s = calloc(1, sizeof *s);
    enum err e = s ? keep_listening(s, config) : ERR_NOMEM;
    if (e == OK)
        e = generation_new(&s->now, config, &s->listening, report);
    if (e != OK) {
        config_free(config);
        server_free(s);
        return e;
    }
    e = start(s, report);
    if (e != OK) {
        complain_system(s, report, e);
        server_free(s);
        return e;
    }
    *out = s;
    return OK;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    if (s->front)
        front_free(s->front);
    if (s->resolver)
        resolver_free(s->resolver);
    if (s->net)
        net_free(s->net);
    if (s->cache)
        cache_free(s->cache);
    generation_free(s->now);
    free((void *)(uintptr_t)s->listening.at);
    free(s);
}

/* "127.0.0.1:53 [::1]:53", cut when there are very many. */
static const char *listening_text(const struct server *s, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < s->listening.count && n + ADDR_TEXT_MAX + 2 < size; i++) {
        char text[ADDR_TEXT_MAX];
        n += (size_t)snprintf(buf + n, size - n, "%s%s", i > 0 ? "," : "",
                              endpoint_text(&s->listening.at[i], text));
    }
    return buf;
}

void server_run(struct server *s)
{
    char listening[1024], file[300];
    const struct config *c = s->now->config;
    LOG(LOG_NOTICE, "started", "listen=%s config=%s",
        listening_text(s, listening, sizeof listening),
        log_quote(file, sizeof file, c->file ? c->file : "defaults"));
    notify_send("READY=1");
    net_run(s->net);
    LOG(LOG_NOTICE, "stopped", "queries=%" PRIu64, resolver_counters(s->resolver)->queries);
}
