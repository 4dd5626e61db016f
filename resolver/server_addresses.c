/*
 * Name servers whose address is not known yet: look-ups of it as lookups of their own, few at a
 * time and few in all, and what they found joins the candidates.
 */
#include <string.h>

#include "resolver/lookup.h"

/* Which types of address are worth having: bit 0 A, bit 1 AAAA. */
static const uint16_t address_types[2] = {TYPE_A, TYPE_AAAA};

static bool family_wanted(const struct lookup *l, unsigned i)
{
    return i == 0 ? l->r->options->use_ipv4 : l->r->options->use_ipv6;
}

static void add_records(struct lookup *l, const struct rrset *set, uint8_t ns)
{
    struct rrset_iter it = rrset_records(set);
    for (unsigned i = 0; i < DELEGATION_ADDRESS_PER_NS && rrset_next(&it); i++) {
        struct endpoint at = {.family = set->type == TYPE_A ? 4 : 6, .port = DNS_PORT};
        memcpy(at.bytes, it.rdata, it.length);
        servers_add(l, &at, ns);
    }
}

void servers__add_known(struct lookup *l)
{
    struct walk *w = &l->walk;
    for (unsigned ns = 0; ns < w->cut->ns_count; ns++) {
        for (unsigned i = 0; i < 2; i++) {
            struct rrset set;
            if ((w->ns_asked[i] >> ns & 1) || !family_wanted(l, i))
                continue;
            if (cache_get_rrset(l->r->config.cache, w->cut->ns[ns], address_types[i], l->r->now,
                                &set))
                continue;
            w->ns_asked[i] |= 1U << ns;
            add_records(l, &set, (uint8_t)ns);
        }
    }
}

static unsigned lookups_under_way(const struct lookup *l)
{
    unsigned n = 0;
    LIST_EACH (it, &l->waits.children)
        n += CONTAINER_OF(it, struct edge, in_parent)->child != NULL;
    return n;
}

static bool start_look_up(struct lookup *l, unsigned ns, unsigned i)
{
    struct walk *w = &l->walk;
    struct lookup_key key;
    struct edge *e;
    w->ns_asked[i] |= 1U << ns;
    if (lookup__key(&key, w->cut->ns[ns], address_types[i], l->key.flags & LOOKUP_CD))
        return false;
    switch (waits_need(l, &key, EDGE_ADDRESS, &e)) {
    case NEED_WAITS:
        break;
    case NEED_LOOP:
        w->ns_reason = REASON_DEPENDENCY_LOOP;
        return false;
    case NEED_DEPTH:
        w->ns_reason = REASON_DEPTH;
        return false;
    case NEED_NOMEM:
        w->ns_reason = REASON_WORK_SIZE;
        return false;
    }
    e->ns = (uint8_t)ns;
    lookup__trace(l, "need_address", "ns=%u type=%s", ns, i ? "AAAA" : "A");
    return true;
}

bool servers_look_up(struct lookup *l)
{
    struct walk *w = &l->walk;
    unsigned running = lookups_under_way(l);
    if (w->kind != CUT_LEARNED || w->faults[FAULT_SILENT] >= LIMIT_TIMEOUTS)
        return false;
    /* One family over all names first: a name that does not exist needs no second question. */
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned ns = 0; ns < w->cut->ns_count; ns++) {
            if (running >= LIMIT_NS_AT_ONCE || l->cancelled)
                return running > 0;
            if ((w->ns_asked[i] >> ns & 1) || !family_wanted(l, i))
                continue;
            if (w->ns_lookups >= LIMIT_NS_PER_DELEGATION || w->ns_nxdomain >= LIMIT_NS_NXDOMAIN) {
                l->r->counters.limit_addresses++;
                return running > 0;
            }
            /* Nobody left who can pay: the end is on its way from above. */
            if (!waits_charge(l, CHARGE_NS_LOOKUPS, 1))
                return true;
            w->ns_lookups++;
            running += start_look_up(l, ns, i);
        }
    }
    return running > 0;
}

bool servers__more_to_look_up(const struct lookup *l)
{
    const struct walk *w = &l->walk;
    uint32_t all = (1U << w->cut->ns_count) - 1;
    if (w->kind != CUT_LEARNED || w->ns_lookups >= LIMIT_NS_PER_DELEGATION ||
        w->ns_nxdomain >= LIMIT_NS_NXDOMAIN)
        return false;
    return (family_wanted(l, 0) && (w->ns_asked[0] & all) != all) ||
           (family_wanted(l, 1) && (w->ns_asked[1] & all) != all);
}

void servers_drop_children(struct lookup *l)
{
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->kind == EDGE_ADDRESS)
            waits_drop(e);
    }
}

void servers_take_children(struct lookup *l)
{
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->child || e->kind != EDGE_ADDRESS)
            continue;
        if (e->nxdomain) {
            l->walk.ns_nxdomain++;
            l->walk.ns_asked[0] |= 1U << e->ns;
            l->walk.ns_asked[1] |= 1U << e->ns;
        }
        if (e->reason == REASON_DEPENDENCY_LOOP || (e->reason && !reason_cached(e->reason)))
            l->walk.ns_reason = e->reason;
        for (unsigned i = 0; i < e->address_count; i++)
            servers_add(l, &e->address[i], e->ns);
        waits_drop(e);
    }
}
