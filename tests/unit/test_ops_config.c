#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/name.h"
#include "ops/config.h"
#include "ops/config_schema.h"
#include "resolver/limits.h"

static struct config_report report;

static struct config *parse(const char *text)
{
    struct config *c = NULL;
    memset(&report, 0, sizeof report);
    if (config_parse(&c, "t.yaml", text, strlen(text), &report) != OK)
        fail_msg("refused: %s\n%s", report.lines[0], text);
    assert_int_equal(report.count, 0);
    return c;
}

/* Exactly one line is complained of, and this is it. */
static void refused(const char *text, const char *line)
{
    struct config *c = NULL;
    memset(&report, 0, sizeof report);
    if (config_parse(&c, "t.yaml", text, strlen(text), &report) == OK)
        fail_msg("taken: %s", text);
    if (strcmp(report.lines[0], line) != 0)
        fail_msg("\nsaid    %s\ninstead %s", report.lines[0], line);
    assert_int_equal(report.count, 1);
}

static char *printed(const struct config *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    config_print(to, c);
    fclose(to);
    return text;
}

static void add_key(void *ctx, const char *key, bool reload)
{
    char *keys = ctx;
    snprintf(keys + strlen(keys), 400 - strlen(keys), "%s%s ", key, reload ? "" : "!");
}

/* The options that differ, "!" behind those that need a restart. */
static const char *changes(const char *before, const char *after)
{
    static char keys[400];
    struct config *a = parse(before), *b = parse(after);
    keys[0] = '\0';
    config_changes(a, b, add_key, keys);
    config_free(a);
    config_free(b);
    return keys;
}

static void no_file_at_all_means_the_defaults(void **state)
{
    (void)state;
    struct config *c = NULL;
    char text[ADDR_TEXT_MAX];
    assert_int_equal(config_load(&c, NULL, &report), OK);
    assert_int_equal(c->server.listen.count, 2);
    assert_string_equal(endpoint_text(&c->server.listen.at[0], text), "127.0.0.1:53");
    assert_string_equal(endpoint_text(&c->server.listen.at[1], text), "[::1]:53");
    assert_true(c->cache.size == 100u << 20);
    assert_true(c->work.size == 128u << 20);
    assert_int_equal(c->cache.ttl_min, 0);
    assert_int_equal(c->cache.ttl_max, 86400);
    assert_int_equal(c->cache.negative_ttl_max, 3600);
    assert_int_equal(c->server.udp_payload, 1232);
    assert_true(c->resolver.qname_minimisation && c->resolver.case_randomisation);
    assert_true(c->upstream.ipv4 && c->upstream.ipv6 && !c->log.queries);
    assert_int_equal(c->log.level, 2);
    assert_string_equal(c->server.user, "");
    assert_int_equal(c->zones[ZONES_STUB].count, 0);
    assert_int_equal(c->zones[ZONES_FORWARD].count, 0);
    config_free(c);
}

static void the_default_access_list_is_that_of_policy(void **state)
{
    (void)state;
    struct config *c = parse("");
    assert_int_equal(c->access.allow.count, access_default_allow_count);
    for (size_t i = 0; i < access_default_allow_count; i++) {
        struct prefix p;
        assert_int_equal(prefix_parse(access_default_allow[i], &p), OK);
        assert_int_equal(c->access.allow.at[i].length, p.length);
        assert_true(address_equal(&c->access.allow.at[i].base, &p.base));
    }
    config_free(c);
}

static void nothing_but_blanks_means_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "---\n...\n",
        "cache:\n",
        "cache:\nserver:\nstub-zones:\nforward-zones:\n",
        "cache: {}\n",
        "cache: {size: }\n",
        "cache:\n  size:\n",
        "server:\n  listen:\n",
        "log: ''\n",
        "{}\n",
    };
    struct config *defaults = parse("");
    char *expected = printed(defaults);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *c = parse(texts[i]);
        char *text = printed(c);
        assert_string_equal(text, expected);
        free(text);
        config_free(c);
    }
    free(expected);
    config_free(defaults);
}

static void every_kind_of_value_arrives(void **state)
{
    (void)state;
    char name[NAME_TEXT_MAX], text[ADDR_TEXT_MAX];
    struct config *c =
        parse("server:\n"
              "  listen: [192.0.2.1@5300, '2001:db8::1']\n"
              "  user: nobody\n"
              "  udp-payload: 4096\n"
              "cache: {size: 2g, ttl-min: 5m}\n"
              "access:\n  drop:\n    - 192.0.2.0/24\n    - 2001:db8::/32\n"
              "upstream:\n  ipv6: off\n  do-not-query: []\n"
              "log: {level: debug, queries: true}\n"
              "stub-zones:\n"
              "  - name: corp.example\n    addresses: [192.0.2.7@5353, '2001:db8::7']\n"
              "  - {name: ., addresses: [192.0.2.8]}\n");
    assert_string_equal(endpoint_text(&c->server.listen.at[0], text), "192.0.2.1:5300");
    assert_string_equal(endpoint_text(&c->server.listen.at[1], text), "[2001:db8::1]:53");
    assert_string_equal(c->server.user, "nobody");
    assert_int_equal(c->server.udp_payload, 4096);
    assert_true(c->cache.size == 2ull << 30);
    assert_int_equal(c->cache.ttl_min, 300);
    assert_int_equal(c->access.drop.count, 2);
    assert_string_equal(prefix_text(&c->access.drop.at[1], text), "2001:db8::/32");
    assert_true(c->upstream.ipv4 && !c->upstream.ipv6);
    assert_int_equal(c->upstream.do_not_query.count, 0);
    assert_int_equal(c->log.level, 4);
    assert_true(c->log.queries);
    const struct config_zone_list *stubs = &c->zones[ZONES_STUB];
    assert_int_equal(stubs->count, 2);
    assert_string_equal(name_text(stubs->at[0].name, name), "corp.example.");
    assert_int_equal(stubs->at[0].servers.count, 2);
    assert_int_equal(stubs->at[0].servers.at[0].port, 5353);
    assert_string_equal(name_text(stubs->at[1].name, name), ".");
    assert_int_equal(c->zones[ZONES_FORWARD].count, 0);
    config_free(c);
}

static void a_forward_zone_says_whether_the_root_is_the_way_out(void **state)
{
    (void)state;
    char name[NAME_TEXT_MAX];
    struct config *c = parse("forward-zones:\n"
                             "  - name: .\n    addresses: ['2001:db8::7@5353', 192.0.2.7]\n"
                             "  - {name: a.example, addresses: [192.0.2.8], first: yes}\n"
                             "  - {name: b.example, addresses: [192.0.2.8], first: false}\n"
                             "  - {name: c.example, addresses: [192.0.2.8], first: }\n");
    const struct config_zone_list *l = &c->zones[ZONES_FORWARD];
    static const bool first[] = {false, true, false, false};
    assert_int_equal(l->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(l->at[i].first, first[i]);
    assert_string_equal(name_text(l->at[0].name, name), ".");
    assert_int_equal(l->at[0].servers.count, 2);
    assert_int_equal(l->at[0].servers.at[0].port, 5353);
    assert_int_equal(l->at[1].mark.line, 4);
    assert_int_equal(c->zones[ZONES_STUB].count, 0);
    config_free(c);
}

static void a_bad_number_is_named_with_its_line_and_column(void **state)
{
    (void)state;
    refused("cache:\n  size: 070\n",
            "t.yaml:2:9: cache.size: '070' is not a size: write it without a "
            "leading zero, e.g. 70");
    refused("server:\n  udp-payload: 100m\n",
            "t.yaml:2:16: server.udp-payload: '100m' is not a number: write digits only, e.g. 100");
    refused("server: {udp-payload: -1}\n",
            "t.yaml:1:23: server.udp-payload: '-1' is not a number: it "
            "cannot be negative, allowed is 512 to 4096");
    refused("server:\n\n    udp-payload:   511\n",
            "t.yaml:3:20: server.udp-payload: '511' is out of range: allowed is 512 to 4096");
    refused("cache:\n  ttl-max: 1y\n",
            "t.yaml:2:12: cache.ttl-max: '1y' is not a time: write seconds, or "
            "a number with s, m, h, d or w, e.g. 30s or 1d");
}

static void a_wrong_choice_is_told_the_choices(void **state)
{
    (void)state;
    refused("log:\n  level: loud\n",
            "t.yaml:2:10: log.level: 'loud' is none of the choices: write one of "
            "error warning notice info debug");
}

static void an_unknown_option_is_told_the_nearest(void **state)
{
    (void)state;
    refused("cahce:\n  size: 1g\n", "t.yaml:1:1: unknown section 'cahce': did you mean cache?");
    refused("cache:\n  sise: 1g\n", "t.yaml:2:3: unknown option 'sise': did you mean size?");
    refused("work:\n  colour: 1g\n", "t.yaml:2:3: unknown option 'colour': write one of size "
                                     "source-queries source-repeats held-answers");
    refused("stub-zones:\n  - nam: a\n    name: a\n    addresses: [192.0.2.1]\n",
            "t.yaml:2:5: unknown option 'nam': did you mean name?");
    refused("forward-zone:\n", "t.yaml:1:1: unknown section 'forward-zone': did you mean "
                               "forward-zones?");
    refused("stub-zones:\n  - {name: a, addresses: [192.0.2.1], first: true}\n",
            "t.yaml:2:39: unknown option 'first': write one of name addresses");
    refused("forward-zones:\n  - {name: a, addresses: [192.0.2.1], frist: true}\n",
            "t.yaml:2:39: unknown option 'frist': did you mean first?");
}

static void an_option_outside_its_section_is_told_where_it_belongs(void **state)
{
    (void)state;
    refused("listen: [127.0.0.1]\n", "t.yaml:1:1: 'listen' is no section: it belongs into the "
                                     "section server, indented below server:");
}

static void a_repeated_option_names_the_first(void **state)
{
    (void)state;
    refused("cache:\n  size: 1g\n  ttl-max: 1h\n  size: 2g\n",
            "t.yaml:4:9: cache.size is given twice, first in line 2: keep one");
    refused("cache:\n  size: 1g\nlog:\ncache:\n  ttl-max: 1h\n",
            "t.yaml:4:1: cache is given twice, first in line 1: keep one");
    refused("access:\n  allow: [10.0.0.0/8]\n  allow: [10.0.0.0/8]\n",
            "t.yaml:3:3: access.allow is given twice, first in line 2: keep one");
}

static void a_thing_of_the_wrong_shape_is_told_the_right_one(void **state)
{
    (void)state;
    refused("cache: 5\n",
            "t.yaml:1:8: cache: this is a section: write its options below it, indented, "
            "each with a colon");
    refused("server:\n  listen: 127.0.0.1\n",
            "t.yaml:2:11: server.listen: here belongs a list: write it as [one, another]");
    refused("cache:\n  size: [1g]\n",
            "t.yaml:2:9: cache.size: here belongs one value: write it without "
            "brackets, braces, dashes or colons");
    refused("stub-zones: corp.example\n", "t.yaml:1:13: stub-zones: here belongs a list of maps: "
                                          "write - name: example.com and below it "
                                          "addresses: [192.0.2.1]");
    refused("forward-zones: [192.0.2.1]\n",
            "t.yaml:1:17: forward-zones[0]: here belongs a list of maps: write - name: example.com "
            "and below it addresses: [192.0.2.1]");
    refused("forward-zones:\n  - {name: a, addresses: [192.0.2.1], first: [yes]}\n",
            "t.yaml:2:46: forward-zones[0].first: here belongs one value: write it without "
            "brackets, braces, dashes or colons");
    refused("- a\n", "t.yaml:1:1: the file is a map of sections: write e.g. cache: and below it, "
                     "indented, size: 100m");
    refused("server:\n  listen:\n    -\n",
            "t.yaml:3:6: server.listen[0] is empty: write something or "
            "remove it");
    refused("? [a, b]\n: c\n",
            "t.yaml:1:3: a key must be a plain word: look at brackets, braces and "
            "dashes here");
}

static void broken_yaml_is_named_with_its_line(void **state)
{
    (void)state;
    refused(
        "cache:\n  size: 1g\n ttl-min: 5\n",
        "t.yaml:3:2: not valid YAML (did not find expected key): look at indentation, quotes and "
        "colons here and just above");
    refused("cache: {size: 1g\n",
            "t.yaml:2:1: not valid YAML (did not find expected ',' or '}'): look at "
            "indentation, quotes and colons here and just above");
    refused("cache:\n\tsize: 1g\n",
            "t.yaml:2:1: not valid YAML (found character that cannot start any token): look at "
            "indentation, quotes and colons here and just above");
}

static void aliases_and_second_documents_are_refused(void **state)
{
    (void)state;
    refused("cache: {ttl-min: &a 5, ttl-max: *a}\n",
            "t.yaml:1:33: aliases are not taken here: write the value out instead of *a");
    refused("cache:\n---\ncache:\n",
            "t.yaml:2:1: a second document begins: keep one, remove the line ---");
}

static void an_address_that_is_none_is_named_with_its_place(void **state)
{
    (void)state;
    refused(
        "server:\n  listen: [127.0.0.1, localhost]\n",
        "t.yaml:2:23: server.listen[1]: 'localhost' is not an address: write one like 192.0.2.1, "
        "192.0.2.1@5300 or 2001:db8::1");
    refused(
        "access:\n  allow:\n    - 10.0.0.1/8\n",
        "t.yaml:3:7: access.allow[0]: '10.0.0.1/8' has bits set behind its length: clear them or "
        "lengthen it");
}

static void the_same_thing_twice_in_a_list_is_refused(void **state)
{
    (void)state;
    refused("server:\n  listen: [127.0.0.1, 127.0.0.1@53]\n",
            "t.yaml:2:23: server.listen: 127.0.0.1:53 is named twice: keep one");
    refused("dnssec:\n  negative-anchors: [a.example, b.example until 2030-01-01, A.Example.]\n",
            "t.yaml:2:61: dnssec.negative-anchors: A.Example. is named twice: keep one");
    refused("access:\n  allow: [10.0.0.0/8]\n  refuse: [192.0.2.0/24]\n  drop: [10.0.0.0/8]\n",
            "t.yaml:2:11: access.allow: 10.0.0.0/8 stands twice under access: keep one");
    refused("access:\n  refuse: [192.0.2.0/24]\n  allow-snoop: [10.0.0.0/8, 192.0.2.0/24]\n",
            "t.yaml:3:29: access.allow-snoop: 192.0.2.0/24 stands twice under access: keep one");
    refused("access:\n  allow-snoop: [10.0.0.0/8]\n  allow: [10.0.0.0/9, 10.0.0.0/8]\n",
            "t.yaml:3:23: access.allow: 10.0.0.0/8 stands twice under access: keep one");
    refused("stub-zones:\n  - {name: a.example, addresses: [192.0.2.1]}\n"
            "  - {name: A.Example., addresses: [192.0.2.2]}\n",
            "t.yaml:3:5: stub-zones: A.Example. is named twice: put all its addresses into one");
    refused("forward-zones:\n  - {name: a.example, addresses: [192.0.2.1]}\n"
            "  - {name: b.example, addresses: [192.0.2.1]}\n"
            "  - {name: a.example, addresses: [192.0.2.1], first: yes}\n",
            "t.yaml:4:5: forward-zones: a.example. is named twice: put all its addresses into one");
}

static void a_zone_is_stubbed_or_forwarded_but_not_both(void **state)
{
    (void)state;
    refused("forward-zones:\n  - {name: b.example, addresses: [192.0.2.1]}\n"
            "  - {name: A.example, addresses: [192.0.2.1]}\n"
            "stub-zones: [{name: a.example, addresses: [192.0.2.2]}]\n",
            "t.yaml:3:5: forward-zones: A.example. stands in stub-zones, too: keep it in one of "
            "them");
    config_free(parse("forward-zones: [{name: example, addresses: [192.0.2.1]}]\n"
                      "stub-zones: [{name: a.example, addresses: [192.0.2.2]}]\n"));
}

static enum access judged(const struct config *c, const char *client)
{
    struct access_list *list = NULL;
    struct endpoint e;
    size_t bad;
    assert_int_equal(config_access(c, &list, &bad), OK);
    assert_int_equal(endpoint_parse(client, 53, &e), OK);
    enum access access = access_judge(list, &e);
    access_list_free(list);
    return access;
}

static void a_network_of_the_default_may_be_refused_without_repeating_the_default(void **state)
{
    (void)state;
    struct config *c = parse("access: {drop: [10.0.0.0/8], refuse: ['::1'], allow-snoop: "
                             "[127.0.0.0/8, 192.168.1.1]}\n");
    assert_int_equal(judged(c, "10.1.2.3"), ACCESS_DROP);
    assert_int_equal(judged(c, "::1"), ACCESS_REFUSE);
    assert_int_equal(judged(c, "127.0.0.1"), ACCESS_SNOOP);
    assert_int_equal(judged(c, "192.168.1.1"), ACCESS_SNOOP);
    assert_int_equal(judged(c, "192.168.1.2"), ACCESS_ALLOW);
    config_free(c);
}

static void nobody_may_snoop_unless_it_is_said(void **state)
{
    (void)state;
    struct config *c = parse("");
    assert_int_equal(c->access.allow_snoop.count, 0);
    assert_int_equal(judged(c, "127.0.0.1"), ACCESS_ALLOW);
    config_free(c);
    c = parse("access: {allow-snoop: [198.51.100.0/24], allow: [], refuse: [198.51.100.8]}\n");
    assert_int_equal(judged(c, "198.51.100.7"), ACCESS_SNOOP);
    assert_int_equal(judged(c, "198.51.100.8"), ACCESS_REFUSE);
    assert_int_equal(judged(c, "198.51.101.7"), ACCESS_REFUSE);
    config_free(c);
}

static void values_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    refused("cache: {ttl-min: 30m, ttl-max: 1m}\n",
            "t.yaml:1:18: cache.ttl-min (30m) is above "
            "cache.ttl-max (1m): lower the one or raise the other");
    refused("upstream: {ipv4: no, ipv6: no}\n",
            "t.yaml:1:18: upstream: ipv4 and ipv6 are both off, no "
            "server could be asked: turn one on");
    refused("server: {listen: []}\n",
            "t.yaml:1:10: server.listen: no address at all: name one, e.g. [127.0.0.1]");
}

static void a_stub_zone_without_name_or_address_is_refused(void **state)
{
    (void)state;
    refused("stub-zones:\n  - addresses: [192.0.2.1]\n",
            "t.yaml:2:5: stub-zones[0]: has no name: write name: and the zone's, e.g. example.com");
    refused("stub-zones:\n  - name: a.example\n",
            "t.yaml:2:5: stub-zones[0]: has no addresses: write addresses: and the servers', e.g. "
            "[192.0.2.1]");
    refused("stub-zones:\n  - name: a..example\n    addresses: [192.0.2.1]\n",
            "t.yaml:2:11: stub-zones[0].name: 'a..example' is not a domain name: write one like "
            "example.com");
}

static void a_forward_zone_without_name_or_address_is_refused(void **state)
{
    (void)state;
    refused("forward-zones:\n  - addresses: [192.0.2.1]\n",
            "t.yaml:2:5: forward-zones[0]: has no name: write name: and the zone's, e.g. "
            "example.com");
    refused("forward-zones:\n  - name: a.example\n    addresses: []\n",
            "t.yaml:2:5: forward-zones[0]: has no addresses: write addresses: and the servers', "
            "e.g. [192.0.2.1]");
    refused(
        "forward-zones:\n  - name: a.example\n    addresses: [192.0.2.1, b..example]\n",
        "t.yaml:3:28: forward-zones[0].addresses[1]: 'b..example' is neither an address nor a host "
        "name: write one like 192.0.2.1, 192.0.2.1@5300, 2001:db8::1, dns.example.net, or system");
    refused("forward-zones:\n  - name: a.example\n    addresses: [192.0.2.300]\n",
            "t.yaml:3:17: forward-zones[0].addresses[0]: '192.0.2.300' is neither an address nor a "
            "host name: write one like 192.0.2.1, 192.0.2.1@5300, 2001:db8::1, dns.example.net, or "
            "system");
    refused("forward-zones:\n  - {name: a.example, addresses: [192.0.2.1], first: maybe}\n",
            "t.yaml:2:54: forward-zones[0].first: 'maybe' is neither yes nor no: write true or "
            "false");
}

/* Addresses, host names with and without a port, and the system's servers, in one list. */
static void servers_of_a_zone_may_be_named(void **state)
{
    (void)state;
    struct config *c = NULL;
    const char *text =
        "forward-zones:\n  - name: a.example\n    addresses: [192.0.2.1@54, dns.b.example, "
        "system, c.example.@5300]\nstub-zones:\n  - {name: b.example, addresses: [system]}\n";
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", text, strlen(text), &report), OK);
    const struct config_zone *z = &c->zones[ZONES_FORWARD].at[0];
    assert_true(z->system && z->servers.count == 1 && z->host_count == 2);
    assert_int_equal(z->servers.at[0].port, 54);
    assert_string_equal(z->hosts[0].name, "dns.b.example");
    assert_int_equal(z->hosts[0].port, 53);
    assert_int_equal(z->hosts[1].port, 5300);
    assert_int_equal(z->hosts[1].mark.column, 54);
    /* Of a stub zone `system` is a host like any other: the system's servers are no authorities. */
    assert_true(!c->zones[ZONES_STUB].at[0].system && c->zones[ZONES_STUB].at[0].host_count == 1);
    config_free(config_ref(c));
    config_free(c);
}

static void all_mistakes_are_told_at_once_up_to_ten(void **state)
{
    (void)state;
    struct config *c = NULL;
    const char *text = "cache: {size: 1x, ttl-min: -1, ttl-max: 070}\nlog: {level: loud}\n";
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", text, strlen(text), &report), ERR_FORMAT);
    assert_int_equal(report.count, 4);
    char many[600] = "cache:\n";
    for (int i = 0; i < 14; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "  wrong%d: 1\n", i);
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", many, strlen(many), &report), ERR_FORMAT);
    assert_int_equal(report.count, 14);
    assert_memory_equal(report.lines[9], "t.yaml:11:3: ", 13);
}

static void a_message_is_one_line_whatever_the_file_holds(void **state)
{
    (void)state;
    struct config *c = NULL;
    const char *text = "\"ca\\nche\\e\": 1\nlog: {level: \"a\\nb\"}\n";
    memset(&report, 0, sizeof report);
    assert_int_equal(config_parse(&c, "t.yaml", text, strlen(text), &report), ERR_FORMAT);
    for (size_t i = 0; i < report.count; i++)
        assert_null(strpbrk(report.lines[i], "\n\033"));
}

static void a_nul_octet_is_refused(void **state)
{
    (void)state;
    refused("server: {user: \"a\\0b\"}\n", "t.yaml:1:16: server.user holds a NUL octet: remove it");
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "server: {listen: [0.0.0.0@5300, '::', 'fe80::1%1@5300'], user: \"it's\", receive-buffer: "
        "0}\n",
        "access: {allow: [], allow-snoop: ['::1'], refuse: [10.1.0.0/16, '::/0'], drop: "
        "[0.0.0.0/0]}\n",
        "cache: {size: 1025k, ttl-min: 61, ttl-max: 2d, negative-ttl-max: 0}\nwork: {size: 3m}\n",
        "resolver: {root-hints: '/a b/#c: d.hints', special-zones: no}\nupstream: {ipv6: no}\n",
        "stub-zones:\n  - {name: 'it''s\\032\\.odd\\009.example', addresses: [192.0.2.1@5300, "
        "'::7']}\n",
        "forward-zones:\n  - {name: ., addresses: ['::7@5300'], first: true}\n"
        "  - {name: it''s.example, addresses: [192.0.2.1]}\nstub-zones: [{name: a, addresses: "
        "['::8']}]\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *c = parse(texts[i]);
        char *text = printed(c);
        struct config *again = parse(text);
        char keys[400] = "";
        config_changes(c, again, add_key, keys);
        assert_string_equal(keys, "");
        free(text);
        config_free(again);
        config_free(c);
    }
}

static void defaults_are_marked_in_print_and_given_values_are_not(void **state)
{
    (void)state;
    struct config *c = parse("cache: {size: 100m}\n");
    char *text = printed(c);
    assert_non_null(strstr(text, "\n  size: 100m\n"));
    assert_non_null(strstr(text, "\n  ttl-max: 1d  # default\n"));
    assert_non_null(strstr(text, "\nstub-zones: []  # default\n"));
    assert_non_null(strstr(text, "\nforward-zones: []  # default\n"));
    free(text);
    config_free(c);
}

static void only_what_differs_counts_as_changed(void **state)
{
    (void)state;
    assert_string_equal(changes("", "cache: {size: 100m, ttl-max: 24h}\n"), "");
    assert_string_equal(changes("", "cache: {size: 200m}\nlog: {level: debug}\n"),
                        "cache.size log.level ");
    assert_string_equal(changes("", "server: {listen: [127.0.0.1], user: nobody}\n"),
                        "server.listen! server.user! ");
    assert_string_equal(changes("access: {drop: [10.0.0.0/8]}\n", "access: {drop: [10.0.0.0/9]}\n"),
                        "access.drop ");
    assert_string_equal(changes("", "access: {allow-snoop: [10.0.0.0/9]}\n"),
                        "access.allow-snoop ");
    assert_string_equal(changes("stub-zones: [{name: a, addresses: [192.0.2.1]}]\n",
                                "stub-zones: [{name: a, addresses: [192.0.2.2]}]\n"),
                        "stub-zones ");
    assert_string_equal(changes("forward-zones: [{name: a, addresses: [192.0.2.1]}]\n",
                                "forward-zones: [{name: a, addresses: [192.0.2.1], first: no}]\n"),
                        "");
    assert_string_equal(changes("forward-zones: [{name: a, addresses: [192.0.2.1]}]\n",
                                "forward-zones: [{name: a, addresses: [192.0.2.1], first: on}]\n"),
                        "forward-zones ");
    assert_string_equal(changes("forward-zones: [{name: a, addresses: [192.0.2.1]}]\n",
                                "stub-zones: [{name: a, addresses: [192.0.2.1]}]\n"),
                        "stub-zones forward-zones ");
}

static void an_unreadable_file_is_named_with_the_reason(void **state)
{
    (void)state;
    struct config *c = NULL;
    memset(&report, 0, sizeof report);
    assert_int_equal(config_load(&c, "/nonexistent/n.yaml", &report), ERR_IO);
    assert_int_equal(report.count, 1);
    assert_non_null(strstr(report.lines[0],
                           "/nonexistent/n.yaml: cannot read the configuration: No such file"));
    memset(&report, 0, sizeof report);
    assert_int_equal(config_load(&c, "/", &report), ERR_IO);
    assert_non_null(strstr(report.lines[0], "Is a directory"));
}

static void a_long_access_list_is_read_in_no_time(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    char *text = malloc(64 + COUNT * 24);
    size_t n = (size_t)sprintf(text, "access:\n  refuse:\n");
    for (unsigned i = 0; i < COUNT; i++)
        n += (size_t)sprintf(text + n, "  - 8.%u.%u.0/24\n", i >> 8, i & 255);
    struct config *c = parse(text);
    assert_int_equal(c->access.refuse.count, COUNT);
    config_free(c);
    free(text);
}

static void the_sample_without_its_marks_is_the_default_configuration(void **state)
{
    (void)state;
    char *text = NULL, *bare;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    config_write_sample(to);
    fclose(to);
    struct config *c = parse(text); /* as shipped */
    config_free(c);
    bare = strdup(text);
    char *out = bare;
    for (const char *at = text; *at != '\0'; at++) /* "  #size: 100m" becomes "  size: 100m" */
        if (!(*at == '#' && at[1] != ' ' && at > text && at[-1] == ' '))
            *out++ = *at;
    *out = '\0';
    c = parse(bare);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (config__options[i].value[0] != '\0' && c->marks[i].line == 0)
            fail_msg("%s.%s is not in the sample", config__options[i].section,
                     config__options[i].key);
    for (size_t i = 0; i < ZONES_COUNT; i++)
        assert_int_equal(c->zones[i].count, 1);
    struct config *defaults = parse("");
    char keys[400] = "";
    config_changes(defaults, c, add_key, keys);
    assert_string_equal(keys, "stub-zones forward-zones ");
    config_free(defaults);
    config_free(c);
    free(bare);
    free(text);
}

/* The table of limits has them too. */
static void options_of_limits_begin_with_the_tables_values(void **state)
{
    (void)state;
    struct config *c = NULL;
    report = (struct config_report){0};
    assert_int_equal(config_load(&c, NULL, &report), OK);
    assert_int_equal(c->server.udp_payload, LIMIT_UDP_PAYLOAD);
    assert_int_equal(c->server.tcp_pipeline, LIMIT_TCP_PIPELINE);
    assert_int_equal(c->server.tcp_clients, LIMIT_TCP_CLIENTS);
    assert_int_equal(c->cache.ttl_max, LIMIT_TTL_MAX_S);
    assert_int_equal(c->cache.negative_ttl_max, LIMIT_NEGATIVE_TTL_MAX_S);
    assert_int_equal(c->work.source_queries, LIMIT_SOURCE_QUERIES);
    assert_int_equal(c->work.source_repeats, LIMIT_SOURCE_REPEATS);
    assert_int_equal(c->work.held_answers, LIMIT_HELD_ANSWERS);
    assert_int_equal(c->upstream.zone_queries, LIMIT_ZONE_FLOW);
    assert_int_equal(c->upstream.server_queries, LIMIT_SERVER_FLOW);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_limits_begin_with_the_tables_values),
        cmocka_unit_test(no_file_at_all_means_the_defaults),
        cmocka_unit_test(the_default_access_list_is_that_of_policy),
        cmocka_unit_test(nothing_but_blanks_means_the_defaults),
        cmocka_unit_test(every_kind_of_value_arrives),
        cmocka_unit_test(a_forward_zone_says_whether_the_root_is_the_way_out),
        cmocka_unit_test(a_bad_number_is_named_with_its_line_and_column),
        cmocka_unit_test(a_wrong_choice_is_told_the_choices),
        cmocka_unit_test(an_unknown_option_is_told_the_nearest),
        cmocka_unit_test(an_option_outside_its_section_is_told_where_it_belongs),
        cmocka_unit_test(a_repeated_option_names_the_first),
        cmocka_unit_test(a_thing_of_the_wrong_shape_is_told_the_right_one),
        cmocka_unit_test(broken_yaml_is_named_with_its_line),
        cmocka_unit_test(aliases_and_second_documents_are_refused),
        cmocka_unit_test(an_address_that_is_none_is_named_with_its_place),
        cmocka_unit_test(the_same_thing_twice_in_a_list_is_refused),
        cmocka_unit_test(a_zone_is_stubbed_or_forwarded_but_not_both),
        cmocka_unit_test(a_network_of_the_default_may_be_refused_without_repeating_the_default),
        cmocka_unit_test(nobody_may_snoop_unless_it_is_said),
        cmocka_unit_test(values_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_stub_zone_without_name_or_address_is_refused),
        cmocka_unit_test(a_forward_zone_without_name_or_address_is_refused),
        cmocka_unit_test(servers_of_a_zone_may_be_named),
        cmocka_unit_test(all_mistakes_are_told_at_once_up_to_ten),
        cmocka_unit_test(a_message_is_one_line_whatever_the_file_holds),
        cmocka_unit_test(a_nul_octet_is_refused),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(defaults_are_marked_in_print_and_given_values_are_not),
        cmocka_unit_test(only_what_differs_counts_as_changed),
        cmocka_unit_test(an_unreadable_file_is_named_with_the_reason),
        cmocka_unit_test(a_long_access_list_is_read_in_no_time),
        cmocka_unit_test(the_sample_without_its_marks_is_the_default_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
