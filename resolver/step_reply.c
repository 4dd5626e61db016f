/* What a reply leads to: down, along, to the end, or to another server. */
#include <string.h>

#include "base/must.h"
#include "resolver/classify.h"

struct asked reply_asked(const struct lookup *l)
{
    const struct resolver_options *o = l->r->options;
    return (struct asked){
        .name = minimise_name(l),
        .type = minimise_type(l),
        .zone = l->walk.cut->zone,
        .now = l->r->now,
        .ttl_min = o->ttl_min,
        .ttl_max = o->ttl_max,
        .negative_ttl_max = o->negative_ttl_max,
        .stubs = o->stubs,
        .stub_count = o->stub_count,
        .forward_over = l->walk.forward_over,
        .recursive = l->walk.kind == CUT_FORWARD,
    };
}

/* ---- Where a reply leads -----------------------------------------------------------------------
 */

static enum next same_server(struct lookup *l)
{
    l->lead.chosen = l->exchange->to;
    l->step = STEP_SEND;
    if (l->exchange->to->flags & CANDIDATE_COPY)
        l->step = STEP_ASK_COPY;
    return NEXT_STEP;
}

static enum next other_server(struct lookup *l, enum fault fault)
{
    servers_give_up(l, l->exchange->to, fault);
    l->step = STEP_CHOOSE_SERVER;
    return NEXT_STEP;
}

/* A minimised question only feels the way: whatever exists there, it goes on with more of the name.
 */
static enum next after_probe(struct lookup *l, enum reply_kind kind)
{
    switch (kind) {
    case REPLY_ANSWER:
    case REPLY_NODATA:
    case REPLY_ALIAS:
    case REPLY_ALIAS_LOOP:
    case REPLY_YXDOMAIN:
        minimise_next(l);
        servers_new_question(l);
        l->step = STEP_CHOOSE_SERVER;
        return NEXT_STEP;
    default:
        /* Servers that deny empty non-terminals or refuse what they do not expect (RFC 9156 §3). */
        minimise_give_up(l);
        servers_new_question(l);
        return same_server(l);
    }
}

/* Did the server stumble over EDNS? (RFC 6891 §7: FORMERR without OPT; NOTIMP and BADVERS seen in
 * the field) */
static bool edns_to_blame(const struct lookup *l, const struct message *m, enum reply_kind kind)
{
    if (!l->exchange->edns)
        return false;
    if (kind == REPLY_BADVERS)
        return true;
    return (kind == REPLY_FORMERR || kind == REPLY_NOTIMP) && !m->edns.present;
}

/* One that knows EDNS but takes options ill that it does not know, against RFC 6891 §6.1.2. */
static bool cookie_to_blame(const struct lookup *l, const struct message *m, enum reply_kind kind)
{
    return l->exchange->cookie_sent && kind == REPLY_FORMERR && m->edns.present;
}

static enum next after_error(struct lookup *l, const struct message *m, enum reply_kind kind)
{
    switch (kind) {
    case REPLY_FORMERR:
    case REPLY_NOTIMP:
    case REPLY_BADVERS:
        if (cookie_to_blame(l, m, kind)) {
            l->exchange->to->flags |= CANDIDATE_NO_COOKIE;
            return same_server(l);
        }
        if (!edns_to_blame(l, m, kind))
            return other_server(l, FAULT_ERROR);
        l->exchange->to->flags |= CANDIDATE_NO_EDNS;
        return same_server(l);
    case REPLY_REFUSED:
        return other_server(l, FAULT_REFUSED);
    case REPLY_LAME:
        return other_server(l, FAULT_LAME);
    case REPLY_TRUNCATED:
        return other_server(l, FAULT_CUT);
    default:
        return other_server(l, FAULT_ERROR);
    }
}

/*
 * RA without AA: a resolver that somebody took for an authoritative server. What it says may be
 * old; it counts only when nobody else can be asked.
 */
static bool is_resolver(const struct lookup *l, const struct message *m)
{
    return l->walk.kind != CUT_FORWARD && (m->flags & FLAG_RA) && !(m->flags & FLAG_AA) &&
           !(l->exchange->to->flags & CANDIDATE_LAST) && servers_others(l);
}

static bool is_error(enum reply_kind k)
{
    return k >= REPLY_LAME;
}

/* What this reply tells of the server's EDNS. Only an answer proves that doing without it helps. */
static void note_edns(struct lookup *l, const struct message *m, enum reply_kind kind)
{
    if (is_error(kind) || l->exchange->to->flags & CANDIDATE_COPY)
        return;
    l->r->counters.limit_edns_options += m->edns.cut;
    if (m->edns.present)
        servers_edns_works(l->r, &l->exchange->to->at);
    else if (!l->exchange->edns)
        servers_edns_missed(l->r, &l->exchange->to->at);
    if (l->exchange->edns) /* what made us doubt it was a forger's */
        l->exchange->to->flags &= (uint8_t)~CANDIDATE_NO_EDNS;
}

/* What is left is an answer of some kind. */
static enum next found(struct lookup *l, const struct message *m, const struct classified *c)
{
    l->r->counters.scrubbed += c->scrubbed;
    l->r->counters.limit_ttl += c->capped;
    arena_adopt(&l->arena, &l->reply);
    l->lead.found = arena_copy(&l->arena, c, sizeof *c);
    l->lead.reply = m;
    if (!l->lead.found)
        return lookup__fail(l, REASON_WORK_SIZE);
    l->result.source = SOURCE_RESOLVED;
    l->chain.response = NULL;
    l->step = chain_wanted(l) ? STEP_VALIDATE : STEP_ACCEPT;
    return NEXT_STEP;
}

static void tell_reply(const struct lookup *l, const struct message *m, const struct classified *c)
{
    struct traced_event e = lookup__event_of(l, TRACED_REPLY, l->exchange);
    e.ms = l->exchange->rtt_ms;
    e.what = reply_kind_text(c->kind);
    e.rcode = m->rcode;
    e.message = m;
    e.kept[0] = &c->answer;
    e.kept[1] = c->denial.count ? &c->denial : &c->proof;
    e.referral = c->kind == REPLY_REFERRAL ? c->ns : NULL;
    lookup__tell(l, e);
}

enum next step_classify_reply(struct lookup *l, const struct event *e)
{
    struct asked q = reply_asked(l);
    struct classified c;
    const struct message *m = e->message;
    if (classify(&l->arena, m, &q, &c))
        return lookup__fail(l, REASON_WORK_SIZE);
    l->r->counters.dropped_records += m->dropped;
    lookup__trace(l, "reply", "kind=%s aa=%d scrubbed=%u", reply_kind_text(c.kind),
                  !!(m->flags & FLAG_AA), c.scrubbed);
    if (lookup__watched(l))
        tell_reply(l, m, &c);
    note_edns(l, m, c.kind);
    if (c.kind == REPLY_REFERRAL) {
        l->lead.referral = c.ns;
        l->step = STEP_FOLLOW_REFERRAL;
        return NEXT_STEP;
    }
    if (l->walk.probe && !edns_to_blame(l, m, c.kind))
        return after_probe(l, c.kind);
    if (!is_error(c.kind) && is_resolver(l, m)) {
        servers_ask_last(l, l->exchange->to);
        l->step = STEP_CHOOSE_SERVER;
        return NEXT_STEP;
    }
    if (is_error(c.kind))
        return after_error(l, m, c.kind);
    return found(l, m, &c);
}

/* ---- Down and along ----------------------------------------------------------------------------
 */

enum next step_follow_referral(struct lookup *l, const struct event *e)
{
    struct asked q = reply_asked(l);
    if (++l->walk.referrals > LIMIT_REFERRALS) {
        l->r->counters.limit_referrals++;
        return lookup__fail(l, REASON_REFERRALS);
    }
    struct delegation found;
    l->r->counters.limit_delegation +=
        !referral_delegation(e->message, l->lead.referral, &q, &found);
    struct delegation *d = delegation_copy(&l->arena, &found);
    if (!d)
        return lookup__fail(l, REASON_WORK_SIZE);
    /* A zone that its parent takes back takes all below it along, however deep it goes (phoenix
     * domains). */
    if (d->expiry > l->walk.cut->expiry)
        d->expiry = l->walk.cut->expiry;
    cache_put_delegation(l->r->config.cache, d, l->r->now);
    chain_keep_referral(l, e->message, d);
    servers_drop_children(l);
    l->walk.cut = d;
    l->walk.kind = CUT_LEARNED;
    l->walk.fresh = true;
    return cut_enter(l);
}

enum next step_follow_alias(struct lookup *l, const struct event *e)
{
    (void)e;
    struct key_draft draft;
    struct edge *edge;
    if (lookup__key(&draft, l->lead.target, l->key.type, l->key.flags))
        return lookup__fail(l, REASON_WORK_SIZE);
    switch (waits_need(l, &draft.key, EDGE_ALIAS, &edge)) {
    case NEED_WAITS:
        l->step = STEP_AWAIT_ALIAS;
        return NEXT_WAIT;
    case NEED_LOOP:
        return lookup__fail(l, REASON_ALIAS_LOOP);
    case NEED_DEPTH:
        return lookup__fail(l, REASON_DEPTH);
    case NEED_NOMEM:
        break;
    }
    return lookup__fail(l, REASON_WORK_SIZE);
}

enum next step_await_alias(struct lookup *l, const struct event *e)
{
    (void)e;
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *edge = CONTAINER_OF(it, struct edge, in_parent);
        if (edge->child && edge->kind == EDGE_ALIAS)
            return NEXT_WAIT;
        waits_drop(edge);
    }
    if (l->result.reason)
        return lookup__fail(l, l->result.reason);
    if (result_aliases(&l->result.answer, l->key.type) > LIMIT_ALIASES)
        return lookup__fail(l, REASON_ALIAS_CHAIN);
    l->step = STEP_ANSWER;
    return NEXT_STEP;
}

enum next step_answer(struct lookup *l, const struct event *e)
{
    (void)e;
    if (l->result.reason)
        lookup__trace(l, "failed", "reason=%s", reason_name(l->result.reason));
    return NEXT_DONE;
}
