#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/config_schema.h"

static const struct option number = {.type = OPTION_NUMBER, .least = 10, .most = 4096};
static const struct option size = {.type = OPTION_SIZE, .least = 0, .most = 1ull << 40};
static const struct option seconds = {.type = OPTION_SECONDS, .least = 0, .most = 604800};
static const struct option boolean = {.type = OPTION_BOOL};
static const struct option choice = {.type = OPTION_CHOICE, .choices = "error warning notice"};
static const struct option endpoint = {.type = OPTION_ENDPOINTS};
static const struct option prefix = {.type = OPTION_PREFIXES};

static char fault[FAULT_MAX];

static uint32_t read_u32(const struct option *o, const char *text)
{
    uint32_t n = 0;
    if (!config__read_value(o, text, &n, fault))
        fail_msg("%s", fault);
    return n;
}

static uint64_t read_size(const char *text)
{
    uint64_t n = 0;
    if (!config__read_value(&size, text, &n, fault))
        fail_msg("%s", fault);
    return n;
}

static void refused(const struct option *o, const char *text, const char *because)
{
    uint8_t out[64];
    fault[0] = '\0';
    if (config__read_value(o, text, out, fault))
        fail_msg("'%s' was taken", text);
    if (!strstr(fault, because))
        fail_msg("'%s' for '%s', which was to speak of '%s'", fault, text, because);
}

static void sizes_have_units_of_1024(void **state)
{
    (void)state;
    assert_true(read_size("0") == 0);
    assert_true(read_size("512") == 512);
    assert_true(read_size("1k") == 1024);
    assert_true(read_size("100m") == 100ull << 20);
    assert_true(read_size("100M") == 100ull << 20);
    assert_true(read_size("3g") == 3ull << 30);
    assert_true(read_size("1t") == 1ull << 40);
}

static void times_have_units_from_seconds_to_weeks(void **state)
{
    (void)state;
    assert_int_equal(read_u32(&seconds, "0"), 0);
    assert_int_equal(read_u32(&seconds, "90"), 90);
    assert_int_equal(read_u32(&seconds, "30s"), 30);
    assert_int_equal(read_u32(&seconds, "5m"), 300);
    assert_int_equal(read_u32(&seconds, "2h"), 7200);
    assert_int_equal(read_u32(&seconds, "1D"), 86400);
    assert_int_equal(read_u32(&seconds, "1w"), 604800);
}

static void a_leading_zero_is_refused(void **state)
{
    (void)state;
    refused(&number, "070", "without a leading zero, e.g. 70");
    refused(&size, "070", "without a leading zero, e.g. 70");
    refused(&size, "0100m", "without a leading zero, e.g. 100m");
    refused(&size, "00", "without a leading zero, e.g. 0");
    refused(&size, "00m", "without a leading zero, e.g. 0");
}

static void a_unit_is_refused_where_a_plain_number_belongs(void **state)
{
    (void)state;
    refused(&number, "100m", "write digits only");
    refused(&number, "100s", "write digits only");
    refused(&size, "100s", "k, m, g or t");
    refused(&size, "100mb", "k, m, g or t");
    refused(&seconds, "5g", "s, m, h, d or w");
}

static void a_negative_number_is_refused(void **state)
{
    (void)state;
    refused(&number, "-1", "cannot be negative, allowed is 10 to 4096");
    refused(&size, "-1", "cannot be negative");
    refused(&seconds, "-5m", "cannot be negative");
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ",   "ten", "+5",  "0x10",
                                        "1.5", "1e3", " 12", "12 ", "m"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        refused(&number, texts[i], "is not a number");
        refused(&size, texts[i], "is not a size");
        refused(&seconds, texts[i], "is not a time");
    }
}

static void a_number_out_of_range_names_the_range(void **state)
{
    (void)state;
    assert_int_equal(read_u32(&number, "10"), 10);
    assert_int_equal(read_u32(&number, "4096"), 4096);
    refused(&number, "9", "allowed is 10 to 4096");
    refused(&number, "4097", "allowed is 10 to 4096");
    refused(&seconds, "8d", "allowed is 0s to 1w");
    refused(&size, "2t", "allowed is 0 to 1t");
}

static void numbers_that_overflow_are_out_of_range(void **state)
{
    (void)state;
    refused(&number, "4294967306", "out of range"); /* 10 in 32 bits */
    refused(&size, "18446744073709551616", "out of range");
    refused(&size, "18014398509481985k", "out of range"); /* 1024 in 64 bits */
    refused(&size, "99999999999999999999999999999999g", "out of range");
}

static void yes_and_no_have_three_words_each(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "yes", "on", "True", "ON"};
    static const char *const no[] = {"false", "no", "off", "False", "NO"};
    for (size_t i = 0; i < 5; i++) {
        bool b = false;
        assert_true(config__read_value(&boolean, yes[i], &b, fault));
        assert_true(b);
        assert_true(config__read_value(&boolean, no[i], &b, fault));
        assert_false(b);
    }
    refused(&boolean, "maybe", "write true or false");
    refused(&boolean, "1", "write true or false");
}

static void a_wrong_choice_names_the_choices(void **state)
{
    (void)state;
    assert_int_equal(read_u32(&choice, "error"), 0);
    assert_int_equal(read_u32(&choice, "Notice"), 2);
    refused(&choice, "loud", "error warning notice");
    refused(&choice, "err", "error warning notice");
    refused(&choice, "errors", "error warning notice");
}

static void addresses_have_port_53_unless_another_is_named(void **state)
{
    (void)state;
    struct endpoint e;
    assert_true(config__read_value(&endpoint, "192.0.2.1", &e, fault));
    assert_int_equal(e.port, 53);
    assert_true(config__read_value(&endpoint, "2001:db8::1@5300", &e, fault));
    assert_int_equal(e.port, 5300);
    refused(&endpoint, "localhost", "is not an address");
    refused(&endpoint, "192.0.2.256", "is not an address");
    refused(&endpoint, "192.0.2.1@0", "is not an address");
    refused(&endpoint, "192.0.2.1@65536", "is not an address");
}

static void a_network_must_end_where_its_length_says(void **state)
{
    (void)state;
    struct prefix p;
    assert_true(config__read_value(&prefix, "10.0.0.0/8", &p, fault));
    assert_int_equal(p.length, 8);
    refused(&prefix, "10.0.0.1/8", "bits set");
    refused(&prefix, "10.0.0.0/33", "'10.0.0.0/33'");
    refused(&prefix, "ten", "is not a network");
}

static void numbers_are_written_in_their_largest_whole_unit(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(config__number_text(OPTION_SIZE, 100u << 20, text), "100m");
    assert_string_equal(config__number_text(OPTION_SIZE, 1025, text), "1025");
    assert_string_equal(config__number_text(OPTION_SIZE, 0, text), "0");
    assert_string_equal(config__number_text(OPTION_SECONDS, 86400, text), "1d");
    assert_string_equal(config__number_text(OPTION_SECONDS, 90, text), "90s");
    assert_string_equal(config__number_text(OPTION_SECONDS, 0, text), "0s");
    assert_string_equal(config__number_text(OPTION_NUMBER, 1232, text), "1232");
}

static void what_is_written_reads_back_as_the_same_number(void **state)
{
    (void)state;
    char text[32];
    srand(7);
    for (int i = 0; i < 20000; i++) {
        uint64_t n = ((uint64_t)rand() << 9) >> (rand() % 40);
        assert_true(read_size(config__number_text(OPTION_SIZE, n, text)) == n);
        uint32_t s = (uint32_t)(n % 604801);
        assert_int_equal(read_u32(&seconds, config__number_text(OPTION_SECONDS, s, text)), s);
    }
}

static void the_nearest_word_is_suggested_and_none_that_is_far(void **state)
{
    (void)state;
    char buf[64];
    const char *words = "size ttl-min ttl-max negative-ttl-max";
    assert_string_equal(config__nearest(words, "sise", buf, sizeof buf), "size");
    assert_string_equal(config__nearest(words, "ttl_max", buf, sizeof buf), "ttl-max");
    assert_string_equal(config__nearest(words, "TTL-Min", buf, sizeof buf), "ttl-min");
    assert_string_equal(config__nearest(words, "negativ-ttl-max", buf, sizeof buf),
                        "negative-ttl-max");
    assert_null(config__nearest(words, "colour", buf, sizeof buf));
    assert_null(config__nearest(words, "", buf, sizeof buf));
}

static void every_default_of_the_schema_is_within_its_own_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &config__options[i];
        uint8_t out[64];
        if (!config__is_list(o) && !config__read_value(o, o->value, out, fault))
            fail_msg("%s.%s: %s", o->section, o->key, fault);
        if (o->type == OPTION_NUMBER || o->type == OPTION_SECONDS)
            assert_true(o->most > o->least && o->most <= UINT32_MAX);
        assert_true((o->type == OPTION_CHOICE) == (o->choices != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units_of_1024),
        cmocka_unit_test(times_have_units_from_seconds_to_weeks),
        cmocka_unit_test(a_leading_zero_is_refused),
        cmocka_unit_test(a_unit_is_refused_where_a_plain_number_belongs),
        cmocka_unit_test(a_negative_number_is_refused),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_number_out_of_range_names_the_range),
        cmocka_unit_test(numbers_that_overflow_are_out_of_range),
        cmocka_unit_test(yes_and_no_have_three_words_each),
        cmocka_unit_test(a_wrong_choice_names_the_choices),
        cmocka_unit_test(addresses_have_port_53_unless_another_is_named),
        cmocka_unit_test(a_network_must_end_where_its_length_says),
        cmocka_unit_test(numbers_are_written_in_their_largest_whole_unit),
        cmocka_unit_test(what_is_written_reads_back_as_the_same_number),
        cmocka_unit_test(the_nearest_word_is_suggested_and_none_that_is_far),
        cmocka_unit_test(every_default_of_the_schema_is_within_its_own_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
