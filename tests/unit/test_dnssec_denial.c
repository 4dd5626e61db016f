/*
 * Denial against a model: small random zones, whose every name and type is known, their NSEC and
 * NSEC3 chains made by the test. Whatever subset of the records is at hand, what is "proven" must
 * be true; with the whole chain everything that is true must be proven.
 */
#include "dnssec_fixture.h"

#include "dnssec/records.h"

enum { NAMES_MAX = 12, ZONES = 400, LABELS = 3 };

static struct fixture f;
static uint64_t state_of_chance;

static unsigned chance(unsigned n)
{
    state_of_chance = state_of_chance * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state_of_chance >> 33) % n;
}

/* What a name of the zone holds. */
enum { HAS_A = 1, HAS_CUT = 2, HAS_DS = 4, HAS_DNAME = 8, HAS_CNAME = 16 };
struct owner {
    uint8_t name[NAME_MAX_WIRE];
    unsigned has;
};

struct model {
    uint8_t apex[NAME_MAX_WIRE];
    struct owner at[NAMES_MAX];
    unsigned count;
};

static const struct owner *find_owner(const struct model *m, const uint8_t *name)
{
    for (unsigned i = 0; i < m->count; i++)
        if (name_equal(m->at[i].name, name))
            return &m->at[i];
    return NULL;
}

/* Is it an owner, or above one? (RFC 4592 §2.2.2) */
static bool exists(const struct model *m, const uint8_t *name)
{
    for (unsigned i = 0; i < m->count; i++)
        if (name_at_or_below(m->at[i].name, name))
            return true;
    return false;
}

/* Below a cut or a DNAME the zone has nothing to say. */
static bool is_occluded(const struct model *m, const uint8_t *name)
{
    for (unsigned i = 0; i < m->count; i++)
        if ((m->at[i].has & (HAS_CUT | HAS_DNAME)) && name_below(name, m->at[i].name))
            return true;
    return false;
}

static bool has_type(const struct owner *o, uint16_t type)
{
    switch (type) {
    case TYPE_A:
        return o->has & HAS_A;
    case TYPE_NS:
        return o->has & HAS_CUT;
    case TYPE_DS:
        return o->has & HAS_DS;
    case TYPE_DNAME:
        return o->has & HAS_DNAME;
    case TYPE_CNAME:
        return o->has & HAS_CNAME;
    default:
        return false;
    }
}

static void random_name(const struct model *m, uint8_t out[NAME_MAX_WIRE])
{
    name_copy(out, m->apex);
    for (unsigned n = chance(LABELS) + 1; n > 0; n--) {
        static const uint8_t labels[][2] = {{1, 'a'}, {1, 'b'}, {1, 'm'},
                                            {1, '*'}, {1, 'z'}, {1, 'c'}};
        uint8_t longer[NAME_MAX_WIRE];
        assert_int_equal(name_prepend(labels[chance(6)], out, longer), OK);
        name_copy(out, longer);
    }
}

static int by_name(const void *a, const void *b)
{
    return name_compare(((const struct owner *)a)->name, ((const struct owner *)b)->name);
}

static void make_zone(struct model *m)
{
    static const unsigned kinds[] = {HAS_A,     HAS_A,    HAS_A, HAS_CUT, HAS_CUT | HAS_DS,
                                     HAS_DNAME, HAS_CNAME};
    memset(m, 0, sizeof *m);
    assert_int_equal(name_from_text("example.", m->apex), OK);
    name_copy(m->at[m->count++].name, m->apex);
    for (unsigned n = chance(NAMES_MAX - 1); n > 0; n--) {
        struct owner o = {.has = kinds[chance(7)]};
        random_name(m, o.name);
        bool star = o.name[1] == '*';
        if (!find_owner(m, o.name) && !(star && (o.has & (HAS_CUT | HAS_DNAME))))
            m->at[m->count++] = o;
    }
    for (unsigned i = 0; i < m->count;) { /* nothing below cuts and DNAMEs */
        if (is_occluded(m, m->at[i].name))
            m->at[i] = m->at[--m->count];
        else
            i++;
    }
    qsort(m->at, m->count, sizeof *m->at, by_name);
}

/* ---- What is true ---------------------------------------------------------------------------- */

static bool wildcard_of(const struct model *m, const uint8_t *name, uint8_t out[NAME_MAX_WIRE])
{
    static const uint8_t star[] = {1, '*'};
    const uint8_t *encloser = name_skip(name, 1);
    while (!exists(m, encloser))
        encloser = name_skip(encloser, 1);
    return name_prepend(star, encloser, out) == OK;
}

/* Has the name, or the wildcard that stands for it, no such type and no alias? */
static bool type_is_absent(const struct model *m, const uint8_t *name, uint16_t type)
{
    uint8_t wildcard[NAME_MAX_WIRE];
    const struct owner *o = find_owner(m, name);
    if (is_occluded(m, name))
        return false;
    if (!exists(m, name)) {
        if (!wildcard_of(m, name, wildcard) || !exists(m, wildcard))
            return false;
        o = find_owner(m, wildcard);
    }
    if (!o) /* an empty non-terminal */
        return true;
    bool cut = (o->has & HAS_CUT) != 0;
    return !has_type(o, type) && !(o->has & HAS_CNAME) && !(cut && type != TYPE_DS);
}

static bool name_is_absent(const struct model *m, const uint8_t *name)
{
    uint8_t wildcard[NAME_MAX_WIRE];
    return !is_occluded(m, name) && !exists(m, name) &&
           !(wildcard_of(m, name, wildcard) && exists(m, wildcard));
}

/* ---- Chains ---------------------------------------------------------------------------------- */

static size_t write_bitmap(const struct model *m, const struct owner *o, uint8_t *out)
{
    uint8_t bits[7] = {0}; /* types up to 55 */
    static const uint16_t types[] = {TYPE_A, TYPE_NS, TYPE_DS, TYPE_DNAME, TYPE_CNAME};
    for (unsigned i = 0; o && i < 5; i++)
        if (has_type(o, types[i]))
            bits[types[i] / 8] |= (uint8_t)(0x80 >> types[i] % 8);
    if (o && name_equal(o->name, m->apex)) {
        bits[0] |= 0x80 >> TYPE_NS | 0x80 >> TYPE_SOA;
    }
    size_t length = sizeof bits;
    while (length > 0 && bits[length - 1] == 0)
        length--;
    if (length == 0)
        return 0;
    out[0] = 0;
    out[1] = (uint8_t)length;
    memcpy(out + 2, bits, length);
    return length + 2;
}

static const struct rrset *one_set(const uint8_t *owner, uint16_t type, const uint8_t *rdata,
                                   size_t size)
{
    struct rrset_builder b;
    assert_int_equal(rrset_build(&b, &f.arena, owner, type, 3600), OK);
    assert_int_equal(rrset_add(&b, rdata, (uint16_t)size), OK);
    return rrset_finish(&b);
}

static unsigned nsec_chain(const struct model *m, const struct rrset **out)
{
    for (unsigned i = 0; i < m->count; i++) {
        uint8_t rdata[512];
        size_t size = name_copy(rdata, m->at[(i + 1) % m->count].name);
        size += write_bitmap(m, &m->at[i], rdata + size);
        out[i] = one_set(m->at[i].name, TYPE_NSEC, rdata, size);
    }
    return m->count;
}

struct hashed {
    uint8_t hash[20];
    const struct owner *owner;
};

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct hashed *)a)->hash, ((const struct hashed *)b)->hash, 20);
}

static void hash_of(const uint8_t *name, uint8_t out[20])
{
    uint8_t lower[NAME_MAX_WIRE], salt[] = {0xab};
    name_lower(lower, name);
    ldns_rdf *owner = ldns_dname_new_frm_data((uint16_t)name_size(lower), lower);
    ldns_rdf *hashed = ldns_nsec3_hash_name(owner, 1, 2, 1, salt);
    char text[33] = "";
    memcpy(text, ldns_rdf_data(hashed) + 1, 32);
    assert_int_equal(ldns_b32_pton_extended_hex(text, 32, out, 20), 20);
    ldns_rdf_deep_free(hashed);
    ldns_rdf_deep_free(owner);
}

/* Every owner and empty non-terminal (RFC 5155 §7.1); with opt-out, unsigned cuts are left out. */
static unsigned collect_hashes(const struct model *m, bool opt_out, struct hashed *all)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->count; i++) {
        bool skipped = opt_out && (m->at[i].has & (HAS_CUT | HAS_DS)) == HAS_CUT;
        for (const uint8_t *at = m->at[i].name; !skipped; at = name_skip(at, 1)) {
            struct hashed h = {.owner = find_owner(m, at)};
            bool known = false;
            hash_of(at, h.hash);
            for (unsigned k = 0; k < n; k++)
                known = known || !memcmp(all[k].hash, h.hash, 20);
            if (!known)
                all[n++] = h;
            if (name_equal(at, m->apex))
                break;
        }
    }
    qsort(all, n, sizeof *all, by_hash);
    return n;
}

static void hash_owner(const struct model *m, const uint8_t hash[20], uint8_t out[NAME_MAX_WIRE])
{
    char text[64];
    uint8_t label[33] = {32};
    assert_int_equal(ldns_b32_ntop_extended_hex(hash, 20, text, sizeof text), 32);
    memcpy(label + 1, text, 32);
    assert_int_equal(name_prepend(label, m->apex, out), OK);
}

static unsigned nsec3_chain(const struct model *m, bool opt_out, const struct rrset **out)
{
    struct hashed all[NAMES_MAX * (LABELS + 1)];
    unsigned n = collect_hashes(m, opt_out, all);
    for (unsigned i = 0; i < n; i++) {
        uint8_t rdata[512] = {1, opt_out ? 1 : 0, 0, 2, 1, 0xab, 20}, owner[NAME_MAX_WIRE];
        memcpy(rdata + 7, all[(i + 1) % n].hash, 20);
        size_t size = 27 + write_bitmap(m, all[i].owner, rdata + 27);
        hash_owner(m, all[i].hash, owner);
        out[i] = one_set(owner, TYPE_NSEC3, rdata, size);
    }
    return n;
}

/* ---- The comparison -------------------------------------------------------------------------- */

static struct denial ask(const struct model *m, const struct rrset *const *sets, unsigned count,
                         const uint8_t *name, uint16_t type)
{
    struct denial d;
    f.work = (struct dnssec_work){.blocks = 60000};
    struct denial_question q = {.zone = m->apex,
                                .name = name,
                                .type = type,
                                .sets = sets,
                                .count = count,
                                .policy = &f.policy,
                                .work = &f.work};
    denial_find(&q, &d);
    return d;
}

static void expect_truth(const struct model *m, const struct denial *d, const uint8_t *name,
                         uint16_t type, bool whole)
{
    bool no_name = name_is_absent(m, name), no_type = type_is_absent(m, name, type);
    /* Of DS at its own apex a zone has no say. */
    if (type == TYPE_DS && name_equal(name, m->apex)) {
        assert_int_equal(d->kind, DENIAL_NOTHING);
        return;
    }
    if (d->kind == DENIAL_NAME)
        assert_true(no_name);
    if (d->kind == DENIAL_TYPE)
        assert_true(no_type);
    if (whole && no_name)
        assert_int_equal(d->kind, DENIAL_NAME);
    if (whole && no_type)
        assert_int_equal(d->kind, DENIAL_TYPE);
    const struct owner *o = find_owner(m, name);
    if (d->kind == DENIAL_TYPE && type == TYPE_DS)
        assert_int_equal(d->delegation, o && (o->has & HAS_CUT));
}

/* Some of the records, at most 8 as of NSEC3 are looked at. */
static unsigned some(const struct rrset *const *all, unsigned count, const struct rrset **out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count && n < 8; i++)
        if (chance(3) > 0)
            out[n++] = all[i];
    return n;
}

static void compare(const struct model *m, const struct rrset *const *all, unsigned count,
                    bool whole)
{
    static const uint16_t types[] = {TYPE_A, TYPE_DS, TYPE_MX};
    for (unsigned i = 0; i < 30; i++) {
        const struct rrset *part[NAMES_MAX * (LABELS + 1)];
        uint8_t name[NAME_MAX_WIRE];
        uint16_t type = types[chance(3)];
        random_name(m, name);
        if (i == 0)
            name_copy(name, m->apex);
        struct denial d = ask(m, part, some(all, count, part), name, type);
        expect_truth(m, &d, name, type, false);
        if (!whole)
            continue;
        d = ask(m, all, count, name, type);
        expect_truth(m, &d, name, type, true);
    }
}

static void nsec_proves_what_is_true_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ZONES; i++) {
        struct model m;
        const struct rrset *all[NAMES_MAX];
        make_zone(&m);
        compare(&m, all, nsec_chain(&m, all), true);
    }
}

static void nsec3_proves_what_is_true_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ZONES; i++) {
        struct model m;
        const struct rrset *all[NAMES_MAX * (LABELS + 1)];
        make_zone(&m);
        unsigned count = nsec3_chain(&m, false, all);
        compare(&m, all, count, count <= 8);
    }
}

/* Where unsigned cuts are left out nothing that may be one is denied. */
static void opt_out_denies_no_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ZONES; i++) {
        struct model m;
        const struct rrset *all[NAMES_MAX * (LABELS + 1)];
        uint8_t name[NAME_MAX_WIRE];
        make_zone(&m);
        unsigned count = nsec3_chain(&m, true, all);
        for (unsigned n = 0; n < 20; n++) {
            random_name(&m, name);
            struct denial d = ask(&m, all, count, name, TYPE_A);
            assert_int_not_equal(d.kind, DENIAL_NAME);
            if (d.kind == DENIAL_TYPE)
                assert_true(type_is_absent(&m, name, TYPE_A));
        }
    }
}

static void too_many_iterations_are_not_hashed(void **state)
{
    (void)state;
    struct model m;
    const struct rrset *all[NAMES_MAX * (LABELS + 1)];
    make_zone(&m);
    unsigned count = nsec3_chain(&m, false, all);
    f.policy.iterations_max = 1;
    struct denial d = ask(&m, all, count, m.apex, TYPE_MX);
    assert_int_equal(d.kind, DENIAL_ITERATIONS);
    assert_int_equal(f.work.blocks, 60000);
}

static void hashing_stops_where_the_work_is_up(void **state)
{
    (void)state;
    struct model m;
    struct denial d;
    const struct rrset *all[NAMES_MAX * (LABELS + 1)];
    uint8_t name[NAME_MAX_WIRE];
    make_zone(&m);
    unsigned count = nsec3_chain(&m, false, all);
    assert_int_equal(name_from_text("a.b.c.d.e.f.q.example.", name), OK);
    f.work = (struct dnssec_work){.blocks = 10};
    struct denial_question q = {.zone = m.apex,
                                .name = name,
                                .type = TYPE_A,
                                .sets = all,
                                .count = count,
                                .policy = &f.policy,
                                .work = &f.work};
    denial_find(&q, &d);
    assert_int_equal(d.kind, DENIAL_LIMIT);
    assert_true(f.work.over);
}

static void compact_denial_says_that_there_is_no_such_name(void **state)
{
    (void)state;
    struct model m = {.count = 0};
    uint8_t name[NAME_MAX_WIRE], rdata[64];
    assert_int_equal(name_from_text("example.", m.apex), OK);
    assert_int_equal(name_from_text("x.example.", name), OK);
    size_t size = 0;
    rdata[size++] = 3; /* \000.x.example. */
    memcpy(rdata + size, "\000xy", 3);
    size += 3;
    size += name_copy(rdata + size, name);
    static const uint8_t bitmap[] = {0, 17, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
    memcpy(rdata + size, bitmap, sizeof bitmap);
    const struct rrset *set = one_set(name, TYPE_NSEC, rdata, size + sizeof bitmap);
    struct denial d = ask(&m, &set, 1, name, TYPE_A);
    assert_int_equal(d.kind, DENIAL_NAME);
}

/* Whoever signed it: where forwarders are asked nobody before this knows the zone. */
static void a_next_name_outside_of_the_zone_denies_nothing(void **state)
{
    (void)state;
    static const char *const next[] = {"z.example.", "z.example2.", "z."};
    struct model m = {.count = 0};
    uint8_t name[NAME_MAX_WIRE], rdata[64];
    assert_int_equal(name_from_text("example.", m.apex), OK);
    assert_int_equal(name_from_text("b.example.", name), OK);
    for (unsigned i = 0; i < sizeof next / sizeof *next; i++) {
        static const uint8_t bitmap[] = {0, 1, 0x40};
        uint8_t to[NAME_MAX_WIRE];
        assert_int_equal(name_from_text(next[i], to), OK);
        size_t size = name_copy(rdata, to);
        memcpy(rdata + size, bitmap, sizeof bitmap);
        const struct rrset *set = one_set(m.apex, TYPE_NSEC, rdata, size + sizeof bitmap);
        struct denial d = ask(&m, &set, 1, name, TYPE_A);
        assert_int_equal(d.kind, i == 0 ? DENIAL_NAME : DENIAL_NOTHING);
    }
}

/* What is kept for other names (RFC 8198): `name` was asked for. */
static void reusable_is_what_says_something_of_others(void **state)
{
    static const struct {
        const char *record, *name;
        bool reusable;
    } cases[] = {
        {"a.example. NSEC m.example. A RRSIG NSEC", "foo.example.", true},
        {"example. NSEC example. NS SOA RRSIG NSEC DNSKEY", "foo.example.", true},
        {"foo.example. NSEC \\000.foo.example. A RRSIG NSEC", "foo.example.", false},
        {"bar.example. NSEC \\000.bar.example. A RRSIG NSEC", "foo.example.", false},
        {"fo.example. NSEC \\000.foo.example. A RRSIG NSEC", "foo.example.", false},
        {"fon~.example. NSEC foo!.example. RRSIG NSEC", "foo.example.", false},
        {"FON~.example. NSEC FOO!.example. RRSIG NSEC", "foo.example.", false},
        {"fon~.example. NSEC foo!.example. RRSIG NSEC", "a.foo.example.", false},
        {"fon~.example. NSEC fp.example. RRSIG NSEC", "foo.example.", true},
        {"f.example. NSEC foo!.example. RRSIG NSEC", "foo.example.", true},
        {"11.example. NSEC 13.example. A RRSIG NSEC", "12.example.", true},
        {"foo.example. NSEC z.example. A RRSIG NSEC", "foo.example.", true},
        {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 0 - "
         "2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
         "foo.example.", true},
        {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 0 - "
         "2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
         "foo.example.", false},
        {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 0 - "
         "0p9mhaveqvm6t7vbl5lop2u3t2rp3too A",
         "foo.example.", false},
        {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 0 - "
         "0p9mhaveqvm6t7vbl5lop2u3t2rp3top A",
         "foo.example.", true},
        {"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 0 0 - "
         "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A",
         "foo.example.", true},
    };
    struct signer z;
    uint8_t name[NAME_MAX_WIRE];
    (void)state;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(name_from_text(cases[i].name, name), OK);
        struct rrset *set = SIGNED(&z, cases[i].record);
        if (denial_is_reusable(set, name) != cases[i].reusable)
            fail_msg("%s", cases[i].record);
    }
    signer_deinit(&z);
}

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    state_of_chance = 20261127;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_deinit(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(nsec_proves_what_is_true_and_nothing_else),
        T(nsec3_proves_what_is_true_and_nothing_else),
        T(opt_out_denies_no_name),
        T(too_many_iterations_are_not_hashed),
        T(hashing_stops_where_the_work_is_up),
        T(a_next_name_outside_of_the_zone_denies_nothing),
        T(compact_denial_says_that_there_is_no_such_name),
        T(reusable_is_what_says_something_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
