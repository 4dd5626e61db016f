/*
 * Where the walk begins: the deepest zone on the way to the name whose servers we know. Delegations
 * are known from the parent's side only, so that a child can't prolong its own life. The root's
 * come from priming (step_root.c).
 */
#include <string.h>

#include "base/must.h"
#include "resolver/aggressive.h"
#include "resolver/lookup.h"

enum { PASSED_LEVELS = 16 }; /* deeper than anything real: the rest begins at the root */

static const char *cut_text(enum cut_kind kind)
{
    static const char *const text[] = {
        [CUT_LEARNED] = "known", [CUT_STUB] = "stub zone", [CUT_FORWARD] = "forward zone"};
    return text[kind];
}

/*
 * A cut that the cache may drop before the transaction ends (find_passed()); the cache has the
 * others. Without memory it is forgotten, as the cache may forget one.
 */
static void note_passed(struct lookup *l)
{
    struct walk *w = &l->walk;
    if (w->kind != CUT_LEARNED || w->cut->expiry > l->r->now + LIMIT_TIME_MS / 1000 ||
        l->key.flags & LOOKUP_PRIME)
        return;
    struct passed *p = arena_alloc(&l->arena, sizeof *p);
    if (!p)
        return;
    *p = (struct passed){.cut = w->cut, .before = w->passed};
    w->passed = p;
}

enum next cut_enter(struct lookup *l)
{
    note_passed(l);
    switch (aggressive_answers(l)) {
    case AGGRESSIVE_ANSWER:
        l->step = STEP_ANSWER;
        return NEXT_STEP;
    case AGGRESSIVE_ALIAS:
        return lookup__follow(l, l->result.answer.at[0]->rdata + 2, 1);
    case AGGRESSIVE_NOTHING:
        break;
    }
    servers_collect(l);
    minimise_first(l);
    l->step = STEP_CHOOSE_SERVER;
    return NEXT_STEP;
}

enum next cut_start(struct lookup *l, struct delegation *cut, enum cut_kind kind)
{
    if (!cut)
        return lookup__fail(l, REASON_WORK_SIZE);
    servers_drop_children(l);
    flow_leave_zone(l);
    l->walk.cut = cut;
    l->walk.kind = kind;
    l->walk.fresh = false;
    if (lookup__watched(l))
        lookup__tell(l, (struct traced_event){
                            .kind = TRACED_CUT, .zone = cut->zone, .what = cut_text(kind)});
    return cut_enter(l);
}

static struct delegation *configured_delegation(struct lookup *l, const struct stub_zone *stub)
{
    struct delegation d = {.zone = stub->name, .expiry = UINT32_MAX, .ns_count = 1};
    d.ns[0] = stub->name;
    for (size_t i = 0; i < stub->server_count && d.address_count < DELEGATION_ADDRESS_MAX; i++)
        d.address[d.address_count++] = (struct delegation_address){.ns = 0, .at = stub->servers[i]};
    return delegation_copy(&l->arena, &d);
}

static const struct stub_zone *find_stub(const struct lookup *l, const uint8_t *zone)
{
    const struct resolver_options *o = l->r->options;
    const struct stub_zone *found = NULL;
    for (size_t i = 0; i < o->stub_count; i++) {
        const struct stub_zone *s = &o->stubs[i];
        if (!name_equal(s->name, zone) || s->prime || (s->forward && l->walk.forward_over))
            continue;
        if (s->forward)
            return s;
        found = s;
    }
    return found;
}

/* The forward zone that decides for the name: the deepest configured zone that encloses it, if it
 * is one. */
static const struct stub_zone *find_forward(const struct lookup *l, const uint8_t *at)
{
    for (;; at = name_skip(at, 1)) {
        const struct stub_zone *zone = find_stub(l, at);
        if (zone)
            return zone->forward ? zone : NULL;
        if (!*at)
            return NULL;
    }
}

static enum next forward(struct lookup *l, const struct stub_zone *zone)
{
    l->walk.may_iterate = zone->first;
    return cut_start(l, configured_delegation(l, zone), CUT_FORWARD);
}

/* A DNAME in the cache above the name: its CNAME is made anew for this name (RFC 6672 §3.1). */
static enum next alias_by_dname(struct lookup *l, const struct rrset *dname)
{
    uint8_t target[NAME_MAX_WIRE];
    struct rrset_builder b;
    struct rrset *own = rrset_copy(&l->arena, dname);
    if (!own || rrsets_push(&l->arena, &l->result.answer, own))
        return lookup__fail(l, REASON_WORK_SIZE);
    l->result.source = SOURCE_CACHE;
    l->result.security = dname->security;
    if (name_replace(l->key.name, own->owner, own->rdata + 2, target)) {
        l->result.rcode = RCODE_YXDOMAIN;
        l->step = STEP_ANSWER;
        return NEXT_STEP;
    }
    if (rrset_build(&b, &l->arena, l->key.name, TYPE_CNAME, own->expiry) ||
        rrset_add(&b, target, (uint16_t)name_size(target)))
        return lookup__fail(l, REASON_WORK_SIZE);
    const struct rrset *cname = rrset_finish(&b);
    if (rrsets_push(&l->arena, &l->result.answer, cname))
        return lookup__fail(l, REASON_WORK_SIZE);
    if (l->key.type == TYPE_CNAME) { /* it is the answer */
        l->step = STEP_ANSWER;
        return NEXT_STEP;
    }
    return lookup__follow(l, cname->rdata + 2, 1);
}

/*
 * Can any of its servers be reached without asking the zone itself? One whose names all lie within
 * it and came without glue cannot: the parent is asked again, which may know the glue by now or for
 * another question.
 */
static bool leads_on(struct lookup *l, const struct delegation *d)
{
    struct cache *cache = l->r->config.cache;
    struct rrset set;
    if (d->address_count)
        return true;
    for (unsigned i = 0; i < d->ns_count; i++)
        if (!name_at_or_below(d->ns[i], d->zone) ||
            !cache_get_rrset(cache, d->ns[i], TYPE_A, l->r->now, &set) ||
            !cache_get_rrset(cache, d->ns[i], TYPE_AAAA, l->r->now, &set))
            return true;
    return false;
}

/* Is what we know of the servers of the zone `at` any good? */
static bool wanted(const struct lookup *l, const uint8_t *at)
{
    return !l->walk.above || name_below(l->walk.above, at);
}

/*
 * The deepest zone above `at` that was passed in the transaction in progress: by this lookup, by
 * the one that needed it first, and so on. A delegation with a TTL of a few seconds or none serves
 * that transaction even when the cache does not have it any more (RFC 1035 §3.2.1). Otherwise each
 * address and each key that it needs would begin at the root again, and where many such delegations
 * follow each other a query would spend its budget on the way.
 */
static const struct delegation *find_passed(struct lookup *l, const uint8_t *at)
{
    const struct delegation *best = NULL;
    const struct lookup *who = l;
    for (unsigned level = 0; level < PASSED_LEVELS; level++) {
        for (const struct passed *p = who->walk.passed; p; p = p->before)
            if (name_at_or_below(at, p->cut->zone) && wanted(l, p->cut->zone) &&
                (!best || name_below(p->cut->zone, best->zone)) && leads_on(l, p->cut))
                best = p->cut;
        if (list_empty(&who->waits.parents))
            break;
        who = CONTAINER_OF(who->waits.parents.next, struct edge, in_child)->parent;
    }
    return best;
}

/*
 * Is there a DNAME known at `at`, above the name? One that is not proven redirects the name it came
 * for only (RFC 6672 §3.4, step_accept.c): a forged one would take a whole tree along.
 */
static bool dname_at(const struct lookup *l, const uint8_t *at, struct rrset *out)
{
    return at != l->key.name && *at &&
           !cache_get_rrset(l->r->config.cache, at, TYPE_DNAME, l->r->now, out) &&
           out->security == SECURITY_SECURE;
}

enum next step_find_cut(struct lookup *l, const struct event *e)
{
    (void)e;
    struct resolver *r = l->r;
    struct delegation found;
    struct rrset dname;
    if (l->key.flags & LOOKUP_PRIME) {
        root_asked(r);
        return cut_start(l, delegation_copy(&l->arena, r->options->hints), CUT_LEARNED);
    }
    /* DS lies on the parent's side of the cut (RFC 4035 §4.2). */
    const uint8_t *at = l->key.name;
    if (l->key.type == TYPE_DS && *at)
        at = name_skip(at, 1);
    const struct stub_zone *to = find_forward(l, at);
    const struct delegation *passed = to ? NULL : find_passed(l, at);
    for (;; at = name_skip(at, 1)) {
        if (dname_at(l, at, &dname))
            return alias_by_dname(l, &dname);
        if (to && name_equal(to->name, at))
            return forward(l, to);
        const struct stub_zone *stub = find_stub(l, at);
        if (stub)
            return cut_start(l, configured_delegation(l, stub), CUT_STUB);
        if (!to && wanted(l, at) && !cache_get_delegation(r->config.cache, at, r->now, &found) &&
            leads_on(l, &found)) {
            struct delegation *cut = delegation_copy(&l->arena, &found);
            if (!*at)
                root_refresh(r, &found);
            return cut_start(l, cut, CUT_LEARNED);
        }
        if (passed && name_equal(passed->zone, at))
            return cut_start(l, delegation_copy(&l->arena, passed), CUT_LEARNED);
        if (!*at)
            break;
    }
    if (r->options->prime)
        return root_need(l);
    return cut_start(l, delegation_copy(&l->arena, r->options->hints), CUT_LEARNED);
}
