/*
 * Name servers whose address is not known yet: look-ups of it as lookups of their own, few at a
 * time and few in all, and what they found joins the candidates.
 */
#include <string.h>

#include "resolver/lookup.h"

/* Which types of address are worth having: bit 0 A, bit 1 AAAA. */
static const uint16_t address_types[2] = {TYPE_A, TYPE_AAAA};

static uint16_t bit(unsigned ns)
{
    return (uint16_t)(1U << ns);
}

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
            if ((w->ns.known[i] >> ns & 1) || !family_wanted(l, i))
                continue;
            if (cache_get_rrset(l->r->config.cache, w->cut->ns[ns], address_types[i], l->r->now,
                                &set))
                continue;
            w->ns.known[i] |= bit(ns);
            add_records(l, &set, (uint8_t)ns);
        }
    }
}

static unsigned lookups_under_way(const struct lookup *l)
{
    unsigned n = 0;
    LIST_EACH (it, &l->waits.children) {
        const struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        n += e->kind == EDGE_ADDRESS && e->child;
    }
    return n;
}

/* Name servers that do not exist or have no address of either family. */
static unsigned names_without(const struct walk *w)
{
    unsigned n = 0;
    for (unsigned both = w->ns.none[0] & w->ns.none[1]; both; both &= both - 1)
        n++;
    return n;
}

/*
 * The address of a name in the zone itself is asked of the zone's own servers. Where those that are
 * known are silent or know nothing of the zone, that leads to the very same; where one of them has
 * trouble with this question only, it may still name its sisters.
 */
static bool asks_in_vain(const struct lookup *l, unsigned ns)
{
    const struct walk *w = &l->walk;
    return w->candidate_count && !w->faults[FAULT_ERROR] && !w->faults[FAULT_MALFORMED] &&
           name_at_or_below(w->cut->ns[ns], w->cut->zone);
}

static bool unknown(const struct lookup *l, unsigned ns, unsigned i)
{
    return family_wanted(l, i) && !(l->walk.ns.known[i] & bit(ns)) && !asks_in_vain(l, ns);
}

/*
 * What to look up next. A name that lacks one family is asked for the other at once, so that names
 * without any address are soon known for what they are; then IPv4 over all names, then IPv6.
 */
static bool next_unknown(const struct lookup *l, unsigned *ns, unsigned *i)
{
    unsigned count = l->walk.cut->ns_count;
    for (*i = 0; *i < 2; ++*i)
        for (*ns = 0; *ns < count; ++*ns)
            if ((l->walk.ns.none[!*i] & bit(*ns)) && unknown(l, *ns, *i))
                return true;
    for (*i = 0; *i < 2; ++*i)
        for (*ns = 0; *ns < count; ++*ns)
            if (unknown(l, *ns, *i))
                return true;
    return false;
}

static bool start_look_up(struct lookup *l, unsigned ns, unsigned i)
{
    struct walk *w = &l->walk;
    struct key_draft draft;
    struct edge *e;
    w->ns.known[i] |= bit(ns);
    /* Where to ask is not what is answered: addresses of servers need no validation. */
    bool unchecked = (l->key.flags & LOOKUP_CD) || l->r->options->anchors.count > 0;
    if (lookup__key(&draft, w->cut->ns[ns], address_types[i], unchecked ? LOOKUP_CD : 0))
        return false;
    switch (waits_need(l, &draft.key, EDGE_ADDRESS, &e)) {
    case NEED_WAITS:
        break;
    case NEED_LOOP:
        w->ns.reason = REASON_DEPENDENCY_LOOP;
        return false;
    case NEED_DEPTH:
        w->ns.reason = REASON_DEPTH;
        return false;
    case NEED_NOMEM:
        w->ns.reason = REASON_WORK_SIZE;
        return false;
    }
    e->ns = (uint8_t)ns;
    e->type = address_types[i];
    lookup__trace(l, "need_address", "ns=%u type=%s", ns, i ? "AAAA" : "A");
    return true;
}

/* How many more may be started beside those under way. */
static unsigned room(const struct lookup *l, unsigned running)
{
    const struct walk *w = &l->walk;
    unsigned junk = names_without(w) + running;
    if (w->kind != CUT_LEARNED || w->faults[FAULT_SILENT] >= w->timeouts_most ||
        w->ns.started >= LIMIT_NS_PER_DELEGATION || junk >= LIMIT_NS_WITHOUT ||
        running >= LIMIT_NS_AT_ONCE)
        return 0;
    unsigned left = LIMIT_NS_AT_ONCE - running;
    return left < LIMIT_NS_WITHOUT - junk ? left : LIMIT_NS_WITHOUT - junk;
}

bool servers_look_up(struct lookup *l)
{
    unsigned running = lookups_under_way(l), left = room(l, running), ns, i;
    if (left == 0 && running == 0 && next_unknown(l, &ns, &i))
        l->r->counters.limit_addresses++;
    while (left > 0 && !l->cancelled && next_unknown(l, &ns, &i)) {
        if (l->walk.ns.started >= LIMIT_NS_PER_DELEGATION)
            break;
        if (!waits_charge(l, CHARGE_NS_LOOKUPS, 1)) {
            l->walk.ns.reason = REASON_BUDGET_ADDRESSES;
            l->r->counters.limit_addresses++;
            break;
        }
        l->walk.ns.started++;
        bool started = start_look_up(l, ns, i);
        running += started;
        left -= started;
    }
    return running > 0;
}

bool servers_doubt_glue(struct lookup *l)
{
    struct walk *w = &l->walk;
    const struct delegation *d = w->cut;
    bool strange = w->faults[FAULT_LAME] || w->faults[FAULT_REFUSED] || w->faults[FAULT_SILENT] ||
                   w->faults[FAULT_CLOSED];
    if (w->kind != CUT_LEARNED || w->ns.glue_doubted || !strange)
        return false;
    w->ns.glue_doubted = true;
    for (unsigned i = 0; i < d->address_count; i++)
        if (!name_at_or_below(d->ns[d->address[i].ns], d->zone))
            w->ns.known[d->address[i].at.family == 6] &= (uint16_t)~bit(d->address[i].ns);
    return servers_look_up(l);
}

void servers_look_up_beside(struct lookup *l)
{
    unsigned ns, i;
    if (room(l, lookups_under_way(l)) > 0 && next_unknown(l, &ns, &i) && waits_spare_look_ups(l))
        (void)servers_look_up(l);
}

bool servers__seek(const struct lookup *l)
{
    return lookups_under_way(l) > 0 || servers__more_to_look_up(l);
}

bool servers__more_to_look_up(const struct lookup *l)
{
    unsigned ns, i;
    return room(l, 0) > 0 && next_unknown(l, &ns, &i);
}

void servers_drop_children(struct lookup *l)
{
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->kind == EDGE_ADDRESS || e->kind == EDGE_OWN_NS)
            waits_drop(e);
    }
}

static void note_none(struct lookup *l, const struct edge *e)
{
    struct ns_search *s = &l->walk.ns;
    for (unsigned i = 0; i < 2; i++) {
        if (!e->nxdomain && e->type != address_types[i])
            continue;
        s->known[i] |= bit(e->ns);
        s->none[i] |= bit(e->ns);
    }
}

void servers_take_children(struct lookup *l)
{
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->child || e->kind != EDGE_ADDRESS)
            continue;
        if (!e->reason && !e->address_count)
            note_none(l, e);
        if (e->reason == REASON_DEPENDENCY_LOOP || (e->reason && !reason_cached(e->reason)))
            l->walk.ns.reason = e->reason;
        for (unsigned i = 0; i < e->address_count; i++)
            servers_add(l, &e->address[i], e->ns);
        waits_drop(e);
    }
}
