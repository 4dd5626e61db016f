#include "dnssec/denial.h"

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/nsec.h"
#include "dnssec/nsec3.h"

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

enum denial_kind denial_of_closer(const struct denial_question *q, unsigned labels)
{
    /* By NSEC the name itself must be covered; that covers every name between it and the encloser.
     */
    if (nsec_covers_closer(q, labels))
        return DENIAL_NAME;
    return any(q, TYPE_NSEC3) ? nsec3_covers_closer(q, labels) : DENIAL_NOTHING;
}
