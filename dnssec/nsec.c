#include "dnssec/nsec.h"

#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/records.h"

/* The i-th set, if it is an NSEC of this zone that leads to a name of this zone (limits.md: next
 * name outside). */
static bool nsec_at(const struct denial_question *q, unsigned i, struct nsec *out)
{
    const struct rrset *set = q->sets[i];
    struct rrset_iter it = rrset_records(set);
    return set->type == TYPE_NSEC && name_at_or_below(set->owner, q->zone) && rrset_next(&it) &&
           nsec_read(it.rdata, it.length, out) && name_at_or_below(out->next, q->zone);
}

static bool has(const struct nsec *n, uint16_t type)
{
    return bitmap_has(n->bitmap, n->bitmap_size, type);
}

/*
 * Of the parent's side of a cut, or of a DNAME: says nothing of names below its owner, nor, but for
 * DS, of its owner's types (RFC 6840 §4.1).
 */
static bool is_cut(const struct nsec *n)
{
    return has(n, TYPE_NS) && !has(n, TYPE_SOA);
}

/* Strictly between owner and next; the last of the zone leads back to the apex. */
static bool covers(const struct denial_question *q, const uint8_t *owner, const struct nsec *n,
                   const uint8_t *name)
{
    if (name_compare(name, owner) <= 0)
        return false;
    if (name_equal(n->next, q->zone))
        return true;
    return name_compare(name, n->next) < 0;
}

/* Does the record deny the name's existence? Not below a cut or a DNAME, and not of an empty
 * non-terminal. */
static bool denies(const struct denial_question *q, const struct rrset *set, const struct nsec *n,
                   const uint8_t *name)
{
    if (!covers(q, set->owner, n, name) || name_below(n->next, name))
        return false;
    return !(name_below(name, set->owner) && (is_cut(n) || has(n, TYPE_DNAME)));
}

/* The closest encloser of a denied name is what it shares with its neighbours in the zone. */
static unsigned encloser_labels(const uint8_t *name, const uint8_t *owner, const struct nsec *n)
{
    unsigned before = name_common(name, owner);
    unsigned after = name_common(name, n->next);
    return before > after ? before : after;
}

unsigned nsec_encloser(const struct rrset *set, const uint8_t *name)
{
    struct rrset_iter it = rrset_records(set);
    struct nsec n;
    if (!rrset_next(&it) || !nsec_read(it.rdata, it.length, &n))
        return 0;
    return encloser_labels(name, set->owner, &n);
}

bool nsec_covers_closer(const struct denial_question *q, unsigned labels)
{
    struct nsec n;
    for (unsigned i = 0; i < q->count; i++)
        if (nsec_at(q, i, &n) && denies(q, q->sets[i], &n, q->name) &&
            encloser_labels(q->name, q->sets[i]->owner, &n) == labels)
            return true;
    return false;
}

/* Does the record at the name itself (or at the wildcard) deny the type? */
static bool denies_type(const struct denial_question *q, const struct nsec *n, bool wildcard)
{
    if (has(n, q->type) || has(n, TYPE_CNAME))
        return false;
    if (q->type == TYPE_DS) /* the child's apex says nothing of DS (RFC 6840 §4.4) */
        return !has(n, TYPE_SOA) || name_labels(q->name) == 0;
    return wildcard || !is_cut(n);
}

static bool find_exact(const struct denial_question *q, struct denial *out)
{
    struct nsec n;
    for (unsigned i = 0; i < q->count; i++) {
        if (!nsec_at(q, i, &n) || !name_equal(q->sets[i]->owner, q->name))
            continue;
        if (has(&n, TYPE_NXNAME)) { /* compact denial (RFC 9824 §3.2) */
            out->kind = DENIAL_NAME;
            return true;
        }
        if (!denies_type(q, &n, false))
            continue;
        out->kind = DENIAL_TYPE;
        out->delegation = is_cut(&n);
        return true;
    }
    return false;
}

/* Is the name an empty non-terminal: covered, and the next name lies below it? */
static bool shows_empty(const struct denial_question *q, const struct rrset *set,
                        const struct nsec *n, const uint8_t *name)
{
    return covers(q, set->owner, n, name) && name_below(n->next, name) &&
           !(name_below(name, set->owner) && is_cut(n));
}

static bool find_empty(const struct denial_question *q, struct denial *out)
{
    struct nsec n;
    for (unsigned i = 0; i < q->count; i++) {
        if (nsec_at(q, i, &n) && shows_empty(q, q->sets[i], &n, q->name)) {
            out->kind = DENIAL_TYPE;
            return true;
        }
    }
    return false;
}

/* What the wildcard at the closest encloser has to say once the name itself is denied. */
static void judge_wildcard(const struct denial_question *q, const uint8_t *encloser,
                           struct denial *out)
{
    static const uint8_t star[] = {1, '*'};
    uint8_t wildcard[NAME_MAX_WIRE];
    struct nsec n;
    if (name_prepend(star, encloser, wildcard)) {
        out->kind = DENIAL_NAME; /* too long to exist */
        return;
    }
    for (unsigned i = 0; i < q->count; i++) {
        if (!nsec_at(q, i, &n))
            continue;
        bool without = name_equal(q->sets[i]->owner, wildcard) && denies_type(q, &n, true);
        if (without || shows_empty(q, q->sets[i], &n, wildcard)) {
            out->kind = DENIAL_TYPE;
            out->wildcard = true;
            return;
        }
        if (denies(q, q->sets[i], &n, wildcard)) {
            out->kind = DENIAL_NAME;
            return;
        }
    }
}

void nsec_deny(const struct denial_question *q, struct denial *out)
{
    struct nsec n;
    if (find_exact(q, out) || find_empty(q, out))
        return;
    for (unsigned i = 0; i < q->count && out->kind == DENIAL_NOTHING; i++) {
        if (!nsec_at(q, i, &n) || !denies(q, q->sets[i], &n, q->name))
            continue;
        unsigned labels = encloser_labels(q->name, q->sets[i]->owner, &n);
        judge_wildcard(q, name_suffix(q->name, labels), out);
    }
}
