#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/access.h"

struct text_rule {
    const char *prefix;
    enum access action;
};

static struct prefix prefix_of(const char *text)
{
    struct prefix p;
    assert_int_equal(prefix_parse(text, &p), OK);
    return p;
}

static struct access_list *list_of(const struct text_rule *texts, size_t count)
{
    struct access_rule rules[16];
    struct access_list *l = NULL;
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        rules[i] = (struct access_rule){prefix_of(texts[i].prefix), texts[i].action};
    assert_int_equal(access_list_new(&l, rules, count, &bad), OK);
    return l;
}

static enum access judge(const struct access_list *l, const char *client)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(client, 4711, &e), OK);
    return access_judge(l, &e);
}

static void the_longest_prefix_decides_whatever_the_order(void **state)
{
    (void)state;
    static const struct text_rule texts[] = {
        {"10.1.2.0/24", ACCESS_DROP}, {"10.0.0.0/8", ACCESS_ALLOW}, {"10.1.0.0/16", ACCESS_REFUSE},
        {"10.1.2.3", ACCESS_ALLOW},   {"0.0.0.0/0", ACCESS_DROP},
    };
    struct access_list *l = list_of(texts, 5);
    assert_int_equal(judge(l, "10.9.9.9"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "10.1.9.9"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "10.1.2.9"), ACCESS_DROP);
    assert_int_equal(judge(l, "10.1.2.3"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "192.0.2.1"), ACCESS_DROP);
    assert_int_equal(judge(l, "2001:db8::1"), ACCESS_REFUSE);
    access_list_free(l);
}

static void nobody_is_allowed_by_an_empty_list(void **state)
{
    (void)state;
    struct access_list *l = list_of(NULL, 0);
    assert_int_equal(judge(l, "127.0.0.1"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "::1"), ACCESS_REFUSE);
    access_list_free(l);
}

static void a_mapped_address_is_judged_by_the_ipv4_address_within(void **state)
{
    (void)state;
    static const struct text_rule texts[] = {{"10.0.0.0/8", ACCESS_ALLOW}, {"::/0", ACCESS_DROP}};
    struct access_list *l = list_of(texts, 2);
    assert_int_equal(judge(l, "::ffff:10.1.2.3"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "::ffff:11.1.2.3"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "::fffe:10.1.2.3"), ACCESS_DROP);
    access_list_free(l);
}

static void a_mapped_prefix_is_a_rule_for_ipv4(void **state)
{
    (void)state;
    static const struct text_rule texts[] = {{"::ffff:10.0.0.0/104", ACCESS_ALLOW}};
    struct access_list *l = list_of(texts, 1);
    assert_int_equal(judge(l, "10.1.2.3"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "11.1.2.3"), ACCESS_REFUSE);
    access_list_free(l);
}

static void prefixes_that_end_within_an_octet_match_to_the_bit(void **state)
{
    (void)state;
    static const struct text_rule texts[] = {{"172.16.0.0/12", ACCESS_ALLOW},
                                             {"fc00::/7", ACCESS_ALLOW},
                                             {"2001:db8::/33", ACCESS_ALLOW}};
    struct access_list *l = list_of(texts, 3);
    assert_int_equal(judge(l, "172.15.255.255"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "172.16.0.0"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "172.31.255.255"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "172.32.0.0"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "fbff::1"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "fdff::1"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "fe00::1"), ACCESS_REFUSE);
    assert_int_equal(judge(l, "2001:db8:7fff::1"), ACCESS_ALLOW);
    assert_int_equal(judge(l, "2001:db8:8000::1"), ACCESS_REFUSE);
    access_list_free(l);
}

static void two_rules_for_one_prefix_name_the_second(void **state)
{
    (void)state;
    struct access_rule rules[] = {{prefix_of("10.0.0.0/8"), ACCESS_ALLOW},
                                  {prefix_of("10.0.0.0/16"), ACCESS_ALLOW},
                                  {prefix_of("192.0.2.0/24"), ACCESS_ALLOW},
                                  {prefix_of("10.0.0.0/8"), ACCESS_DROP}};
    struct access_list *l = NULL;
    size_t bad = 99;
    assert_int_equal(access_list_new(&l, rules, 4, &bad), ERR_EXISTS);
    assert_int_equal(bad, 3);
}

static void loopback_and_private_networks_are_the_default(void **state)
{
    (void)state;
    struct access_rule rules[32];
    struct access_list *l = NULL;
    size_t bad;
    assert_true(access_default_allow_count <= 32);
    for (size_t i = 0; i < access_default_allow_count; i++)
        rules[i] = (struct access_rule){prefix_of(access_default_allow[i]), ACCESS_ALLOW};
    assert_int_equal(access_list_new(&l, rules, access_default_allow_count, &bad), OK);
    static const char *const in[] = {"127.0.0.1", "10.2.3.4", "192.168.1.1", "172.20.0.1", "::1",
                                     "fd12::1",   "fe80::1",  "100.64.0.1",  "169.254.1.1"};
    static const char *const out[] = {"8.8.8.8", "192.0.2.1", "172.32.0.1", "2001:db8::1", "::2"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_int_equal(judge(l, in[i]), ACCESS_ALLOW);
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_int_equal(judge(l, out[i]), ACCESS_REFUSE);
    access_list_free(l);
}

/* The same question answered by trying every rule: another way to the same result. */
static enum access judge_slowly(const struct access_rule *rules, size_t count,
                                const struct endpoint *e)
{
    int longest = -1;
    enum access action = ACCESS_REFUSE;
    for (size_t i = 0; i < count; i++) {
        if (rules[i].prefix.length > longest && prefix_covers(&rules[i].prefix, e)) {
            longest = rules[i].prefix.length;
            action = rules[i].action;
        }
    }
    return action;
}

static void random_lists_agree_with_trying_every_rule(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 300; round++) {
        struct access_rule rules[64];
        size_t count = 0, bad;
        struct access_list *l = NULL;
        while (count < 64) {
            char text[32];
            unsigned length = (unsigned)rand() % 9;
            unsigned base = ((unsigned)rand() & 0xffu) & (0xff00u >> length);
            snprintf(text, sizeof text, "10.0.0.%u/%u", base & 0xffu, 24 + length);
            rules[count] = (struct access_rule){prefix_of(text), (enum access)(rand() % 4)};
            size_t same = 0;
            while (memcmp(&rules[same].prefix, &rules[count].prefix, sizeof rules[0].prefix) != 0)
                same++;
            if (same < count)
                break; /* drawn twice: the list is long enough */
            count++;
        }
        assert_int_equal(access_list_new(&l, rules, count, &bad), OK);
        for (unsigned last = 0; last < 256; last++) {
            struct endpoint e = {.family = 4, .bytes = {10, 0, 0, (uint8_t)last}};
            assert_int_equal(access_judge(l, &e), judge_slowly(rules, count, &e));
        }
        access_list_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_decides_whatever_the_order),
        cmocka_unit_test(nobody_is_allowed_by_an_empty_list),
        cmocka_unit_test(a_mapped_address_is_judged_by_the_ipv4_address_within),
        cmocka_unit_test(a_mapped_prefix_is_a_rule_for_ipv4),
        cmocka_unit_test(prefixes_that_end_within_an_octet_match_to_the_bit),
        cmocka_unit_test(two_rules_for_one_prefix_name_the_second),
        cmocka_unit_test(loopback_and_private_networks_are_the_default),
        cmocka_unit_test(random_lists_agree_with_trying_every_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
