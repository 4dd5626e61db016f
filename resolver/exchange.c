/*
 * One message out, one reply in. What a reply must show before anything looks into it (RFC 5452
 * §9.1): the id, the question's name, type and class, and over UDP the very case of the letters
 * that was sent (0x20); the world has checked address and port. One that does not match ends
 * nothing: the exchange stays open for the true one, and nothing is held against the server, so
 * that a forger can neither poison nor silence it. But the lookup is told of the first, and begins
 * its next try beside (step_exchange.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/writer.h"
#include "resolver/lookup.h"

/* ---- Tokens: slot and generation, so that a late event meets nobody ----------------------------
 */

static enum err slot_take(struct lookup *l, struct exchange *x)
{
    struct resolver *r = l->r;
    if (!r->slot_free) {
        uint32_t count = r->slot_count ? r->slot_count * 2 : 64;
        struct slot *slots = realloc(r->slots, count * sizeof *slots);
        if (!slots)
            return ERR_NOMEM;
        for (uint32_t i = count; i-- > r->slot_count;) {
            slots[i] = (struct slot){.generation = 1, .next_free = r->slot_free};
            r->slot_free = i + 1;
        }
        r->slots = slots;
        r->slot_count = count;
    }
    uint32_t index = r->slot_free - 1;
    struct slot *s = &r->slots[index];
    r->slot_free = s->next_free;
    s->lookup = l;
    s->exchange = x;
    x->token = (uint64_t)s->generation << 32 | (index + 1);
    return OK;
}

/* Whose it is; NULL: nobody's that still waits. */
static const struct slot *slot_find(struct resolver *r, uint64_t token)
{
    uint32_t index = (uint32_t)token - 1;
    const struct slot *s = index < r->slot_count ? &r->slots[index] : NULL;
    if (s && s->generation == token >> 32 && s->lookup && !s->lookup->cancelled)
        return s;
    r->counters.reply_stale++;
    return NULL;
}

static void slot_release(struct resolver *r, struct exchange *x)
{
    uint32_t index = (uint32_t)x->token - 1;
    x->token = 0;
    r->slots[index].lookup = NULL;
    r->slots[index].generation++;
    r->slots[index].next_free = r->slot_free;
    r->slot_free = index + 1;
}

/* ---- Out ----------------------------------------------------------------------------------------
 */

enum { QUERY_MAX = DNS_HEADER_SIZE + NAME_MAX_WIRE + 4 + 11 + 4 + COOKIE_OPTION_MAX + 4 };

static enum err add_opt(struct lookup *l, struct exchange *x, struct writer *w)
{
    struct edns_out out = {.count = 0};
    uint8_t cookie[COOKIE_OPTION_MAX];
    cookies_ask(l, x, cookie, &out);
    if (x->via == TRANSPORT_TCP) /* RFC 7828 §3.2.1 */
        edns_out_add(&out, EDNS_KEEPALIVE, NULL, 0);
    /* DO: signatures are stored with what they cover, for clients that ask for them. */
    struct writer_opt opt = {
        .udp_size = DNS_UDP_SAFE, .do_bit = true, .options = out.option, .option_count = out.count};
    return writer_opt(w, &opt);
}

static enum err build_query(struct lookup *l, struct exchange *x, struct writer *w)
{
    struct {
        uint8_t id[2];
        uint8_t letters[32];
    } bits;
    world_random(l->r->config.world, &bits, sizeof bits);
    x->id = load_u16(bits.id);
    x->type = minimise_type(l);
    x->edns = !(x->to->flags & CANDIDATE_NO_EDNS);
    x->case_random = l->r->options->randomise_case;
    const uint8_t *plain = minimise_name(l);
    uint8_t *name = arena_copy(&l->arena, plain, name_size(plain));
    if (!name)
        return ERR_NOMEM;
    if (x->case_random)
        case_randomise(name, bits.letters);
    x->name = name;

    /* Who validates himself wants to see all that there is (RFC 6840 §5.9). */
    bool cd = (l->key.flags & LOOKUP_CD) || l->r->options->anchors.count > 0;
    uint16_t flags = cd ? FLAG_CD : 0;
    if (l->walk.kind == CUT_FORWARD)
        flags |= FLAG_RD;
    enum err e = writer_header(w, x->id, flags);
    if (!e)
        e = writer_question(w, x->name, x->type, CLASS_IN);
    return e || !x->edns ? e : add_opt(l, x, w);
}

static void trace_send(const struct lookup *l, const struct exchange *x)
{
    if (lookup__watched(l))
        lookup__tell(l, lookup__event_of(l, TRACED_SEND, x));
    if (!lookup__traced(l->r))
        return;
    char to[ADDR_TEXT_MAX], name[NAME_TEXT_MAX], zone[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    lookup__trace(l, "upstream_send", "to=%s via=%s name=%s type=%s zone=%s edns=%d",
                  endpoint_text(&x->to->at, to), x->via == TRANSPORT_TCP ? "tcp" : "udp",
                  name_text(x->name, name), type_text(x->type, type),
                  name_text(l->walk.cut->zone, zone), x->edns);
}

/* What came does not count, or not as it is. */
static void tell_ignored(const struct lookup *l, const struct exchange *x, const char *why)
{
    if (!lookup__watched(l))
        return;
    struct traced_event e = lookup__event_of(l, TRACED_IGNORED, x);
    e.what = why;
    lookup__tell(l, e);
}

static struct exchange *free_exchange(struct lookup *l)
{
    for (unsigned i = 0; i < EXCHANGES_MAX; i++)
        if (l->exchanges[i].state == EXCHANGE_NONE)
            return &l->exchanges[i];
    return NULL;
}

bool exchange_room(const struct lookup *l)
{
    return free_exchange((struct lookup *)l) != NULL;
}

enum err exchange_open(struct lookup *l, struct candidate *to, enum transport via)
{
    struct resolver *r = l->r;
    struct exchange *x = free_exchange(l);
    uint8_t buf[QUERY_MAX];
    struct writer w;
    MUST(x);
    *x = (struct exchange){.to = to, .via = via, .beside = l->lead.beside, .sent_ms = r->now_ms};
    writer_init(&w, buf, sizeof buf);
    enum err e = build_query(l, x, &w);
    if (e)
        return e;
    size_t size = writer_finish(&w);
    if (!waits_charge(l, CHARGE_PACKETS, 1) || !waits_charge(l, CHARGE_BYTES, (uint32_t)size))
        return ERR_LIMIT;
    to->sends[via]++;
    l->r->counters.limit_sends += to->sends[via] == LIMIT_SENDS_PER_SERVER;
    if ((e = slot_take(l, x)))
        return e;
    trace_send(l, x);
    struct upstream_send send = {
        .token = x->token, .to = to->at, .via = via, .message = buf, .length = size};
    if ((e = r->config.world->ops->send(r->config.world, &send))) {
        slot_release(r, x);
        waits_refund_packet(l);
        to->sends[via]--;
        /* ERR_LIMIT is this file's word for a spent budget, the world's for no socket left. */
        return e == ERR_LIMIT ? ERR_BUSY : e;
    }
    x->state = EXCHANGE_OPEN;
    x->server = flow_enter_server(l, &to->at);
    x->due_ms = r->now_ms + servers_timeout_ms(l, to, via);
    l->exchange = x;
    servers_asked(r, &to->at);
    family_asked(r, &to->at);
    if (via == TRANSPORT_TCP)
        r->counters.upstream_tcp++;
    else
        r->counters.upstream_udp++;
    return OK;
}

uint64_t exchange_due_ms(const struct lookup *l)
{
    uint64_t due = UINT64_MAX, race = 0;
    unsigned open = 0;
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        const struct exchange *x = &l->exchanges[i];
        if (x->state != EXCHANGE_OPEN)
            continue;
        due = x->due_ms < due ? x->due_ms : due;
        race = x->sent_ms + TIMEOUT_RACE_MS;
        open++;
    }
    return open == 1 && race > l->r->now_ms && race < due ? race : due;
}

bool exchange_waits(const struct lookup *l)
{
    return exchange_due_ms(l) != UINT64_MAX;
}

/* Nothing more of it will come. */
static void hang_up(struct lookup *l, struct exchange *x)
{
    uint64_t token = x->token;
    if (!token)
        return;
    slot_release(l->r, x);
    flow_leave_server(l, &x->server);
    flow_socket_free(l->r);
    l->r->config.world->ops->cancel(l->r->config.world, token);
}

void exchange_end(struct lookup *l, struct exchange *x)
{
    hang_up(l, x);
    x->state = EXCHANGE_NONE;
}

void exchange_end_all(struct lookup *l)
{
    for (unsigned i = 0; i < EXCHANGES_MAX; i++)
        exchange_end(l, &l->exchanges[i]);
}

/* ---- In -----------------------------------------------------------------------------------------
 */

enum match { MATCH_YES, MATCH_NO, MATCH_CASE, MATCH_BARE };

/*
 * Is this a reply to what was sent? A bare header with an error code is what some servers send when
 * they do not understand the question.
 */
static enum match reply_match(const struct exchange *x, const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor_of(bytes, size);
    uint16_t id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
    cursor_bytes(&c, 6);
    if (c.failed || id != x->id || !(flags & FLAG_QR) || (flags & FLAG_OPCODE))
        return MATCH_NO;
    if (questions == 0)
        return size == DNS_HEADER_SIZE && (flags & FLAG_RCODE) ? MATCH_BARE : MATCH_NO;
    uint8_t name[NAME_MAX_WIRE];
    if (questions != 1 || name_read(&c, name) || !name_equal(name, x->name))
        return MATCH_NO;
    uint16_t type = cursor_u16(&c), class = cursor_u16(&c);
    if (c.failed || type != x->type || class != CLASS_IN)
        return MATCH_NO;
    if (x->case_random && x->via == TRANSPORT_UDP && !name_equal_case(name, x->name))
        return MATCH_CASE;
    return MATCH_YES;
}

/* Something came that the lookup has to know of, though the exchange waits on. */
static void doubt(struct lookup *l, struct exchange *x, enum exchange_saw saw)
{
    if (x->via != TRANSPORT_UDP || (x->saw & saw))
        return;
    x->saw |= (uint8_t)saw;
    lookup__wake(l, EVENT_DOUBT);
}

/* It ended without a reply that could be used; the lookup's turn sees to what follows. */
static void end_without(struct lookup *l, struct exchange *x, enum exchange_state state)
{
    hang_up(l, x);
    x->state = state;
    lookup__wake(l, EVENT_FAILED);
}

static void repeat_over_tcp(struct lookup *l, struct exchange *x)
{
    x->to->flags |= CANDIDATE_TCP;
    end_without(l, x, EXCHANGE_REPEAT);
}

static void note_keepalive(struct resolver *r, const struct exchange *x, const struct message *m)
{
    const uint8_t *data;
    uint16_t length;
    if (edns_option(&m->edns, EDNS_KEEPALIVE, &data, &length) && length == 2)
        r->config.world->ops->keep(r->config.world, x->token,
                                   load_u16(data) * (uint32_t)EDNS_KEEPALIVE_UNIT_MS);
}

static void accept_reply(struct lookup *l, struct exchange *x, const struct message *m)
{
    struct resolver *r = l->r;
    uint64_t now_ms = world_now_ms(r->config.world);
    r->counters.upstream_replies++;
    x->rtt_ms = (uint32_t)(now_ms - x->sent_ms);
    if (x->via == TRANSPORT_UDP)
        servers_measured(r, &x->to->at, x->rtt_ms);
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        const struct exchange *other = &l->exchanges[i];
        if (other->state == EXCHANGE_OPEN && other->to != x->to && !other->saw)
            servers_outrun(r, &other->to->at, (uint32_t)(now_ms - other->sent_ms));
    }
    flow_heard(l, x->server, true);
    flow_leave_zone(l);
    if (x->via == TRANSPORT_TCP)
        note_keepalive(r, x, m);
    exchange_end_all(l);
    l->exchange = x;
    l->event.message = m;
    lookup__wake(l, EVENT_REPLY);
}

/*
 * A reply from which malformed records were dropped counts only for what it still says, never for
 * what it does not: records of the question, or an alias; and where nothing was lost from the
 * answer section, the NS of a referral or the SOA of a denial. Else one broken record would make a
 * denial out of an answer.
 */
static bool still_answers(const struct exchange *x, const struct message *m)
{
    const struct rrset_array *answer = &m->section[SECTION_ANSWER];
    const struct rrset_array *authority = &m->section[SECTION_AUTHORITY];
    if (!m->dropped)
        return true;
    for (size_t i = 0; i < authority->count && !m->dropped_answers; i++)
        if (authority->at[i]->type == TYPE_NS || authority->at[i]->type == TYPE_SOA)
            return true;
    for (size_t i = 0; i < answer->count; i++) {
        const struct rrset *set = answer->at[i];
        if ((set->type == x->type || set->type == TYPE_CNAME) && name_equal(set->owner, x->name))
            return true;
    }
    return false;
}

static void fail(struct lookup *l, struct exchange *x, enum err why)
{
    l->r->counters.upstream_failed++;
    x->why = why;
    end_without(l, x, EXCHANGE_FAILED);
}

/* False: it is none, or not yet, and what has to follow is under way. */
static bool passes_cookies(struct lookup *l, struct exchange *x, const struct message *m)
{
    enum cookie_reply verdict = cookies_judge(l, x, m);
    if (verdict == COOKIE_REPLY_FINE)
        return true;
    if (verdict == COOKIE_REPLY_AGAIN) {
        end_without(l, x, EXCHANGE_REPEAT);
        return false;
    }
    l->r->counters.reply_cookie++;
    lookup__trace(l, "reply_ignored", "why=cookie");
    tell_ignored(l, x, "its cookie is missing or wrong");
    if (x->via == TRANSPORT_TCP)
        fail(l, x, ERR_FORMAT);
    else
        doubt(l, x, SAW_STRANGER);
    return false;
}

/* A reply that matches is read; only a whole one is an answer. */
static void read_reply(struct lookup *l, struct exchange *x, const uint8_t *bytes, size_t size)
{
    struct resolver *r = l->r;
    struct message *m;
    enum message_fault fault = MESSAGE_FINE;
    uint32_t now = world_now_s(r->config.world);
    arena_deinit(&l->reply);
    enum err e = message_parse(&l->reply, bytes, size, now, &m, &fault);
    if (e == OK && !still_answers(x, m)) {
        fault = MESSAGE_RDATA;
        e = ERR_FORMAT;
    }
    if (e == OK && !passes_cookies(l, x, m))
        return;
    if (e == OK) {
        if (x->case_random)
            case_restore(m, x->name, minimise_name(l));
        accept_reply(l, x, m);
    } else if (e == ERR_NOMEM) {
        fail(l, x, e);
    } else {
        /* A forger who sends rubbish first must not win: the good reply may be on its way. */
        r->counters.reply_malformed++;
        doubt(l, x, SAW_MALFORMED);
        lookup__trace(l, "reply_ignored", "why=malformed fault=%s size=%zu",
                      message_fault_text(fault), size);
        tell_ignored(l, x, "it is malformed");
        if (x->via == TRANSPORT_TCP)
            fail(l, x, ERR_FORMAT);
    }
}

void exchange_reply(void *ctx, uint64_t token, const uint8_t *bytes, size_t size)
{
    struct resolver *r = ctx;
    const struct slot *s = slot_find(r, token);
    if (!s)
        return;
    struct lookup *l = s->lookup;
    struct exchange *x = s->exchange;
    enum match match = reply_match(x, bytes, size);
    if (match == MATCH_NO) {
        r->counters.reply_mismatch++;
        lookup__trace(l, "reply_ignored", "why=mismatch size=%zu", size);
        tell_ignored(l, x, "its id or question is another");
        doubt(l, x, SAW_STRANGER);
        return;
    }
    if (!waits_charge(l, CHARGE_BYTES, (uint32_t)size))
        return;
    if (match == MATCH_CASE) {
        /* A server that folds case, or a forger: TCP tells them apart. */
        r->counters.reply_case++;
        tell_ignored(l, x, "its question came back in other letters: asked again over TCP");
        repeat_over_tcp(l, x);
        return;
    }
    if (match == MATCH_BARE && x->via == TRANSPORT_UDP) {
        /* 16 bits are all that a forger had to guess for it. */
        r->counters.reply_bare++;
        lookup__trace(l, "reply_ignored", "why=bare rcode=%u", bytes[3] & FLAG_RCODE);
        tell_ignored(l, x, "it is an error without a question");
        x->bare_rcode = bytes[3] & FLAG_RCODE;
        doubt(l, x, SAW_BARE);
        return;
    }
    if (x->via == TRANSPORT_UDP && (load_u16(bytes + 2) & FLAG_TC)) {
        /* What was cut off may be cut anywhere: it is not looked into. */
        tell_ignored(l, x, "it is cut off (TC): asked again over TCP");
        repeat_over_tcp(l, x);
        return;
    }
    read_reply(l, x, bytes, size);
}

void exchange_failed(void *ctx, uint64_t token, enum err why)
{
    const struct slot *s = slot_find(ctx, token);
    if (s)
        fail(s->lookup, s->exchange, why);
}
