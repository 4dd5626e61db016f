/* SIGUSR1: all counters as log lines, whatever the log level, since somebody asked for them. */
#include <inttypes.h>

#include "base/log.h"
#include "ops/server_internal.h"

struct line {
    char text[1900];
    size_t size;
};

static void add(struct line *l, const char *prefix, const char *name, uint64_t value)
{
    size_t left = sizeof l->text - l->size;
    int n = snprintf(l->text + l->size, left, " %s%s=%" PRIu64, prefix, name, value);
    if (n > 0 && (size_t)n < left)
        l->size += (size_t)n;
    else
        l->text[l->size] = '\0'; /* whole pairs only */
}

static void flush(struct line *l, const char *part)
{
    log_write(LOG_NOTICE, "figures", "part=%s%s", part, l->text);
    l->size = 0;
    l->text[0] = '\0';
}

static void log_resolver(const struct figures *f, struct line *l)
{
    const struct counters *c = &f->resolver;
#define X(name, text) add(l, "", #name, c->name);
#include "resolver/counters.def"
#undef X
    add(l, "", "lookups_under_way", f->lookups);
    flush(l, "resolver");
}

static void log_net(const struct figures *f, struct line *l)
{
    const struct net_counters *n = &f->net;
    add(l, "", "udp_batches", n->udp_batches);
    add(l, "", "udp_received", n->udp_received);
    add(l, "", "udp_oversized", n->udp_oversized);
    add(l, "", "udp_dropped", n->udp_dropped);
    add(l, "", "udp_sent", n->udp_sent);
    add(l, "", "udp_send_failed", n->udp_send_failed);
    add(l, "", "tcp_accepted", n->tcp_accepted);
    add(l, "", "tcp_refused", n->tcp_refused);
    add(l, "", "tcp_closed_idle", n->tcp_closed_idle);
    add(l, "", "tcp_closed_bound", n->tcp_closed_bound);
    add(l, "", "tcp_received", n->tcp_received);
    add(l, "", "upstream_strangers", n->upstream_strangers);
    add(l, "", "upstream_tcp_opened", n->upstream_tcp_opened);
    add(l, "", "upstream_tcp_reused", n->upstream_tcp_reused);
    add(l, "", "net_pending", f->net_pending);
    add(l, "", "work_used", f->work_used);
    add(l, "", "work_limit", f->work_limit);
    flush(l, "net");
}

/* How evenly the workers are at work, and what they hand to one another. */
static void log_workers(const struct server *s, const struct figures *sum, struct line *l)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < s->count; i++) {
        uint64_t n = s->figures[i].resolver.queries;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    add(l, "", "threads", s->count);
    add(l, "", "handed_over", sum->handed);
    add(l, "", "handed_refused", sum->handed_refused);
    add(l, "", "queries_least_worker", least);
    add(l, "", "queries_most_worker", most);
    flush(l, "workers");
}

static void log_kind(const struct cache_figures *f, enum cache_kind kind, struct line *l)
{
    char prefix[40];
    snprintf(prefix, sizeof prefix, "cache_%s_", cache_kind_text(kind));
    add(l, prefix, "entries", f->entries[kind]);
    add(l, prefix, "bytes", f->kind_bytes[kind]);
    add(l, prefix, "hits", f->hits[kind]);
    add(l, prefix, "evictions", f->evictions[kind]);
    snprintf(prefix, sizeof prefix, "cache_%s_miss_", cache_kind_text(kind));
    for (unsigned m = CACHE_HIT + 1; m < CACHE_MISSES; m++)
        add(l, prefix, cache_miss_text((enum cache_miss)m), f->misses[kind][m]);
    flush(l, "cache");
}

static void log_cache(const struct server *s, struct line *l)
{
    struct cache_figures f;
    cache_figures(s->workers[0].cache, &f);
    add(l, "", "cache_bytes", f.bytes);
    add(l, "", "cache_budget", f.budget);
    flush(l, "cache");
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
        log_kind(&f, (enum cache_kind)kind, l);
}

/* Structs of nothing but such counters. */
static void add_counters(void *sum, const void *more, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = more;
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] += from[i];
}

static void sum_up(const struct server *s, struct figures *sum)
{
    *sum = (struct figures){0};
    for (unsigned i = 0; i < s->count; i++) {
        const struct figures *f = &s->figures[i];
        add_counters(&sum->resolver, &f->resolver, sizeof f->resolver);
        add_counters(&sum->net, &f->net, sizeof f->net);
        sum->handed += f->handed;
        sum->handed_refused += f->handed_refused;
        sum->lookups += f->lookups;
        sum->net_pending += f->net_pending;
        sum->work_used += f->work_used;
        sum->work_limit += f->work_limit;
    }
}

void server__on_figures(void *ctx, int signum)
{
    (void)signum;
    struct server *s = ctx;
    if (s->count_up.waiting > 0) {
        s->count_up.again = true;
        return;
    }
    s->count_up.waiting = s->count;
    for (unsigned i = 1; i < s->count; i++)
        worker__tell(&s->workers[i], LETTER_COUNT, &s->figures[i], &s->workers[0]);
    worker__count(&s->workers[0], &s->figures[0]);
    server__counted(s);
}

void server__counted(struct server *s)
{
    if (--s->count_up.waiting > 0)
        return;
    struct line line = {.size = 0};
    struct figures sum;
    sum_up(s, &sum);
    line.text[0] = '\0';
    log_resolver(&sum, &line);
    log_net(&sum, &line);
    log_workers(s, &sum, &line);
    log_cache(s, &line);
    log_write(LOG_NOTICE, "figures_end", "lookups=%zu", sum.lookups);
    if (s->count_up.again) {
        s->count_up.again = false;
        server__on_figures(s, 0);
    }
}
