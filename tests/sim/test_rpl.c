/* Reading, matching, building and expressions of replay files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/rpl.h"
#include "tests/sim/rpl_config.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct rpl_file *parse(const char *text)
{
    struct rpl_file *f = NULL;
    struct rpl_error error;
    if (rpl_parse(&arena, text, strlen(text), &f, &error) != OK)
        fail_msg("line %u: %s", error.line, error.text);
    return f;
}

/* One entry, as a range of its own, so that rpl_find_entry finds it too. */
static struct rpl_file *parse_entry(const char *body)
{
    char text[4096];
    snprintf(text, sizeof text,
             "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 5 10\nADDRESS 192.0.2.1\nENTRY_BEGIN\n%s\n"
             "ENTRY_END\nRANGE_END\nSCENARIO_END\n",
             body);
    return parse(text);
}

static struct rpl_entry *entry(const char *body)
{
    return parse_entry(body)->ranges->entries;
}

/* The message that the text of an entry describes, through the wire. */
static struct rpl_message message(const char *body)
{
    struct rpl_bytes bytes;
    struct rpl_message m;
    char error[RPL_ERROR_MAX];
    assert_int_equal(rpl_build_query(&arena, entry(body), 77, &bytes), OK);
    if (rpl_message_read(&arena, bytes.at, bytes.size, &m, error) != OK)
        fail_msg("%s", error);
    return m;
}

#define WWW "SECTION QUESTION\nwww.example.com. A\n"

static bool matches(const char *want, const char *got)
{
    struct rpl_message m = message(got);
    return rpl_match(entry(want), &m, NULL);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void config_lines_keep_section_quotes_and_no_comment(void **state)
{
    (void)state;
    struct rpl_file *f = parse("; nothing\nserver: \n\ttarget-fetch-policy: \"0 0 0\"  # why\n"
                               "forward-zone: name: \".\" forward-addr: 192.0.2.1\n"
                               "access-control: ::1/128 allow\n"
                               "CONFIG_END\nscenario_begin t\nscenario_end\n");
    const struct rpl_config_line *l = f->config;
    assert_true(l->opens);
    l = l->next;
    assert_string_equal(l->section, "server");
    assert_string_equal(l->value, "0 0 0");
    l = l->next;
    assert_true(l->opens);
    assert_string_equal(l->key, "forward-zone");
    l = l->next;
    assert_string_equal(l->key, "name");
    assert_string_equal(l->value, ".");
    assert_string_equal(l->next->value, "192.0.2.1");
    assert_string_equal(l->next->next->value, "::1/128 allow");
    assert_null(l->next->next->next);
}

static void blocks_with_files_are_settings_of_their_name_and_lines(void **state)
{
    (void)state;
    struct rpl_file *f = parse("AUTOTRUST_FILE example.com\n; anything: at all\nAUTOTRUST_END\n"
                               "CONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n");
    assert_string_equal(f->config->key, "AUTOTRUST_FILE");
    assert_string_equal(f->config->next->key, "BLOCK");
    assert_string_equal(f->config->next->value, "; anything: at all\n");
    assert_null(f->config->next->next);
}

static void steps_of_every_kind_are_read(void **state)
{
    (void)state;
    struct rpl_file *f = parse(
        "CONFIG_END\nSCENARIO_BEGIN all of them\n"
        "STEP 1 QUERY ADDRESS 192.0.2.9\nENTRY_BEGIN\nENTRY_END\n"
        "STEP 2 CHECK_ANSWER\nENTRY_BEGIN\nENTRY_END\nSTEP 3 CHECK_OUT_QUERY\nADDRESS 192.0.2.1\n"
        "ENTRY_BEGIN\nENTRY_END\nSTEP 4 REPLY\nENTRY_BEGIN\nENTRY_END\nSTEP 5 TIMEOUT\n"
        "STEP 6 ERROR\nSTEP 7 TIME_PASSES ELAPSE 0.5 ; half\nSTEP 8 TIME_PASSES EVAL ${1 + 1}\n"
        "STEP 9 NOTHING\nSTEP 10 TRAFFIC\nSTEP 11 ASSIGN a = ${time}\n"
        "STEP 12 FLUSH_MESSAGE www.example.com. A IN\nSTEP 13 EXPIRE_MESSAGE . NS IN\n"
        "STEP 14 INFRA_RTT 192.0.2.1 example.com. 50\n"
        "STEP 15 CHECK_AUTOTRUST id\nFILE_BEGIN\n  a ; b\nFILE_END\nSCENARIO_END\n");
    unsigned number = 0;
    for (const struct rpl_step *s = f->steps; s; s = s->next) {
        assert_int_equal(s->number, ++number);
        if (number == 3)
            assert_true(s->has_address);
        if (number == 7)
            assert_string_equal(s->expression, "0.5");
        if (number == 15)
            assert_string_equal(s->contents, "  a ; b\n");
    }
    assert_int_equal(number, 15);
}

static void fault_after_the_configuration_leaves_it_readable(void **state)
{
    (void)state;
    struct rpl_file *f = NULL;
    struct rpl_error error;
    const char *text = "do-ip6: no\nCONFIG_END\nSCENARIO_BEGIN t\nSTEP x\n";
    assert_int_equal(rpl_parse(&arena, text, strlen(text), &f, &error), ERR_FORMAT);
    assert_int_equal(error.line, 4);
    assert_non_null(f);
    assert_string_equal(f->config->key, "do-ip6");
}

static void records_of_other_classes_and_without_signature_are_read(void **state)
{
    (void)state;
    struct rpl_entry *e = entry("SECTION ANSWER\nversion.bind. 0 CH TXT \"a ; b\"\n"
                                "x. ANY TXT y\n"
                                "a. RRSIG A 7 1 3600 20150420235959 20051021000000 12708 a.\n");
    const struct rpl_rr *rr = e->packet.section[RPL_ANSWER];
    assert_int_equal(rr->class, CLASS_CH);
    assert_memory_equal(rr->rdata, "\005a ; b", 6);
    assert_int_equal(rr->next->class, CLASS_ANY);
    assert_int_equal(rr->next->next->length, 18 + 3);
}

static void match_and_reply_may_stand_anywhere_and_add_up(void **state)
{
    (void)state;
    struct rpl_entry *e = entry("SECTION QUESTION\nREPLY QR\nMATCH opcode ede=22 serial=7\n"
                                "www.example.com. A\nREPLY AA NXDOMAIN\nMATCH ttl");
    assert_true(e->match & MATCH_OPCODE && e->match & MATCH_TTL && e->match & MATCH_EDE);
    assert_int_equal(e->ede, 22);
    assert_int_equal(e->serial, 7);
    assert_int_equal(e->packet.flags, FLAG_QR | FLAG_AA);
    assert_int_equal(e->packet.rcode, RCODE_NXDOMAIN);
    assert_non_null(e->packet.question.name);
}

/* ---- matching -------------------------------------------------------------------------------- */

static void no_match_line_matches_everything(void **state)
{
    (void)state;
    assert_true(matches(WWW, "REPLY QR NXDOMAIN\nSECTION QUESTION\nother. NS\n"));
}

static void question_is_compared_as_the_words_say(void **state)
{
    (void)state;
    assert_true(matches("MATCH question\n" WWW, "SECTION QUESTION\nWWW.example.COM. A\n"));
    assert_false(matches("MATCH qname qcase\n" WWW, "SECTION QUESTION\nWWW.example.COM. A\n"));
    assert_false(matches("MATCH qtype\n" WWW, "SECTION QUESTION\nwww.example.com. AAAA\n"));
    assert_true(matches("MATCH subdomain\n" WWW, "SECTION QUESTION\na.www.example.com. NS\n"));
    assert_false(matches("MATCH subdomain\n" WWW, "SECTION QUESTION\nexample.com. A\n"));
}

static void header_is_compared_as_the_words_say(void **state)
{
    (void)state;
    assert_false(matches("MATCH opcode\n" WWW, "REPLY NOTIFY\n" WWW));
    assert_false(matches("MATCH rcode\nREPLY REFUSED\n" WWW, WWW));
    assert_true(matches("MATCH rcode\nREPLY BADVERS\n" WWW, "REPLY BADVERS\n" WWW));
    assert_false(matches("MATCH flags\nREPLY RD\n" WWW, "REPLY RD CD\n" WWW));
    assert_false(matches("MATCH TCP\n" WWW, WWW));
    assert_true(matches("MATCH UDP\n" WWW, WWW));
}

#define TWO "SECTION ANSWER\na. 60 A 192.0.2.1\na. 60 A 192.0.2.2\n"

static void sections_are_compared_as_sets(void **state)
{
    (void)state;
    assert_true(
        matches("MATCH answer\n" TWO, "SECTION ANSWER\nA. 1 A 192.0.2.2\na. 1 A 192.0.2.1"));
    assert_false(
        matches("MATCH answer ttl\n" TWO, "SECTION ANSWER\na. 60 A 192.0.2.2\na. 1 A 192.0.2.1"));
    assert_false(matches("MATCH answer\n" TWO, "SECTION ANSWER\na. A 192.0.2.1"));
    assert_false(matches("MATCH answer\nSECTION ANSWER\na. A 192.0.2.1", TWO));
    assert_false(matches("MATCH answer\nSECTION ANSWER\na. A 192.0.2.1",
                         "SECTION ANSWER\na. A 192.0.2.1\na. A 192.0.2.1\n"));
    assert_true(matches("MATCH answer\nSECTION ANSWER\na. NS b.c.", "SECTION ANSWER\na. NS B.C."));
    assert_false(matches("MATCH answer\nSECTION ANSWER\na. TXT b", "SECTION ANSWER\na. TXT B"));
    assert_false(matches("MATCH authority\n" WWW, "SECTION AUTHORITY\na. NS b."));
}

static void all_leaves_the_question_free_where_the_entry_has_none(void **state)
{
    (void)state;
    assert_true(matches("MATCH all\nREPLY QR REFUSED", "REPLY QR REFUSED\n" WWW));
    assert_false(
        matches("MATCH all\nREPLY QR REFUSED\n" WWW, "REPLY QR REFUSED\nSECTION QUESTION\na. A"));
}

static void all_asks_for_do_only_where_reply_names_it(void **state)
{
    (void)state;
    assert_true(matches("MATCH all\n" WWW, "REPLY DO\n" WWW));
    assert_false(matches("MATCH all\nREPLY DO\n" WWW, WWW));
    assert_true(matches("MATCH all_noedns\nREPLY DO\n" WWW, WWW));
    assert_false(matches("MATCH DO\n" WWW, WWW));
}

#define OPTIONS(hex) "SECTION ADDITIONAL\nHEX_EDNSDATA_BEGIN\n" hex "\nHEX_EDNSDATA_END\n"

static void edns_options_are_compared_as_the_words_say(void **state)
{
    (void)state;
    assert_true(matches("MATCH noedns", "MATCH noedns\n" WWW));
    assert_false(matches("MATCH noedns", WWW));
    assert_false(matches("MATCH edns", "MATCH noedns\n" WWW));
    assert_true(matches("MATCH ednsdata\n" OPTIONS("00 03 00 01 ff"), OPTIONS("00030001ff")));
    assert_false(matches("MATCH ednsdata\n" OPTIONS("00 03 00 01 ff"), OPTIONS("00030001fe")));
    assert_false(matches("MATCH ednsdata\n" OPTIONS(""), OPTIONS("00030001fe")));
    assert_true(matches("MATCH nsid", OPTIONS("00030001fe")));
    assert_false(matches("MATCH nsid", WWW));
    assert_true(matches("MATCH ede=6", OPTIONS("000f 0002 0009 000f 0002 0006")));
    assert_false(matches("MATCH ede=7", OPTIONS("000f 0002 0006")));
    assert_true(matches("MATCH ede=any", OPTIONS("000f 0002 0006")));
    assert_false(matches("MATCH ede=any", WWW));
    assert_true(matches("MATCH client_cookie", OPTIONS("000a 0008 0102030405060708")));
    assert_false(matches("MATCH server_cookie", OPTIONS("000a 0008 0102030405060708")));
    assert_true(
        matches("MATCH server_cookie", OPTIONS("000a 0010 0102030405060708 0102030405060708")));
}

static void serial_is_that_of_the_soa_in_the_authority_section(void **state)
{
    (void)state;
    const char *ixfr = "SECTION AUTHORITY\nexample.com. SOA a. b. 7 1 2 3 4\n";
    assert_true(matches("MATCH serial=7", ixfr));
    assert_false(matches("MATCH serial=8", ixfr));
    assert_false(matches("MATCH serial=7", WWW));
}

static void ranges_hold_for_their_steps_and_addresses(void **state)
{
    (void)state;
    struct rpl_file *f = parse_entry("MATCH question\n" WWW);
    struct rpl_message m = message(WWW);
    struct endpoint here = {.family = 4, .port = 53, .bytes = {192, 0, 2, 1}};
    struct endpoint there = {.family = 4, .port = 53, .bytes = {192, 0, 2, 2}};
    assert_non_null(rpl_find_entry(f, 5, &here, &m));
    assert_non_null(rpl_find_entry(f, 10, &here, &m));
    assert_null(rpl_find_entry(f, 4, &here, &m));
    assert_null(rpl_find_entry(f, 11, &here, &m));
    assert_null(rpl_find_entry(f, 5, &there, &m));
}

/* ---- building -------------------------------------------------------------------------------- */

static struct rpl_message reply_to(const char *body, const struct rpl_message *query, size_t *size)
{
    struct rpl_bytes bytes;
    struct rpl_message m;
    char error[RPL_ERROR_MAX];
    struct rpl_entry *e = entry(body);
    assert_int_equal(rpl_build_reply(&arena, e, &e->packet, query, &bytes), OK);
    if (rpl_message_read(&arena, bytes.at, bytes.size, &m, error) != OK)
        fail_msg("%s", error);
    *size = bytes.size;
    return m;
}

static void reply_takes_over_what_adjust_says(void **state)
{
    (void)state;
    size_t size;
    struct rpl_message q = message("SECTION QUESTION\nwWw.Example.com. A\n");
    struct rpl_message m = reply_to("ADJUST copy_id copy_query\n" WWW, &q, &size);
    assert_int_equal(m.id, 77);
    assert_true(name_equal_case(m.question.name, q.question.name));
    m = reply_to(WWW, &q, &size);
    assert_int_equal(m.id, 0);
    assert_false(name_equal_case(m.question.name, q.question.name));
}

static void reply_has_edns_when_the_query_had(void **state)
{
    (void)state;
    size_t size;
    struct rpl_message with = message("REPLY DO\n" WWW), without = message("MATCH noedns\n" WWW);
    assert_true(reply_to(WWW, &with, &size).edns.do_bit);
    assert_false(reply_to(WWW, &without, &size).edns.present);
    assert_false(reply_to("REPLY FORMERR noedns\n" WWW, &with, &size).edns.present);
}

static void large_reply_is_cut_only_where_tc_is_asked_for(void **state)
{
    (void)state;
    char body[4096] = "";
    size_t size;
    struct rpl_message q = message("MATCH noedns\n" WWW);
    for (unsigned i = 0; i < 60; i++)
        snprintf(body + strlen(body), sizeof body - strlen(body), "www.example.com. A 192.0.2.%u\n",
                 i);
    char text[4200];
    snprintf(text, sizeof text, "REPLY QR\n" WWW "SECTION ANSWER\n%s", body);
    assert_non_null(reply_to(text, &q, &size).section[RPL_ANSWER]);
    assert_true(size > 512);
    snprintf(text, sizeof text, "REPLY QR TC\n" WWW "SECTION ANSWER\n%s", body);
    assert_null(reply_to(text, &q, &size).section[RPL_ANSWER]);
    q.via = TRANSPORT_TCP;
    assert_non_null(reply_to(text, &q, &size).section[RPL_ANSWER]);
}

static void names_survive_compression(void **state)
{
    (void)state;
    const char *body =
        "MATCH all\nREPLY QR\n" WWW "SECTION ANSWER\nwww.example.com. CNAME a.example.com.\n"
        "a.example.com. MX 10 mail.a.example.com.\n"
        "SECTION AUTHORITY\nexample.com. SOA ns.example.com. b. 1 2 3 4 5\n"
        "example.com. SRV 1 2 3 www.example.com.\n";
    assert_true(matches(body, body));
}

/* ---- expressions ----------------------------------------------------------------------------- */

static enum err expand(const char *text, const char **out)
{
    static char error[RPL_ERROR_MAX];
    struct rpl_scope s = {.arena = &arena, .time = 1258962400, .timeout = 3.5};
    assert_int_equal(rpl_assign(&s, "t0", "10"), OK);
    assert_int_equal(rpl_assign(&s, "t0", "40"), OK);
    assert_int_equal(rpl_assign(&s, "t", "1"), OK);
    return rpl_expand(&s, text, out, error);
}

static void expressions_have_these_values(void **state)
{
    static const char *const table[][2] = {
        {"plain", "plain"},
        {"${5}", "5"},
        {"${2 + 3 * 4}", "20"},
        {"${2+3*4}", "20"},
        {"${10 - 4 / 3}", "2"},
        {"${$t0 + $t}", "41"},
        {"${time}", "1258962400"},
        {"${1258962400 + 7200}", "1258969600"},
        {"${timeout}", "3.5"},
        {"${range 3 ${timeout} 4}", "3.5"},
        {"${range 0 $t0 40}", "40"},
        {"${ctime 1258962400}", "Mon Nov 23 07:46:40 2009"},
        {"${ctime $t0 - 40}", "Thu Jan  1 00:00:00 1970"},
        {"a ${1} b ${${2} * ${3}} c", "a 1 b 6 c"},
        {"$t0", "$t0"},
        {"${-5 + 2}", "-3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *out;
        assert_int_equal(expand(table[i][0], &out), OK);
        assert_string_equal(out, table[i][1]);
    }
}

static void broken_expressions_are_errors(void **state)
{
    static const char *const table[] = {"${",     "${}",      "${1 +}",       "${1 2}",
                                        "${$no}", "${1 / 0}", "${range 1 2}", "${range 2 1 3}",
                                        "${x}",   "${1 % 2}"};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *out;
        assert_int_not_equal(expand(table[i], &out), OK);
    }
}

/* ---- configuration --------------------------------------------------------------------------- */

static enum err configure(const char *lines, struct rpl_settings *s)
{
    char text[1024];
    struct rpl_error error;
    snprintf(text, sizeof text, "%s\nCONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n", lines);
    return rpl_configure(&arena, parse(text), s, &error);
}

static void scenarios_start_from_these_settings(void **state)
{
    (void)state;
    struct rpl_settings s;
    assert_int_equal(configure("", &s), OK);
    assert_true(s.options.minimise && s.options.use_ipv4 && s.options.use_ipv6 && s.options.prime);
    assert_false(s.options.randomise_case || s.knobs.special_zones);
    assert_int_equal(s.access_count, 0);
    assert_int_equal(s.options.do_not_query.count, 2);
}

static void options_set_what_they_name(void **state)
{
    (void)state;
    struct rpl_settings s;
    assert_int_equal(
        configure("server:\nqname-minimisation: \"no\"\nuse-caps-for-id: yes\n"
                  "cache-max-ttl: 9\ndo-not-query-localhost: no\nminimal-responses: no\n"
                  "access-control: 192.0.2.0/24 deny\n"
                  "val-override-date: \"20091123074640\"\n"
                  "stub-zone:\nname: \".\"\nstub-addr: 192.0.2.1\nstub-addr: 192.0.2.2@5353\n"
                  "nuthatch: \"special-zones: yes\"",
                  &s),
        OK);
    assert_false(s.options.minimise);
    assert_true(s.options.randomise_case && s.knobs.special_zones);
    assert_true(s.options.full_responses);
    assert_int_equal(s.options.ttl_max, 9);
    assert_int_equal(s.options.do_not_query.count, 0);
    assert_int_equal(s.access_count, 2);
    assert_int_equal(s.knobs.wall_s, 1258962400);
    assert_int_equal(s.options.stub_count, 1);
    assert_int_equal(s.options.stubs[0].server_count, 2);
    assert_int_equal(s.options.stubs[0].servers[1].port, 5353);
    assert_true(s.knobs.next_step);
}

static void root_stub_to_be_primed_is_the_hints(void **state)
{
    (void)state;
    struct rpl_settings s;
    assert_int_equal(
        configure("stub-zone:\nname: \".\"\nstub-addr: 192.0.2.1\nstub-prime: yes", &s), OK);
    assert_int_equal(s.options.stub_count, 0);
    assert_int_equal(s.hints.address_count, 1);
    assert_true(s.options.prime);
}

static void what_is_not_built_is_unsupported_and_what_is_malformed_a_fault(void **state)
{
    static const char *const unsupported[] = {
        "auth-zone:",
        "serve-expired: yes",
        "no-such-option: 1",
        "harden-glue: no",
        "prefetch: yes",
        "module-config: \"respip iterator\"",
        "nuthatch: \"no-such: 1\"",
        "stub-zone:\nname: \"a.\"\nstub-addr: 192.0.2.1\nstub-prime: yes"};
    static const char *const malformed[] = {"do-ip6: perhaps", "cache-min-ttl: x", "stub-addr: x",
                                            "access-control: 192.0.2.1/8 allow", "nuthatch: x"};
    struct rpl_settings s;
    (void)state;
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        assert_int_equal(configure(unsupported[i], &s), ERR_UNSUPPORTED);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(configure(malformed[i], &s), ERR_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_lines_keep_section_quotes_and_no_comment),
        TEST(blocks_with_files_are_settings_of_their_name_and_lines),
        TEST(steps_of_every_kind_are_read),
        TEST(fault_after_the_configuration_leaves_it_readable),
        TEST(records_of_other_classes_and_without_signature_are_read),
        TEST(match_and_reply_may_stand_anywhere_and_add_up),
        TEST(no_match_line_matches_everything),
        TEST(question_is_compared_as_the_words_say),
        TEST(header_is_compared_as_the_words_say),
        TEST(sections_are_compared_as_sets),
        TEST(all_leaves_the_question_free_where_the_entry_has_none),
        TEST(all_asks_for_do_only_where_reply_names_it),
        TEST(edns_options_are_compared_as_the_words_say),
        TEST(serial_is_that_of_the_soa_in_the_authority_section),
        TEST(ranges_hold_for_their_steps_and_addresses),
        TEST(reply_takes_over_what_adjust_says),
        TEST(reply_has_edns_when_the_query_had),
        TEST(large_reply_is_cut_only_where_tc_is_asked_for),
        TEST(names_survive_compression),
        TEST(expressions_have_these_values),
        TEST(broken_expressions_are_errors),
        TEST(scenarios_start_from_these_settings),
        TEST(options_set_what_they_name),
        TEST(root_stub_to_be_primed_is_the_hints),
        TEST(what_is_not_built_is_unsupported_and_what_is_malformed_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
