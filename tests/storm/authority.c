/*
 * The hosts: what each replies, and what happens to it on the way.
 *
 * Messages are written here without compression and without anybody's help, so that neither the
 * resolver's writer nor its reader vouches for itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/storm/authority.h"
#include "tests/storm/seal.h"

enum { TYPE_OF_NOBODY = 65281 };

uint64_t storm_stamp(const uint8_t *rdata)
{
    uint64_t v = 0;
    for (unsigned i = 2; i < STAMP_SIZE; i++)
        v = v * 10 + (uint64_t)(rdata[i] - '0');
    return v;
}

void reply_stamp(uint8_t out[STAMP_SIZE], uint64_t now_ms)
{
    out[0] = STAMP_SIZE - 1;
    out[1] = 't';
    for (unsigned i = STAMP_SIZE; i-- > 2; now_ms /= 10)
        out[i] = (uint8_t)('0' + now_ms % 10);
}

void reply_put(struct reply *o, const void *bytes, size_t size)
{
    if (o->size + size > sizeof o->at)
        return;
    memcpy(o->at + o->size, bytes, size);
    o->size += size;
}

static void put16(struct reply *o, unsigned v)
{
    reply_put(o, (uint8_t[2]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

void reply_rr(struct reply *o, unsigned section, const uint8_t *owner, const struct record *r)
{
    reply_put(o, owner, name_size(owner));
    put16(o, r->type);
    put16(o, CLASS_IN);
    put16(o, r->ttl >> 16);
    put16(o, r->ttl & 0xffff);
    put16(o, r->length);
    reply_put(o, r->rdata, r->length);
    o->count[section]++;
}

static void put_record(struct work *w, unsigned section, const uint8_t *owner,
                       const struct record *r)
{
    uint8_t stamp[STAMP_SIZE];
    struct record copy = *r;
    if (r->type == TYPE_TXT) {
        reply_stamp(stamp, w->now_ms);
        copy.rdata = stamp;
    }
    reply_rr(w->reply, section, owner, &copy);
}

void reply_begin(struct reply *o, const struct rpl_question *q)
{
    o->size = DNS_HEADER_SIZE;
    o->flags = FLAG_QR;
    memset(o->count, 0, sizeof o->count);
    o->count[0] = 1;
    reply_put(o, q->name, name_size(q->name));
    put16(o, q->type);
    put16(o, q->class);
    o->question_end = o->size;
}

void reply_finish(struct reply *o, uint16_t id, const struct rpl_message *edns)
{
    if (edns && edns->edns.present) {
        reply_put(o, (uint8_t[11]){0, 0, TYPE_OPT, 0x04, 0xd0}, 11);
        o->count[3]++;
    }
    store_u16(o->at, id);
    store_u16(o->at + 2, o->flags);
    for (unsigned i = 0; i < 4; i++)
        store_u16(o->at + 4 + 2 * i, o->count[i]);
}

/* ---- what forgers and evil hosts say --------------------------------------------------------- */

static const uint8_t forged_name[] = "\6poison";

static void put_forged(struct reply *o, unsigned section, const uint8_t *owner, uint16_t type)
{
    struct record r = {
        .ttl = 86400, .type = type, .rdata = forged_name, .length = sizeof forged_name};
    if (type == TYPE_A) {
        r.rdata = storm_marker4;
        r.length = 4;
    } else if (type == TYPE_AAAA) {
        r.rdata = storm_marker6;
        r.length = 16;
    }
    reply_rr(o, section, owner, &r);
}

/* An answer such as one would like a resolver to believe. */
void reply_forge(struct reply *o, const struct rpl_question *q, uint16_t id)
{
    reply_begin(o, q);
    o->flags |= FLAG_AA;
    uint16_t type = q->type == TYPE_A || q->type == TYPE_AAAA ? q->type : (uint16_t)TYPE_CNAME;
    put_forged(o, 1, q->name, type);
    put_forged(o, 2, name_skip(q->name, 1), TYPE_NS);
    put_forged(o, 3, forged_name, TYPE_A);
    reply_finish(o, id, NULL);
}

/* A top-level zone that the name is not in. */
static const struct zone *foreign_zone(const struct run *r, const uint8_t *name)
{
    for (unsigned i = 1; i < r->tree.zone_count; i++) {
        const struct zone *z = &r->tree.zone[i];
        if (!z->parent->parent && !name_at_or_below(name, z->name))
            return z;
    }
    return NULL;
}

/* Records that are none of this host's business, in each section. */
static void poison(struct work *w, unsigned section)
{
    const struct zone *foreign = foreign_zone(w->run, w->query->question.name);
    if (!w->evil || !foreign)
        return;
    static const uint16_t types[] = {TYPE_A, TYPE_A, TYPE_NS, TYPE_A};
    put_forged(w->reply, section, foreign->name, types[section]);
    put_forged(w->reply, section, foreign->link[0].host->name, TYPE_A);
    if (section == 2)
        put_forged(w->reply, section, name_root, TYPE_NS);
    for (unsigned i = 0; i < w->run->tree.name_count && section != 2; i += 7)
        if (name_at_or_below(w->run->tree.name[i], foreign->name))
            put_forged(w->reply, section, w->run->tree.name[i], section == 1 ? TYPE_A : TYPE_AAAA);
}

/* ---- true replies ---------------------------------------------------------------------------- */

/*
 * To a server that is older than DNSSEC, DS is a type like others: it is looked for below the cut.
 * Where no signature protects the name that would simply be its data, so it does better there.
 */
static bool is_old_for(const struct work *w, const struct rpl_question *q)
{
    const struct zone *z = tree_zone_of(&w->run->tree, q->name, TYPE_DS, w->now_ms);
    return w->host->age && z->safety == SAFETY_SECURE && !z->weak;
}

/* The deepest zone of the host's that encloses the name, or the way in which it fails to serve it.
 */
static const struct zone *zone_at(const struct work *w, enum lame *lame)
{
    const struct zone *best = NULL;
    const struct rpl_question *q = &w->query->question;
    bool at_parent = q->type == TYPE_DS && !is_old_for(w, q);
    *lame = LAME_REFUSED;
    for (unsigned i = 0; i < w->run->tree.zone_count; i++) {
        const struct zone *z = &w->run->tree.zone[i];
        if (!name_at_or_below(q->name, z->name) ||
            (at_parent && z->parent && name_equal(q->name, z->name)))
            continue;
        for (unsigned k = 0; k < z->link_count; k++) {
            if (z->link[k].host != w->host)
                continue;
            if (z->link[k].lame)
                *lame = z->link[k].lame;
            else if (!best || name_labels(z->name) > name_labels(best->name))
                best = z;
        }
    }
    return best;
}

static void be_lame(struct work *w, enum lame how)
{
    static const uint16_t rcodes[] = {0, RCODE_REFUSED, 0, RCODE_SERVFAIL, 0};
    w->reply->flags |= rcodes[how];
    storm_fault_met(w->run, STORM_LAME, 300);
    const struct zone *root = &w->run->tree.zone[0];
    for (unsigned i = 0; how == LAME_UPWARD && i < root->link_count; i++) {
        struct record r = {.ttl = 3600, .type = TYPE_NS, .rdata = root->link[i].host->name};
        r.length = (uint16_t)name_size(r.rdata);
        reply_rr(w->reply, 2, name_root, &r);
    }
}

static void refer(struct work *w, const struct zone *z, const struct zone *cut)
{
    for (unsigned i = 0; i < cut->link_count; i++) {
        const uint8_t *name = cut->link[i].host->name;
        struct record r = {.ttl = cut->ns_ttl, .type = TYPE_NS, .rdata = name};
        r.length = (uint16_t)name_size(name);
        reply_rr(w->reply, 2, cut->name, &r);
    }
    proof_delegation(w, z, cut);
    poison(w, 2);
    for (unsigned i = 0; i < cut->link_count; i++) {
        const struct host *h = cut->link[i].host;
        for (unsigned k = 0; zone_gives_glue(cut, &cut->link[i]) && k < h->at_count; k++) {
            bool v4 = h->at[k].family == 4;
            struct record r = {.ttl = cut->ns_ttl,
                               .type = v4 ? TYPE_A : TYPE_AAAA,
                               .rdata = h->at[k].bytes,
                               .length = v4 ? 4 : 16};
            reply_rr(w->reply, 3, h->name, &r);
        }
    }
    poison(w, 3);
}

/* One alias: its records, and where it leads. False when it leads too far. */
static bool put_alias(struct work *w, const struct zone *z, const struct found *f,
                      uint8_t at[NAME_MAX_WIRE])
{
    uint8_t target[NAME_MAX_WIRE];
    if (f->kind == FOUND_CNAME) {
        put_record(w, 1, at, f->alias);
        proof_sign(w, 1, z, at, f->node, TYPE_CNAME);
        name_copy(at, f->alias->rdata);
        return true;
    }
    put_record(w, 1, f->alias->owner, f->alias);
    proof_sign(w, 1, z, f->node, f->node, TYPE_DNAME);
    if (name_replace(at, f->alias->owner, f->alias->rdata, target)) {
        w->reply->flags |= RCODE_YXDOMAIN;
        return false;
    }
    struct record cname = *f->alias;
    cname.type = TYPE_CNAME;
    cname.rdata = target;
    cname.length = (uint16_t)name_size(target);
    put_record(w, 1, at, &cname);
    name_copy(at, target);
    return true;
}

/* A wildcard's records are the name's only if nothing is closer. */
static void note_expansion(struct work *w, const uint8_t *name, const struct found *f)
{
    if (f->kind == FOUND_DNAME || name_equal(f->node, name))
        return;
    struct expansion *e = &w->expanded[w->expanded_count++];
    name_copy(e->name, name);
    e->wildcard = f->node;
}

static void prove_expansions(struct work *w, const struct zone *z)
{
    for (unsigned i = 0; i < w->expanded_count; i++)
        proof_wildcard(w, z, w->expanded[i].name, w->expanded[i].wildcard);
}

static void end_answer(struct work *w, const struct zone *z)
{
    poison(w, 1);
    prove_expansions(w, z);
}

void reply_deny(struct work *w, const struct zone *z, const uint8_t *name, const struct found *f)
{
    if (f->kind == FOUND_NXDOMAIN)
        w->reply->flags |= RCODE_NXDOMAIN;
    end_answer(w, z);
    if (!z->silent_denial && z->soa) {
        put_record(w, 2, z->name, z->soa);
        proof_sign(w, 2, z, z->name, z->name, TYPE_SOA);
    }
    proof_deny(w, z, name, f);
}

static void serve(struct work *w, const struct zone *z)
{
    const struct tree *t = &w->run->tree;
    uint16_t type = w->query->question.type;
    uint8_t at[NAME_MAX_WIRE];
    name_copy(at, w->query->question.name);
    /* Some follow aliases within the zone, some leave that to who asks. */
    unsigned follow = w->host->rtt_ms % 2 ? FOLLOW_MAX : 1;
    bool old_ds = type == TYPE_DS && is_old_for(w, &w->query->question);
    for (unsigned i = 0; i <= FOLLOW_MAX; i++) {
        struct found f = zone_find(t, z, at, old_ds ? (uint16_t)TYPE_OF_NOBODY : type, w->now_ms);
        if (f.kind == FOUND_CUT) {
            if (i == 0)
                refer(w, z, f.cut);
            else
                prove_expansions(w, z);
            return;
        }
        w->reply->flags |= FLAG_AA;
        if (f.kind == FOUND_NODATA || f.kind == FOUND_NXDOMAIN) {
            reply_deny(w, z, at, &f);
            return;
        }
        for (const struct record *r = NULL;
             f.kind == FOUND_ANSWER && (r = zone_next(z, r, f.node, type));)
            put_record(w, 1, at, r);
        if (f.kind == FOUND_ANSWER)
            proof_sign(w, 1, z, at, f.node, type);
        note_expansion(w, at, &f);
        if (f.kind == FOUND_ANSWER || !put_alias(w, z, &f, at) || i + 1 >= follow ||
            !name_at_or_below(at, z->name)) {
            end_answer(w, z);
            return;
        }
    }
}

/* In a tree without signatures some hosts are older than EDNS, which their distance tells. */
static enum age age_of(const struct work *w)
{
    const struct host *h = w->host;
    if (w->run->is_signed)
        return h->age;
    return h->rtt_ms % 11 == 0 ? AGE_REFUSES : h->rtt_ms % 7 == 0 ? AGE_IGNORES : AGE_AWARE;
}

/* The whole reply of the host, as it leaves it. */
static void answer(struct work *w)
{
    enum lame lame;
    enum age age = age_of(w);
    reply_begin(w->reply, &w->query->question);
    if (age == AGE_REFUSES && w->query->edns.present) {
        w->reply->flags |= RCODE_FORMERR; /* older than EDNS */
        reply_finish(w->reply, w->query->id, NULL);
        return;
    }
    w->zone = zone_at(w, &lame);
    w->secure = w->run->is_signed && age == AGE_AWARE && w->query->edns.do_bit;
    if (w->run->is_signed && age)
        storm_fault_met(w->run, STORM_UNAWARE, 300);
    tamper_begin(w);
    if (w->zone)
        serve(w, w->zone);
    else
        be_lame(w, lame);
    tamper_reply(w);
    reply_finish(w->reply, w->query->id, age == AGE_IGNORES ? NULL : w->query);
}

/* ---- the way --------------------------------------------------------------------------------- */

bool fault_rolls(struct run *r, enum storm_fault f)
{
    struct rng *g = f < STORM_OF_DNSSEC ? &r->fate : &r->bane;
    if (rng_below(g, 1000) >= r->rate[f])
        return false;
    storm_fault_met(r, f, 300);
    return true;
}

static void deliver(struct run *r, struct sim_exchange *x, const struct reply *o, uint64_t delay_ms)
{
    if (sim_reply(r->sim, x, o->at, o->size, delay_ms))
        storm_breach(r, "out of memory");
}

/* The reply without its end: no reader may find a message in it. */
static void deliver_rubbish(struct run *r, struct sim_exchange *x, const struct reply *whole,
                            uint64_t delay_ms)
{
    struct reply o = *whole;
    if (o.size > o.question_end)
        o.size -= 1 + rng_below(&r->fate, (unsigned)(o.size - o.question_end));
    else
        store_u16(o.at + 6, 1);
    deliver(r, x, &o, delay_ms);
}

/* A record that nobody asked for, one octet of an SRV, in a reply that says something without it.
 */
static void put_broken(struct reply *o, const struct rpl_question *q)
{
    static const uint8_t srv[] = {0, 0, TYPE_SRV, 0, CLASS_IN, 0, 0, 0, 0, 0, 1, 0};
    if (o->count[1] + o->count[2] == 0 || q->type == TYPE_SRV)
        return;
    reply_put(o, srv, sizeof srv);
    store_u16(o->at + 10, ++o->count[3]);
}

/* Twelve octets with an error, for who only sees that there was a query. */
static void deliver_bare_error(struct run *r, struct sim_exchange *x, const struct rpl_message *q)
{
    struct reply o = {.size = DNS_HEADER_SIZE, .flags = FLAG_QR | RCODE_SERVFAIL};
    reply_finish(&o, q->id, NULL);
    deliver(r, x, &o, 1);
}

static bool turn_case(uint8_t *name)
{
    bool turned = false;
    for (uint8_t *label = name; *label; label += *label + 1) {
        for (unsigned i = 1; i <= *label; i++) {
            if ((label[i] | 0x20) >= 'a' && (label[i] | 0x20) <= 'z') {
                label[i] ^= 0x20;
                turned = true;
            }
        }
    }
    return turned;
}

/* Forgers who see nothing: each gets one thing wrong. */
static void spoof(struct run *r, struct sim_exchange *x, const struct rpl_message *q)
{
    struct reply o;
    uint8_t name[NAME_MAX_WIRE];
    struct rpl_question question = q->question;
    if (fault_rolls(r, STORM_SPOOF_ID)) {
        reply_forge(&o, &question, (uint16_t)(q->id ^ (1 + rng_below(&r->fate, 65535))));
        deliver(r, x, &o, 1);
    }
    if (fault_rolls(r, STORM_SPOOF_QUESTION)) {
        if (rng_chance(&r->fate, 50)) {
            question.name = forged_name;
        } else {
            question.type = q->question.type == TYPE_A ? TYPE_AAAA : TYPE_A;
        }
        reply_forge(&o, &question, q->id);
        deliver(r, x, &o, 1);
        question = q->question;
    }
    name_copy(name, q->question.name);
    if (r->options.randomise_case && turn_case(name) && fault_rolls(r, STORM_SPOOF_CASE)) {
        question.name = name;
        reply_forge(&o, &question, q->id);
        deliver(r, x, &o, 1);
    }
}

/* Faults that only UDP knows; true when the reply is done with. */
static bool udp_faults(struct run *r, struct sim_exchange *x, const struct rpl_message *q,
                       struct reply *o, uint64_t delay_ms)
{
    spoof(r, x, q);
    if (fault_rolls(r, STORM_RUBBISH_FIRST))
        deliver_rubbish(r, x, o, 1);
    if (fault_rolls(r, STORM_BARE_ERROR))
        deliver_bare_error(r, x, q);
    bool cut_off = fault_rolls(r, STORM_TRUNCATE);
    if (r->is_signed && q->edns.do_bit)
        cut_off = fault_rolls(r, STORM_TRUNCATE_DO) || cut_off;
    if (cut_off) {
        o->size = o->question_end;
        o->flags |= FLAG_TC;
        memset(o->count + 1, 0, 3 * sizeof *o->count);
        reply_finish(o, q->id, q);
    }
    if (fault_rolls(r, STORM_DUPLICATE))
        deliver(r, x, o, delay_ms);
    return false;
}

static bool is_down(struct run *r, const struct host *h)
{
    if (h->state == HOST_DEAD)
        return true;
    bool down = h->state == HOST_FLAPPING && r->rate[STORM_FLAP] &&
                (sim_now(r->sim) / 10000 + h->rtt_ms) % 2;
    if (down)
        storm_fault_met(r, STORM_FLAP, 300);
    return down;
}

/* Faults in which the host replies, and to no purpose. */
static void say_nothing(struct run *r, const struct rpl_message *q, struct reply *o)
{
    static const struct {
        enum storm_fault fault;
        uint16_t rcode;
    } ways[] = {{STORM_ERROR, RCODE_SERVFAIL}, {STORM_EMPTY, 0}, {STORM_FORMERR, RCODE_FORMERR}};
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!fault_rolls(r, ways[i].fault))
            continue;
        reply_begin(o, &q->question);
        o->flags |= ways[i].rcode;
        reply_finish(o, q->id, ways[i].fault == STORM_FORMERR ? NULL : q);
    }
}

static void on_the_way(struct run *r, struct sim_exchange *x, const struct rpl_message *q,
                       struct host *h)
{
    struct reply o;
    struct work w = {.run = r, .host = h, .query = q, .now_ms = sim_now(r->sim), .reply = &o};
    uint64_t delay_ms = h->rtt_ms * (x->via == TRANSPORT_TCP ? 2 : 1);
    bool lost = false;
    w.evil = h->state == HOST_EVIL;
    if (w.evil)
        storm_fault_met(r, STORM_POISON, 300);
    if (fault_rolls(r, STORM_NO_SEND))
        sim_refuse_sends(r->sim, 1 + rng_below(&r->fate, 2), ERR_IO);
    if (is_down(r, h) || fault_rolls(r, STORM_LOSS))
        return;
    if (fault_rolls(r, STORM_REFUSED)) {
        if (sim_fail(r->sim, x, ERR_REFUSED, delay_ms))
            storm_breach(r, "out of memory");
        return;
    }
    if (!tamper_instead(&w, &lost))
        answer(&w);
    if (lost)
        return;
    if (!w.evil && fault_rolls(r, STORM_BROKEN_RECORD))
        put_broken(&o, &q->question);
    say_nothing(r, q, &o);
    if (fault_rolls(r, STORM_RUBBISH)) {
        deliver_rubbish(r, x, &o, delay_ms);
        return;
    }
    if (fault_rolls(r, STORM_DELAY))
        delay_ms += 200 + rng_below(&r->fate, 3000);
    if (fault_rolls(r, STORM_REORDER))
        delay_ms += rng_below(&r->fate, 30);
    if (x->via == TRANSPORT_UDP)
        udp_faults(r, x, q, &o, delay_ms);
    deliver(r, x, &o, delay_ms);
}

/* Who believes a forger's referral asks the forger. */
static void answer_as_forger(struct run *r, struct sim_exchange *x, const struct rpl_message *q)
{
    struct reply o;
    reply_forge(&o, &q->question, q->id);
    deliver(r, x, &o, 1);
}

static void note_id(struct ids *ids, uint16_t id)
{
    uint8_t bit = (uint8_t)(1 << id % 8);
    ids->messages++;
    ids->distinct += !(ids->seen[id / 8] & bit);
    ids->seen[id / 8] |= bit;
}

void authority_on_send(void *ctx, struct sim *s, struct sim_exchange *x)
{
    struct run *r = ctx;
    struct rpl_message q;
    char error[RPL_ERROR_MAX], at[ADDR_TEXT_MAX];
    struct arena a;
    (void)s;
    arena_init(&a, NULL);
    struct host *h = tree_host_at(&r->tree, &x->to);
    if (rpl_message_read(&a, x->message, x->length, &q, error)) {
        storm_breach(r, "an upstream query is malformed: %s", error);
    } else if (!q.question.name || (q.flags & (FLAG_RD | FLAG_QR)) || q.opcode) {
        storm_breach(r, "an upstream query is not an iterative one");
    } else if (!h && !r->rate[STORM_FORGE] && !tree_wildcard_at(&r->tree, &x->to)) {
        storm_breach(r, "a message to %s, which no zone names", endpoint_text(&x->to, at));
    } else {
        if (q.question.type != TYPE_NS || q.question.name[0])
            r->sent++;
        note_id(&r->ids, q.id);
        if (!h && r->rate[STORM_FORGE])
            answer_as_forger(r, x, &q);
        else if (h && x->to.family != r->tree.vanishing)
            on_the_way(r, x, &q, h);
    }
    arena_deinit(&a);
}
