#include "ops/control_commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/control_lookup.h"
#include "ops/control_request.h"
#include "ops/control_trace.h"
#include "ops/server_internal.h"

static void run_status(struct server *s, const struct control_request *r, struct waiter *w)
{
    (void)r;
    struct worker *first = &s->workers[0];
    struct cache_figures cache;
    cache_figures(first->cache, &cache);
    json_t *listen = json_array();
    for (size_t i = 0; i < s->listening.count; i++) {
        char text[ADDR_TEXT_MAX];
        json_array_append_new(listen, json_string(endpoint_text(&s->listening.at[i], text)));
    }
    uint64_t up_s = (world_now_ms(first->world) - s->start_ms) / 1000;
    waiter_answer(w,
                  json_pack("{s:b, s:s, s:i, s:I, s:i, s:o, s:s?, s:I, s:I, s:I, s:o}", "ok", 1,
                            "version", NUTHATCH_VERSION, "pid", (int)getpid(), "uptime_s",
                            (json_int_t)up_s, "threads", (int)s->count, "listen", listen, "config",
                            first->now->config->file, "reloads", (json_int_t)s->reloads,
                            "cache_bytes", (json_int_t)cache.bytes, "cache_budget",
                            (json_int_t)cache.budget, "local_root", root_keeper_json(s->root)));
}

static void run_stats(struct server *s, const struct control_request *r, struct waiter *w)
{
    (void)r;
    server__count(s, w);
}

static void run_lookup(struct server *s, const struct control_request *r, struct waiter *w)
{
    struct worker *first = &s->workers[0];
    waiter_answer(w, control_lookup(first->cache, r->name, r->typed ? r->type : 0,
                                    world_now_s(first->world)));
}

/* ---- Flush: of a name at once, of more in slices between which clients are served -------------
 */

static json_t *removed(size_t gone)
{
    return json_pack("{s:b, s:I}", "ok", 1, "removed", (json_int_t)gone);
}

static void flush_on(void *ctx)
{
    struct server *s = ctx;
    struct flushing *f = &s->flushing;
    bool over = cache_flush_slice(s->workers[0].cache, f->all ? NULL : f->zone, &f->job);
    if (!over && net_after(s->workers[0].net, 0, flush_on, s) == OK)
        return;
    while (!over) /* in one piece, then */
        over = cache_flush_slice(s->workers[0].cache, f->all ? NULL : f->zone, &f->job);
    f->under_way = false;
    waiters_answer(&f->waiters, removed(f->job.gone));
}

static void run_flush(struct server *s, const struct control_request *r, struct waiter *w)
{
    struct flushing *f = &s->flushing;
    if (r->scope == FLUSH_NAME) {
        waiter_answer(w, removed(cache_flush_name(s->workers[0].cache, r->name)));
        return;
    }
    if (f->under_way) {
        waiter_answer(w, refusal("another flush is under way: try again in a moment"));
        return;
    }
    f->under_way = true;
    f->all = r->scope == FLUSH_ALL;
    memcpy(f->zone, r->name, sizeof f->zone);
    f->job = (struct cache_flush){0};
    list_append(&f->waiters, &w->in_waiters);
    flush_on(s);
}

static void run_trace(struct server *s, const struct control_request *r, struct waiter *w)
{
    trace_begin(s, r, w);
}

static void run_reload(struct server *s, const struct control_request *r, struct waiter *w)
{
    (void)r;
    server__reload(s, w);
}

static void (*const commands[COMMANDS])(struct server *, const struct control_request *,
                                        struct waiter *) = {
    [COMMAND_STATUS] = run_status, [COMMAND_STATS] = run_stats, [COMMAND_LOOKUP] = run_lookup,
    [COMMAND_FLUSH] = run_flush,   [COMMAND_TRACE] = run_trace, [COMMAND_RELOAD] = run_reload,
};

void control_command(struct server *s, const char *line, size_t size, struct waiter *w)
{
    struct control_request request;
    const char *why;
    if (control_request_read(&request, line, size, &why) == OK)
        commands[request.command](s, &request, w);
    else
        waiter_answer(w, refusal(why));
}

void control_abandon(struct server *s)
{
    trace_end_unwanted(s);
}
