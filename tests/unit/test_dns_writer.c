#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dns/types.h"
#include "dns/writer.h"

static const uint8_t origin[] = "\7Example\3com";

struct bench {
    struct arena arena;
    uint8_t buf[65535];
    struct writer w;
    uint16_t ttls[WRITER_TTLS_MAX];
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (!b)
        return -1;
    arena_init(&b->arena, NULL);
    writer_init(&b->w, b->buf, sizeof(b->buf));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    arena_deinit(&b->arena);
    free(b);
    return 0;
}

static struct rrset *set_of(struct bench *b, const char *line)
{
    struct rrset *s = NULL;
    char error[200];
    if (rrset_from_text(&b->arena, line, origin, 300, &s, error, sizeof(error)))
        fail_msg("%s: %s", line, error);
    return s;
}

/* The records of several lines in one RRset; a line of RRSIG is its signature. */
static struct rrset *sets_of(struct bench *b, const char *const *lines, size_t count)
{
    struct rrset_builder builder;
    const struct rrset *first = set_of(b, lines[0]);
    assert_int_equal(rrset_build(&builder, &b->arena, first->owner, first->type, first->expiry),
                     OK);
    for (size_t i = 0; i < count; i++) {
        struct rrset *s = set_of(b, lines[i]);
        struct rrset_iter it = rrset_records(s);
        assert_true(rrset_next(&it));
        if (s->type == TYPE_RRSIG && first->type != TYPE_RRSIG)
            assert_int_equal(rrset_sign(&builder, it.rdata, it.length), OK);
        else
            assert_int_equal(rrset_add(&builder, it.rdata, it.length), OK);
    }
    return rrset_finish(&builder);
}

static void begin(struct bench *b, const char *qname, uint16_t qtype)
{
    uint8_t name[NAME_MAX_WIRE];
    assert_int_equal(name_from_text(qname, name), OK);
    assert_int_equal(writer_header(&b->w, 7, FLAG_QR | FLAG_RD), OK);
    assert_int_equal(writer_question(&b->w, name, qtype, CLASS_IN), OK);
}

static struct message *finish(struct bench *b)
{
    struct message *m = NULL;
    enum message_fault fault;
    size_t size = writer_finish(&b->w);
    if (message_parse(&b->arena, b->buf, size, 0, &m, &fault))
        fail_msg("refused: %s", message_fault_text(fault));
    return m;
}

static void what_is_written_is_read_again(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {
        "@ 60 SOA ns host 1 2 3 4 5",
        "www 60 A 192.0.2.1",
        "www 60 MX 10 mail",
        "www 60 TXT a b",
        "x 60 CNAME www",
        "d 60 DNAME other.example.",
        "www 60 SRV 1 2 3 www",
        "www 60 RP a b",
        "www 60 NSEC a A",
        "www 60 TYPE65280 \\# 2 c00c",
        "* 60 PTR www",
        "e 60 MINFO a.b.c d.b.c",
        "www 60 NAPTR 1 2 a b c repl",
        ". 60 NS @",
        "www 60 HTTPS 1 . alpn=h2",
    };
    const size_t count = sizeof(lines) / sizeof(lines[0]);
    struct rrset *sets[sizeof(lines) / sizeof(lines[0])];
    begin(b, "www.example.com", TYPE_A);
    for (size_t i = 0; i < count; i++) {
        sets[i] = set_of(b, lines[i]);
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, sets[i], 0, true), OK);
    }
    struct message *m = finish(b);
    assert_int_equal(m->section[SECTION_ANSWER].count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(rrset_same_records(sets[i], m->section[SECTION_ANSWER].at[i]));
        assert_int_equal(m->section[SECTION_ANSWER].at[i]->expiry, 60);
    }
}

static void owners_are_compressed_to_the_question(void **state)
{
    struct bench *b = *state;
    begin(b, "www.example.com", TYPE_A);
    size_t before = b->w.size;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, "www A 192.0.2.1"), 0, false),
                     OK);
    assert_int_equal(b->w.size, before + 2 + 10 + 4);
    assert_memory_equal(b->buf + before, "\300\14", 2);
    before = b->w.size;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, "@ NS ns"), 0, false), OK);
    assert_memory_equal(b->buf + before, "\300\20", 2);
    assert_memory_equal(b->buf + before + 12, "\2ns\300\20", 5);
}

static void names_in_rdata_of_later_types_are_not_compressed(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {"www SRV 1 2 3 www", "www DNAME www", "www NSEC www A",
                                        "www RP www www", "www KX 1 www"};
    begin(b, "www.example.com", TYPE_A);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct rrset *s = set_of(b, lines[i]);
        size_t before = b->w.size;
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, false), OK);
        assert_int_equal(b->w.size, before + 2 + 8 + s->rdata_size);
    }
}

static void the_case_of_a_name_not_yet_written_is_kept(void **state)
{
    struct bench *b = *state;
    begin(b, "a.example.com", TYPE_A);
    struct rrset *s = set_of(b, "MiXeD.Net. CNAME TarGet.NET.");
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, false), OK);
    struct message *m = finish(b);
    assert_memory_equal(m->section[0].at[0]->owner, "\5MiXeD\3Net", 11);
    assert_memory_equal(m->section[0].at[0]->rdata + 2, "\6TarGet\3Net", 12);
}

static void signatures_are_written_when_asked_for(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {
        "www A 192.0.2.1", "www A 192.0.2.2",
        "www RRSIG A 8 3 300 20300101000000 20200101000000 1 @ AAAA"};
    struct rrset *s = sets_of(b, lines, 3);
    begin(b, "www.example.com", TYPE_A);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, false), OK);
    assert_int_equal(writer_rrset(&b->w, SECTION_AUTHORITY, s, 0, true), OK);
    struct message *m = finish(b);
    assert_int_equal(m->section[SECTION_ANSWER].at[0]->signatures, 0);
    assert_int_equal(m->section[SECTION_AUTHORITY].at[0]->count, 2);
    assert_int_equal(m->section[SECTION_AUTHORITY].at[0]->signatures, 1);
}

static void a_set_of_signatures_only_writes_them_alone(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {
        "www A 192.0.2.1", "www RRSIG A 8 3 300 20300101000000 20200101000000 1 @ AAAA"};
    struct rrset *s = sets_of(b, lines, 2);
    struct rrset only = *s;
    only.rdata += 6;
    only.rdata_size -= 6;
    only.count = 0;
    begin(b, "www.example.com", TYPE_RRSIG);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, &only, 0, false), OK);
    assert_int_equal(b->w.counts[1], 0);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, &only, 0, true), OK);
    struct message *m = finish(b);
    assert_int_equal(m->section[0].count, 1);
    assert_int_equal(m->section[0].at[0]->type, TYPE_RRSIG);
    assert_int_equal(m->section[0].at[0]->count, 1);
}

static void an_rrset_is_written_whole_or_not_at_all(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {"new MX 1 new", "new MX 2 new2", "new MX 3 new3"};
    struct rrset *s = sets_of(b, lines, 3);
    uint8_t before[200];
    begin(b, "www.example.com", TYPE_A);
    struct writer start = b->w;
    memcpy(before, b->buf, b->w.size);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, true), OK);
    size_t whole = b->w.size;
    for (size_t capacity = start.size; capacity < whole; capacity++) {
        b->w = start;
        b->w.capacity = capacity;
        b->w.ttl_offsets = b->ttls;
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, true), ERR_SPACE);
        assert_int_equal(b->w.size, start.size);
        assert_int_equal(b->w.ttl_count, 0);
        assert_memory_equal(b->w.counts, start.counts, sizeof(start.counts));
        assert_memory_equal(b->w.slots, start.slots, sizeof(start.slots));
        assert_memory_equal(b->buf, before, start.size);
    }
    b->w.capacity = whole;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, s, 0, true), OK);
    assert_true(rrset_same_records(finish(b)->section[0].at[0], s));
}

static void reserved_room_is_kept_for_the_opt(void **state)
{
    struct bench *b = *state;
    struct writer_option option = {EDNS_EDE, 2, "\0\22"};
    struct writer_opt o = {.udp_size = 1232, .options = &option, .option_count = 1};
    assert_int_equal(writer_opt_size(&o), 17);
    begin(b, "www.example.com", TYPE_A);
    b->w.reserved = writer_opt_size(&o);
    b->w.capacity = b->w.size + 16 + 17;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, "www A 1.1.1.1"), 0, 0), OK);
    struct rrset *more = set_of(b, ". NULL \\# 0");
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, more, 0, 0), ERR_SPACE);
    assert_int_equal(writer_opt(&b->w, &o), OK);
    assert_int_equal(b->w.size, b->w.capacity);
    struct message *m = finish(b);
    assert_true(m->edns.present);
    assert_int_equal(m->edns.options_size, 6);
    assert_int_equal(writer_opt(&b->w, &o), ERR_SPACE);
}

static void truncation_leaves_header_and_question(void **state)
{
    struct bench *b = *state;
    begin(b, "www.example.com", TYPE_A);
    size_t question = b->w.size;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, "x MX 1 y"), 0, 0), OK);
    assert_int_equal(writer_rrset(&b->w, SECTION_ADDITIONAL, set_of(b, "y A 1.1.1.1"), 0, 0), OK);
    writer_truncate(&b->w);
    assert_int_equal(b->w.size, question);
    /* Nothing that was cut off is pointed to afterwards. */
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, "y A 1.1.1.1"), 0, 0), OK);
    struct message *m = finish(b);
    assert_int_equal(m->flags, FLAG_QR | FLAG_RD | FLAG_TC);
    assert_int_equal(m->section[SECTION_ANSWER].count, 1);
    assert_int_equal(m->section[SECTION_ADDITIONAL].count, 0);
    assert_memory_equal(m->section[0].at[0]->owner, "\1y", 2);
}

static void ttl_offsets_point_at_every_ttl(void **state)
{
    struct bench *b = *state;
    static const char *const lines[] = {"www 300 A 192.0.2.1", "www 300 A 192.0.2.2"};
    struct writer_opt o = {.udp_size = 1232};
    b->w.ttl_offsets = b->ttls;
    begin(b, "www.example.com", TYPE_A);
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, sets_of(b, lines, 2), 100, true), OK);
    assert_int_equal(writer_rrset(&b->w, SECTION_AUTHORITY, set_of(b, "@ 60 NS ns"), 10, 0), OK);
    assert_int_equal(writer_rrset(&b->w, SECTION_ADDITIONAL, set_of(b, "ns 5 A 1.1.1.1"), 10, 0),
                     OK);
    assert_int_equal(writer_opt(&b->w, &o), OK);
    static const uint32_t want[] = {200, 200, 50, 0};
    assert_int_equal(b->w.ttl_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(load_u32(b->buf + b->ttls[i]), want[i]);
    for (unsigned i = 0; i < WRITER_TTLS_MAX; i++)
        assert_int_equal(writer_rrset(&b->w, SECTION_ADDITIONAL, set_of(b, ". NULL \\# 0"), 0, 0),
                         OK);
    assert_true(b->w.ttl_count == SIZE_MAX);
}

static void names_beyond_16_kib_are_not_pointed_to(void **state)
{
    struct bench *b = *state;
    char line[400];
    begin(b, "www.example.com", TYPE_A);
    struct rrset *filler = set_of(b, "fill TYPE65280 \\# 0");
    uint8_t *octets = calloc(1, 17000);
    store_u16(octets, 16998);
    filler->rdata = octets;
    filler->rdata_size = 17000;
    assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, filler, 0, false), OK);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(line, sizeof(line), "n%u.late.test. MX 1 m%u.late.test.", i / 2, i);
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, set_of(b, line), 0, false), OK);
    }
    size_t size = writer_finish(&b->w);
    assert_int_equal(message_check(b->buf, size), MESSAGE_FINE);
    free(octets);
}

static void a_thousand_names_are_read_back_as_written(void **state)
{
    struct bench *b = *state;
    char line[100];
    const struct rrset *sets[1000];
    begin(b, "www.example.com", TYPE_A);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "a%u.B%u.c%u CNAME d%u.b%u", i, i % 30, i % 7, i, i % 30);
        sets[i] = set_of(b, line);
        assert_int_equal(writer_rrset(&b->w, SECTION_ANSWER, sets[i], 0, false), OK);
    }
    struct message *m = finish(b);
    assert_int_equal(m->section[0].count, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(rrset_same_records(m->section[0].at[i], sets[i]));
    assert_true(writer_finish(&b->w) < 1000 * 35);
}

/*
 * The endings of such a name meet each other in the slots. The buffer ends where the message does
 * and is full of what looks like pointers out of it.
 */
static void a_name_of_like_labels_is_compared_only_when_it_is_whole(void **state)
{
    struct bench *b = *state;
    char name[NAME_TEXT_MAX] = "";
    const size_t size = 12 + 255 + 4;
    uint8_t *exact = malloc(size);
    assert_non_null(exact);
    memset(exact, 0xff, size);
    for (unsigned i = 0; i < 127; i++)
        strcat(name, "0.");
    writer_init(&b->w, exact, size);
    begin(b, name, TYPE_A);
    assert_int_equal(b->w.size, size);
    struct message *m = NULL;
    enum message_fault fault;
    assert_int_equal(message_parse(&b->arena, exact, writer_finish(&b->w), 0, &m, &fault), OK);
    assert_int_equal(name_labels(m->qname), 127);
    free(exact);
}

static void an_opt_is_appended_to_a_finished_message(void **state)
{
    struct bench *b = *state;
    struct writer_opt o = {.udp_size = 1232, .extended_rcode = 1, .do_bit = true};
    begin(b, "www.example.com", TYPE_A);
    assert_int_equal(writer_rrset(&b->w, SECTION_ADDITIONAL, set_of(b, "y A 1.1.1.1"), 0, 0), OK);
    size_t size = writer_finish(&b->w);
    size_t before = size;
    assert_int_equal(message_append_opt(b->buf, &size, before + 10, &o), ERR_SPACE);
    assert_int_equal(size, before);
    assert_int_equal(b->buf[11], 1);
    assert_int_equal(message_append_opt(b->buf, &size, before + 11, &o), OK);
    struct message *m = NULL;
    enum message_fault fault;
    assert_int_equal(message_parse(&b->arena, b->buf, size, 0, &m, &fault), OK);
    assert_int_equal(m->rcode, RCODE_BADVERS);
    assert_true(m->edns.do_bit);
    assert_int_equal(m->section[SECTION_ADDITIONAL].count, 1);
}

static void header_and_question_that_do_not_fit_are_refused(void **state)
{
    struct bench *b = *state;
    writer_init(&b->w, b->buf, 11);
    assert_int_equal(writer_header(&b->w, 1, 0), ERR_SPACE);
    writer_init(&b->w, b->buf, 12 + 13 + 3);
    assert_int_equal(writer_header(&b->w, 1, 0), OK);
    assert_int_equal(writer_question(&b->w, origin, TYPE_A, CLASS_IN), ERR_SPACE);
    assert_int_equal(b->w.size, 12);
    assert_int_equal(writer_finish(&b->w), 12);
    assert_int_equal(b->buf[5], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_again),
        TEST(owners_are_compressed_to_the_question),
        TEST(names_in_rdata_of_later_types_are_not_compressed),
        TEST(the_case_of_a_name_not_yet_written_is_kept),
        TEST(signatures_are_written_when_asked_for),
        TEST(a_set_of_signatures_only_writes_them_alone),
        TEST(an_rrset_is_written_whole_or_not_at_all),
        TEST(reserved_room_is_kept_for_the_opt),
        TEST(truncation_leaves_header_and_question),
        TEST(ttl_offsets_point_at_every_ttl),
        TEST(names_beyond_16_kib_are_not_pointed_to),
        TEST(a_thousand_names_are_read_back_as_written),
        TEST(a_name_of_like_labels_is_compared_only_when_it_is_whole),
        TEST(an_opt_is_appended_to_a_finished_message),
        TEST(header_and_question_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
