#include "dnssec/validate.h"

#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"

enum { SIGNERS_TRIED = 2, SIGNER_ANY = NAME_MAX_WIRE };

struct judging {
    const struct validation *v;
    struct response *r;
    struct finding *out;
    enum why broken_proof; /* why a record of the authority does not count */
};

static enum verdict bogus(const struct judging *j, enum why why)
{
    j->out->why = why;
    return VERDICT_BOGUS;
}

static enum verdict bogus_chain(const struct judging *j, enum why why)
{
    j->out->of_chain = true;
    return bogus(j, why);
}

static enum verdict insecure(const struct judging *j, enum why why)
{
    if (why)
        j->out->why = why;
    return VERDICT_INSECURE;
}

static struct known ask(const struct judging *j, const uint8_t *name, uint16_t type)
{
    struct known k = j->v->chain.known(j->v->chain.ctx, name, type);
    if (k.kind == KNOWN_NOT) {
        j->out->need_name = name;
        j->out->need_type = type;
    }
    return k;
}

/* ---- Without a signature: is there a zone cut above without DS? --------------------------------
 */

enum cut { CUT_SIGNED, CUT_NONE, CUT_ENDS };

/* What the DS records at one name say: a verdict, or VERDICT_SECURE: look further down. */
static enum verdict judge_cut(const struct judging *j, const uint8_t *name, enum cut *cut)
{
    struct known ds = ask(j, name, TYPE_DS);
    enum why why;
    switch (ds.kind) {
    case KNOWN_NOT:
        return VERDICT_NEED;
    case KNOWN_INSECURE:
        return insecure(j, ds.why);
    case KNOWN_FAILED:
        return bogus_chain(j, ds.why);
    case KNOWN_SET:
        why = signature_ds_usable(j->v->checker.policy, ds.set);
        *cut = CUT_SIGNED;
        return why ? insecure(j, why) : VERDICT_SECURE;
    case KNOWN_DENIED:
        if (ds.delegation)
            return insecure(j, WHY_NONE);
        *cut = ds.nowhere ? CUT_ENDS : CUT_NONE;
        return VERDICT_SECURE;
    }
    MUST(false);
    return VERDICT_BOGUS;
}

/*
 * Can no cut at the owner itself matter? DS is the parent's, and so is what denies it, or stands in
 * its place as an alias; the owner of NSEC3 is a hash.
 */
static bool is_of_parent(const struct judging *j, const uint8_t *owner, uint16_t type)
{
    bool for_ds = j->r->type == TYPE_DS && (type == TYPE_CNAME || name_equal(owner, j->r->name));
    return *owner && (type == TYPE_DS || type == TYPE_NSEC3 || for_ds);
}

/*
 * Records without a signature are insecure only if it is proven that a zone at or above them is not
 * signed: from the zone that was asked (where there is a cut, as far as referrals tell) each name
 * down to the owner is asked for DS. Mostly the first one tells. A child whose servers are its
 * parent's shows no cut, hence the further ones.
 */
static enum verdict judge_unsigned(const struct judging *j, const uint8_t *owner, uint16_t type,
                                   const struct anchor *anchor)
{
    unsigned last = name_labels(owner) - is_of_parent(j, owner, type);
    unsigned first = name_labels(anchor->zone) + 1;
    bool below = name_at_or_below(owner, j->r->zone) && name_below(j->r->zone, anchor->zone);
    if (below)
        first = name_labels(j->r->zone);
    for (unsigned labels = first; labels <= last; labels++) {
        enum cut cut;
        enum verdict v = judge_cut(j, name_suffix(owner, labels), &cut);
        if (v != VERDICT_SECURE)
            return v;
        if (cut == CUT_ENDS)
            break;
    }
    return bogus(j, WHY_BOGUS_UNSIGNED);
}

/* ---- One set -----------------------------------------------------------------------------------
 */

/*
 * Whose signature is there? The deepest signer above `below` labels that may sign for the owner;
 * NULL: nobody's. Keys are the zone's own to sign (RFC 4035 §5.2), DS the parent's.
 */
static const uint8_t *signer_of(const struct rrset *set, const struct anchor *anchor,
                                unsigned below)
{
    struct rrset_iter it = rrset_signatures(set);
    const uint8_t *best = NULL;
    while (rrset_next(&it)) {
        struct rrsig sig;
        if (!rrsig_read(it.rdata, it.length, &sig) || !name_at_or_below(set->owner, sig.signer) ||
            !name_at_or_below(sig.signer, anchor->zone) || name_labels(sig.signer) >= below)
            continue;
        bool own = name_equal(set->owner, sig.signer);
        if ((set->type == TYPE_DS && *set->owner && own) || (set->type == TYPE_DNSKEY && !own))
            continue;
        if (!best || name_labels(sig.signer) > name_labels(best))
            best = sig.signer;
    }
    return best;
}

static enum verdict of_check(const struct judging *j, struct judged *one, enum why why,
                             const struct signed_set *signed_set)
{
    if (why)
        return bogus(j, why == WHY_UNSUPPORTED_ALGORITHM ? WHY_BOGUS_NO_KEY : why);
    uint32_t most = j->r->now + signed_set->ttl_most;
    if (one->set->expiry > most)
        one->set->expiry = most;
    one->labels = signed_set->labels;
    return rrset_leave_signatures(j->v->checker.arena, one->set, signed_set->signer, one->labels)
               ? VERDICT_NOMEM
               : VERDICT_SECURE;
}

static enum verdict judge_signed(const struct judging *j, struct judged *one, const uint8_t *signer)
{
    struct known keys = ask(j, signer, TYPE_DNSKEY);
    struct signed_set signed_set;
    enum why why;
    switch (keys.kind) {
    case KNOWN_NOT:
        return VERDICT_NEED;
    case KNOWN_INSECURE:
        return insecure(j, keys.why);
    case KNOWN_FAILED:
        return bogus_chain(j, keys.why);
    case KNOWN_DENIED:
        return bogus(j, WHY_BOGUS_NO_KEY);
    case KNOWN_SET:
        break;
    }
    if (signature_check(&j->v->checker, one->set, keys.set, &why, &signed_set))
        return VERDICT_NOMEM;
    return of_check(j, one, why, &signed_set);
}

/*
 * One good signature suffices, whoever else pretends to have signed: where the deepest signer is
 * none, the next one above is asked, so that a signature put beside breaks nothing. Only so many.
 */
static enum verdict judge_signers(const struct judging *j, struct judged *one,
                                  const struct anchor *anchor, const uint8_t *signer)
{
    struct finding before = *j->out, first = before;
    enum verdict v = VERDICT_BOGUS;
    for (unsigned tried = 0; signer && tried < SIGNERS_TRIED; tried++) {
        *j->out = before;
        v = judge_signed(j, one, signer);
        if (v != VERDICT_BOGUS)
            return v;
        if (tried == 0)
            first = *j->out;
        signer = signer_of(one->set, anchor, name_labels(signer));
    }
    *j->out = first;
    return v;
}

/* The keys of a zone: by the anchor there, or by the DS records that its parent has. */
static enum verdict judge_keys(const struct judging *j, struct judged *one,
                               const struct anchor *anchor)
{
    const struct rrset *ds = name_equal(anchor->zone, one->set->owner) ? anchor->ds : NULL;
    struct signed_set signed_set;
    enum why why;
    if (!ds) {
        enum cut cut = CUT_SIGNED;
        enum verdict v = judge_cut(j, one->set->owner, &cut);
        if (v != VERDICT_SECURE)
            return v;
        if (cut != CUT_SIGNED)
            return bogus(j, WHY_BOGUS_KEYS);
        ds = ask(j, one->set->owner, TYPE_DS).set;
    }
    /* Only DS records make a zone insecure: what its signatures say, anybody may have written. */
    if ((why = signature_ds_usable(j->v->checker.policy, ds)))
        return insecure(j, why);
    if (signature_check_keys(&j->v->checker, one->set, ds, &why, &signed_set))
        return VERDICT_NOMEM;
    return of_check(j, one, why, &signed_set);
}

static enum verdict judge_fresh(const struct judging *j, struct judged *one)
{
    const struct rrset *set = one->set;
    const uint8_t *zone =
        set->type == TYPE_DS && *set->owner ? name_skip(set->owner, 1) : set->owner;
    const struct anchor *anchor = anchors_find(j->v->anchors, zone, j->v->checker.wall);
    if (!anchor)
        return VERDICT_INDETERMINATE;
    if (!anchor->ds)
        return insecure(j, WHY_NONE);
    const uint8_t *signer = signer_of(set, anchor, SIGNER_ANY);
    if (!signer)
        return judge_unsigned(j, set->owner, set->type, anchor);
    return set->type == TYPE_DNSKEY ? judge_keys(j, one, anchor)
                                    : judge_signers(j, one, anchor, signer);
}

static const uint8_t security_of[] = {
    [VERDICT_SECURE] = SECURITY_SECURE,
    [VERDICT_INSECURE] = SECURITY_INSECURE,
    [VERDICT_INDETERMINATE] = SECURITY_INDETERMINATE,
    [VERDICT_BOGUS] = SECURITY_BOGUS,
};

static enum verdict judge(const struct judging *j, struct judged *one)
{
    switch ((enum security)one->set->security) {
    case SECURITY_SECURE:
        return VERDICT_SECURE;
    case SECURITY_INSECURE:
        return VERDICT_INSECURE;
    case SECURITY_INDETERMINATE:
        return VERDICT_INDETERMINATE;
    case SECURITY_BOGUS:
        return bogus(j, one->why);
    case SECURITY_UNCHECKED:
        break;
    }
    enum verdict v = judge_fresh(j, one);
    if (v < VERDICT_NEED)
        one->set->security = security_of[v];
    one->why = j->out->why;
    return v;
}

/* ---- Denial ------------------------------------------------------------------------------------
 */

/*
 * The authority's secure denial records; how many. One that a wildcard gave has not been signed for
 * the name that it bears, and so proves nothing (an NSEC's owner is the first thing that it tells).
 */
static unsigned secure_denials(const struct judging *j, const struct rrset **out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < j->r->authority_count; i++) {
        const struct rrset *set = j->r->authority[i].set;
        bool denial = set->type == TYPE_NSEC || set->type == TYPE_NSEC3;
        if (denial && set->security == SECURITY_SECURE && !rrset_is_expanded(set))
            out[count++] = set;
    }
    return count;
}

/* Those of the sets that the zone has signed, of however many; returns how many. */
static unsigned keep_zone(const struct rrset **sets, unsigned count, const uint8_t *zone)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *signer = rrset_signer(sets[i]);
        if (signer && name_equal(signer, zone))
            sets[kept++] = sets[i];
    }
    return kept;
}

/*
 * All of the authority is judged. What is bogus there proves nothing and is left out; that it was
 * is the reason if the proof fails for want of it.
 */
static enum verdict judge_authority(struct judging *j)
{
    for (unsigned i = 0; i < j->r->authority_count; i++) {
        enum why before = j->out->why;
        enum verdict v = judge(j, &j->r->authority[i]);
        if (v == VERDICT_NEED || v == VERDICT_NOMEM)
            return v;
        if (v == VERDICT_BOGUS && !j->broken_proof)
            j->broken_proof = j->out->why;
        j->out->why = before;
    }
    return VERDICT_SECURE;
}

/* The verdict of a proof that was looked for. */
static enum verdict of_denial(const struct judging *j, enum denial_kind kind, enum why if_nothing)
{
    switch (kind) {
    case DENIAL_NAME:
    case DENIAL_TYPE:
        return VERDICT_SECURE;
    case DENIAL_OPT_OUT:
        j->out->opt_out = true;
        return insecure(j, WHY_NONE);
    case DENIAL_ITERATIONS:
        return insecure(j, WHY_NSEC3_ITERATIONS);
    case DENIAL_LIMIT:
        return bogus(j, WHY_BOGUS_LIMIT);
    case DENIAL_NOTHING:
        break;
    }
    return bogus(j, j->broken_proof ? j->broken_proof : if_nothing);
}

/* Is the zone that would have to prove it insecure? Then nothing needs a proof. */
static enum verdict judge_unproven(const struct judging *j)
{
    const struct response *r = j->r;
    const uint8_t *at = r->type == TYPE_DS && *r->name ? name_skip(r->name, 1) : r->name;
    const struct anchor *anchor = anchors_find(j->v->anchors, at, j->v->checker.wall);
    if (!anchor)
        return VERDICT_INDETERMINATE;
    if (!anchor->ds)
        return insecure(j, WHY_NONE);
    enum verdict v = judge_unsigned(j, r->name, r->type, anchor);
    if (v == VERDICT_BOGUS && j->out->why == WHY_BOGUS_UNSIGNED)
        j->out->why = j->broken_proof ? j->broken_proof : WHY_BOGUS_DENIAL;
    return v;
}

/*
 * AD speaks of all that is shown (RFC 4035 §3.2.3): beside a proof the SOA must be good, too. Other
 * records that are not secure are for the caller to leave out; the proof did without them.
 */
static enum verdict judge_soa(const struct judging *j)
{
    for (unsigned i = 0; i < j->r->authority_count; i++) {
        const struct rrset *set = j->r->authority[i].set;
        if (set->type == TYPE_SOA && set->security == SECURITY_BOGUS)
            return bogus(j, j->broken_proof);
    }
    return VERDICT_SECURE;
}

/* Does the zone that denies sign what it says? Then its proof is wanted, and no search for a cut.
 */
static bool is_signed(const struct judging *j)
{
    for (unsigned i = 0; i < j->r->authority_count; i++)
        if (j->r->authority[i].set->security == SECURITY_SECURE)
            return true;
    return j->broken_proof != WHY_NONE;
}

static enum verdict judge_denial(const struct judging *j)
{
    struct response *r = j->r;
    const struct rrset *sets[32];
    MUST(r->authority_count <= sizeof sets / sizeof *sets);
    unsigned count = secure_denials(j, sets);
    if (count == 0)
        return is_signed(j) ? of_denial(j, DENIAL_NOTHING, WHY_BOGUS_DENIAL) : judge_unproven(j);
    const uint8_t *zone = rrset_signer(sets[0]);
    count = keep_zone(sets, count, zone);
    struct denial_question q = {
        .zone = zone,
        .name = r->name,
        .type = r->type,
        .sets = sets,
        .count = count,
        .policy = j->v->checker.policy,
        .work = j->v->checker.work,
    };
    struct denial d;
    /* DS is the parent's to deny: a child that denies its own says nothing (RFC 4035 §5.2). */
    if (!name_at_or_below(r->name, zone) ||
        (r->type == TYPE_DS && *r->name && name_equal(zone, r->name)))
        return bogus(j, WHY_BOGUS_DENIAL);
    denial_find(&q, &d);
    if (d.kind == DENIAL_OPT_OUT && d.any_name && r->kind == RESPONSE_NXDOMAIN)
        d.kind = DENIAL_NOTHING;
    j->out->delegation = d.delegation;
    if (d.kind == DENIAL_NAME || d.kind == DENIAL_TYPE)
        r->kind = d.kind == DENIAL_NAME ? RESPONSE_NXDOMAIN : RESPONSE_NODATA;
    enum verdict v = of_denial(j, d.kind, WHY_BOGUS_DENIAL);
    return v == VERDICT_SECURE ? judge_soa(j) : v;
}

/* An answer that a wildcard gave needs the proof that nothing closer exists (RFC 4035 §5.3.4). */
static enum verdict judge_wildcard(const struct judging *j, const struct judged *one)
{
    const struct rrset *sets[32];
    MUST(j->r->authority_count <= sizeof sets / sizeof *sets);
    const uint8_t *zone = rrset_signer(one->set);
    unsigned count = keep_zone(sets, secure_denials(j, sets), zone);
    struct denial_question q = {
        .zone = zone,
        .name = one->set->owner,
        .type = one->set->type,
        .sets = sets,
        .count = count,
        .policy = j->v->checker.policy,
        .work = j->v->checker.work,
    };
    return of_denial(j, denial_of_closer(&q, one->labels), WHY_BOGUS_WILDCARD);
}

static bool is_expanded(const struct judged *one)
{
    const uint8_t *owner = one->set->owner;
    bool literal = owner[0] == 1 && owner[1] == '*';
    return one->set->security == SECURITY_SECURE && !one->derived &&
           one->labels + (literal ? 1U : 0U) < name_labels(owner);
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

/* The weaker of two, neither of them bogus or a need. */
static enum verdict weaker(enum verdict a, enum verdict b)
{
    return a > b ? a : b;
}

static enum verdict judge_answer(const struct judging *j)
{
    enum verdict all = VERDICT_SECURE;
    for (unsigned i = 0; i < j->r->answer_count; i++) {
        struct judged *one = &j->r->answer[i];
        if (one->derived && i > 0)
            one->set->security = j->r->answer[i - 1].set->security;
        enum verdict v = judge(j, one);
        if (v >= VERDICT_BOGUS)
            return v;
        all = weaker(all, v);
    }
    return all;
}

enum verdict dnssec_validate(const struct validation *v, struct response *r, struct finding *out)
{
    *out = (struct finding){.why = WHY_NONE};
    struct judging j = {.v = v, .r = r, .out = out};
    enum verdict all = judge_answer(&j);
    if (all >= VERDICT_BOGUS)
        return all;
    bool denial = r->kind != RESPONSE_RECORDS, authority = denial;
    for (unsigned i = 0; i < r->answer_count; i++)
        authority = authority || is_expanded(&r->answer[i]);
    enum verdict a = authority ? judge_authority(&j) : VERDICT_SECURE;
    if (a >= VERDICT_BOGUS)
        return a;
    for (unsigned i = 0; i < r->answer_count; i++) {
        a = is_expanded(&r->answer[i]) ? judge_wildcard(&j, &r->answer[i]) : VERDICT_SECURE;
        if (a >= VERDICT_BOGUS)
            return a;
        all = weaker(all, a);
    }
    a = denial ? judge_denial(&j) : VERDICT_SECURE;
    if (a >= VERDICT_BOGUS)
        return a;
    out->denial = security_of[a];
    return weaker(all, a);
}
