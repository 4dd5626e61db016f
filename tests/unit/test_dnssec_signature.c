/* Single signatures: what verifies, and each field of RRSIG, DNSKEY and DS that must make it fail.
 */
#include "dnssec_fixture.h"

#include "dnssec/canonical.h"

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_deinit(&f);
    return 0;
}

static enum why check(const struct rrset *set, const struct rrset *keys, struct signed_set *out)
{
    struct checker c = fixture_checker(&f);
    struct signed_set unused;
    enum why why;
    assert_int_equal(signature_check(&c, set, keys, &why, out ? out : &unused), OK);
    return why;
}

static void every_algorithm_verifies(void **state)
{
    static const ldns_signing_algorithm all[] = {
        LDNS_SIGN_RSASHA256,       LDNS_SIGN_RSASHA512, LDNS_SIGN_ECDSAP256SHA256,
        LDNS_SIGN_ECDSAP384SHA384, LDNS_SIGN_ED25519,   LDNS_SIGN_ED448,
    };
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct signer z;
        f.work.price = 384;
        signer_init(&z, &f, "example.", all[i]);
        /* Many rounds: r and s of ECDSA have leading zeros now and then. */
        for (unsigned n = 0; n < 40; n++) {
            char line[64];
            snprintf(line, sizeof line, "h%u.example. 3600 IN A 192.0.2.%u", n, n);
            struct rrset *set = SIGNED(&z, line);
            f.work = (struct dnssec_work){.price = 384, .good = 64, .failed = 8};
            assert_int_equal(check(set, signer_keys(&z), NULL), WHY_NONE);
        }
        signer_deinit(&z);
    }
}

static void sha1_counts_only_by_policy(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_RSASHA1);
    struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    assert_int_equal(check(set, signer_keys(&z), NULL), WHY_UNSUPPORTED_ALGORITHM);
    f.policy.sha1 = true;
    assert_int_equal(check(set, signer_keys(&z), NULL), WHY_NONE);
    signer_deinit(&z);
}

static void records_in_any_order_and_case_verify(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    struct rrset *set =
        SIGNED(&z, "example. 3600 IN MX 20 b.example.", "example. 3600 IN MX 10 Z.EXAMPLE.",
               "example. 3600 IN MX 10 a.example.");
    uint8_t *owner = (uint8_t *)(uintptr_t)set->owner;
    owner[1] = 'E';
    assert_int_equal(check(set, signer_keys(&z), NULL), WHY_NONE);
    signer_deinit(&z);
}

static void a_changed_record_does_not_verify(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP256SHA256);
    struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    ((uint8_t *)(uintptr_t)set->rdata)[5] ^= 1;
    assert_int_equal(check(set, signer_keys(&z), NULL), WHY_BOGUS_SIGNATURE);
    assert_int_equal(f.work.failed, 7);
    signer_deinit(&z);
}

/* Every octet of the signature's own fields matters, one way or another. */
static void each_changed_octet_of_the_signature_fails(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    uint16_t length;
    uint8_t *sig = fixture_signature(set, 0, &length);
    for (unsigned i = 0; i < length; i++) {
        f.work = (struct dnssec_work){.price = 384, .good = 64, .failed = 8};
        bool signer_letter = i >= 18 && i < 18 + name_size(z.name);
        sig[i] ^= 0x21;
        enum why why = check(set, signer_keys(&z), NULL);
        sig[i] ^= 0x21;
        if (!signer_letter || why == WHY_NONE)
            assert_int_not_equal(why, WHY_NONE);
    }
    assert_int_equal(check(set, signer_keys(&z), NULL), WHY_NONE);
    signer_deinit(&z);
}

static void dates_are_judged_by_serial_arithmetic(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    z.expiration = FIXTURE_WALL - 10;
    struct rrset *old = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    z.expiration = FIXTURE_WALL + FIXTURE_DAY;
    z.inception = FIXTURE_WALL + 10;
    struct rrset *early = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    assert_int_equal(check(old, signer_keys(&z), NULL), WHY_BOGUS_EXPIRED);
    assert_int_equal(check(early, signer_keys(&z), NULL), WHY_BOGUS_NOT_YET);
    f.policy.skew_s = 60;
    assert_int_equal(check(old, signer_keys(&z), NULL), WHY_NONE);
    assert_int_equal(check(early, signer_keys(&z), NULL), WHY_NONE);
    assert_true(serial_less(0xfffffff0, 5));
    assert_false(serial_less(5, 0xfffffff0));
    signer_deinit(&z);
}

static void time_to_live_is_capped_by_original_ttl_and_expiry(void **state)
{
    (void)state;
    struct signer z;
    struct signed_set out;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    assert_int_equal(check(SIGNED(&z, "a.example. 300 IN A 192.0.2.1"), signer_keys(&z), &out),
                     WHY_NONE);
    assert_int_equal(out.ttl_most, 300);
    z.expiration = FIXTURE_WALL + 100;
    assert_int_equal(check(SIGNED(&z, "a.example. 300 IN A 192.0.2.1"), signer_keys(&z), &out),
                     WHY_NONE);
    assert_int_equal(out.ttl_most, 100);
    signer_deinit(&z);
}

static void an_expanded_wildcard_verifies_and_tells_its_labels(void **state)
{
    (void)state;
    struct signer z;
    struct signed_set out;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    struct rrset *set = SIGNED(&z, "*.w.example. 3600 IN A 192.0.2.1");
    uint8_t name[NAME_MAX_WIRE];
    assert_int_equal(name_from_text("a.b.w.example.", name), OK);
    assert_int_equal(check(set, signer_keys(&z), &out), WHY_NONE);
    assert_int_equal(out.labels, canonical_labels(set->owner));
    set->owner = name;
    assert_int_equal(check(set, signer_keys(&z), &out), WHY_NONE);
    assert_int_equal(out.labels, 2);
    signer_deinit(&z);
}

static void another_zones_signature_does_not_count(void **state)
{
    (void)state;
    struct signer z, other;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    signer_init(&other, &f, "example.net.", LDNS_SIGN_ED25519);
    assert_int_equal(check(SIGNED(&other, "a.example. 3600 IN A 192.0.2.1"), signer_keys(&z), NULL),
                     WHY_BOGUS_FORM);
    assert_int_equal(
        check(SIGNED(&other, "a.example. 3600 IN A 192.0.2.1"), signer_keys(&other), NULL),
        WHY_BOGUS_FORM);
    signer_deinit(&z);
    signer_deinit(&other);
}

static void keys_without_zone_bit_revoked_or_of_other_protocol_do_not_sign(void **state)
{
    (void)state;
    static const uint8_t wrong[][3] = {{0, 1, 3}, {1, 0x81, 3}, {1, 1, 2}};
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    for (unsigned i = 0; i < 3; i++) {
        struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
        struct rrset *keys = signer_keys(&z);
        uint8_t *key = (uint8_t *)(uintptr_t)keys->rdata + 2;
        uint16_t length;
        memcpy(key, wrong[i], 3);
        store_u16(fixture_signature(set, 0, &length) + 16, dnskey_tag(key, load_u16(keys->rdata)));
        assert_int_equal(check(set, keys, NULL), WHY_BOGUS_NO_ZONE_KEY);
        assert_int_equal(f.work.failed, 8);
    }
    signer_deinit(&z);
}

/* KeyTrap: many keys of one tag and many signatures cost no more than the bounds allow. */
static void colliding_keys_cost_a_bounded_number_of_checks(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    struct rrset *real = signer_keys(&z);
    uint16_t size = load_u16(real->rdata), length;
    uint8_t *sig = fixture_signature(set, 0, &length);
    struct rrset_builder keys, sets;
    assert_int_equal(rrset_build(&keys, &f.arena, z.name, TYPE_DNSKEY, 3600), OK);
    for (uint16_t i = 1; i <= 200; i++) { /* the same sum, so the same tag */
        uint8_t key[64];
        memcpy(key, real->rdata + 2, size);
        store_u16(key + 10, (uint16_t)(load_u16(key + 10) + i));
        store_u16(key + 12, (uint16_t)(load_u16(key + 12) - i));
        if (dnskey_tag(key, size) == load_u16(sig + 16))
            assert_int_equal(rrset_add(&keys, key, size), OK);
    }
    assert_int_equal(rrset_build(&sets, &f.arena, set->owner, TYPE_A, 3600), OK);
    assert_int_equal(rrset_add(&sets, set->rdata + 2, 4), OK);
    for (unsigned i = 0; i < 200; i++) {
        uint8_t copy[256];
        memcpy(copy, sig, length);
        copy[length - 1] = (uint8_t)i;
        copy[length - 2] ^= 1;
        assert_int_equal(rrset_sign(&sets, copy, length), OK);
    }
    struct rrset *all = rrset_finish(&keys);
    assert_true(all->count > 50);
    assert_int_equal(check(rrset_finish(&sets), all, NULL), WHY_BOGUS_LIMIT);
    assert_true(8 - f.work.failed <= FAILED_PER_SET);
    signer_deinit(&z);
}

static void one_good_signature_suffices_beside_bad_ones(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ED25519);
    struct rrset *set = SIGNED(&z, "a.example. 3600 IN A 192.0.2.1");
    uint16_t length;
    uint8_t *sig = fixture_signature(set, 0, &length), bad[256];
    struct rrset_builder b;
    memcpy(bad, sig, length);
    bad[length - 1] ^= 1;
    assert_int_equal(rrset_build(&b, &f.arena, set->owner, TYPE_A, 3600), OK);
    assert_int_equal(rrset_add(&b, set->rdata + 2, 4), OK);
    assert_int_equal(rrset_sign(&b, bad, length), OK);
    store_u16(bad + 16, 1);
    assert_int_equal(rrset_sign(&b, bad, length), OK);
    assert_int_equal(rrset_sign(&b, sig, length), OK);
    assert_int_equal(check(rrset_finish(&b), signer_keys(&z), NULL), WHY_NONE);
    signer_deinit(&z);
}

static void work_that_is_up_ends_the_checks(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP384SHA384);
    f.work.price = 29;
    assert_int_equal(check(SIGNED(&z, "a.example. 3600 IN A 192.0.2.1"), signer_keys(&z), NULL),
                     WHY_BOGUS_LIMIT);
    assert_true(f.work.over);
    f.work.price = 59; /* one is paid, a second one not */
    assert_int_equal(check(SIGNED(&z, "a.example. 3600 IN A 192.0.2.1"), signer_keys(&z), NULL),
                     WHY_NONE);
    assert_int_equal(check(SIGNED(&z, "a.example. 3600 IN A 192.0.2.2"), signer_keys(&z), NULL),
                     WHY_BOGUS_LIMIT);
    signer_deinit(&z);
}

/* ---- Keys by DS ------------------------------------------------------------------------------ */

static enum why check_keys(const struct rrset *keys, const struct rrset *ds)
{
    struct checker c = fixture_checker(&f);
    struct signed_set out;
    enum why why;
    assert_int_equal(signature_check_keys(&c, keys, ds, &why, &out), OK);
    return why;
}

static void keys_verify_by_each_digest(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP256SHA256);
    assert_int_equal(check_keys(signer_keys(&z), signer_ds(&z, NULL, LDNS_SHA1)), WHY_NONE);
    assert_int_equal(check_keys(signer_keys(&z), signer_ds(&z, NULL, LDNS_SHA256)), WHY_NONE);
    assert_int_equal(check_keys(signer_keys(&z), signer_ds(&z, NULL, LDNS_SHA384)), WHY_NONE);
    signer_deinit(&z);
}

static void keys_with_another_digest_are_bogus(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP256SHA256);
    struct rrset *ds = signer_ds(&z, NULL, LDNS_SHA256);
    ((uint8_t *)(uintptr_t)ds->rdata)[10] ^= 1;
    assert_int_equal(check_keys(signer_keys(&z), ds), WHY_BOGUS_KEYS);
    signer_deinit(&z);
}

static void unknown_algorithm_or_digest_alone_makes_insecure(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP256SHA256);
    struct rrset *ds = signer_ds(&z, NULL, LDNS_SHA256);
    uint8_t *bytes = (uint8_t *)(uintptr_t)ds->rdata + 2;
    bytes[3] = 99;
    assert_int_equal(check_keys(signer_keys(&z), ds), WHY_UNSUPPORTED_DIGEST);
    bytes[3] = 2;
    bytes[2] = 252;
    assert_int_equal(check_keys(signer_keys(&z), ds), WHY_UNSUPPORTED_ALGORITHM);
    signer_deinit(&z);
}

static void a_good_sha1_digest_does_not_help_beside_a_bad_better_one(void **state)
{
    (void)state;
    struct signer z;
    signer_init(&z, &f, "example.", LDNS_SIGN_ECDSAP256SHA256);
    struct rrset *one = signer_ds(&z, NULL, LDNS_SHA1), *two = signer_ds(&z, NULL, LDNS_SHA256);
    struct rrset_builder b;
    ((uint8_t *)(uintptr_t)two->rdata)[10] ^= 1;
    assert_int_equal(rrset_build(&b, &f.arena, z.name, TYPE_DS, 3600), OK);
    assert_int_equal(rrset_add(&b, one->rdata + 2, load_u16(one->rdata)), OK);
    assert_int_equal(rrset_add(&b, two->rdata + 2, load_u16(two->rdata)), OK);
    assert_int_equal(check_keys(signer_keys(&z), rrset_finish(&b)), WHY_BOGUS_KEYS);
    signer_deinit(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(every_algorithm_verifies),
        T(sha1_counts_only_by_policy),
        T(records_in_any_order_and_case_verify),
        T(a_changed_record_does_not_verify),
        T(each_changed_octet_of_the_signature_fails),
        T(dates_are_judged_by_serial_arithmetic),
        T(time_to_live_is_capped_by_original_ttl_and_expiry),
        T(an_expanded_wildcard_verifies_and_tells_its_labels),
        T(another_zones_signature_does_not_count),
        T(keys_without_zone_bit_revoked_or_of_other_protocol_do_not_sign),
        T(colliding_keys_cost_a_bounded_number_of_checks),
        T(one_good_signature_suffices_beside_bad_ones),
        T(work_that_is_up_ends_the_checks),
        T(keys_verify_by_each_digest),
        T(keys_with_another_digest_are_bogus),
        T(unknown_algorithm_or_digest_alone_makes_insecure),
        T(a_good_sha1_digest_does_not_help_beside_a_bad_better_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
