/* Root hints: the compiled-in ones and those of a file. */
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
#include "zones/hints.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static enum err load_text(const char *text, struct delegation **out, struct zone_error *error)
{
    char path[] = "/tmp/nuthatch-hints-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    enum err e = hints_load(&arena, path, out, error);
    unlink(path);
    return e;
}

static void the_compiled_in_hints_name_thirteen_servers_with_both_addresses(void **state)
{
    (void)state;
    struct delegation *d;
    struct zone_error error;
    assert_int_equal(hints_load(&arena, NULL, &d, &error), OK);
    assert_true(name_equal(d->zone, name_root));
    assert_int_equal(d->expiry, UINT32_MAX);
    assert_int_equal(d->ns_count, 13);
    assert_int_equal(d->address_count, 26);
    unsigned v4 = 0, v6 = 0, of_first = 0;
    for (unsigned i = 0; i < d->address_count; i++) {
        v4 += d->address[i].at.family == 4;
        v6 += d->address[i].at.family == 6;
        of_first += d->address[i].ns == 0;
        assert_int_equal(d->address[i].at.port, 53);
    }
    assert_int_equal(v4, 13);
    assert_int_equal(v6, 13);
    assert_int_equal(of_first, 2);
    char text[NAME_TEXT_MAX], address[ADDR_TEXT_MAX];
    assert_string_equal(name_text(d->ns[0], text), "A.ROOT-SERVERS.NET.");
    assert_string_equal(address_text(&d->address[0].at, address), "198.41.0.4");
}

static void hints_of_a_file_replace_the_compiled_in_ones(void **state)
{
    (void)state;
    struct delegation *d;
    struct zone_error error;
    assert_int_equal(load_text(". 60 NS a.example.\n"
                               ". 60 NS b.example.\n"
                               "b.example. 60 A 192.0.2.2\n"
                               "stranger.example. 60 A 192.0.2.3\n",
                               &d, &error),
                     OK);
    assert_int_equal(d->ns_count, 2);
    assert_int_equal(d->address_count, 1);
    assert_int_equal(d->address[0].ns, 1);
}

static void one_server_gives_no_more_than_four_addresses(void **state)
{
    (void)state;
    struct delegation *d;
    struct zone_error error;
    assert_int_equal(load_text(". 60 NS a.example.\n. 60 NS b.example.\n"
                               "a.example. 60 A 192.0.2.1\na.example. 60 A 192.0.2.2\n"
                               "a.example. 60 A 192.0.2.3\na.example. 60 AAAA 2001:db8::1\n"
                               "a.example. 60 AAAA 2001:db8::2\nb.example. 60 A 192.0.2.9\n",
                               &d, &error),
                     OK);
    assert_int_equal(d->address_count, DELEGATION_ADDRESS_PER_NS + 1);
}

static void more_than_thirteen_servers_are_cut(void **state)
{
    (void)state;
    char text[4096] = "";
    size_t size = 0;
    for (int i = 0; i < 20; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 ". 60 NS n%d.example.\nn%d.example. 60 A 192.0.2.%d\n", i, i, i);
    struct delegation *d;
    struct zone_error error;
    assert_int_equal(load_text(text, &d, &error), OK);
    assert_int_equal(d->ns_count, DELEGATION_NS_MAX);
    assert_int_equal(d->address_count, DELEGATION_NS_MAX);
}

static void hints_without_a_root_server_or_without_address_are_refused(void **state)
{
    (void)state;
    struct delegation *d;
    struct zone_error error;
    assert_int_equal(load_text("com. 60 NS a.example.\na.example. 60 A 192.0.2.1\n", &d, &error),
                     ERR_FORMAT);
    assert_string_equal(error.text, "no NS record of the root");
    assert_int_equal(load_text(". 60 NS a.example.\nb.example. 60 A 192.0.2.1\n", &d, &error),
                     ERR_FORMAT);
    assert_string_equal(error.text, "no address of any of the root's name servers");
    assert_int_equal(load_text("", &d, &error), ERR_FORMAT);
    assert_int_equal(hints_load(&arena, "/nonexistent/hints", &d, &error), ERR_IO);
    assert_int_equal(load_text(". 60 NS a.example.\n. 60 NS\n", &d, &error), ERR_FORMAT);
    assert_int_equal(error.line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_compiled_in_hints_name_thirteen_servers_with_both_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(hints_of_a_file_replace_the_compiled_in_ones, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_server_gives_no_more_than_four_addresses, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_than_thirteen_servers_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(hints_without_a_root_server_or_without_address_are_refused,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
