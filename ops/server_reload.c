/* SIGHUP, and who asks: the next configuration, or the old one if the file has an error. */
#include "base/log.h"
#include "ops/notify.h"
#include "ops/server_internal.h"
#include "ops/upstreams.h"

static void note_change(void *ctx, const char *key, bool reload)
{
    json_t *said = ctx;
    if (reload)
        LOG(LOG_NOTICE, "option_changed", "option=%s", key);
    else
        LOG(LOG_WARNING, "option_needs_restart", "option=%s", key);
    json_array_append_new(json_object_get(said, reload ? "changed" : "needs_restart"),
                          json_string(key));
}

/* What a new configuration changes beside the generation. */
static void take_config(struct server *s, const struct config *c)
{
    struct worker *first = &s->workers[0];
    s->reload_said = json_pack("{s:b, s:s?, s:[], s:[]}", "ok", 1, "config", c->file, "changed",
                               "needs_restart");
    log_set_level((enum log_level)c->log.level);
    trust_reload(s->trust, c);
    config_changes(first->now->config, c, note_change, s->reload_said);
    if (cache_resize(first->cache, c->cache.size) != OK)
        LOG(LOG_ERROR, "cache_resize_failed", "size=%llu", (unsigned long long)c->cache.size);
}

/* Worker 0 has applied it; the others do when they come to it, each between two turns. */
static void apply(struct server *s, struct generation *next)
{
    struct worker *first = &s->workers[0];
    s->applying = next;
    s->apply.waiting = s->count;
    for (unsigned i = 1; i < s->count; i++)
        worker__tell(&s->workers[i], LETTER_APPLY, generation_ref(next), first);
    worker__apply(first, generation_ref(next));
    server__applied(s);
}

static void begin_reload(struct server *s);

static void end_reload(struct server *s, const struct config *c)
{
    char file[300];
    json_t *said = s->reload_said;
    LOG(LOG_NOTICE, "reloaded", "config=%s",
        log_quote(file, sizeof file, c->file ? c->file : "defaults"));
    notify_send("READY=1");
    upstreams_want(s, c);
    trust_ask(s->trust);
    root_keeper_reload(s->root);
    s->reloading = false;
    s->reloads++;
    s->reload_said = NULL;
    waiters_answer(&s->apply.now, said);
}

void server__applied(struct server *s)
{
    if (s->apply.waiting > 1) {
        s->apply.waiting--;
        return;
    }
    root_keeper_given(s->root, s->applying);
    if (s->reloading)
        end_reload(s, s->applying->config);
    generation_unref(s->applying);
    s->applying = NULL;
    s->apply.waiting = 0; /* only now: who asked anew when he was answered waits for the next */
    if (round_again(&s->apply))
        begin_reload(s);
    else if (s->renew)
        server__renew(s);
}

static void log_report(const struct config_report *report, enum err e)
{
    char text[2 * REPORT_LINE_MAX];
    for (size_t i = 0; i < report->count && i < REPORT_LINES; i++)
        LOG(LOG_ERROR, "reload_failed", "error=%s", log_quote(text, sizeof text, report->lines[i]));
    if (report->count == 0)
        LOG(LOG_ERROR, "reload_failed", "error=%s", log_quote(text, sizeof text, err_text(e)));
}

static json_t *report_json(const struct config_report *report, enum err e)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < report->count && i < REPORT_LINES; i++)
        json_array_append_new(lines, json_string(report->lines[i]));
    return json_pack("{s:b, s:s, s:o}", "ok", 0, "error",
                     report->count > 0 ? report->lines[0] : err_text(e), "errors", lines);
}

/* The next configuration, and a generation made of it; what is wrong with it, as an answer. */
static struct generation *load(struct server *s, json_t **wrong)
{
    struct config_report report = {0};
    struct config *config = NULL;
    struct generation *next = NULL;
    struct discoveries found = {.trust = s->trust, .local_root = root_keeper_copy(s->root)};
    enum err e = config_load(&config, s->workers[0].now->config->file, &report);
    if (e == OK)
        e = upstreams_look(s, config);
    found.names = s->names;
    if (e == OK)
        e = generation_new(&next, config, &s->listening, &found, &report);
    if (e == OK)
        return next;
    config_free(config);
    log_report(&report, e);
    *wrong = report_json(&report, e);
    return NULL;
}

static void begin_reload(struct server *s)
{
    json_t *wrong = NULL;
    if (s->stopping) {
        waiters_answer(&s->apply.now, refusal("the server is stopping"));
        return;
    }
    notify_reloading();
    struct generation *next = load(s, &wrong);
    if (!next) {
        notify_send("READY=1");
        waiters_answer(&s->apply.now, wrong);
        return;
    }
    generation_follow(next, s->workers[0].now);
    take_config(s, next->config);
    s->reloading = true;
    apply(s, next);
}

void server__reload(struct server *s, struct waiter *w)
{
    if (round_join(&s->apply, w))
        begin_reload(s);
}

/* A signal has nobody to tell: what there is to say is in the log. */
static void drop_answer(struct waiter *w, json_t *reply)
{
    (void)w;
    json_decref(reply);
}

void server__on_reload(void *ctx, int signum)
{
    (void)signum;
    struct server *s = ctx;
    s->on_sighup.answer = drop_answer;
    server__reload(s, &s->on_sighup);
}

bool server__renew(struct server *s)
{
    struct config_report report = {0};
    struct generation *next = NULL, *now = s->workers[0].now;
    if (s->stopping)
        return false;
    s->renew = s->apply.waiting > 0;
    if (s->renew)
        return false;
    struct config *config = config_ref(now->config);
    struct discoveries found = {
        .names = s->names, .trust = s->trust, .local_root = root_keeper_copy(s->root)};
    enum err e = generation_new(&next, config, &s->listening, &found, &report);
    if (e != OK) {
        config_free(config);
        log_report(&report, e);
        return false;
    }
    generation_follow(next, now);
    apply(s, next);
    return true;
}
