/* What a reply is: the alias chain first, then what its end says. */
#include "resolver/classify.h"

#include <string.h>

#include "base/must.h"

struct reading {
    struct arena *arena;
    const struct message *m;
    const struct asked *q;
    struct classified *out;
    const uint8_t *at; /* the name that the chain has come to */
    unsigned taken;
    unsigned aliases;
};

/* Is the name in a configured zone below the one asked? Its DS excepted: that is the parent's (RFC
 * 4035 §3.1.4.1). */
static bool in_stub(const struct asked *q, const struct stub_zone *stub, const uint8_t *name)
{
    if ((stub->forward && q->forward_over) || !name_below(stub->name, q->zone))
        return false;
    if (q->type == TYPE_DS && name_equal(q->name, name) && name_equal(stub->name, name))
        return false;
    return name_at_or_below(name, stub->name);
}

bool reply_in_bailiwick(const struct asked *q, const uint8_t *name)
{
    for (size_t i = 0; i < q->stub_count; i++)
        if (in_stub(q, &q->stubs[i], name))
            return false;
    return name_at_or_below(name, q->zone);
}

static bool in_bailiwick(const struct reading *r, const uint8_t *name)
{
    return reply_in_bailiwick(r->q, name);
}

static uint32_t bounded_expiry(const struct asked *q, const struct rrset *set, uint32_t most)
{
    uint32_t ttl = rrset_ttl(set, q->now);
    ttl = ttl < q->ttl_min ? q->ttl_min : ttl;
    return q->now + (ttl > most ? most : ttl);
}

enum err reply_take(struct arena *a, const struct asked *q, struct rrsets *list,
                    const struct rrset *set, enum trust trust)
{
    struct rrset *own = arena_copy(a, set, sizeof *set);
    if (!own)
        return ERR_NOMEM;
    own->expiry = bounded_expiry(q, set, q->ttl_max);
    own->trust = (uint8_t)trust;
    return rrsets_push(a, list, own);
}

static enum err take(struct reading *r, struct rrsets *list, const struct rrset *set,
                     enum trust trust)
{
    r->taken++;
    r->out->capped += rrset_ttl(set, r->q->now) > r->q->ttl_max;
    return reply_take(r->arena, r->q, list, set, trust);
}

static enum trust answer_trust(const struct reading *r)
{
    return r->m->flags & FLAG_AA ? TRUST_ANSWER_AA : TRUST_ANSWER;
}

static const struct rrset *find(const struct rrset_array *section, const uint8_t *owner,
                                uint16_t type)
{
    for (size_t i = 0; i < section->count; i++)
        if (section->at[i]->type == type && name_equal(section->at[i]->owner, owner))
            return section->at[i];
    return NULL;
}

/* ---- The alias chain ----------------------------------------------------------------------------
 */

static bool in_chain(const struct reading *r, const uint8_t *name)
{
    const struct rrsets *answer = &r->out->answer;
    for (unsigned i = 0; i < answer->count; i++)
        if (answer->at[i]->type == TYPE_CNAME && name_equal(answer->at[i]->owner, name))
            return true;
    return false;
}

static const struct rrset *dname_above(const struct reading *r)
{
    const struct rrset_array *answer = &r->m->section[SECTION_ANSWER];
    for (size_t i = 0; i < answer->count; i++) {
        const struct rrset *set = answer->at[i];
        if (set->type == TYPE_DNAME && set->count == 1 && name_below(r->at, set->owner) &&
            in_bailiwick(r, set->owner))
            return set;
    }
    return NULL;
}

static const uint8_t *first_rdata(const struct rrset *set)
{
    return set->rdata + 2;
}

/* The CNAME that a DNAME implies, with the DNAME's TTL (RFC 6672 §3.1); the server's own one is not
 * used. */
static enum err synthesise(struct reading *r, const struct rrset *dname, const struct rrset **out)
{
    uint8_t target[NAME_MAX_WIRE];
    struct rrset_builder b;
    enum err e = name_replace(r->at, dname->owner, first_rdata(dname), target);
    if (e)
        return e;
    e = rrset_build(&b, r->arena, r->at, TYPE_CNAME, dname->expiry);
    if (!e)
        e = rrset_add(&b, target, (uint16_t)name_size(target));
    if (!e)
        *out = rrset_finish(&b);
    return e == ERR_LIMIT ? ERR_NOMEM : e;
}

enum chain { CHAIN_GOES_ON, CHAIN_ENDS, CHAIN_LOOPS, CHAIN_TOO_LONG };

/* One alias further. ERR_NOMEM only. */
static enum err chain_step(struct reading *r, enum chain *how)
{
    const struct rrset *dname = dname_above(r);
    const struct rrset *cname = NULL;
    enum err e;
    *how = CHAIN_ENDS;
    if (dname) {
        if ((e = take(r, &r->out->answer, dname, answer_trust(r))))
            return e;
        e = synthesise(r, dname, &cname);
        *how = CHAIN_TOO_LONG;
        if (e)
            return e == ERR_SPACE ? OK : e;
    } else {
        cname = find(&r->m->section[SECTION_ANSWER], r->at, TYPE_CNAME);
        if (!cname)
            return OK;
    }
    if ((e = take(r, &r->out->answer, cname, dname ? TRUST_NONE : answer_trust(r))))
        return e;
    r->at = first_rdata(cname);
    r->aliases++;
    *how = in_chain(r, r->at) ? CHAIN_LOOPS : CHAIN_GOES_ON;
    return OK;
}

/*
 * An NSEC whose next name lies outside of the zone asked speaks of names that are not this zone's:
 * it is as if it had not been sent (RFC 4034 §4.1.1).
 */
static bool leads_out(const struct reading *r, const struct rrset *set)
{
    return set->type == TYPE_NSEC && !in_bailiwick(r, set->rdata + 2);
}

/* Takes the records of the name that the chain has come to. */
static enum err take_final(struct reading *r, bool *found)
{
    const struct rrset_array *answer = &r->m->section[SECTION_ANSWER];
    *found = false;
    for (size_t i = 0; i < answer->count; i++) {
        const struct rrset *set = answer->at[i];
        bool wanted = set->type == r->q->type || r->q->type == TYPE_ANY;
        if (!wanted || !name_equal(set->owner, r->at) || leads_out(r, set))
            continue;
        *found = true;
        enum err e = take(r, &r->out->answer, set, answer_trust(r));
        if (e)
            return e;
    }
    return OK;
}

/* ---- What the authority section says ------------------------------------------------------------
 */

/* SOA TTL and MINIMUM, the lesser (RFC 2308 §5), as the SOA's own TTL from here on (§3). */
static enum err take_soa(struct reading *r, const struct rrset *soa)
{
    struct rrset_iter it = rrset_records(soa);
    MUST(rrset_next(&it));
    uint32_t minimum = load_u32(it.rdata + it.length - 4);
    uint32_t most = minimum < r->q->negative_ttl_max ? minimum : r->q->negative_ttl_max;
    uint32_t meant = rrset_ttl(soa, r->q->now);
    r->out->capped += (minimum < meant ? minimum : meant) > r->q->negative_ttl_max;
    struct rrset *own = arena_copy(r->arena, soa, sizeof *soa);
    if (!own)
        return ERR_NOMEM;
    own->expiry = bounded_expiry(r->q, soa, most);
    own->trust = TRUST_AUTHORITY;
    r->taken++;
    return rrsets_push(r->arena, &r->out->denial, own);
}

/* NSEC and NSEC3 sets of the authority section that the zone may speak with. */
static enum err take_proof(struct reading *r, struct rrsets *out)
{
    const struct rrset_array *authority = &r->m->section[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *set = authority->at[i];
        bool denial = set->type == TYPE_NSEC || set->type == TYPE_NSEC3;
        if (!denial || !in_bailiwick(r, set->owner) || leads_out(r, set) ||
            out->count == NEGATIVE_AUTHORITY_MAX)
            continue;
        enum err e = take(r, out, set, TRUST_AUTHORITY);
        if (e)
            return e;
    }
    return OK;
}

/*
 * May the zone deny what the chain has come to? DS is the parent's: a server that has followed an
 * alias to its own zone's name speaks of the wrong side of the cut (RFC 4035 §3.1.4.1).
 */
static bool may_deny(const struct reading *r, const uint8_t *zone)
{
    bool parent_only = r->q->type == TYPE_DS && r->aliases && *r->at;
    return parent_only ? name_below(r->at, zone) : name_at_or_below(r->at, zone);
}

static enum err take_denial(struct reading *r, bool *have_soa)
{
    const struct rrset_array *authority = &r->m->section[SECTION_AUTHORITY];
    *have_soa = false;
    for (size_t i = 0; i < authority->count && !*have_soa; i++) {
        const struct rrset *set = authority->at[i];
        if (set->type != TYPE_SOA || !in_bailiwick(r, set->owner) || !may_deny(r, set->owner))
            continue;
        *have_soa = true;
        enum err e = take_soa(r, set);
        if (e)
            return e;
    }
    return *have_soa ? take_proof(r, &r->out->denial) : OK;
}

/* The deepest NS set of the authority section on the way down to the name; is there one of a zone
 * above? */
static const struct rrset *find_ns(const struct reading *r, bool *upward)
{
    const struct rrset_array *authority = &r->m->section[SECTION_AUTHORITY];
    const struct rrset *best = NULL;
    *upward = false;
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *set = authority->at[i];
        if (set->type != TYPE_NS)
            continue;
        if (!name_below(set->owner, r->q->zone) || !name_at_or_below(r->q->name, set->owner)) {
            *upward |= name_below(r->q->zone, set->owner);
            continue;
        }
        if (!best || name_labels(set->owner) > name_labels(best->owner))
            best = set;
    }
    return best;
}

/* ---- The kinds ----------------------------------------------------------------------------------
 */

/* No alias and no records: denial, referral or lame? (RFC 2308 §2.2) */
static enum reply_kind kind_of_empty(struct reading *r, bool have_soa)
{
    bool upward;
    const struct rrset *ns = find_ns(r, &upward);
    if (have_soa)
        return REPLY_NODATA;
    if (r->q->recursive)
        return ns ? REPLY_LAME : REPLY_NODATA;
    if (ns) {
        /* DS is the parent's to answer: a referral to the very name says that there is none. */
        if (r->q->type == TYPE_DS && name_equal(ns->owner, r->q->name))
            return REPLY_NODATA;
        r->out->ns = ns;
        r->taken++;
        return REPLY_REFERRAL;
    }
    /* Who sends us up again knows nothing of the zone, whatever he says of his authority. */
    return (r->m->flags & FLAG_AA) && !upward ? REPLY_NODATA : REPLY_LAME;
}

static bool kind_of_rcode(const struct message *m, enum reply_kind *kind)
{
    if (m->flags & FLAG_TC) {
        *kind = REPLY_TRUNCATED;
        return true;
    }
    switch (m->rcode) {
    case RCODE_NOERROR:
    case RCODE_NXDOMAIN:
    case RCODE_YXDOMAIN:
        return false;
    case RCODE_FORMERR:
        *kind = REPLY_FORMERR;
        return true;
    case RCODE_SERVFAIL:
        *kind = REPLY_SERVFAIL;
        return true;
    case RCODE_NOTIMP:
        *kind = REPLY_NOTIMP;
        return true;
    case RCODE_REFUSED:
        *kind = REPLY_REFUSED;
        return true;
    case RCODE_BADVERS:
        *kind = REPLY_BADVERS;
        return true;
    default:
        *kind = REPLY_ERROR;
        return true;
    }
}

bool alias_hides(uint16_t type)
{
    switch (type) {
    case TYPE_CNAME:
    case TYPE_ANY:
    case TYPE_RRSIG:
    case TYPE_NSEC:
    case TYPE_KEY:
        return false;
    default:
        return true;
    }
}

static bool alias_hides_data(const struct reading *r)
{
    return alias_hides(r->q->type) &&
           find(&r->m->section[SECTION_ANSWER], r->at, TYPE_CNAME) != NULL;
}

/* Follows the chain as far as the zone goes; true when it ended in records. */
static enum err follow_chain(struct reading *r, enum chain *how, bool *found)
{
    enum err e = OK;
    *how = CHAIN_GOES_ON;
    *found = false;
    while (!e && *how == CHAIN_GOES_ON && in_bailiwick(r, r->at)) {
        /* Below a DNAME there is no data; a CNAME sent there is the DNAME's and goes with it (RFC
         * 6672 §2.3). */
        bool below = dname_above(r) != NULL;
        if (!below && !alias_hides_data(r))
            e = take_final(r, found);
        if (e || *found)
            return e;
        if ((r->q->type == TYPE_CNAME || r->q->type == TYPE_ANY) && !below)
            return OK;
        if (r->aliases >= LIMIT_ALIASES)
            return OK;
        e = chain_step(r, how);
        if (r->q->type == TYPE_CNAME && *how == CHAIN_GOES_ON) {
            *found = true;
            return e;
        }
    }
    return e;
}

static enum reply_kind kind_of_chain(struct reading *r, enum chain how, bool found)
{
    if (how == CHAIN_LOOPS)
        return REPLY_ALIAS_LOOP;
    if (how == CHAIN_TOO_LONG)
        return REPLY_YXDOMAIN;
    if (found)
        return REPLY_ANSWER;
    if (r->aliases && (!in_bailiwick(r, r->at) || r->aliases >= LIMIT_ALIASES))
        return REPLY_ALIAS;
    return REPLY_KINDS; /* its end decides */
}

static enum err kind_of_end(struct reading *r, enum reply_kind *kind)
{
    bool have_soa;
    enum err e = take_denial(r, &have_soa);
    if (e)
        return e;
    if (r->m->rcode == RCODE_YXDOMAIN)
        *kind = REPLY_ERROR;
    else if (r->m->rcode == RCODE_NXDOMAIN)
        *kind = REPLY_NXDOMAIN;
    else if (r->aliases)
        *kind = have_soa ? REPLY_NODATA : REPLY_ALIAS;
    else
        *kind = kind_of_empty(r, have_soa);
    return OK;
}

enum err classify(struct arena *a, const struct message *m, const struct asked *q,
                  struct classified *out)
{
    *out = (struct classified){.last = q->name};
    if (kind_of_rcode(m, &out->kind))
        return OK;
    struct reading r = {.arena = a, .m = m, .q = q, .out = out, .at = q->name};
    enum chain how;
    bool found;
    enum err e = follow_chain(&r, &how, &found);
    if (e)
        return e;
    out->kind = kind_of_chain(&r, how, found);
    if (out->kind == REPLY_KINDS && (e = kind_of_end(&r, &out->kind)))
        return e;
    if (out->answer.count && !out->denial.count && (e = take_proof(&r, &out->proof)))
        return e;
    out->last = r.at;
    size_t all = m->section[SECTION_ANSWER].count + m->section[SECTION_AUTHORITY].count;
    out->scrubbed = all > r.taken ? (unsigned)(all - r.taken) : 0;
    return OK;
}

const char *reply_kind_text(enum reply_kind k)
{
    static const char *const text[REPLY_KINDS] = {
        "answer",    "alias",   "alias_loop", "nxdomain", "nodata",  "yxdomain", "referral", "lame",
        "truncated", "formerr", "servfail",   "notimp",   "refused", "badvers",  "error"};
    MUST(k < REPLY_KINDS);
    return text[k];
}
