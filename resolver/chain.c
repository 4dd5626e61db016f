/*
 * What a lookup knows of keys and DS records. The chain of trust is made of questions like any
 * other: each DNSKEY and DS set is a lookup of its own, validated by the same step, shared by all
 * who need it, and cached with its verdict. This file is the glue: where the validator asks, it
 * looks into what the lookup's ended children told, then into the cache; what neither knows becomes
 * a child (step_validate.c).
 */
#include <string.h>

#include "base/must.h"
#include "resolver/classify.h"

bool chain_wanted(const struct lookup *l)
{
    return l->r->options->anchors.count > 0 && !(l->key.flags & (LOOKUP_CD | LOOKUP_PRIME));
}

/* ---- Reasons: the validator's table is part of the resolver's ----------------------------------
 */

enum reason chain_reason(enum why why)
{
    switch (why) {
#define X(name, ede, cached, text)                                                                 \
    case WHY_##name:                                                                               \
        return REASON_##name;
#include "dnssec/reasons.def"
#undef X
    default:
        return REASON_NONE;
    }
}

static enum why why_of(enum reason reason)
{
    switch (reason) {
#define X(name, ede, cached, text)                                                                 \
    case REASON_##name:                                                                            \
        return WHY_##name;
#include "dnssec/reasons.def"
#undef X
    default:
        return WHY_CHAIN_UNKNOWN;
    }
}

bool chain_is_bogus(enum reason reason)
{
    return reason != REASON_NONE && chain_reason(why_of(reason)) == reason;
}

/* ---- From the cache ----------------------------------------------------------------------------
 */

bool chain_is_cut(struct lookup *l, const uint8_t *name, const struct negative *denial)
{
    const struct rrset *sets[NEGATIVE_AUTHORITY_MAX];
    struct dnssec_work work = {.blocks = LIMIT_HASH_BLOCKS_ONCE};
    struct denial_question q = {
        .name = name,
        .type = TYPE_DS,
        .zone = name_root,
        .sets = sets,
        .policy = &l->r->options->dnssec,
        .work = &work,
    };
    struct denial d;
    for (unsigned i = 0; i < denial->count; i++) {
        const struct rrset *set = &denial->authority[i];
        if (set->type == TYPE_SOA || set->security != SECURITY_SECURE)
            continue;
        q.zone = rrset_signer(set);
        sets[q.count++] = set;
    }
    denial_find(&q, &d);
    return d.delegation;
}

static struct known known_set(const struct rrset *set)
{
    switch ((enum security)set->security) {
    case SECURITY_SECURE:
        return (struct known){.kind = KNOWN_SET, .set = set};
    case SECURITY_INSECURE:
    case SECURITY_INDETERMINATE:
        return (struct known){.kind = KNOWN_INSECURE};
    default:
        return (struct known){.kind = KNOWN_NOT};
    }
}

static struct known known_denial(struct lookup *l, const uint8_t *name, uint16_t type,
                                 const struct negative *n)
{
    if (n->security == SECURITY_INSECURE || n->security == SECURITY_INDETERMINATE)
        return (struct known){.kind = KNOWN_INSECURE};
    if (n->security != SECURITY_SECURE)
        return (struct known){.kind = KNOWN_NOT};
    return (struct known){.kind = KNOWN_DENIED,
                          .nowhere = n->nxdomain,
                          .delegation = type == TYPE_DS && chain_is_cut(l, name, n)};
}

/* In place: the validator is done with it before anything is put. */
static struct known known_from_cache(struct lookup *l, const uint8_t *name, uint16_t type)
{
    struct cache *cache = l->r->config.cache;
    struct negative denial;
    struct rrset *set = arena_alloc(&l->arena, sizeof *set);
    if (set && !cache_get_rrset(cache, name, type, l->r->now, set))
        return known_set(set);
    if (!cache_get_negative(cache, name, type, l->r->now, &denial))
        return known_denial(l, name, type, &denial);
    return (struct known){.kind = KNOWN_NOT};
}

struct known chain_known(void *ctx, const uint8_t *name, uint16_t type)
{
    struct lookup *l = ctx;
    for (const struct learned *one = l->chain.learned; one; one = one->next)
        if (one->type == type && name_equal(one->name, name))
            return one->known;
    return known_from_cache(l, name, type);
}

/* ---- From children -----------------------------------------------------------------------------
 */

static const struct rrset *set_of(const struct lookup *l)
{
    const struct rrsets *answer = &l->result.answer;
    for (unsigned i = 0; i < answer->count; i++)
        if (answer->at[i]->type == l->key.type && name_equal(answer->at[i]->owner, l->key.name))
            return answer->at[i];
    return NULL;
}

/*
 * Has the name an alias that is secure? Then it is no cut, and has neither keys nor DS records. How
 * secure the alias's target is says nothing of that: who strips a signed record of such a name
 * would otherwise have it pass for insecure as soon as the target is. So the target is not even
 * asked for when nobody else wants it.
 */
static bool is_secure_alias(const struct lookup *l)
{
    const struct rrsets *answer = &l->result.answer;
    for (unsigned i = 0; i < answer->count; i++) {
        const struct rrset *set = answer->at[i];
        if (set->type == TYPE_CNAME && name_equal(set->owner, l->key.name))
            return set->security == SECURITY_SECURE;
    }
    return false;
}

bool chain_alone(const struct lookup *l)
{
    LIST_EACH (it, &l->waits.parents)
        if (CONTAINER_OF(it, struct edge, in_child)->kind != EDGE_CHAIN)
            return false;
    return list_empty(&l->waits.clients);
}

bool chain_ends_here(const struct lookup *l)
{
    return chain_alone(l) && is_secure_alias(l);
}

static struct known known_of(struct lookup *parent, const struct lookup *child)
{
    const struct result *res = &child->result;
    const struct rrset *set = set_of(child);
    if (res->reason || res->rcode == RCODE_SERVFAIL)
        return (struct known){.kind = KNOWN_FAILED, .why = why_of(res->reason)};
    if (is_secure_alias(child))
        return (struct known){.kind = KNOWN_DENIED};
    if (res->security != SECURITY_SECURE)
        return (struct known){.kind = KNOWN_INSECURE, .why = res->why};
    if (!set)
        return (struct known){.kind = KNOWN_DENIED,
                              .delegation = res->delegation,
                              .nowhere = res->rcode == RCODE_NXDOMAIN};
    set = rrset_copy(&parent->arena, set);
    if (!set)
        return (struct known){.kind = KNOWN_FAILED, .why = WHY_CHAIN_UNKNOWN};
    return (struct known){.kind = KNOWN_SET, .set = set};
}

void chain_learn(struct lookup *parent, const struct lookup *child)
{
    struct learned *one = arena_alloc(&parent->arena, sizeof *one);
    const uint8_t *name = arena_copy(&parent->arena, child->key.name, child->key.size);
    if (!one || !name)
        return; /* asked for again, and then it is in the cache; or the arena ends it */
    *one = (struct learned){.next = parent->chain.learned,
                            .name = name,
                            .type = child->key.type,
                            .known = known_of(parent, child)};
    parent->chain.learned = one;
}

/* ---- From referrals ----------------------------------------------------------------------------
 */

static const struct rrset *find_ds(const struct message *m, const uint8_t *zone)
{
    const struct rrset_array *authority = &m->section[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++)
        if (authority->at[i]->type == TYPE_DS && name_equal(authority->at[i]->owner, zone))
            return authority->at[i];
    return NULL;
}

static void keep_denial(struct lookup *l, const struct message *m, const struct delegation *d)
{
    const struct rrset_array *authority = &m->section[SECTION_AUTHORITY];
    struct negative n = {.expiry = d->expiry};
    for (size_t i = 0; i < authority->count && n.count < NEGATIVE_AUTHORITY_MAX; i++) {
        const struct rrset *set = authority->at[i];
        if ((set->type != TYPE_NSEC && set->type != TYPE_NSEC3) ||
            !name_at_or_below(set->owner, l->walk.cut->zone))
            continue;
        n.expiry = set->expiry < n.expiry ? set->expiry : n.expiry;
        n.authority[n.count++] = *set;
    }
    if (n.count)
        cache_put_negative(l->r->config.cache, d->zone, TYPE_DS, &n, l->r->now);
}

/*
 * A parent that signs sends along with a referral what it would answer to DS (RFC 4035 §3.1.4): one
 * message less for whoever validates. Unchecked as yet; the DS lookup that finds it in the cache
 * checks it.
 */
void chain_keep_referral(struct lookup *l, const struct message *m, const struct delegation *d)
{
    struct rrset known;
    struct negative denial;
    struct cache *cache = l->r->config.cache;
    if (l->r->options->anchors.count == 0 || l->walk.kind == CUT_FORWARD)
        return;
    /* What has been validated already is not to be replaced by what has not. */
    if ((!cache_get_rrset(cache, d->zone, TYPE_DS, l->r->now, &known) && known.security) ||
        (!cache_get_negative(cache, d->zone, TYPE_DS, l->r->now, &denial) && denial.security))
        return;
    const struct rrset *ds = find_ds(m, d->zone);
    if (!ds) {
        keep_denial(l, m, d);
        return;
    }
    struct rrset own = *ds;
    uint32_t most = l->r->now + l->r->options->ttl_max;
    own.expiry = own.expiry < most ? own.expiry : most;
    own.trust = TRUST_ANSWER;
    cache_put_rrset(cache, &own, l->r->now);
}
