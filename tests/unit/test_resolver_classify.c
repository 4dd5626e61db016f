/* What kind a reply is, and what of it may be believed: one table row a behaviour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/text.h"
#include "resolver/classify.h"

enum { LINES = 16, NOW = 1000 };

struct row {
    const char *name; /* the behaviour */
    const char *zone; /* whose server answers */
    const char *qname;
    uint16_t qtype;
    uint16_t flags; /* AA, TC */
    uint16_t rcode;
    const char *answer[LINES];
    const char *authority[LINES];
    enum reply_kind kind;
    const char *last;
    int answers; /* RRsets taken */
    int denials;
    int scrubbed; /* -1: not looked at */
};

#define SOA "example.com. 3600 SOA ns.example.com. h.example.com. 1 2 3 4 300"

static const struct row rows[] = {
    {"answer_with_aa",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     0},
    {"answer_without_aa_is_taken",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {"www.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     0},
    {"answer_of_another_name_is_scrubbed",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 A 192.0.2.1", "mail.example.com. 60 A 192.0.2.2"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     1},
    {"answer_of_another_type_is_scrubbed",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 A 192.0.2.1", "www.example.com. 60 TXT x"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     1},
    {"name_is_compared_without_case",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"WWW.Example.COM. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     0},
    {"any_takes_all_types_of_the_name",
     "example.com.",
     "www.example.com.",
     TYPE_ANY,
     FLAG_AA,
     0,
     {"www.example.com. 60 A 192.0.2.1", "www.example.com. 60 TXT x",
      "x.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     2,
     0,
     1},
    {"cname_query_takes_the_cname_itself",
     "example.com.",
     "www.example.com.",
     TYPE_CNAME,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME a.example.com.", "a.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "www.example.com.",
     1,
     0,
     1},

    {"chain_within_the_zone_is_followed",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"b.example.com. 60 A 192.0.2.1", "www.example.com. 60 CNAME a.example.com.",
      "a.example.com. 60 CNAME b.example.com."},
     {0},
     REPLY_ANSWER,
     "b.example.com.",
     3,
     0,
     0},
    {"chain_out_of_the_zone_stops_there",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME www.example.net.", "www.example.net. 60 A 192.0.2.66"},
     {0},
     REPLY_ALIAS,
     "www.example.net.",
     1,
     0,
     1},
    {"nxdomain_after_a_chain_out_of_the_zone_is_not_believed",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {"www.example.com. 60 CNAME www.example.net."},
     {0},
     REPLY_ALIAS,
     "www.example.net.",
     1,
     0,
     0},
    {"nxdomain_after_a_chain_is_of_its_last_name",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {"www.example.com. 60 CNAME gone.example.com."},
     {SOA},
     REPLY_NXDOMAIN,
     "gone.example.com.",
     1,
     1,
     0},
    {"nodata_after_a_chain_is_of_its_last_name",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME txt.example.com."},
     {SOA},
     REPLY_NODATA,
     "txt.example.com.",
     1,
     1,
     0},
    {"chain_that_ends_in_nothing_is_an_alias",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME sub.example.com."},
     {"sub.example.com. 60 NS ns.sub.example.com."},
     REPLY_ALIAS,
     "sub.example.com.",
     1,
     0,
     1},
    {"cname_to_itself_is_a_loop",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME www.example.com."},
     {0},
     REPLY_ALIAS_LOOP,
     "www.example.com.",
     1,
     0,
     0},
    {"chain_that_comes_back_is_a_loop",
     "example.com.",
     "a.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"a.example.com. 60 CNAME b.example.com.", "b.example.com. 60 CNAME a.example.com."},
     {0},
     REPLY_ALIAS_LOOP,
     "a.example.com.",
     2,
     0,
     0},
    {"cname_beside_other_types_is_followed",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 CNAME a.example.com.", "www.example.com. 60 TXT x",
      "a.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_ANSWER,
     "a.example.com.",
     2,
     0,
     1},

    {"cname_beside_the_asked_type_wins",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"www.example.com. 60 A 192.0.2.66", "www.example.com. 60 CNAME a.example.net."},
     {0},
     REPLY_ALIAS,
     "a.example.net.",
     1,
     0,
     1},

    {"dname_makes_its_own_cname",
     "example.com.",
     "x.d.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"d.example.com. 60 DNAME t.example.com."},
     {SOA},
     REPLY_NODATA,
     "x.t.example.com.",
     2,
     1,
     0},
    {"cname_sent_with_a_dname_is_not_used",
     "example.com.",
     "x.d.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"d.example.com. 60 DNAME t.example.com.", "x.d.example.com. 60 CNAME evil.example.com.",
      "x.t.example.com. 60 A 192.0.2.1", "evil.example.com. 60 A 192.0.2.66"},
     {0},
     REPLY_ANSWER,
     "x.t.example.com.",
     3,
     0,
     -1},
    {"cname_query_below_a_dname_ends_at_the_cname_made",
     "example.com.",
     "x.d.example.com.",
     TYPE_CNAME,
     FLAG_AA,
     0,
     {"x.d.example.com. 60 CNAME x.t.example.com.", "d.example.com. 60 DNAME t.example.com."},
     {0},
     REPLY_ANSWER,
     "x.t.example.com.",
     2,
     0,
     -1},
    {"dname_at_the_name_itself_is_no_alias",
     "example.com.",
     "d.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"d.example.com. 60 DNAME t.example.com."},
     {SOA},
     REPLY_NODATA,
     "d.example.com.",
     0,
     1,
     1},
    {"dname_of_another_zone_is_scrubbed",
     "example.com.",
     "x.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"com. 60 DNAME evil.net."},
     {SOA},
     REPLY_NODATA,
     "x.example.com.",
     0,
     1,
     1},
    {"dname_out_of_the_zone_leads_on",
     "example.com.",
     "x.d.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {"d.example.com. 60 DNAME t.net."},
     {0},
     REPLY_ALIAS,
     "x.t.net.",
     2,
     0,
     0},

    {"nxdomain_with_soa",
     "example.com.",
     "gone.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {0},
     {SOA},
     REPLY_NXDOMAIN,
     "gone.example.com.",
     0,
     1,
     0},
    {"nxdomain_without_soa",
     "example.com.",
     "gone.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {0},
     {0},
     REPLY_NXDOMAIN,
     "gone.example.com.",
     0,
     0,
     0},
    {"soa_of_a_zone_above_the_servers_is_no_denial",
     "example.com.",
     "gone.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {0},
     {"com. 60 SOA a. b. 1 2 3 4 5"},
     REPLY_NXDOMAIN,
     "gone.example.com.",
     0,
     0,
     1},
    {"soa_that_does_not_enclose_the_name_is_no_denial",
     "example.com.",
     "gone.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_NXDOMAIN,
     {0},
     {"other.example.com. 60 SOA a. b. 1 2 3 4 5"},
     REPLY_NXDOMAIN,
     "gone.example.com.",
     0,
     0,
     1},
    {"nodata_with_soa",
     "example.com.",
     "www.example.com.",
     TYPE_MX,
     FLAG_AA,
     0,
     {0},
     {SOA},
     REPLY_NODATA,
     "www.example.com.",
     0,
     1,
     0},
    {"nodata_with_soa_and_ns_is_not_a_referral",
     "example.com.",
     "www.example.com.",
     TYPE_MX,
     FLAG_AA,
     0,
     {0},
     {SOA, "example.com. 60 NS ns.example.com."},
     REPLY_NODATA,
     "www.example.com.",
     0,
     1,
     1},
    {"empty_and_authoritative_is_nodata",
     "example.com.",
     "www.example.com.",
     TYPE_MX,
     FLAG_AA,
     0,
     {0},
     {0},
     REPLY_NODATA,
     "www.example.com.",
     0,
     0,
     0},
    {"nsec_of_the_zone_goes_along",
     "example.com.",
     "www.example.com.",
     TYPE_MX,
     FLAG_AA,
     0,
     {0},
     {SOA, "www.example.com. 300 NSEC x.example.com. A"},
     REPLY_NODATA,
     "www.example.com.",
     0,
     2,
     0},

    {"referral",
     "com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"example.com. 60 NS ns.example.com."},
     REPLY_REFERRAL,
     "www.example.com.",
     0,
     0,
     0},
    {"referral_from_the_root",
     ".",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"com. 60 NS a.gtld-servers.net."},
     REPLY_REFERRAL,
     "www.example.com.",
     0,
     0,
     0},
    {"deepest_of_two_referrals_is_taken",
     ".",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"com. 60 NS a.gtld-servers.net.", "example.com. 60 NS ns.example.com."},
     REPLY_REFERRAL,
     "www.example.com.",
     0,
     0,
     1},
    {"referral_with_aa_set_is_a_referral",
     "com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     0,
     {0},
     {"example.com. 60 NS ns.example.com."},
     REPLY_REFERRAL,
     "www.example.com.",
     0,
     0,
     0},
    {"referral_to_the_asked_name_for_ds_is_nodata",
     "com.",
     "example.com.",
     TYPE_DS,
     0,
     0,
     {0},
     {"example.com. 60 NS ns.example.com."},
     REPLY_NODATA,
     "example.com.",
     0,
     0,
     1},
    {"upward_referral_is_lame",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"com. 60 NS a.gtld-servers.net."},
     REPLY_LAME,
     "www.example.com.",
     0,
     0,
     1},
    {"referral_to_the_zone_itself_is_lame",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"example.com. 60 NS ns.example.com."},
     REPLY_LAME,
     "www.example.com.",
     0,
     0,
     1},
    {"sideways_referral_is_lame",
     "com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {"other.com. 60 NS ns.other.com."},
     REPLY_LAME,
     "www.example.com.",
     0,
     0,
     1},
    {"nothing_and_not_authoritative_is_lame",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     0,
     {0},
     {0},
     REPLY_LAME,
     "www.example.com.",
     0,
     0,
     0},

    {"tc_is_truncated_whatever_it_says",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA | FLAG_TC,
     RCODE_NXDOMAIN,
     {0},
     {0},
     REPLY_TRUNCATED,
     "www.example.com.",
     0,
     0,
     -1},
    {"refused",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     RCODE_REFUSED,
     {0},
     {0},
     REPLY_REFUSED,
     "www.example.com.",
     0,
     0,
     -1},
    {"servfail_with_an_answer_is_servfail",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_SERVFAIL,
     {"www.example.com. 60 A 192.0.2.1"},
     {0},
     REPLY_SERVFAIL,
     "www.example.com.",
     0,
     0,
     -1},
    {"formerr",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     RCODE_FORMERR,
     {0},
     {0},
     REPLY_FORMERR,
     "www.example.com.",
     0,
     0,
     -1},
    {"notimp",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     RCODE_NOTIMP,
     {0},
     {0},
     REPLY_NOTIMP,
     "www.example.com.",
     0,
     0,
     -1},
    {"badvers",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     RCODE_BADVERS,
     {0},
     {0},
     REPLY_BADVERS,
     "www.example.com.",
     0,
     0,
     -1},
    {"unknown_rcode_is_an_error",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     0,
     12,
     {0},
     {0},
     REPLY_ERROR,
     "www.example.com.",
     0,
     0,
     -1},
    {"yxdomain_without_a_dname_is_an_error",
     "example.com.",
     "www.example.com.",
     TYPE_A,
     FLAG_AA,
     RCODE_YXDOMAIN,
     {0},
     {0},
     REPLY_ERROR,
     "www.example.com.",
     0,
     0,
     -1},
};

static void fill(struct arena *a, struct rrset_array *section, const char *const lines[LINES])
{
    section->at = arena_calloc(a, LINES, sizeof *section->at);
    for (unsigned i = 0; i < LINES && lines[i]; i++) {
        struct rrset *set;
        char error[100];
        assert_int_equal(rrset_from_text(a, lines[i], NULL, 3600, &set, error, sizeof error), OK);
        set->expiry += NOW;
        section->at[section->count++] = set;
    }
}

static struct classified run_row(struct arena *a, const struct row *row, uint32_t ttl_max)
{
    uint8_t *zone = arena_alloc(a, NAME_MAX_WIRE), *qname = arena_alloc(a, NAME_MAX_WIRE);
    assert_int_equal(name_from_text(row->zone, zone), OK);
    assert_int_equal(name_from_text(row->qname, qname), OK);
    struct message *m = arena_calloc(a, 1, sizeof *m);
    m->flags = FLAG_QR | row->flags;
    m->rcode = row->rcode;
    fill(a, &m->section[SECTION_ANSWER], row->answer);
    fill(a, &m->section[SECTION_AUTHORITY], row->authority);
    struct asked q = {.name = qname,
                      .type = row->qtype,
                      .zone = zone,
                      .now = NOW,
                      .ttl_max = ttl_max,
                      .negative_ttl_max = 3600};
    struct classified c;
    assert_int_equal(classify(a, m, &q, &c), OK);
    return c;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct arena a;
    char last[NAME_TEXT_MAX];
    arena_init(&a, NULL);
    struct classified c = run_row(&a, row, 86400);
    assert_string_equal(reply_kind_text(c.kind), reply_kind_text(row->kind));
    assert_string_equal(name_text(c.last, last), row->last);
    assert_int_equal(c.answer.count, row->answers);
    assert_int_equal(c.denial.count, row->denials);
    if (row->scrubbed >= 0)
        assert_int_equal(c.scrubbed, row->scrubbed);
    assert_int_equal(c.ns != NULL, row->kind == REPLY_REFERRAL);
    for (unsigned i = 0; i < c.answer.count; i++)
        assert_true(c.answer.at[i]->trust ==
                        (row->flags & FLAG_AA ? TRUST_ANSWER_AA : TRUST_ANSWER) ||
                    (c.answer.at[i]->type == TYPE_CNAME && c.answer.at[i]->trust == TRUST_NONE));
    arena_deinit(&a);
}

static void negative_ttl_is_the_lesser_of_soa_ttl_and_minimum(void **state)
{
    (void)state;
    static const struct row row = {
        "",  "example.com.", "gone.example.com.", TYPE_A, FLAG_AA, RCODE_NXDOMAIN,
        {0}, {SOA},          REPLY_NXDOMAIN,      "",     0,       0,
        0};
    static const struct row low = {"",
                                   "example.com.",
                                   "gone.example.com.",
                                   TYPE_A,
                                   FLAG_AA,
                                   RCODE_NXDOMAIN,
                                   {0},
                                   {"example.com. 10 SOA a. b. 1 2 3 4 300"},
                                   REPLY_NXDOMAIN,
                                   "",
                                   0,
                                   0,
                                   0};
    static const struct row high = {"",
                                    "example.com.",
                                    "gone.example.com.",
                                    TYPE_A,
                                    FLAG_AA,
                                    RCODE_NXDOMAIN,
                                    {0},
                                    {"example.com. 90000 SOA a. b. 1 2 3 4 90000"},
                                    REPLY_NXDOMAIN,
                                    "",
                                    0,
                                    0,
                                    0};
    struct arena a;
    arena_init(&a, NULL);
    assert_int_equal(run_row(&a, &row, 86400).denial.at[0]->expiry, NOW + 300);
    assert_int_equal(run_row(&a, &low, 86400).denial.at[0]->expiry, NOW + 10);
    assert_int_equal(run_row(&a, &high, 86400).denial.at[0]->expiry, NOW + 3600);
    arena_deinit(&a);
}

static void ttl_is_bounded_when_taken(void **state)
{
    (void)state;
    static const struct row row = {"",
                                   "example.com.",
                                   "www.example.com.",
                                   TYPE_A,
                                   FLAG_AA,
                                   0,
                                   {"www.example.com. 9000 A 192.0.2.1"},
                                   {0},
                                   REPLY_ANSWER,
                                   "",
                                   0,
                                   0,
                                   0};
    struct arena a;
    arena_init(&a, NULL);
    assert_int_equal(run_row(&a, &row, 86400).answer.at[0]->expiry, NOW + 9000);
    assert_int_equal(run_row(&a, &row, 60).answer.at[0]->expiry, NOW + 60);
    arena_deinit(&a);
}

static void dname_that_makes_the_name_too_long_is_yxdomain(void **state)
{
    (void)state;
    char target[300], qname[300];
    snprintf(target, sizeof target, "d.example.com. 60 DNAME %062d.%062d.%062d.example.com.", 1, 2,
             3);
    snprintf(qname, sizeof qname, "%062d.d.example.com.", 4);
    struct row row = {.zone = "example.com.",
                      .qname = qname,
                      .qtype = TYPE_A,
                      .flags = FLAG_AA,
                      .answer = {target}};
    struct arena a;
    arena_init(&a, NULL);
    struct classified c = run_row(&a, &row, 86400);
    assert_string_equal(reply_kind_text(c.kind), "yxdomain");
    assert_int_equal(c.answer.count, 1);
    arena_deinit(&a);
}

static void chain_longer_than_the_limit_stops_at_it(void **state)
{
    (void)state;
    char line[LINES][80];
    struct row row = {
        .zone = "example.com.", .qname = "c0.example.com.", .qtype = TYPE_A, .flags = FLAG_AA};
    for (int i = 0; i < 14; i++) {
        snprintf(line[i], sizeof line[i], "c%d.example.com. 60 CNAME c%d.example.com.", i, i + 1);
        row.answer[i] = line[i];
    }
    struct arena a;
    arena_init(&a, NULL);
    struct classified c = run_row(&a, &row, 86400);
    assert_string_equal(reply_kind_text(c.kind), "alias");
    assert_int_equal(c.answer.count, LIMIT_ALIASES);
    arena_deinit(&a);
}

static void referral_with_out_of_zone_glue_is_ignored(void **state)
{
    (void)state;
    static const char *const glue[LINES] = {
        "ns.example.com. 60 A 192.0.2.1", "ns.example.net. 60 A 192.0.2.66",
        "www.bank.com. 60 A 192.0.2.67", "ns.example.com. 60 AAAA 2001:db8::1"};
    static const char *const both[LINES] = {"example.com. 60 NS ns.example.com."};
    struct arena a;
    arena_init(&a, NULL);
    struct message *m = arena_calloc(&a, 1, sizeof *m);
    uint8_t zone[NAME_MAX_WIRE], qname[NAME_MAX_WIRE], net[NAME_MAX_WIRE];
    fill(&a, &m->section[SECTION_AUTHORITY], both);
    fill(&a, &m->section[SECTION_ADDITIONAL], glue);
    assert_int_equal(name_from_text("com.", zone), OK);
    assert_int_equal(name_from_text("www.example.com.", qname), OK);
    assert_int_equal(name_from_text("ns.example.net.", net), OK);
    struct rrset_builder b;
    assert_int_equal(
        rrset_build(&b, &a, m->section[SECTION_AUTHORITY].at[0]->owner, TYPE_NS, NOW + 60), OK);
    assert_int_equal(rrset_add(&b, rrset_records(m->section[SECTION_AUTHORITY].at[0]).at + 2,
                               load_u16(m->section[SECTION_AUTHORITY].at[0]->rdata)),
                     OK);
    assert_int_equal(rrset_add(&b, net, (uint16_t)name_size(net)), OK);
    struct rrset *ns = rrset_finish(&b);
    struct asked q = {.name = qname,
                      .type = TYPE_A,
                      .zone = zone,
                      .now = NOW,
                      .ttl_max = 86400,
                      .negative_ttl_max = 3600};
    struct delegation found, *d = &found;
    assert_true(referral_delegation(m, ns, &q, d));
    assert_int_equal(d->ns_count, 2);
    assert_int_equal(d->address_count, 2);
    assert_int_equal(d->address[0].ns, 0);
    assert_int_equal(d->address[1].at.family, 6);
    assert_int_equal(d->expiry, NOW + 60);
    arena_deinit(&a);
}

enum { ROWS = sizeof rows / sizeof rows[0] };

int main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(negative_ttl_is_the_lesser_of_soa_ttl_and_minimum),
        cmocka_unit_test(ttl_is_bounded_when_taken),
        cmocka_unit_test(dname_that_makes_the_name_too_long_is_yxdomain),
        cmocka_unit_test(chain_longer_than_the_limit_stops_at_it),
        cmocka_unit_test(referral_with_out_of_zone_glue_is_ignored),
    };
    struct CMUnitTest tests[ROWS + 5];
    for (unsigned i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].name,
                                       .test_func = check_row,
                                       .initial_state = (void *)(uintptr_t)&rows[i]};
    memcpy(tests + ROWS, more, sizeof more);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
