/*
 * A walk that has come to a zone looks, before it asks anybody, whether denials of that zone prove
 * the answer: that the name does not exist, or has no such type, or is given by a wildcard. The
 * cache finds for a name the one record that can match or cover it; which records make a proof is
 * the concern of dnssec/denial.c alone, so what is gathered here may be too much, never too
 * credulous: each record was validated as the zone's own when it was kept.
 *
 *     NSEC    the record at or before the name, and that of the wildcard at the closest encloser
 *     NSEC3   the same by hashes: a match for the closest encloser, which is sought from the name
 *             upward, and what covers the next closer name and the wildcard
 *
 * Nothing is kept of a name that was answered so: a flood of names that do not exist must not fill
 * the caches with them.
 */
#include "resolver/aggressive.h"

#include <string.h>

#include "dnssec/nsec.h"
#include "dnssec/nsec3.h"
#include "dnssec/records.h"
#include "resolver/classify.h"

enum { SETS_MOST = 4 };

static const uint8_t star[] = {1, '*'};

struct gathering {
    struct lookup *l;
    struct denial_question q; /* its sets are these */
    const struct rrset *sets[SETS_MOST];
    struct rrset room[SETS_MOST]; /* in place in the cache */
    unsigned encloser;            /* labels of the closest encloser */
    uint8_t wildcard[NAME_MAX_WIRE];
};

/* ---- Keeping -----------------------------------------------------------------------------------
 */

static bool keep(struct lookup *l, const uint8_t *zone, const struct rrset *set, uint32_t most)
{
    struct rrset own = *set;
    own.expiry = own.expiry < most ? own.expiry : most;
    return cache_put_denial(l->r->config.cache, zone, &own, l->r->now);
}

/* A denial lives as long as the SOA beside it says (RFC 9077); without one as long as any may. */
static void keep_denials(struct lookup *l, const struct rrsets *sets, const uint8_t *name)
{
    const struct rrset *soa = NULL;
    uint32_t most = l->r->now + l->r->options->negative_ttl_max;
    bool any = false;
    for (unsigned i = 0; i < sets->count; i++) {
        const struct rrset *set = sets->at[i];
        if (set->type != TYPE_SOA || set->security != SECURITY_SECURE)
            continue;
        soa = set;
        most = soa->expiry < most ? soa->expiry : most;
    }
    for (unsigned i = 0; i < sets->count; i++) {
        const struct rrset *set = sets->at[i];
        if (set->security == SECURITY_SECURE && denial_is_reusable(set, name))
            any = keep(l, rrset_signer(set), set, most) || any;
    }
    if (any && soa)
        keep(l, rrset_signer(soa), soa, most);
}

/* The wildcard that a set was made from, by the labels that its signature counts. */
static bool wildcard_of(const struct rrset *set, uint8_t out[NAME_MAX_WIRE])
{
    struct rrset_iter it = rrset_signatures(set);
    struct rrsig sig;
    return rrset_next(&it) && rrsig_read(it.rdata, it.length, &sig) &&
           name_prepend(star, name_suffix(set->owner, sig.labels), out) == OK;
}

static bool may_answer(const struct lookup *l, uint16_t type)
{
    return type == l->key.type ||
           (type == TYPE_CNAME && l->key.type != TYPE_DS && alias_hides(l->key.type));
}

static void keep_wildcards(struct lookup *l, const struct rrsets *answer)
{
    uint8_t wildcard[NAME_MAX_WIRE];
    for (unsigned i = 0; i < answer->count; i++) {
        struct rrset set = *answer->at[i];
        if (set.security != SECURITY_SECURE || !may_answer(l, set.type) ||
            !rrset_is_expanded(&set) || !wildcard_of(&set, wildcard))
            continue;
        set.owner = wildcard;
        keep(l, rrset_signer(&set), &set, set.expiry);
    }
}

void aggressive_keep(struct lookup *l)
{
    const struct classified *c = l->lead.found;
    if (!l->r->options->aggressive)
        return;
    keep_denials(l, &c->denial, c->last);
    keep_denials(l, &c->proof, l->key.name);
    keep_wildcards(l, &c->answer);
}

/* ---- Gathering ---------------------------------------------------------------------------------
 */

/* Adds the record that can match or cover what stands at `at` in the zone's order. NULL: none is
 * held. */
static const struct rrset *add(struct gathering *g, uint16_t type, const uint8_t *at)
{
    struct resolver *r = g->l->r;
    if (g->q.count == SETS_MOST)
        return NULL;
    struct rrset *set = &g->room[g->q.count];
    if (cache_find_denial(r->config.cache, g->q.zone, type, at, r->now, set))
        return NULL;
    for (unsigned i = 0; i < g->q.count; i++)
        if (name_equal(g->sets[i]->owner, set->owner))
            return g->sets[i];
    g->sets[g->q.count++] = set;
    return set;
}

static bool set_encloser(struct gathering *g, unsigned labels)
{
    g->encloser = labels;
    return name_prepend(star, name_suffix(g->q.name, labels), g->wildcard) == OK;
}

static bool gather_nsec(struct gathering *g)
{
    const struct rrset *at = add(g, TYPE_NSEC, g->q.name);
    if (!at)
        return false;
    if (name_equal(at->owner, g->q.name) || !set_encloser(g, nsec_encloser(at, g->q.name)))
        return true;
    add(g, TYPE_NSEC, g->wildcard);
    return true;
}

static const struct rrset *add_hashed(struct gathering *g, const struct rrset *like,
                                      const uint8_t *name, bool *matches)
{
    uint8_t owner[NAME_MAX_WIRE];
    if (!nsec3_owner(like, &g->q, name, owner))
        return NULL;
    const struct rrset *set = add(g, TYPE_NSEC3, owner);
    *matches = set && name_equal(set->owner, owner);
    return set;
}

/* From the name's parent upward, each in place of the one before, until one matches. */
static bool find_encloser(struct gathering *g, const struct rrset *like)
{
    unsigned labels = name_labels(g->q.name), least = name_labels(g->q.zone);
    for (unsigned i = 1; i <= LIMIT_ENCLOSERS && labels >= least + i; i++) {
        bool matches = false;
        g->q.count = 0;
        if (!add_hashed(g, like, name_suffix(g->q.name, labels - i), &matches))
            return false;
        if (matches)
            return set_encloser(g, labels - i);
    }
    return false;
}

static bool gather_nsec3(struct gathering *g)
{
    struct resolver *r = g->l->r;
    struct rrset like;
    bool matches = false;
    if (cache_find_denial(r->config.cache, g->q.zone, TYPE_NSEC3, g->q.zone, r->now, &like) ||
        !add_hashed(g, &like, g->q.name, &matches))
        return false;
    if (matches)
        return true;
    return find_encloser(g, &like) &&
           add_hashed(g, &like, name_suffix(g->q.name, g->encloser + 1), &matches) &&
           add_hashed(g, &like, g->wildcard, &matches);
}

/* ---- Answering ---------------------------------------------------------------------------------
 */

static uint32_t least_expiry(const struct gathering *g, const struct rrset *more)
{
    uint32_t least = more->expiry;
    for (unsigned i = 0; i < g->q.count; i++)
        least = g->sets[i]->expiry < least ? g->sets[i]->expiry : least;
    return least;
}

static bool push(struct lookup *l, struct rrsets *list, const struct rrset *set, uint32_t expiry)
{
    struct rrset *copy = rrset_copy(&l->arena, set);
    if (!copy || rrsets_push(&l->arena, list, copy))
        return false;
    copy->expiry = copy->expiry < expiry ? copy->expiry : expiry;
    return true;
}

static bool push_proof(struct gathering *g, uint32_t expiry)
{
    struct lookup *l = g->l;
    for (unsigned i = 0; i < g->q.count; i++)
        if (!push(l, &l->result.authority, g->sets[i], expiry))
            return false;
    return true;
}

/* The wildcard's set of the type, or its alias. */
static bool find_wildcard(const struct gathering *g, struct rrset *out)
{
    const struct lookup *l = g->l;
    struct cache *cache = l->r->config.cache;
    if (*g->wildcard == 0)
        return false;
    return !cache_get_denial(cache, g->q.zone, l->key.type, g->wildcard, l->r->now, out) ||
           (may_answer(l, TYPE_CNAME) &&
            !cache_get_denial(cache, g->q.zone, TYPE_CNAME, g->wildcard, l->r->now, out));
}

/* It is given under the name that was asked, with the proof that nothing is closer. */
static bool answer_by_wildcard(struct gathering *g)
{
    struct lookup *l = g->l;
    struct rrset set;
    if (!find_wildcard(g, &set) || denial_of_closer(&g->q, g->encloser) != DENIAL_NAME)
        return false;
    uint32_t expiry = least_expiry(g, &set);
    set.owner = l->key.name;
    if (!push(l, &l->result.answer, &set, expiry) || !push_proof(g, expiry))
        return false;
    l->r->counters.denials_wildcard++;
    return true;
}

static bool answer_by_denial(struct gathering *g)
{
    struct lookup *l = g->l;
    struct rrset soa;
    struct denial d;
    if (cache_get_denial(l->r->config.cache, g->q.zone, TYPE_SOA, g->q.zone, l->r->now, &soa))
        return false;
    denial_find(&g->q, &d);
    if (d.kind != DENIAL_NAME && d.kind != DENIAL_TYPE)
        return false;
    uint32_t expiry = least_expiry(g, &soa);
    if (!push(l, &l->result.authority, &soa, expiry) || !push_proof(g, expiry))
        return false;
    l->result.rcode = d.kind == DENIAL_NAME ? RCODE_NXDOMAIN : RCODE_NOERROR;
    l->result.delegation = d.delegation;
    l->r->counters.denials_name += d.kind == DENIAL_NAME;
    l->r->counters.denials_type += d.kind == DENIAL_TYPE;
    return true;
}

static bool is_unsure(const struct lookup *l)
{
    const struct resolver_options *o = l->r->options;
    uint32_t wall = (uint32_t)world_wall_s(l->r->config.world);
    const struct anchor *anchor = anchors_find(&o->anchors, l->key.name, wall);
    return !anchor || !anchor->ds;
}

static bool answer(struct gathering *g)
{
    return answer_by_wildcard(g) || answer_by_denial(g);
}

static void take_back(struct result *res)
{
    res->answer.count = res->authority.count = 0;
}

static bool is_answered(struct gathering *g)
{
    if (gather_nsec(g) && answer(g))
        return true;
    take_back(&g->l->result);
    g->q.count = 0;
    *g->wildcard = 0;
    if (gather_nsec3(g) && answer(g))
        return true;
    take_back(&g->l->result);
    return false;
}

/*
 * The zone whose word it is: the deepest one that has denied something. That may lie below the cut,
 * where one server has parent and child, or a forwarder has all. DS is the parent's. And what was
 * validated by a zone's keys is not to say that there are none: some have a wrong bitmap at the
 * apex.
 */
static const uint8_t *zone_of(const struct lookup *l)
{
    const uint8_t *at = l->key.name;
    unsigned cut = name_labels(l->walk.cut->zone);
    if (l->key.type == TYPE_DS && *at)
        at = name_skip(at, 1);
    int labels = cache_denial_zone(l->r->config.cache, at, cut);
    if (labels < 0 || (l->key.type == TYPE_DNSKEY && (unsigned)labels == name_labels(at)))
        return NULL;
    return name_suffix(at, (unsigned)labels);
}

/* Hashes are paid from what is left beyond those of one response: if it must be asked for after
 * all, its proof is not to fail for them. */
enum aggressive aggressive_answers(struct lookup *l)
{
    struct gathering g = {.l = l};
    if (!l->r->options->aggressive || !chain_wanted(l) || l->key.type == TYPE_ANY || is_unsure(l))
        return AGGRESSIVE_NOTHING;
    const uint8_t *zone = zone_of(l);
    if (!zone)
        return AGGRESSIVE_NOTHING;
    struct dnssec_work work = waits_checks(l);
    work.blocks = work.blocks > LIMIT_HASH_BLOCKS_ONCE ? work.blocks - LIMIT_HASH_BLOCKS_ONCE : 0;
    uint16_t before = work.blocks;
    g.q = (struct denial_question){.zone = zone,
                                   .name = l->key.name,
                                   .type = l->key.type,
                                   .sets = g.sets,
                                   .policy = &l->r->options->dnssec,
                                   .work = &work};
    bool answered = is_answered(&g);
    struct dnssec_work spent = {.blocks = (uint16_t)(before - work.blocks)};
    waits_charge_checks(l, &spent);
    l->r->counters.hash_blocks += spent.blocks;
    if (!answered)
        return AGGRESSIVE_NOTHING;
    l->result.security = SECURITY_SECURE;
    l->result.source = SOURCE_DENIALS;
    lookup__trace(l, "from_denials", "zone_labels=%u rcode=%u", name_labels(g.q.zone),
                  l->result.rcode);
    if (lookup__watched(l))
        lookup__tell(l, (struct traced_event){.kind = TRACED_VERDICT,
                                              .what = "secure, by what was denied before"});
    bool alias = l->result.answer.count && l->result.answer.at[0]->type != l->key.type;
    return alias ? AGGRESSIVE_ALIAS : AGGRESSIVE_ANSWER;
}
