/*
 * Taking over what was found, in a reply or in the cache, once it may be believed: into the cache,
 * into the result, and along an alias.
 */
#include <string.h>

#include "base/must.h"
#include "resolver/chain.h"
#include "resolver/classify.h"

/* A wildcard's records under another name: worth nothing to a validating client without their
 * proof. */
static bool needs_proof(const struct rrset *set)
{
    return set->security == SECURITY_SECURE && rrset_is_expanded(set);
}

/* A DNAME that is not proven is not kept, but for who asked for itself (RFC 6672 §3.4). */
static bool is_unproven_dname(const struct lookup *l, const struct rrset *set)
{
    return set->type == TYPE_DNAME && l->key.type != TYPE_DNAME && set->security != SECURITY_SECURE;
}

/* The CNAME made of a DNAME, which stands behind it, is believed as the DNAME is. */
static void cache_made_cname(struct lookup *l, const struct rrset *dname, const struct rrset *cname)
{
    struct rrset made = *cname;
    made.trust = dname->trust;
    made.security = dname->security;
    cache_put_rrset(l->r->config.cache, &made, l->r->now);
}

/* What needs a proof is kept with it, in the finished answer, or not at all. */
static void cache_answer_sets(struct lookup *l, const struct classified *c)
{
    for (unsigned i = 0; i < c->answer.count; i++) {
        const struct rrset *set = c->answer.at[i];
        if (!is_unproven_dname(l, set)) {
            if (set->trust >= TRUST_ANSWER && !needs_proof(set))
                cache_put_rrset(l->r->config.cache, set, l->r->now);
        } else if (i + 1 < c->answer.count) {
            cache_made_cname(l, set, c->answer.at[i + 1]);
        }
    }
}

static bool any_needs_proof(const struct rrsets *sets)
{
    for (unsigned i = 0; i < sets->count; i++)
        if (needs_proof(sets->at[i]))
            return true;
    return false;
}

/*
 * Without SOA a denial has no TTL and is not cached (RFC 2308 §5). It is kept as secure as it is
 * itself: by an alias that is not, of a name that somebody made up, a name that is proven to be no
 * cut would pass for one.
 */
static void cache_denial(struct lookup *l, const struct classified *c)
{
    bool passing = clock_grace(l->r) || clock_overtook(l);
    struct negative n = {.nxdomain = c->kind == REPLY_NXDOMAIN,
                         .security = passing           ? SECURITY_UNCHECKED
                                     : chain_wanted(l) ? l->chain.denial
                                                       : l->result.security};
    if (!c->denial.count || l->key.type == TYPE_ANY)
        return;
    n.expiry = c->denial.at[0]->expiry;
    for (unsigned i = 0; i < c->denial.count; i++)
        n.authority[n.count++] = *c->denial.at[i];
    cache_put_negative(l->r->config.cache, c->last, l->key.type, &n, l->r->now);
}

unsigned result_aliases(const struct rrsets *answer, uint16_t qtype)
{
    unsigned n = 0;
    for (unsigned i = 0; i < answer->count; i++)
        n += answer->at[i]->type == TYPE_CNAME && qtype != TYPE_CNAME && qtype != TYPE_ANY;
    return n;
}

static enum next accept_priming(struct lookup *l)
{
    struct asked q = reply_asked(l);
    if (l->lead.found->kind == REPLY_ANSWER)
        root_take(l, l->lead.reply, l->lead.found, &q);
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

/* What goes along with the answer of a server. */
static enum err take_extras(struct lookup *l, const struct classified *c)
{
    struct result *res = &l->result;
    struct asked q = reply_asked(l);
    if (child_servers_note(l, l->lead.reply, &q))
        return ERR_NOMEM;
    if (any_needs_proof(&c->answer))
        res->authority = c->proof;
    if (c->kind != REPLY_ANSWER || !l->r->options->full_responses)
        return OK;
    return reply_extras(&l->arena, l->lead.reply, &q, c, &res->authority, &res->additional);
}

enum next step_accept(struct lookup *l, const struct event *e)
{
    struct result *res = &l->result;
    const struct classified *c = l->lead.found;
    (void)e;
    if (l->key.flags & LOOKUP_PRIME)
        return accept_priming(l);
    cache_answer_sets(l, c);
    res->answer = c->answer;
    unsigned aliases = result_aliases(&c->answer, l->key.type);
    if (l->lead.reply && take_extras(l, c))
        return lookup__fail(l, REASON_WORK_SIZE);
    switch (c->kind) {
    case REPLY_ALIAS_LOOP:
        if (!chain_ends_here(l))
            return lookup__fail(l, REASON_ALIAS_LOOP);
        break;
    case REPLY_ALIAS:
        return lookup__follow(l, c->last, aliases);
    case REPLY_NXDOMAIN:
        res->rcode = RCODE_NXDOMAIN;
        break;
    case REPLY_YXDOMAIN:
        res->rcode = RCODE_YXDOMAIN;
        break;
    default:
        break;
    }
    if (c->kind == REPLY_NXDOMAIN || c->kind == REPLY_NODATA) {
        cache_denial(l, c);
        res->authority = c->denial;
    }
    if (aliases && !waits_charge(l, CHARGE_ALIASES, aliases))
        return NEXT_WAIT;
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}
