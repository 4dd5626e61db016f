/*
 * Whoever has all that a zone ever signed and may mix, rename and spoil it as he likes, must not
 * have anything believed that is not true in the zone. The zone is small, and what is true in it is
 * known; its records are signed once, and the input says what a response is made of.
 *
 * Input: kind of response, question's name and type, then four octets a record: which, and into
 * which section; another owner; where it is spoilt, and how (0: not at all).
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "dns/rdata.h"
#include "dns/text.h"
#include "dnssec/validate.h"
#include "tests/sim/rpl_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS_MAX = 16, NOW = 1000, HAS_NOTHING = 0, HAS_A = 1, HAS_CUT = 2 };

/* ---- The zone -------------------------------------------------------------------------------- */

/* The names asked for and put on records; those that exist, with what is there. */
static const struct {
    const char *text;
    unsigned has;
    bool exists;
} names[] = {
    {"example.com.", HAS_NOTHING, true},
    {"www.example.com.", HAS_A, true},
    {"w.example.com.", HAS_NOTHING, true}, /* an empty non-terminal */
    {"*.w.example.com.", HAS_A, true},
    {"a.w.example.com.", HAS_NOTHING, false}, /* the wildcard's */
    {"b.a.w.example.com.", HAS_NOTHING, false},
    {"sub.example.com.", HAS_CUT, true},
    {"x.sub.example.com.", HAS_NOTHING, false}, /* the child's */
    {"nx.example.com.", HAS_NOTHING, false},
    {"y.nx.example.com.", HAS_NOTHING, false},
    {"zz.example.com.", HAS_NOTHING, false},
};
enum { NAMES = sizeof names / sizeof *names, AT_SUB = 6 };

/* What the zone has signed; with labels: as a wildcard gives it. */
static const struct {
    const char *text;
    unsigned labels; /* 0: the owner's */
} signed_sets[] = {
    {"www.example.com. A 192.0.2.1", 0},
    {"*.w.example.com. A 192.0.2.2", 0},
    {"a.w.example.com. A 192.0.2.2", 3},
    {"b.a.w.example.com. A 192.0.2.2", 3},
    {"example.com. SOA a. b. 1 2 3 4 5", 0},
    {"example.com. NSEC sub.example.com. NS SOA RRSIG NSEC DNSKEY", 0},
    {"sub.example.com. NSEC *.w.example.com. NS RRSIG NSEC", 0},
    {"*.w.example.com. NSEC www.example.com. A RRSIG NSEC", 0},
    {"www.example.com. NSEC example.com. A RRSIG NSEC", 0},
};
enum { SETS = sizeof signed_sets / sizeof *signed_sets };

static struct arena zone_arena;
static uint8_t wire[NAMES][NAME_MAX_WIRE];
static struct rrset *sets[SETS], *keys;

static struct rrset *sign(const struct sign_key *key, const struct rpl_bytes *dnskey, unsigned i)
{
    char why[160];
    struct rrset *set, *finished;
    struct rrset_builder b;
    struct rpl_bytes rdata;
    struct sign_fault fault = {.has_labels = signed_sets[i].labels != 0,
                               .labels = (uint8_t)signed_sets[i].labels};
    MUST(rrset_from_text(&zone_arena, signed_sets[i].text, name_root, 3600, &set, why,
                         sizeof why) == OK);
    struct rrset_iter it = rrset_records(set);
    MUST(rrset_next(&it));
    struct rpl_rr rr = {.owner = set->owner,
                        .rdata = it.rdata,
                        .length = it.length,
                        .type = set->type,
                        .class = CLASS_IN,
                        .ttl = 3600};
    MUST(sign_set(&zone_arena, key, wire[0], dnskey, &rr, &fault, SIGNING_WALL_S, &rdata) == OK);
    MUST(rrset_build(&b, &zone_arena, set->owner, set->type, NOW + 3600) == OK);
    MUST(rrset_add(&b, it.rdata, it.length) == OK);
    MUST(rrset_sign(&b, rdata.at, (uint16_t)rdata.size) == OK);
    finished = rrset_finish(&b);
    MUST(finished);
    return finished;
}

static void make_zone(void)
{
    struct rpl_bytes dnskey;
    struct rrset_builder b;
    arena_init(&zone_arena, NULL);
    for (unsigned i = 0; i < NAMES; i++)
        MUST(name_from_text(names[i].text, wire[i]) == OK);
    const struct sign_key *key = sign_key(wire[0], "ED25519");
    MUST(key && sign_dnskey(&zone_arena, key, 257, 3, &dnskey) == OK);
    for (unsigned i = 0; i < SETS; i++)
        sets[i] = sign(key, &dnskey, i);
    MUST(rrset_build(&b, &zone_arena, wire[0], TYPE_DNSKEY, NOW + 3600) == OK);
    MUST(rrset_add(&b, dnskey.at, (uint16_t)dnskey.size) == OK);
    keys = rrset_finish(&b);
}

static unsigned find_name(const uint8_t *name)
{
    unsigned i = 0;
    while (i < NAMES && !name_equal(wire[i], name))
        i++;
    return i;
}

static struct known known(void *ctx, const uint8_t *name, uint16_t type)
{
    (void)ctx;
    unsigned i = find_name(name);
    if (i == 0 && type == TYPE_DNSKEY)
        return (struct known){.kind = KNOWN_SET, .set = keys};
    if (type == TYPE_DS && name_below(name, wire[0]))
        return (struct known){.kind = KNOWN_DENIED,
                              .delegation = i == AT_SUB,
                              .nowhere = i < NAMES && !names[i].exists};
    return (struct known){.kind = KNOWN_FAILED, .why = WHY_CHAIN_UNKNOWN};
}

/* ---- What is true ---------------------------------------------------------------------------- */

static bool of_wildcard(const uint8_t *name)
{
    unsigned i = find_name(name);
    return name_below(name, wire[2]) && !(i < NAMES && names[i].exists);
}

static bool is_true(const struct rrset *set)
{
    struct rrset_iter it = rrset_records(set);
    unsigned own = find_name(set->owner);
    if (set->type != TYPE_A || set->count != 1 || !rrset_next(&it) || it.length != 4)
        return set->type != TYPE_A; /* other types are signed for their owners alone */
    unsigned last = own == 1 ? 1 : own == 3 || of_wildcard(set->owner) ? 2 : 0;
    return last && !memcmp(it.rdata, (const uint8_t[]){192, 0, 2, (uint8_t)last}, 4);
}

static void check_denial(const struct response *r)
{
    unsigned i = find_name(r->name);
    bool wildcard = of_wildcard(r->name), exists = i < NAMES && names[i].exists;
    bool has_a = wildcard || (exists && (names[i].has & HAS_A));
    if (r->kind == RESPONSE_NXDOMAIN)
        MUST(!exists && !wildcard && !name_below(r->name, wire[AT_SUB]));
    else if (r->kind == RESPONSE_NODATA)
        MUST((exists || wildcard) && !(has_a && r->type == TYPE_A) &&
             (i != AT_SUB || r->type == TYPE_DS));
}

static void check(const struct response *r, enum verdict v)
{
    bool below_cut = name_at_or_below(r->name, wire[AT_SUB]);
    for (unsigned i = 0; i < r->answer_count; i++)
        below_cut = below_cut || name_at_or_below(r->answer[i].set->owner, wire[AT_SUB]);
    if (v == VERDICT_INSECURE)
        MUST(below_cut);
    if (v != VERDICT_SECURE)
        return;
    for (unsigned i = 0; i < r->answer_count; i++)
        MUST(is_true(r->answer[i].set));
    if (r->kind != RESPONSE_RECORDS)
        check_denial(r);
}

/* ---- The response ---------------------------------------------------------------------------- */

/* The record or its signature; what the checker of messages would refuse is left as it was. */
static void spoil(struct rrset *set, unsigned where, uint8_t how)
{
    struct rrset_iter it = rrset_all(set);
    bool signature = where & 1;
    for (unsigned i = 0; i <= signature; i++)
        MUST(rrset_next(&it));
    uint8_t *at = (uint8_t *)(uintptr_t)it.rdata + where / 2 % it.length;
    *at ^= how;
    if (rdata_check(signature ? TYPE_RRSIG : set->type, it.rdata, it.length, 0, it.length))
        *at ^= how;
}

static struct rrset *part(struct arena *a, const uint8_t octets[4])
{
    struct rrset *set = rrset_copy(a, sets[octets[0] % 128 % SETS]);
    MUST(set);
    if (octets[1])
        set->owner = wire[octets[1] % NAMES];
    if (octets[3])
        spoil(set, octets[2], octets[3]);
    set->security = SECURITY_UNCHECKED;
    return set;
}

static void validate(struct arena *a, struct response *r)
{
    static const struct dnssec_policy policy = {.iterations_max = 50};
    static struct keyring *ring;
    struct anchor anchor = {.zone = name_root, .ds = keys};
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
                           .chain = {.known = known}};
    check(r, dnssec_validate(&v, r, &f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {TYPE_A, TYPE_MX, TYPE_DS, TYPE_NSEC};
    struct judged answer[PARTS_MAX] = {0}, authority[PARTS_MAX] = {0};
    struct arena a;
    if (!keys)
        make_zone();
    if (size < 3)
        return 0;
    arena_init(&a, NULL);
    struct response r = {.kind = (enum response_kind)(data[0] % 3),
                         .name = wire[data[1] % NAMES],
                         .type = types[data[2] % 4],
                         .zone = wire[0],
                         .answer = answer,
                         .authority = authority,
                         .now = NOW};
    for (size_t at = 3; at + 4 <= size && r.answer_count + r.authority_count < PARTS_MAX; at += 4) {
        struct rrset *set = part(&a, data + at);
        if (data[at] >= 128)
            answer[r.answer_count++].set = set;
        else
            authority[r.authority_count++].set = set;
    }
    validate(&a, &r);
    arena_deinit(&a);
    return 0;
}
