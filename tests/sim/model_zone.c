#include "tests/sim/model_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/text.h"
#include "tests/sim/rpl_sign.h"

enum { HAS_NOTHING = 0, HAS_A = 1, HASH_SIZE = 20 };

static const struct {
    const char *text;
    unsigned has;
    bool exists;
    const char *types; /* in its NSEC3 record */
} names[MODEL_NAMES] = {
    [MODEL_APEX] = {"example.com.", HAS_NOTHING, true, "NS SOA RRSIG DNSKEY NSEC3PARAM"},
    [MODEL_WWW] = {"www.example.com.", HAS_A, true, "A RRSIG"},
    [MODEL_W] = {"w.example.com.", HAS_NOTHING, true, ""},
    [MODEL_WILDCARD] = {"*.w.example.com.", HAS_A, true, "A RRSIG"},
    [MODEL_WILD] = {"a.w.example.com.", HAS_NOTHING, false, NULL},
    [MODEL_WILD_DEEP] = {"b.a.w.example.com.", HAS_NOTHING, false, NULL},
    [MODEL_SUB] = {"sub.example.com.", HAS_NOTHING, true, "NS"},
    [MODEL_BELOW_SUB] = {"x.sub.example.com.", HAS_NOTHING, false, NULL},
    [MODEL_NX] = {"nx.example.com.", HAS_NOTHING, false, NULL},
    [MODEL_BELOW_NX] = {"y.nx.example.com.", HAS_NOTHING, false, NULL},
    [MODEL_ZZ] = {"zz.example.com.", HAS_NOTHING, false, NULL},
};

/* What the zone has signed in every form; with labels: as a wildcard gives it. */
static const struct {
    const char *text;
    unsigned labels; /* 0: the owner's */
} plain[] = {
    {"www.example.com. A 192.0.2.1", 0},     {"*.w.example.com. A 192.0.2.2", 0},
    {"a.w.example.com. A 192.0.2.2", 3},     {"b.a.w.example.com. A 192.0.2.2", 3},
    {"example.com. SOA a. b. 1 2 3 4 5", 0},
};

static const char *const nsec[] = {
    "example.com. NSEC sub.example.com. NS SOA RRSIG NSEC DNSKEY",
    "sub.example.com. NSEC *.w.example.com. NS RRSIG NSEC",
    "*.w.example.com. NSEC www.example.com. A RRSIG NSEC",
    "www.example.com. NSEC example.com. A RRSIG NSEC",
};

static struct arena arena;
static uint8_t wire[MODEL_NAMES][NAME_MAX_WIRE];

const uint8_t *model_name(unsigned i)
{
    MUST(i < MODEL_NAMES);
    return wire[i];
}

/* ---- Making it ------------------------------------------------------------------------------- */

struct signer {
    const struct sign_key *key;
    struct rpl_bytes dnskey;
};

static void add_signed(struct model *m, const struct signer *s, const char *text, unsigned labels)
{
    char why[160];
    struct rrset *set;
    struct rrset_builder b;
    struct rpl_bytes rdata;
    struct sign_fault fault = {.has_labels = labels != 0, .labels = (uint8_t)labels};
    MUST(rrset_from_text(&arena, text, name_root, 3600, &set, why, sizeof why) == OK);
    struct rrset_iter it = rrset_records(set);
    MUST(rrset_next(&it));
    struct rpl_rr rr = {.owner = set->owner,
                        .rdata = it.rdata,
                        .length = it.length,
                        .type = set->type,
                        .class = CLASS_IN,
                        .ttl = 3600};
    MUST(sign_set(&arena, s->key, wire[0], &s->dnskey, &rr, &fault, SIGNING_WALL_S, &rdata) == OK);
    MUST(rrset_build(&b, &arena, set->owner, set->type, MODEL_NOW + 3600) == OK);
    MUST(rrset_add(&b, it.rdata, it.length) == OK);
    MUST(rrset_sign(&b, rdata.at, (uint16_t)rdata.size) == OK);
    MUST(m->count < MODEL_SETS_MAX);
    m->sets[m->count] = rrset_finish(&b);
    MUST(m->sets[m->count++]);
}

/* A name whose hash is in the chain. */
struct link {
    uint8_t hash[HASH_SIZE];
    const char *types;
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct link *)a)->hash, ((const struct link *)b)->hash, HASH_SIZE);
}

static bool in_chain(enum model_form form, unsigned i)
{
    return i < MODEL_NAMES && names[i].exists && (form != MODEL_OPT_OUT || i != MODEL_SUB);
}

static void add_hashes(struct model *m, const struct signer *s)
{
    struct link links[MODEL_NAMES];
    unsigned count = 0;
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        if (!in_chain(m->form, i))
            continue;
        MUST(sign_hash(wire[i], 0, NULL, 0, links[count].hash) == OK);
        links[count++].types = names[i].types;
    }
    qsort(links, count, sizeof *links, compare);
    for (unsigned i = 0; i < count; i++) {
        char text[200];
        uint8_t own[33], next[33];
        sign_hash_label(links[i].hash, own);
        sign_hash_label(links[(i + 1) % count].hash, next);
        snprintf(text, sizeof text, "%.32s.example.com. NSEC3 1 %d 0 - %.32s %s",
                 (const char *)own + 1, m->form == MODEL_OPT_OUT, (const char *)next + 1,
                 links[i].types);
        add_signed(m, s, text, 0);
    }
}

static void make(struct model *m, enum model_form form)
{
    struct signer s = {.key = sign_key(wire[0], "ED25519")};
    struct rrset_builder b;
    m->form = form;
    MUST(s.key && sign_dnskey(&arena, s.key, 257, 3, &s.dnskey) == OK);
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
        add_signed(m, &s, plain[i].text, plain[i].labels);
    for (unsigned i = 0; form == MODEL_NSEC && i < sizeof nsec / sizeof *nsec; i++)
        add_signed(m, &s, nsec[i], 0);
    if (form != MODEL_NSEC)
        add_hashes(m, &s);
    MUST(rrset_build(&b, &arena, wire[0], TYPE_DNSKEY, MODEL_NOW + 3600) == OK);
    MUST(rrset_add(&b, s.dnskey.at, (uint16_t)s.dnskey.size) == OK);
    m->keys = rrset_finish(&b);
}

const struct model *model_zone(enum model_form form)
{
    static struct model models[MODEL_FORMS];
    if (!models[0].keys) {
        arena_init(&arena, NULL);
        for (unsigned i = 0; i < MODEL_NAMES; i++)
            MUST(name_from_text(names[i].text, wire[i]) == OK);
        for (unsigned i = 0; i < MODEL_FORMS; i++)
            make(&models[i], (enum model_form)i);
    }
    return &models[form];
}

/* ---- What is true ---------------------------------------------------------------------------- */

static unsigned find_name(const uint8_t *name)
{
    unsigned i = 0;
    while (i < MODEL_NAMES && !name_equal(wire[i], name))
        i++;
    return i;
}

/* Where opt-out leaves a delegation possible, what lies there is insecure. */
static struct known known(void *ctx, const uint8_t *name, uint16_t type)
{
    const struct model *m = ctx;
    unsigned i = find_name(name);
    if (i == MODEL_APEX && type == TYPE_DNSKEY)
        return (struct known){.kind = KNOWN_SET, .set = m->keys};
    if (type != TYPE_DS || !name_below(name, wire[MODEL_APEX]))
        return (struct known){.kind = KNOWN_FAILED, .why = WHY_CHAIN_UNKNOWN};
    if (m->form == MODEL_OPT_OUT && !in_chain(m->form, i))
        return (struct known){.kind = KNOWN_INSECURE};
    return (struct known){.kind = KNOWN_DENIED,
                          .delegation = i == MODEL_SUB,
                          .nowhere = i < MODEL_NAMES && !names[i].exists};
}

static bool of_wildcard(const uint8_t *name)
{
    unsigned i = find_name(name);
    return name_below(name, wire[MODEL_W]) && !(i < MODEL_NAMES && names[i].exists);
}

static bool is_true(const struct rrset *set)
{
    struct rrset_iter it = rrset_records(set);
    unsigned own = find_name(set->owner);
    if (set->type != TYPE_A || set->count != 1 || !rrset_next(&it) || it.length != 4)
        return set->type != TYPE_A; /* other types are signed for their owners alone */
    uint8_t last = own == MODEL_WWW ? 1 : own == MODEL_WILDCARD || of_wildcard(set->owner) ? 2 : 0;
    return last && !memcmp(it.rdata, (const uint8_t[]){192, 0, 2, last}, 4);
}

static void check_denial(const struct response *r)
{
    unsigned i = find_name(r->name);
    bool wildcard = of_wildcard(r->name), exists = i < MODEL_NAMES && names[i].exists;
    bool has_a = wildcard || (exists && (names[i].has & HAS_A));
    if (r->kind == RESPONSE_NXDOMAIN)
        MUST(!exists && !wildcard && !name_below(r->name, wire[MODEL_SUB]));
    else if (r->kind == RESPONSE_NODATA)
        MUST((exists || wildcard) && !(has_a && r->type == TYPE_A) &&
             (i != MODEL_SUB || r->type == TYPE_DS));
}

/* Does the zone leave open what is there? At and below the unsigned delegation it does, and under
 * opt-out at every name that is not in the chain. */
static bool is_open(const struct model *m, const uint8_t *name)
{
    return name_at_or_below(name, wire[MODEL_SUB]) ||
           (m->form == MODEL_OPT_OUT && !in_chain(m->form, find_name(name)));
}

enum verdict model_validate(const struct model *m, struct arena *a, struct response *r)
{
    static const struct dnssec_policy policy = {.iterations_max = 50};
    static struct keyring *ring;
    struct anchor anchor = {.zone = name_root, .ds = m->keys};
    struct anchors anchors = {.at = &anchor, .count = 1};
    struct dnssec_work work = {.price = 384, .good = 64, .failed = 8, .blocks = 600};
    struct finding f;
    MUST(ring || keyring_new(&ring) == OK);
    struct validation v = {.checker = {.policy = &policy,
                                       .keys = ring,
                                       .arena = a,
                                       .work = &work,
                                       .wall = SIGNING_WALL_S},
                           .anchors = &anchors,
                           .chain = {.ctx = (void *)(uintptr_t)m, .known = known}};
    return dnssec_validate(&v, r, &f);
}

void model_check(const struct model *m, const struct response *r, enum verdict v)
{
    bool open = is_open(m, r->name);
    for (unsigned i = 0; i < r->answer_count; i++)
        open = open || is_open(m, r->answer[i].set->owner);
    if (v == VERDICT_INSECURE)
        MUST(open);
    if (v != VERDICT_SECURE)
        return;
    for (unsigned i = 0; i < r->answer_count; i++)
        MUST(is_true(r->answer[i].set));
    if (r->kind != RESPONSE_RECORDS)
        check_denial(r);
}
