/* Cookies, with the test vectors of RFC 9018 Appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "dns/cookie.h"

enum { NOW = 1559731985 };

static const char secret[] = "e5e973e5a6b2a43f48e7dc849e37bfcf";

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[2 * n]; n++) {
        unsigned v;
        assert_int_equal(sscanf(text + 2 * n, "%2x", &v), 1);
        out[n] = (uint8_t)v;
    }
    return n;
}

static struct endpoint from(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(text, 4000, &e), OK);
    return e;
}

static struct cookie_secrets secrets(const char *first, const char *second)
{
    struct cookie_secrets s = {.count = 1};
    hex(first, s.at[0]);
    if (second)
        hex(second, s.at[s.count++]);
    return s;
}

static enum cookie_state judge(const struct cookie_secrets *s, const char *option,
                               const char *client, uint32_t now)
{
    uint8_t bytes[64];
    size_t size = hex(option, bytes);
    struct endpoint at = from(client);
    return cookie_judge(s, bytes, size, &at, now);
}

static void answers(const struct cookie_secrets *s, const char *client, uint32_t now,
                    const char *expected)
{
    uint8_t want[COOKIE_WHOLE], got[COOKIE_WHOLE];
    struct endpoint at = from(client);
    assert_int_equal(hex(expected, want), COOKIE_WHOLE);
    cookie_answer(s, want, &at, now, got);
    assert_memory_equal(got, want, COOKIE_WHOLE);
}

/* A.1 */
static void a_new_cookie_is_what_rfc_9018_says(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    assert_int_equal(judge(&s, "2464c4abcf10c957", "198.51.100.100", NOW), COOKIE_ALONE);
    answers(&s, "198.51.100.100", NOW, "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
}

/* A.2 */
static void a_renewed_cookie_is_what_rfc_9018_says(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    assert_int_equal(
        judge(&s, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559734385),
        COOKIE_GOOD);
    answers(&s, "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
}

/* A.3: the reserved octets are hashed as they came, whatever they are. */
static void reserved_octets_are_hashed_as_they_came(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    assert_int_equal(judge(&s, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "203.0.113.203",
                           0x5cf78f71 + 3600),
                     COOKIE_GOOD);
    answers(&s, "203.0.113.203", 1559734700, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
}

/* A.4 */
static void a_rolled_over_secret_is_accepted_and_not_used(void **state)
{
    (void)state;
    static const char client[] = "2001:db8:220:1:59de:d0f4:8769:82b8";
    static const char old[] = "22681ab97d52c298010000005cf7c57926556bd0934c72f8";
    struct cookie_secrets s =
        secrets("445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715");
    assert_int_equal(judge(&s, old, client, 1559741961), COOKIE_GOOD);
    answers(&s, client, 1559741961, "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    s.count = 1;
    assert_int_equal(judge(&s, old, client, 1559741961), COOKIE_BAD);
}

static void an_hour_back_and_five_minutes_ahead_are_the_window(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    static const char option[] = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    assert_int_equal(judge(&s, option, "198.51.100.100", NOW + 3600), COOKIE_GOOD);
    assert_int_equal(judge(&s, option, "198.51.100.100", NOW + 3601), COOKIE_BAD);
    assert_int_equal(judge(&s, option, "198.51.100.100", NOW - 300), COOKIE_GOOD);
    assert_int_equal(judge(&s, option, "198.51.100.100", NOW - 301), COOKIE_BAD);
}

static void time_that_wraps_around_is_no_jump(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    struct endpoint at = from("198.51.100.100");
    uint8_t option[COOKIE_WHOLE], client[COOKIE_CLIENT] = {1};
    cookie_answer(&s, client, &at, UINT32_MAX - 10, option);
    assert_int_equal(cookie_judge(&s, option, sizeof option, &at, 20), COOKIE_GOOD);
}

static void another_address_secret_client_or_bit_makes_it_bad(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    struct cookie_secrets other = secrets("445536bcd2513298075a5d379663c962", NULL);
    static const char option[] = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    assert_int_equal(judge(&s, option, "198.51.100.101", NOW), COOKIE_BAD);
    assert_int_equal(judge(&other, option, "198.51.100.100", NOW), COOKIE_BAD);
    struct endpoint at = from("198.51.100.100");
    for (unsigned i = 0; i < COOKIE_WHOLE; i++) {
        uint8_t bytes[COOKIE_WHOLE];
        hex(option, bytes);
        bytes[i] ^= 0x10;
        assert_int_equal(cookie_judge(&s, bytes, sizeof bytes, &at, NOW), COOKIE_BAD);
    }
}

static void cookies_of_another_form_are_bad(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets(secret, NULL);
    assert_int_equal(judge(&s, "2464c4abcf10c9570102030405060708", "198.51.100.100", NOW),
                     COOKIE_BAD);
    assert_int_equal(
        judge(&s, "2464c4abcf10c957020000005cf79f111f8130c3eee29480", "198.51.100.100", NOW),
        COOKIE_BAD);
}

static void options_have_8_or_16_to_40_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(cookie_length_is_valid(i), i == 8 || (i >= 16 && i <= 40));
}

static void each_server_gets_a_client_cookie_of_its_own(void **state)
{
    (void)state;
    uint8_t a[COOKIE_CLIENT], b[COOKIE_CLIENT], key[COOKIE_SECRET] = {7};
    struct endpoint one = from("192.0.2.1"), two = from("192.0.2.2");
    cookie_for_server(key, &one, a);
    cookie_for_server(key, &two, b);
    assert_memory_not_equal(a, b, sizeof a);
    cookie_for_server(key, &one, b);
    assert_memory_equal(a, b, sizeof a);
    key[3] = 1;
    cookie_for_server(key, &one, b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_cookie_is_what_rfc_9018_says),
        cmocka_unit_test(a_renewed_cookie_is_what_rfc_9018_says),
        cmocka_unit_test(reserved_octets_are_hashed_as_they_came),
        cmocka_unit_test(a_rolled_over_secret_is_accepted_and_not_used),
        cmocka_unit_test(an_hour_back_and_five_minutes_ahead_are_the_window),
        cmocka_unit_test(time_that_wraps_around_is_no_jump),
        cmocka_unit_test(another_address_secret_client_or_bit_makes_it_bad),
        cmocka_unit_test(cookies_of_another_form_are_bad),
        cmocka_unit_test(options_have_8_or_16_to_40_octets),
        cmocka_unit_test(each_server_gets_a_client_cookie_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
