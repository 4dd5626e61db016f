/*
 * The servers of the zone at hand: which addresses there are, which is asked next, what is
 * remembered of them.
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
    SERVER_UNKNOWN_MS = 50,
    SERVER_BAND_MS = 20,
    SERVER_FORGET_S = 60,     /* after that it is asked again whatever it was */
    SERVER_NOTE_S = 5,        /* a message is noted if the last note is older */
    SERVER_KEEP_S = 900,      /* a measurement is worth that long */
    SERVER_DEAD_TIMEOUTS = 6, /* in a row: rather ask others */
    SERVER_DEAD_S = 15,
    SERVER_DEAD_MS = 60000, /* what such a one is reckoned at */
    SERVER_LAME_S = 600,    /* lame for a zone that long, then tried anew */
    SERVER_EDNS_S = 600,    /* after that EDNS is tried anew */
};

static struct server_state server_get(struct resolver *r, const struct endpoint *at)
{
    struct server_state s;
    uint32_t now = world_now_s(r->config.world);
    if (cache_get_server(r->config.cache, at, NULL, now, &s))
        s = (struct server_state){0};
    return s;
}

static void server_put(struct resolver *r, const struct endpoint *at, struct server_state *s)
{
    uint32_t now = world_now_s(r->config.world);
    s->expiry = now + SERVER_KEEP_S;
    cache_put_server(r->config.cache, at, NULL, s, now);
}

/* Seconds since it was last asked or heard of. */
static uint32_t age_s(const struct server_state *s, uint32_t now)
{
    uint32_t noted = s->expiry - SERVER_KEEP_S;
    return now > noted ? now - noted : 0;
}

/* Smoothed as TCP does it (RFC 6298 §2). */
void servers_measured(struct resolver *r, const struct endpoint *at, uint32_t rtt_ms)
{
    struct server_state s = server_get(r, at);
    uint32_t rtt = rtt_ms ? rtt_ms : 1;
    if (!s.srtt_ms) {
        s.srtt_ms = rtt;
        s.rttvar_ms = rtt / 2;
    } else {
        uint32_t delta = s.srtt_ms > rtt ? s.srtt_ms - rtt : rtt - s.srtt_ms;
        s.rttvar_ms = (3 * s.rttvar_ms + delta) / 4;
        s.srtt_ms = (7 * s.srtt_ms + rtt + 4) / 8;
    }
    s.timeouts = 0;
    s.retry_at = 0;
    server_put(r, at, &s);
}

void servers_asked(struct resolver *r, const struct endpoint *at)
{
    struct server_state s;
    if (cache_get_server(r->config.cache, at, NULL, r->now, &s) ||
        age_s(&s, r->now) < SERVER_NOTE_S)
        return;
    server_put(r, at, &s);
}

void servers_timed_out(struct resolver *r, const struct endpoint *at)
{
    struct server_state s = server_get(r, at);
    if (s.timeouts < UINT8_MAX)
        s.timeouts++;
    if (s.timeouts >= SERVER_DEAD_TIMEOUTS)
        s.retry_at = (uint32_t)(r->now_ms / 1000) + SERVER_DEAD_S;
    server_put(r, at, &s);
}

void servers_edns(struct resolver *r, const struct endpoint *at, enum server_edns state)
{
    struct server_state s = server_get(r, at);
    if (s.edns == state && state != SERVER_EDNS_BROKEN)
        return;
    s.edns = (uint8_t)state;
    s.edns_until = (uint32_t)(r->now_ms / 1000) + SERVER_EDNS_S;
    server_put(r, at, &s);
}

/* ---- Candidates ---------------------------------------------------------------------------------
 */

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

/* Held to be lame for this zone (RFC 9520 §2.3 speaks of such): asked when nobody else is left. */
static bool is_lame(struct lookup *l, const struct endpoint *at)
{
    struct server_state s;
    return !cache_get_server(l->r->config.cache, at, l->walk.cut->zone, l->r->now, &s) && s.lame;
}

static void note_lame(struct lookup *l, const struct endpoint *at)
{
    struct server_state s = {.expiry = l->r->now + SERVER_LAME_S, .lame = true};
    cache_put_server(l->r->config.cache, at, l->walk.cut->zone, &s, l->r->now);
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
    struct server_state s = server_get(l->r, at);
    if (s.edns == SERVER_EDNS_BROKEN && s.edns_until > l->r->now)
        c->flags |= CANDIDATE_NO_EDNS;
    if (is_lame(l, at))
        c->flags |= CANDIDATE_LAST;
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

/* Which types of address are worth having: bit 0 A, bit 1 AAAA. */
static const uint16_t address_types[2] = {TYPE_A, TYPE_AAAA};

static bool family_wanted(const struct lookup *l, unsigned i)
{
    return i == 0 ? l->r->options->use_ipv4 : l->r->options->use_ipv6;
}

void servers_collect(struct lookup *l)
{
    struct walk *w = &l->walk;
    const struct delegation *d = w->cut;
    w->candidate_count = 0;
    w->ns_lookups = w->ns_nxdomain = 0;
    w->ns_reason = REASON_NONE;
    memset(w->ns_asked, 0, sizeof w->ns_asked);
    memset(w->faults, 0, sizeof w->faults);
    for (unsigned i = 0; i < d->address_count; i++) {
        servers_add(l, &d->address[i].at, d->address[i].ns);
        w->ns_asked[d->address[i].at.family == 6] |= 1U << d->address[i].ns;
    }
    /* Of a configured zone the servers are those that the operator named and no others. */
    for (unsigned ns = 0; w->kind == CUT_LEARNED && ns < d->ns_count; ns++) {
        for (unsigned i = 0; i < 2; i++) {
            struct rrset set;
            if ((w->ns_asked[i] >> ns & 1) || !family_wanted(l, i))
                continue;
            if (cache_get_rrset(l->r->config.cache, d->ns[ns], address_types[i], l->r->now, &set))
                continue;
            w->ns_asked[i] |= 1U << ns;
            add_records(l, &set, (uint8_t)ns);
        }
    }
}

/*
 * What a server was is worth less with each second that it is not asked, and nothing after
 * SERVER_FORGET_S: so each comes to its turn again, and one that has recovered is found.
 * servers_asked sees to it that one question tries it, not all.
 */
static uint32_t reckon_ms(struct lookup *l, const struct candidate *c)
{
    struct server_state s = server_get(l->r, &c->at);
    if (s.retry_at > l->r->now)
        return SERVER_DEAD_MS;
    if (!s.srtt_ms && !s.timeouts)
        return SERVER_UNKNOWN_MS;
    uint32_t base = (s.srtt_ms ? s.srtt_ms : SERVER_UNKNOWN_MS) + 200U * s.timeouts;
    uint32_t age = age_s(&s, l->r->now);
    return age < SERVER_FORGET_S ? base - base * age / SERVER_FORGET_S : 0;
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
    note_lame(l, &c->at);
}

void servers_give_up(struct lookup *l, struct candidate *c, enum fault fault)
{
    c->flags |= CANDIDATE_OVER;
    l->walk.faults[fault]++;
    if (fault == FAULT_LAME || fault == FAULT_REFUSED)
        note_lame(l, &c->at);
}

struct candidate *servers_choose(struct lookup *l, bool last_resort)
{
    struct walk *w = &l->walk;
    uint32_t cost[CANDIDATES_MAX], best = UINT32_MAX;
    if (w->faults[FAULT_SILENT] >= LIMIT_TIMEOUTS)
        return NULL;
    for (unsigned i = 0; i < w->candidate_count; i++) {
        const struct candidate *c = &w->candidate[i];
        cost[i] = UINT32_MAX;
        if (spent(c) || (!last_resort && (c->flags & CANDIDATE_LAST)))
            continue;
        cost[i] = (uint32_t)(c->sends[0] + c->sends[1]) << 20 | reckon_ms(l, c);
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

uint32_t servers_timeout_ms(struct lookup *l, const struct candidate *c, enum transport via)
{
    if (via == TRANSPORT_TCP)
        return TIMEOUT_TCP_MS;
    struct server_state s = server_get(l->r, &c->at);
    uint32_t ms = s.srtt_ms ? s.srtt_ms + 4 * s.rttvar_ms : TIMEOUT_UNKNOWN_MS;
    if (ms < TIMEOUT_MIN_MS)
        ms = TIMEOUT_MIN_MS;
    unsigned doubled = c->sends[via] > 1 ? c->sends[via] - 1U : 0;
    ms = ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : ms << doubled;
    return ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : ms;
}

/* ---- Addresses that are not known yet -----------------------------------------------------------
 */

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

/* Is there a name server whose address was never asked for, and may that still be done? */
static bool more_to_look_up(const struct lookup *l)
{
    const struct walk *w = &l->walk;
    uint32_t all = (1U << w->cut->ns_count) - 1;
    if (w->kind != CUT_LEARNED || w->ns_lookups >= LIMIT_NS_PER_DELEGATION ||
        w->ns_nxdomain >= LIMIT_NS_NXDOMAIN)
        return false;
    return (family_wanted(l, 0) && (w->ns_asked[0] & all) != all) ||
           (family_wanted(l, 1) && (w->ns_asked[1] & all) != all);
}

bool servers_others(const struct lookup *l)
{
    for (unsigned i = 0; i < l->walk.candidate_count; i++)
        if (&l->walk.candidate[i] != l->exchange.to && !spent(&l->walk.candidate[i]))
            return true;
    return more_to_look_up(l);
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

/* ---- Why none of them answered ------------------------------------------------------------------
 */

enum reason servers_reason(const struct lookup *l)
{
    static const enum reason alone[FAULT_COUNT] = {
        [FAULT_SILENT] = REASON_ALL_SILENT,    [FAULT_REFUSED] = REASON_ALL_REFUSED,
        [FAULT_LAME] = REASON_ALL_LAME,        [FAULT_MALFORMED] = REASON_MALFORMED,
        [FAULT_ERROR] = REASON_ALL_FAILED,     [FAULT_CLOSED] = REASON_ALL_CLOSED,
        [FAULT_NETWORK] = REASON_NO_TRANSPORT,
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
    if (w->ns_reason && !reason_cached(w->ns_reason))
        return w->ns_reason;
    bool root = name_labels(w->cut->zone) == 0;
    if (root && kinds && which != FAULT_REFUSED && which != FAULT_ERROR && which != FAULT_LAME)
        return REASON_ROOT_UNREACHABLE;
    if (kinds == 0)
        return w->ns_reason ? w->ns_reason : REASON_NO_SERVERS;
    return kinds == 1 ? alone[which] : REASON_ALL_FAILED;
}
