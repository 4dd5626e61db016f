/* The steps of a scenario. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/player_internal.h"
#include "tests/sim/rpl_lex.h"
#include "tests/sim/scarce.h"

static bool settle(struct play *p)
{
    return play__ok(p, sim_run_now(p->sim), "running");
}

/* ---- queries and answers --------------------------------------------------------------------- */

static struct play_query *add_query(struct play *p, const struct rpl_step *s)
{
    struct play_query *q = arena_calloc(p->arena, 1, sizeof *q);
    if (!q)
        return NULL;
    q->request = ++p->request;
    q->id = (uint16_t)(0x1000 + q->request);
    q->step = s->number;
    q->via = s->entry->match & MATCH_TCP ? TRANSPORT_TCP : TRANSPORT_UDP;
    *p->log.last_query = q;
    p->log.last_query = &q->next;
    return q;
}

static bool do_query(struct play *p, const struct rpl_step *s)
{
    static const struct endpoint localhost = {.family = 4, .bytes = {127, 0, 0, 1}};
    struct rpl_bytes bytes;
    size_t size = 0;
    struct play_query *q = add_query(p, s);
    if (!q)
        return play__fail(p, "out of memory");
    enum err err = rpl_build_query(p->arena, s->entry, q->id, &bytes);
    if (err)
        return play__ok(p, err, "building the query");
    if (s->entry->packet.raw && bytes.size >= 2)
        q->id = load_u16(bytes.at);
    uint8_t *reply = malloc(DNS_MESSAGE_MAX);
    if (!reply)
        return play__fail(p, "out of memory");
    struct front_query query = {.bytes = bytes.at,
                                .size = bytes.size,
                                .client = s->has_address ? s->address : localhost,
                                .via = q->via,
                                .request = q->request};
    query.client.port = 40000;
    sim_note(p->sim, "query of a client", bytes.at, bytes.size);
    scarce_arm(true);
    enum front_verdict verdict = front_query(p->front, &query, reply, DNS_MESSAGE_MAX, &size);
    scarce_arm(false);
    switch (verdict) {
    case FRONT_REPLY:
        play__add_answer(p, q, reply, size);
        break;
    case FRONT_ELSEWHERE:
    case FRONT_DROP:
        q->dropped = true;
        break;
    case FRONT_PENDING:
        break;
    }
    free(reply);
    sim_poke(p->sim);
    return settle(p);
}

/* Moves virtual time on until there is an answer to check. */
static bool await_answer(struct play *p)
{
    uint64_t until = sim_now(p->sim) + PLAY_PATIENCE_MS;
    if (!settle(p))
        return false;
    for (bool moved = true; moved && !p->log.answers;) {
        if (!play__ok(p, sim_step(p->sim, until, &moved), "waiting for the answer"))
            return false;
    }
    return p->log.answers || play__fail(p, "there is no answer");
}

static const char *message_of(struct play *p, const struct rpl_message *m)
{
    struct rpl_text t = {.arena = p->arena};
    rpl_print_message(&t, m);
    return t.at;
}

/* Bytes given in hex: everything but the id must be the same. */
static bool check_raw(struct play *p, const struct rpl_packet *want, const struct play_answer *a)
{
    if (want->raw_size == a->bytes.size && a->bytes.size >= 2 &&
        memcmp(want->raw + 2, a->bytes.at + 2, a->bytes.size - 2) == 0)
        return true;
    return play__fail(p, "the octets of the answer differ from the entry's");
}

static bool check_message(struct play *p, const struct rpl_entry *e, const struct play_answer *a)
{
    struct rpl_message got, want;
    char why[RPL_ERROR_MAX];
    if (rpl_message_read(p->arena, a->bytes.at, a->bytes.size, &got, why) != OK)
        return play__fail(p, "%s", why);
    got.via = a->query->via;
    if (got.id != a->query->id)
        return play__fail(p, "the answer has another id than the query");
    if (got.via == TRANSPORT_UDP && a->bytes.size > RPL_EDNS_SIZE)
        return play__fail(p, "%zu octets over UDP", a->bytes.size);
    if (rpl_match(e, &got, why))
        return true;
    rpl_entry_message(e, &want);
    p->result->expected = message_of(p, &want);
    p->result->got = message_of(p, &got);
    return play__fail(p, "%s", why);
}

static bool do_check_answer(struct play *p, const struct rpl_step *s)
{
    if (!p->log.answers && !await_answer(p))
        return false;
    struct play_answer *a = p->log.answers;
    p->log.answers = a->next;
    if (!p->log.answers)
        p->log.last_answer = &p->log.answers;
    if (s->entry->packet.raw)
        return check_raw(p, &s->entry->packet, a);
    return check_message(p, s->entry, a);
}

/* ---- upstream -------------------------------------------------------------------------------- */

static bool wanted(const struct rpl_step *s, const struct sim_exchange *x)
{
    return sim_outstanding(x) && (!s->has_address || address_equal(&s->address, &x->to));
}

static struct sim_exchange *newest_outstanding(struct play *p, const struct rpl_step *s)
{
    struct sim_exchange *found = NULL;
    for (struct sim_exchange *x = sim_next(p->sim, NULL); x; x = sim_next(p->sim, x)) {
        if (wanted(s, x))
            found = x;
    }
    return found;
}

/* One that a canned entry was told not to answer is silent too, but comes last. */
static struct sim_exchange *oldest_outstanding(struct play *p, const struct rpl_step *s)
{
    for (struct sim_exchange *x = sim_next(p->sim, NULL); x; x = sim_next(p->sim, x)) {
        if (wanted(s, x))
            return x;
    }
    for (struct sim_exchange *x = sim_next(p->sim, NULL); x; x = sim_next(p->sim, x)) {
        if (x->settled && x->scheduled == 0)
            return x;
    }
    return NULL;
}

/*
 * The query must be outstanding, or have been sent (and answered by a range at once) since the last
 * step that let something happen. An entry that is itself an answer (QR) is given to a query that
 * still waits, as testbound does.
 */
static bool do_check_out_query(struct play *p, const struct rpl_step *s)
{
    char why[RPL_ERROR_MAX] = "there is none";
    for (struct play_sent *sent = p->log.sent; sent; sent = sent->next) {
        struct sim_exchange *x = sim_find(p->sim, sent->sequence);
        bool waits = x && wanted(s, x);
        if (sent->checked || (!waits && sent->step != p->moved_step) ||
            (s->has_address && !address_equal(&s->address, &sent->to)))
            continue;
        if (!rpl_match(s->entry, &sent->message, why)) {
            p->result->got = message_of(p, &sent->message);
            continue;
        }
        p->result->got = NULL;
        sent->checked = true;
        if (!waits || !(s->entry->packet.flags & FLAG_QR))
            return true;
        return play__answer_exchange(p, x, s->entry) && settle(p);
    }
    struct rpl_message want;
    rpl_entry_message(s->entry, &want);
    p->result->expected = message_of(p, &want);
    return play__fail(p, "no upstream query matches: %s", why);
}

static bool do_reply(struct play *p, const struct rpl_step *s)
{
    struct sim_exchange *x = newest_outstanding(p, s);
    if (!x)
        return play__fail(p, "no upstream query is outstanding");
    return play__answer_exchange(p, x, s->entry) && settle(p);
}

/* Time goes on until the core gives the exchange up or sends another. */
static bool do_timeout(struct play *p, const struct rpl_step *s)
{
    struct sim_exchange *x = oldest_outstanding(p, s);
    uint64_t until = sim_now(p->sim) + PLAY_PATIENCE_MS;
    if (!x)
        return play__fail(p, "no upstream query is outstanding");
    uint64_t sequence = x->sequence, sent = sim_sent(p->sim);
    const struct play_answer *answers = p->log.answers;
    for (bool moved = true; moved;) {
        if (!play__ok(p, sim_step(p->sim, until, &moved), "waiting for the time-out"))
            return false;
        x = sim_find(p->sim, sequence);
        if (x && (sim_sent(p->sim) > sent || p->log.answers != answers))
            x->settled = true; /* kept open for a late answer */
        if (!x || x->settled)
            return true;
    }
    return play__fail(p, "the upstream query does not time out");
}

static bool do_error(struct play *p, const struct rpl_step *s)
{
    struct sim_exchange *x = oldest_outstanding(p, s);
    if (!x)
        return play__fail(p, "no upstream query is outstanding");
    return play__ok(p, sim_fail(p->sim, x, ERR_REFUSED, 0), "failing the query") && settle(p);
}

/* ---- time, variables, caches ----------------------------------------------------------------- */

static bool expand(struct play *p, const char *text, const char **out)
{
    char error[RPL_ERROR_MAX];
    uint64_t next = sim_next_time(p->sim);
    p->scope.time = (double)sim_wall(p->sim);
    p->scope.timeout = next == UINT64_MAX ? 0 : (double)(next - sim_now(p->sim)) / 1000;
    if (p->watch)
        p->scope.timeout = play__trust_due(p);
    enum err err = rpl_expand(&p->scope, text, out, error);
    return err ? play__fail(p, "%s: %s", text, error) : true;
}

static bool expand_number(struct play *p, const char *text, double *out)
{
    char error[RPL_ERROR_MAX];
    const char *value;
    if (!expand(p, text, &value))
        return false;
    return rpl_number(value, out, error) == OK || play__fail(p, "%s: %s", text, error);
}

static bool do_time_passes(struct play *p, const struct rpl_step *s)
{
    double seconds;
    if (!expand_number(p, s->expression, &seconds))
        return false;
    if (seconds < 0 || seconds > UINT32_MAX)
        return play__fail(p, "time cannot pass by %.12g seconds", seconds);
    return play__ok(p, sim_advance(p->sim, (uint64_t)(seconds * 1000 + 0.5)),
                    "letting time pass") &&
           play__watch_trust(p);
}

/* As when somebody sets it. */
static bool do_wall_clock(struct play *p, const struct rpl_step *s)
{
    double seconds;
    if (!expand_number(p, s->expression, &seconds))
        return false;
    sim_set_wall(p->sim, (int64_t)seconds);
    return true;
}

static bool do_assign(struct play *p, const struct rpl_step *s)
{
    const char *value;
    return expand(p, s->expression, &value) &&
           play__ok(p, rpl_assign(&p->scope, s->name, value), "assigning");
}

/* Our answers refill from RRsets, so what is to be forgotten is forgotten with its name. */
static bool do_flush(struct play *p, const struct rpl_step *s)
{
    uint8_t name[NAME_MAX_WIRE];
    if (name_from_text(s->name, name) != OK)
        return play__fail(p, "\"%s\" is no domain name", s->name);
    cache_flush_name(p->cache, name);
    return true;
}

static bool do_infra_rtt(struct play *p, const struct rpl_step *s)
{
    double ms;
    if (!expand_number(p, s->expression, &ms))
        return false;
    uint32_t now = world_now_s(sim_world(p->sim));
    struct server_state state = {
        .expiry = now + 900, .srtt_ms = (uint32_t)ms, .edns = SERVER_EDNS_UNKNOWN};
    if (!cache_put_server(p->cache, &s->address, NULL, &state, now))
        return play__fail(p, "the server's time was not stored");
    return true;
}

/* ---- which ----------------------------------------------------------------------------------- */

static bool run(struct play *p, const struct rpl_step *s)
{
    const char *text;
    switch (s->kind) {
    case STEP_QUERY:
        return do_query(p, s);
    case STEP_CHECK_ANSWER:
        return do_check_answer(p, s);
    case STEP_CHECK_OUT_QUERY:
        return do_check_out_query(p, s);
    case STEP_REPLY:
        return do_reply(p, s);
    case STEP_TIMEOUT:
        return do_timeout(p, s);
    case STEP_ERROR:
        return do_error(p, s);
    case STEP_TIME_PASSES:
        return do_time_passes(p, s);
    case STEP_WALL_CLOCK:
        return do_wall_clock(p, s);
    case STEP_NOTHING:
        return settle(p) && play__watch_trust(p);
    case STEP_CHECK_AUTOTRUST:
        return expand(p, s->contents, &text) && play__check_trust(p, text);
    case STEP_ASSIGN:
        return do_assign(p, s);
    case STEP_FLUSH_MESSAGE:
    case STEP_EXPIRE_MESSAGE:
        return do_flush(p, s);
    case STEP_INFRA_RTT:
        return do_infra_rtt(p, s);
    default:
        return play__fail(p, "a step that is not played");
    }
}

bool play__step(struct play *p, const struct rpl_step *s)
{
    if (p->options->verbose)
        printf("---- STEP %u %s\n", s->number, rpl_step_text(s->kind));
    p->step = s->number;
    p->range_step = s->number;
    /* A range that begins here answers what still waits, unless the step itself is about what
     * waits. */
    if (s->kind != STEP_CHECK_OUT_QUERY && s->kind != STEP_REPLY &&
        !(play__try_ranges(p) && settle(p)))
        return false;
    if (s->kind == STEP_QUERY || s->kind == STEP_REPLY || s->kind == STEP_TIMEOUT ||
        s->kind == STEP_ERROR || s->kind == STEP_TIME_PASSES) {
        p->moved_step = s->number;
        if (p->settings.knobs.next_step && s->next)
            p->range_step = s->next->number;
    }
    bool fine = run(p, s);
    fine = fine && p->result->verdict == PLAY_OK;
    p->result->served += fine;
    return fine;
}
