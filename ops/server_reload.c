/* SIGHUP: the next configuration, or the old one if the file has an error. */
#include "base/log.h"
#include "ops/notify.h"
#include "ops/server_internal.h"
#include "ops/upstreams.h"

static void log_change(void *ctx, const char *key, bool reload)
{
    (void)ctx;
    if (reload)
        LOG(LOG_NOTICE, "option_changed", "option=%s", key);
    else
        LOG(LOG_WARNING, "option_needs_restart", "option=%s", key);
}

/* What a new configuration changes beside the generation. */
static void take_config(struct server *s, const struct config *c)
{
    struct worker *first = &s->workers[0];
    log_set_level((enum log_level)c->log.level);
    config_changes(first->now->config, c, log_change, NULL);
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

void server__applied(struct server *s)
{
    char file[300];
    if (--s->apply.waiting > 0)
        return;
    const struct config *c = s->applying->config;
    if (s->reloading) {
        LOG(LOG_NOTICE, "reloaded", "config=%s",
            log_quote(file, sizeof file, c->file ? c->file : "defaults"));
        notify_send("READY=1");
        upstreams_want(s, c);
    }
    s->reloading = false;
    generation_unref(s->applying);
    s->applying = NULL;
    if (s->apply.again) {
        s->apply.again = false;
        server__on_reload(s, 0);
    } else if (s->renew) {
        server__renew(s);
    }
}

static void log_report(const struct config_report *report, enum err e)
{
    char text[2 * REPORT_LINE_MAX];
    for (size_t i = 0; i < report->count && i < REPORT_LINES; i++)
        LOG(LOG_ERROR, "reload_failed", "error=%s", log_quote(text, sizeof text, report->lines[i]));
    if (report->count == 0)
        LOG(LOG_ERROR, "reload_failed", "error=%s", log_quote(text, sizeof text, err_text(e)));
}

void server__on_reload(void *ctx, int signum)
{
    (void)signum;
    struct server *s = ctx;
    struct config_report report = {0};
    struct config *config = NULL;
    struct generation *next = NULL;
    if (s->stopping)
        return;
    if (s->apply.waiting > 0) {
        s->apply.again = true;
        return;
    }
    notify_reloading();
    enum err e = config_load(&config, s->workers[0].now->config->file, &report);
    if (e == OK)
        e = generation_new(&next, config, &s->listening, s->names, &report);
    if (e == OK) {
        generation_follow(next, s->workers[0].now);
        take_config(s, config);
        s->reloading = true;
        apply(s, next);
        return;
    }
    config_free(config);
    log_report(&report, e);
    notify_send("READY=1");
}

void server__renew(struct server *s)
{
    struct config_report report = {0};
    struct generation *next = NULL, *now = s->workers[0].now;
    if (s->stopping)
        return;
    s->renew = s->apply.waiting > 0;
    if (s->renew)
        return;
    struct config *config = config_ref(now->config);
    enum err e = generation_new(&next, config, &s->listening, s->names, &report);
    if (e != OK) {
        config_free(config);
        log_report(&report, e);
        return;
    }
    generation_follow(next, now);
    apply(s, next);
}
