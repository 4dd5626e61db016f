/*
 * What is secure, insecure or bogus, by the plan of the tree alone: no record is looked at, nothing
 * is verified. RFC 4035 §4.3 and 5, RFC 5155 §8 and 9, RFC 9276 §3.2.
 */
#include "tests/storm/seal.h"

/* With more iterations than are looked at, a zone's denials say only that it is insecure. */
static bool is_overdone(const struct seal *s)
{
    return seal_is_hashed(s) && s->iterations > ITERATIONS_MOST;
}

/* How a denial counts that needs a record which covers a name. */
static enum safety covering(const struct seal *s)
{
    if (s->denial != DENIAL_SOUND)
        return SAFETY_BOGUS;
    return s->chain == CHAIN_OPT_OUT || is_overdone(s) ? SAFETY_INSECURE : SAFETY_SECURE;
}

/* And one that needs the record which stands at the name. */
static enum safety matching(const struct seal *s)
{
    if (s->denial == DENIAL_ABSENT || s->denial == DENIAL_FLAWED)
        return SAFETY_BOGUS;
    return is_overdone(s) ? SAFETY_INSECURE : SAFETY_SECURE;
}

static enum flaw flaw_of(const struct zone *z, const uint8_t *owner, uint16_t type)
{
    const struct record *r = zone_next(z, NULL, owner, type);
    return r ? (enum flaw)r->flaw : FLAW_NONE;
}

/* ---- zones ----------------------------------------------------------------------------------- */

static enum safety unsigned_cut(const struct zone *z)
{
    const struct seal *above = z->parent->seal;
    enum safety denied = above->chain == CHAIN_OPT_OUT ? covering(above) : matching(above);
    return denied == SAFETY_BOGUS ? SAFETY_BOGUS : SAFETY_INSECURE;
}

static bool keys_are_good(const struct zone *z)
{
    return z->seal && (z->seal->dnskey.at[0] & 1) && !flaw_of(z, z->name, TYPE_DNSKEY);
}

static enum safety zone_safety(const struct zone *z)
{
    if (!z->parent)
        return SAFETY_SECURE;
    if (z->parent->safety != SAFETY_SECURE)
        return z->parent->safety;
    if (z->ds == DS_NONE)
        return unsigned_cut(z);
    if (flaw_of(z->parent, z->name, TYPE_DS))
        return SAFETY_BOGUS;
    if (z->ds == DS_UNKNOWN)
        return SAFETY_INSECURE;
    return z->ds == DS_GOOD && keys_are_good(z) ? SAFETY_SECURE : SAFETY_BOGUS;
}

/*
 * Where denials show the zone to be insecure, so does their showing that a delegation or a record
 * without signature needs none: who takes signatures away there is not found out.
 */
void safety_prepare(struct tree *t)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        struct zone *z = &t->zone[i];
        z->safety = zone_safety(z);
        z->weak = (z->parent && z->parent->weak) || (z->seal && is_overdone(z->seal));
    }
}

bool safety_denies(const struct zone *z)
{
    return !z->seal || (z->seal->denial == DENIAL_SOUND && !flaw_of(z, z->name, TYPE_SOA));
}

/* ---- answers --------------------------------------------------------------------------------- */

/*
 * In an opt-out zone a name that a wildcard gives might as well be one of an unsigned delegation: a
 * record without signature passes for insecure there.
 */
static enum safety of_records(const struct zone *z, const uint8_t *name, uint16_t type,
                              const struct found *f, bool *open)
{
    bool expanded = f->kind != FOUND_DNAME && !name_equal(f->node, name);
    enum flaw flaw = flaw_of(z, f->node, type);
    enum safety closer = expanded ? covering(z->seal) : SAFETY_SECURE;
    if (!flaw)
        return closer;
    *open = *open || (expanded && closer != SAFETY_BOGUS && z->seal->chain == CHAIN_OPT_OUT);
    return SAFETY_BOGUS;
}

static enum safety of_denial(const struct zone *z, const uint8_t *name, const struct found *f,
                             uint64_t now_ms, bool *open)
{
    const struct seal *s = z->seal;
    const struct node *n = node_at(z, name);
    bool wildcard = f->kind == FOUND_NODATA && !name_equal(f->node ? f->node : name, name);
    enum safety denied = covering(s);
    if (f->kind == FOUND_NODATA && !wildcard && n && node_is_in_chain(s, n, now_ms))
        denied = matching(s);
    if (denied == SAFETY_BOGUS || !flaw_of(z, z->name, TYPE_SOA))
        return denied;
    *open = *open || denied == SAFETY_INSECURE; /* it needs no SOA */
    return SAFETY_BOGUS;
}

enum safety safety_of(const struct zone *z, const uint8_t *name, uint16_t type,
                      const struct found *f, uint64_t now_ms, bool *open)
{
    *open = *open || z->weak;
    if (z->safety != SAFETY_SECURE)
        return z->safety;
    switch (f->kind) {
    case FOUND_ANSWER:
        return of_records(z, name, type, f, open);
    case FOUND_CNAME:
        return of_records(z, name, TYPE_CNAME, f, open);
    case FOUND_DNAME:
        return of_records(z, name, TYPE_DNAME, f, open);
    default:
        return of_denial(z, name, f, now_ms, open);
    }
}
