/*
 * Least recently used, to one 64th of the cache.
 *
 * The clock ticks once for as many insertions as a 64th of the entries. A hit writes the tick into
 * the entry's stamp if it is not there yet, and moves nothing. The order is a list for each of the
 * last LRU_TICKS ticks: an entry is inserted into the list of the present tick. Eviction looks at
 * the old end of the oldest list. An entry there whose stamp is newer than the list has been used
 * since it was put there, and moves to the list of its stamp; the first that was not used is the
 * victim. A list that gets older than LRU_TICKS is joined to the next.
 *
 * So a used entry comes back to where exact LRU would have it, give or take a tick, and not to the
 * very front as with a second chance. One call looks at LRU_LOOKS used entries at most, so that no
 * put pays for all hits since the last eviction; then the entry at the end goes as it is.
 *
 * A list is a ring through a mark: the mark's `newer` is the oldest entry, its `older` the newest.
 * Marks have handles of their own from STORE_HANDLE_END up, so an entry is unlinked without knowing
 * its list.
 */
#include "cache/policy.h"

#include "base/list.h"

enum { LRU_TICKS = 128, LRU_SHARE = 64, LRU_LOOKS = 1024 };

struct mark {
    uint32_t newer;
    uint32_t older;
};

struct lru {
    struct policy policy;
    struct store *store;
    struct memory *memory;
    _Atomic uint32_t clock;    /* relaxed: a hit may be a tick behind */
    uint8_t apart[EPOCH_LINE]; /* hits read what is above, puts write what is below */
    uint32_t left;             /* insertions until the next tick */
    uint32_t count;
    uint32_t first[POLICY_GROUPS]; /* the tick of the oldest list */
    struct mark marks[POLICY_GROUPS * LRU_TICKS];
};

static struct lru *lru_of(struct policy *p)
{
    return CONTAINER_OF(p, struct lru, policy);
}

static uint32_t clock_of(const struct lru *l)
{
    return atomic_load_explicit(&l->clock, memory_order_relaxed);
}

static uint32_t stamp_of(const struct entry *e)
{
    return atomic_load_explicit(&e->stamp, memory_order_relaxed);
}

static void set_stamp(struct entry *e, uint32_t stamp)
{
    atomic_store_explicit(&e->stamp, stamp, memory_order_relaxed);
}

static uint32_t list_of(unsigned group, uint32_t tick)
{
    return STORE_HANDLE_END + group * LRU_TICKS + tick % LRU_TICKS;
}

static uint32_t *newer(struct lru *l, uint32_t at)
{
    return at >= STORE_HANDLE_END ? &l->marks[at - STORE_HANDLE_END].newer
                                  : &store__at(l->store, at)->newer;
}

static uint32_t *older(struct lru *l, uint32_t at)
{
    return at >= STORE_HANDLE_END ? &l->marks[at - STORE_HANDLE_END].older
                                  : &store__at(l->store, at)->older;
}

static enum err lru_new(struct policy **out, struct store *s, struct memory *m)
{
    struct lru *l = memory__alloc(m, sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->policy.ops = &policy_lru;
    l->store = s;
    l->memory = m;
    l->left = 1;
    for (unsigned i = 0; i < POLICY_GROUPS * LRU_TICKS; i++)
        l->marks[i].newer = l->marks[i].older = STORE_HANDLE_END + i;
    *out = &l->policy;
    return OK;
}

static void lru_free(struct policy *p)
{
    struct lru *l = lru_of(p);
    memory__free(l->memory, l, sizeof *l);
}

/* At the new end of a list. */
static void append(struct lru *l, uint32_t list, uint32_t handle)
{
    uint32_t last = *older(l, list);
    *newer(l, handle) = list;
    *older(l, handle) = last;
    *newer(l, last) = handle;
    *older(l, list) = handle;
}

static void unlink(struct lru *l, uint32_t handle)
{
    uint32_t next = *newer(l, handle);
    uint32_t last = *older(l, handle);
    *older(l, next) = last;
    *newer(l, last) = next;
}

/* All of the list `from` goes to the old end of the list `to`. */
static void join(struct lru *l, uint32_t from, uint32_t to)
{
    uint32_t oldest = *newer(l, from);
    uint32_t newest = *older(l, from);
    if (oldest == from)
        return;
    uint32_t next = *newer(l, to);
    *newer(l, newest) = next;
    *older(l, next) = newest;
    *newer(l, to) = oldest;
    *older(l, oldest) = to;
    *newer(l, from) = *older(l, from) = from;
}

static void tick(struct lru *l)
{
    l->left = l->count / LRU_SHARE > 0 ? l->count / LRU_SHARE : 1;
    uint32_t clock = clock_of(l) + 1;
    atomic_store_explicit(&l->clock, clock, memory_order_relaxed);
    for (unsigned g = 0; g < POLICY_GROUPS; g++) {
        if (clock - l->first[g] < LRU_TICKS)
            continue;
        join(l, list_of(g, l->first[g]), list_of(g, l->first[g] + 1));
        l->first[g]++;
    }
}

static void lru_insert(struct policy *p, uint32_t handle, enum policy_group group)
{
    struct lru *l = lru_of(p);
    uint32_t clock = clock_of(l);
    set_stamp(store__at(l->store, handle), clock);
    append(l, list_of(group, clock), handle);
    l->count++;
    if (--l->left == 0)
        tick(l);
}

static void lru_remove(struct policy *p, uint32_t handle)
{
    struct lru *l = lru_of(p);
    unlink(l, handle);
    l->count--;
}

static void lru_use(struct policy *p, struct entry *e)
{
    uint32_t clock = clock_of(lru_of(p));
    if (stamp_of(e) != clock)
        set_stamp(e, clock);
}

static void lru_move(struct policy *p, uint32_t from, uint32_t to)
{
    struct lru *l = lru_of(p);
    (void)from;
    *older(l, *newer(l, to)) = to;
    *newer(l, *older(l, to)) = to;
}

/* The least recently used of a group, with the order mended on the way; 0 when it is empty. */
static uint32_t last_of(struct lru *l, unsigned group)
{
    unsigned looks = 0;
    for (;;) {
        uint32_t list = list_of(group, l->first[group]);
        uint32_t handle = *newer(l, list);
        if (handle == list) {
            if (l->first[group] == clock_of(l))
                return 0;
            l->first[group]++;
            continue;
        }
        uint32_t stamp = stamp_of(store__at(l->store, handle));
        if ((int32_t)(stamp - l->first[group]) <= 0 || looks++ == LRU_LOOKS)
            return handle;
        unlink(l, handle);
        append(l, list_of(group, stamp), handle);
    }
}

static uint32_t lru_victim(struct policy *p, unsigned groups)
{
    struct lru *l = lru_of(p);
    uint32_t best = 0;
    uint32_t age = 0;
    for (unsigned g = 0; g < POLICY_GROUPS; g++) {
        uint32_t handle = groups & 1u << g ? last_of(l, g) : 0;
        if (handle != 0 && (best == 0 || clock_of(l) - l->first[g] > age)) {
            best = handle;
            age = clock_of(l) - l->first[g];
        }
    }
    return best;
}

const struct policy_ops policy_lru = {
    .name = "lru",
    .new = lru_new,
    .free = lru_free,
    .insert = lru_insert,
    .remove = lru_remove,
    .use = lru_use,
    .move = lru_move,
    .victim = lru_victim,
};
