/* Attacks on what is believed: forged and malformed replies, records nobody asked for, zones that
 * outlive their end. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tests/attacks/attack.h"

static const char good[] = "192.0.2.80", bad[] = "6.6.6.6", bank_server[] = "203.0.113.1",
                  evil_server[] = "203.0.113.66", evil_server_2[] = "203.0.113.67";

/* Does the cache hold an address set of the name with the forger's address in it? */
static bool cached_bad(struct rig *r, const uint8_t *name)
{
    struct rrset set;
    struct endpoint e = address_of(bad);
    if (cache_get_rrset(rig_cache(r), name, TYPE_A, rig_now(r), &set))
        return false;
    return memmem(set.rdata, set.rdata_size, e.bytes, 4) != NULL;
}

/* What the cache knows of a zone's servers, as far as it decides who is asked. */
static bool same_delegation(const struct delegation *a, const struct delegation *b)
{
    if (a->expiry != b->expiry || a->ns_count != b->ns_count ||
        a->address_count != b->address_count)
        return false;
    for (unsigned i = 0; i < a->ns_count; i++)
        if (!name_equal(a->ns[i], b->ns[i]))
            return false;
    for (unsigned i = 0; i < a->address_count; i++)
        if (!endpoint_equal(&a->address[i].at, &b->address[i].at))
            return false;
    return true;
}

static struct delegation *delegation_of(struct rig *r, struct arena *a, const char *zone)
{
    struct delegation d;
    uint8_t name[NAME_MAX_WIRE];
    if (cache_get_delegation(rig_cache(r), name_of(zone, name), rig_now(r), &d))
        return NULL;
    return delegation_copy(a, &d);
}

/* ---- Kaminsky -------------------------------------------------------------------------------- */

enum { FORGED_A_QUESTION = 1000 };

struct forger {
    unsigned a_question; /* forged replies before the good one */
    uint64_t sent;
    const char *decoy; /* server of another question that is open: its port and address are the
                          wrong ones */
};

static void flip_a_letter(struct rig *r, uint8_t *name)
{
    unsigned at[NAME_MAX_WIRE], count = 0;
    for (unsigned i = 0; name[i]; i += name[i] + 1U)
        for (unsigned k = 1; k <= name[i]; k++)
            if ((name[i + k] | 32) >= 'a' && (name[i + k] | 32) <= 'z')
                at[count++] = i + k;
    name[at[rig_random(r, count)]] ^= 32;
}

static void to_the_decoy(struct ask *q, const struct forger *f, const uint8_t *bytes, size_t size)
{
    struct endpoint decoy = address_of(f->decoy);
    struct sim *s = rig_sim(q->rig);
    for (struct sim_exchange *x = sim_next(s, NULL); x; x = sim_next(s, x))
        if (endpoint_equal(&x->to, &decoy))
            MUST(sim_reply(s, x, bytes, size, 1) == OK);
}

static void forge(struct ask *q, struct forger *f)
{
    uint8_t bytes[DNS_UDP_SAFE];
    size_t size;
    reply_start(q, FLAG_AA);
    reply_add(q, SECTION_ANSWER, "%s 86400 IN A %s", q->text, bad);
    reply_add(q, SECTION_AUTHORITY, "bank.com. 86400 IN NS ns.evil.com.");
    reply_add(q, SECTION_ADDITIONAL, "ns.evil.com. 86400 IN A %s", bad);
    const uint8_t *whole = reply_bytes(q, &size);
    MUST(size <= sizeof bytes);
    memcpy(bytes, whole, size);
    unsigned wrong_id = f->a_question * 9 / 10;
    for (unsigned i = 0; i < wrong_id; i++, f->sent++) {
        store_u16(bytes, (uint16_t)(q->id + 1 + rig_random(q->rig, 65535)));
        reply_raw(q, bytes, size, 1);
    }
    store_u16(bytes, q->id);
    for (unsigned i = wrong_id; i + 1 < f->a_question; i++, f->sent++)
        to_the_decoy(q, f, bytes, size);
    flip_a_letter(q->rig, bytes + DNS_HEADER_SIZE);
    reply_raw(q, bytes, size, 2);
    f->sent++;
}

static void serve_forged(struct ask *q, void *script)
{
    if (q->exchange->via == TRANSPORT_UDP)
        forge(q, script);
    serve_address(q, (void *)(uintptr_t)good);
}

void attack_kaminsky(struct report *report)
{
    static struct answer_seen a, decoy[1024];
    unsigned questions = 1000, answered = 0, cached = 0, wrong = 0;
    struct forger f = {.a_question = FORGED_A_QUESTION, .decoy = "203.0.113.9"};
    struct rig *r = rig_new(&(struct rig_config){0});
    struct arena arena;
    arena_init(&arena, NULL);
    rig_zone(r, "bank.com.", bank_server, serve_forged, &f);
    rig_zone(r, "slow.com.", f.decoy, NULL, NULL);
    rig_resolve(r, "www.bank.com.", TYPE_A, &a);
    struct delegation *before = delegation_of(r, &arena, "bank.com.");
    for (unsigned i = 0; i < questions; i++) {
        char name[64];
        uint8_t wire[NAME_MAX_WIRE];
        snprintf(name, sizeof name, "d%u.slow.com.", i);
        rig_ask(r, name, TYPE_A, &decoy[i]);
        rig_advance(r, 25);
        snprintf(name, sizeof name, "%xsome-letters-to-turn.bank.com.", rig_random(r, 1U << 30));
        rig_resolve(r, name, TYPE_A, &a);
        answered += answer_has(&a, bad);
        wrong += !answer_has(&a, good);
        cached += cached_bad(r, name_of(name, wire));
    }
    struct delegation *after = delegation_of(r, &arena, "bank.com.");
    bool kept = before && after && same_delegation(before, after);
    rig_advance(r, 10000);
    report_at_least(report, "forged replies", (double)f.sent,
                    (double)questions * FORGED_A_QUESTION);
    report_at_most(report, "forged records answered", answered, 0);
    report_at_most(report, "forged records cached", cached, 0);
    report_at_most(report, "delegations changed", !kept, 0);
    report_at_most(report, "questions that the true server did not answer", wrong, 0);
    arena_deinit(&arena);
    rig_free(r);
}

/* ---- Malformed before the good one ----------------------------------------------------------- */

/* A reply whose parts lie at known places: header, question, one A record, an OPT. */
struct plain {
    uint8_t bytes[4096];
    size_t size, question_end, answer, opt;
};

static void plain_reply(struct ask *q, struct plain *p)
{
    reply_start(q, FLAG_AA);
    reply_add(q, SECTION_ANSWER, "%s 300 IN A %s", q->text, bad);
    const uint8_t *bytes = reply_bytes(q, &p->size);
    memcpy(p->bytes, bytes, p->size);
    p->question_end = DNS_HEADER_SIZE + name_size(q->sent) + 4;
    p->answer = p->question_end;
    p->opt = p->size - 11;
}

static void append(struct plain *p, const void *bytes, size_t size)
{
    memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

static void grow_rdata(struct plain *p, int by)
{
    size_t end = p->answer + 16;
    memmove(p->bytes + end + by, p->bytes + end, p->size - end);
    p->size = p->size + (size_t)by;
    store_u16(p->bytes + p->answer + 10, (uint16_t)(4 + by));
}

/* A bare header with an rcode. */
static void bare(struct plain *p, unsigned rcode)
{
    p->size = DNS_HEADER_SIZE;
    memset(p->bytes + 4, 0, 8);
    p->bytes[3] = (uint8_t)rcode;
}

/* What is wrong with octets 0 to 11, or that there are not as many. */
static void malform_header(struct plain *p, unsigned form)
{
    static const size_t sizes[] = {0, 1, 2, 11, 12};
    static const struct {
        uint8_t at;
        uint16_t count;
    } counts[] = {{4, 0},     {4, 2},  {4, 65535}, {6, 65535}, {8, 1},
                  {8, 65535}, {10, 0}, {10, 2},    {10, 65535}};
    if (form < 5)
        p->size = sizes[form];
    else if (form < 14)
        store_u16(p->bytes + counts[form - 5].at, counts[form - 5].count);
    else if (form == 14)
        p->bytes[2] &= 0x7f; /* a query */
    else if (form < 18)
        p->bytes[2] |= (uint8_t)(8U << (form - 15)); /* opcodes 1, 2, 4 */
    else if (form == 18)
        bare(p, 0);
    else
        store_u16(p->bytes + p->question_end - 2 * (form - 18),
                  7); /* 19, 20: another class, another type */
}

/* Lengths and names. */
static void malform_names(struct plain *p, unsigned form)
{
    uint8_t *answer = p->bytes + p->answer;
    switch (form) {
    case 21:
        p->size = p->question_end - 3;
        return;
    case 22:
        p->size = p->question_end;
        return;
    case 23:
        p->size = p->answer + 11;
        return;
    case 24:
        p->size -= 1;
        return;
    case 25:
        append(p, "x", 1);
        return;
    case 26:
        memset(p->bytes + p->size, 'x', 1000), p->size += 1000;
        return;
    case 27:
        store_u16(answer, (uint16_t)(0xc000 | p->answer));
        return;
    case 28:
        store_u16(answer, (uint16_t)(0xc000 | p->opt));
        return;
    case 29:
        store_u16(answer, 0xc000);
        return;
    case 30:
        answer[0] = 0x40;
        return;
    case 31:
        answer[0] = 0x80;
        return;
    }
}

/* Rdata, classes, types, OPT. */
static void malform_rdata(struct plain *p, unsigned form)
{
    static const uint8_t second_opt[11] = {0, 0, 41, 4, 208};
    uint8_t *answer = p->bytes + p->answer, *opt = p->bytes + p->opt;
    switch (form) {
    case 32:
        store_u16(answer + 10, 65535);
        return;
    case 33:
        grow_rdata(p, -4);
        return;
    case 34:
        grow_rdata(p, -1);
        return;
    case 35:
        grow_rdata(p, 1);
        return;
    case 36:
        store_u16(answer + 4, CLASS_CH);
        return;
    case 37:
        store_u16(answer + 2, TYPE_OPT);
        return;
    case 38:
        store_u16(answer + 2, TYPE_ANY);
        return;
    case 39:
        append(p, second_opt, 11), store_u16(p->bytes + 10, 2);
        return;
    case 40:
        opt[10] = 3, append(p, "abc", 3);
        return;
    case 41:
        store_u16(opt + 1, TYPE_TSIG);
        return;
    default:
        store_u16(answer + 2, TYPE_NSEC);
        return; /* 42: rdata of another form */
    }
}
enum { FORMS = 43, HEADER_FORMS = 21, NAME_FORMS = 32 };

struct malformer {
    unsigned form;
    unsigned bare_rcode; /* not 0: a bare header with that, whatever the form */
    bool done;
};

static void serve_malformed(struct ask *q, void *script)
{
    struct malformer *m = script;
    struct plain p;
    if (q->exchange->via == TRANSPORT_UDP && !m->done && m->form < FORMS &&
        strncmp(q->text, "www.", 4) == 0) {
        m->done = true;
        plain_reply(q, &p);
        if (m->bare_rcode)
            bare(&p, m->bare_rcode);
        else if (m->form < HEADER_FORMS)
            malform_header(&p, m->form);
        else if (m->form < NAME_FORMS)
            malform_names(&p, m->form);
        else
            malform_rdata(&p, m->form);
        reply_raw(q, p.bytes, p.size, 1);
    }
    serve_address(q, (void *)(uintptr_t)good);
}

static struct server_state standing(struct rig *r, const char *address)
{
    struct server_state s = {0};
    struct endpoint at = address_of(address);
    if (cache_get_server(rig_cache(r), &at, NULL, rig_now(r), &s))
        s = (struct server_state){0};
    return s;
}

static bool lame_for(struct rig *r, const char *address, const char *zone)
{
    struct server_state s;
    struct endpoint at = address_of(address);
    uint8_t name[NAME_MAX_WIRE];
    return !cache_get_server(rig_cache(r), &at, name_of(zone, name), rig_now(r), &s) && s.lame;
}

/* As after a life without attack: no time-outs, EDNS as it is, not lame, and as fast as it is. */
static bool stands_well(struct rig *r, const char *address, const char *zone)
{
    struct server_state s = standing(r, address);
    return s.timeouts == 0 && s.retry_at == 0 && s.edns == SERVER_EDNS_OK && s.srtt_ms >= 5 &&
           s.srtt_ms <= 20 && !lame_for(r, address, zone);
}

/* Did the good answer come, and does the server stand as before? */
static void play_malformed(struct malformer m, bool *answered, bool *stands)
{
    static struct answer_seen a;
    struct rig *r = rig_new(&(struct rig_config){.cache_size = 1 << 20});
    rig_zone(r, "bank.com.", bank_server, serve_malformed, &m);
    rig_resolve(r, "first.bank.com.", TYPE_A, &a);
    rig_resolve(r, "www.bank.com.", TYPE_A, &a);
    MUST(m.done);
    *answered = answer_has(&a, good) && !answer_has(&a, bad);
    *stands = stands_well(r, bank_server, "bank.com.");
    rig_free(r);
}

/* A record that nobody asked for is dropped alone: with 38 and 42 that leaves an empty answer. */
static bool leaves_nothing(unsigned form)
{
    return form == 38 || form == 42;
}

static void play_forms(struct report *report, bool nothing, unsigned least)
{
    unsigned tried = 0, lost = 0, moved = 0;
    for (unsigned form = 0; form < FORMS; form++) {
        bool answered, stands;
        if (leaves_nothing(form) != nothing)
            continue;
        play_malformed((struct malformer){.form = form}, &answered, &stands);
        if (!answered || !stands)
            printf("%-14s  form %u: %s\n", report->attack, form,
                   answered ? "another standing" : "wrong answer");
        tried++;
        lost += !answered;
        moved += !stands;
    }
    report_at_least(report, "malformed forms", tried, least);
    report_at_most(report, "forms after which the good answer was lost", lost, 0);
    report_at_most(report, "forms that changed the server's standing", moved, 0);
}

void attack_tudoor(struct report *report)
{
    play_forms(report, false, 40);
}

void attack_tudoor_empty(struct report *report)
{
    play_forms(report, true, 2);
}

/* ---- Forged replies as denial of service ----------------------------------------------------- */

struct denier {
    unsigned a_question;
    bool right_id; /* one bare FORMERR with the right id among them: a forger who was lucky */
    uint64_t sent;
};

static void serve_denied(struct ask *q, void *script)
{
    static const unsigned rcodes[] = {1, 2, 4, 5, 0};
    struct denier *d = script;
    uint8_t bytes[DNS_UDP_SAFE];
    size_t size;
    if (q->exchange->via == TRANSPORT_UDP) {
        for (unsigned i = 0; i < d->a_question; i++, d->sent++) {
            unsigned rcode = rcodes[i % 5];
            reply_start(q, (uint16_t)(rcode ? rcode : FLAG_TC));
            const uint8_t *whole = reply_bytes(q, &size);
            memcpy(bytes, whole, size);
            store_u16(bytes, (uint16_t)(q->id + 1 + rig_random(q->rig, 65535)));
            reply_raw(q, bytes, size, 1);
        }
        if (d->right_id) {
            struct plain p;
            plain_reply(q, &p);
            bare(&p, RCODE_FORMERR);
            reply_raw(q, p.bytes, p.size, 1);
        }
    }
    serve_address(q, (void *)(uintptr_t)good);
}

static void deny(struct report *report, struct denier *d, const char *what)
{
    static struct answer_seen a;
    char text[80];
    unsigned wrong = 0;
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_zone(r, "bank.com.", bank_server, serve_denied, d);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "w%u.bank.com.", i);
        rig_resolve(r, text, TYPE_A, &a);
        wrong += !answer_has(&a, good);
    }
    struct server_state s = standing(r, bank_server);
    snprintf(text, sizeof text, "%s: answers lost", what);
    report_at_most(report, text, wrong, 0);
    snprintf(text, sizeof text, "%s: EDNS held to be broken", what);
    report_at_most(report, text, s.edns == SERVER_EDNS_BROKEN, 0);
    snprintf(text, sizeof text, "%s: health changed", what);
    report_at_most(report, text, s.timeouts || s.retry_at || lame_for(r, bank_server, "bank.com."),
                   0);
    rig_free(r);
}

void attack_forged_denial(struct report *report)
{
    struct denier many = {.a_question = 1000};
    deny(report, &many, "wrong id");
    report_at_least(report, "forged replies", (double)many.sent, 10000);
}

/* A header with an error and no question: 16 bits are all that a forger has to guess. */
void attack_bare_header(struct report *report)
{
    unsigned lost = 0, moved = 0;
    for (unsigned rcode = 1; rcode < 16; rcode++) {
        bool answered, stands;
        play_malformed((struct malformer){.bare_rcode = rcode}, &answered, &stands);
        lost += !answered;
        moved += !stands;
    }
    report_at_most(report, "rcodes after which the good answer was lost", lost, 0);
    report_at_most(report, "rcodes that changed the server's standing", moved, 0);
    struct denier always = {.a_question = 10, .right_id = true};
    deny(report, &always, "FORMERR each time");
}

/* ---- Records that were not asked for --------------------------------------------------------- */

struct stranger {
    unsigned rcode;
    enum section section;
    unsigned kind;
};
enum { KINDS = 4, RCODES = 16 };

static void serve_stranger(struct ask *q, void *script)
{
    static const char *const records[KINDS] = {
        "bank.com. 86400 IN NS ns.evil.com.", "com. 86400 IN DNAME evil.com.",
        "ns.bank.com. 86400 IN A 6.6.6.6", "bank.com. 86400 IN SOA ns.evil.com. x. 1 2 3 4 86400"};
    const struct stranger *s = script;
    reply_start(q, (uint16_t)(FLAG_AA | s->rcode));
    if (s->section == SECTION_ANSWER) {
        reply_add(q, SECTION_ANSWER, "%s 60 IN A 192.0.2.99", q->text);
        reply_add(q, SECTION_ANSWER, "%s", records[s->kind]);
    }
    reply_add(q, SECTION_AUTHORITY, "evil.com. 60 IN SOA a. b. 1 2 3 4 60");
    if (s->section != SECTION_ANSWER)
        reply_add(q, s->section, "%s", records[s->kind]);
    reply_send(q, 10);
}

static bool knows_stranger(struct rig *r)
{
    struct rrset set;
    uint8_t name[NAME_MAX_WIRE];
    struct delegation d;
    uint32_t now = rig_now(r);
    return !cache_get_rrset(rig_cache(r), name_of("com.", name), TYPE_DNAME, now, &set) ||
           !cache_get_delegation(rig_cache(r), name_of("com.", name), now, &d) ||
           !cache_get_rrset(rig_cache(r), name_of("bank.com.", name), TYPE_NS, now, &set) ||
           cached_bad(r, name_of("ns.bank.com.", name));
}

void attack_unsolicited(struct report *report)
{
    static struct answer_seen a;
    unsigned changed = 0, cached = 0, misled = 0, tried = 0;
    struct stranger s;
    struct arena arena;
    arena_init(&arena, NULL);
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_zone(r, "bank.com.", bank_server, serve_address, (void *)(uintptr_t)good);
    rig_zone(r, "evil.com.", evil_server, serve_stranger, &s);
    rig_resolve(r, "www.bank.com.", TYPE_A, &a);
    struct delegation *before = delegation_of(r, &arena, "bank.com.");
    MUST(before);
    for (unsigned i = 0; i < RCODES * SECTION_COUNT * KINDS; i++, tried++) {
        char name[64];
        s = (struct stranger){i / (SECTION_COUNT * KINDS),
                              (enum section)(i / KINDS % SECTION_COUNT), i % KINDS};
        snprintf(name, sizeof name, "w%u.evil.com.", i);
        rig_resolve(r, name, TYPE_A, &a);
        rig_resolve(r, name, TYPE_NS, &a);
        struct delegation *after = delegation_of(r, &arena, "bank.com.");
        changed += !after || !same_delegation(before, after);
        cached += knows_stranger(r);
        snprintf(name, sizeof name, "w%u.bank.com.", i);
        rig_resolve(r, name, TYPE_A, &a);
        misled += !answer_has(&a, good) || answer_has(&a, bad);
    }
    report_at_least(report, "rcode x section x record", tried, RCODES * SECTION_COUNT * KINDS);
    report_at_most(report, "delegations changed", changed, 0);
    report_at_most(report, "strange records cached", cached, 0);
    report_at_most(report, "later questions misled", misled, 0);
    arena_deinit(&arena);
    rig_free(r);
}

/* ---- Ghost and phoenix domains --------------------------------------------------------------- */

enum { GHOST_TTL = 60 };

/* Answers everything with its own NS and glue for long, or delegates a zone below itself to itself.
 */
static void serve_ghost(struct ask *q, void *script)
{
    (void)script;
    uint8_t zone[NAME_MAX_WIRE];
    name_of("ghost.com.", zone);
    unsigned below = name_labels(q->name) - name_labels(zone);
    struct endpoint first = address_of(evil_server);
    bool down =
        below >= 2 && strstr(q->text, "deep") != NULL && endpoint_equal(&q->exchange->to, &first);
    reply_start(q, down ? 0 : FLAG_AA);
    if (down) {
        char text[NAME_TEXT_MAX];
        name_text(name_suffix(q->name, 3), text);
        reply_add(q, SECTION_AUTHORITY, "%s 86400 IN NS ns2.ghost.com.", text);
        reply_add(q, SECTION_ADDITIONAL, "ns2.ghost.com. 86400 IN A %s", evil_server_2);
    } else {
        if (q->type == TYPE_A)
            reply_add(q, SECTION_ANSWER, "%s 86400 IN A 192.0.2.80", q->text);
        if (q->type == TYPE_NS)
            reply_add(q, SECTION_ANSWER, "%s 86400 IN NS ns.ghost.com.", q->text);
        reply_add(q, SECTION_AUTHORITY, "ghost.com. 86400 IN NS ns.ghost.com.");
    }
    reply_add(q, SECTION_ADDITIONAL, "ns.ghost.com. 86400 IN A %s", evil_server);
    reply_send(q, 10);
}

/* How many seconds after its delegation was learned fresh names below it are still answered. */
static double ghost_life(const char *form)
{
    static struct answer_seen a;
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_referral_ttl(r, GHOST_TTL);
    rig_zone(r, "ghost.com.", evil_server, serve_ghost, NULL);
    rig_zone(r, "ghost.com.", evil_server_2, serve_ghost, NULL); /* the first is in the referral */
    rig_resolve(r, "www.ghost.com.", TYPE_A, &a);
    uint64_t from = sim_now(rig_sim(r)), last = from;
    rig_revoke(r, "ghost.com.");
    for (unsigned i = 0; i < 4 * GHOST_TTL; i++) {
        char name[128];
        rig_advance(r, 1000);
        snprintf(name, sizeof name, form, i, i);
        rig_resolve(r, name, TYPE_A, &a);
        if (a.rcode == RCODE_NOERROR)
            last = sim_now(rig_sim(r));
        rig_resolve(r, "ghost.com.", TYPE_NS, &a);
        rig_resolve(r, "ns.ghost.com.", TYPE_A, &a);
    }
    rig_free(r);
    return (double)(last - from) / 1000;
}

void attack_ghost(struct report *report)
{
    report_at_most(report, "seconds it lives on, fresh names", ghost_life("w%u.ghost.com."),
                   GHOST_TTL + 1);
    report_at_most(report, "seconds it lives on, names of a zone below it",
                   ghost_life("w%u.deep.ghost.com."), GHOST_TTL + 1);
    report_at_most(report, "seconds it lives on, ever new zones below it",
                   ghost_life("w%u.deep%u.ghost.com."), GHOST_TTL + 1);
}
