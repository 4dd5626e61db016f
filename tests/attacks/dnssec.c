/*
 * Attacks on validation. The attacker owns a zone with a trust anchor of its own (as good as one
 * that DS leads to) and signs in it what he likes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dnssec/records.h"
#include "tests/attacks/owned.h"

enum { KEY_SIZE = 32, SIGNATURE_SIZE = 64, RECORDS_MAX = 4096 };

static void put_address(struct owned *z, const uint8_t *owner)
{
    static const uint8_t address[] = {192, 0, 2, 66};
    owned_put_signed(z, SECTION_ANSWER,
                     owned_record(z, NULL, owner, TYPE_A, (struct rpl_bytes){address, 4}));
}

/* ---- Many keys, many signatures -------------------------------------------------------------- */

/* Octets that make no key, or one that fits no signature, with the tag of the good key. */
static struct rpl_bytes decoy(struct owned *z, unsigned number, uint8_t algorithm, size_t bits)
{
    uint8_t *at = arena_calloc(&z->arena, 4 + bits, 1);
    MUST(at);
    at[1] = 1;
    at[0] = 1;
    at[2] = 3;
    at[3] = algorithm;
    store_u32(at + 4, number * 2654435761U);
    for (unsigned i = 0; i <= UINT16_MAX; i++) {
        store_u16(at + 2 + bits, (uint16_t)i);
        if (dnskey_tag(at, 4 + bits) == z->tag)
            return (struct rpl_bytes){at, 4 + bits};
    }
    MUST(false);
    return (struct rpl_bytes){at, 0};
}

struct trap {
    struct owned zone;
    unsigned keys, signatures;
    uint8_t algorithm; /* of the decoys */
    size_t bits;
    struct rpl_rr *set; /* DNSKEY */
};

static void make_keys(struct trap *t)
{
    struct owned *z = &t->zone;
    const struct rpl_rr *set = NULL;
    for (unsigned i = 0; i < t->keys; i++)
        set = owned_record(z, set, z->name, TYPE_DNSKEY, decoy(z, i, t->algorithm, t->bits));
    t->set = (struct rpl_rr *)(uintptr_t)owned_record(z, set, z->name, TYPE_DNSKEY, z->dnskey);
}

static void put_bad_signatures(struct trap *t, const uint8_t *owner)
{
    struct owned *z = &t->zone;
    static const uint8_t address[] = {192, 0, 2, 66};
    const struct rpl_rr *a =
        owned_record(z, NULL, owner, TYPE_A, (struct rpl_bytes){address, sizeof address});
    owned_put(z, SECTION_ANSWER, a);
    for (unsigned i = 0; i < t->signatures; i++) {
        struct sign_fault f = {.broken = true,
                               .has_algorithm = true,
                               .algorithm = t->algorithm,
                               .expiration_s = 3600 + (int64_t)i};
        owned_put_signature(z, SECTION_ANSWER, a, &f);
    }
}

static void serve_trap(struct ask *q, void *script)
{
    struct trap *t = script;
    raw_reply(&t->zone.m, q, FLAG_AA);
    if (q->type == TYPE_DNSKEY)
        owned_put_signed(&t->zone, SECTION_ANSWER, t->set);
    else if (name_labels(q->name) > 2)
        put_bad_signatures(t, owned_keep(&t->zone, q->name));
    owned_send(&t->zone, q);
}

struct cost {
    uint64_t failed, good, packets;
};

/* What one question costs, and what another one after it. */
static struct cost trap_of(struct trap *t, unsigned *rcode)
{
    static struct answer_seen a;
    struct rig *r = owned_zone(&t->zone, serve_trap, t);
    make_keys(t);
    rig_resolve(r, "www.evil.com.", TYPE_A, &a);
    *rcode = a.rcode;
    const struct counters *c = resolver_counters(rig_resolver(r));
    struct cost cost = {c->checks_failed, c->checks_good, rig_packets(r)};
    owned_free(&t->zone, r);
    return cost;
}

static void report_trap(struct report *r, struct trap *t, const char *what)
{
    char line[80];
    unsigned rcode;
    struct cost c = trap_of(t, &rcode);
    MUST(rcode == RCODE_SERVFAIL);
    snprintf(line, sizeof line, "failed checks, %s", what);
    report_at_most(r, line, (double)c.failed, 8);
    snprintf(line, sizeof line, "packets, %s", what);
    report_at_most(r, line, (double)c.packets, 12);
}

void attack_keytrap(struct report *r)
{
    static struct trap t;
    enum { ED25519 = 15 };
    t = (struct trap){.keys = 500, .signatures = 450, .algorithm = ED25519, .bits = KEY_SIZE};
    report_trap(r, &t, "500 keys and 450 signatures of one tag");
    t = (struct trap){.keys = 150, .signatures = 150, .algorithm = ED25519, .bits = KEY_SIZE};
    report_trap(r, &t, "150 of each");
    t = (struct trap){.keys = 2, .signatures = 150, .algorithm = ED25519, .bits = KEY_SIZE};
    report_trap(r, &t, "few keys, many signatures");
}

void attack_broken_keys(struct report *r)
{
    static struct trap t;
    enum { RSASHA256 = 8, ECDSAP256 = 13 };
    t = (struct trap){.keys = 1000, .signatures = 8, .algorithm = RSASHA256, .bits = 8};
    report_trap(r, &t, "1,000 matching keys that are none");
    t = (struct trap){.keys = 190, .signatures = 8, .algorithm = RSASHA256, .bits = 8};
    report_trap(r, &t, "190 of them");
    t = (struct trap){.keys = 190, .signatures = 8, .algorithm = ECDSAP256, .bits = 64};
    report_trap(r, &t, "190 points beside the curve");
}

/* Over TCP as many signatures as are taken of one set, again and again. */
void attack_signatures(struct report *r)
{
    static struct trap t;
    static struct answer_seen a;
    size_t first = 0;
    t = (struct trap){.signatures = 150, .algorithm = 15, .bits = KEY_SIZE};
    struct rig *rig = owned_zone(&t.zone, serve_trap, &t);
    make_keys(&t);
    unsigned rounds = r->full ? 1000 : 25;
    for (unsigned i = 0; i < rounds; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%u.evil.com.", i);
        rig_resolve(rig, name, TYPE_A, &a);
        MUST(a.rcode == RCODE_SERVFAIL);
        first = i == 1 ? rig_work(rig) : first;
    }
    const struct counters *c = resolver_counters(rig_resolver(rig));
    report_at_most(r, "failed checks a query", (double)c->checks_failed / rounds, 8);
    report_at_most(r, "working memory, against that of two", (double)rig_work(rig) / (double)first,
                   1.1);
    owned_free(&t.zone, rig);
}

/* ---- Denial ---------------------------------------------------------------------------------- */

struct denying {
    struct owned zone;
    unsigned iterations, records;
    bool delegation; /* below it what is asked for is unsigned */
    struct rpl_rr *keys;
};

/* The NSEC3 record between two hashes. */
static const struct rpl_rr *between(struct denying *d, const uint8_t hash[20],
                                    const uint8_t next[20])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint8_t owner[NAME_MAX_WIRE], label[33] = {32};
    uint8_t *rdata = arena_calloc(&d->zone.arena, 4 + 1 + 1 + 20 + 3, 1);
    MUST(rdata);
    rdata[0] = 1;
    store_u16(rdata + 2, (uint16_t)d->iterations);
    rdata[5] = 20;
    memcpy(rdata + 6, next, 20);
    rdata[26] = 0;
    rdata[27] = 1;
    rdata[28] = 0x40;
    for (unsigned i = 0; i < 32; i++) {
        unsigned bit = 5 * i, value = (unsigned)(hash[bit / 8] << 8);
        value |= bit / 8 + 1 < 20 ? hash[bit / 8 + 1] : 0;
        label[1 + i] = (uint8_t)digits[value >> (11 - bit % 8) & 31];
    }
    MUST(name_prepend(label, d->zone.name, owner) == OK);
    return owned_record(&d->zone, NULL, owned_keep(&d->zone, owner), TYPE_NSEC3,
                        (struct rpl_bytes){rdata, 29});
}

/* The one that matches (by 0) or covers (by 1) the name. */
static const struct rpl_rr *hashed(struct denying *d, const uint8_t *name, unsigned by)
{
    uint8_t hash[20], next[20];
    MUST(sign_hash(name, (uint16_t)d->iterations, NULL, 0, hash) == OK);
    memcpy(next, hash, 20);
    next[19] = (uint8_t)(next[19] + 1);
    hash[19] = (uint8_t)(hash[19] - by);
    return between(d, hash, next);
}

static void put_hashed_denial(struct denying *d, const uint8_t *name)
{
    struct owned *z = &d->zone;
    uint8_t star[NAME_MAX_WIRE];
    const uint8_t *closer = name_suffix(name, name_labels(z->name) + 1);
    owned_put_soa(z);
    owned_put_signed(z, SECTION_AUTHORITY, hashed(d, z->name, 0));
    owned_put_signed(z, SECTION_AUTHORITY, hashed(d, closer, 1));
    MUST(name_prepend((const uint8_t *)"\1*", z->name, star) == OK);
    owned_put_signed(z, SECTION_AUTHORITY, hashed(d, star, 1));
}

static void serve_hashed(struct ask *q, void *script)
{
    struct denying *d = script;
    struct owned *z = &d->zone;
    bool deep = name_labels(q->name) > 2;
    raw_reply(&z->m, q, (uint16_t)(FLAG_AA | (deep ? RCODE_NXDOMAIN : 0)));
    if (q->type == TYPE_DNSKEY)
        owned_put_signed(z, SECTION_ANSWER, d->keys);
    else if (deep)
        put_hashed_denial(d, q->name);
    owned_send(z, q);
}

/* An unsigned answer whose every label may be a delegation. */
static void serve_unsigned(struct ask *q, void *script)
{
    struct denying *d = script;
    struct owned *z = &d->zone;
    static const uint8_t address[] = {192, 0, 2, 66};
    if (q->type != TYPE_A || name_labels(q->name) <= 2) {
        serve_hashed(q, script);
        return;
    }
    raw_reply(&z->m, q, FLAG_AA);
    owned_put(
        z, SECTION_ANSWER,
        owned_record(z, NULL, owned_keep(z, q->name), TYPE_A, (struct rpl_bytes){address, 4}));
    owned_send(z, q);
}

static void deep_name(char *out, unsigned labels)
{
    for (unsigned i = 0; i < labels; i++)
        out += sprintf(out, "a.");
    sprintf(out, "evil.com.");
}

static double blocks_of(struct denying *d, serve_fn *serve, unsigned labels)
{
    static struct answer_seen a;
    char name[300];
    struct rig *r = owned_zone(&d->zone, serve, d);
    d->keys = (struct rpl_rr *)(uintptr_t)owned_record(&d->zone, NULL, d->zone.name, TYPE_DNSKEY,
                                                       d->zone.dnskey);
    deep_name(name, labels);
    rig_resolve(r, name, TYPE_A, &a);
    const struct counters *c = resolver_counters(rig_resolver(r));
    double blocks = (double)c->hash_blocks;
    owned_free(&d->zone, r);
    return blocks;
}

void attack_nsec3_cost(struct report *r)
{
    static struct denying d;
    static const unsigned iterations[] = {0, 50, 51, 2500, 65535};
    for (unsigned i = 0; i < sizeof iterations / sizeof *iterations; i++) {
        char what[80];
        d = (struct denying){.iterations = iterations[i]};
        snprintf(what, sizeof what, "SHA-1 blocks, NXDOMAIN, 118 labels, %u iterations",
                 iterations[i]);
        report_at_most(r, what, blocks_of(&d, serve_hashed, 116), 600);
        d = (struct denying){.iterations = iterations[i]};
        snprintf(what, sizeof what, "SHA-1 blocks, unsigned answer, 118 labels, %u iterations",
                 iterations[i]);
        report_at_most(r, what, blocks_of(&d, serve_unsigned, 116), 1000);
    }
}

static void serve_padded(struct ask *q, void *script)
{
    struct denying *d = script;
    struct owned *z = &d->zone;
    bool deep = name_labels(q->name) > 2;
    raw_reply(&z->m, q, (uint16_t)(FLAG_AA | (deep ? RCODE_NXDOMAIN : 0)));
    if (q->type == TYPE_DNSKEY)
        owned_put_signed(z, SECTION_ANSWER, d->keys);
    for (unsigned i = 0; deep && i < d->records; i++) {
        uint8_t *rdata = arena_calloc(&z->arena, 32, 1), owner[NAME_MAX_WIRE];
        char text[40];
        MUST(rdata);
        snprintf(text, sizeof text, "b%04u.evil.com.", i);
        size_t size = name_copy(rdata, name_of(text, owner));
        snprintf(text, sizeof text, "a%04u.evil.com.", i);
        rdata[size + 1] = 1;
        rdata[size + 2] = 0x40;
        owned_put_signed(z, SECTION_AUTHORITY,
                         owned_record(z, NULL, owned_keep(z, name_of(text, owner)), TYPE_NSEC,
                                      (struct rpl_bytes){rdata, size + 3}));
    }
    if (deep)
        owned_put_soa(z);
    owned_send(z, q);
}

void attack_padded_denial(struct report *r)
{
    static struct denying d;
    static struct answer_seen a;
    d = (struct denying){.records = 400};
    struct rig *rig = owned_zone(&d.zone, serve_padded, &d);
    d.keys = (struct rpl_rr *)(uintptr_t)owned_record(&d.zone, NULL, d.zone.name, TYPE_DNSKEY,
                                                      d.zone.dnskey);
    rig_resolve(rig, "zz.evil.com.", TYPE_A, &a);
    MUST(a.rcode == RCODE_SERVFAIL);
    const struct counters *c = resolver_counters(rig_resolver(rig));
    report_at_most(r, "good checks of 400 signed NSEC", (double)c->checks_good, 64);
    report_at_most(r, "failed checks", (double)c->checks_failed, 8);
    owned_free(&d.zone, rig);
}

/* ---- Labels ---------------------------------------------------------------------------------- */

struct labelled {
    struct owned zone;
    uint8_t labels;
    struct rpl_rr *keys;
};

static void serve_labelled(struct ask *q, void *script)
{
    struct labelled *s = script;
    struct owned *z = &s->zone;
    raw_reply(&z->m, q, FLAG_AA);
    if (q->type == TYPE_DNSKEY) {
        owned_put_signed(z, SECTION_ANSWER, s->keys);
    } else if (q->type == TYPE_A && name_labels(q->name) > 2) {
        static const uint8_t address[] = {192, 0, 2, 66};
        struct sign_fault f = {.has_labels = true, .labels = s->labels};
        const struct rpl_rr *a = owned_record(z, NULL, owned_keep(z, q->name), TYPE_A,
                                              (struct rpl_bytes){address, sizeof address});
        owned_put(z, SECTION_ANSWER, a);
        owned_put_signature(z, SECTION_ANSWER, a, &f);
    }
    owned_send(z, q);
}

void attack_rrsig_labels(struct report *r)
{
    static struct labelled s;
    static struct answer_seen a;
    enum { LABELS = 20 };
    unsigned believed = 0, good = 0;
    char name[100];
    deep_name(name, LABELS - 2);
    for (unsigned i = 0; i <= LABELS; i++) {
        s = (struct labelled){.labels = (uint8_t)i};
        struct rig *rig = owned_zone(&s.zone, serve_labelled, &s);
        s.keys = (struct rpl_rr *)(uintptr_t)owned_record(&s.zone, NULL, s.zone.name, TYPE_DNSKEY,
                                                          s.zone.dnskey);
        rig_resolve(rig, name, TYPE_A, &a);
        if (i < LABELS)
            believed += a.rcode == RCODE_NOERROR;
        else
            good += a.rcode == RCODE_NOERROR;
        owned_free(&s.zone, rig);
    }
    report_at_most(r, "believed with labels 0 to n-1", believed, 0);
    report_at_least(r, "believed with all labels", good, 1);
}

/* ---- Every order ----------------------------------------------------------------------------- */

struct orderly {
    struct owned zone;
    struct rpl_rr *keys;
};

static void put_nsec(struct owned *z, const uint8_t *owner, const uint8_t *next)
{
    uint8_t *rdata = arena_calloc(&z->arena, NAME_MAX_WIRE + 8, 1);
    MUST(rdata);
    size_t size = name_copy(rdata, next);
    rdata[size + 1] = 6; /* A, RRSIG, NSEC */
    rdata[size + 2] = 0x40;
    rdata[size + 7] = 0x03;
    owned_put_signed(z, SECTION_AUTHORITY,
                     owned_record(z, NULL, owned_keep(z, owner), TYPE_NSEC,
                                  (struct rpl_bytes){rdata, size + 8}));
}

static void serve_orderly(struct ask *q, void *script)
{
    struct orderly *s = script;
    struct owned *z = &s->zone;
    uint8_t www[NAME_MAX_WIRE];
    bool is_www = name_equal(q->name, name_of("www.evil.com.", www));
    bool missing = name_labels(q->name) > 2 && !is_www;
    raw_reply(&z->m, q, (uint16_t)(FLAG_AA | (missing ? RCODE_NXDOMAIN : 0)));
    if (q->type == TYPE_DNSKEY && !missing && !is_www) {
        owned_put_signed(z, SECTION_ANSWER, s->keys);
    } else if (is_www && q->type == TYPE_A) {
        put_address(z, owned_keep(z, www));
    } else {
        owned_put_soa(z);
        put_nsec(z, is_www ? www : z->name, is_www ? z->name : www);
    }
    owned_send(z, q);
}

static const struct {
    const char *name;
    uint16_t type;
} questions[] = {{"www.evil.com.", TYPE_A},
                 {"www.evil.com.", TYPE_RRSIG},
                 {"www.evil.com.", TYPE_NSEC},
                 {"www.evil.com.", TYPE_MX},
                 {"nx.evil.com.", TYPE_A}};
enum { QUESTIONS = sizeof questions / sizeof *questions, ORDER_MAX = 5 };

/* Plays the questions that the number spells; returns how many answers are not those of a first
 * one. */
static unsigned play_order(unsigned order, unsigned length, unsigned alone[QUESTIONS])
{
    static struct orderly s;
    static struct answer_seen a;
    unsigned wrong = 0;
    s = (struct orderly){0};
    struct rig *r = owned_zone(&s.zone, serve_orderly, &s);
    s.keys = (struct rpl_rr *)(uintptr_t)owned_record(&s.zone, NULL, s.zone.name, TYPE_DNSKEY,
                                                      s.zone.dnskey);
    for (unsigned i = 0; i < length; i++, order /= QUESTIONS) {
        unsigned which = order % QUESTIONS;
        rig_resolve(r, questions[which].name, questions[which].type, &a);
        unsigned got = (unsigned)a.rcode << 16 | load_u16(a.bytes + 6);
        if (length == 1)
            alone[which] = got;
        wrong += got != alone[which];
    }
    owned_free(&s.zone, r);
    return wrong;
}

void attack_order(struct report *r)
{
    unsigned alone[QUESTIONS] = {0}, wrong = 0, orders = 0;
    for (unsigned length = 1, count = QUESTIONS; length <= (r->full ? ORDER_MAX : ORDER_MAX - 1U);
         length++, count *= QUESTIONS)
        for (unsigned order = 0; order < count; order++, orders++)
            wrong += play_order(order, length, alone);
    MUST(alone[0] == 1 && alone[4] == (RCODE_NXDOMAIN << 16));
    report_at_least(r, "orders played", orders, 780);
    report_at_most(r, "answers that depend on what was asked before", wrong, 0);
}

/* ---- Names that do not exist, by the thousand --------------------------------------------------
 */

enum { HOSTS = 64, AT_ONCE = 100 };

struct junk {
    struct denying d;
    bool hashes;                        /* NSEC3 */
    uint8_t host[HOSTS][NAME_MAX_WIRE]; /* in order; the apex comes before them */
    uint8_t hash[HOSTS + 1][20];        /* of these and the apex, in order */
};

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, 20);
}

static void make_hosts(struct junk *j)
{
    char text[64];
    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(text, sizeof text, "h%02u.evil.com.", i);
        name_of(text, j->host[i]);
        MUST(sign_hash(j->host[i], 0, NULL, 0, j->hash[i]) == OK);
    }
    MUST(sign_hash(j->d.zone.name, 0, NULL, 0, j->hash[HOSTS]) == OK);
    qsort(j->hash, HOSTS + 1, sizeof *j->hash, compare_hashes);
}

/* The last that is not behind the name, or the one whose span leads around. */
static const struct rpl_rr *hashed_at(struct junk *j, const uint8_t *name)
{
    uint8_t hash[20];
    unsigned i = HOSTS;
    MUST(sign_hash(name, 0, NULL, 0, hash) == OK);
    for (unsigned k = 0; k <= HOSTS; k++)
        if (memcmp(j->hash[k], hash, 20) <= 0)
            i = k;
    if (memcmp(j->hash[0], hash, 20) > 0)
        i = HOSTS;
    return between(&j->d, j->hash[i], j->hash[(i + 1) % (HOSTS + 1)]);
}

static const struct rpl_rr *named_at(struct junk *j, const uint8_t *name)
{
    struct owned *z = &j->d.zone;
    static const uint8_t of_host[] = {0, 6, 0x40, 0, 0, 0, 0, 3};       /* A RRSIG NSEC */
    static const uint8_t of_apex[] = {0, 7, 0x22, 0, 0, 0, 0, 3, 0x80}; /* NS SOA .. DNSKEY */
    const uint8_t *bitmap = of_host;
    size_t bitmap_size = sizeof of_host;
    unsigned i = 0;
    while (i < HOSTS && name_compare(j->host[i], name) <= 0)
        i++;
    const uint8_t *owner = i > 0 ? j->host[i - 1] : z->name;
    const uint8_t *next = i < HOSTS ? j->host[i] : z->name;
    if (i == 0) {
        bitmap = of_apex;
        bitmap_size = sizeof of_apex;
    }
    size_t size = name_size(next);
    uint8_t *rdata = arena_alloc(&z->arena, size + bitmap_size);
    MUST(rdata);
    memcpy(rdata, next, size);
    memcpy(rdata + size, bitmap, bitmap_size);
    return owned_record(z, NULL, owner, TYPE_NSEC, (struct rpl_bytes){rdata, size + bitmap_size});
}

static void put_denial(struct junk *j, const uint8_t *name)
{
    struct owned *z = &j->d.zone;
    uint8_t star[NAME_MAX_WIRE];
    MUST(name_prepend((const uint8_t *)"\1*", z->name, star) == OK);
    owned_put_soa(z);
    if (!j->hashes) {
        owned_put_signed(z, SECTION_AUTHORITY, named_at(j, name));
        owned_put_signed(z, SECTION_AUTHORITY, named_at(j, star));
        return;
    }
    owned_put_signed(z, SECTION_AUTHORITY, hashed_at(j, z->name));
    owned_put_signed(z, SECTION_AUTHORITY, hashed_at(j, name));
    owned_put_signed(z, SECTION_AUTHORITY, hashed_at(j, star));
}

static void serve_junk(struct ask *q, void *script)
{
    struct junk *j = script;
    struct owned *z = &j->d.zone;
    bool apex = name_equal(q->name, z->name);
    raw_reply(&z->m, q, (uint16_t)(FLAG_AA | (apex ? 0 : RCODE_NXDOMAIN)));
    if (q->type == TYPE_DNSKEY)
        owned_put_signed(z, SECTION_ANSWER, j->d.keys);
    else
        put_denial(j, q->name);
    owned_send(z, q);
}

/* Of names that nobody has asked for before; from `from` on the same ones are asked for. */
static void ask_junk(struct rig *r, unsigned from, unsigned count, unsigned *denied)
{
    static struct answer_seen seen[AT_ONCE];
    char name[64];
    for (unsigned i = 0; i < count; i += AT_ONCE) {
        memset(seen, 0, sizeof seen);
        for (unsigned k = 0; k < AT_ONCE; k++) {
            uint32_t number = (from + i + k) * UINT32_C(2654435761);
            snprintf(name, sizeof name, "%c%08x.evil.com.", 'a' + (int)(number % 26), number);
            rig_ask(r, name, TYPE_A, &seen[k]);
        }
        rig_advance(r, 100);
        for (unsigned k = 0; k < AT_ONCE; k++)
            *denied += seen[k].came && seen[k].rcode == RCODE_NXDOMAIN;
    }
}

static uint64_t kept(struct rig *r)
{
    struct cache_figures f;
    cache_figures(rig_cache(r), &f);
    return f.entries[CACHE_ANSWER] + f.entries[CACHE_NEGATIVE] + f.entries[CACHE_FAILURE];
}

/* What is asked for again and again gets its finished answer, as everything does. */
static void report_again(struct report *report, struct rig *r)
{
    unsigned denied = 0;
    uint64_t before = kept(r);
    for (unsigned i = 0; i < 3; i++)
        ask_junk(r, 0, AT_ONCE, &denied);
    report_at_least(report, "finished answers of 100 names asked for thrice",
                    (double)(kept(r) - before), AT_ONCE * 9 / 10);
}

/* Those that are asked at once at the beginning know nothing of each other; from then on each
 * message can tell one span that is not known yet, until there is nothing left to ask. */
static void report_junk(struct report *report, bool hashes)
{
    enum { FLOOD = 12000, MOST = AT_ONCE + HOSTS + 1 };
    static struct junk j;
    unsigned denied = 0;
    j = (struct junk){.hashes = hashes};
    struct rig *r = owned_zone(&j.d.zone, serve_junk, &j);
    make_hosts(&j);
    j.d.keys = (struct rpl_rr *)(uintptr_t)owned_record(&j.d.zone, NULL, j.d.zone.name, TYPE_DNSKEY,
                                                        j.d.zone.dnskey);
    ask_junk(r, 0, FLOOD, &denied);
    report_at_least(report, hashes ? "% denied, NSEC3" : "% denied, NSEC", 100.0 * denied / FLOOD,
                    100);
    report_at_most(report, "messages to the zone for 12,000 names",
                   (double)rig_packets_to(r, owned_server), MOST);
    report_at_most(report, "names that the caches then hold", (double)kept(r), MOST);
    uint64_t before = rig_packets(r);
    ask_junk(r, FLOOD, FLOOD / 4, &denied);
    report_at_most(report, "messages for 3,000 more", (double)(rig_packets(r) - before), 3);
    report_again(report, r);
    owned_free(&j.d.zone, r);
}

void attack_junk_names(struct report *report)
{
    report_junk(report, false);
    report_junk(report, true);
}

/* ---- Laundering ------------------------------------------------------------------------------ */

/*
 * What is bogus is asked for by each of these names, with each type and all flags, one question
 * after the other: whoever sets CD gets the data, and by that no one else. (ANY of an alias is the
 * alias itself, which is good.)
 */
static const struct {
    const char *text;
    bool alias, empty;
} bogus_names[] = {
    {.text = "bad.evil.com."},                  /* badly signed */
    {.text = "alias.evil.com.", .alias = true}, /* a good alias of it */
    {.text = "x.t.evil.com."},                  /* a good DNAME leads there */
    {.text = "in.out.net.", .alias = true},     /* an alias in an unsigned zone */
    {.text = "gone.evil.com.", .empty = true},  /* NXDOMAIN without proof */
    {.text = "bare.evil.com.", .empty = true},  /* NODATA without proof */
};
static const uint16_t bogus_types[] = {TYPE_A, TYPE_ANY, TYPE_MX};
enum {
    BOGUS_NAMES = sizeof bogus_names / sizeof *bogus_names,
    BOGUS_TYPES = sizeof bogus_types / sizeof *bogus_types,
    WAYS = 8, /* CD, AD and DO */
    WITH_CD = 1,
    WITH_AD = 2,
    WITH_DO = 4,
    BOGUS_QUESTIONS = BOGUS_TYPES * WAYS
};

struct laundry {
    struct owned zone;
    const struct rpl_rr *keys;
    bool silent;
    unsigned asked, laundered, withheld;
};

static struct rpl_bytes wire_of(struct owned *z, const char *text)
{
    uint8_t name[NAME_MAX_WIRE];
    const uint8_t *kept = owned_keep(z, name_of(text, name));
    return (struct rpl_bytes){kept, name_size(kept)};
}

static void put_badly_signed(struct owned *z, const uint8_t *owner)
{
    static const struct sign_fault broken = {.broken = true};
    static const uint8_t address[] = {192, 0, 2, 66};
    const struct rpl_rr *a = owned_record(z, NULL, owner, TYPE_A, (struct rpl_bytes){address, 4});
    owned_put(z, SECTION_ANSWER, a);
    owned_put_signature(z, SECTION_ANSWER, a, &broken);
}

/* What leads to the bad name, well signed; returns whether the data follow. */
static bool put_way_to_bad(struct owned *z, const uint8_t *name)
{
    struct rpl_bytes bad = wire_of(z, "bad.evil.com."), t = wire_of(z, "t.evil.com.");
    if (name_equal(name, wire_of(z, "alias.evil.com.").at)) {
        owned_put_signed(z, SECTION_ANSWER,
                         owned_record(z, NULL, owned_keep(z, name), TYPE_CNAME, bad));
        put_badly_signed(z, bad.at);
    } else if (name_below(name, t.at)) {
        owned_put_signed(z, SECTION_ANSWER, owned_record(z, NULL, t.at, TYPE_DNAME, bad));
        put_badly_signed(z, wire_of(z, "x.bad.evil.com.").at);
    } else if (name_at_or_below(name, bad.at)) {
        put_badly_signed(z, owned_keep(z, name));
    } else {
        return false;
    }
    return true;
}

static void serve_bogus(struct ask *q, void *script)
{
    struct laundry *l = script;
    struct owned *z = &l->zone;
    uint8_t gone[NAME_MAX_WIRE];
    if (l->silent)
        return;
    bool missing = name_equal(q->name, name_of("gone.evil.com.", gone));
    raw_reply(&z->m, q, (uint16_t)(FLAG_AA | (missing ? RCODE_NXDOMAIN : 0)));
    if (q->type == TYPE_DNSKEY && name_equal(q->name, z->name))
        owned_put_signed(z, SECTION_ANSWER, l->keys);
    else if (q->type == TYPE_MX || !put_way_to_bad(z, q->name))
        owned_put_soa(z);
    owned_send(z, q);
}

static void serve_way_in(struct ask *q, void *script)
{
    struct laundry *l = script;
    if (l->silent)
        return;
    reply_start(q, FLAG_AA);
    reply_add(q, SECTION_ANSWER, "in.out.net. 300 IN CNAME bad.evil.com.");
    reply_send(q, OWNED_DELAY_MS);
}

/* `question`: of BOGUS_QUESTIONS. */
static void ask_bogus(struct rig *r, struct laundry *l, unsigned name, unsigned question)
{
    static struct answer_seen a;
    unsigned way = question % WAYS;
    uint16_t type = bogus_types[question / WAYS];
    bool cd = (way & WITH_CD) != 0, ad = (way & WITH_AD) != 0;
    rig_resolve_as(r,
                   &(struct rig_wish){.name = bogus_names[name].text,
                                      .type = type,
                                      .out = &a,
                                      .flags = (uint16_t)((cd ? FLAG_CD : 0) | (ad ? FLAG_AD : 0)),
                                      .dnssec_ok = (way & WITH_DO) != 0});
    bool failed = a.rcode == RCODE_SERVFAIL, data = answer_has(&a, "192.0.2.66");
    bool authentic = (load_u16(a.bytes + 2) & FLAG_AD) != 0;
    l->asked++;
    if (type == TYPE_ANY && bogus_names[name].alias)
        l->laundered += data;
    else if (cd && !l->silent)
        l->withheld += failed || (type == TYPE_A && data == bogus_names[name].empty);
    else
        l->laundered += !failed || data || authentic;
}

/* One question, then the other, and the first once more when all has expired and nobody answers. */
static void launder(struct laundry *l, const unsigned name[2], unsigned first, unsigned second)
{
    enum { EXPIRED_MS = 400000 };
    l->zone = (struct owned){0};
    l->silent = false;
    struct rig *r = owned_zone(&l->zone, serve_bogus, l);
    rig_zone(r, "out.net.", "203.0.113.67", serve_way_in, l);
    l->keys = owned_record(&l->zone, NULL, l->zone.name, TYPE_DNSKEY, l->zone.dnskey);
    ask_bogus(r, l, name[0], first);
    ask_bogus(r, l, name[1], second);
    l->silent = true;
    rig_advance(r, EXPIRED_MS);
    ask_bogus(r, l, name[0], first & ~(unsigned)WITH_CD);
    owned_free(&l->zone, r);
}

void attack_laundering(struct report *r)
{
    static struct laundry l;
    l = (struct laundry){0};
    for (unsigned n = 0; n < BOGUS_NAMES; n++)
        for (unsigned i = 0; i < BOGUS_QUESTIONS * BOGUS_QUESTIONS; i++)
            for (unsigned m = r->full ? 0 : n; m < (r->full ? BOGUS_NAMES : n + 1); m++)
                launder(&l, (const unsigned[]){n, m}, i / BOGUS_QUESTIONS, i % BOGUS_QUESTIONS);
    report_at_least(r, "questions for bogus data", l.asked, 10000);
    report_at_most(r, "without CD not refused, or called authentic", l.laundered, 0);
    report_at_most(r, "with CD withheld", l.withheld, 0);
}
