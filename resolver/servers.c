/*
 * The servers of the zone at hand: which addresses there are, and which is asked next. What is
 * remembered of them: server_figures.c; those that must be looked up first: server_addresses.c.
 *
 * The order: an address that was asked least for this question first, so that a silent server costs
 * one time-out before another gets its turn; among these the one expected to answer soonest.
 * Addresses within SERVER_BAND_MS of the best share the load by chance. One that was never measured
 * is taken for SERVER_UNKNOWN_MS, low enough to be tried.
 */
#include <string.h>

#include "base/must.h"
#include "resolver/lookup.h"

enum {
    SERVER_BAND_MS = 20,
    SERVER_FULL = 1 << 28, /* too much is under way there: after all others (flow.h) */
};

static bool may_be_asked(const struct lookup *l, const struct endpoint *at)
{
    const struct resolver_options *o = l->r->options;
    if (at->family == 4 ? !o->use_ipv4 : !o->use_ipv6)
        return false;
    /* Configured addresses are the operator's word, our own listeners excepted. */
    if (l->walk.kind == CUT_LEARNED && prefix_list_covers(&o->do_not_query, at))
        return false;
    return at->port != DNS_PORT || !prefix_list_covers(&o->own, at);
}

void servers_add(struct lookup *l, const struct endpoint *at, uint8_t ns)
{
    struct walk *w = &l->walk;
    if (w->candidate_count == CANDIDATES_MAX || !may_be_asked(l, at))
        return;
    for (unsigned i = 0; i < w->candidate_count; i++)
        if (endpoint_equal(&w->candidate[i].at, at))
            return;
    struct candidate *c = &w->candidate[w->candidate_count++];
    *c = (struct candidate){.at = *at, .ns = ns};
    struct server_state s = servers__state(l->r, at);
    if (servers__edns_broken(l->r, &s))
        c->flags |= CANDIDATE_NO_EDNS;
    if (servers__lame(l, at))
        c->flags |= CANDIDATE_LAST;
}

void servers_collect(struct lookup *l)
{
    struct walk *w = &l->walk;
    const struct delegation *d = w->cut;
    w->candidate_count = 0;
    w->timeouts_most = LIMIT_TIMEOUTS;
    w->own_servers = w->own_asked = false;
    w->ns = (struct ns_search){.known = {d->glued[0], d->glued[1]}};
    memset(w->faults, 0, sizeof w->faults);
    for (unsigned i = 0; i < d->address_count; i++) {
        servers_add(l, &d->address[i].at, d->address[i].ns);
        w->ns.known[d->address[i].at.family == 6] |= (uint16_t)(1U << d->address[i].ns);
    }
    /* Of a configured zone the servers are those that the operator named and no others. */
    if (w->kind == CUT_LEARNED)
        servers__add_known(l);
}

static bool spent(const struct candidate *c)
{
    enum transport via = c->flags & CANDIDATE_TCP ? TRANSPORT_TCP : TRANSPORT_UDP;
    return (c->flags & CANDIDATE_OVER) || c->sends[via] >= LIMIT_SENDS_PER_SERVER;
}

void servers_new_question(struct lookup *l)
{
    for (unsigned i = 0; i < l->walk.candidate_count; i++)
        memset(l->walk.candidate[i].sends, 0, sizeof l->walk.candidate[i].sends);
}

void servers_ask_last(struct lookup *l, struct candidate *c)
{
    c->flags |= CANDIDATE_LAST;
    servers__note_lame(l, &c->at);
}

void servers_give_up(struct lookup *l, struct candidate *c, enum fault fault)
{
    c->flags |= CANDIDATE_OVER;
    l->walk.faults[fault]++;
    if (fault == FAULT_LAME || fault == FAULT_REFUSED)
        servers__note_lame(l, &c->at);
}

struct candidate *servers_choose(struct lookup *l, bool last_resort)
{
    struct walk *w = &l->walk;
    uint32_t cost[CANDIDATES_MAX], best = UINT32_MAX;
    if (w->faults[FAULT_SILENT] >= w->timeouts_most)
        return NULL;
    for (unsigned i = 0; i < w->candidate_count; i++) {
        const struct candidate *c = &w->candidate[i];
        cost[i] = UINT32_MAX;
        if (spent(c) || (!last_resort && (c->flags & CANDIDATE_LAST)))
            continue;
        cost[i] = (uint32_t)(c->sends[0] + c->sends[1]) << 20 | servers__reckon_ms(l, c);
        if (flow_server_full(l, &c->at))
            cost[i] |= SERVER_FULL;
        best = cost[i] < best ? cost[i] : best;
    }
    if (best == UINT32_MAX)
        return NULL;
    uint8_t pick;
    unsigned near = 0;
    struct candidate *chosen = NULL;
    world_random(l->r->config.world, &pick, 1);
    for (unsigned i = 0; i < w->candidate_count; i++)
        near += cost[i] <= best + SERVER_BAND_MS;
    MUST(near > 0);
    unsigned left = pick % near;
    for (unsigned i = 0; i < w->candidate_count && !chosen; i++)
        if (cost[i] <= best + SERVER_BAND_MS && left-- == 0)
            chosen = &w->candidate[i];
    return chosen;
}

bool servers_ailing(const struct lookup *l)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (l->walk.faults[i])
            return true;
    return false;
}

bool servers_all_tried(const struct lookup *l)
{
    for (unsigned i = 0; i < l->walk.candidate_count; i++) {
        const struct candidate *c = &l->walk.candidate[i];
        if (!spent(c) && !(c->flags & CANDIDATE_LAST) && !(c->sends[0] + c->sends[1]))
            return false;
    }
    return !servers__seek(l);
}

bool servers_others(const struct lookup *l)
{
    for (unsigned i = 0; i < l->walk.candidate_count; i++)
        if (&l->walk.candidate[i] != l->exchange->to && !spent(&l->walk.candidate[i]))
            return true;
    return servers__more_to_look_up(l);
}

/* ---- Why none of them answered ------------------------------------------------------------------
 */

enum reason servers_reason(const struct lookup *l)
{
    static const enum reason alone[FAULT_COUNT] = {
        [FAULT_SILENT] = REASON_ALL_SILENT,    [FAULT_REFUSED] = REASON_ALL_REFUSED,
        [FAULT_LAME] = REASON_ALL_LAME,        [FAULT_MALFORMED] = REASON_MALFORMED,
        [FAULT_ERROR] = REASON_ALL_FAILED,     [FAULT_CLOSED] = REASON_ALL_CLOSED,
        [FAULT_NETWORK] = REASON_NO_TRANSPORT, [FAULT_CUT] = REASON_ALL_FAILED,
    };
    const struct walk *w = &l->walk;
    unsigned kinds = 0, which = 0;
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if (w->faults[i]) {
            kinds++;
            which = i;
        }
    }
    /* What a bound of ours had a part in is not the servers' failure alone. */
    if (w->faults[FAULT_BOGUS])
        return l->chain.reason;
    if (w->ns.reason && !reason_cached(w->ns.reason))
        return w->ns.reason;
    bool root = name_labels(w->cut->zone) == 0;
    if (root && kinds && which != FAULT_REFUSED && which != FAULT_ERROR && which != FAULT_CUT &&
        which != FAULT_LAME)
        return REASON_ROOT_UNREACHABLE;
    if (kinds == 0)
        return w->ns.reason ? w->ns.reason : REASON_NO_SERVERS;
    return kinds == 1 ? alone[which] : REASON_ALL_FAILED;
}
