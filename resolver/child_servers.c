/*
 * A zone's own NS set, the child's side of the cut. Iteration goes by the parent's (RFC 2181 §5.4.1
 * would have the child's preferred; following it lets a zone that its parent took back live on).
 * The zone's own serves where all servers that the parent names have failed: for this one lookup,
 * as long as the parent's delegation lives, and never kept as a delegation.
 *
 * It is known when a server of the zone has sent it, as an answer or along with one; where it is
 * not and a server is alive but has trouble with the question, it is asked for.
 */
#include <string.h>

#include "resolver/classify.h"

enum err child_servers_note(struct lookup *l, const struct message *m, const struct asked *q)
{
    const struct rrset_array *authority = &m->section[SECTION_AUTHORITY];
    struct cache *cache = l->r->config.cache;
    struct rrset held;
    if (!(m->flags & FLAG_AA) || l->walk.kind != CUT_LEARNED)
        return OK;
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *set = authority->at[i];
        struct rrsets one = {0};
        if (set->type != TYPE_NS || !name_equal(set->owner, q->zone) ||
            !cache_get_rrset(cache, set->owner, TYPE_NS, l->r->now, &held))
            continue;
        if (reply_take(&l->arena, q, &one, set, TRUST_AUTHORITY))
            return ERR_NOMEM;
        cache_put_rrset(cache, one.at[0], l->r->now);
    }
    return OK;
}

static bool names(const struct delegation *d, const uint8_t *ns)
{
    for (unsigned i = 0; i < d->ns_count; i++)
        if (name_equal(d->ns[i], ns))
            return true;
    return false;
}

/* The zone's own names; `*others`: those that the parent does not name, by bit. */
static struct delegation *own_servers(struct lookup *l, const struct rrset *set, uint16_t *others)
{
    const struct delegation *cut = l->walk.cut;
    struct delegation d = {.zone = cut->zone, .expiry = cut->expiry, .security = cut->security};
    struct rrset_iter it = rrset_records(set);
    *others = 0;
    while (d.ns_count < DELEGATION_NS_MAX && rrset_next(&it)) {
        if (!names(cut, it.rdata))
            *others |= (uint16_t)(1U << d.ns_count);
        d.ns[d.ns_count++] = it.rdata;
    }
    return delegation_copy(&l->arena, &d);
}

/*
 * Their addresses join the candidates. What the parent's names have in the cache may be newer than
 * glue; to be looked up are only the others.
 */
bool child_servers_join(struct lookup *l)
{
    struct walk *w = &l->walk;
    struct rrset set;
    uint16_t others;
    if (w->kind != CUT_LEARNED || w->own_servers || !*w->cut->zone ||
        cache_get_rrset(l->r->config.cache, w->cut->zone, TYPE_NS, l->r->now, &set) ||
        set.trust < TRUST_AUTHORITY)
        return false;
    struct delegation *own = own_servers(l, &set, &others);
    if (!own)
        return false;
    w->own_servers = true;
    w->cut = own;
    /* More tries for servers not asked so far, never less for those that were silent once. */
    if (others && w->faults[FAULT_SILENT] + LIMIT_CHILD_TIMEOUTS > w->timeouts_most)
        w->timeouts_most = (uint8_t)(w->faults[FAULT_SILENT] + LIMIT_CHILD_TIMEOUTS);
    servers_drop_children(l);
    memset(w->ns.known, 0, sizeof w->ns.known);
    memset(w->ns.none, 0, sizeof w->ns.none);
    servers__add_known(l);
    for (unsigned i = 0; i < 2; i++)
        w->ns.known[i] |= (uint16_t)~others;
    lookup__trace(l, "own_servers", "names=%u others=%#x", own->ns_count, others);
    return true;
}

bool child_servers_ask(struct lookup *l)
{
    struct walk *w = &l->walk;
    struct key_draft draft;
    struct edge *e;
    if (w->kind != CUT_LEARNED || w->own_servers || w->own_asked || !w->faults[FAULT_ERROR] ||
        !*w->cut->zone || (l->key.type == TYPE_NS && name_equal(l->key.name, w->cut->zone)))
        return false;
    w->own_asked = true;
    if (!waits_spare_look_ups(l) ||
        lookup__key(&draft, w->cut->zone, TYPE_NS, l->key.flags & LOOKUP_CD))
        return false;
    return waits_need(l, &draft.key, EDGE_OWN_NS, &e) == NEED_WAITS;
}

/* Are they being asked for? */
bool child_servers_awaited(struct lookup *l)
{
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->kind != EDGE_OWN_NS)
            continue;
        if (e->child)
            return true;
        waits_drop(e);
    }
    return false;
}
