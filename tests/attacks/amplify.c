/* Attacks that would have the resolver send: name servers without number or end, aliases, loops,
 * addresses of ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tests/attacks/attack.h"

enum { MANY = 1500 };
static const char evil_server[] = "203.0.113.66", victim_server[] = "203.0.113.1";

/* ---- NXNS
 * ---------------------------------------------------------------------------------------- */

enum nxns { NXNS_MISSING, NXNS_NO_ADDRESS, NXNS_MANY_ZONES };
struct nxns_script {
    enum nxns kind;
    unsigned ns;
};

static void serve_nxns(struct ask *q, void *script)
{
    const struct nxns_script *s = script;
    char zone[NAME_TEXT_MAX];
    if (name_labels(q->name) < 3) {
        serve_address(q, (void *)(uintptr_t) "192.0.2.1");
        return;
    }
    name_text(name_suffix(q->name, 3), zone);
    reply_start(q, 0);
    for (unsigned i = 0; i < s->ns; i++) {
        if (s->kind == NXNS_MANY_ZONES)
            reply_add(q, SECTION_AUTHORITY, "%s 3600 IN NS n%u.v%u.com.", zone, i, i % 20);
        else
            reply_add(q, SECTION_AUTHORITY, "%s 3600 IN NS n%u.v.com.", zone, i);
    }
    reply_send(q, 10);
}

static void serve_nothing(struct ask *q, void *script)
{
    bool missing = ((const struct nxns_script *)script)->kind != NXNS_NO_ADDRESS;
    reply_start(q, (uint16_t)(FLAG_AA | (missing ? RCODE_NXDOMAIN : RCODE_NOERROR)));
    reply_add(q, SECTION_AUTHORITY, "%s 60 IN SOA a. b. 1 2 3 4 60", q->text);
    reply_send(q, 10);
}

/* Packets that one query costs, once the way to the attacker's zone is known. */
static uint64_t nxns_of(struct nxns_script s)
{
    static struct answer_seen a;
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_zone(r, "evil.com.", evil_server, serve_nxns, &s);
    rig_zone(r, "v.com.", victim_server, serve_nothing, &s);
    for (unsigned i = 0; i < 20; i++) {
        char zone[16];
        snprintf(zone, sizeof zone, "v%u.com.", i);
        rig_zone(r, zone, victim_server, serve_nothing, &s);
    }
    rig_resolve(r, "evil.com.", TYPE_A, &a);
    uint64_t before = rig_packets(r);
    rig_resolve(r, "www.sub.evil.com.", TYPE_A, &a);
    MUST(a.rcode == RCODE_SERVFAIL);
    rig_advance(r, 10000);
    uint64_t packets = rig_packets(r) - before;
    rig_free(r);
    return packets;
}

/* As many as a resolver may take whole. */
static double nxns_fewer(enum nxns kind)
{
    static const unsigned counts[] = {200, 100, 50, 13};
    uint64_t most = 0;
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t packets = nxns_of((struct nxns_script){kind, counts[i]});
        most = packets > most ? packets : most;
    }
    return (double)most;
}

static double nxns(enum nxns kind)
{
    return (double)nxns_of((struct nxns_script){kind, MANY});
}

void attack_nxns(struct report *report)
{
    report_at_most(report, "packets a query, names that do not exist", nxns(NXNS_MISSING), 12);
    report_at_most(report, "packets a query, names without address", nxns(NXNS_NO_ADDRESS), 12);
    report_at_most(report, "packets a query, names in 20 zones", nxns(NXNS_MANY_ZONES), 12);
}

void attack_nxns_fewer(struct report *report)
{
    report_at_most(report, "packets a query, names that do not exist", nxns_fewer(NXNS_MISSING),
                   12);
    report_at_most(report, "packets a query, names without address", nxns_fewer(NXNS_NO_ADDRESS),
                   12);
    report_at_most(report, "packets a query, names in 20 zones", nxns_fewer(NXNS_MANY_ZONES), 12);
}

/* ---- Silent delegation
 * --------------------------------------------------------------------------- */

struct silent {
    unsigned ns;
};

/* By hand: a reply made of texts would cost more than the resolver's work on it, which is what is
 * measured. */
static void refer_silent(struct ask *q, unsigned count)
{
    static struct raw m;
    raw_reply(&m, q, 0);
    unsigned skip = 0; /* octets of the name in front of the zone */
    for (const uint8_t *at = q->sent; name_labels(at) > 3; at = name_skip(at, 1))
        skip += at[0] + 1U;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            uint8_t label[7] = {4, 'n', (uint8_t)('a' + i / 400), (uint8_t)('a' + i / 20 % 20),
                                (uint8_t)('a' + i % 20)};
            store_u16(label + 5, (uint16_t)(0xc00c + skip));
            uint8_t address[4] = {198, 18, (uint8_t)(i / 250), (uint8_t)(1 + i % 250)};
            if (pass)
                raw_put(&m, label, 5);
            raw_record(&m, pass ? SECTION_ADDITIONAL : SECTION_AUTHORITY, pass ? TYPE_A : TYPE_NS,
                       pass ? address : label, pass ? 4 : 7);
            store_u16(m.bytes + m.size - (pass ? 16 : 19), (uint16_t)(0xc00c + skip));
        }
    }
    reply_raw(q, m.bytes, m.size, 10);
}

static void serve_silent(struct ask *q, void *script)
{
    const struct silent *s = script;
    if (name_labels(q->name) < 3) {
        serve_address(q, (void *)(uintptr_t) "192.0.2.1");
        return;
    }
    if (q->exchange->via == TRANSPORT_UDP) {
        reply_start(q, FLAG_TC);
        reply_send(q, 10);
        return;
    }
    refer_silent(q, s->ns);
}

struct silent_run {
    struct rig *rig;
    struct silent script;
    unsigned number;
    uint64_t packets;
};

static void resolve_silent(void *ctx, size_t ns)
{
    static struct answer_seen a;
    struct silent_run *run = ctx;
    char name[64];
    run->script.ns = (unsigned)ns;
    snprintf(name, sizeof name, "www.s%u.evil.com.", run->number++);
    uint64_t before = rig_packets(run->rig);
    rig_resolve(run->rig, name, TYPE_A, &a);
    rig_advance(run->rig, 20000);
    run->packets = rig_packets(run->rig) - before;
}

void attack_silent(struct report *report)
{
    static struct answer_seen a;
    struct silent_run run = {.script = {.ns = MANY}};
    run.rig = rig_new(&(struct rig_config){0});
    rig_zone(run.rig, "evil.com.", evil_server, serve_silent, &run.script);
    rig_resolve(run.rig, "evil.com.", TYPE_A, &a);
    uint64_t most = 0;
    static const unsigned counts[] = {MANY, 500, 200, 100, 50, 26, 13};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        resolve_silent(&run, counts[i]);
        most = run.packets > most ? run.packets : most;
    }
    report_at_most(report, "packets a query", (double)most, 26);
    report_at_most(report, "10 x the name servers, x work", growth(resolve_silent, &run, MANY / 10),
                   12);
    rig_free(run.rig);
}

/* ---- Composed amplification
 * ----------------------------------------------------------------------- */

/*
 * A world made of a seed: zones z0 … z11 in com, each with servers that answer, are silent, refuse,
 * fail or lie; each delegated with glue or to names in other zones; each name an address, an alias
 * into another zone, or a zone of its own. Everything is decided by a hash of seed and name, so the
 * world need not be kept.
 */
struct composed {
    uint64_t seed;
};
enum { COMPOSED_ZONES = 12 };

static uint64_t mix(uint64_t seed, const uint8_t *name, unsigned salt)
{
    uint64_t h = seed * 0x9e3779b97f4a7c15 + salt;
    for (size_t i = 0, n = name_size(name); i < n; i++)
        h = (h ^ name[i]) * 0x100000001b3;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9;
    return h ^ h >> 32;
}

static void refer_composed(struct ask *q, const struct composed *c, const uint8_t *zone)
{
    char text[NAME_TEXT_MAX];
    uint64_t h = mix(c->seed, zone, 1);
    unsigned count = 1 + (unsigned)(h % 40);
    bool glue = h >> 8 & 1;
    name_text(zone, text);
    reply_start(q, 0);
    for (unsigned i = 0; i < count; i++) {
        if (glue)
            reply_add(q, SECTION_AUTHORITY, "%s 60 IN NS n%u.%s", text, i, text);
        else
            reply_add(q, SECTION_AUTHORITY, "%s 60 IN NS n%u.z%u.com.", text,
                      (unsigned)((h >> 16) + i) % 64,
                      (unsigned)((h >> 24) + i * (h >> 40 & 1)) % COMPOSED_ZONES);
    }
    for (unsigned i = 0; i < count && glue; i++)
        reply_add(q, SECTION_ADDITIONAL, "n%u.%s 60 IN A 198.18.%u.%u", i, text,
                  (unsigned)(h >> 30) % 250, i);
    reply_send(q, 10);
}

static void answer_composed(struct ask *q, const struct composed *c)
{
    uint64_t h = mix(c->seed, q->name, 2);
    bool ns_name = q->name[1] == 'n';
    reply_start(q, FLAG_AA);
    if (h % 10 < 6 && !(ns_name && h >> 9 & 1))
        reply_add(q, SECTION_ANSWER, "%s 60 IN CNAME w%u.x%u.z%u.com.", q->text,
                  (unsigned)(h >> 20) % 1000, (unsigned)(h >> 30) % 4,
                  (unsigned)(h >> 40) % COMPOSED_ZONES);
    else if (q->type == TYPE_A)
        reply_add(q, SECTION_ANSWER, "%s 60 IN A 198.18.%u.%u", q->text, (unsigned)(h >> 20) % 250,
                  (unsigned)(h >> 30) % 250);
    else
        reply_add(q, SECTION_AUTHORITY, "%s 60 IN SOA a. b. 1 2 3 4 60", q->text);
    reply_send(q, 10);
}

static void serve_composed(struct ask *q, void *script)
{
    static const struct endpoint none;
    const struct composed *c = script;
    struct endpoint root = address_of("198.41.0.4");
    unsigned labels = name_labels(q->name);
    bool at_root = endpoint_equal(&q->exchange->to, &root);
    uint64_t server =
        mix(c->seed, q->exchange->to.bytes[2] ? q->exchange->to.bytes + 12 : none.bytes,
            q->exchange->to.bytes[2] * 256U + q->exchange->to.bytes[3]);
    if (at_root && labels >= 2) {
        refer_composed(q, c, name_suffix(q->name, 2));
        return;
    }
    if (at_root || labels < 3) {
        answer_composed(q, c);
        return;
    }
    switch (server % 8) {
    case 0:
    case 1:
        return; /* silent */
    case 2:
        reply_start(q, server & 256 ? RCODE_REFUSED : RCODE_SERVFAIL);
        reply_send(q, 10);
        return;
    case 3:
        reply_start(q, 0); /* upward */
        reply_add(q, SECTION_AUTHORITY, ". 60 IN NS a.root-servers.net.");
        reply_send(q, 10);
        return;
    case 4:
        if (labels > 3 || server & 512) {
            refer_composed(q, c,
                           name_suffix(q->name, 3 + (unsigned)(server >> 12 & 1) * (labels > 3)));
            return;
        }
    }
    answer_composed(q, c);
}

void attack_composed(struct report *report)
{
    static struct answer_seen a;
    unsigned worlds = report->full ? 2000 : 200;
    uint64_t most = 0, all = 0, answered = 0;
    for (unsigned i = 1; i <= worlds; i++) {
        struct composed c = {.seed = i};
        struct rig *r = rig_new(&(struct rig_config){.cache_size = 1 << 20, .seed = i});
        rig_serve_all(r, serve_composed, &c);
        uint64_t before = rig_packets(r);
        char name[64];
        snprintf(name, sizeof name, "w%u.x1.z%u.com.", i, i % COMPOSED_ZONES);
        rig_resolve(r, name, TYPE_A, &a);
        rig_advance(r, 20000);
        uint64_t packets = rig_packets(r) - before;
        most = packets > most ? packets : most;
        all += packets;
        answered += a.rcode == RCODE_NOERROR;
        rig_free(r);
    }
    report_at_least(report, "compositions", worlds, 200);
    report_at_least(report, "packets a query, mean (it is an attack at all)", (double)all / worlds,
                    5);
    report_at_most(report, "packets a query, most", (double)most, 50);
    report_at_least(report, "compositions that were answered", (double)answered, 1);
}

/* ---- Name servers in a circle
 * ---------------------------------------------------------------------- */

static void serve_cycle(struct ask *q, void *script)
{
    (void)script;
    unsigned labels = name_labels(q->name);
    if (labels < 2) {
        reply_start(q, FLAG_AA);
        reply_add(q, SECTION_AUTHORITY, ". 60 IN SOA a. b. 1 2 3 4 60");
        reply_send(q, 10);
        return;
    }
    char zone[NAME_TEXT_MAX];
    name_text(name_suffix(q->name, 2), zone);
    reply_start(q, 0);
    reply_add(q, SECTION_AUTHORITY, "%s 86400 IN NS ns.%s", zone,
              zone[0] == 'a' ? "b.com." : "a.com.");
    reply_send(q, 10);
}

/* Packets after the first query; `form` of the names asked. */
static double cycle(struct report *report, const char *form, unsigned *steps)
{
    static struct answer_seen a;
    char name[64];
    unsigned queries = report->full ? 10000 : 2000;
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_serve_all(r, serve_cycle, NULL);
    snprintf(name, sizeof name, form, 0U);
    rig_resolve(r, name, TYPE_A, &a);
    uint64_t before = rig_packets(r), from = sim_now(rig_sim(r));
    for (unsigned i = 1; i < queries; i++) {
        rig_advance(r, 50);
        snprintf(name, sizeof name, form, i);
        rig_resolve(r, name, TYPE_A, &a);
        MUST(a.rcode == RCODE_SERVFAIL);
    }
    uint64_t seconds = (sim_now(rig_sim(r)) - from) / 1000;
    *steps = 0;
    for (uint64_t at = 1, step = 1; at <= seconds; at += step, ++*steps)
        step = step * 2 > 300 ? 300 : step * 2;
    uint64_t packets = rig_packets(r) - before;
    rig_free(r);
    return (double)packets;
}

void attack_cycle(struct report *report)
{
    unsigned steps;
    double packets = cycle(report, "www.a.com.", &steps);
    report_at_most(report, "packets after the first query, one name (bound: steps)", packets,
                   steps);
    packets = cycle(report, "w%u.a.com.", &steps);
    report_at_most(report, "packets after the first query, ever new names", packets, steps);
}

/* ---- One address under many names
 * ------------------------------------------------------------------- */

static const char dead[] = "198.18.0.1";

static void serve_same(struct ask *q, void *script)
{
    bool glue = *(bool *)script;
    char zone[NAME_TEXT_MAX];
    if (name_labels(q->name) < 3 || q->name[1] == 'n') {
        serve_address(q, (void *)(uintptr_t)dead);
        return;
    }
    name_text(name_suffix(q->name, 3), zone);
    reply_start(q, 0);
    for (unsigned i = 0; i < 100; i++)
        reply_add(q, SECTION_AUTHORITY, "%s 3600 IN NS n%u.%s", zone, i, glue ? zone : "evil.com.");
    for (unsigned i = 0; i < 100 && glue; i++)
        reply_add(q, SECTION_ADDITIONAL, "n%u.%s 3600 IN A %s", i, zone, dead);
    reply_send(q, 10);
}

struct moments {
    uint64_t last_ms;
    unsigned now, most;
};

static void watch_dead(void *ctx, const struct ask *q)
{
    struct moments *m = ctx;
    struct endpoint at = address_of(dead);
    if (!endpoint_equal(&q->exchange->to, &at))
        return;
    m->now = m->last_ms == q->exchange->sent_ms ? m->now + 1 : 1;
    m->last_ms = q->exchange->sent_ms;
    m->most = m->now > m->most ? m->now : m->most;
}

static void same_address(struct report *report, bool glue, const char *what)
{
    static struct answer_seen a;
    char text[80];
    struct moments m = {0};
    struct rig *r = rig_new(&(struct rig_config){0});
    rig_zone(r, "evil.com.", evil_server, serve_same, &glue);
    rig_watch(r, watch_dead, &m);
    rig_resolve(r, "www.sub.evil.com.", TYPE_A, &a);
    rig_advance(r, 20000);
    snprintf(text, sizeof text, "%s: sends a retry", what);
    report_at_most(report, text, m.most, 1);
    snprintf(text, sizeof text, "%s: retries", what);
    report_at_most(report, text, (double)rig_packets_to(r, dead), 3);
    report_at_least(report, "the address was asked at all", (double)rig_packets_to(r, dead), 1);
    rig_free(r);
}

void attack_same_address(struct report *report)
{
    same_address(report, false, "no glue");
}

void attack_same_glue(struct report *report)
{
    same_address(report, true, "glue");
}

/* ---- The budget is never reset
 * ----------------------------------------------------------------------- */

enum { BUDGET_SHAPES = 8 };
struct budget_script {
    unsigned shape;
    uint64_t number;
};

/* Bit 0: aliases; bit 1: ever deeper referrals; bit 2: name servers that must be looked up. 0: an
 * alias loop. */
static void serve_budget(struct ask *q, void *script)
{
    struct budget_script *s = script;
    unsigned labels = name_labels(q->name);
    char zone[NAME_TEXT_MAX];
    bool down = (s->shape & 2) && labels > 3 && ++s->number % 3;
    reply_start(q, down ? 0 : FLAG_AA);
    if (down) {
        name_text(name_suffix(q->name, labels - (unsigned)(s->number % (labels - 2))), zone);
        if (s->shape & 4)
            reply_add(q, SECTION_AUTHORITY, "%s 60 IN NS n%u.evil.com.", zone, (unsigned)s->number);
        else
            reply_add(q, SECTION_AUTHORITY, "%s 60 IN NS n.%s", zone, zone);
        if (!(s->shape & 4))
            reply_add(q, SECTION_ADDITIONAL, "n.%s 60 IN A %s", zone, evil_server);
    } else if (q->name[1] == 'n' && q->type == TYPE_A) {
        reply_add(q, SECTION_ANSWER, "%s 60 IN A %s", q->text, evil_server);
    } else if (s->shape == 0) {
        reply_add(q, SECTION_ANSWER, "%s 60 IN CNAME %s.evil.com.", q->text,
                  q->name[1] == 'w' ? "v" : "w");
    } else {
        reply_add(q, SECTION_ANSWER, "%s 60 IN CNAME w%u.a.b.c.d.e.evil.com.", q->text,
                  (unsigned)++s->number);
    }
    reply_send(q, 10);
}

struct own_client {
    struct client client;
    bool done;
};

static void own_done(struct client *c, const struct outcome *o)
{
    (void)o;
    ((struct own_client *)(void *)c)->done = true;
}

static bool risen(const struct budget *before, const struct budget *now)
{
    return now->packets > before->packets || now->bytes > before->bytes ||
           now->aliases > before->aliases || now->ns_lookups > before->ns_lookups ||
           now->deadline_ms > before->deadline_ms;
}

/* Resolves with a client of our own, whose budget can be looked at after every event. */
static unsigned watch_budget(struct rig *r, const char *name)
{
    uint8_t wire[NAME_MAX_WIRE];
    unsigned rises = 0;
    bool moved = true;
    struct own_client c = {.client = {.done = own_done}};
    struct question q = {.name = name_of(name, wire), .type = TYPE_A};
    MUST(resolver_ask(rig_resolver(r), &q, &c.client) == OK);
    struct budget before = c.client.budget;
    uint64_t until = sim_now(rig_sim(r)) + 60000;
    sim_poke(rig_sim(r));
    while (!c.done && moved) {
        MUST(sim_step(rig_sim(r), until, &moved) == OK);
        rises += risen(&before, &c.client.budget);
        before = c.client.budget;
    }
    MUST(c.done);
    return rises;
}

void attack_budget(struct report *report)
{
    uint64_t most = 0;
    unsigned rises = 0;
    for (unsigned shape = 0; shape < BUDGET_SHAPES; shape++) {
        struct budget_script s = {.shape = shape};
        struct rig *r = rig_new(&(struct rig_config){0});
        rig_zone(r, "evil.com.", evil_server, serve_budget, &s);
        rises += watch_budget(r, "w.x.y.z.u.t.s.evil.com.");
        rig_advance(r, 20000);
        most = rig_packets(r) > most ? rig_packets(r) : most;
        rig_free(r);
    }
    report_at_most(report, "counters that rose", rises, 0);
    report_at_most(report, "packets a query, most of 8 shapes", (double)most, 50);
    report_at_least(report, "packets a query (it is an attack at all)", (double)most, 10);
}

/* ---- Our own address, and nobody's
 * ---------------------------------------------------------------------- */

static const char *const nobody[] = {"0.0.0.0",
                                     "0.1.2.3",
                                     "127.0.0.1",
                                     "127.255.255.254",
                                     "192.0.2.53",
                                     "::",
                                     "::1",
                                     "::ffff:127.0.0.1",
                                     "::ffff:0.0.0.0",
                                     "::ffff:192.0.2.53",
                                     "255.255.255.255",
                                     "224.0.0.1"};
enum { NOBODY = sizeof nobody / sizeof nobody[0] };

static void add_nobody(struct ask *q, enum section section, const char *owner)
{
    for (unsigned i = 0; i < NOBODY; i++) {
        bool six = strchr(nobody[i], ':') != NULL;
        if (section == SECTION_ANSWER && q->type != (six ? TYPE_AAAA : TYPE_A))
            continue;
        if (section == SECTION_ANSWER)
            reply_add(q, section, "%s 60 IN %s %s", owner, six ? "AAAA" : "A", nobody[i]);
        else
            reply_add(q, section, "n%u.%s 60 IN %s %s", i, owner, six ? "AAAA" : "A", nobody[i]);
    }
}

static void serve_nobody(struct ask *q, void *script)
{
    bool glue = *(bool *)script;
    char zone[NAME_TEXT_MAX];
    unsigned labels = name_labels(q->name);
    reply_start(q, labels < 3 || q->name[1] == 'n' ? FLAG_AA : 0);
    if (labels < 3) {
        reply_add(q, SECTION_AUTHORITY, "evil.com. 60 IN SOA a. b. 1 2 3 4 60");
    } else if (q->name[1] == 'n') {
        add_nobody(q, SECTION_ANSWER, q->text);
    } else {
        name_text(name_suffix(q->name, 3), zone);
        for (unsigned i = 0; i < NOBODY; i++)
            reply_add(q, SECTION_AUTHORITY, "%s 60 IN NS n%u.%s", zone, i,
                      glue ? zone : "evil.com.");
        if (glue)
            add_nobody(q, SECTION_ADDITIONAL, zone);
    }
    reply_send(q, 10);
}

void attack_own_address(struct report *report)
{
    static struct answer_seen a;
    for (unsigned glue = 0; glue < 2; glue++) {
        bool with = glue;
        struct rig *r = rig_new(&(struct rig_config){.listen = "192.0.2.53"});
        uint64_t sends = 0;
        rig_zone(r, "evil.com.", evil_server, serve_nobody, &with);
        for (unsigned i = 0; i < 10; i++) {
            char name[64];
            snprintf(name, sizeof name, "www.s%u.evil.com.", i);
            rig_resolve(r, name, TYPE_A, &a);
            MUST(a.rcode == RCODE_SERVFAIL);
        }
        for (unsigned i = 0; i < NOBODY; i++)
            sends += rig_packets_to(r, nobody[i]);
        report_at_most(report, with ? "sends to them, as glue" : "sends to them, looked up",
                       (double)sends, 0);
        rig_free(r);
    }
}
