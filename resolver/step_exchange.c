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
    arena_deinit(&l->reply); /* a referral has been followed, an error noted */
    flow_leave_line(l);
    if (root_copy_serves(l)) {
        l->step = STEP_ASK_COPY;
        return NEXT_STEP;
    }
    servers_take_children(l);
    if (child_servers_awaited(l))
        return NEXT_WAIT;
    if (servers_ailing(l) && servers_all_tried(l))
        child_servers_join(l);
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
    if (!l->lead.chosen && (servers_doubt_glue(l) || l->cancelled))
        return NEXT_WAIT;
    if (!l->lead.chosen && child_servers_ask(l))
        return NEXT_WAIT;
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
    l->r->counters.limit_minimise_silent++;
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
static enum next held_up(struct lookup *l, enum flow_entry how, enum reason why)
{
    if (exchange_waits(l)) {
        flow_leave_line(l);
        return go_on(l);
    }
    if (how == FLOW_REFUSED)
        return lookup__fail(l, why);
    l->step = STEP_CHOOSE_SERVER;
    return NEXT_WAIT;
}

enum next step_send_query(struct lookup *l, const struct event *e)
{
    (void)e;
    struct candidate *to = l->lead.chosen;
    bool beside = l->lead.beside;
    enum transport via = beside || to->flags & CANDIDATE_TCP ? TRANSPORT_TCP : TRANSPORT_UDP;
    enum flow_entry entry = flow_enter(l, &to->at);
    if (entry != FLOW_IN)
        return held_up(l, entry, REASON_BUSY);
    enum err err =
        to->sends[via] < LIMIT_SENDS_PER_SERVER ? exchange_open(l, to, via) : ERR_REFUSED;
    l->lead.beside = false;
    if (err == ERR_LIMIT && (l->key.flags & LOOKUP_PRIME))
        return lookup__fail(l, servers_reason(l));
    /* Nobody is left to pay: the end is on its way from above. */
    if (err == ERR_LIMIT)
        return NEXT_WAIT;
    if (err == ERR_NOMEM)
        return lookup__fail(l, REASON_WORK_SIZE);
    if (err == ERR_BUSY)
        return held_up(l, flow_wait_socket(l), REASON_SOCKETS);
    l->r->counters.upstream_beside += beside && !err;
    if (err && beside)
        to->flags |= CANDIDATE_NO_TCP;
    else if (err)
        servers_give_up(l, to, FAULT_NETWORK);
    return go_on(l);
}

/* ---- Doubt --------------------------------------------------------------------------------------
 *
 * Over UDP much can come to an exchange that is no answer: a forger's guesses, a header with an
 * error, octets that cannot be read. The true reply may still be on its way, so none of it ends the
 * exchange; but waiting alone would let a forger cost a time-out, and a poor server too. So the
 * next try begins at once beside it, and the first valid answer wins:
 *   another id or question   the same server over TCP, which a forger cannot reach; where TCP is
 *                            refused the question goes out again from a new port (RFC 5452 §9.2)
 *   a bare header            without EDNS if that may be the cause, else the next server
 *   malformed                the next server
 */

static bool edns_suspect(const struct exchange *x)
{
    return x->edns && (x->saw & SAW_BARE) &&
           (x->bare_rcode == RCODE_FORMERR || x->bare_rcode == RCODE_NOTIMP);
}

static unsigned exchange_count(const struct lookup *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < EXCHANGES_MAX; i++)
        n += l->exchanges[i].state == EXCHANGE_OPEN;
    return n;
}

static bool is_out(const struct lookup *l, const struct candidate *to, enum transport via)
{
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        const struct exchange *x = &l->exchanges[i];
        if (x->state == EXCHANGE_OPEN && x->to == to && x->via == via)
            return true;
    }
    return false;
}

static bool may_ask_tcp(const struct lookup *l, const struct candidate *to)
{
    return !(to->flags & (CANDIDATE_NO_TCP | CANDIDATE_OVER)) &&
           to->sends[TRANSPORT_TCP] < LIMIT_SENDS_PER_SERVER && !is_out(l, to, TRANSPORT_TCP);
}

/*
 * It lets us wait, which may be the way there (a network without IPv6 swallows all messages), the
 * server, or chance. One that is better off is asked beside it. It has its time all the same.
 */
static struct candidate *rival(struct lookup *l, const struct exchange *x)
{
    if (x->state != EXCHANGE_OPEN || x->via != TRANSPORT_UDP || exchange_count(l) > 1 ||
        l->r->now_ms < x->sent_ms + TIMEOUT_RACE_MS)
        return NULL;
    return servers_rival(l, x->to);
}

/* Whom to ask beside this exchange, if anybody. */
static struct candidate *beside(struct lookup *l, struct exchange *x)
{
    uint8_t fresh = x->saw & (uint8_t)~x->dealt_with;
    if (x->state != EXCHANGE_OPEN || !fresh)
        return NULL;
    x->dealt_with = x->saw;
    if ((fresh & SAW_STRANGER) && may_ask_tcp(l, x->to)) {
        l->lead.beside = true;
        return x->to;
    }
    if (!(fresh & (SAW_BARE | SAW_MALFORMED)))
        return NULL;
    if (edns_suspect(x) && x->to->sends[TRANSPORT_UDP] < LIMIT_SENDS_PER_SERVER) {
        x->to->flags |= CANDIDATE_NO_EDNS;
        return x->to;
    }
    struct candidate *next = servers_choose(l, false);
    return next && !is_out(l, next, TRANSPORT_UDP) && !is_out(l, next, TRANSPORT_TCP) ? next : NULL;
}

/* TCP did not tell the forger apart. His guesses of the port are void when it is another. */
static void leave_port(struct lookup *l, struct candidate *to)
{
    to->flags |= CANDIDATE_NO_TCP;
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange *x = &l->exchanges[i];
        if (x->state == EXCHANGE_OPEN && x->to == to && (x->saw & SAW_STRANGER) &&
            to->sends[TRANSPORT_UDP] < LIMIT_SENDS_PER_SERVER) {
            exchange_end(l, x);
            l->lead.chosen = to;
        }
    }
}

/* ---- The end of an exchange -------------------------------------------------------------------
 */

static void on_timeout(struct lookup *l, const struct exchange *x)
{
    struct candidate *to = x->to;
    l->r->counters.upstream_timeouts++;
    if (!x->beside) /* a forger's doing is not the server's */
        flow_heard(l, x->server, false);
    lookup__trace(l, "upstream_timeout", "after_ms=%llu",
                  (unsigned long long)(l->r->now_ms - x->sent_ms));
    if (lookup__watched(l))
        lookup__tell(l, lookup__event_of(l, TRACED_SILENT, x));
    if (x->beside) {
        to->flags |= CANDIDATE_NO_TCP;
    } else if (x->via == TRANSPORT_TCP) {
        servers_give_up(l, to, FAULT_SILENT);
    } else if (edns_suspect(x)) {
        to->flags |= CANDIDATE_NO_EDNS;
    } else if ((x->saw & SAW_BARE) && l->walk.probe && exchange_count(l) == 1) {
        /* Some take a part of a name ill (RFC 9156 §3). */
        minimise_give_up(l);
        servers_new_question(l);
    } else if (x->saw & (SAW_MALFORMED | SAW_BARE)) {
        servers_give_up(l, to, x->saw & SAW_MALFORMED ? FAULT_MALFORMED : FAULT_ERROR);
    } else {
        servers_lost(l, &to->at);
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
    if (lookup__watched(l)) {
        struct traced_event e = lookup__event_of(l, TRACED_BROKEN, x);
        e.what = err_text(x->why);
        lookup__tell(l, e);
    }
    if (x->beside)
        leave_port(l, x->to);
    else
        servers_give_up(l, x->to, fault_of(x->why));
}

/* The server was heard over UDP but has to be asked over TCP; there it may be asked already. */
static void on_repeat(struct lookup *l, const struct exchange *x)
{
    for (unsigned i = 0; i < EXCHANGES_MAX; i++)
        if (l->exchanges[i].to == x->to)
            l->exchanges[i].beside = false;
    if (!is_out(l, x->to, TRANSPORT_TCP))
        l->lead.chosen = x->to;
}

/* One exchange that failed, is due, or has the same server asked once more. */
static void see_end(struct lookup *l, struct exchange *x)
{
    if (x->state == EXCHANGE_REPEAT)
        on_repeat(l, x);
    else if (x->state == EXCHANGE_FAILED)
        on_failed(l, x);
    else
        on_timeout(l, x);
    exchange_end(l, x);
    l->exchange = x;
}

static bool out_of_memory(const struct lookup *l)
{
    for (unsigned i = 0; i < EXCHANGES_MAX; i++)
        if (l->exchanges[i].state == EXCHANGE_FAILED && l->exchanges[i].why == ERR_NOMEM)
            return true;
    return false;
}

/* Sees to all that have ended, and to what came that is no answer; the others go on waiting. */
static enum next see_all(struct lookup *l)
{
    if (out_of_memory(l)) {
        exchange_end_all(l);
        return lookup__fail(l, REASON_WORK_SIZE);
    }
    l->lead.chosen = NULL;
    l->lead.beside = false;
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange *x = &l->exchanges[i];
        if (x->state > EXCHANGE_OPEN || (x->state == EXCHANGE_OPEN && x->due_ms <= l->r->now_ms))
            see_end(l, x);
    }
    if (servers_ailing(l))
        servers_look_up_beside(l);
    for (unsigned i = 0; i < EXCHANGES_MAX && !l->lead.chosen && exchange_room(l); i++)
        l->lead.chosen = beside(l, &l->exchanges[i]);
    for (unsigned i = 0; i < EXCHANGES_MAX && !l->lead.chosen && exchange_room(l); i++)
        l->lead.chosen = rival(l, &l->exchanges[i]);
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
        return see_all(l);
    case EVENT_TIMEOUT:
    case EVENT_FAILED:
    case EVENT_DOUBT:
        return see_all(l);
    case EVENT_REPLY:
        heap_remove(&l->r->timers, &l->timer.node);
        l->step = STEP_CLASSIFY;
        return NEXT_STEP;
    }
    return NEXT_WAIT;
}
