/* SIGHUP: the next configuration, or the old one if the file has an error. */
#include "base/log.h"
#include "ops/notify.h"
#include "ops/server_internal.h"

static void log_change(void *ctx, const char *key, bool reload)
{
    (void)ctx;
    if (reload)
        LOG(LOG_NOTICE, "option_changed", "option=%s", key);
    else
        LOG(LOG_WARNING, "option_needs_restart", "option=%s", key);
}

static void apply(struct server *s, struct generation *next)
{
    struct generation *before = s->now;
    const struct config *c = next->config;
    log_set_level((enum log_level)c->log.level);
    config_changes(before->config, c, log_change, NULL);
    s->now = next;
    s->work.limit = c->work.size;
    resolver_configure(s->resolver, &next->options);
    struct front_config front = server__front_config(s);
    front_configure(s->front, &front);
    if (cache_resize(s->cache, c->cache.size) != OK)
        LOG(LOG_ERROR, "cache_resize_failed", "size=%llu", (unsigned long long)c->cache.size);
    cache_drop_answers(s->cache); /* they were made under other options; RRsets make them anew */
    generation_free(before);
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
    char file[300];
    if (s->stopping)
        return;
    notify_reloading();
    enum err e = config_load(&config, s->now->config->file, &report);
    if (e == OK)
        e = generation_new(&next, config, &s->listening, &report);
    if (e == OK) {
        apply(s, next);
        LOG(LOG_NOTICE, "reloaded", "config=%s",
            log_quote(file, sizeof file, s->now->config->file ? s->now->config->file : "defaults"));
    } else {
        config_free(config);
        log_report(&report, e);
    }
    notify_send("READY=1");
}
