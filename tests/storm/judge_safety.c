/*
 * Is an answer as safe as it says, and says it what it has to? RFC 4035 §3.2 and 5.5, RFC 6840
 * §5.7 to 5.9.
 *
 *     bogus        nothing but SERVFAIL, unless checking was disabled
 *     secure       with AD for who asked for it, or SERVFAIL; never without
 *     insecure     without AD
 *     AD           only on what is secure, with all that proves it for who set DO
 */
#include "tests/storm/judge.h"

enum { OPTION_EDE = 15, EDE_FIRST = 1, EDE_LAST = 12 };

static bool wants_ad(const struct ask *a)
{
    return (a->do_bit || a->ad) && !a->cd;
}

/* ---- what goes along ------------------------------------------------------------------------- */

static bool has_signature(const struct rpl_rr *list, const struct rpl_rr *of)
{
    for (const struct rpl_rr *rr = list; rr; rr = rr->next)
        if (rr->type == TYPE_RRSIG && load_u16(rr->rdata) == of->type &&
            name_equal(rr->owner, of->owner))
            return true;
    return false;
}

static bool is_of_dnssec(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

/* A CNAME that was made from a DNAME has no signature. */
static bool is_made(const struct rpl_message *m, const struct rpl_rr *cname)
{
    for (const struct rpl_rr *rr = m->section[RPL_ANSWER]; rr; rr = rr->next)
        if (cname->type == TYPE_CNAME && rr->type == TYPE_DNAME &&
            name_below(cname->owner, rr->owner))
            return true;
    return false;
}

/* Who set DO can check for himself what AD says. */
static const char *check_proof(const struct truth *t, const struct rpl_message *m)
{
    bool denied = t->rcode == RCODE_NXDOMAIN || t->ends_in_denial, proven = false;
    for (const struct rpl_rr *rr = m->section[RPL_ANSWER]; rr; rr = rr->next)
        if (rr->type != TYPE_RRSIG && !is_made(m, rr) && !has_signature(m->section[RPL_ANSWER], rr))
            return "AD, and a set without its signature";
    for (const struct rpl_rr *rr = m->section[RPL_AUTHORITY]; rr; rr = rr->next) {
        if (rr->type != TYPE_RRSIG && rr->type != TYPE_NS &&
            !has_signature(m->section[RPL_AUTHORITY], rr))
            return "AD, and a record of the authority without its signature";
        proven = proven || rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3;
    }
    return denied && !proven ? "AD on a denial without its proof" : NULL;
}

static const char *check_records(const struct run *r, const struct ask *a,
                                 const struct rpl_message *m)
{
    int64_t wall = STORM_WALL_S + (int64_t)(sim_now(r->sim) - STORM_START_MS) / 1000;
    for (unsigned s = RPL_ANSWER; s < RPL_SECTIONS; s++) {
        for (const struct rpl_rr *rr = m->section[s]; rr; rr = rr->next) {
            if (!is_of_dnssec(rr->type))
                continue;
            if (!a->do_bit)
                return "records of DNSSEC that nobody asked for";
            if (rr->type == TYPE_RRSIG && m->flags & FLAG_AD && !r->clock_moved && rr->ttl > 0 &&
                wall + rr->ttl > (int64_t)load_u32(rr->rdata + 8) + r->options.dnssec.skew_s)
                return "a TTL beyond the signature's end";
        }
    }
    return NULL;
}

/*
 * What is in the air may change what no signature protects: forgers all of it (in an opt-out zone
 * it takes no more than a denial of the cut), the others what is on its way from a secure zone.
 */
bool judge_is_protected(const struct run *r, const struct ask *a, const struct truth *t)
{
    bool forger = r->rate[STORM_FORGE] || r->rate[STORM_FOREIGN_DENIAL];
    bool others = r->rate[STORM_FLIP] || r->rate[STORM_RAISE_TTL];
    if (r->is_signed && a->cd && a->type == TYPE_DS)
        return false; /* old servers do not know it */
    if (a->cd)
        return !forger && !others;
    return !(forger && t->exposed) && !(others && t->exposed_too);
}

/* ---- the whole ------------------------------------------------------------------------------- */

const char *judge_safety(const struct run *r, const struct ask *a, const struct truth *t,
                         const struct rpl_message *m)
{
    bool ad = m->flags & FLAG_AD;
    if (ad && !wants_ad(a))
        return "AD without being asked";
    if (ad && t->safety != SAFETY_SECURE)
        return "AD, where it is not secure";
    if (t->safety == SAFETY_BOGUS && !a->cd && !t->open && judge_is_protected(r, a, t))
        return "bogus data";
    if (t->safety == SAFETY_SECURE && wants_ad(a) && !ad && !t->open)
        return "secure data without AD";
    const char *what = check_records(r, a, m);
    return what || !ad || !a->do_bit ? what : check_proof(t, m);
}

bool judge_explains(const struct rpl_message *m)
{
    const struct rpl_edns *e = &m->edns;
    for (unsigned at = 0; at + 4U <= e->options_size;) {
        unsigned size = load_u16(e->options + at + 2);
        unsigned code = size < 2 ? 0 : load_u16(e->options + at + 4);
        if (load_u16(e->options + at) == OPTION_EDE && code >= EDE_FIRST && code <= EDE_LAST &&
            code != EDE_STALE_ANSWER && code != EDE_FORGED_ANSWER)
            return true;
        at += 4 + size;
    }
    return false;
}

bool judge_clock_excuses(const struct run *r, const struct ask *a)
{
    enum { LOOKUP_MS = 6000 }; /* one that was begun for another may still be on its way */
    return r->clock_wrong || (r->clock_moved && a->at_ms <= r->clock_right_ms + LOOKUP_MS);
}
