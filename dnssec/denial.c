#include "dnssec/denial.h"

#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/nsec.h"
#include "dnssec/nsec3.h"
#include "dnssec/records.h"

enum { LABEL_LEAST = 3 }; /* short names may well stand side by side */

static bool any(const struct denial_question *q, uint16_t type)
{
    for (unsigned i = 0; i < q->count; i++)
        if (q->sets[i]->type == type)
            return true;
    return false;
}

void denial_find(const struct denial_question *q, struct denial *out)
{
    *out = (struct denial){.kind = DENIAL_NOTHING};
    if (any(q, TYPE_NSEC))
        nsec_deny(q, out);
    if (out->kind == DENIAL_NOTHING && any(q, TYPE_NSEC3))
        nsec3_deny(q, out);
}

/* The first name after another one: a label of one zero octet is put before it. */
static bool is_next_to(const uint8_t *next, const uint8_t *name)
{
    return next[0] == 1 && next[1] == 0 && name_equal(next + 2, name);
}

/* Of the label at that depth, do all octets but the last stand in the other name, too? */
static bool shares_label(const uint8_t *name, const uint8_t *other, unsigned depth)
{
    if (name_labels(other) < depth)
        return false;
    const uint8_t *a = name_suffix(name, depth), *b = name_suffix(other, depth);
    unsigned size = *a - 1U;
    uint8_t head[2][NAME_MAX_WIRE];
    if (*a < LABEL_LEAST || *b < size)
        return false;
    name_lower(head[0], a);
    name_lower(head[1], b);
    return memcmp(head[0] + 1, head[1] + 1, size) == 0;
}

/* Neighbours that are made up differ from the name in the last octet (RFC 4470 §3). */
static bool hugs(const uint8_t *owner, const uint8_t *next, const uint8_t *name)
{
    unsigned before = name_common(name, owner), after = name_common(name, next);
    unsigned depth = 1 + (before > after ? before : after);
    return depth <= name_labels(name) && shares_label(name, owner, depth) &&
           shares_label(name, next, depth);
}

bool denial_is_reusable(const struct rrset *set, const uint8_t *name)
{
    struct rrset_iter it = rrset_records(set);
    struct nsec n;
    if (rrset_is_expanded(set))
        return false;
    if (set->type == TYPE_NSEC3)
        return nsec3_is_wide(set);
    return set->type == TYPE_NSEC && rrset_next(&it) && nsec_read(it.rdata, it.length, &n) &&
           !is_next_to(n.next, set->owner) && !is_next_to(n.next, name) &&
           !hugs(set->owner, n.next, name);
}

enum denial_kind denial_of_closer(const struct denial_question *q, unsigned labels)
{
    /* By NSEC the name itself must be covered; that covers every name between it and the encloser.
     */
    if (nsec_covers_closer(q, labels))
        return DENIAL_NAME;
    return any(q, TYPE_NSEC3) ? nsec3_covers_closer(q, labels) : DENIAL_NOTHING;
}
