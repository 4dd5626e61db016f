#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"

/* A name from text, in one of several buffers so that a call may take a few. */
static const uint8_t *name_of(const char *text)
{
    static uint8_t names[8][NAME_MAX_WIRE];
    static unsigned next;
    uint8_t *name = names[next++ % 8];
    if (name_from_text(text, name))
        fail_msg("%s is no name", text);
    return name;
}

static void assert_name(const uint8_t *name, const char *want)
{
    char buf[NAME_TEXT_MAX];
    assert_string_equal(name_text(name, buf), want);
}

/* 255 octets: three labels of 63 and one of 61. */
static void longest_name(char text[NAME_TEXT_MAX])
{
    memset(text, 'a', 253);
    text[63] = text[127] = text[191] = '.';
    text[253] = '\0';
}

static void names_are_read_and_written_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {".", "."},
        {"example", "example."},
        {"WWW.Example.COM.", "WWW.Example.COM."},
        {"a\\.b.c.", "a\\.b.c."},
        {"\\097\\b.", "ab."},
        {"\\000\\255\\032.", "\\000\\255\\032."},
        {"a\\\\b\\\"\\;\\(\\)\\@\\$.", "a\\\\b\\\"\\;\\(\\)\\@\\$."},
        {"_443._tcp.*.x", "_443._tcp.*.x."},
        {"a b", "a\\032b."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_name(name_of(cases[i].text), cases[i].want);
}

static void other_text_is_no_name(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "..",     ".a",    "a..b",   "a..",   "a\\",
                                        "\\25", "\\256.", "\\1a2", "\\999x", "a.\\12"};
    uint8_t out[NAME_MAX_WIRE];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(name_from_text(texts[i], out), ERR_FORMAT);
}

static void a_label_ends_at_63_and_a_name_at_255_octets(void **state)
{
    (void)state;
    char text[NAME_TEXT_MAX];
    uint8_t out[NAME_MAX_WIRE];
    memset(text, 'a', 64);
    text[64] = '\0';
    assert_int_equal(name_from_text(text, out), ERR_FORMAT);
    assert_int_equal(name_from_text(text + 1, out), OK);
    longest_name(text);
    assert_int_equal(name_from_text(text, out), OK);
    assert_int_equal(name_size(out), 255);
    memcpy(text + 253, "a", 2);
    assert_int_equal(name_from_text(text, out), ERR_FORMAT);
}

static void the_longest_text_fits_its_buffer(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX_WIRE] = {0};
    char buf[NAME_TEXT_MAX];
    for (unsigned i = 0; i < 4; i++)
        name[i * 64] = i < 3 ? 63 : 61;
    assert_int_equal(name_size(name), 255);
    assert_int_equal(strlen(name_text(name, buf)), 250 * 4 + 4);
    uint8_t again[NAME_MAX_WIRE];
    assert_int_equal(name_from_text(buf, again), OK);
    assert_memory_equal(name, again, 255);
    for (unsigned i = 0; i < 127; i++)
        memcpy(name + 2 * i, "\1.", 2);
    assert_int_equal(name_labels(name), NAME_MAX_LABELS);
    assert_int_equal(strlen(name_text(name, buf)), 127 * 3);
}

static void comparison_is_without_case_in_ascii_only(void **state)
{
    (void)state;
    assert_true(name_equal(name_of("wWw.ExAmPlE"), name_of("WwW.eXaMpLe")));
    assert_false(name_equal_case(name_of("a.B"), name_of("a.b")));
    assert_true(name_equal_case(name_of("a.B"), name_of("a.B")));
    assert_false(name_equal(name_of("\\196"), name_of("\\228")));
    assert_false(name_equal(name_of("@"), name_of("`")));
    assert_false(name_equal(name_of("["), name_of("{")));
    assert_false(name_equal(name_of("a.bc"), name_of("ab.c")));
    assert_false(name_equal(name_of("a"), name_of("a.a")));
    assert_true(name_equal(name_root, name_of(".")));
}

static void all_octets_fold_as_ascii(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t name[3] = {1, (uint8_t)i, 0};
        uint8_t lower[NAME_MAX_WIRE];
        assert_int_equal(name_lower(lower, name), 3);
        assert_int_equal(lower[1], i >= 'A' && i <= 'Z' ? i + 32 : i);
    }
}

static void ancestry_is_by_whole_labels(void **state)
{
    (void)state;
    const uint8_t *zone = name_of("Example.com");
    assert_true(name_at_or_below(name_of("www.example.COM"), zone));
    assert_true(name_at_or_below(name_of("example.com"), zone));
    assert_false(name_below(name_of("example.com"), zone));
    assert_true(name_below(name_of("a.b.example.com"), zone));
    assert_false(name_at_or_below(name_of("badexample.com"), zone));
    assert_false(name_at_or_below(name_of("com"), zone));
    assert_true(name_at_or_below(zone, name_root));
    assert_false(name_below(name_root, name_root));
    assert_int_equal(name_common(name_of("a.Example.com"), name_of("b.example.COM")), 2);
    assert_int_equal(name_common(name_of("a.example.com"), name_of("com")), 1);
    assert_int_equal(name_common(name_of("a.x.com"), name_of("a.y.com")), 1);
    assert_int_equal(name_common(name_of("a"), name_root), 0);
}

/* The example of RFC 4034 §6.1, with "\001" and "\200" as they stand there. */
static void canonical_order_is_that_of_rfc_4034(void **state)
{
    (void)state;
    static const char *const order[] = {
        ".",           "example",         "a.example", "yljkjljk.a.example",
        "Z.a.example", "zABC.a.EXAMPLE",  "z.example", "\\001.z.example",
        "*.z.example", "\\200.z.example",
    };
    const size_t count = sizeof(order) / sizeof(order[0]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int found = name_compare(name_of(order[i]), name_of(order[j]));
            assert_int_equal((found > 0) - (found < 0), (i > j) - (i < j));
        }
}

static void labels_are_skipped_and_kept_in_place(void **state)
{
    (void)state;
    const uint8_t *name = name_of("a.b.example");
    assert_int_equal(name_labels(name), 3);
    assert_name(name_skip(name, 1), "b.example.");
    assert_name(name_skip(name, 3), ".");
    assert_name(name_skip(name, 9), ".");
    assert_name(name_suffix(name, 0), ".");
    assert_name(name_suffix(name, 2), "b.example.");
    assert_ptr_equal(name_suffix(name, 3), name);
}

static void an_ending_is_replaced_up_to_the_limit(void **state)
{
    (void)state;
    uint8_t out[NAME_MAX_WIRE];
    char text[NAME_TEXT_MAX];
    assert_int_equal(
        name_replace(name_of("a.b.Example"), name_of("example"), name_of("x.net"), out), OK);
    assert_name(out, "a.b.x.net.");
    assert_int_equal(name_replace(name_of("a.example"), name_of("example"), name_root, out), OK);
    assert_name(out, "a.");
    longest_name(text);
    const uint8_t *longest = name_of(text);
    const uint8_t *shorter = name_of(text + 2);
    assert_int_equal(name_replace(name_of("a.x"), name_of("x"), shorter, out), OK);
    assert_int_equal(name_size(out), 255);
    assert_int_equal(name_replace(name_of("ab.x"), name_of("x"), shorter, out), ERR_SPACE);
    assert_int_equal(name_replace(name_of("a.x"), name_of("x"), longest, out), ERR_SPACE);
}

static void a_label_goes_in_front_up_to_the_limit(void **state)
{
    (void)state;
    uint8_t out[NAME_MAX_WIRE];
    char text[NAME_TEXT_MAX];
    assert_int_equal(name_prepend((const uint8_t *)"\1*", name_of("example"), out), OK);
    assert_name(out, "*.example.");
    assert_int_equal(name_prepend((const uint8_t *)"\1a", out, out), OK);
    assert_name(out, "a.*.example.");
    longest_name(text);
    assert_int_equal(name_prepend((const uint8_t *)"\1a", name_of(text + 2), out), OK);
    assert_int_equal(name_prepend((const uint8_t *)"\2ab", name_of(text + 2), out), ERR_SPACE);
}

static enum err read_at(const uint8_t *bytes, size_t size, size_t offset, uint8_t *out, size_t *end)
{
    struct cursor c = cursor_of(bytes, size);
    c.at += offset;
    enum err e = name_read(&c, out);
    assert_true(c.failed == (e != OK));
    *end = cursor_offset(&c);
    return e;
}

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"

static void a_compressed_name_is_read_whole(void **state)
{
    (void)state;
    static const uint8_t bytes[] = HEADER "\7example\3com\0\3WWW\300\14\1a\300\31\300\37x";
    uint8_t out[NAME_MAX_WIRE];
    size_t end;
    assert_int_equal(read_at(bytes, sizeof(bytes), 25, out, &end), OK);
    assert_name(out, "WWW.example.com.");
    assert_int_equal(end, 31);
    assert_int_equal(read_at(bytes, sizeof(bytes), 31, out, &end), OK);
    assert_name(out, "a.WWW.example.com.");
    assert_int_equal(read_at(bytes, sizeof(bytes), 35, out, &end), OK);
    assert_name(out, "a.WWW.example.com.");
    assert_int_equal(end, 37);
    assert_int_equal(read_at(bytes, sizeof(bytes), 35, NULL, &end), OK);
    assert_int_equal(end, 37);
}

static void broken_compression_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        size_t offset;
    } cases[] = {
        {"", 0, 0},
        {"\1", 1, 0},
        {"\1a", 2, 0},
        {"\5abc", 4, 0},
        {"\300", 1, 0},
        {HEADER "\300\14", 14, 12},        /* at itself */
        {HEADER "\300\16\0", 15, 12},      /* forward */
        {HEADER "\1a\300\14", 16, 12},     /* a loop over a label */
        {HEADER "\300\16\300\14", 16, 14}, /* two that point at each other */
        {HEADER "\300\13", 14, 12},        /* into the header */
        {"\100a\0", 3, 0},                 /* label types 01 and 10 */
        {"\200a\0", 3, 0},
        {HEADER "\0\300\15", 15, 13},
    };
    uint8_t out[NAME_MAX_WIRE];
    size_t end;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            read_at((const uint8_t *)cases[i].bytes, cases[i].size, cases[i].offset, out, &end),
            ERR_FORMAT);
}

static void more_than_120_hops_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[12 + 2 * 200] = {0};
    uint8_t out[NAME_MAX_WIRE];
    size_t end;
    for (unsigned i = 1; i < 200; i++)
        store_u16(bytes + 12 + 2 * i, (uint16_t)(0xc000 | (12 + 2 * (i - 1))));
    assert_int_equal(read_at(bytes, sizeof(bytes), 12 + 240, out, &end), OK);
    assert_int_equal(end, 12 + 242);
    assert_int_equal(read_at(bytes, sizeof(bytes), 12 + 242, out, &end), ERR_FORMAT);
}

static void a_read_name_ends_at_255_octets(void **state)
{
    (void)state;
    uint8_t bytes[600] = {0};
    uint8_t out[NAME_MAX_WIRE];
    size_t end;
    for (unsigned i = 0; i < 127; i++)
        memcpy(bytes + 2 + 2 * i, "\1a", 2);
    assert_int_equal(read_at(bytes, sizeof(bytes), 2, out, &end), OK);
    assert_int_equal(name_size(out), 255);
    memcpy(bytes, "\1a", 2);
    assert_int_equal(read_at(bytes, sizeof(bytes), 0, out, &end), ERR_FORMAT);
    assert_int_equal(read_at(bytes, sizeof(bytes), 0, NULL, &end), ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_and_written_as_text),
        cmocka_unit_test(other_text_is_no_name),
        cmocka_unit_test(a_label_ends_at_63_and_a_name_at_255_octets),
        cmocka_unit_test(the_longest_text_fits_its_buffer),
        cmocka_unit_test(comparison_is_without_case_in_ascii_only),
        cmocka_unit_test(all_octets_fold_as_ascii),
        cmocka_unit_test(ancestry_is_by_whole_labels),
        cmocka_unit_test(canonical_order_is_that_of_rfc_4034),
        cmocka_unit_test(labels_are_skipped_and_kept_in_place),
        cmocka_unit_test(an_ending_is_replaced_up_to_the_limit),
        cmocka_unit_test(a_label_goes_in_front_up_to_the_limit),
        cmocka_unit_test(a_compressed_name_is_read_whole),
        cmocka_unit_test(broken_compression_is_refused),
        cmocka_unit_test(more_than_120_hops_are_refused),
        cmocka_unit_test(a_read_name_ends_at_255_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
