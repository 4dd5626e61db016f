#include "ops/server.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ops/identity.h"
#include "ops/notify.h"
#include "ops/server_internal.h"
#include "ops/upstreams.h"

uint64_t server__share(uint64_t whole, const struct worker *w)
{
    uint64_t rest = w->number == 0 ? whole % w->server->count : 0;
    return whole / w->server->count + rest;
}

void server__draw_key(struct worker *w, struct hash_key *key)
{
    uint8_t seed[32];
    w->world->ops->random(w->world, seed, sizeof seed);
    hash_key_init(key, seed);
}

/* ---- The beginning --------------------------------------------------------------------------- */

/* As many as cores that we may run on, if the configuration leaves it to us. */
static unsigned worker_count(const struct config *c)
{
    cpu_set_t cores;
    if (c->server.threads > 0)
        return c->server.threads;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    if (count > WORKERS_MAX)
        return WORKERS_MAX;
    return count > 0 ? (unsigned)count : 1;
}

static enum err make_shared(struct server *s, const struct config *c)
{
    s->udp_payload = (uint16_t)c->server.udp_payload;
    s->count = worker_count(c);
    s->workers = calloc(s->count, sizeof *s->workers);
    s->figures = calloc(s->count, sizeof *s->figures);
    if (!s->workers || !s->figures)
        return ERR_NOMEM;
    if (s->count == 1)
        return OK;
    s->epoch = aligned_alloc(EPOCH_LINE, sizeof *s->epoch);
    if (!s->epoch)
        return ERR_NOMEM;
    epoch_init(s->epoch, s->count);
    return OK;
}

static enum err make_cache(struct server *s, const struct config *c)
{
    struct cache_config cache = {.size = c->cache.size, .policy = "lru", .epoch = s->epoch};
    server__draw_key(&s->workers[0], &cache.key);
    return cache_new(&s->workers[0].cache, &cache);
}

static enum err make_workers(struct server *s, const struct config *c)
{
    enum err e = OK;
    for (unsigned i = 0; e == OK && i < s->count; i++)
        e = worker__init(&s->workers[i], s, i);
    if (e == OK)
        e = make_cache(s, c);
    if (e != OK)
        return e;
    server__draw_key(&s->workers[0], &s->shares);
    for (unsigned i = 0; e == OK && i < s->count; i++)
        e = worker__make_core(&s->workers[i], s->workers[0].cache);
    return e;
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

/* Every worker listens on every address. */
static enum err open_listener(struct server *s, const struct endpoint *at)
{
    enum err e = s->count > 1 ? net_probe(at) : OK;
    for (unsigned i = 0; e == OK && i < s->count; i++)
        e = net_listen(s->workers[i].net, at);
    return e;
}

static enum err open_listeners(struct server *s, const struct config *c,
                               struct config_report *report)
{
    for (size_t i = 0; i < s->listening.count; i++) {
        char text[ADDR_TEXT_MAX];
        errno = 0;
        enum err e = open_listener(s, &s->listening.at[i]);
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

static enum err become_user(const struct config *c, struct config_report *report)
{
    char why[IDENTITY_WHY_MAX];
    enum err e = identity_become(c->server.user, why);
    if (e != OK)
        config_complain(report, c->file, c->marks[OPTION_server_user], "server.user: %s", why);
    return e;
}

static enum err watch_signals(struct server *s)
{
    struct net *n = s->workers[0].net;
    enum err e = net_on_signal(n, SIGTERM, server__on_stop, s);
    if (e == OK)
        e = net_on_signal(n, SIGINT, server__on_stop, s);
    if (e == OK)
        e = net_on_signal(n, SIGHUP, server__on_reload, s);
    if (e == OK)
        e = net_on_signal(n, SIGUSR1, server__on_figures, s);
    return e;
}

/* Before the first probe, so that what cannot be written is said at once and not in a month. */
static enum err write_trust(struct server *s, const struct config *c, struct config_report *report)
{
    enum err e = s->trust ? trust_save(s->trust) : OK;
    if (e == ERR_IO)
        config_complain(report, c->file, c->marks[OPTION_dnssec_anchor_state],
                        "dnssec.anchor-state: cannot write %.120s: %s: its folder must be there "
                        "and writable for the server's user",
                        c->dnssec.anchor_state, strerror(errno));
    return e;
}

static enum err open_control(struct server *s, const struct config *c, struct config_report *report)
{
    static const unsigned modes[] = {0600, 0660, 0666}; /* as the option's choices */
    const char *path = c->control.socket;
    enum err e = path[0] != '\0' ? control_new(&s->control, s, path, modes[c->control.mode]) : OK;
    if (e == ERR_IO)
        config_complain(
            report, c->file, c->marks[OPTION_control_socket],
            "control.socket: cannot open %s: %s: name another path, or stop the server that has it",
            path, strerror(errno));
    return e;
}

static void init_waiting(struct server *s)
{
    struct round *rounds[] = {&s->apply, &s->count_up, &s->stop};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        list_init(&rounds[i]->now);
        list_init(&rounds[i]->next);
    }
    list_init(&s->flushing.waiters);
    list_init(&s->on_sighup.in_waiters);
    list_init(&s->on_sigusr1.in_waiters);
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

static void complain_system(const struct config *c, struct config_report *report, enum err e)
{
    if (e != OK && e != ERR_NOMEM && report->count == 0)
        config_complain(report, c->file, (struct mark){0},
                        "cannot start: %s: look at the limits of the process (ulimit -a)",
                        err_text(e));
}

static enum err start(struct server *s, const struct config *c, struct config_report *report)
{
    log_set_level((enum log_level)c->log.level);
    enum err e = make_shared(s, c);
    if (e == OK)
        e = make_workers(s, c);
    if (e == OK)
        e = open_listeners(s, c, report);
    if (e == OK)
        e = become_user(c, report);
    if (e == OK)
        e = write_trust(s, c, report);
    if (e == OK)
        root_keeper_load(s->root, s->applying);
    if (e == OK)
        e = open_control(s, c, report);
    if (e == OK)
        e = watch_signals(s);
    return e;
}

enum err server_new(struct server **out, struct config *config, struct config_report *report)
{
    struct server *s = calloc(1, sizeof *s);
    if (s)
        init_waiting(s);
    enum err e = s ? keep_listening(s, config) : ERR_NOMEM;
    if (e == OK)
        e = root_keeper_new(&s->root, s);
    if (e == OK)
        e = trust_load(&s->trust, config, report);
    struct discoveries found = {.trust = s ? s->trust : NULL};
    if (e == OK)
        e = generation_new(&s->applying, config, &s->listening, &found, report);
    if (e != OK) {
        config_free(config);
        server_free(s);
        return e;
    }
    e = start(s, config, report);
    if (e != OK) {
        complain_system(config, report, e);
        server_free(s);
        return e;
    }
    generation_unref(s->applying); /* now every worker has a reference */
    s->applying = NULL;
    *out = s;
    return OK;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    control_stop(s->control);
    root_keeper_stop(s->root);
    trust_free(s->trust);
    names_free(s->names);
    for (unsigned i = 0; s->workers && i < s->count; i++)
        worker__deinit(&s->workers[i]);
    generation_unref(s->applying);
    control_free(s->control);
    root_keeper_free(s->root);
    free(s->workers);
    free(s->figures);
    free(s->epoch);
    json_decref(s->reload_said);
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

static void *run_worker(void *ctx)
{
    worker__run(ctx);
    return NULL;
}

/* Signals are worker 0's: the others begin with all of them blocked. */
static enum err start_threads(struct server *s, unsigned *started)
{
    sigset_t all, before;
    sigfillset(&all);
    MUST(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int why = 0;
    for (*started = 1; why == 0 && *started < s->count; *started += why == 0)
        why = pthread_create(&s->workers[*started].thread, NULL, run_worker, &s->workers[*started]);
    MUST(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (why == 0)
        return OK;
    LOG(LOG_ERROR, "no_thread", "errno=%d started=%u wanted=%u", why, *started, s->count);
    for (unsigned i = 1; i < *started; i++)
        worker__tell(&s->workers[i], LETTER_END, NULL, &s->workers[0]);
    return ERR_LIMIT;
}

enum err server_run(struct server *s)
{
    char listening[1024], file[300];
    const struct config *c = s->workers[0].now->config;
    unsigned started;
    s->start_ms = world_now_ms(s->workers[0].world);
    upstreams_want(s, c); /* what is known at once is there before the first question */
    enum err e = start_threads(s, &started);
    if (e == OK) {
        LOG(LOG_NOTICE, "started", "listen=%s config=%s threads=%u",
            listening_text(s, listening, sizeof listening),
            log_quote(file, sizeof file, c->file ? c->file : "defaults"), s->count);
        notify_send("READY=1");
        if (s->trust)
            trust_start(s->trust, s);
        root_keeper_start(s->root);
        worker__run(&s->workers[0]);
    }
    uint64_t queries = 0;
    for (unsigned i = 1; i < started; i++)
        MUST(pthread_join(s->workers[i].thread, NULL) == 0);
    for (unsigned i = 0; i < s->count; i++)
        queries += resolver_counters(s->workers[i].resolver)->queries;
    if (e == OK)
        LOG(LOG_NOTICE, "stopped", "queries=%" PRIu64, queries);
    return e;
}
