/*
 * The servers of the zone at hand: which addresses there are, and which is asked next. What is
 * remembered of them: server_figures.c; those that must be looked up first: server_addresses.c.
 *
 * The order: an address that was asked least for this question first, so that a silent server costs
 * one time-out before another gets its turn; among these the one expected to answer soonest. Those
 * that take half as long again at most share the load by chance. After a time-out the other family
 * comes before the one that was silent; what a family costs all of its servers makes none of them
 * as good as another.
 *
 * Figures are kept as they were measured, and only asking shows what has changed. So one choice of
 * EXPLORE_ONE_IN goes to an address beyond the best, to that which was asked longest ago; not to
 * one held to be dead before its time, and not where a server of the zone has failed this very
 * lookup.
 */
#include <string.h>

#include "base/must.h"
#include "resolver/lookup.h"

enum {
    EXPLORE_ONE_IN = 16,
    FAMILY_LOST_MS = 300,  /* added for each time-out of its family in this walk */
    COST_SENDS = 1 << 20,  /* what one message weighs that went there before */
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

/* NULL: there is no memory, so those that are known must do. */
static struct candidate *new_candidate(struct lookup *l)
{
    struct walk *w = &l->walk;
    struct candidate **block = &w->candidates[w->candidate_count / CANDIDATES_BLOCK];
    if (!*block)
        *block = arena_alloc(&l->arena, CANDIDATES_BLOCK * sizeof **block);
    return *block ? walk_candidate(w, w->candidate_count++) : NULL;
}

void servers_add(struct lookup *l, const struct endpoint *at, uint8_t ns)
{
    struct walk *w = &l->walk;
    if (w->candidate_count == CANDIDATES_MAX || !may_be_asked(l, at))
        return;
    for (unsigned i = 0; i < w->candidate_count; i++)
        if (endpoint_equal(&walk_candidate(w, i)->at, at))
            return;
    struct candidate *c = new_candidate(l);
    if (!c)
        return;
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
    memset(w->lost, 0, sizeof w->lost);
    w->family_over[0] = waits_family_spent(l, 4);
    w->family_over[1] = waits_family_spent(l, 6);
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
        memset(walk_candidate(&l->walk, i)->sends, 0, sizeof walk_candidate(&l->walk, i)->sends);
}

void servers_lost(struct lookup *l, const struct endpoint *at)
{
    unsigned i = at->family == 6;
    servers_timed_out(l->r, at);
    l->walk.faults[FAULT_SILENT]++;
    l->walk.lost[i]++;
    waits_lost(l, at->family);
    l->walk.family_over[i] = waits_family_spent(l, at->family);
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
    if (c->flags & CANDIDATE_COPY)
        return;
    if (fault == FAULT_NETWORK)
        family_silent(l->r, &c->at);
    if (fault == FAULT_LAME || fault == FAULT_REFUSED)
        servers__note_lame(l, &c->at);
}

/* ---- Choosing -----------------------------------------------------------------------------------
 */

struct offer {
    uint32_t cost;  /* UINT32_MAX: not to be asked */
    uint32_t slack; /* one that costs that much more is as good */
    uint32_t idle_s;
    bool proven;
    bool explore;
};

static struct offer offer_of(struct lookup *l, const struct candidate *c, bool last_resort)
{
    const struct walk *w = &l->walk;
    struct offer o = {.cost = UINT32_MAX};
    if (spent(c) || (!last_resort && (c->flags & CANDIDATE_LAST)) ||
        w->family_over[c->at.family == 6])
        return o;
    struct server_view v = servers__view(l, &c->at);
    unsigned sends = c->sends[0] + (unsigned)c->sends[1];
    /* One without EDNS gives no signatures: like one that was asked before. */
    sends += c->flags & CANDIDATE_NO_EDNS && l->r->options->anchors.count > 0;
    uint32_t lost = (uint32_t)w->lost[c->at.family == 6] * FAMILY_LOST_MS;
    o.cost = sends * COST_SENDS + v.cost_ms + lost;
    o.slack = v.slack_ms;
    o.idle_s = v.idle_s;
    o.proven = v.proven;
    o.explore = !sends && !v.dead && !family_doubted(l->r, &c->at);
    if (flow_server_full(l, &c->at)) {
        o.cost |= SERVER_FULL;
        o.explore = false;
    }
    return o;
}

/* The offer beyond `most` that was asked longest ago; the count of them: none. */
static unsigned pick_explored(const struct offer *o, unsigned count, uint32_t most)
{
    unsigned found = count;
    for (unsigned i = 0; i < count; i++)
        if (o[i].explore && o[i].cost > most && (found == count || o[i].idle_s > o[found].idle_s))
            found = i;
    return found;
}

static unsigned pick_near(const struct offer *o, unsigned count, uint32_t most, unsigned chance)
{
    unsigned near = 0, i = 0;
    for (unsigned k = 0; k < count; k++)
        near += o[k].cost <= most;
    MUST(near > 0);
    for (unsigned left = chance % near; o[i].cost > most || left-- > 0; i++)
        ;
    return i;
}

struct candidate *servers_choose(struct lookup *l, bool last_resort)
{
    struct walk *w = &l->walk;
    struct offer offer[CANDIDATES_MAX];
    struct offer best = {.cost = UINT32_MAX};
    uint8_t chance[2];
    if (w->faults[FAULT_SILENT] >= w->timeouts_most)
        return NULL;
    for (unsigned i = 0; i < w->candidate_count; i++) {
        offer[i] = offer_of(l, walk_candidate(w, i), last_resort);
        best = offer[i].cost < best.cost ? offer[i] : best;
    }
    if (best.cost == UINT32_MAX)
        return NULL;
    uint32_t near = best.cost + best.slack;
    world_random(l->r->config.world, chance, sizeof chance);
    unsigned found = w->candidate_count;
    if (chance[0] < 256 / EXPLORE_ONE_IN && !servers_ailing(l))
        found = pick_explored(offer, w->candidate_count, near);
    if (found == w->candidate_count)
        found = pick_near(offer, w->candidate_count, near, chance[1]);
    return walk_candidate(w, found);
}

/*
 * Whom to ask beside `to`, which lets us wait, of those that were not asked yet: one of the other
 * family where nothing proves that `to` can be reached; any when it was silent before; and one that
 * is known to be better.
 */
struct candidate *servers_rival(struct lookup *l, const struct candidate *to)
{
    struct walk *w = &l->walk;
    struct candidate *rival = NULL;
    struct server_view v = servers__view(l, &to->at);
    uint32_t best = UINT32_MAX;
    if (w->faults[FAULT_SILENT] >= w->timeouts_most)
        return NULL;
    for (unsigned i = 0; i < w->candidate_count; i++) {
        struct candidate *c = walk_candidate(w, i);
        struct offer o = offer_of(l, c, false);
        bool fits = c->at.family != to->at.family ? !v.proven : to->sends[TRANSPORT_UDP] > 1;
        fits = fits || (o.proven && o.cost < v.cost_ms);
        if (c == to || !fits || o.cost >= best || o.cost >= COST_SENDS)
            continue;
        rival = c;
        best = o.cost;
    }
    return rival;
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
        const struct candidate *c = walk_candidate(&l->walk, i);
        if (!spent(c) && !(c->flags & CANDIDATE_LAST) && !(c->sends[0] + c->sends[1]))
            return false;
    }
    return !servers__seek(l);
}

bool servers_others(const struct lookup *l)
{
    for (unsigned i = 0; i < l->walk.candidate_count; i++) {
        const struct candidate *c = walk_candidate(&l->walk, i);
        if (c != l->exchange->to && !spent(c))
            return true;
    }
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
    bool root = name_labels(w->cut->zone) == 0 && w->kind != CUT_FORWARD;
    if (root && kinds && which != FAULT_REFUSED && which != FAULT_ERROR && which != FAULT_CUT &&
        which != FAULT_LAME)
        return REASON_ROOT_UNREACHABLE;
    if (kinds == 0)
        return w->ns.reason ? w->ns.reason : REASON_NO_SERVERS;
    return kinds == 1 ? alone[which] : REASON_ALL_FAILED;
}
