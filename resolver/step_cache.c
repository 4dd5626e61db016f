/* The first steps: what can be answered without asking anybody. */
#include <string.h>

#include "resolver/chain.h"
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

/* What has its verdict, or needs none, is taken as it is; the rest goes the way of a reply. */
static enum next take_from_cache(struct lookup *l, const struct classified *c, uint8_t security)
{
    l->lead.found = arena_copy(&l->arena, c, sizeof *c);
    l->lead.reply = NULL;
    if (!l->lead.found)
        return lookup__fail(l, REASON_WORK_SIZE);
    l->result.source = SOURCE_CACHE;
    l->result.security = security;
    l->chain.response = NULL;
    if (chain_wanted(l) && security == SECURITY_UNCHECKED) {
        l->step = STEP_VALIDATE;
        return NEXT_STEP;
    }
    l->result.answer = c->answer;
    l->result.authority = c->denial;
    l->result.rcode = c->kind == REPLY_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
    if (c->kind == REPLY_ALIAS)
        return lookup__follow(l, c->last, 1);
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

static enum next set_from_cache(struct lookup *l, const struct rrset *set)
{
    bool alias = set->type == TYPE_CNAME && l->key.type != TYPE_CNAME;
    struct classified c = {.kind = alias ? REPLY_ALIAS : REPLY_ANSWER, .last = l->key.name};
    if (push_copy(l, &c.answer, set))
        return lookup__fail(l, REASON_WORK_SIZE);
    if (alias)
        c.last = c.answer.at[0]->rdata + 2;
    return take_from_cache(l, &c, set->security);
}

static enum next denial_from_cache(struct lookup *l, const struct negative *n)
{
    struct classified c = {.kind = n->nxdomain ? REPLY_NXDOMAIN : REPLY_NODATA,
                           .last = l->key.name};
    for (unsigned i = 0; i < n->count; i++)
        if (push_copy(l, &c.denial, &n->authority[i]))
            return lookup__fail(l, REASON_WORK_SIZE);
    if (l->key.type == TYPE_DS && n->security == SECURITY_SECURE)
        l->result.delegation = chain_is_cut(l, l->key.name, n);
    return take_from_cache(l, &c, n->security);
}

/* A denial that a referral brought has no SOA: it serves those who validate, no client who wants to
 * see it, be it behind an alias. */
static bool may_show(const struct lookup *l, const struct negative *n)
{
    for (unsigned i = 0; i < n->count; i++)
        if (n->authority[i].type == TYPE_SOA)
            return true;
    return chain_alone(l);
}

static bool get_rrset(struct lookup *l, uint16_t type, struct rrset *out)
{
    return cache_get_rrset(l->r->config.cache, l->key.name, type, l->r->now, out) == CACHE_HIT &&
           out->trust >= TRUST_ANSWER;
}

/*
 * DS lies with the parent of a cut; an alias that stands there is the child's, and some zones have
 * one at their apex (RFC 4035 §4.2). Whose an insecure one is does not show once the delegation has
 * expired, so it is asked for.
 */
static bool get_alias(struct lookup *l, struct rrset *out)
{
    struct delegation cut;
    if (!alias_hides(l->key.type) || !get_rrset(l, TYPE_CNAME, out))
        return false;
    if (l->key.type != TYPE_DS)
        return true;
    return out->security != SECURITY_INSECURE &&
           cache_get_delegation(l->r->config.cache, l->key.name, l->r->now, &cut) != CACHE_HIT;
}

enum next step_check_cache(struct lookup *l, const struct event *e)
{
    (void)e;
    struct resolver *r = l->r;
    struct rrset set;
    struct negative negative;
    struct failure failure;
    l->step = STEP_FIND_CUT;
    if (l->key.flags & (LOOKUP_PRIME | LOOKUP_FRESH))
        return NEXT_STEP;
    if (l->key.type != TYPE_ANY && get_rrset(l, l->key.type, &set))
        return set_from_cache(l, &set);
    if (get_alias(l, &set))
        return set_from_cache(l, &set);
    if (!cache_get_negative(r->config.cache, l->key.name, l->key.type, r->now, &negative) &&
        may_show(l, &negative))
        return denial_from_cache(l, &negative);
    enum cache_miss miss =
        cache_get_failure(r->config.cache, l->key.name, l->key.type, r->now, &failure);
    if (miss && (l->key.flags & LOOKUP_CACHED))
        return lookup__fail(l, REASON_NOT_CACHED);
    if (!miss && clock_doubts(r, (enum reason)failure.reason))
        miss = MISS_EXPIRED;
    l->had_failure = miss == MISS_EXPIRED;
    /* What does not validate is what a client with CD wants to see. */
    if (!miss && !((l->key.flags & LOOKUP_CD) && chain_is_bogus((enum reason)failure.reason))) {
        l->result.from_failure_cache = true;
        return lookup__fail(l, (enum reason)failure.reason);
    }
    return NEXT_STEP;
}
