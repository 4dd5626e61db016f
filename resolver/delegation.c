/* From a referral to the delegation it makes: names, and the glue that may be believed. */
#include <string.h>

#include "resolver/classify.h"

static bool has_name(const struct delegation *d, const uint8_t *name, uint8_t *index)
{
    for (uint8_t i = 0; i < d->ns_count; i++) {
        if (name_equal(d->ns[i], name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool has_address(const struct delegation *d, const struct endpoint *at)
{
    for (unsigned i = 0; i < d->address_count; i++)
        if (endpoint_equal(&d->address[i].at, at))
            return true;
    return false;
}

/* False: there was no room for all. */
static bool add_glue(struct delegation *d, const struct rrset *set, uint8_t ns)
{
    struct rrset_iter it = rrset_records(set);
    unsigned of_ns = 0;
    d->glued[set->type == TYPE_AAAA] |= (uint16_t)(1U << ns);
    for (unsigned i = 0; i < d->address_count; i++)
        of_ns += d->address[i].ns == ns;
    while (rrset_next(&it)) {
        struct endpoint at = {.family = set->type == TYPE_A ? 4 : 6, .port = DNS_PORT};
        memcpy(at.bytes, it.rdata, it.length);
        if (has_address(d, &at))
            continue;
        if (d->address_count == DELEGATION_ADDRESS_MAX || of_ns == DELEGATION_ADDRESS_PER_NS)
            return false;
        d->address[d->address_count++] = (struct delegation_address){.ns = ns, .at = at};
        of_ns++;
    }
    return true;
}

bool referral_delegation(const struct message *m, const struct rrset *ns, const struct asked *q,
                         struct delegation *d)
{
    uint32_t ttl = rrset_ttl(ns, q->now);
    ttl = ttl < q->ttl_min ? q->ttl_min : ttl;
    *d = (struct delegation){.zone = ns->owner,
                             .expiry = q->now + (ttl > q->ttl_max ? q->ttl_max : ttl)};
    struct rrset_iter it = rrset_records(ns);
    uint8_t index;
    while (d->ns_count < DELEGATION_NS_MAX && rrset_next(&it))
        if (!has_name(d, it.rdata, &index))
            d->ns[d->ns_count++] = it.rdata;
    bool whole = it.left == 0;
    const struct rrset_array *additional = &m->section[SECTION_ADDITIONAL];
    for (size_t i = 0; i < additional->count; i++) {
        const struct rrset *set = additional->at[i];
        bool address = set->type == TYPE_A || set->type == TYPE_AAAA;
        if (address && name_at_or_below(set->owner, q->zone) && has_name(d, set->owner, &index))
            whole = add_glue(d, set, index) && whole;
    }
    return whole;
}
