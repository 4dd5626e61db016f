#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/name.h"
#include "ops/generation.h"
#include "ops/identity.h"
#include "ops/own.h"

static struct config_report report;

/* The generation of a configuration text; NULL when it was refused. */
static struct generation *make(const char *text)
{
    struct config *c = NULL;
    struct generation *g = NULL;
    memset(&report, 0, sizeof report);
    if (config_parse(&c, "t.yaml", text, strlen(text), &report) != OK)
        fail_msg("%s", report.lines[0]);
    if (generation_new(&g, c, &c->server.listen, NULL, &report) == OK)
        return g;
    config_free(c);
    return NULL;
}

static void the_default_generation_has_the_root_and_its_addresses(void **state)
{
    (void)state;
    struct generation *g = make("");
    assert_non_null(g);
    assert_true(name_equal(g->options.hints->zone, name_root));
    assert_int_equal(g->options.hints->ns_count, 13);
    assert_int_equal(g->options.hints->address_count, 26);
    assert_true(g->options.prime && g->options.minimise && g->options.randomise_case);
    assert_true(g->options.use_ipv4 && g->options.use_ipv6);
    assert_non_null(g->options.special);
    assert_int_equal(g->options.stub_count, 0);
    generation_free(g);
}

static void negative_anchors_reach_the_resolver_with_their_day(void **state)
{
    (void)state;
    struct generation *g =
        make("dnssec: {negative-anchors: [broken.example, old.example until 2027-01-31]}\n");
    assert_non_null(g);
    uint8_t name[NAME_MAX_WIRE];
    const uint32_t day = 1801353600; /* date -u -d 2027-01-31 +%s */
    assert_int_equal(name_from_text("www.broken.example.", name), OK);
    assert_null(anchors_find(&g->options.anchors, name, UINT32_MAX)->ds);
    assert_int_equal(name_from_text("www.old.example.", name), OK);
    assert_null(anchors_find(&g->options.anchors, name, day - 1)->ds);
    assert_non_null(anchors_find(&g->options.anchors, name, day)->ds);
    generation_free(g);
}

static void refused(const char *text, const char *line)
{
    struct config *c = NULL;
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", text, strlen(text), &report), ERR_FORMAT);
    assert_non_null(strstr(report.lines[0], line));
}

static void a_negative_anchor_that_is_none_is_refused_with_its_place(void **state)
{
    (void)state;
    refused("dnssec:\n  negative-anchors: [good.example, a..b]\n", "t.yaml:2:36: ");
    refused("dnssec: {negative-anchors: [a.example until soon]}\n", "is not a date");
    refused("dnssec: {negative-anchors: [a.example 2027-01-31]}\n", "is not a date");
    refused("dnssec: {negative-anchors: [a.example until 2027-02-31x]}\n", "is not a date");
    refused("dnssec: {negative-anchors: [a.example until 1960-01-01]}\n", "is not a date");
}

static void every_option_of_resolution_reaches_the_resolver(void **state)
{
    (void)state;
    struct generation *g =
        make("resolver: {qname-minimisation: no, case-randomisation: no, special-zones: no}\n"
             "upstream: {ipv6: no, do-not-query: [192.0.2.0/24]}\n"
             "cache: {ttl-min: 7, ttl-max: 99, negative-ttl-max: 55}\n"
             "stub-zones: [{name: corp.example, addresses: [192.0.2.9@5300]}]\n");
    assert_non_null(g);
    assert_false(g->options.minimise || g->options.randomise_case || g->options.use_ipv6);
    assert_true(g->options.use_ipv4);
    assert_null(g->options.special);
    assert_int_equal(g->options.ttl_min, 7);
    assert_int_equal(g->options.ttl_max, 99);
    assert_int_equal(g->options.negative_ttl_max, 55);
    assert_int_equal(g->options.do_not_query.count, 1);
    assert_int_equal(g->options.stub_count, 1);
    assert_int_equal(g->options.stubs[0].servers[0].port, 5300);
    assert_false(g->options.stubs[0].prime || g->options.stubs[0].forward);
    generation_free(g);
}

static void stub_and_forward_zones_reach_the_resolver_as_what_they_are(void **state)
{
    (void)state;
    char name[NAME_TEXT_MAX];
    struct generation *g =
        make("forward-zones:\n  - {name: ., addresses: [192.0.2.1, '2001:db8::1@5300']}\n"
             "  - {name: b.example, addresses: [192.0.2.2], first: true}\n"
             "stub-zones: [{name: a.example, addresses: [192.0.2.9]}]\n");
    static const struct {
        const char *name;
        size_t servers;
        bool forward, first;
    } zones[] = {
        {"a.example.", 1, false, false}, {".", 2, true, false}, {"b.example.", 1, true, true}};
    assert_non_null(g);
    assert_int_equal(g->options.stub_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct stub_zone *zone = &g->options.stubs[i];
        assert_string_equal(name_text(zone->name, name), zones[i].name);
        assert_int_equal(zone->server_count, zones[i].servers);
        assert_int_equal(zone->forward, zones[i].forward);
        assert_int_equal(zone->first, zones[i].first);
        assert_false(zone->prime);
    }
    assert_int_equal(g->options.stubs[1].servers[1].port, 5300);
    generation_free(g);
}

static void nothing_is_forwarded_to_ourselves(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *server;
        bool taken;
    } cases[] = {
        {"192.0.2.53", "192.0.2.53", false},
        {"192.0.2.53@5300", "192.0.2.53@5300", false},
        {"192.0.2.53@5300", "192.0.2.53", false}, /* the core asks no address of ours at 53 */
        {"192.0.2.53@5300", "192.0.2.53@5301", true},
        {"192.0.2.53@5300", "192.0.2.54@5300", true},
        {"'2001:db8::53@5300'", "'2001:db8::53@5300'", false},
        {"0.0.0.0@5300", "127.0.0.1@5300", false},
        {"0.0.0.0@5300", "127.0.0.9@5300", false},
        {"0.0.0.0@5300", "127.0.0.53", true},
        {"0.0.0.0@5300", "127.0.0.1@5301", true},
        {"0.0.0.0@5300", "'::1@5300'", true},
        {"'::@5300'", "127.0.0.9@5300", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "server: {listen: [%s]}\nforward-zones: [{name: a, addresses: [%s]}]\n",
                 cases[i].listen, cases[i].server);
        struct generation *g = make(text);
        if (!g == cases[i].taken)
            fail_msg("%s%s", text, report.lines[0]);
        generation_free(g);
    }
}

static void each_server_that_is_ourselves_is_named(void **state)
{
    (void)state;
    assert_null(make("server: {listen: [192.0.2.53@5300, '2001:db8::53']}\nforward-zones:\n"
                     "  - {name: a.example, addresses: [192.0.2.1]}\n"
                     "  - name: B.example\n"
                     "    addresses: [192.0.2.2, '2001:db8::53', 192.0.2.53@5300]\n"));
    assert_int_equal(report.count, 2);
    assert_string_equal(report.lines[0],
                        "t.yaml:4:5: forward-zones: B.example.: [2001:db8::53]:53 is an address we "
                        "listen on, which is never asked: name another server");
    assert_string_equal(report.lines[1],
                        "t.yaml:4:5: forward-zones: B.example.: 192.0.2.53:5300 is an address we "
                        "listen on, which is never asked: name another server");
}

static void the_addresses_we_listen_on_are_our_own(void **state)
{
    (void)state;
    struct endpoint e;
    struct generation *g = make("server: {listen: [192.0.2.53@5300, '2001:db8::53']}\n");
    assert_non_null(g);
    assert_int_equal(endpoint_parse("192.0.2.53", 53, &e), OK);
    assert_true(prefix_list_covers(&g->options.own, &e));
    assert_int_equal(endpoint_parse("2001:db8::53", 53, &e), OK);
    assert_true(prefix_list_covers(&g->options.own, &e));
    assert_int_equal(endpoint_parse("2001:db8::54", 53, &e), OK);
    assert_false(prefix_list_covers(&g->options.own, &e));
    generation_free(g);
}

static void a_wildcard_makes_the_addresses_of_the_machine_our_own(void **state)
{
    (void)state;
    struct endpoint e;
    struct generation *g = make("server: {listen: [0.0.0.0]}\n");
    assert_non_null(g);
    assert_int_equal(endpoint_parse("127.0.0.1", 53, &e), OK);
    assert_true(prefix_list_covers(&g->options.own, &e));
    assert_int_equal(endpoint_parse("::1", 53, &e), OK);
    assert_false(prefix_list_covers(&g->options.own, &e));
    generation_free(g);
}

static void an_unreadable_hints_file_is_told_with_place_and_reason(void **state)
{
    (void)state;
    assert_null(make("resolver:\n  root-hints: /nonexistent/root.hints\n"));
    assert_int_equal(report.count, 1);
    assert_memory_equal(report.lines[0],
                        "t.yaml:2:15: resolver.root-hints: /nonexistent/root.hints: ", 58);
    assert_non_null(strstr(report.lines[0], "No such file"));
    assert_non_null(strstr(report.lines[0], "name a readable zone file"));
}

static void a_hints_file_without_a_root_server_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/hints-XXXXXX", text[100];
    static const char zone[] = "example. 3600 NS a.example.\n";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zone, sizeof zone - 1), sizeof zone - 1);
    close(fd);
    snprintf(text, sizeof text, "resolver:\n  root-hints: %s\n", path);
    assert_null(make(text));
    unlink(path);
    assert_int_equal(report.count, 1);
    assert_memory_equal(report.lines[0], "t.yaml:2:15: resolver.root-hints: ", 34);
}

static void a_user_who_does_not_exist_is_told(void **state)
{
    (void)state;
    assert_null(make("server: {user: no-such-user-here}\n"));
    assert_string_equal(
        report.lines[0],
        "t.yaml:1:16: server.user: there is no user 'no-such-user-here': create it or name "
        "another, or remove the option");
}

static void no_user_means_to_stay(void **state)
{
    (void)state;
    char why[IDENTITY_WHY_MAX];
    uid_t before = geteuid();
    assert_int_equal(identity_check("", why), OK);
    assert_int_equal(identity_become("", why), OK);
    assert_int_equal(geteuid(), before);
}

static void cookie_secret_is_what_the_file_says(void **state)
{
    (void)state;
    struct generation *g = make("cookies: {secret: E5e973e5a6b2a43f48e7dc849e37bfcf}\n");
    assert_non_null(g);
    assert_int_equal(g->cookies.count, 1);
    assert_memory_equal(g->cookies.at[0], "\xe5\xe9\x73\xe5\xa6\xb2\xa4\x3f", 8);
    assert_true(g->options.cookies);
    generation_free(g);
    assert_null(make("cookies: {secret: e5e973e5a6b2a43f48e7dc849e37bf}\n"));
    assert_non_null(strstr(report.lines[0], "cookies.secret"));
}

static void cookie_secrets_are_read_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/nuthatch-secret-XXXXXX", text[120];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char lines[] = "# in use\n00112233445566778899aabbccddeeff\n\n"
                                " ffeeddccbbaa99887766554433221100 \n";
    assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
    snprintf(text, sizeof text, "cookies: {secret-file: %s}\n", path);
    struct generation *g = make(text);
    assert_non_null(g);
    assert_int_equal(g->cookies.count, 2);
    assert_int_equal(g->cookies.at[0][1], 0x11);
    assert_int_equal(g->cookies.at[1][0], 0xff);
    generation_free(g);
    assert_int_equal(write(fd, "00112233445566778899aabbccddeeff\n", 33), 33);
    assert_null(make(text)); /* a third */
    assert_non_null(strstr(report.lines[0], "line 5"));
    close(fd);
    unlink(path);
    assert_null(make(text));
    assert_non_null(strstr(report.lines[0], "cookies.secret-file"));
}

static void cookie_secret_is_drawn_when_none_is_set(void **state)
{
    (void)state;
    struct generation *a = make(""), *b = make("");
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->cookies.count, 1);
    assert_memory_not_equal(a->cookies.at[0], b->cookies.at[0], COOKIE_SECRET);
    assert_memory_not_equal(a->options.cookie_secret, b->options.cookie_secret, COOKIE_SECRET);
    generation_free(a);
    generation_free(b);
}

static void the_secret_before_a_reload_is_still_accepted(void **state)
{
    (void)state;
    struct generation *a = make(""), *b = make(""), *c = make("cookies: {upstream: no}\n");
    assert_true(a && b && c);
    generation_follow(b, a);
    assert_int_equal(b->cookies.count, 2);
    assert_memory_equal(b->cookies.at[1], a->cookies.at[0], COOKIE_SECRET);
    assert_memory_equal(b->options.cookie_secret, a->options.cookie_secret, COOKIE_SECRET);
    c->cookies = b->cookies;
    c->cookies.count = 1;
    generation_follow(c, b); /* the same again */
    assert_int_equal(c->cookies.count, 1);
    assert_false(c->options.cookies);
    generation_free(a);
    generation_free(b);
    generation_free(c);
}

static void cookie_secret_in_two_places_is_refused(void **state)
{
    (void)state;
    struct config *c = NULL;
    static const char text[] =
        "cookies: {secret: 00112233445566778899aabbccddeeff, secret-file: /etc/x}\n";
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", text, sizeof text - 1, &report), ERR_FORMAT);
    assert_non_null(strstr(report.lines[0], "keep one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookie_secret_is_what_the_file_says),
        cmocka_unit_test(cookie_secrets_are_read_from_a_file),
        cmocka_unit_test(cookie_secret_is_drawn_when_none_is_set),
        cmocka_unit_test(the_secret_before_a_reload_is_still_accepted),
        cmocka_unit_test(cookie_secret_in_two_places_is_refused),
        cmocka_unit_test(the_default_generation_has_the_root_and_its_addresses),
        cmocka_unit_test(negative_anchors_reach_the_resolver_with_their_day),
        cmocka_unit_test(a_negative_anchor_that_is_none_is_refused_with_its_place),
        cmocka_unit_test(every_option_of_resolution_reaches_the_resolver),
        cmocka_unit_test(stub_and_forward_zones_reach_the_resolver_as_what_they_are),
        cmocka_unit_test(nothing_is_forwarded_to_ourselves),
        cmocka_unit_test(each_server_that_is_ourselves_is_named),
        cmocka_unit_test(the_addresses_we_listen_on_are_our_own),
        cmocka_unit_test(a_wildcard_makes_the_addresses_of_the_machine_our_own),
        cmocka_unit_test(an_unreadable_hints_file_is_told_with_place_and_reason),
        cmocka_unit_test(a_hints_file_without_a_root_server_is_refused),
        cmocka_unit_test(a_user_who_does_not_exist_is_told),
        cmocka_unit_test(no_user_means_to_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
