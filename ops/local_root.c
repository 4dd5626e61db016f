#include "ops/local_root.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/must.h"
#include "ops/root_job.h"
#include "ops/server_internal.h"

/* Seconds between two looks. */
enum {
    LEAST_S = 2,        /* whatever the zone says: its primary is not to be flooded */
    MOST_S = 86400,     /* the same the other way: the root's is half an hour */
    FIRST_RETRY_S = 10, /* when nothing is held, doubled each time up to … */
    MOST_RETRY_S = 900, /* … what the root itself says of retries */
};

struct root_keeper {
    struct server *server;
    struct local_root *copy; /* a reference; NULL: none was there yet */
    struct root_found last;  /* when the copy was checked, until when it is signed; no reference */
    struct file_state read;  /* of the file that it was read from */
    unsigned failures;       /* in a row */
    bool told_expired;
    bool untold; /* that it is used: not before every worker uses it */
    bool renew;  /* a new generation with it is due */
    uint64_t due_ms;
    /* While it runs. */
    bool started;
    bool again; /* look once more when the present job is over */
    uv_timer_t timer;
    uv_async_t over; /* sent by the thread */
    /* The job under way. */
    bool working;
    pthread_t thread;
    atomic_bool stop;
    struct arena arena; /* of `wish` */
    struct root_wish wish;
    struct root_found found;
};

enum err root_keeper_new(struct root_keeper **out, struct server *s)
{
    struct root_keeper *k = calloc(1, sizeof *k);
    if (!k)
        return ERR_NOMEM;
    k->server = s;
    arena_init(&k->arena, NULL);
    *out = k;
    return OK;
}

void root_keeper_free(struct root_keeper *k)
{
    if (!k)
        return;
    root_keeper_stop(k);
    local_root_unref(k->copy);
    arena_deinit(&k->arena);
    free(k);
}

struct local_root *root_keeper_copy(const struct root_keeper *k)
{
    return k ? k->copy : NULL;
}

/* ---- What is to be done ---------------------------------------------------------------------- */

static bool is_wanted(const struct config *c)
{
    return c->local_root.file[0] != '\0' || c->local_root.transfer.count > 0;
}

/* A job outlives the generation that it was made of. */
static enum err make_wish(struct root_keeper *k, const struct generation *g, bool from_file)
{
    const struct config_local_root *c = &g->config->local_root;
    int64_t now_s = time(NULL);
    const struct anchor *anchor = anchors_find(&g->options.anchors, name_root, (uint32_t)now_s);
    const struct rrset *ds = anchor ? anchor->ds : NULL;
    arena_deinit(&k->arena);
    arena_init(&k->arena, NULL);
    k->wish = (struct root_wish){
        .file = arena_copy(&k->arena, c->file, strlen(c->file) + 1),
        .primaries =
            arena_copy(&k->arena, c->transfer.at, c->transfer.count * sizeof *c->transfer.at),
        .count = c->transfer.count,
        .from_file = from_file,
        .ds = ds ? rrset_copy(&k->arena, ds) : NULL,
        .policy = g->options.dnssec,
        .now_s = now_s,
        .have = k->copy != NULL,
        .serial = k->copy ? local_root_soa(k->copy)->serial : 0,
        .read = k->read,
    };
    return k->wish.file && k->wish.primaries && (!ds || k->wish.ds) ? OK : ERR_NOMEM;
}

/* ---- What came of it ------------------------------------------------------------------------- */

/* From the wall's time to the boot's, by which the core reckons. */
static void hold(struct root_keeper *k, uint64_t now_ms)
{
    int64_t left_s = root_job_until_s(k->copy, &k->last) - time(NULL);
    local_root_hold(k->copy, left_s > 0 ? now_ms + (uint64_t)left_s * 1000 : 0);
    k->told_expired = false;
}

static void take_copy(struct root_keeper *k, const struct root_found *f, uint64_t now_ms)
{
    struct local_root *before = k->copy;
    k->copy = f->copy;
    k->last = *f;
    k->read = f->read;
    hold(k, now_ms);
    k->untold = true;
    local_root_unref(before);
}

/* True: there is a new copy. */
static bool take_found(struct root_keeper *k, const struct root_found *f)
{
    uint64_t now_ms = world_now_ms(k->server->workers[0].world);
    bool checked = f->news == ROOT_SAME && f->checked_s > 0;
    k->failures = f->news == ROOT_FAILED ? k->failures + 1 : 0;
    if (f->news == ROOT_NEW)
        take_copy(k, f, now_ms);
    if (!checked || !k->copy)
        return f->news == ROOT_NEW;
    k->last.checked_s = f->checked_s;
    hold(k, now_ms);
    LOG(LOG_INFO, "local_root_checked", "serial=%" PRIu32, local_root_soa(k->copy)->serial);
    return false;
}

void root_keeper_given(struct root_keeper *k, const struct generation *g)
{
    if (!k->copy || !k->untold || g->local_root != k->copy)
        return;
    k->untold = false;
    LOG(LOG_NOTICE, "local_root",
        "serial=%" PRIu32 " records=%zu octets=%zu verified=zonemd holds_s=%" PRId64,
        local_root_soa(k->copy)->serial, local_root_records(k->copy), local_root_size(k->copy),
        root_job_until_s(k->copy, &k->last) - (int64_t)time(NULL));
}

void root_keeper_load(struct root_keeper *k, struct generation *g)
{
    struct root_found found;
    if (g->config->local_root.file[0] == '\0' || make_wish(k, g, true) != OK)
        return;
    root_job_run(&k->wish, &k->stop, &found);
    if (!take_found(k, &found))
        return;
    generation_take_local_root(g, k->copy);
    root_keeper_given(k, g);
}

static void tell_if_expired(struct root_keeper *k, uint64_t now_ms)
{
    if (!k->copy || k->told_expired || local_root_until_ms(k->copy) > now_ms)
        return;
    k->told_expired = true;
    LOG(LOG_WARNING, "local_root_expired", "serial=%" PRIu32 " advice=\"%s\"",
        local_root_soa(k->copy)->serial,
        "no newer one could be had in time, so the root's servers are asked: see why above");
}

/* ---- When ------------------------------------------------------------------------------------ */

static uint32_t within(uint32_t least, uint32_t s, uint32_t most)
{
    return s < least ? least : s > most ? most : s;
}

/* From the end of one look to the next. */
static uint32_t pause_s(const struct root_keeper *k)
{
    if (!k->copy) {
        unsigned doublings = k->failures < 8 ? k->failures : 8;
        return within(LEAST_S, (uint32_t)FIRST_RETRY_S << (doublings ? doublings - 1 : 0),
                      MOST_RETRY_S);
    }
    const struct local_root_soa *soa = local_root_soa(k->copy);
    return within(LEAST_S, k->failures ? soa->retry : soa->refresh, MOST_S);
}

static void on_timer(uv_timer_t *timer);

/* For the next look, or for the end of the copy, so that it is told when it comes. */
static void arm(struct root_keeper *k)
{
    uint64_t now_ms = world_now_ms(k->server->workers[0].world), at = k->due_ms;
    uint64_t end = k->copy && !k->told_expired ? local_root_until_ms(k->copy) : UINT64_MAX;
    at = end < at ? end : at;
    MUST(uv_timer_start(&k->timer, on_timer, at > now_ms ? at - now_ms : 0, 0) == 0);
}

static void *work(void *ctx)
{
    struct root_keeper *k = ctx;
    root_job_run(&k->wish, &k->stop, &k->found);
    uv_async_send(&k->over);
    return NULL;
}

/* Signals are worker 0's. */
static bool start_thread(struct root_keeper *k)
{
    sigset_t all, before;
    sigfillset(&all);
    MUST(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int why = pthread_create(&k->thread, NULL, work, k);
    MUST(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return why == 0;
}

static void look(struct root_keeper *k)
{
    const struct generation *now = k->server->workers[0].now;
    uint64_t now_ms = world_now_ms(k->server->workers[0].world);
    k->due_ms = now_ms + (uint64_t)FIRST_RETRY_S * 1000;
    if (!is_wanted(now->config) || k->server->stopping)
        k->due_ms = UINT64_MAX;
    else if (make_wish(k, now, now->config->local_root.transfer.count == 0) == OK)
        k->working = start_thread(k);
}

static void give_out(struct root_keeper *k)
{
    if (k->renew)
        k->renew = !server__renew(k->server);
}

static void on_timer(uv_timer_t *timer)
{
    struct root_keeper *k = timer->data;
    net_enter(k->server->workers[0].net);
    uint64_t now_ms = world_now_ms(k->server->workers[0].world);
    tell_if_expired(k, now_ms);
    give_out(k);
    if (!k->working && now_ms >= k->due_ms)
        look(k);
    if (!k->working)
        arm(k);
}

static void on_over(uv_async_t *async)
{
    struct root_keeper *k = async->data;
    net_enter(k->server->workers[0].net);
    if (!k->working)
        return;
    MUST(pthread_join(k->thread, NULL) == 0);
    k->working = false;
    uint64_t now_ms = world_now_ms(k->server->workers[0].world);
    k->renew = take_found(k, &k->found) || k->renew;
    tell_if_expired(k, now_ms);
    give_out(k);
    k->due_ms = k->again ? now_ms : now_ms + (uint64_t)pause_s(k) * 1000;
    k->again = false;
    arm(k);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* What was read at start is checked when its time comes; a file alone was looked at just now. */
static uint64_t first_look_s(const struct root_keeper *k, const struct config *c)
{
    int64_t due_s = k->last.checked_s + pause_s(k) - time(NULL);
    if (c->local_root.transfer.count == 0)
        return pause_s(k);
    return k->copy && due_s > 0 ? (uint64_t)due_s : 0;
}

void root_keeper_start(struct root_keeper *k)
{
    struct worker *first = &k->server->workers[0];
    struct uv_loop_s *loop = net_loop(first->net);
    MUST(uv_timer_init(loop, &k->timer) == 0);
    if (uv_async_init(loop, &k->over, on_over) != 0) {
        uv_close((uv_handle_t *)&k->timer, NULL);
        LOG(LOG_ERROR, "local_root_not_followed", "why=\"%s\"", err_text(ERR_IO));
        return;
    }
    k->timer.data = k->over.data = k;
    uv_unref((uv_handle_t *)&k->timer); /* the loop may end */
    uv_unref((uv_handle_t *)&k->over);
    k->started = true;
    k->due_ms = UINT64_MAX;
    if (is_wanted(first->now->config))
        k->due_ms =
            world_now_ms(first->world) + first_look_s(k, first->now->config) * UINT64_C(1000);
    arm(k);
}

void root_keeper_reload(struct root_keeper *k)
{
    if (!k->started)
        return;
    k->failures = 0;
    k->again = k->working;
    if (!is_wanted(k->server->workers[0].now->config)) {
        local_root_unref(k->copy);
        k->copy = NULL;
    }
    if (k->working)
        return;
    k->due_ms = world_now_ms(k->server->workers[0].world);
    arm(k);
}

void root_keeper_stop(struct root_keeper *k)
{
    if (!k || !k->started)
        return;
    k->started = false;
    atomic_store(&k->stop, true);
    if (k->working)
        MUST(pthread_join(k->thread, NULL) == 0);
    if (k->working && k->found.news == ROOT_NEW)
        local_root_unref(k->found.copy);
    k->working = false;
    uv_close((uv_handle_t *)&k->timer, NULL);
    uv_close((uv_handle_t *)&k->over, NULL);
}

json_t *root_keeper_json(const struct root_keeper *k)
{
    const struct worker *first = &k->server->workers[0];
    uint64_t now_ms = world_now_ms(first->world);
    if (!is_wanted(first->now->config))
        return json_null();
    if (!k->copy)
        return json_string("none yet: the root's servers are asked");
    uint64_t until_ms = local_root_until_ms(k->copy);
    if (until_ms <= now_ms)
        return json_sprintf("serial %" PRIu32 ", expired: the root's servers are asked",
                            local_root_soa(k->copy)->serial);
    return json_sprintf("serial %" PRIu32 ", holds for %" PRIu64 " s",
                        local_root_soa(k->copy)->serial, (until_ms - now_ms) / 1000);
}
