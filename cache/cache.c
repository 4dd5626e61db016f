/*
 * The cache as a whole: making, freeing, changing its size, figures.
 */
#include "cache/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/epoch.h"
#include "base/must.h"

static const struct policy_ops *const policies[] = {&policy_lru};

static const struct policy_ops *policy_named(const char *name)
{
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    }
    return NULL;
}

static bool size_ok(size_t size)
{
    return size >= CACHE_SIZE_MIN && size <= CACHE_SIZE_MAX;
}

static enum err start(struct cache *c, const struct policy_ops *ops)
{
    if (!memory__charge(&c->memory, sizeof *c))
        return ERR_NOMEM;
    table__init(&c->table, &c->memory);
    enum err e = store__init(&c->store, &c->memory, c->budget);
    if (e == OK)
        e = ghosts__init(&c->ghosts, &c->memory, c->budget);
    if (e == OK)
        e = ops->new (&c->policy, &c->store, &c->memory);
    return e;
}

enum err cache__new(struct cache **out, const struct cache_config *config, size_t fail_after)
{
    const struct policy_ops *ops = policy_named(config->policy);
    if (!ops)
        return ERR_NOTFOUND;
    if (!size_ok(config->size))
        return ERR_RANGE;
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->handles = 1;
    c->memory.fail_after = fail_after;
    c->budget = config->size;
    c->hash_key = config->key;
    enum err e = start(c, ops);
    if (e != OK) {
        cache_free(c);
        return e;
    }
    *out = c;
    return OK;
}

enum err cache_new(struct cache **out, const struct cache_config *config)
{
    return cache__new(out, config, 0);
}

enum err cache_attach(struct cache *c, unsigned worker, struct cache **out)
{
    MUST(worker < EPOCH_WORKERS_MAX);
    c->handles++;
    *out = c;
    return OK;
}

void cache_free(struct cache *c)
{
    if (!c || --c->handles > 0)
        return;
    if (c->policy)
        c->policy->ops->free(c->policy);
    if (c->ghosts.memory)
        ghosts__deinit(&c->ghosts);
    if (c->store.memory)
        store__deinit(&c->store);
    if (c->table.memory)
        table__deinit(&c->table);
    free(c);
}

enum err cache_resize(struct cache *c, size_t size)
{
    if (!size_ok(size))
        return ERR_RANGE;
    struct ghosts ghosts;
    enum err e = ghosts__init(&ghosts, &c->memory, size);
    if (e != OK)
        return e;
    e = store__reserve(&c->store, size);
    if (e != OK) {
        ghosts__deinit(&ghosts);
        return e;
    }
    ghosts__deinit(&c->ghosts);
    c->ghosts = ghosts;
    c->budget = size;
    return cache__settle(c, 0, 0) ? OK : ERR_NOMEM;
}

void cache_figures(const struct cache *c, struct cache_figures *out)
{
    *out = c->counts;
    out->bytes = c->memory.held;
    out->budget = c->budget;
}

const char *cache_kind_text(enum cache_kind k)
{
    static const char *const texts[CACHE_KINDS] = {
        [CACHE_RRSET] = "rrset",           [CACHE_ANSWER] = "answer",
        [CACHE_NEGATIVE] = "negative",     [CACHE_FAILURE] = "failure",
        [CACHE_DELEGATION] = "delegation", [CACHE_SERVER] = "server",
    };
    return (unsigned)k < CACHE_KINDS ? texts[k] : "unknown";
}

const char *cache_miss_text(enum cache_miss m)
{
    static const char *const texts[CACHE_MISSES] = {
        [CACHE_HIT] = "hit",        [MISS_COLD] = "cold",       [MISS_EXPIRED] = "expired",
        [MISS_EVICTED] = "evicted", [MISS_FLUSHED] = "flushed", [MISS_UNCACHEABLE] = "uncacheable",
    };
    return (unsigned)m < CACHE_MISSES ? texts[m] : "unknown";
}
