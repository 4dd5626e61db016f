/*
 * Small random signed zones with wildcards, aliases and empty non-terminals, whose every name and
 * type is known. Whatever was asked before, an answer that is made of denials must be the one that
 * the zone's server gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tests/attacks/owned.h"

enum { OWNERS_MOST = 10, NAMES_MOST = 64, DEPTH = 3, ZONES = 40, QUESTIONS = 120 };
enum { HAS_A = 1, HAS_MX = 2, HAS_CNAME = 4, IS_APEX = 8 };

struct owner {
    uint8_t name[NAME_MAX_WIRE];
    unsigned has; /* 0: an empty non-terminal */
};

struct truth {
    struct owned zone;
    bool hashes;
    unsigned count;                  /* in canonical order, the apex first */
    struct owner at[NAMES_MOST + 1]; /* empty non-terminals among them */
    uint8_t hash[NAMES_MOST + 1][20];
    struct rpl_rr *keys;
    uint64_t random;
};

static const uint8_t star[] = {1, '*'};

static unsigned chance(struct truth *t, unsigned n)
{
    t->random = t->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((t->random >> 33) % n);
}

/* ---- The zone ---------------------------------------------------------------------------------
 */

static struct owner *find(struct truth *t, const uint8_t *name)
{
    for (unsigned i = 0; i < t->count; i++)
        if (name_equal(t->at[i].name, name))
            return &t->at[i];
    return NULL;
}

/* With the empty non-terminals above it. */
static void add(struct truth *t, const uint8_t *name, unsigned has)
{
    struct owner *o = find(t, name);
    if (o) {
        o->has |= o->has ? 0 : has;
        return;
    }
    MUST(t->count < NAMES_MOST);
    o = &t->at[t->count++];
    name_copy(o->name, name);
    o->has = has;
    if (!(has & IS_APEX))
        add(t, name_skip(name, 1), 0);
}

static void random_name(struct truth *t, uint8_t out[NAME_MAX_WIRE])
{
    static const char letters[] = "abcd*";
    unsigned depth = 1 + chance(t, DEPTH);
    name_copy(out, t->zone.name);
    for (unsigned i = 0; i < depth; i++) {
        uint8_t above[NAME_MAX_WIRE], label[2] = {1, (uint8_t)letters[chance(t, 5)]};
        name_copy(above, out);
        MUST(name_prepend(label, above, out) == OK);
    }
}

static int compare_owners(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;
    return name_compare(x->name, y->name);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, 20);
}

static void make_zone(struct truth *t)
{
    static const unsigned kinds[] = {HAS_A, HAS_A, HAS_MX, HAS_A | HAS_MX, HAS_CNAME};
    uint8_t name[NAME_MAX_WIRE];
    t->count = 0;
    add(t, t->zone.name, IS_APEX);
    add(t, name_of("t.evil.com.", name), HAS_A);
    for (unsigned i = 1 + chance(t, OWNERS_MOST); i-- > 0;) {
        random_name(t, name);
        add(t, name, kinds[chance(t, 5)]);
    }
    qsort(t->at, t->count, sizeof *t->at, compare_owners);
    for (unsigned i = 0; i < t->count; i++)
        MUST(sign_hash(t->at[i].name, 0, NULL, 0, t->hash[i]) == OK);
    qsort(t->hash, t->count, sizeof *t->hash, compare_hashes);
}

/* ---- The truth --------------------------------------------------------------------------------
 */

struct fact {
    const struct owner *source; /* whose data it is; NULL: the name does not exist */
    const uint8_t *encloser;    /* of a name that is not there itself; else NULL */
};

static struct fact fact_of(struct truth *t, const uint8_t *name)
{
    struct fact f = {.source = find(t, name)};
    uint8_t wildcard[NAME_MAX_WIRE];
    if (f.source)
        return f;
    for (f.encloser = name_skip(name, 1); !find(t, f.encloser);)
        f.encloser = name_skip(f.encloser, 1);
    MUST(name_prepend(star, f.encloser, wildcard) == OK);
    f.source = find(t, wildcard);
    return f;
}

static bool gives(const struct fact *f, unsigned type)
{
    unsigned has = f->source ? f->source->has : 0;
    return (type == TYPE_A && (has & HAS_A)) || (type == TYPE_MX && (has & HAS_MX));
}

/* Each owner has an address of its own. */
static void address(struct truth *t, const struct owner *o, uint8_t out[4])
{
    memcpy(out, (uint8_t[]){192, 0, 2, (uint8_t)(1 + (o - t->at))}, 4);
}

/* ---- The server -------------------------------------------------------------------------------
 */

static size_t bitmap_of(unsigned has, bool hashes, uint8_t out[9])
{
    static const uint8_t apex[] = {0, 7, 0x22, 0, 0, 0, 0, 3, 0x80};
    memset(out, 0, 9);
    if (has & IS_APEX) {
        memcpy(out, apex, sizeof apex);
        return sizeof apex;
    }
    if (!has)
        return 0; /* only NSEC3 is of such a name */
    out[1] = 6;
    out[2] = (uint8_t)((has & HAS_A ? 0x40 : 0) | (has & HAS_CNAME ? 0x04 : 0));
    out[3] = has & HAS_MX ? 0x01 : 0;
    out[7] = hashes ? 0x02 : 0x03;
    return 8;
}

/* Of the owner that is the last at or before the name and has records. */
static const struct rpl_rr *nsec_at(struct truth *t, const uint8_t *name)
{
    unsigned at = 0, next;
    uint8_t bitmap[9];
    for (unsigned i = 0; i < t->count && name_compare(t->at[i].name, name) <= 0; i++)
        at = t->at[i].has ? i : at;
    for (next = at + 1; next < t->count && !t->at[next].has;)
        next++;
    const uint8_t *to = t->at[next < t->count ? next : 0].name;
    size_t size = name_size(to), bits = bitmap_of(t->at[at].has, false, bitmap);
    uint8_t *rdata = arena_alloc(&t->zone.arena, size + bits);
    MUST(rdata);
    memcpy(rdata, to, size);
    memcpy(rdata + size, bitmap, bits);
    return owned_record(&t->zone, NULL, t->at[at].name, TYPE_NSEC,
                        (struct rpl_bytes){rdata, size + bits});
}

static unsigned has_of_hash(struct truth *t, const uint8_t hash[20])
{
    uint8_t h[20];
    for (unsigned i = 0; i < t->count; i++) {
        MUST(sign_hash(t->at[i].name, 0, NULL, 0, h) == OK);
        if (memcmp(h, hash, 20) == 0)
            return t->at[i].has;
    }
    MUST(false);
    return 0;
}

static const struct rpl_rr *nsec3_at(struct truth *t, const uint8_t *name)
{
    uint8_t hash[20], label[33], owner[NAME_MAX_WIRE], bitmap[9];
    unsigned at = t->count - 1;
    MUST(sign_hash(name, 0, NULL, 0, hash) == OK);
    for (unsigned i = 0; i < t->count && memcmp(t->hash[i], hash, 20) <= 0; i++)
        at = i;
    size_t bits = bitmap_of(has_of_hash(t, t->hash[at]), true, bitmap);
    uint8_t *rdata = arena_calloc(&t->zone.arena, 26 + bits, 1);
    MUST(rdata);
    rdata[0] = 1;
    rdata[5] = 20;
    memcpy(rdata + 6, t->hash[(at + 1) % t->count], 20);
    memcpy(rdata + 26, bitmap, bits);
    sign_hash_label(t->hash[at], label);
    MUST(name_prepend(label, t->zone.name, owner) == OK);
    return owned_record(&t->zone, NULL, owned_keep(&t->zone, owner), TYPE_NSEC3,
                        (struct rpl_bytes){rdata, 26 + bits});
}

/* Each record of the proof once. */
static void prove(struct truth *t, const uint8_t *const *names, unsigned count)
{
    const struct rpl_rr *put[4];
    unsigned have = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct rpl_rr *rr = t->hashes ? nsec3_at(t, names[i]) : nsec_at(t, names[i]);
        bool there = false;
        for (unsigned k = 0; k < have; k++)
            there = there || name_equal(put[k]->owner, rr->owner);
        if (there)
            continue;
        put[have++] = rr;
        owned_put_signed(&t->zone, SECTION_AUTHORITY, rr);
    }
}

static void deny(struct truth *t, const struct fact *f, const uint8_t *name)
{
    const uint8_t *names[3] = {name};
    uint8_t wildcard[NAME_MAX_WIRE];
    owned_put_soa(&t->zone);
    if (!f->encloser) {
        prove(t, names, 1);
        return;
    }
    MUST(name_prepend(star, f->encloser, wildcard) == OK);
    names[0] = name_suffix(name, name_labels(f->encloser) + 1);
    names[1] = owned_keep(&t->zone, wildcard);
    names[2] = f->encloser;
    if (!t->hashes)
        names[0] = name;
    prove(t, names, t->hashes ? 3 : 2);
}

static void answer(struct truth *t, const struct fact *f, const uint8_t *name, uint16_t type)
{
    struct owned *z = &t->zone;
    uint8_t data[NAME_MAX_WIRE + 2] = {0, 1};
    size_t size = 4;
    if (f->source->has & HAS_CNAME) {
        type = TYPE_CNAME;
        size = name_size(name_of("t.evil.com.", data));
    } else if (type == TYPE_MX) {
        size = 2 + name_size(name_of("t.evil.com.", data + 2));
    } else {
        address(t, f->source, data);
    }
    const uint8_t *kept = arena_copy(&z->arena, data, size);
    const struct rpl_rr *rr =
        owned_record(z, NULL, owned_keep(z, name), type, (struct rpl_bytes){kept, size});
    struct sign_fault how = {0};
    if (f->encloser) {
        how.has_labels = true;
        how.labels = (uint8_t)name_labels(f->encloser);
    }
    owned_put(z, SECTION_ANSWER, rr);
    owned_put_signature(z, SECTION_ANSWER, rr, &how);
    if (f->encloser) {
        const uint8_t *closer = t->hashes ? name_suffix(name, name_labels(f->encloser) + 1) : name;
        prove(t, &closer, 1);
    }
}

static void serve_truth(struct ask *q, void *script)
{
    struct truth *t = script;
    struct fact f = fact_of(t, q->name);
    raw_reply(&t->zone.m, q, (uint16_t)(FLAG_AA | (f.source ? 0 : RCODE_NXDOMAIN)));
    if (q->type == TYPE_DNSKEY && name_equal(q->name, t->zone.name))
        owned_put_signed(&t->zone, SECTION_ANSWER, t->keys);
    else if (gives(&f, q->type) || (f.source && (f.source->has & HAS_CNAME)))
        answer(t, &f, q->name, q->type);
    else
        deny(t, &f, q->name);
    owned_send(&t->zone, q);
}

/* ---- The questions ----------------------------------------------------------------------------
 */

static bool is_right(struct truth *t, const struct answer_seen *a, const uint8_t *name,
                     uint16_t type)
{
    struct fact f = fact_of(t, name);
    uint8_t of[NAME_MAX_WIRE];
    char text[32];
    bool alias = f.source && (f.source->has & HAS_CNAME);
    if (alias)
        f.source = find(t, name_of("t.evil.com.", of));
    bool given = gives(&f, type), any = load_u16(a->bytes + 6) > 0;
    if (a->rcode != (f.source ? RCODE_NOERROR : RCODE_NXDOMAIN) || any != (given || alias))
        return false;
    if (!given || type != TYPE_A)
        return true;
    snprintf(text, sizeof text, "192.0.2.%u", (unsigned)(1 + (f.source - t->at)));
    return answer_has(a, text);
}

struct tally {
    uint64_t asked, wrong, messages, made;
};

static void play(struct truth *t, struct tally *sum)
{
    static struct answer_seen a;
    static const uint16_t types[] = {TYPE_A, TYPE_MX, TYPE_TXT};
    uint8_t name[NAME_MAX_WIRE];
    char text[NAME_TEXT_MAX];
    struct rig *r = owned_zone(&t->zone, serve_truth, t);
    make_zone(t);
    t->keys = (struct rpl_rr *)(uintptr_t)owned_record(&t->zone, NULL, t->zone.name, TYPE_DNSKEY,
                                                       t->zone.dnskey);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        uint16_t type = types[chance(t, 3)];
        random_name(t, name);
        memset(&a, 0, sizeof a);
        rig_resolve(r, name_text(name, text), type, &a);
        sum->wrong += !is_right(t, &a, name, type);
        sum->asked++;
    }
    const struct counters *c = resolver_counters(rig_resolver(r));
    sum->made += c->answers_denials;
    sum->messages += rig_packets_to(r, owned_server);
    owned_free(&t->zone, r);
}

void attack_truth(struct report *report)
{
    static struct truth t;
    unsigned zones = report->full ? ZONES * 20 : ZONES;
    for (unsigned hashes = 0; hashes < 2; hashes++) {
        struct tally sum = {0};
        for (unsigned i = 0; i < zones; i++) {
            t = (struct truth){.hashes = hashes, .random = 1 + i};
            play(&t, &sum);
        }
        report_at_most(report,
                       hashes ? "answers that are not the zone's, NSEC3"
                              : "answers that are not the zone's, NSEC",
                       (double)sum.wrong, 0);
        report_at_least(report, "% made of what was denied before",
                        100.0 * (double)sum.made / (double)sum.asked, 15);
        report_at_most(report, "messages for 100 questions",
                       100.0 * (double)sum.messages / (double)sum.asked, 60);
    }
}
