/* What a copy of a root zone answers, record by record. */
#include "zones/local_root.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/types.h"
#include "zones/loader.h"

#define SIG(type) "RRSIG " type " 13 1 3600 20260813200000 20260731190000 4711 . c2lnbmF0dXJl\n"
#define APEX                                                                                       \
    ". 3600 SOA a.root. host. 2026073102 1800 900 604800 86400\n"                                  \
    ". 3600 NS a.root.\n"                                                                          \
    ". 3600 NS B.one.\n"

static const char text[] =
    APEX ". 3600 NSEC b.many. NS SOA NSEC\n"
         ". 3600 " SIG("NSEC") "b.many. 3600 NS ns.b.many.\n"
                               "b.many. 3600 NSEC one. NS RRSIG NSEC\n"
                               "ns.b.many. 3600 A 192.0.2.2\n"
                               "one. 7200 NS b.one.\n"
                               "one. 7200 NS ns.elsewhere.\n"
                               "one. 3600 DS 4711 13 2 "
                               "0000000000000000000000000000000000000000000000000000000000000000\n"
                               "one. 3600 " SIG("DS") "one. 3600 NSEC other. NS DS RRSIG NSEC\n"
                                                      "b.one. 7200 A 192.0.2.3\n"
                                                      "b.one. 7200 AAAA 2001:db8::3\n"
                                                      "other. 3600 CNAME target.one.\n"
                                                      "other. 3600 NSEC text. CNAME NSEC\n"
                                                      "text. 3600 TXT \"of the root itself\"\n"
                                                      "text. 3600 NSEC tree. TXT NSEC\n"
                                                      "tree. 3600 DNAME one.\n"
                                                      "tree. 3600 NSEC *.wild. DNAME NSEC\n"
                                                      "*.wild. 3600 TXT \"a wildcard\"\n"
                                                      "*.wild. 3600 NSEC . TXT NSEC\n";

struct copy {
    struct arena arena;
    struct local_root *z;
    struct message *m; /* the last answer */
};

static enum err make(struct arena *a, const char *zone, struct local_root **out, const char **why)
{
    struct rrset_array sets;
    struct zone_error error;
    arena_init(a, NULL);
    enum err e = zone_read_text(a, zone, strlen(zone), name_root, &sets, &error);
    if (e)
        fail_msg("line %u: %s", error.line, error.text);
    return local_root_new(out, &sets, why);
}

static int setup(void **state)
{
    static struct copy c;
    const char *why;
    assert_int_equal(make(&c.arena, text, &c.z, &why), OK);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct copy *c = *state;
    local_root_unref(c->z);
    arena_deinit(&c->arena);
    return 0;
}

static enum err try(struct copy *c, const char *name, uint16_t type, size_t capacity)
{
    static uint8_t out[4096];
    uint8_t wire[NAME_MAX_WIRE];
    size_t size;
    enum message_fault fault;
    assert_int_equal(name_from_text(name, wire), OK);
    enum err e = local_root_answer(c->z, wire, type, out, capacity, &size);
    if (!e)
        assert_int_equal(message_parse(&c->arena, out, size, 0, &c->m, &fault), OK);
    return e;
}

static void ask(struct copy *c, const char *name, uint16_t type)
{
    assert_int_equal(try(c, name, type, 4096), OK);
    assert_true(c->m->flags & FLAG_QR);
}

/* "www.example. A" each, separated by commas, in that order. */
static void expect_section(const struct copy *c, enum section section, const char *sets)
{
    char got[1000] = "", name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    const struct rrset_array *all = &c->m->section[section];
    for (size_t i = 0; i < all->count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s %s", i ? ", " : "",
                 name_text(all->at[i]->owner, name), type_text(all->at[i]->type, type));
    assert_string_equal(got, sets);
}

static void expect(const struct copy *c, uint16_t rcode, bool aa, const char *answer,
                   const char *authority, const char *additional)
{
    assert_int_equal(c->m->rcode, rcode);
    assert_int_equal(!!(c->m->flags & FLAG_AA), aa);
    expect_section(c, SECTION_ANSWER, answer);
    expect_section(c, SECTION_AUTHORITY, authority);
    expect_section(c, SECTION_ADDITIONAL, additional);
}

/* ---- Referrals ------------------------------------------------------------------------------- */

static void a_name_below_a_cut_gets_a_referral_with_ds_and_glue(void **state)
{
    struct copy *c = *state;
    const char *const names[] = {"one.", "www.one.", "a.b.c.one.", "b.one."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ask(c, names[i], TYPE_A);
        expect(c, RCODE_NOERROR, false, "", "one. NS, one. DS", "b.one. A, b.one. AAAA");
    }
    const struct rrset *ds = c->m->section[SECTION_AUTHORITY].at[1];
    assert_int_equal(ds->signatures, 1);
    assert_int_equal(c->m->section[SECTION_AUTHORITY].at[0]->expiry, 7200);
}

static void without_ds_the_referral_has_the_nsec(void **state)
{
    struct copy *c = *state;
    ask(c, "x.b.many.", TYPE_TXT);
    expect(c, RCODE_NOERROR, false, "", "b.many. NS, b.many. NSEC", "ns.b.many. A");
    ask(c, "b.many.", TYPE_NS);
    expect(c, RCODE_NOERROR, false, "", "b.many. NS, b.many. NSEC", "ns.b.many. A");
}

static void any_type_below_a_cut_is_referred(void **state)
{
    struct copy *c = *state;
    ask(c, "one.", TYPE_RRSIG);
    expect(c, RCODE_NOERROR, false, "", "one. NS, one. DS", "b.one. A, b.one. AAAA");
    ask(c, "www.one.", TYPE_DS);
    expect(c, RCODE_NOERROR, false, "", "one. NS, one. DS", "b.one. A, b.one. AAAA");
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void ds_is_answered_or_denied_at_the_cut(void **state)
{
    struct copy *c = *state;
    ask(c, "oNe.", TYPE_DS); /* in the letters of the question, by compression */
    expect(c, RCODE_NOERROR, true, "oNe. DS", "", "");
    ask(c, "b.many.", TYPE_DS);
    expect(c, RCODE_NOERROR, true, "", ". SOA, b.many. NSEC", "");
}

static void the_apex_answers_for_itself(void **state)
{
    struct copy *c = *state;
    ask(c, ".", TYPE_SOA);
    expect(c, RCODE_NOERROR, true, ". SOA", "", "");
    ask(c, ".", TYPE_NS);
    expect(c, RCODE_NOERROR, true, ". NS", "", "B.one. A, B.one. AAAA");
    ask(c, ".", TYPE_MX);
    expect(c, RCODE_NOERROR, true, "", ". SOA, . NSEC", "");
    assert_int_equal(c->m->section[SECTION_AUTHORITY].at[1]->signatures, 1);
}

static void names_of_the_root_itself_are_answered(void **state)
{
    struct copy *c = *state;
    ask(c, "text.", TYPE_TXT);
    expect(c, RCODE_NOERROR, true, "text. TXT", "", "");
    ask(c, "text.", TYPE_A);
    expect(c, RCODE_NOERROR, true, "", ". SOA, text. NSEC", "");
    ask(c, "other.", TYPE_A);
    expect(c, RCODE_NOERROR, true, "other. CNAME", "", "");
    ask(c, "tree.", TYPE_DNAME);
    expect(c, RCODE_NOERROR, true, "tree. DNAME", "", "");
}

/* ---- Denials --------------------------------------------------------------------------------- */

static void a_name_that_does_not_exist_is_denied_with_its_wildcard(void **state)
{
    struct copy *c = *state;
    ask(c, "p.", TYPE_A);
    expect(c, RCODE_NXDOMAIN, true, "", ". SOA, other. NSEC, . NSEC", "");
    ask(c, "www.zzz.", TYPE_A);
    expect(c, RCODE_NXDOMAIN, true, "", ". SOA, *.wild. NSEC, . NSEC", "");
    ask(c, "0.", TYPE_A); /* one record denies both */
    expect(c, RCODE_NXDOMAIN, true, "", ". SOA, . NSEC", "");
    ask(c, "x.text.", TYPE_A); /* below a name that exists */
    expect(c, RCODE_NXDOMAIN, true, "", ". SOA, text. NSEC", "");
}

static void an_empty_non_terminal_exists(void **state)
{
    struct copy *c = *state;
    ask(c, "many.", TYPE_A);
    expect(c, RCODE_NOERROR, true, "", ". SOA, . NSEC", "");
    ask(c, "a.many.", TYPE_A);
    expect(c, RCODE_NXDOMAIN, true, "", ". SOA, . NSEC", "");
}

/* ---- Left to the servers --------------------------------------------------------------------- */

static void what_no_root_zone_has_had_is_left_to_the_servers(void **state)
{
    struct copy *c = *state;
    assert_int_equal(try(c, "x.tree.", TYPE_A, 4096), ERR_UNSUPPORTED);
    assert_int_equal(try(c, "x.wild.", TYPE_A, 4096), ERR_UNSUPPORTED);
    assert_int_equal(try(c, ".", TYPE_ANY, 4096), ERR_UNSUPPORTED);
    assert_int_equal(try(c, "text.", TYPE_RRSIG, 4096), ERR_UNSUPPORTED);
}

static void what_does_not_fit_is_no_answer(void **state)
{
    struct copy *c = *state;
    for (size_t room = 0; room < 300; room++) {
        enum err e = try(c, "www.one.", TYPE_A, room);
        assert_true(e == OK || e == ERR_SPACE);
        if (e == OK)
            expect(c, RCODE_NOERROR, false, "", "one. NS, one. DS", "b.one. A, b.one. AAAA");
    }
    assert_int_equal(try(c, "www.one.", TYPE_A, 300), OK);
}

static void a_zone_that_cannot_be_answered_from_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *why;
    } bad[] = {
        {". 3600 NS a.root.\n", "it has no SOA record of the root"},
        {"one. 3600 SOA a.root. host. 1 1800 900 604800 86400\n",
         "it has no SOA record of the root"},
        {". 3600 SOA a.root. host. 1 1800 900 604800 86400\n", "it has no NS records of the root"},
        {APEX, "it has no NSEC record of the root, so nothing can be denied"},
        {"", "it has no SOA record of the root"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a;
        struct local_root *z;
        const char *why;
        assert_int_equal(make(&a, bad[i].zone, &z, &why), ERR_FORMAT);
        assert_string_equal(why, bad[i].why);
        arena_deinit(&a);
    }
}

static void its_figures_are_those_of_the_zone(void **state)
{
    struct copy *c = *state;
    const struct local_root_soa *soa = local_root_soa(c->z);
    assert_int_equal(soa->serial, 2026073102);
    assert_int_equal(soa->refresh, 1800);
    assert_int_equal(soa->retry, 900);
    assert_int_equal(soa->expire, 604800);
    assert_int_equal(local_root_records(c->z), 23);
    assert_int_equal(local_root_until_ms(c->z), 0);
    local_root_hold(c->z, 4711);
    assert_int_equal(local_root_until_ms(c->z), 4711);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_name_below_a_cut_gets_a_referral_with_ds_and_glue),
        T(without_ds_the_referral_has_the_nsec),
        T(any_type_below_a_cut_is_referred),
        T(ds_is_answered_or_denied_at_the_cut),
        T(the_apex_answers_for_itself),
        T(names_of_the_root_itself_are_answered),
        T(a_name_that_does_not_exist_is_denied_with_its_wildcard),
        T(an_empty_non_terminal_exists),
        T(what_no_root_zone_has_had_is_left_to_the_servers),
        T(what_does_not_fit_is_no_answer),
        T(a_zone_that_cannot_be_answered_from_is_refused),
        T(its_figures_are_those_of_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
