#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/rdata.h"
#include "dns/types.h"

/*
 * The least rdata of each type's form. `longer` says whether one more zero octet is of the form
 * too. What is shorter by one octet never is, except for types of any octets.
 */
struct sample {
    uint16_t type;
    const char *bytes;
    size_t size;
    bool longer;
};

#define SAMPLE(type, bytes, longer)                                                                \
    {                                                                                              \
        TYPE_##type, bytes, sizeof(bytes) - 1, longer                                              \
    }

#define SIGNATURE "\0\1\10\2\0\0\1\54\0\0\0\2\0\0\0\1\1\2\1z\0\252"

static const struct sample samples[] = {
    SAMPLE(A, "\300\0\2\1", false),
    SAMPLE(NS, "\1a\0", false),
    SAMPLE(MD, "\1a\0", false),
    SAMPLE(MF, "\1a\0", false),
    SAMPLE(CNAME, "\0", false),
    SAMPLE(SOA, "\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", false),
    SAMPLE(MB, "\1a\0", false),
    SAMPLE(MG, "\1a\0", false),
    SAMPLE(MR, "\1a\0", false),
    SAMPLE(NULL, "", true),
    SAMPLE(PTR, "\1a\1b\0", false),
    SAMPLE(HINFO, "\1a\2bc", false),
    SAMPLE(MINFO, "\1a\0\0", false),
    SAMPLE(MX, "\0\12\1a\0", false),
    SAMPLE(TXT, "\1a", true),
    SAMPLE(RP, "\1a\0\1b\0", false),
    SAMPLE(AFSDB, "\0\1\1a\0", false),
    SAMPLE(RT, "\0\1\1a\0", false),
    SAMPLE(SIG, SIGNATURE, true),
    SAMPLE(KEY, "\1\0\3\10", true),
    SAMPLE(PX, "\0\1\1a\0\1b\0", false),
    SAMPLE(AAAA, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", false),
    SAMPLE(LOC, "", true),
    SAMPLE(NXT, "\1a\0\100", true),
    SAMPLE(SRV, "\0\1\0\2\0\3\1a\0", false),
    SAMPLE(NAPTR, "\0\1\0\2\1a\1b\0\1c\0", false),
    SAMPLE(KX, "\0\1\1a\0", false),
    SAMPLE(CERT, "\0\1\0\2\10", true),
    SAMPLE(DNAME, "\1a\0", false),
    SAMPLE(OPT, "", true),
    SAMPLE(APL, "", true),
    SAMPLE(DS, "\0\1\10\2\252", true),
    SAMPLE(SSHFP, "\1\1\252", true),
    SAMPLE(IPSECKEY, "", true),
    SAMPLE(RRSIG, SIGNATURE, true),
    SAMPLE(NSEC, "\1a\0\0\1\100", false),
    SAMPLE(DNSKEY, "\1\1\3\10\252", true),
    SAMPLE(DHCID, "\252", true),
    SAMPLE(NSEC3, "\1\0\0\5\1\252\2\273\314\0\1\100", false),
    SAMPLE(NSEC3PARAM, "\1\0\0\5\1\252", false),
    SAMPLE(TLSA, "\3\1\1\252", true),
    SAMPLE(SMIMEA, "\3\1\1\252", true),
    SAMPLE(HIP, "", true),
    SAMPLE(CDS, "\0\1\10\2\252", true),
    SAMPLE(CDNSKEY, "\1\1\3\10\252", true),
    SAMPLE(OPENPGPKEY, "\252", true),
    SAMPLE(CSYNC, "\0\0\0\1\0\3\0\1\100", false),
    SAMPLE(ZONEMD, "\0\0\0\1\1\1\252", true),
    SAMPLE(SVCB, "\0\1\1a\0\0\3\0\2\0\65", false),
    SAMPLE(HTTPS, "\0\1\0\0\1\0\3\2h2", false),
    SAMPLE(SPF, "\1a", true),
    SAMPLE(NID, "\0\1\0\0\0\0\0\0\0\1", false),
    SAMPLE(EUI48, "\1\2\3\4\5\6", false),
    SAMPLE(EUI64, "\1\2\3\4\5\6\7\10", false),
    SAMPLE(NXNAME, "", false),
    SAMPLE(TKEY, "", true),
    SAMPLE(TSIG, "", true),
    SAMPLE(IXFR, "", false),
    SAMPLE(AXFR, "", false),
    SAMPLE(ANY, "", false),
    SAMPLE(URI, "\0\1\0\2\150", true),
    SAMPLE(CAA, "\0\5issue", true),
    SAMPLE(TA, "", true),
    SAMPLE(DLV, "\0\1\10\2\252", true),
};

/* On the heap to the octet, so that a sanitizer sees a read too far. */
static enum err check(uint16_t type, const void *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    enum err e = rdata_check(type, exact, size, 0, size);
    free(exact);
    return e;
}

static const struct sample *sample_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        if (samples[i].type == type)
            return &samples[i];
    return NULL;
}

static void every_type_takes_its_form_and_no_octet_less_or_more(void **state)
{
    (void)state;
    static const uint16_t types[] = {
#define X(value, name, form) value,
#include "dns/types.def"
#undef X
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct sample *s = sample_of(types[i]);
        uint8_t longer[300] = {0};
        if (!s)
            fail_msg("type %u has no sample", types[i]);
        memcpy(longer, s->bytes, s->size);
        if (check(s->type, s->bytes, s->size))
            fail_msg("type %u: the sample is refused", s->type);
        if ((check(s->type, longer, s->size + 1) == OK) != s->longer)
            fail_msg("type %u: one octet more", s->type);
        if (s->size && check(s->type, s->bytes, s->size - 1) == OK)
            fail_msg("type %u: one octet less", s->type);
        const char *form = rdata_form(s->type);
        bool empty_is_fine = form[0] == '\0' || form[0] == '*';
        if ((check(s->type, "", 0) == OK) != empty_is_fine)
            fail_msg("type %u: no octets", s->type);
    }
}

static void every_cut_of_every_sample_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        for (size_t size = 0; size < samples[i].size; size++) {
            /* A bit map may be absent, and parameters too. */
            bool whole = samples[i].bytes[size] == 0 && size + 3 == samples[i].size;
            whole |= samples[i].type == TYPE_SVCB && size == 5;
            whole |= samples[i].type == TYPE_HTTPS && size == 3;
            whole |= samples[i].type == TYPE_NSEC3 && size == 9;
            whole |= samples[i].type == TYPE_CSYNC && size == 6;
            if (!whole && check(samples[i].type, samples[i].bytes, size) == OK)
                fail_msg("type %u cut to %zu octets", samples[i].type, size);
        }
}

static void an_unknown_type_is_any_octets(void **state)
{
    (void)state;
    assert_string_equal(rdata_form(65280), "*");
    assert_int_equal(check(65280, "", 0), OK);
    assert_int_equal(check(65280, "\300\377x", 3), OK);
}

static void bit_maps_are_strict(void **state)
{
    (void)state;
    assert_int_equal(check(TYPE_NSEC, "\0\0\1\100\1\1\100", 7), OK);
    assert_int_equal(check(TYPE_NSEC, "\0\1\1\100\0\1\100", 7), ERR_FORMAT); /* descending */
    assert_int_equal(check(TYPE_NSEC, "\0\0\1\100\0\1\100", 7), ERR_FORMAT); /* repeated */
    assert_int_equal(check(TYPE_NSEC, "\0\0\0", 3), ERR_FORMAT);             /* empty window */
    assert_int_equal(check(TYPE_NSEC, "\0\0\2\100\0", 5), ERR_FORMAT);       /* trailing zero */
    assert_int_equal(check(TYPE_NSEC, "\0\0\2\100", 4), ERR_FORMAT);         /* cut off */
    uint8_t window[36] = {0, 0, 33};
    window[35] = 1;
    assert_int_equal(check(TYPE_NSEC, window, 36), ERR_FORMAT);
    window[2] = 32;
    window[34] = 1;
    assert_int_equal(check(TYPE_NSEC, window, 35), OK);
}

static void service_parameters_ascend_strictly(void **state)
{
    (void)state;
    assert_int_equal(check(TYPE_SVCB, "\0\1\0\0\1\0\0\0\3\0\0", 11), OK);
    assert_int_equal(check(TYPE_SVCB, "\0\1\0\0\3\0\0\0\1\0\0", 11), ERR_FORMAT);
    assert_int_equal(check(TYPE_SVCB, "\0\1\0\0\1\0\0\0\1\0\0", 11), ERR_FORMAT);
    assert_int_equal(check(TYPE_SVCB, "\0\1\0\0\1\0\2x", 8), ERR_FORMAT);
}

/* A message of twelve zeros, "\1a\0" at 12, then rdata with a pointer to it. */
static enum err check_pointer(uint16_t type, const char *head, size_t size, const char *tail,
                              size_t tail_size)
{
    uint8_t m[200] = {[12] = 1, [13] = 'a'};
    memcpy(m + 15, head, size);
    store_u16(m + 15 + size, 0xc00c);
    memcpy(m + 17 + size, tail, tail_size);
    return rdata_check(type, m, 17 + size + tail_size, 15, size + 2 + tail_size);
}

static void names_may_be_compressed_where_senders_do(void **state)
{
    (void)state;
    assert_int_equal(check_pointer(TYPE_NS, "", 0, "", 0), OK);
    assert_int_equal(check_pointer(TYPE_MX, "\0\1\1b", 4, "", 0), OK);
    assert_int_equal(check_pointer(TYPE_SRV, "\0\1\0\1\0\1", 6, "", 0), OK);
    assert_int_equal(check_pointer(TYPE_NSEC, "", 0, "\0\1\100", 3), OK);
    assert_int_equal(check_pointer(TYPE_RRSIG, SIGNATURE, 18, "s", 1), OK);
    assert_int_equal(check_pointer(TYPE_DNAME, "", 0, "", 0), ERR_FORMAT);
    assert_int_equal(check_pointer(TYPE_SVCB, "\0\1", 2, "", 0), ERR_FORMAT);
    assert_int_equal(check_pointer(TYPE_HTTPS, "\0\1", 2, "", 0), ERR_FORMAT);
    assert_int_equal(check_pointer(TYPE_NS, "", 0, "x", 1), ERR_FORMAT);
}

static void rdata_outside_the_message_is_refused(void **state)
{
    (void)state;
    uint8_t m[8] = {0};
    assert_int_equal(rdata_check(TYPE_A, m, 8, 4, 4), OK);
    assert_int_equal(rdata_check(TYPE_A, m, 8, 5, 4), ERR_FORMAT);
    assert_int_equal(rdata_check(TYPE_A, m, 8, 9, 0), ERR_FORMAT);
    assert_int_equal(rdata_check(TYPE_A, m, 8, SIZE_MAX, 4), ERR_FORMAT);
    assert_int_equal(rdata_check(TYPE_A, m, 8, 4, SIZE_MAX), ERR_FORMAT);
}

static void names_are_found_within_rdata(void **state)
{
    (void)state;
    struct rdata_names names;
    const struct sample *s = sample_of(TYPE_SOA);
    rdata_find_names(TYPE_SOA, (const uint8_t *)s->bytes, (uint16_t)s->size, &names);
    assert_int_equal(names.count, 2);
    assert_int_equal(names.at[1].offset, 3);
    assert_int_equal(names.at[1].size, 3);
    assert_true(names.at[0].compressible && names.at[1].compressible);
    s = sample_of(TYPE_NAPTR);
    rdata_find_names(TYPE_NAPTR, (const uint8_t *)s->bytes, (uint16_t)s->size, &names);
    assert_int_equal(names.count, 1);
    assert_int_equal(names.at[0].offset, 9);
    assert_false(names.at[0].compressible);
    s = sample_of(TYPE_RRSIG);
    rdata_find_names(TYPE_RRSIG, (const uint8_t *)s->bytes, (uint16_t)s->size, &names);
    assert_int_equal(names.count, 1);
    assert_int_equal(names.at[0].offset, 18);
    rdata_find_names(TYPE_TXT, (const uint8_t *)"\1a", 2, &names);
    assert_int_equal(names.count, 0);
}

static void rdata_is_equal_without_case_in_names_only(void **state)
{
    (void)state;
    assert_true(
        rdata_equal(TYPE_MX, (const uint8_t *)"\0\1\1a\0", (const uint8_t *)"\0\1\1A\0", 5));
    assert_false(
        rdata_equal(TYPE_MX, (const uint8_t *)"\0\1\1a\0", (const uint8_t *)"\0\2\1a\0", 5));
    assert_false(
        rdata_equal(TYPE_MX, (const uint8_t *)"\0\1\1a\0", (const uint8_t *)"\0\1\1b\0", 5));
    assert_false(rdata_equal(TYPE_TXT, (const uint8_t *)"\1a", (const uint8_t *)"\1A", 2));
    assert_true(rdata_equal(TYPE_NSEC, (const uint8_t *)"\1a\0\0\1\100",
                            (const uint8_t *)"\1A\0\0\1\100", 6));
    assert_false(rdata_equal(TYPE_NSEC, (const uint8_t *)"\1a\0\0\1\100",
                             (const uint8_t *)"\1A\0\0\1\140", 6));
    assert_false(
        rdata_equal(TYPE_MINFO, (const uint8_t *)"\1a\0\0", (const uint8_t *)"\0\1a\0", 4));
}

static void types_and_codes_have_texts(void **state)
{
    (void)state;
    char buf[TYPE_TEXT_MAX];
    uint16_t type;
    assert_string_equal(type_text(TYPE_NULL, buf), "NULL");
    assert_string_equal(type_text(65280, buf), "TYPE65280");
    assert_string_equal(type_text(253, buf), "MAILB");
    assert_int_equal(type_parse("aaaa", &type), OK);
    assert_int_equal(type, TYPE_AAAA);
    assert_int_equal(type_parse("type65535", &type), OK);
    assert_int_equal(type, 65535);
    assert_int_equal(type_parse("TYPE1", &type), OK);
    assert_int_equal(type, TYPE_A);
    static const char *const bad[] = {"",       "TYPE",       "TYPE65536", "TYPE-1",
                                      "TYPE1x", "TYPE000001", "AAAAA"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(type_parse(bad[i], &type), ERR_FORMAT);
    assert_string_equal(rcode_text(RCODE_NXDOMAIN, buf), "NXDOMAIN");
    assert_string_equal(rcode_text(17, buf), "RCODE17");
    assert_string_equal(rcode_text(4095, buf), "RCODE4095");
    assert_true(type_is_meta(0) && type_is_meta(254) && type_is_meta(TYPE_ANY));
    assert_false(type_is_meta(TYPE_A) || type_is_meta(TYPE_NXNAME));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_takes_its_form_and_no_octet_less_or_more),
        cmocka_unit_test(every_cut_of_every_sample_is_refused),
        cmocka_unit_test(an_unknown_type_is_any_octets),
        cmocka_unit_test(bit_maps_are_strict),
        cmocka_unit_test(service_parameters_ascend_strictly),
        cmocka_unit_test(names_may_be_compressed_where_senders_do),
        cmocka_unit_test(rdata_outside_the_message_is_refused),
        cmocka_unit_test(names_are_found_within_rdata),
        cmocka_unit_test(rdata_is_equal_without_case_in_names_only),
        cmocka_unit_test(types_and_codes_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
