/*
 * The cache as a whole: making, freeing, changing its size, figures.
 */
#include "cache/internal.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- The core -------------------------------------------------------------------------------- */

static enum err start(struct cache_core *c, const struct policy_ops *ops)
{
    if (!memory__charge(&c->memory, sizeof *c))
        return ERR_NOMEM;
    table__init(&c->table, &c->memory);
    spans__resize(&c->spans, c->budget);
    enum err e = store__init(&c->store, &c->memory, c->budget);
    if (e == OK)
        e = ghosts__init(&c->ghosts, &c->memory, c->budget);
    if (e == OK)
        e = ops->new (&c->policy, &c->store, &c->memory);
    return e;
}

static void core_free(struct cache_core *c)
{
    memory__reclaim(&c->memory, UINT64_MAX);
    spans__deinit(&c->spans);
    if (c->policy)
        c->policy->ops->free(c->policy);
    if (c->ghosts.memory)
        ghosts__deinit(&c->ghosts);
    if (c->store.memory)
        store__deinit(&c->store);
    if (c->table.memory)
        table__deinit(&c->table);
    lock_deinit(&c->writers);
    free(c);
}

static struct cache_core *core_new(const struct cache_config *config, size_t fail_after)
{
    struct cache_core *c = aligned_alloc(EPOCH_LINE, sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    if (lock_init(&c->writers) != OK) {
        free(c);
        return NULL;
    }
    c->memory.fail_after = fail_after;
    c->memory.epoch = config->epoch;
    c->memory.ceiling = config->size;
    c->budget = config->size;
    c->hash_key = config->key;
    spans__init(&c->spans, &c->memory, &c->hash_key);
    return c;
}

/* ---- Handles --------------------------------------------------------------------------------- */

static size_t handle_size(void)
{
    return (sizeof(struct cache) + EPOCH_LINE - 1) / EPOCH_LINE * EPOCH_LINE;
}

static enum err attach(struct cache_core *core, struct cache **out)
{
    if (!memory__charge(&core->memory, handle_size()))
        return ERR_NOMEM;
    struct cache *c = aligned_alloc(EPOCH_LINE, handle_size());
    if (!c) {
        memory__discharge(&core->memory, handle_size());
        return ERR_NOMEM;
    }
    memset(c, 0, sizeof *c);
    c->core = core;
    c->next = core->handles;
    core->handles = c;
    *out = c;
    return OK;
}

enum err cache__new(struct cache **out, const struct cache_config *config, size_t fail_after)
{
    const struct policy_ops *ops = policy_named(config->policy);
    if (!ops)
        return ERR_NOTFOUND;
    if (!size_ok(config->size))
        return ERR_RANGE;
    struct cache_core *core = core_new(config, fail_after);
    if (!core)
        return ERR_NOMEM;
    enum err e = start(core, ops);
    if (e == OK)
        e = attach(core, out);
    if (e != OK)
        core_free(core);
    return e;
}

void cache_judge_by(struct cache *c, uint32_t verdicts)
{
    uint16_t number = verdicts & VERDICTS_LAST;
    if (c->verdicts == number)
        return;
    c->verdicts = number;
    cache_drop_answers(c);
}

enum err cache_new(struct cache **out, const struct cache_config *config)
{
    return cache__new(out, config, 0);
}

enum err cache_attach(struct cache *c, unsigned worker, struct cache **out)
{
    struct cache_core *core = c->core;
    MUST(core->memory.epoch && worker < core->memory.epoch->workers);
    lock_take(&core->writers);
    enum err e = attach(core, out);
    lock_release(&core->writers);
    return e;
}

/* Adds what a worker counted. */
static void add_tally(struct cache_figures *f, const struct tally *t)
{
    for (unsigned k = 0; k < CACHE_KINDS; k++) {
        f->hits[k] += atomic_load_explicit(&t->hits[k], memory_order_relaxed);
        for (unsigned m = 0; m < CACHE_MISSES; m++)
            f->misses[k][m] += atomic_load_explicit(&t->misses[k][m], memory_order_relaxed);
    }
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    struct cache_core *core = c->core;
    lock_take(&core->writers);
    struct cache **at = &core->handles;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    add_tally(&core->counts, &c->tally);
    memory__discharge(&core->memory, handle_size());
    bool last = core->handles == NULL;
    lock_release(&core->writers);
    free(c);
    if (last)
        core_free(core);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/*
 * Of a cache that shrinks, the segments come back as readers pass. Until then it may hold a little
 * more than it does now, as what lives is moved together.
 */
static void lower_ceiling(struct cache_core *c)
{
    size_t most = c->memory.held + c->memory.held / 16 + SEGMENT_SIZE;
    c->memory.ceiling = most > c->budget ? most : c->budget;
}

static enum err resize(struct cache_core *c, size_t size)
{
    struct ghosts ghosts;
    enum err e = ghosts__init(&ghosts, &c->memory, size);
    if (e != OK)
        return e;
    e = store__reserve(&c->store, size);
    if (e != OK) {
        ghosts__deinit(&ghosts);
        return e;
    }
    ghosts__replace(&c->ghosts, &ghosts);
    c->budget = size;
    spans__resize(&c->spans, size);
    lower_ceiling(c);
    return cache__settle(c, 0, 0) ? OK : ERR_NOMEM;
}

enum err cache_resize(struct cache *c, size_t size)
{
    if (!size_ok(size))
        return ERR_RANGE;
    lock_take(&c->core->writers);
    enum err e = resize(c->core, size);
    lock_release(&c->core->writers);
    return e;
}

void cache_figures(const struct cache *c, struct cache_figures *out)
{
    struct cache_core *core = c->core;
    lock_take(&core->writers);
    cache__reclaim(core);
    *out = core->counts;
    for (const struct cache *h = core->handles; h; h = h->next)
        add_tally(out, &h->tally);
    out->bytes = core->memory.held;
    out->budget = core->budget;
    lock_release(&core->writers);
}

const char *cache_kind_text(enum cache_kind k)
{
    static const char *const texts[CACHE_KINDS] = {
        [CACHE_RRSET] = "rrset",           [CACHE_ANSWER] = "answer",
        [CACHE_NEGATIVE] = "negative",     [CACHE_FAILURE] = "failure",
        [CACHE_DELEGATION] = "delegation", [CACHE_SERVER] = "server",
        [CACHE_DENIAL] = "denial",
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
