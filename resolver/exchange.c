/*
 * One message out, one reply in. What a reply must show before anything looks into it (RFC 5452
 * §9.1): the id, the question's name, type and class, and over UDP the very case of the letters
 * that was sent (0x20); the world has checked address and port. One that does not match is as if it
 * had not come: the exchange stays open for the true one, and nothing is held against the server,
 * so that a forger can neither poison nor silence it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/writer.h"
#include "resolver/lookup.h"

/* ---- Tokens: slot and generation, so that a late event meets nobody ----------------------------
 */

static enum err slot_take(struct resolver *r, struct lookup *l, uint64_t *token)
{
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
    *token = (uint64_t)s->generation << 32 | (index + 1);
    return OK;
}

static struct lookup *slot_find(struct resolver *r, uint64_t token)
{
    uint32_t index = (uint32_t)token - 1;
    if (index >= r->slot_count || r->slots[index].generation != token >> 32)
        return NULL;
    return r->slots[index].lookup;
}

static void slot_release(struct resolver *r, uint64_t token)
{
    uint32_t index = (uint32_t)token - 1;
    r->slots[index].lookup = NULL;
    r->slots[index].generation++;
    r->slots[index].next_free = r->slot_free;
    r->slot_free = index + 1;
}

/* ---- Out ----------------------------------------------------------------------------------------
 */

static enum err build_query(struct lookup *l, uint8_t *buf, size_t capacity, size_t *size)
{
    struct exchange *x = &l->exchange;
    struct {
        uint8_t id[2];
        uint8_t letters[32];
    } bits;
    world_random(l->r->config.world, &bits, sizeof bits);
    x->id = load_u16(bits.id);
    x->type = minimise_type(l);
    x->edns = !(x->to->flags & CANDIDATE_NO_EDNS);
    x->case_random = l->r->options->randomise_case;
    name_copy(x->name, minimise_name(l));
    if (x->case_random)
        case_randomise(x->name, bits.letters);

    struct writer w;
    writer_init(&w, buf, capacity);
    uint16_t flags = l->key.flags & LOOKUP_CD ? FLAG_CD : 0;
    if (l->walk.kind == CUT_FORWARD)
        flags |= FLAG_RD;
    enum err e = writer_header(&w, x->id, flags);
    if (!e)
        e = writer_question(&w, x->name, x->type, CLASS_IN);
    /* DO: signatures are stored with what they cover, for clients that ask for them. */
    if (!e && x->edns)
        e = writer_opt(&w, &(struct writer_opt){.udp_size = DNS_UDP_SAFE, .do_bit = true});
    *size = writer_finish(&w);
    return e;
}

static void trace_send(const struct lookup *l)
{
    if (!lookup__traced(l->r))
        return;
    const struct exchange *x = &l->exchange;
    char to[ADDR_TEXT_MAX], name[NAME_TEXT_MAX], zone[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    lookup__trace(l, "upstream_send", "to=%s via=%s name=%s type=%s zone=%s edns=%d",
                  endpoint_text(&x->to->at, to), x->via == TRANSPORT_TCP ? "tcp" : "udp",
                  name_text(x->name, name), type_text(x->type, type),
                  name_text(l->walk.cut->zone, zone), x->edns);
}

enum err exchange_open(struct lookup *l, struct candidate *to, enum transport via)
{
    struct resolver *r = l->r;
    struct exchange *x = &l->exchange;
    uint8_t buf[DNS_HEADER_SIZE + NAME_MAX_WIRE + 4 + 11];
    size_t size;
    MUST(!x->token);
    *x = (struct exchange){.to = to, .via = via, .sent_ms = r->now_ms};
    enum err e = build_query(l, buf, sizeof buf, &size);
    if (e)
        return e;
    if (!waits_charge(l, CHARGE_PACKETS, 1) || !waits_charge(l, CHARGE_BYTES, (uint32_t)size))
        return ERR_LIMIT;
    to->sends[via]++;
    uint64_t token;
    if ((e = slot_take(r, l, &token)))
        return e;
    trace_send(l);
    struct upstream_send send = {
        .token = token, .to = to->at, .via = via, .message = buf, .length = size};
    if ((e = r->config.world->ops->send(r->config.world, &send))) {
        slot_release(r, token);
        waits_refund_packet(l);
        /* ERR_LIMIT is this file's word for a spent budget. */
        return e == ERR_LIMIT ? ERR_IO : e;
    }
    x->token = token;
    servers_asked(r, &to->at);
    if (via == TRANSPORT_TCP)
        r->counters.upstream_tcp++;
    else
        r->counters.upstream_udp++;
    return OK;
}

void exchange_close(struct lookup *l)
{
    uint64_t token = l->exchange.token;
    if (!token)
        return;
    l->exchange.token = 0;
    slot_release(l->r, token);
    l->r->config.world->ops->cancel(l->r->config.world, token);
}

/* ---- In -----------------------------------------------------------------------------------------
 */

enum match { MATCH_YES, MATCH_NO, MATCH_CASE };

/*
 * Is this a reply to what was sent? A bare header with an error code counts: some servers send that
 * when they do not understand the question, and it can only end this one attempt.
 */
static enum match reply_match(const struct exchange *x, const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor_of(bytes, size);
    uint16_t id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
    cursor_bytes(&c, 6);
    if (c.failed || id != x->id || !(flags & FLAG_QR) || (flags & FLAG_OPCODE))
        return MATCH_NO;
    if (questions == 0)
        return size == DNS_HEADER_SIZE && (flags & FLAG_RCODE) ? MATCH_YES : MATCH_NO;
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

/* The name came back in other letters: a server that folds case, or a forger. TCP tells them apart.
 */
static void repeat_over_tcp(struct lookup *l)
{
    l->r->counters.reply_case++;
    l->exchange.to->flags |= CANDIDATE_TCP;
    exchange_close(l);
    l->event = (struct event){.why = OK};
    lookup__wake(l, EVENT_FAILED);
}

static void accept_reply(struct lookup *l, const struct message *m)
{
    struct resolver *r = l->r;
    uint64_t now_ms = world_now_ms(r->config.world);
    r->counters.upstream_replies++;
    if (l->exchange.via == TRANSPORT_UDP)
        servers_measured(r, &l->exchange.to->at, (uint32_t)(now_ms - l->exchange.sent_ms));
    exchange_close(l);
    l->event = (struct event){.message = m};
    lookup__wake(l, EVENT_REPLY);
}

/*
 * A reply from which malformed records were dropped counts only for what it still says, never for
 * what it does not: records of the question, or an alias. Else one broken record would make a
 * denial out of an answer.
 */
static bool still_answers(const struct exchange *x, const struct message *m)
{
    const struct rrset_array *answer = &m->section[SECTION_ANSWER];
    if (!m->dropped)
        return true;
    for (size_t i = 0; i < answer->count; i++) {
        const struct rrset *set = answer->at[i];
        if ((set->type == x->type || set->type == TYPE_CNAME) && name_equal(set->owner, x->name))
            return true;
    }
    return false;
}

void exchange_reply(void *ctx, uint64_t token, const uint8_t *bytes, size_t size)
{
    struct resolver *r = ctx;
    struct lookup *l = slot_find(r, token);
    if (!l || !l->exchange.token || l->cancelled) {
        r->counters.reply_stale++;
        return;
    }
    struct exchange *x = &l->exchange;
    enum match match = reply_match(x, bytes, size);
    if (match == MATCH_NO) {
        r->counters.reply_mismatch++;
        lookup__trace(l, "reply_ignored", "why=mismatch size=%zu", size);
        return;
    }
    if (!waits_charge(l, CHARGE_BYTES, (uint32_t)size))
        return;
    if (match == MATCH_CASE) {
        /* A server that folds case, or a forger: TCP tells them apart. */
        r->counters.reply_case++;
        repeat_over_tcp(l);
        return;
    }
    if (x->via == TRANSPORT_UDP && (load_u16(bytes + 2) & FLAG_TC)) {
        /* What was cut off may be cut anywhere: it is not looked into. */
        repeat_over_tcp(l);
        return;
    }
    struct message *m;
    enum message_fault fault = MESSAGE_FINE;
    uint32_t now = world_now_s(r->config.world);
    enum err e = message_parse(&l->arena, bytes, size, now, &m, &fault);
    if (e == OK && !still_answers(x, m)) {
        fault = MESSAGE_RDATA;
        e = ERR_FORMAT;
    }
    if (e == OK) {
        if (x->case_random)
            case_restore(m, x->name, minimise_name(l));
        accept_reply(l, m);
    } else if (e == ERR_NOMEM) {
        exchange_failed(r, token, e);
    } else {
        /* A forger who sends rubbish first must not win: the good reply may be on its way. */
        r->counters.reply_malformed++;
        x->saw_malformed = true;
        lookup__trace(l, "reply_ignored", "why=malformed fault=%s size=%zu",
                      message_fault_text(fault), size);
        if (x->via == TRANSPORT_TCP)
            exchange_failed(r, token, ERR_FORMAT);
    }
}

void exchange_failed(void *ctx, uint64_t token, enum err why)
{
    struct resolver *r = ctx;
    struct lookup *l = slot_find(r, token);
    if (!l || !l->exchange.token || l->cancelled) {
        r->counters.reply_stale++;
        return;
    }
    r->counters.upstream_failed++;
    exchange_close(l);
    l->event = (struct event){.why = why};
    lookup__wake(l, EVENT_FAILED);
}
