/* Lookups: found or made by their question, run step by step, ended, freed. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "resolver/chain.h"
#include "resolver/lookup.h"

enum { LOOKUP_MAGIC = 0x6c6f6f6b };

const struct step lookup__steps[STEP_COUNT] = {
#define X(name, function, text) {#function, step_##function},
#include "resolver/steps.def"
#undef X
};

enum err rrsets_push(struct arena *a, struct rrsets *list, const struct rrset *set)
{
    if (list->count == list->capacity) {
        unsigned capacity = list->capacity ? list->capacity * 2 : 4;
        const struct rrset **at = arena_calloc(a, capacity, sizeof(struct rrset *));
        if (!at)
            return ERR_NOMEM;
        if (list->count)
            memcpy(at, list->at, list->count * sizeof(struct rrset *));
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = set;
    return OK;
}

enum err lookup__key(struct key_draft *d, const uint8_t *name, uint16_t type, uint8_t flags)
{
    size_t size = name_lower(d->name, name);
    if (size > NAME_MAX_WIRE)
        return ERR_FORMAT;
    d->key =
        (struct lookup_key){.name = d->name, .size = (uint8_t)size, .flags = flags, .type = type};
    return OK;
}

static uint64_t key_hash(const struct resolver *r, const struct lookup_key *key)
{
    uint8_t bytes[NAME_MAX_WIRE + 3];
    memcpy(bytes, key->name, key->size);
    store_u16(bytes + key->size, key->type);
    bytes[key->size + 2] = key->flags;
    return hash_bytes(&r->config.key, bytes, key->size + 3U);
}

static bool key_equal(const struct lookup_key *a, const struct lookup_key *b)
{
    return a->type == b->type && a->flags == b->flags && a->size == b->size &&
           !memcmp(a->name, b->name, a->size);
}

/* Doubles the table when it is full; staying as it was only makes chains longer. */
static void grow_table(struct resolver *r)
{
    size_t count = r->bucket_count * 2;
    struct lookup **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < r->bucket_count; i++) {
        while (r->buckets[i]) {
            struct lookup *l = r->buckets[i];
            r->buckets[i] = l->bucket_next;
            l->bucket_next = buckets[l->hash & (count - 1)];
            buckets[l->hash & (count - 1)] = l;
        }
    }
    free(r->buckets);
    r->buckets = buckets;
    r->bucket_count = count;
}

static struct lookup *lookup_new(struct resolver *r, const struct lookup_key *key, unsigned depth)
{
    struct arena arena;
    arena_init(&arena, r->config.work);
    struct lookup *l = arena_calloc(&arena, 1, sizeof *l + key->size);
    if (!l) {
        arena_deinit(&arena);
        return NULL;
    }
    l->magic = LOOKUP_MAGIC;
    l->r = r;
    l->arena = arena;
    arena_init(&l->reply, r->config.work);
    l->key = *key;
    l->verdicts = r->clock.verdicts;
    l->key.name = memcpy(l->name, key->name, key->size);
    l->waits.depth = (uint8_t)depth;
    l->system_packets = LIMIT_PRIME_PACKETS;
    l->step = STEP_CHECK_LOCAL;
    l->exchange = &l->exchanges[0];
    list_init(&l->ready);
    flow_init(&l->stay);
    list_init(&l->waits.clients);
    list_init(&l->waits.parents);
    list_init(&l->waits.children);
    return l;
}

enum err lookup__get(struct resolver *r, const struct lookup_key *key, unsigned depth,
                     struct lookup **out, bool *made)
{
    uint64_t hash = key_hash(r, key);
    *made = false;
    for (struct lookup *l = r->buckets[hash & (r->bucket_count - 1)]; l; l = l->bucket_next) {
        if (l->hash == hash && !l->cancelled && key_equal(&l->key, key)) {
            /* Who comes by a shorter way is not bound by another's depth. */
            if (depth < l->waits.depth)
                l->waits.depth = (uint8_t)depth;
            *out = l;
            return OK;
        }
    }
    struct lookup *l = lookup_new(r, key, depth);
    if (!l)
        return ERR_NOMEM;
    if (r->lookup_count >= r->bucket_count)
        grow_table(r);
    l->hash = hash;
    l->number = ++r->numbers;
    l->bucket_next = r->buckets[hash & (r->bucket_count - 1)];
    r->buckets[hash & (r->bucket_count - 1)] = l;
    r->lookup_count++;
    r->counters.lookups++;
    lookup__wake(l, EVENT_START);
    *out = l;
    *made = true;
    return OK;
}

static void table_remove(struct lookup *l)
{
    struct resolver *r = l->r;
    struct lookup **at = &r->buckets[l->hash & (r->bucket_count - 1)];
    while (*at != l) {
        MUST(*at);
        at = &(*at)->bucket_next;
    }
    *at = l->bucket_next;
    r->lookup_count--;
}

void lookup__wake(struct lookup *l, enum event_kind kind)
{
    MUST(l->magic == LOOKUP_MAGIC);
    /* What an exchange said is not overwritten by a child's end or a timer of the same moment. */
    if (!(kind == EVENT_CHILD && !list_empty(&l->ready)))
        l->event.kind = kind;
    if (list_empty(&l->ready))
        list_append(&l->r->ready, &l->ready);
}

void lookup__check_orphan(struct lookup *l)
{
    /* Priming is everybody's: it goes on without them. */
    if (l->cancelled || (l->key.flags & LOOKUP_PRIME) || !list_empty(&l->waits.clients) ||
        !list_empty(&l->waits.parents))
        return;
    lookup__cancel(l);
}

void lookup__cancel(struct lookup *l)
{
    l->cancelled = true;
    if (list_empty(&l->ready))
        list_append(&l->r->ready, &l->ready);
}

enum err lookup__timer(struct lookup *l, uint64_t at_ms)
{
    heap_remove(&l->r->timers, &l->timer.node);
    return heap_insert(&l->r->timers, &l->timer.node, at_ms);
}

enum next lookup__fail(struct lookup *l, enum reason reason)
{
    /* What we would have to ask others for is refused; that is no failure (RFC 8914 §4.21). */
    l->result.rcode = reason == REASON_NOT_CACHED ? RCODE_REFUSED : RCODE_SERVFAIL;
    l->r->counters.limit_aliases += reason == REASON_ALIAS_CHAIN;
    l->r->counters.limit_timeouts +=
        reason == REASON_ALL_SILENT && l->walk.faults[FAULT_SILENT] >= l->walk.timeouts_most;
    l->result.reason = reason;
    l->result.answer.count = l->result.authority.count = l->result.additional.count = 0;
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

enum next lookup__follow(struct lookup *l, const uint8_t *target, unsigned aliases)
{
    if (chain_ends_here(l)) {
        l->step = STEP_ANSWER;
        return NEXT_STEP;
    }
    /* Nobody left who can pay: the lookup is on the queue to be cancelled. */
    if (!waits_charge(l, CHARGE_ALIASES, aliases))
        return NEXT_WAIT;
    l->lead.target = target;
    l->step = STEP_FOLLOW_ALIAS;
    return NEXT_STEP;
}

struct outcome lookup__outcome(const struct lookup *l)
{
    const struct result *result = &l->result;
    return (struct outcome){
        .rcode = result->rcode,
        .security = clock_grace(l->r) ? SECURITY_INDETERMINATE : result->security,
        .reason = result->reason,
        .why = result->why,
        .from_failure_cache = result->from_failure_cache,
        .source = result->source,
        .keep_until = clock_overtook(l) ? 0 : l->r->clock.next_change,
        .answer = result->answer.at,
        .answer_count = result->answer.count,
        .authority = result->authority.at,
        .authority_count = result->authority.count,
        .additional = result->additional.at,
        .additional_count = result->additional.count,
    };
}

static enum err copy_sets(struct arena *a, struct rrsets *to, const struct rrsets *from)
{
    for (unsigned i = 0; i < from->count; i++) {
        struct rrset *copy = rrset_copy(a, from->at[i]);
        if (!copy || rrsets_push(a, to, copy))
            return ERR_NOMEM;
    }
    return OK;
}

/* Copies what the parent needs of the child's result; the child's arena goes with it. */
static void tell_alias(struct lookup *parent, const struct result *from)
{
    struct result *to = &parent->result;
    to->rcode = from->rcode;
    to->reason = from->reason;
    to->from_failure_cache = from->from_failure_cache;
    to->security = to->security < from->security ? to->security : from->security;
    to->why = to->why ? to->why : from->why;
    if (from->source == SOURCE_RESOLVED ||
        (from->source == SOURCE_DENIALS && to->source != SOURCE_RESOLVED))
        to->source = from->source;
    if (copy_sets(&parent->arena, &to->answer, &from->answer) ||
        copy_sets(&parent->arena, &to->authority, &from->authority) ||
        copy_sets(&parent->arena, &to->additional, &from->additional)) {
        to->rcode = RCODE_SERVFAIL;
        to->reason = REASON_WORK_SIZE;
    }
}

static void tell_address(struct edge *e, const struct result *from)
{
    e->reason = from->reason;
    e->nxdomain = from->rcode == RCODE_NXDOMAIN;
    for (unsigned i = 0; i < from->answer.count; i++) {
        const struct rrset *set = from->answer.at[i];
        unsigned size = set->type == TYPE_A ? 4 : set->type == TYPE_AAAA ? 16 : 0;
        struct rrset_iter it = rrset_records(set);
        while (size && e->address_count < EDGE_ADDRESSES && rrset_next(&it)) {
            struct endpoint *at = &e->address[e->address_count++];
            at->family = size == 4 ? 4 : 6;
            at->port = DNS_PORT;
            memcpy(at->bytes, it.rdata, size);
        }
    }
}

static void tell_parents(struct lookup *l)
{
    struct list *node;
    while ((node = list_shift(&l->waits.parents))) {
        struct edge *e = CONTAINER_OF(node, struct edge, in_child);
        e->child = NULL;
        e->reason = l->result.reason;
        if (e->kind == EDGE_ALIAS)
            tell_alias(e->parent, &l->result);
        else if (e->kind == EDGE_ADDRESS)
            tell_address(e, &l->result);
        else if (e->kind == EDGE_CHAIN)
            chain_learn(e->parent, l);
        lookup__wake(e->parent, EVENT_CHILD);
    }
}

static void tell_clients(struct lookup *l)
{
    struct outcome o = lookup__outcome(l);
    struct list *node;
    if (sentinel_refuses(l))
        o = (struct outcome){.rcode = RCODE_SERVFAIL, .reason = REASON_SENTINEL};
    while ((node = list_shift(&l->waits.clients))) {
        struct client *c = CONTAINER_OF(node, struct client, link);
        heap_remove(&l->r->timers, &c->timer.node);
        list_remove(&c->age);
        c->lookup = NULL;
        c->done(c, &o);
    }
}

void lookup__back_off(struct resolver *r, const uint8_t *name, uint16_t type, enum reason reason)
{
    struct failure f = {0};
    if (cache_get_failure(r->config.cache, name, type, r->now, &f) != MISS_EXPIRED)
        f.attempts = 0;
    uint32_t wait = (uint32_t)LIMIT_FAILURE_MIN_S << (f.attempts < 9 ? f.attempts : 9);
    f.expiry = r->now + (wait > LIMIT_FAILURE_MAX_S ? LIMIT_FAILURE_MAX_S : wait);
    f.attempts = (uint8_t)(f.attempts < UINT8_MAX ? f.attempts + 1 : UINT8_MAX);
    f.reason = (uint16_t)reason;
    cache_put_failure(r->config.cache, name, type, &f, r->now);
}

/* Remembers a failure that servers caused. */
static void note_failure(struct lookup *l)
{
    struct resolver *r = l->r;
    const struct result *res = &l->result;
    if (res->rcode != RCODE_SERVFAIL) {
        if (l->had_failure)
            cache_forget_failure(r->config.cache, l->key.name, l->key.type);
        return;
    }
    if (!res->from_failure_cache && reason_cached(res->reason))
        lookup__back_off(r, l->key.name, l->key.type, res->reason);
}

static void finish(struct lookup *l)
{
    /* From here on nobody can join. */
    l->cancelled = true;
    if (lookup__watched(l))
        lookup__tell(l, (struct traced_event){.kind = TRACED_END,
                                              .name = l->key.name,
                                              .type = l->key.type,
                                              .rcode = l->result.rcode,
                                              .reason = l->result.reason,
                                              .kept = {&l->result.answer, &l->result.authority}});
    if (l->key.flags & LOOKUP_PRIME)
        root_ended(l->r, l->result.reason);
    else
        note_failure(l);
    tell_parents(l);
    tell_clients(l);
    lookup__free(l);
}

void lookup__free(struct lookup *l)
{
    MUST(l->magic == LOOKUP_MAGIC);
    exchange_end_all(l);
    if (l->key.flags & LOOKUP_PRIME)
        l->r->priming.under_way = false;
    flow_leave_line(l);
    flow_leave_zone(l);
    LIST_EACH_SAFE (it, tmp, &l->waits.children)
        waits_drop(CONTAINER_OF(it, struct edge, in_parent));
    struct list *node;
    while ((node = list_shift(&l->waits.parents))) /* all doomed with it (waits.c) */
        CONTAINER_OF(node, struct edge, in_child)->child = NULL;
    heap_remove(&l->r->timers, &l->timer.node);
    list_remove(&l->ready);
    table_remove(l);
    l->magic = 0;
    arena_deinit(&l->reply);
    struct arena arena = l->arena;
    arena_deinit(&arena);
}

void lookup__run(struct lookup *l)
{
    if (l->cancelled) {
        lookup__free(l);
        return;
    }
    struct event event = l->event;
    enum next next;
    do {
        enum step_id at = l->step;
        next = lookup__steps[at].run(l, &event);
        if (lookup__traced(l->r) && l->step != at)
            lookup__trace(l, "step", "from=%s to=%s", lookup__steps[at].name,
                          lookup__steps[l->step].name);
        MUST(next != NEXT_STEP || l->step != at);
    } while (next == NEXT_STEP && !l->cancelled);
    if (l->cancelled)
        lookup__free(l);
    else if (next == NEXT_DONE)
        finish(l);
}
