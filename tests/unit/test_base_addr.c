#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/addr.h"

static void every_form_of_an_endpoint_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:853"},
        {"192.0.2.1@53", "192.0.2.1:53"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"2001:db8::1", "[2001:db8::1]:853"},
        {"2001:DB8:0::1@53", "[2001:db8::1]:53"},
        {"[2001:db8::1]:53", "[2001:db8::1]:53"},
        {"[2001:db8::1]", "[2001:db8::1]:853"},
        {"fe80::1%7", "[fe80::1%7]:853"},
        {"fe80::1%7@53", "[fe80::1%7]:53"},
        {"[fe80::1%7]:53", "[fe80::1%7]:53"},
        {"fe80::1%lo", "[fe80::1%1]:853"},
        {"::", "[::]:853"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967@65535", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct endpoint e;
        char buf[ADDR_TEXT_MAX];
        assert_int_equal(endpoint_parse(cases[i].text, 853, &e), OK);
        if (cases[i].want)
            assert_string_equal(endpoint_text(&e, buf), cases[i].want);
        else
            assert_string_equal(endpoint_text(&e, buf),
                                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967]:65535");
    }
}

static void other_text_is_no_endpoint(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " 192.0.2.1",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1:",
        "192.0.2.1@",
        "192.0.2.1@0",
        "192.0.2.1:65536",
        "192.0.2.1@+53",
        "192.0.2.1@53x",
        "192.0.2.1%1",
        "192.0.2.1:53@53",
        "[192.0.2.1]:53",
        "[2001:db8::1",
        "[2001:db8::1]53",
        "[2001:db8::1]@53",
        "[2001:db8::1]:",
        "2001:db8::1]:53",
        "2001:db8:::1",
        "fe80::1%",
        "fe80::1%0",
        "fe80::1%nosuchinterface",
        "localhost",
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct endpoint e = {.port = 4711};
        assert_int_equal(endpoint_parse(texts[i], 53, &e), ERR_FORMAT);
        assert_int_equal(e.port, 4711);
    }
}

static struct endpoint endpoint_of(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(text, 53, &e), OK);
    return e;
}

static struct prefix prefix_of(const char *text)
{
    struct prefix p;
    assert_int_equal(prefix_parse(text, &p), OK);
    return p;
}

static void endpoints_are_equal_by_address_port_and_scope(void **state)
{
    (void)state;
    struct endpoint a = endpoint_of("192.0.2.1");
    struct endpoint b = endpoint_of("192.0.2.1@54");
    struct endpoint c = endpoint_of("::ffff:192.0.2.1");
    struct endpoint d = endpoint_of("fe80::1%1");
    struct endpoint e = endpoint_of("fe80::1%2");
    assert_true(endpoint_equal(&a, &a));
    assert_false(endpoint_equal(&a, &b));
    assert_true(address_equal(&a, &b));
    assert_false(address_equal(&a, &c));
    assert_false(address_equal(&d, &e));
}

static void a_prefix_with_bits_after_its_length_is_out_of_range(void **state)
{
    (void)state;
    struct prefix p;
    char buf[ADDR_TEXT_MAX];
    assert_int_equal(prefix_parse("10.1.0.0/8", &p), ERR_RANGE);
    assert_int_equal(prefix_parse("2001:db8::/31", &p), OK);
    assert_int_equal(prefix_parse("2001:db9::/31", &p), ERR_RANGE);
    assert_int_equal(prefix_parse("10.0.0.0/33", &p), ERR_FORMAT);
    assert_int_equal(prefix_parse("10.0.0.0/", &p), ERR_FORMAT);
    assert_int_equal(prefix_parse("10.0.0.0/-1", &p), ERR_FORMAT);
    assert_int_equal(prefix_parse("::/129", &p), ERR_FORMAT);
    assert_int_equal(prefix_parse("fe80::%1/10", &p), ERR_FORMAT);
    p = prefix_of("192.0.2.1");
    assert_string_equal(prefix_text(&p, buf), "192.0.2.1/32");
    p = prefix_of("::/0");
    assert_string_equal(prefix_text(&p, buf), "::/0");
}

static bool covers(const char *prefix, const char *address)
{
    struct prefix p = prefix_of(prefix);
    struct endpoint e = endpoint_of(address);
    return prefix_covers(&p, &e);
}

static void a_prefix_covers_to_the_bit(void **state)
{
    (void)state;
    assert_true(covers("10.128.0.0/9", "10.255.255.255"));
    assert_false(covers("10.128.0.0/9", "10.127.255.255"));
    assert_true(covers("0.0.0.0/0", "203.0.113.9"));
    assert_false(covers("0.0.0.0/0", "::1"));
    assert_true(covers("192.0.2.1", "192.0.2.1"));
    assert_false(covers("192.0.2.1", "192.0.2.0"));
    assert_true(covers("2001:db8::/127", "2001:db8::1"));
    assert_false(covers("2001:db8::/127", "2001:db8::2"));
    assert_true(covers("2001:db8::1/128", "2001:db8::1"));
}

static void a_list_judges_a_mapped_address_by_the_ipv4_address_within(void **state)
{
    (void)state;
    struct prefix prefixes[] = {prefix_of("10.0.0.0/8"), prefix_of("2001:db8::/32")};
    struct prefix_list l = {prefixes, 2};
    struct prefix_list empty = {NULL, 0};
    struct endpoint mapped = endpoint_of("::ffff:10.1.2.3");
    struct endpoint compatible = endpoint_of("::10.1.2.3");
    struct endpoint six = endpoint_of("2001:db8:1::");
    assert_true(prefix_list_covers(&l, &mapped));
    assert_false(prefix_list_covers(&l, &compatible));
    assert_true(prefix_list_covers(&l, &six));
    assert_false(prefix_list_covers(&empty, &six));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_endpoint_is_read),
        cmocka_unit_test(other_text_is_no_endpoint),
        cmocka_unit_test(endpoints_are_equal_by_address_port_and_scope),
        cmocka_unit_test(a_prefix_with_bits_after_its_length_is_out_of_range),
        cmocka_unit_test(a_prefix_covers_to_the_bit),
        cmocka_unit_test(a_list_judges_a_mapped_address_by_the_ipv4_address_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
