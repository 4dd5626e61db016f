/* Zones out of the messages of a transfer: whole ones, and all that may be wrong with them. */
#include "zones/transfer.h"

#include <string.h>

#include "dns/types.h"
#include "dns/writer.h"
#include "root_zone.h"

enum { ID = 4711, FLAGS = FLAG_QR | FLAG_AA };

#define SOA       ". 3600 SOA a.root. host. 2026073102 1800 900 604800 86400\n"
#define OTHER_SOA ". 3600 SOA a.root. host. 2026073103 1800 900 604800 86400\n"

/* A transfer under way, and the message that is being written. */
struct bench {
    struct transfer *t;
    struct arena arena;
    struct writer w;
    uint8_t message[16384];
    bool over;
};

static void open_transfer(struct bench *b)
{
    *b = (struct bench){.t = NULL};
    arena_init(&b->arena, NULL);
    assert_int_equal(transfer_new(&b->t, name_root, ID), OK);
}

static void close_transfer(struct bench *b)
{
    transfer_free(b->t);
    arena_deinit(&b->arena);
}

static void begin_message(struct bench *b, bool question)
{
    writer_init(&b->w, b->message, sizeof b->message);
    assert_int_equal(writer_header(&b->w, ID, FLAGS), OK);
    if (question)
        assert_int_equal(writer_question(&b->w, name_root, TYPE_AXFR, CLASS_IN), OK);
}

static void add(struct bench *b, const char *text)
{
    struct rrset_array sets;
    struct zone_error error;
    assert_int_equal(zone_read_text(&b->arena, text, strlen(text), name_root, &sets, &error), OK);
    for (size_t i = 0; i < sets.count; i++)
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, sets.at[i], 0, true), OK);
}

static enum err end_message(struct bench *b)
{
    size_t size = writer_finish(&b->w);
    return transfer_take(b->t, b->message, size, &b->over);
}

/* A message of these texts, one after another. */
#define TAKE(b, question, ...) take(b, question, (const char *const[]){__VA_ARGS__, NULL})
static enum err take(struct bench *b, bool question, const char *const *texts)
{
    begin_message(b, question);
    for (; *texts; texts++)
        add(b, *texts);
    return end_message(b);
}

static void expect_refused(struct bench *b, enum err e, const char *why)
{
    assert_int_equal(e, ERR_FORMAT);
    assert_string_equal(transfer_why(b->t), why);
    close_transfer(b);
}

static void expect_zone(struct bench *b, size_t sets)
{
    struct rrset_array zone;
    assert_true(b->over);
    enum err e = transfer_finish(b->t, &b->arena, &zone);
    if (e)
        fail_msg("%s", transfer_why(b->t));
    assert_int_equal(zone.count, sets);
    assert_int_equal(zone.at[0]->type, TYPE_NS);
    assert_int_equal(zone.at[1]->type, TYPE_SOA);
    assert_int_equal(zone.at[1]->count, 1);
    close_transfer(b);
}

/* ---- Whole ones ------------------------------------------------------------------------------ */

static void one_message_makes_a_zone(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    assert_int_equal(TAKE(&b, true, SOA, ". 3600 NS a.root.\na.root. 3600 A 192.0.2.1\n", SOA), OK);
    expect_zone(&b, 3);
}

/* Sets may be torn, records come twice, signatures before what they cover. */
static void several_messages_make_a_zone(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    assert_int_equal(TAKE(&b, true, SOA), OK);
    assert_false(b.over);
    assert_int_equal(TAKE(&b, false, "b. 60 NS x.\n", ". 3600 NS b.root.\n"), OK);
    assert_int_equal(TAKE(&b, true, ". 3600 NS a.root.\n", "b. 60 NS x.\n", "A. 60 NS x.\n"), OK);
    assert_false(b.over);
    assert_int_equal(TAKE(&b, false, "b. 60 NS y.\n", SOA), OK);
    expect_zone(&b, 4);
}

static bool same_set(const struct rrset *a, const struct rrset *b)
{
    return a->type == b->type && a->expiry == b->expiry && a->count == b->count &&
           a->signatures == b->signatures && a->rdata_size == b->rdata_size &&
           name_equal(a->owner, b->owner) && memcmp(a->rdata, b->rdata, a->rdata_size) == 0;
}

/* The SOA set in front and behind, all others between, as many as fit into a message. */
static void send_zone(struct bench *b, const struct rrset_array *zone, const struct rrset *soa)
{
    begin_message(b, true);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, soa, 0, true), OK);
    for (size_t i = 0; i < zone->count; i++) {
        if (zone->at[i] == soa)
            continue;
        if (writer_rrset(&b->w, SECTION_ANSWER, zone->at[i], 0, true) == OK)
            continue;
        assert_int_equal(end_message(b), OK);
        assert_false(b->over);
        begin_message(b, false);
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, zone->at[i], 0, true), OK);
    }
    assert_int_equal(end_message(b), OK);
    begin_message(b, false);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, soa, 0, false), OK);
    assert_int_equal(end_message(b), OK);
    assert_true(b->over);
}

static void the_real_root_zone_comes_through_as_it_is(void **state)
{
    (void)state;
    struct bench b;
    struct rrset_array zone, got;
    root_zone_need();
    open_transfer(&b);
    root_zone_read(&b.arena, &zone);
    size_t soa = 0;
    while (zone.at[soa]->type != TYPE_SOA)
        soa++;
    send_zone(&b, &zone, zone.at[soa]);
    assert_int_equal(transfer_finish(b.t, &b.arena, &got), OK);
    assert_int_equal(got.count, zone.count);
    for (size_t i = 0; i < zone.count; i++)
        assert_true(same_set(got.at[i], zone.at[i]));
    close_transfer(&b);
}

/* ---- Broken ones ----------------------------------------------------------------------------- */

static void a_transfer_begins_with_its_soa(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    expect_refused(&b, TAKE(&b, true, ". 3600 NS a.root.\n", SOA),
                   "it does not begin with the SOA record");
    open_transfer(&b);
    expect_refused(&b, TAKE(&b, true, "one. 60 SOA a. b. 1 2 3 4 5\n"),
                   "message 1 has the SOA record of another zone");
    open_transfer(&b);
    begin_message(&b, true);
    expect_refused(&b, end_message(&b), "message 1 has no records");
}

static void a_transfer_ends_with_the_very_same_soa(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    expect_refused(&b, TAKE(&b, true, SOA, ". 3600 NS a.root.\n", OTHER_SOA),
                   "it ends with another SOA record than it began with: the zone has changed "
                   "meanwhile");
    open_transfer(&b);
    expect_refused(&b, TAKE(&b, true, SOA, ". 3600 NS a.root.\n", SOA, ". 3600 NS b.root.\n"),
                   "message 1 goes on after the last SOA record");
}

static void replies_to_something_else_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t octet;
        const char *why;
    } spoilt[] = {
        {1, 0, "message 1 is no reply to the query"},            /* id */
        {2, FLAG_AA >> 8, "message 1 is no reply to the query"}, /* not QR */
        {2, (FLAG_QR | FLAG_TC) >> 8, "message 1 is no reply to the query"},
        {2, (FLAG_QR | 4 << 11) >> 8, "message 1 is no reply to the query"},
        {3, RCODE_REFUSED, "the server says REFUSED"},
        {DNS_HEADER_SIZE + 2, TYPE_A, "message 1 has another question"},
        {DNS_HEADER_SIZE + 4, CLASS_CH, "message 1 has another question"},
        {5, 0, "message 1 has another question"}, /* none, and what is there is no record */
    };
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        struct bench b;
        open_transfer(&b);
        begin_message(&b, true);
        add(&b, SOA);
        size_t size = writer_finish(&b.w);
        b.message[spoilt[i].at] = spoilt[i].octet;
        expect_refused(&b, transfer_take(b.t, b.message, size, &b.over), spoilt[i].why);
    }
}

static void what_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    begin_message(&b, true);
    add(&b, SOA);
    size_t whole = writer_finish(&b.w);
    close_transfer(&b);
    for (size_t size = 0; size < whole; size++) {
        struct bench cut;
        open_transfer(&cut);
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, b.message, size);
        assert_int_equal(transfer_take(cut.t, exact, size, &cut.over), ERR_FORMAT);
        assert_true(*transfer_why(cut.t) != '\0');
        free(exact);
        close_transfer(&cut);
    }
}

static void a_signature_without_its_records_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct rrset_array zone;
    struct rrset alone;
    open_transfer(&b);
    static const char signed_text[] =
        "one. 60 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
        "one. 60 RRSIG DS 13 1 60 20260813200000 20260731190000 4711 . c2lnbmF0dXJl\n";
    struct zone_error error;
    assert_int_equal(
        zone_read_text(&b.arena, signed_text, strlen(signed_text), name_root, &zone, &error), OK);
    alone = *zone.at[0];
    struct rrset_iter it = rrset_records(&alone);
    assert_true(rrset_next(&it));
    alone.rdata = it.at;
    alone.count = 1;
    alone.signatures = 0;
    alone.type = TYPE_RRSIG;
    begin_message(&b, true);
    add(&b, SOA);
    assert_int_equal(writer_rrset(&b.w, SECTION_ANSWER, &alone, 0, false), OK);
    add(&b, SOA);
    assert_int_equal(end_message(&b), OK);
    expect_refused(&b, transfer_finish(b.t, &b.arena, &zone),
                   "message 1: RRSIG of a type that its owner does not have");
}

static void records_of_other_zones_are_refused(void **state)
{
    (void)state;
    struct bench b;
    static const uint8_t apex[] = "\3one";
    open_transfer(&b);
    transfer_free(b.t);
    assert_int_equal(transfer_new(&b.t, apex, ID), OK);
    writer_init(&b.w, b.message, sizeof b.message);
    assert_int_equal(writer_header(&b.w, ID, FLAGS), OK);
    assert_int_equal(writer_question(&b.w, apex, TYPE_AXFR, CLASS_IN), OK);
    add(&b, "one. 60 SOA a. b. 1 2 3 4 5\n");
    add(&b, "two. 60 A 192.0.2.1\n");
    expect_refused(&b, end_message(&b), "message 1 has a record that lies outside of the zone");
}

/* A server that never ends must not have our memory. */
static void what_never_ends_is_refused(void **state)
{
    (void)state;
    struct bench b;
    open_transfer(&b);
    assert_int_equal(TAKE(&b, true, SOA), OK);
    begin_message(&b, false);
    for (unsigned i = 0; i < 255; i++) {
        char text[64];
        snprintf(text, sizeof text, "x%u. 60 A 192.0.2.1\n", i);
        add(&b, text);
    }
    size_t size = writer_finish(&b.w);
    enum err e = OK;
    unsigned messages = 0;
    while (!e && ++messages < 2000)
        e = transfer_take(b.t, b.message, size, &b.over);
    assert_int_equal(messages, TRANSFER_RECORDS_MAX / 255 + 1);
    expect_refused(&b, e, "it has over 250000 records");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_makes_a_zone),
        cmocka_unit_test(several_messages_make_a_zone),
        cmocka_unit_test(the_real_root_zone_comes_through_as_it_is),
        cmocka_unit_test(a_transfer_begins_with_its_soa),
        cmocka_unit_test(a_transfer_ends_with_the_very_same_soa),
        cmocka_unit_test(replies_to_something_else_are_refused),
        cmocka_unit_test(what_is_cut_anywhere_is_refused),
        cmocka_unit_test(a_signature_without_its_records_is_refused),
        cmocka_unit_test(records_of_other_zones_are_refused),
        cmocka_unit_test(what_never_ends_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
