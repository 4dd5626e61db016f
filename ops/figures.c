/*
 * All counters, summed over the workers: as a document for who asks on the control socket, and for
 * SIGUSR1 as log lines, whatever the log level, since somebody asked for them.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ops/server_internal.h"

/* ---- The document ---------------------------------------------------------------------------- */

static void put(json_t *o, const char *key, uint64_t value)
{
    json_object_set_new(o, key, json_integer((json_int_t)value));
}

static json_t *resolver_json(const struct figures *f)
{
    json_t *o = json_object();
    const struct counters *c = &f->resolver;
#define X(name, text) put(o, #name, c->name);
#include "resolver/counters.def"
#undef X
    put(o, "lookups_under_way", f->lookups);
    return o;
}

static json_t *net_json(const struct figures *f)
{
    json_t *o = json_object();
    const struct net_counters *n = &f->net;
    put(o, "udp_batches", n->udp_batches);
    put(o, "udp_received", n->udp_received);
    put(o, "udp_oversized", n->udp_oversized);
    put(o, "udp_dropped", n->udp_dropped);
    put(o, "udp_sent", n->udp_sent);
    put(o, "udp_send_failed", n->udp_send_failed);
    put(o, "tcp_accepted", n->tcp_accepted);
    put(o, "tcp_refused", n->tcp_refused);
    put(o, "tcp_closed_idle", n->tcp_closed_idle);
    put(o, "tcp_closed_bound", n->tcp_closed_bound);
    put(o, "tcp_received", n->tcp_received);
    put(o, "tcp_held_back", n->tcp_held_back);
    put(o, "upstream_strangers", n->upstream_strangers);
    put(o, "upstream_tcp_opened", n->upstream_tcp_opened);
    put(o, "upstream_tcp_reused", n->upstream_tcp_reused);
    put(o, "net_pending", f->net_pending);
    put(o, "work_used", f->work_used);
    put(o, "work_limit", f->work_limit);
    return o;
}

/* How evenly the workers are at work, and what they hand to one another. */
static json_t *workers_json(const struct server *s, const struct figures *sum)
{
    json_t *o = json_object();
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < s->count; i++) {
        uint64_t n = s->figures[i].resolver.queries;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    put(o, "threads", s->count);
    put(o, "handed_over", sum->handed);
    put(o, "handed_refused", sum->handed_refused);
    put(o, "queries_least_worker", least);
    put(o, "queries_most_worker", most);
    return o;
}

static json_t *kind_json(const struct cache_figures *f, enum cache_kind kind)
{
    json_t *o = json_object(), *miss = json_object();
    put(o, "entries", f->entries[kind]);
    put(o, "bytes", f->kind_bytes[kind]);
    put(o, "hits", f->hits[kind]);
    put(o, "evictions", f->evictions[kind]);
    for (unsigned m = CACHE_HIT + 1; m < CACHE_MISSES; m++)
        put(miss, cache_miss_text((enum cache_miss)m), f->misses[kind][m]);
    json_object_set_new(o, "miss", miss);
    return o;
}

static json_t *cache_json(const struct server *s)
{
    json_t *o = json_object();
    struct cache_figures f;
    cache_figures(s->workers[0].cache, &f);
    put(o, "bytes", f.bytes);
    put(o, "budget", f.budget);
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
        json_object_set_new(o, cache_kind_text((enum cache_kind)kind),
                            kind_json(&f, (enum cache_kind)kind));
    return o;
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

static json_t *document(const struct server *s)
{
    struct figures sum;
    sum_up(s, &sum);
    return json_pack("{s:b, s:o, s:o, s:o, s:o}", "ok", 1, "resolver", resolver_json(&sum), "net",
                     net_json(&sum), "workers", workers_json(s, &sum), "cache", cache_json(s));
}

/* ---- The round ------------------------------------------------------------------------------- */

static void begin(struct server *s)
{
    s->count_up.waiting = s->count;
    for (unsigned i = 1; i < s->count; i++)
        worker__tell(&s->workers[i], LETTER_COUNT, &s->figures[i], &s->workers[0]);
    worker__count(&s->workers[0], &s->figures[0]);
    server__counted(s);
}

void server__count(struct server *s, struct waiter *w)
{
    if (round_join(&s->count_up, w))
        begin(s);
}

void server__counted(struct server *s)
{
    if (s->count_up.waiting > 1) {
        s->count_up.waiting--;
        return;
    }
    waiters_answer(&s->count_up.now, document(s));
    s->count_up.waiting = 0; /* only now: who asked anew when he was answered waits for the next */
    if (round_again(&s->count_up))
        begin(s);
}

/* ---- The log --------------------------------------------------------------------------------- */

struct line {
    char text[1900];
    size_t size;
};

static void add(struct line *l, const char *prefix, const char *name, long long value)
{
    size_t left = sizeof l->text - l->size;
    int n = snprintf(l->text + l->size, left, " %s%s=%lld", prefix, name, value);
    if (n > 0 && (size_t)n < left)
        l->size += (size_t)n;
    else
        l->text[l->size] = '\0'; /* whole pairs only */
}

static void write_line(struct line *l, const char *part)
{
    if (l->size > 0)
        log_write(LOG_NOTICE, "figures", "part=%s%s", part, l->text);
    l->size = 0;
    l->text[0] = '\0';
}

/* The numbers of an object; those of objects within it have its key in front of theirs. */
static void add_numbers(struct line *l, const char *prefix, json_t *o)
{
    const char *key;
    json_t *value;
    json_object_foreach(o, key, value)
    {
        char deeper[80];
        snprintf(deeper, sizeof deeper, "%s%s_", prefix, key);
        if (json_is_object(value))
            add_numbers(l, deeper, value);
        else
            add(l, prefix, key, json_integer_value(value));
    }
}

/* A line a part; of the cache one for the whole and one a kind. */
static void log_part(const char *part, json_t *figures)
{
    struct line line = {.size = 0};
    const char *key;
    json_t *value;
    bool cache = strcmp(part, "cache") == 0;
    json_object_foreach(figures, key, value)
    {
        char prefix[80];
        if (!json_is_object(value)) {
            add(&line, cache ? "cache_" : "", key, json_integer_value(value));
            continue;
        }
        write_line(&line, part);
        snprintf(prefix, sizeof prefix, "%s_%s_", part, key);
        add_numbers(&line, prefix, value);
    }
    write_line(&line, part);
}

/* The answer to the signal is its lines in the log. */
static void log_figures(struct waiter *w, json_t *figures)
{
    (void)w;
    const char *part;
    json_t *value, *resolver = json_object_get(figures, "resolver");
    json_object_foreach(figures, part, value)
    {
        if (json_is_object(value))
            log_part(part, value);
    }
    log_write(LOG_NOTICE, "figures_end", "lookups=%lld",
              json_integer_value(json_object_get(resolver, "lookups_under_way")));
    json_decref(figures);
}

void server__on_figures(void *ctx, int signum)
{
    (void)signum;
    struct server *s = ctx;
    s->on_sigusr1.answer = log_figures;
    server__count(s, &s->on_sigusr1);
}
