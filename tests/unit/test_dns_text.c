#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dns/types.h"

static const uint8_t origin[] = "\7example";

static void assert_reads_as(const char *line, const char *want)
{
    struct arena a;
    struct rrset *s = NULL;
    char error[200] = "";
    char buf[2000];
    arena_init(&a, NULL);
    if (rrset_from_text(&a, line, origin, 77, &s, error, sizeof(error)))
        fail_msg("%s: %s", line, error);
    rrset_text(s, 0, buf, sizeof(buf));
    buf[strlen(buf) - 1] = '\0';
    assert_string_equal(buf, want);
    arena_deinit(&a);
}

static void assert_refused(const char *line, const char *want)
{
    struct arena a;
    struct rrset *s = NULL;
    char error[200] = "";
    arena_init(&a, NULL);
    if (rrset_from_text(&a, line, origin, 77, &s, error, sizeof(error)) != ERR_FORMAT)
        fail_msg("%s was not refused", line);
    if (!strstr(error, want))
        fail_msg("%s: \"%s\" does not say \"%s\"", line, error, want);
    arena_deinit(&a);
}

static void owner_ttl_and_class_may_be_absent_or_relative(void **state)
{
    (void)state;
    assert_reads_as("www.example. 300 IN A 192.0.2.1", "www.example.\t300\tIN\tA\t192.0.2.1");
    assert_reads_as("www IN 300 A 192.0.2.1", "www.example.\t300\tIN\tA\t192.0.2.1");
    assert_reads_as("www a 192.0.2.1", "www.example.\t77\tIN\tA\t192.0.2.1");
    assert_reads_as("@ 1h30m in A 192.0.2.1", "example.\t5400\tIN\tA\t192.0.2.1");
    assert_reads_as("\t0 A 192.0.2.1\n", "example.\t0\tIN\tA\t192.0.2.1");
    assert_reads_as(". 1w NS @", ".\t604800\tIN\tNS\texample.");
    assert_reads_as("a\\.b MX 10 mail", "a\\.b.example.\t77\tIN\tMX\t10 mail.example.");
    assert_reads_as("a\\032b\\. A 1.1.1.1", "a\\032b\\..example.\t77\tIN\tA\t1.1.1.1");
}

static void comments_quotes_and_parentheses_are_understood(void **state)
{
    (void)state;
    assert_reads_as("@ SOA ns host ( 1 ; serial\n\t2 3\n 4 5 ) ; end",
                    "example.\t77\tIN\tSOA\tns.example. host.example. 1 2 3 4 5");
    assert_reads_as("x TXT \"a;b (c\" d", "x.example.\t77\tIN\tTXT\t\"a;b (c\" \"d\"");
    assert_reads_as("x TXT \"\" ", "x.example.\t77\tIN\tTXT\t\"\"");
    assert_refused("x TXT \"a", "quote");
    assert_refused("x TXT ( a", "parentheses");
    assert_refused("x TXT a )", "parentheses");
    assert_refused("x A 1.1.1.1\ny A 1.1.1.1", "more than one line");
}

static void rdata_may_be_generic(void **state)
{
    (void)state;
    assert_reads_as("x A \\# 4 c000 0201", "x.example.\t77\tIN\tA\t192.0.2.1");
    assert_reads_as("x TYPE1 \\# 4 C0000201", "x.example.\t77\tIN\tA\t192.0.2.1");
    assert_reads_as("x TYPE65280 \\# 3 0102ff", "x.example.\t77\tIN\tTYPE65280\t\\# 3 0102ff");
    assert_reads_as("x TYPE65280 \\# 0", "x.example.\t77\tIN\tTYPE65280\t\\# 0");
    assert_refused("x A \\# 3 c00002", "form");
    assert_refused("x TYPE65280 \\# 3 0102", "shorter");
    assert_refused("x TYPE65280 \\# 1 0102", "hex");
    assert_refused("x TYPE65280 \\# 1 0x", "hex");
    assert_refused("x TYPE65280 \\# 65536", "length");
    assert_refused("x TYPE65280 \\# ", "length");
    assert_refused("x TYPE65280 \\# -1 00", "length");
}

static void records_of_dnssec_are_read(void **state)
{
    (void)state;
    static const char *const same[] = {
        "x.example.\t9\tIN\tDS\t1 8 2 0102",
        "x.example.\t9\tIN\tDNSKEY\t257 3 8 AwEAAQ==",
        "x.example.\t9\tIN\tRRSIG\tA 8 2 300 20240101000000 20230101000000 1 example. AAAA",
        "x.example.\t9\tIN\tNSEC\ty.example. A NS RRSIG",
        "x.example.\t9\tIN\tNID\t1 0000:0000:0000:0001",
        "x.example.\t9\tIN\tHTTPS\t1 . alpn=h2",
        "x.example.\t9\tIN\tCAA\t0 issue \"ca.example\"",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_reads_as(same[i], same[i]);
}

static void bad_text_is_named(void **state)
{
    (void)state;
    assert_refused("", "owner");
    assert_refused("a..b A 1.1.1.1", "a..b");
    assert_refused("x", "no record type");
    assert_refused("x 300 IN", "no record type");
    assert_refused("x NOSUCH 1", "NOSUCH");
    assert_refused("x 300 300 A 1.1.1.1", "300");
    assert_refused("x 2147483648 A 1.1.1.1", "2147483648");
    assert_refused("x CH TXT a", "CH");
    assert_refused("x ANY \\# 0", "ANY");
    assert_refused("x A", "rdata");
    assert_refused("x A 1.1.1", "rdata");
    assert_refused("x A 1.1.1.1 1.1.1.2", "rdata");
    assert_refused("x MX mail", "rdata");
    assert_refused("x NS a..b", "rdata");
}

static void a_name_that_grows_too_long_with_the_origin_is_refused(void **state)
{
    (void)state;
    char line[400];
    memset(line, 'a', 250);
    line[60] = line[120] = line[180] = line[240] = '.';
    strcpy(line + 250, " A 1.1.1.1");
    assert_refused(line, "too long");
}

static void without_an_origin_names_are_of_the_root(void **state)
{
    (void)state;
    struct arena a;
    struct rrset *s = NULL;
    char buf[100];
    char error[100];
    arena_init(&a, NULL);
    assert_int_equal(rrset_from_text(&a, "x NS y", NULL, 5, &s, error, sizeof(error)), OK);
    assert_string_equal(rrset_text(s, 0, buf, sizeof(buf)), "x.\t5\tIN\tNS\ty.\n");
    arena_deinit(&a);
}

static void the_error_is_cut_to_its_buffer(void **state)
{
    (void)state;
    struct arena a;
    struct rrset *s = NULL;
    char error[6] = "xxxxx";
    arena_init(&a, NULL);
    assert_int_equal(rrset_from_text(&a, "x", NULL, 5, &s, error, sizeof(error)), ERR_FORMAT);
    assert_string_equal(error, "no re");
    assert_int_equal(rrset_from_text(&a, "x", NULL, 5, &s, NULL, 0), ERR_FORMAT);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_ttl_and_class_may_be_absent_or_relative),
        cmocka_unit_test(comments_quotes_and_parentheses_are_understood),
        cmocka_unit_test(rdata_may_be_generic),
        cmocka_unit_test(records_of_dnssec_are_read),
        cmocka_unit_test(bad_text_is_named),
        cmocka_unit_test(a_name_that_grows_too_long_with_the_origin_is_refused),
        cmocka_unit_test(without_an_origin_names_are_of_the_root),
        cmocka_unit_test(the_error_is_cut_to_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
