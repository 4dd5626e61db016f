/* Zone files: what is read, how it is grouped, and where errors are said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/types.h"
#include "zones/loader.h"

struct fixture {
    struct arena arena;
    struct rrset_array sets;
    struct zone_error error;
    uint8_t origin[NAME_MAX_WIRE];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, NULL);
    assert_int_equal(name_from_text("example.com.", f->origin), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static enum err read_text(struct fixture *f, const char *text)
{
    return zone_read_text(&f->arena, text, strlen(text), f->origin, &f->sets, &f->error);
}

static const struct rrset *find(struct fixture *f, const char *owner, uint16_t type)
{
    uint8_t name[NAME_MAX_WIRE];
    assert_int_equal(name_from_text(owner, name), OK);
    for (size_t i = 0; i < f->sets.count; i++)
        if (f->sets.at[i]->type == type && name_equal(f->sets.at[i]->owner, name))
            return f->sets.at[i];
    return NULL;
}

static void records_of_one_owner_and_type_become_one_rrset(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "www 300 IN A 192.0.2.1\n"
                                  "mail 300 IN A 192.0.2.9\n"
                                  "WWW 200 IN A 192.0.2.2\n"
                                  "www 300 IN A 192.0.2.1\n"
                                  "www 60 IN TXT \"x\"\n"),
                     OK);
    assert_int_equal(f->sets.count, 3);
    const struct rrset *a = find(f, "www.example.com.", TYPE_A);
    assert_non_null(a);
    assert_int_equal(a->count, 2);
    assert_int_equal(a->expiry, 200);
    assert_int_equal(a->trust, TRUST_LOCAL);
    struct rrset_iter it = rrset_records(a);
    assert_true(rrset_next(&it));
    assert_memory_equal(it.rdata, "\300\0\2\1", 4);
    assert_true(rrset_next(&it));
    assert_memory_equal(it.rdata, "\300\0\2\2", 4);
    assert_non_null(find(f, "www.example.com.", TYPE_TXT));
}

static void directives_and_parentheses_are_understood(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "; a comment\n"
                                  "$TTL 1h\n"
                                  "@ IN SOA ns1 hostmaster ( ; begins here\n"
                                  "    1 3600\n"
                                  "    900 604800 300 )\n"
                                  "$ORIGIN sub.example.com.\n"
                                  "a IN A 192.0.2.1\n"
                                  "  IN AAAA 2001:db8::1\n"),
                     OK);
    const struct rrset *soa = find(f, "example.com.", TYPE_SOA);
    assert_non_null(soa);
    assert_int_equal(soa->expiry, 3600);
    assert_non_null(find(f, "a.sub.example.com.", TYPE_A));
    assert_non_null(find(f, "a.sub.example.com.", TYPE_AAAA));
}

static void what_one_entry_sets_holds_for_the_next(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "$ORIGIN sub\n"
                                  "$TTL 1h30m ; an hour and a half\n"
                                  "a TXT \"; no ( comment\" ) (\n"
                                  ")\n"
                                  "  ; nothing but a comment\n"
                                  "\tA 192.0.2.1\n"
                                  "$ttl 1w\n"
                                  "b 5 A 192.0.2.2\n"
                                  "c A 192.0.2.3\n"),
                     ERR_FORMAT);
    assert_int_equal(f->error.line, 3);
    assert_int_equal(read_text(f, "$ORIGIN sub\n"
                                  "$TTL 1h30m ; an hour and a half\n"
                                  "a TXT \"; no ( comment\" (\n"
                                  ")\n"
                                  "  ; nothing but a comment\n"
                                  "\tA 192.0.2.1\n"
                                  "$ttl 1w\n"
                                  "b 5 A 192.0.2.2\n"
                                  "c A 192.0.2.3\n"),
                     OK);
    assert_int_equal(find(f, "a.sub.example.com.", TYPE_TXT)->expiry, 5400);
    assert_int_equal(find(f, "a.sub.example.com.", TYPE_A)->expiry, 5400);
    assert_int_equal(find(f, "b.sub.example.com.", TYPE_A)->expiry, 5);
    assert_int_equal(find(f, "c.sub.example.com.", TYPE_A)->expiry, 604800);
}

static void broken_directives_are_refused(void **state)
{
    static const char *const texts[] = {
        "$TTL\n",
        "$TTL x\n",
        "$TTL 1h 2h\n",
        "$TTL 99999999999\n",
        "$TTL 2147483648\n",
        "$ORIGIN\n",
        "$ORIGIN a..b\n",
        "$ORIGIN a b\n",
        "$NOSUCH x\n",
        "$\n",
        "$INCLUDE /etc/passwd\n",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(read_text(f, texts[i]), ERR_FORMAT);
        assert_int_equal(f->error.line, 1);
    }
    assert_int_equal(
        zone_read_text(&f->arena, "a A 1.2.3.4\n\0", 13, f->origin, &f->sets, &f->error),
        ERR_FORMAT);
    assert_int_equal(f->error.line, 2);
}

static void odd_names_and_unknown_types_are_kept(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "a\\.b\\032c 60 IN TYPE65280 \\# 3 010203\n"), OK);
    assert_int_equal(f->sets.count, 1);
    assert_int_equal(f->sets.at[0]->type, 65280);
    assert_memory_equal(f->sets.at[0]->owner, "\5a.b c\7example\3com", 19);
    struct rrset_iter it = rrset_records(f->sets.at[0]);
    assert_true(rrset_next(&it));
    assert_int_equal(it.length, 3);
    assert_memory_equal(it.rdata, "\1\2\3", 3);
}

static void signatures_go_with_the_rrset_they_cover(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f,
                               "a 60 IN A 192.0.2.1\n"
                               "a 60 IN RRSIG A 13 3 60 20300101000000 20200101000000 1 @ AAAA\n"),
                     OK);
    assert_int_equal(f->sets.count, 1);
    assert_int_equal(f->sets.at[0]->count, 1);
    assert_int_equal(f->sets.at[0]->signatures, 1);
}

static void a_signature_that_covers_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f,
                               "a 60 IN TXT \"x\"\n"
                               "a 60 IN RRSIG A 13 3 60 20300101000000 20200101000000 1 @ AAAA\n"),
                     ERR_FORMAT);
    assert_int_equal(f->error.line, 2);
}

static void an_error_names_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"a 60 IN A 192.0.2.1\nb 60 IN A 192.0.2.256\n", 2},
        {"a 60 IN A 192.0.2.1\n\n; comment\nb 60 IN A\n", 4},
        {"a 60 CH TXT \"x\"\n", 1},
        {"a 60 IN NOSUCHTYPE x\n", 1},
        {"a 60 IN CERT 0 1 8 AAAA\n", 1},
        {"a 60 IN CERT 65536 1 8 AAAA\n", 1},
        {"a 60 IN CERT NOSUCH 1 8 AAAA\n", 1},
        {"a 60 IN CERT\n", 1},
        {"\n\na..b 60 IN A 192.0.2.1\n", 3},
        {"a 60 IN A 192.0.2.1\n$INCLUDE other.zone\n", 2},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(f, cases[i].text), ERR_FORMAT);
        assert_int_equal(f->error.line, cases[i].line);
        assert_true(strlen(f->error.text) > 0);
    }
}

static void an_empty_text_has_no_rrsets(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, ""), OK);
    assert_int_equal(f->sets.count, 0);
    assert_int_equal(read_text(f, "; nothing here"), OK);
    assert_int_equal(f->sets.count, 0);
}

static void a_last_line_without_newline_counts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "a 60 IN A 192.0.2.1"), OK);
    assert_int_equal(f->sets.count, 1);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(zone_read_file(&f->arena, "/nonexistent/zone", f->origin, &f->sets, &f->error),
                     ERR_IO);
    assert_int_equal(f->error.line, 0);
    assert_string_equal(f->error.text, "No such file or directory");
    assert_int_equal(zone_read_file(&f->arena, "/", f->origin, &f->sets, &f->error), ERR_IO);
    assert_true(strlen(f->error.text) > 0);
}

static void a_file_is_read_like_a_text(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/nuthatch-zone-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "a 60 IN A 192.0.2.1\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    enum err e = zone_read_file(&f->arena, path, f->origin, &f->sets, &f->error);
    unlink(path);
    assert_int_equal(e, OK);
    assert_int_equal(f->sets.count, 1);
}

static void running_out_of_memory_is_an_error_at_each_step(void **state)
{
    (void)state;
    struct gauge gauge = {.limit = SIZE_MAX};
    struct rrset_array sets;
    struct zone_error error;
    char text[8192] = "";
    size_t size = 0;
    for (int i = 0; i < 100; i++)
        size +=
            (size_t)snprintf(text + size, sizeof(text) - size, "n%d 60 IN TXT \"%060d\"\n", i, i);
    enum err e = ERR_NOMEM;
    unsigned failures = 0;
    for (size_t n = 1; n < 1000 && e == ERR_NOMEM; n++) {
        struct arena arena;
        gauge.used = 0;
        gauge.fail_after = n;
        arena_init(&arena, &gauge);
        e = zone_read_text(&arena, text, size, name_root, &sets, &error);
        failures += e == ERR_NOMEM;
        arena_deinit(&arena);
        assert_int_equal(gauge.used, 0);
    }
    assert_int_equal(e, OK);
    assert_true(failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_of_one_owner_and_type_become_one_rrset, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(directives_and_parentheses_are_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(what_one_entry_sets_holds_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_directives_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_names_and_unknown_types_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(signatures_go_with_the_rrset_they_cover, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signature_that_covers_nothing_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_error_names_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_text_has_no_rrsets, setup, teardown),
        cmocka_unit_test_setup_teardown(a_last_line_without_newline_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_read_like_a_text, setup, teardown),
        cmocka_unit_test(running_out_of_memory_is_an_error_at_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
