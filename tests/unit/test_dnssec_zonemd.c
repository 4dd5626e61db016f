/*
 * Digests of whole zones: the examples of RFC 8976 appendix A (A.3 as its erratum has it), and the
 * real root zone with everything that may befall it.
 */
#include "dnssec/zonemd.h"

#include <string.h>

#include "dnssec_fixture.h"
#include "root_zone.h"

#define SOA "example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400\n"
#define NS                                                                                         \
    "example. 86400 IN NS ns1\n"                                                                   \
    "example. 86400 IN NS ns2\n"
#define DIGEST                                                                                     \
    "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730" \
    "044c"
#define HOSTS                                                                                      \
    "ns1 3600 IN A 203.0.113.63\n"                                                                 \
    "ns2 3600 IN AAAA 2001:db8::63\n"
#define ZONEMD(numbers, digest) "example. 86400 IN ZONEMD " numbers " " digest "\n"

static struct zone_judgement judge(const char *text)
{
    struct arena a;
    struct rrset_array zone;
    struct zone_error error;
    struct zone_judgement j;
    static const uint8_t apex[] = "\7EXAMPLE";
    arena_init(&a, NULL);
    enum err e = zone_read_text(&a, text, strlen(text), apex, &zone, &error);
    if (e)
        fail_msg("line %u: %s", error.line, error.text);
    assert_int_equal(zonemd_check(apex, &zone, &j), OK);
    arena_deinit(&a);
    return j;
}

static void expect(const char *text, enum zone_flaw flaw)
{
    char why[200];
    struct zone_judgement j = judge(text);
    if (j.flaw != flaw)
        fail_msg("%s", zone_judgement_text(&j, why, sizeof why));
}

/* ---- RFC 8976 appendix A ----------------------------------------------------------------------
 */

static void the_simple_example_of_the_rfc_holds(void **state)
{
    (void)state;
    struct zone_judgement j = judge(SOA NS ZONEMD("2018031900 1 1", DIGEST) HOSTS);
    assert_int_equal(j.flaw, ZONE_GOOD);
    assert_int_equal(j.hash, ZONEMD_SHA384);
    assert_int_equal(j.serial, 2018031900);
}

static const char complex_zone[] = SOA NS ZONEMD(
    "2018031900 1 1",
    "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2"
    "d8b39808226d7b9db71e34b72077f8fe") "ns1          3600 IN A    203.0.113.63\n"
                                        "NS2          3600 IN AAAA 2001:db8::63\n"
                                        "occluded.sub 7200 IN TXT  \"I'm occluded but must be "
                                        "digested\"\n"
                                        "sub          7200 IN NS   ns1\n"
                                        "duplicate    300  IN TXT  \"I must be digested just "
                                        "once\"\n"
                                        "duplicate    300  IN TXT  \"I must be digested just "
                                        "once\"\n"
                                        "foo.test.    555  IN TXT  \"out-of-zone data must be "
                                        "excluded\"\n"
                                        "UPPERCASE    3600 IN TXT  \"canonicalize uppercase owner "
                                        "names\"\n"
                                        "*            777  IN PTR  dont-forget-about-wildcards\n"
                                        "mail         3600 IN MX   20 MAIL1\n"
                                        "mail         3600 IN MX   10 Mail2.Example.\n"
                                        "sortme       3600 IN AAAA 2001:db8::5:61\n"
                                        "sortme       3600 IN AAAA 2001:db8::3:62\n"
                                        "sortme       3600 IN AAAA 2001:db8::4:63\n"
                                        "sortme       3600 IN AAAA 2001:db8::1:65\n"
                                        "sortme       3600 IN AAAA 2001:db8::2:64\n"
                                        "non-apex     900  IN ZONEMD 2018031900 1 1 "
                                        "616c6c6f776564206275742069676e6f7265642e20616c6c6f77656420"
                                        "6275742069676e6f7265642e20616c6c6f7765\n";

static void the_complex_example_of_the_rfc_holds(void **state)
{
    (void)state;
    expect(complex_zone, ZONE_GOOD);
}

#define SEVERAL_HOSTS                                                                              \
    "ns1.example. 3600  IN A    203.0.113.63\n"                                                    \
    "ns2.example. 86400 IN TXT  \"This example has multiple digests\"\n"                           \
    "NS2.EXAMPLE. 3600  IN AAAA 2001:db8::63\n"
#define SEVERAL_384                                                                                \
    ZONEMD("2018031900 1 1", "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c27"    \
                             "9dd10f0edb1c56f8080211f8480ee306")
#define SEVERAL_512                                                                                \
    ZONEMD("2018031900 1 2", "08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a"    \
                             "4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27")
#define SEVERAL_UNKNOWN                                                                            \
    ZONEMD("2018031900 1 240", "e2d523f654b9422a96c5a8f44607bbee")                                 \
    ZONEMD("2018031900 241 1", "e1846540e33a9e4189792d18d5d131f605fc283eaaaaaaaaaaaaaaaa"          \
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

static void one_of_several_digests_that_holds_is_enough(void **state)
{
    (void)state;
    expect(SOA NS SEVERAL_384 SEVERAL_512 SEVERAL_UNKNOWN SEVERAL_HOSTS, ZONE_GOOD);
    struct zone_judgement j = judge(SOA NS SEVERAL_512 SEVERAL_UNKNOWN SEVERAL_HOSTS);
    assert_int_equal(j.flaw, ZONE_GOOD);
    assert_int_equal(j.hash, ZONEMD_SHA512);
    expect(SOA NS SEVERAL_UNKNOWN SEVERAL_HOSTS, ZONE_UNSUPPORTED);
}

/* A name that has nothing behind RRSIG in the order of types, not even NSEC; the signer's name in
 * lower case. The digest is dnspython's. */
static void signatures_count_where_they_are_the_last_of_a_name(void **state)
{
    (void)state;
#define WITH_SIGNATURE                                                                             \
    "7ad29d0ccf4d39477aa4565af59d52bae2588cd691d96a0029a4d1d6332483847050bb9b36fc407cea61d99a802d" \
    "9e99"
    expect(SOA NS ZONEMD("2018031900 1 1", WITH_SIGNATURE) HOSTS
           "ns1 3600 IN RRSIG A 13 2 3600 20260813200000 20260731190000 4711 Example. "
           "c2lnbmF0dXJl\n",
           ZONE_GOOD);
    expect(SOA NS ZONEMD("2018031900 1 1", WITH_SIGNATURE) HOSTS, ZONE_CHANGED);
}

/* ---- What does not hold -----------------------------------------------------------------------
 */

static void another_content_is_refused(void **state)
{
    (void)state;
    expect(SOA NS ZONEMD("2018031900 1 1", DIGEST) "ns1 3600 IN A 203.0.113.63\n", ZONE_CHANGED);
    expect(SOA NS ZONEMD("2018031900 1 1", DIGEST) HOSTS "www 3600 IN A 203.0.113.63\n",
           ZONE_CHANGED);
    expect(SOA NS ZONEMD("2018031900 1 1", DIGEST) "ns1 3600 IN A 203.0.113.62\n"
                                                   "ns2 3600 IN AAAA 2001:db8::63\n",
           ZONE_CHANGED);
    expect(SOA NS ZONEMD("2018031900 1 1", DIGEST) "ns1 3601 IN A 203.0.113.63\n"
                                                   "ns2 3600 IN AAAA 2001:db8::63\n",
           ZONE_CHANGED);
}

static void a_digest_of_another_serial_is_refused(void **state)
{
    (void)state;
    expect(SOA NS ZONEMD("2018031901 1 1", DIGEST) HOSTS, ZONE_OTHER_SERIAL);
}

static void a_digest_cut_short_is_refused(void **state)
{
    (void)state;
    expect(SOA NS ZONEMD("2018031900 1 1", "c68090d90a7aed716bc459f9") HOSTS, ZONE_CHANGED);
    expect(SOA NS ZONEMD("2018031900 1 1", "c68090d90a7aed716bc459") HOSTS, ZONE_UNSUPPORTED);
}

/* Not even the one of them that would hold (RFC 8976 §2.2). */
static void two_digests_of_one_kind_are_refused(void **state)
{
    (void)state;
    expect(SOA NS ZONEMD("2018031900 1 1", DIGEST)
               ZONEMD("2018031900 1 1", "a3b69bad980a3504e1cffcb0fd6397f9") HOSTS,
           ZONE_AMBIGUOUS);
}

static void a_zone_without_soa_or_digest_is_refused(void **state)
{
    (void)state;
    expect(NS ZONEMD("2018031900 1 1", DIGEST) HOSTS, ZONE_NO_SOA);
    expect(SOA SOA "example. 86400 IN SOA ns1 admin 2018031901 1800 900 604800 86400\n" NS ZONEMD(
               "2018031900 1 1", DIGEST) HOSTS,
           ZONE_NO_SOA);
    expect(SOA NS HOSTS, ZONE_NO_DIGEST);
    expect(SOA NS HOSTS "www 86400 IN ZONEMD 2018031900 1 1 " DIGEST "\n", ZONE_NO_DIGEST);
}

/* ---- The real root --------------------------------------------------------------------------- */

struct root {
    struct fixture f;
    struct rrset_array zone;
    const struct rrset *anchor;
};

static void root_init(struct root *r)
{
    root_zone_need();
    fixture_init(&r->f);
    r->f.policy.skew_s = 300;
    root_zone_read(&r->f.arena, &r->zone);
    r->anchor = root_zone_anchor(&r->f.arena);
}

static struct zone_judgement judge_root(struct root *r, uint32_t wall)
{
    struct zone_judgement j;
    struct checker c = fixture_checker(&r->f);
    r->f.work = (struct dnssec_work){.price = 384, .good = 64, .failed = 8};
    c.wall = wall;
    assert_int_equal(zonemd_check_signed(&c, r->anchor, &r->zone, &j), OK);
    return j;
}

static void expect_root(struct root *r, enum zone_flaw flaw, enum why why)
{
    char text[200];
    struct zone_judgement j = judge_root(r, ROOT_ZONE_AT);
    if (j.flaw != flaw || j.why != why)
        fail_msg("%s", zone_judgement_text(&j, text, sizeof text));
}

/* The first set of that type from the place on. */
static struct rrset *find(const struct root *r, size_t from, uint16_t type)
{
    while (r->zone.at[from]->type != type)
        from++;
    return (struct rrset *)(uintptr_t)r->zone.at[from];
}

static uint8_t *last_octet(struct rrset *set)
{
    struct rrset_iter it = rrset_records(set);
    assert_true(rrset_next(&it));
    return (uint8_t *)(uintptr_t)(it.rdata + it.length - 1);
}

static void the_root_zone_holds_at_its_date(void **state)
{
    (void)state;
    struct root r;
    root_init(&r);
    struct zone_judgement j = judge_root(&r, ROOT_ZONE_AT);
    assert_int_equal(j.flaw, ZONE_GOOD);
    assert_int_equal(j.serial, ROOT_ZONE_SERIAL);
    assert_int_equal(j.hash, ZONEMD_SHA384);
    uint32_t until;
    assert_true(zone_signed_until(&r.zone, &until));
    assert_true(until > ROOT_ZONE_AT && until <= 1786651200 /* 2026-08-13 20:00 */);
    fixture_deinit(&r.f);
}

static void the_root_zone_does_not_hold_at_other_dates(void **state)
{
    (void)state;
    struct root r;
    root_init(&r);
    struct zone_judgement j = judge_root(&r, ROOT_ZONE_AT + 15 * FIXTURE_DAY);
    assert_int_equal(j.flaw, ZONE_SOA_BOGUS);
    assert_int_equal(j.why, WHY_BOGUS_EXPIRED);
    j = judge_root(&r, ROOT_ZONE_AT + 30 * FIXTURE_DAY);
    assert_int_equal(j.flaw, ZONE_KEYS_BOGUS);
    assert_int_equal(j.why, WHY_BOGUS_EXPIRED);
    j = judge_root(&r, ROOT_ZONE_AT - 2 * FIXTURE_DAY);
    assert_int_equal(j.flaw, ZONE_KEYS_BOGUS);
    assert_int_equal(j.why, WHY_BOGUS_NOT_YET);
    fixture_deinit(&r.f);
}

/* Glue is not signed: nothing but the digest tells. */
static void one_octet_of_glue_that_was_changed_is_seen(void **state)
{
    (void)state;
    struct root r;
    root_init(&r);
    uint8_t *glue = last_octet(find(&r, r.zone.count / 2, TYPE_A));
    *glue ^= 1;
    expect_root(&r, ZONE_CHANGED, WHY_NONE);
    *glue ^= 1;
    expect_root(&r, ZONE_GOOD, WHY_NONE);
    find(&r, r.zone.count / 2, TYPE_AAAA)->expiry++;
    expect_root(&r, ZONE_CHANGED, WHY_NONE);
    fixture_deinit(&r.f);
}

static void a_record_that_was_lost_or_added_is_seen(void **state)
{
    (void)state;
    struct root r;
    root_init(&r);
    struct rrset *ns = find(&r, r.zone.count / 2, TYPE_NS), whole = *ns;
    ns->count--;
    expect_root(&r, ZONE_CHANGED, WHY_NONE);
    *ns = whole;
    r.zone.count--;
    expect_root(&r, ZONE_CHANGED, WHY_NONE);
    r.zone.count++;
    expect_root(&r, ZONE_GOOD, WHY_NONE);
    struct rrset *signed_set = find(&r, r.zone.count / 2, TYPE_NSEC);
    signed_set->signatures = 0;
    expect_root(&r, ZONE_CHANGED, WHY_NONE);
    fixture_deinit(&r.f);
}

static void a_digest_or_serial_that_was_changed_has_no_signature(void **state)
{
    (void)state;
    struct root r;
    root_init(&r);
    uint8_t *digest = last_octet(find(&r, 0, TYPE_ZONEMD));
    *digest ^= 1;
    expect_root(&r, ZONE_DIGEST_BOGUS, WHY_BOGUS_SIGNATURE);
    *digest ^= 1;
    uint8_t *serial = last_octet(find(&r, 0, TYPE_SOA)) - 16;
    *serial ^= 1;
    expect_root(&r, ZONE_SOA_BOGUS, WHY_BOGUS_SIGNATURE);
    *serial ^= 1;
    find(&r, 0, TYPE_ZONEMD)->signatures = 0;
    expect_root(&r, ZONE_DIGEST_BOGUS, WHY_BOGUS_UNSIGNED);
    fixture_deinit(&r.f);
}

/* A whole zone of somebody else's making, with its own keys and a digest that holds. */
static void other_keys_than_the_anchors_are_refused(void **state)
{
    (void)state;
    struct root r;
    struct signer other;
    root_init(&r);
    signer_init(&other, &r.f, ".", LDNS_SIGN_ECDSAP256SHA256);
    r.anchor = signer_ds(&other, NULL, LDNS_SHA256);
    expect_root(&r, ZONE_KEYS_BOGUS, WHY_BOGUS_KEYS);
    signer_deinit(&other);
    find(&r, 0, TYPE_DNSKEY)->type = TYPE_CDNSKEY;
    expect_root(&r, ZONE_NO_KEYS, WHY_NONE);
    fixture_deinit(&r.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simple_example_of_the_rfc_holds),
        cmocka_unit_test(the_complex_example_of_the_rfc_holds),
        cmocka_unit_test(one_of_several_digests_that_holds_is_enough),
        cmocka_unit_test(signatures_count_where_they_are_the_last_of_a_name),
        cmocka_unit_test(another_content_is_refused),
        cmocka_unit_test(a_digest_of_another_serial_is_refused),
        cmocka_unit_test(a_digest_cut_short_is_refused),
        cmocka_unit_test(two_digests_of_one_kind_are_refused),
        cmocka_unit_test(a_zone_without_soa_or_digest_is_refused),
        cmocka_unit_test(the_root_zone_holds_at_its_date),
        cmocka_unit_test(the_root_zone_does_not_hold_at_other_dates),
        cmocka_unit_test(one_octet_of_glue_that_was_changed_is_seen),
        cmocka_unit_test(a_record_that_was_lost_or_added_is_seen),
        cmocka_unit_test(a_digest_or_serial_that_was_changed_has_no_signature),
        cmocka_unit_test(other_keys_than_the_anchors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
