/* Asking: which server, the message out, what came of it. */
#include "resolver/lookup.h"

/*
 * A zone whose servers all fail must not have every question passed on to its parent's (RFC 4697
 * §2.2.1, RFC 9520 §3.3): asking anew is backed off like a failure of the zone, noted under a type
 * that nobody can ask for.
 */
static bool may_ask_parent(struct lookup *l)
{
    struct failure noted;
    const uint8_t *zone = l->walk.cut->zone;
    if (!cache_get_failure(l->r->config.cache, zone, TYPE_OPT, l->r->now, &noted))
        return false;
    lookup__back_off(l->r, zone, TYPE_OPT, REASON_ALL_LAME);
    return true;
}

/*
 * No server of the cut is left. Forwarders may be done without; a delegation from the cache may
 * have been changed by the parent since, which shows in servers that answer but know nothing of the
 * zone: the parent is asked again, once.
 */
static bool another_way(struct lookup *l)
{
    struct walk *w = &l->walk;
    if (w->kind == CUT_FORWARD) {
        w->forward_over = true;
        return w->may_iterate;
    }
    bool moved = w->faults[FAULT_LAME] || w->faults[FAULT_REFUSED];
    if (w->kind != CUT_LEARNED || w->fresh || w->above || !moved || !*w->cut->zone ||
        !may_ask_parent(l))
        return false;
    w->above = w->cut->zone;
    return true;
}

enum next step_choose_server(struct lookup *l, const struct event *e)
{
    (void)e;
    flow_leave_line(l);
    servers_take_children(l);
    l->lead.chosen = servers_choose(l, false);
    if (l->lead.chosen && servers_ailing(l))
        servers_look_up_beside(l);
    if (!l->lead.chosen && (servers_look_up(l) || l->cancelled))
        return NEXT_WAIT;
    if (!l->lead.chosen)
        l->lead.chosen = servers_choose(l, true);
    if (!l->lead.chosen && another_way(l)) {
        l->step = STEP_FIND_CUT;
        return NEXT_STEP;
    }
    if (!l->lead.chosen)
        return lookup__fail(l, servers_reason(l));
    l->step = STEP_SEND;
    return NEXT_STEP;
}

/* There are servers that are silent to a name that only has others below it. */
static void doubt_minimising(struct lookup *l)
{
    if (!l->walk.probe || l->walk.faults[FAULT_SILENT] < LIMIT_MINIMISE_SILENT)
        return;
    minimise_give_up(l);
    servers_new_question(l);
}

/* Back to waiting for what is out, if anything is; else another server. */
static enum next go_on(struct lookup *l)
{
    if (!exchange_waits(l)) {
        doubt_minimising(l);
        heap_remove(&l->r->timers, &l->timer.node);
        l->step = STEP_CHOOSE_SERVER;
        return NEXT_STEP;
    }
    if (lookup__timer(l, exchange_due_ms(l))) {
        exchange_end_all(l);
        return lookup__fail(l, REASON_WORK_SIZE);
    }
    l->step = STEP_AWAIT_REPLY;
    return NEXT_WAIT;
}

/* In line for a place, or too many are there. What is out already goes on alone. */
static enum next held_up(struct lookup *l, enum flow_entry how)
{
    if (exchange_waits(l)) {
        flow_leave_line(l);
        return go_on(l);
    }
    if (how == FLOW_REFUSED)
        return lookup__fail(l, REASON_BUSY);
    l->step = STEP_CHOOSE_SERVER;
    return NEXT_WAIT;
}

enum next step_send_query(struct lookup *l, const struct event *e)
{
    (void)e;
    struct candidate *to = l->lead.chosen;
    enum flow_entry entry = flow_enter(l, &to->at);
    if (entry != FLOW_IN)
        return held_up(l, entry);
    enum transport via = to->flags & CANDIDATE_TCP ? TRANSPORT_TCP : TRANSPORT_UDP;
    enum err err =
        to->sends[via] < LIMIT_SENDS_PER_SERVER ? exchange_open(l, to, via) : ERR_REFUSED;
    if (err == ERR_LIMIT && (l->key.flags & LOOKUP_PRIME))
        return lookup__fail(l, servers_reason(l));
    /* Nobody is left to pay: the end is on its way from above. */
    if (err == ERR_LIMIT)
        return NEXT_WAIT;
    if (err == ERR_NOMEM)
        return lookup__fail(l, REASON_WORK_SIZE);
    if (err)
        servers_give_up(l, to, FAULT_NETWORK);
    return go_on(l);
}

static void on_timeout(struct lookup *l, const struct exchange *x)
{
    struct candidate *to = x->to;
    l->r->counters.upstream_timeouts++;
    flow_heard(l, x->server, false);
    lookup__trace(l, "upstream_timeout", "after_ms=%llu",
                  (unsigned long long)(l->r->now_ms - x->sent_ms));
    if (x->saw_malformed || x->via == TRANSPORT_TCP) {
        servers_give_up(l, to, x->saw_malformed ? FAULT_MALFORMED : FAULT_SILENT);
    } else {
        servers_timed_out(l->r, &to->at);
        l->walk.faults[FAULT_SILENT]++;
    }
}

/* That a host refuses is its own doing and remembered; that the network cannot reach it is not. */
static enum fault fault_of(enum err why)
{
    if (why == ERR_FORMAT)
        return FAULT_MALFORMED;
    return why == ERR_REFUSED ? FAULT_CLOSED : FAULT_NETWORK;
}

static void on_failed(struct lookup *l, const struct exchange *x)
{
    lookup__trace(l, "upstream_failed", "why=\"%s\"", err_text(x->why));
    servers_give_up(l, x->to, fault_of(x->why));
}

/* One exchange that failed, is due, or has the same server asked once more. */
static void see_end(struct lookup *l, struct exchange *x)
{
    if (x->state == EXCHANGE_REPEAT)
        l->lead.chosen = x->to;
    else if (x->state == EXCHANGE_FAILED)
        on_failed(l, x);
    else
        on_timeout(l, x);
    exchange_end(l, x);
    l->exchange = x;
}

/* Sees to all that have ended; the others go on waiting. */
static enum next see_ends(struct lookup *l)
{
    l->lead.chosen = NULL;
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange *x = &l->exchanges[i];
        if (x->state == EXCHANGE_FAILED && x->why == ERR_NOMEM) {
            exchange_end_all(l);
            return lookup__fail(l, REASON_WORK_SIZE);
        }
        if (x->state > EXCHANGE_OPEN || (x->state == EXCHANGE_OPEN && x->due_ms <= l->r->now_ms))
            see_end(l, x);
    }
    if (!l->lead.chosen)
        return go_on(l);
    l->step = STEP_SEND;
    return NEXT_STEP;
}

enum next step_await_reply(struct lookup *l, const struct event *e)
{
    switch (e->kind) {
    case EVENT_START:
    case EVENT_CHILD:
        servers_take_children(l);
        if (servers_ailing(l))
            servers_look_up_beside(l);
        return NEXT_WAIT;
    case EVENT_TIMEOUT:
    case EVENT_FAILED:
        return see_ends(l);
    case EVENT_REPLY:
        heap_remove(&l->r->timers, &l->timer.node);
        l->step = STEP_CLASSIFY;
        return NEXT_STEP;
    }
    return NEXT_WAIT;
}
