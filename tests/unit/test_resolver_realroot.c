/*
 * The real root zone, signed as it was published, at the time when its signatures held: every name
 * that exists in it, and thousands that do not, are proven by the built-in trust anchors. Left out
 * where the zone does not lie beside the checkout.
 */
#include "resolver_bench.h"

#include "dns/types.h"
#include "root_zone.h"

enum { JUNK = 3600, RTT = 5 };

struct root {
    struct arena arena;
    const struct rrset **sets; /* in canonical order of owners */
    size_t count;
    struct anchor anchor;
};

/* ---- The zone -------------------------------------------------------------------------------- */

static int compare_sets(const void *a, const void *b)
{
    const struct rrset *x = *(const struct rrset *const *)a, *y = *(const struct rrset *const *)b;
    int names = name_compare(x->owner, y->owner);
    return names ? names : (int)x->type - (int)y->type;
}

static void load(struct root *z)
{
    struct rrset_array all;
    root_zone_need();
    arena_init(&z->arena, NULL);
    root_zone_read(&z->arena, &all);
    z->sets = all.at;
    z->count = all.count;
    qsort(z->sets, z->count, sizeof *z->sets, compare_sets);
    z->anchor = (struct anchor){.zone = name_root, .ds = root_zone_anchor(&z->arena)};
}

/* The first set whose owner is not before the name. */
static size_t find(const struct root *z, const uint8_t *name)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(z->sets[middle]->owner, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct rrset *get(const struct root *z, const uint8_t *name, uint16_t type)
{
    for (size_t i = find(z, name); i < z->count && name_equal(z->sets[i]->owner, name); i++)
        if (z->sets[i]->type == type)
            return z->sets[i];
    return NULL;
}

/* The NSEC record at or before the name. */
static const struct rrset *cover(const struct root *z, const uint8_t *name)
{
    size_t i = find(z, name);
    while (i > 0 && z->sets[i - 1]->type != TYPE_NSEC)
        i--;
    assert_true(i > 0);
    return z->sets[i - 1];
}

/* ---- Its server -------------------------------------------------------------------------------
 */

static void put(struct writer *w, enum section section, const struct rrset *set)
{
    assert_non_null(set);
    assert_int_equal(writer_rrset(w, section, set, 0, true), OK);
}

static void put_denial(const struct root *z, struct writer *w, const struct rrset *nsec)
{
    put(w, SECTION_AUTHORITY, get(z, name_root, TYPE_SOA));
    put(w, SECTION_AUTHORITY, nsec);
}

static void put_answer(const struct root *z, struct writer *w, const uint8_t *name, uint16_t type)
{
    const uint8_t *tld = *name ? name_suffix(name, 1) : name;
    bool own = name_equal(name, tld);
    const struct rrset *set = get(z, name, type);
    if (!*name || (own && type == TYPE_DS && get(z, tld, TYPE_NS))) {
        if (set)
            put(w, SECTION_ANSWER, set);
        else
            put_denial(z, w, get(z, tld, TYPE_NSEC));
    } else if (get(z, tld, TYPE_NS)) {
        put(w, SECTION_AUTHORITY, get(z, tld, TYPE_NS));
        const struct rrset *ds = get(z, tld, TYPE_DS);
        put(w, SECTION_AUTHORITY, ds ? ds : get(z, tld, TYPE_NSEC));
    } else {
        put_denial(z, w, cover(z, name));
        if (cover(z, name) != get(z, name_root, TYPE_NSEC))
            put(w, SECTION_AUTHORITY, get(z, name_root, TYPE_NSEC)); /* of the wildcard */
    }
}

static void answer(struct bench *b, const struct root *z, struct sent *s)
{
    static uint8_t bytes[65535];
    struct writer w;
    const struct writer_opt opt = {.udp_size = 1232, .do_bit = true};
    const uint8_t *name = s->message + DNS_HEADER_SIZE;
    uint8_t lower[NAME_MAX_WIRE];
    size_t end = name_size(name);
    uint16_t type = load_u16(name + end);
    name_lower(lower, name);
    const uint8_t *tld = *lower ? name_suffix(lower, 1) : lower;
    bool there = !*lower || get(z, tld, TYPE_NS);
    bool ours = !there || !*lower || (type == TYPE_DS && name_equal(lower, tld));
    writer_init(&w, bytes, sizeof bytes);
    assert_int_equal(writer_header(&w, load_u16(s->message),
                                   (uint16_t)(FLAG_QR | (ours ? FLAG_AA : 0) |
                                              (there ? RCODE_NOERROR : RCODE_NXDOMAIN))),
                     OK);
    assert_int_equal(writer_question(&w, name, type, CLASS_IN), OK);
    put_answer(z, &w, lower, type);
    assert_int_equal(writer_opt(&w, &opt), OK);
    give(b, s, bytes, writer_finish(&w));
}

/* Asks, and has the root answer all that is sent; how many messages that took. */
static unsigned resolve(struct bench *b, const struct root *z, struct asking *a, const char *name,
                        uint16_t type)
{
    b->sent_count = 0;
    ask(b, a, name, type);
    for (unsigned i = 0; i < b->sent_count && !a->told; i++)
        if (b->sent[i].open)
            answer(b, z, &b->sent[i]);
    assert_int_equal(a->told, 1);
    return b->sent_count;
}

/* ---- The questions ------------------------------------------------------------------------------
 */

struct tally {
    unsigned names, messages;
};

static void expect_secure(struct bench *b, const struct root *z, struct tally *t, const char *name,
                          uint16_t type, uint16_t rcode)
{
    struct asking a;
    t->messages += resolve(b, z, &a, name, type);
    t->names++;
    if (a.rcode != rcode || a.security != SECURITY_SECURE)
        fail_msg("%s: rcode %u, security %u, %s", name, a.rcode, a.security, reason_text(a.reason));
}

static struct tally ask_existing(struct bench *b, const struct root *z)
{
    struct tally t = {0};
    char name[NAME_TEXT_MAX];
    for (size_t i = 0; i < z->count; i++) {
        const struct rrset *set = z->sets[i];
        if (set->type == TYPE_NS && *set->owner)
            expect_secure(b, z, &t, name_text(set->owner, name), TYPE_DS, RCODE_NOERROR);
    }
    return t;
}

static struct tally ask_junk(struct bench *b, const struct root *z)
{
    struct tally t = {0};
    char name[64];
    for (unsigned i = 0; i < JUNK; i++) {
        uint32_t n = i * UINT32_C(2654435761);
        snprintf(name, sizeof name, "%s%c%c%x.", i % 3 ? "" : "www.", 'a' + (int)(n % 26),
                 'a' + (int)(n / 26 % 26), n);
        expect_secure(b, z, &t, name, i % 5 ? TYPE_A : TYPE_TXT, RCODE_NXDOMAIN);
    }
    return t;
}

static void check_root(struct bench *b, bool aggressive)
{
    static struct root z;
    z = (struct root){.count = 0};
    load(&z);
    b->wall_s = ROOT_ZONE_AT;
    b->options.anchors = (struct anchors){&z.anchor, 1};
    b->options.dnssec = (struct dnssec_policy){.iterations_max = 50, .skew_s = 300};
    b->options.aggressive = aggressive;
    struct tally names = ask_existing(b, &z), junk = ask_junk(b, &z);
    print_message("%u names that exist: %u messages; %u that do not: %u\n", names.names,
                  names.messages, junk.names, junk.messages);
    assert_true(names.names > 1400);
    if (aggressive)
        assert_true(junk.messages < junk.names / 2);
    else
        assert_true(junk.messages >= junk.names);
    b->options.anchors = (struct anchors){0};
    arena_deinit(&z.arena);
}

static void every_name_of_the_root_is_proven(void **state)
{
    check_root(*state, false);
}

static void denials_of_the_root_are_used_for_other_names(void **state)
{
    check_root(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_name_of_the_root_is_proven, setup, teardown),
        cmocka_unit_test_setup_teardown(denials_of_the_root_are_used_for_other_names, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
