#include "resolver/trust_watch.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "dns/types.h"
#include "resolver/outcome.h"

enum { LOOK_MOST_S = 3600, LOOK_SOON_S = 10, CHECKS = 64, CHECKS_PRICE = 3 * 1024 };

struct trust_watch {
    struct trust_watch_config config;
    struct keyring *keys;
    struct client client;
    struct trust_point *asked; /* NULL: none */
    struct trust_point before; /* as it was when the answer came */
};

static int64_t now_of(const struct trust_watch *w)
{
    return w->config.world->ops->wall_s(w->config.world);
}

static const struct rrset *configured(const struct trust_watch *w)
{
    return w->config.ds ? w->config.ds[w->asked - w->config.points] : NULL;
}

static const struct rrset *keys_of(const struct trust_point *t, const struct outcome *o)
{
    for (unsigned i = 0; i < o->answer_count; i++)
        if (o->answer[i]->type == TYPE_DNSKEY && name_equal(o->answer[i]->owner, t->zone))
            return o->answer[i];
    return NULL;
}

static void on_done(struct client *c, const struct outcome *o)
{
    struct trust_watch *w = CONTAINER_OF(c, struct trust_watch, client);
    struct trust_point *t = w->asked;
    struct arena arena;
    arena_init(&arena, NULL);
    struct dnssec_work work = {.price = CHECKS_PRICE, .good = CHECKS, .failed = CHECKS};
    struct checker checker = {.policy = w->config.policy,
                              .keys = w->keys,
                              .arena = &arena,
                              .work = &work,
                              .wall = (uint32_t)now_of(w)};
    struct trust_seen seen = {.keys = keys_of(t, o), .ds = configured(w), .checker = &checker};
    w->before = *t;
    enum trust_news news = trust_point_take(t, &seen, now_of(w));
    arena_deinit(&arena);
    w->asked = NULL;
    w->config.news(w->config.ctx, t, &w->before, news);
}

static void ask(struct trust_watch *w, struct trust_point *t)
{
    const struct question q = {.name = t->zone, .type = TYPE_DNSKEY, .cd = true, .fresh = true};
    w->asked = t;
    w->client = (struct client){.done = on_done};
    if (resolver_ask(w->config.resolver, &q, &w->client) != OK)
        w->asked = NULL; /* no memory: a moment later, then */
}

uint32_t trust_watch_look(struct trust_watch *w)
{
    int64_t now = now_of(w), least = LOOK_MOST_S;
    for (size_t i = 0; i < w->config.count; i++) {
        struct trust_point *t = &w->config.points[i];
        if (w->config.ds && !w->config.ds[i])
            continue;
        int64_t left = t->next_s - now;
        /* A clock that was put back must not put probes off for longer than they ever are. */
        if (left > 15 * 86400)
            left = 0;
        if (left <= 0 && !w->asked)
            ask(w, t);
        left = left > LOOK_SOON_S ? left : LOOK_SOON_S;
        least = left < least ? left : least;
    }
    return (uint32_t)least;
}

enum err trust_watch_new(struct trust_watch **out, const struct trust_watch_config *config)
{
    struct trust_watch *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NOMEM;
    w->config = *config;
    enum err e = keyring_new(&w->keys);
    if (e != OK) {
        free(w);
        return e;
    }
    *out = w;
    return OK;
}

void trust_watch_free(struct trust_watch *w)
{
    if (!w)
        return;
    if (w->asked)
        resolver_forget(w->config.resolver, &w->client);
    keyring_free(w->keys);
    free(w);
}
