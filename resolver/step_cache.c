/* The first steps: what can be answered without asking anybody. */
#include <string.h>

#include "resolver/classify.h"

/* ---- check_local --------------------------------------------------------------------------------
 */

/* Built-in records hold their TTL as expiry; the answer bears the name that was asked. */
static enum err push_local(struct lookup *l, struct rrsets *list, const struct rrset *set,
                           bool rename)
{
    struct rrset *own = arena_copy(&l->arena, set, sizeof *set);
    if (!own)
        return ERR_NOMEM;
    own->expiry = l->r->now + set->expiry;
    if (rename)
        own->owner = l->key.name;
    return rrsets_push(&l->arena, list, own);
}

/* Who names servers for a zone wants them asked, were it a built-in one (RFC 6303 §3). */
static bool in_stub(const struct lookup *l)
{
    const struct resolver_options *o = l->r->options;
    for (size_t i = 0; i < o->stub_count; i++)
        if (*o->stubs[i].name && name_at_or_below(l->key.name, o->stubs[i].name))
            return true;
    return false;
}

enum next step_check_local(struct lookup *l, const struct event *e)
{
    (void)e;
    struct special_answer found = {.kind = SPECIAL_NONE};
    if (l->r->options->special && !(l->key.flags & LOOKUP_PRIME) && !in_stub(l))
        special_find(l->r->options->special, l->key.name, l->key.type, &found);
    if (found.kind == SPECIAL_NONE) {
        l->step = STEP_CHECK_CACHE;
        return NEXT_STEP;
    }
    struct result *res = &l->result;
    bool positive = found.kind == SPECIAL_ANSWER;
    res->rcode = found.kind == SPECIAL_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
    res->source = SOURCE_LOCAL;
    for (unsigned i = 0; i < found.count; i++)
        if (push_local(l, positive ? &res->answer : &res->authority, found.records[i], positive))
            return lookup__fail(l, REASON_WORK_SIZE);
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

/* ---- check_cache --------------------------------------------------------------------------------
 */

static enum err push_copy(struct lookup *l, struct rrsets *list, const struct rrset *set)
{
    struct rrset *copy = rrset_copy(&l->arena, set);
    return copy ? rrsets_push(&l->arena, list, copy) : ERR_NOMEM;
}

static enum next answer_from_cache(struct lookup *l)
{
    l->result.source = SOURCE_CACHE;
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

static enum next alias_from_cache(struct lookup *l, const struct rrset *cname)
{
    l->result.source = SOURCE_CACHE;
    if (push_copy(l, &l->result.answer, cname))
        return lookup__fail(l, REASON_WORK_SIZE);
    return lookup__follow(l, l->result.answer.at[0]->rdata + 2, 1);
}

static enum next denial_from_cache(struct lookup *l, const struct negative *n)
{
    l->result.rcode = n->nxdomain ? RCODE_NXDOMAIN : RCODE_NOERROR;
    for (unsigned i = 0; i < n->count; i++)
        if (push_copy(l, &l->result.authority, &n->authority[i]))
            return lookup__fail(l, REASON_WORK_SIZE);
    return answer_from_cache(l);
}

static bool get_rrset(struct lookup *l, uint16_t type, struct rrset *out)
{
    return cache_get_rrset(l->r->config.cache, l->key.name, type, l->r->now, out) == CACHE_HIT &&
           out->trust >= TRUST_ANSWER;
}

enum next step_check_cache(struct lookup *l, const struct event *e)
{
    (void)e;
    struct resolver *r = l->r;
    struct rrset set;
    struct negative negative;
    struct failure failure;
    l->step = STEP_FIND_CUT;
    if (l->key.flags & LOOKUP_PRIME)
        return NEXT_STEP;
    if (l->key.type != TYPE_ANY && get_rrset(l, l->key.type, &set)) {
        if (push_copy(l, &l->result.answer, &set))
            return lookup__fail(l, REASON_WORK_SIZE);
        return answer_from_cache(l);
    }
    if (alias_hides(l->key.type) && get_rrset(l, TYPE_CNAME, &set))
        return alias_from_cache(l, &set);
    if (!cache_get_negative(r->config.cache, l->key.name, l->key.type, r->now, &negative))
        return denial_from_cache(l, &negative);
    enum cache_miss miss =
        cache_get_failure(r->config.cache, l->key.name, l->key.type, r->now, &failure);
    if (miss && (l->key.flags & LOOKUP_CACHED))
        return lookup__fail(l, REASON_NOT_CACHED);
    l->had_failure = miss == MISS_EXPIRED;
    if (!miss) {
        l->result.from_failure_cache = true;
        return lookup__fail(l, (enum reason)failure.reason);
    }
    return NEXT_STEP;
}
