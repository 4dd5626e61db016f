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

static void log_resolver(struct server *s, struct line *l)
{
    const struct counters *c = resolver_counters(s->resolver);
#define X(name, text) add(l, "", #name, c->name);
#include "resolver/counters.def"
#undef X
    add(l, "", "lookups_under_way", resolver_load(s->resolver));
    flush(l, "resolver");
}

static void log_net(struct server *s, struct line *l)
{
    const struct net_counters *n = net_figures(s->net);
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
    add(l, "", "net_pending", net_pending(s->net));
    add(l, "", "work_used", s->work.used);
    add(l, "", "work_limit", s->work.limit);
    flush(l, "net");
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

static void log_cache(struct server *s, struct line *l)
{
    struct cache_figures f;
    cache_figures(s->cache, &f);
    add(l, "", "cache_bytes", f.bytes);
    add(l, "", "cache_budget", f.budget);
    flush(l, "cache");
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
        log_kind(&f, (enum cache_kind)kind, l);
}

void server__on_figures(void *ctx, int signum)
{
    (void)signum;
    struct server *s = ctx;
    struct line line = {.size = 0};
    line.text[0] = '\0';
    log_resolver(s, &line);
    log_net(s, &line);
    log_cache(s, &line);
    log_write(LOG_NOTICE, "figures_end", "lookups=%zu", resolver_load(s->resolver));
}
