#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/view.h"
#include "dns/writer.h"

struct query {
    uint8_t bytes[1000];
    size_t size;
};

/* A query for www.Example. A IN, to which a test does what it wants. */
static struct query plain(void)
{
    static const uint8_t bytes[] = "\22\64\1\0\0\1\0\0\0\0\0\0\3www\7Example\0\0\1\0\1";
    struct query q = {.size = sizeof(bytes) - 1};
    memcpy(q.bytes, bytes, sizeof(bytes) - 1);
    return q;
}

enum { TYPE_AT = 25, CLASS_AT = 27 };

static struct query with_opt(const struct writer_opt *o)
{
    struct query q = plain();
    assert_int_equal(message_append_opt(q.bytes, &q.size, sizeof(q.bytes), o), OK);
    return q;
}

/* On the heap to the octet, so that a sanitizer sees a read too far. What `v` borrows is gone
 * after. */
static enum view_verdict judge(const struct query *q, struct query_view *v)
{
    uint8_t *exact = malloc(q->size ? q->size : 1);
    assert_non_null(exact);
    memcpy(exact, q->bytes, q->size);
    enum view_verdict verdict = view_query(v, exact, q->size);
    free(exact);
    return verdict;
}

static enum view_verdict verdict_of(struct query q)
{
    struct query_view v;
    return judge(&q, &v);
}

static void a_plain_query_is_seen_in_place(void **state)
{
    (void)state;
    struct query q = plain();
    struct query_view v;
    assert_int_equal(view_query(&v, q.bytes, q.size), VIEW_OK);
    assert_int_equal(v.id, 0x1234);
    assert_int_equal(v.flags, FLAG_RD);
    assert_ptr_equal(v.qname, q.bytes + 12);
    assert_int_equal(v.qname_size, 13);
    assert_int_equal(v.qtype, TYPE_A);
    assert_int_equal(v.qclass, CLASS_IN);
    assert_true(v.has_question);
    assert_false(v.edns.present);
}

static void every_cut_is_dropped_or_malformed(void **state)
{
    (void)state;
    struct writer_opt o = {.udp_size = 1232};
    struct query q = with_opt(&o);
    for (size_t size = 0; size < q.size; size++) {
        struct query cut = q;
        cut.size = size;
        assert_int_equal(verdict_of(cut), size < 12 ? VIEW_DROP_SHORT : VIEW_FORMERR);
    }
    assert_int_equal(verdict_of(q), VIEW_OK);
}

static void a_response_is_dropped_even_if_broken(void **state)
{
    (void)state;
    struct query q = plain();
    q.bytes[2] |= 0x80;
    assert_int_equal(verdict_of(q), VIEW_DROP_RESPONSE);
    q.size = 12;
    assert_int_equal(verdict_of(q), VIEW_DROP_RESPONSE);
}

static void other_opcodes_are_not_implemented_before_the_question_is_judged(void **state)
{
    (void)state;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        struct query q = plain();
        struct query_view v;
        q.bytes[2] = (uint8_t)(opcode << 3);
        assert_int_equal(judge(&q, &v), VIEW_NOTIMP);
        assert_true(v.has_question);
        q.size = 12;
        assert_int_equal(judge(&q, &v), VIEW_NOTIMP);
        assert_false(v.has_question);
        assert_null(v.qname);
    }
}

static void there_must_be_one_question(void **state)
{
    (void)state;
    struct query q = plain();
    struct query_view v;
    q.bytes[5] = 0;
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
    assert_false(v.has_question);
    q.size = 12;
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
    q = plain();
    q.bytes[5] = 2; /* where one stands */
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
    memcpy(q.bytes + q.size, q.bytes + 12, 17);
    q.size += 17;
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
    q.bytes[4] = 1;
    q.bytes[5] = 1;
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
}

static void a_broken_or_compressed_name_is_malformed(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {0xc0, 0x40, 0x80, 64, 63};
    for (size_t i = 0; i < sizeof(lengths); i++) {
        struct query q = plain();
        q.bytes[12] = lengths[i];
        assert_int_equal(verdict_of(q), VIEW_FORMERR);
    }
    struct query q = {.size = 12 + 256 + 4, .bytes = {[5] = 1}};
    for (unsigned i = 0; i < 4; i++)
        q.bytes[12 + 64 * i] = i < 3 ? 63 : 62; /* 256 octets */
    q.bytes[12 + 256 + 1] = 1;
    q.bytes[12 + 256 + 3] = 1;
    assert_int_equal(verdict_of(q), VIEW_FORMERR);
    q.bytes[12 + 192] = 61; /* 255 octets */
    memmove(q.bytes + 12 + 255, q.bytes + 12 + 256, 4);
    q.size--;
    assert_int_equal(verdict_of(q), VIEW_OK);
}

static void records_before_the_additional_section_are_malformed(void **state)
{
    (void)state;
    for (unsigned at = 7; at <= 9; at += 2) {
        struct query q = plain();
        struct query_view v;
        struct writer_opt o = {.udp_size = 1232};
        static const uint8_t record[] = "\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4";
        q.bytes[at] = 1;
        memcpy(q.bytes + q.size, record, sizeof(record) - 1);
        q.size += sizeof(record) - 1;
        assert_int_equal(message_append_opt(q.bytes, &q.size, sizeof(q.bytes), &o), OK);
        assert_int_equal(judge(&q, &v), VIEW_FORMERR);
        assert_true(v.edns.present); /* so that the reply can have an OPT */
    }
}

static void octets_after_the_message_are_malformed(void **state)
{
    (void)state;
    struct query q = plain();
    q.size++;
    assert_int_equal(verdict_of(q), VIEW_FORMERR);
}

static void edns_is_read(void **state)
{
    (void)state;
    struct writer_option options[] = {{EDNS_COOKIE, 8, "abcdefgh"}, {EDNS_NSID, 0, NULL}};
    struct writer_opt o = {.udp_size = 4096, .do_bit = true, .options = options, .option_count = 2};
    struct query q = with_opt(&o);
    struct query_view v;
    const uint8_t *data;
    uint16_t length;
    assert_int_equal(view_query(&v, q.bytes, q.size), VIEW_OK);
    assert_true(v.edns.present && v.edns.do_bit);
    assert_int_equal(edns_payload(&v.edns), 4096);
    assert_true(edns_option(&v.edns, EDNS_COOKIE, &data, &length));
    assert_int_equal(length, 8);
    assert_memory_equal(data, "abcdefgh", 8);
    assert_true(edns_option(&v.edns, EDNS_NSID, &data, &length));
    assert_int_equal(length, 0);
    assert_false(edns_option(&v.edns, EDNS_PADDING, &data, &length));
}

static void no_question_but_a_cookie_asks_for_a_cookie(void **state)
{
    (void)state;
    struct writer_option option = {EDNS_COOKIE, 8, "abcdefgh"};
    struct writer_opt o = {.udp_size = 4096, .options = &option, .option_count = 1};
    struct query q = {.bytes = {[2] = 1}, .size = 12};
    struct query_view v;
    assert_int_equal(message_append_opt(q.bytes, &q.size, sizeof q.bytes, &o), OK);
    assert_int_equal(judge(&q, &v), VIEW_NO_QUESTION);
    assert_false(v.has_question);
    q.bytes[2] = 5 << 3; /* UPDATE */
    assert_int_equal(judge(&q, &v), VIEW_NOTIMP);
    q.bytes[2] = 1;
    q.bytes[5] = 2; /* two that are not there */
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
    option.code = EDNS_NSID;
    q = (struct query){.bytes = {[2] = 1}, .size = 12};
    assert_int_equal(message_append_opt(q.bytes, &q.size, sizeof q.bytes, &o), OK);
    assert_int_equal(judge(&q, &v), VIEW_FORMERR);
}

static void a_payload_below_512_means_512(void **state)
{
    (void)state;
    struct edns e = {.present = true, .udp_size = 100};
    assert_int_equal(edns_payload(&e), 512);
    e.udp_size = 513;
    assert_int_equal(edns_payload(&e), 513);
    e.present = false;
    assert_int_equal(edns_payload(&e), 512);
}

static void two_opt_or_one_with_an_owner_or_out_of_place_are_malformed(void **state)
{
    (void)state;
    struct writer_opt o = {.udp_size = 1232};
    struct query q = with_opt(&o);
    assert_int_equal(message_append_opt(q.bytes, &q.size, sizeof(q.bytes), &o), OK);
    assert_int_equal(verdict_of(q), VIEW_FORMERR_OPT);
    q = plain();
    memcpy(q.bytes + q.size, "\300\14\0\51\4\320\0\0\0\0\0\0", 12);
    q.size += 12;
    q.bytes[11] = 1;
    assert_int_equal(verdict_of(q), VIEW_FORMERR_OPT);
    q = with_opt(&o);
    q.bytes[11] = 0;
    q.bytes[7] = 1;
    assert_int_equal(verdict_of(q), VIEW_FORMERR_OPT);
}

static void a_broken_option_list_is_malformed(void **state)
{
    (void)state;
    struct writer_option option = {EDNS_NSID, 3, "abc"};
    struct writer_opt o = {.udp_size = 1232, .options = &option, .option_count = 1};
    struct query q = with_opt(&o);
    q.bytes[q.size - 4] = 4; /* the option runs over the record's end */
    assert_int_equal(verdict_of(q), VIEW_FORMERR_OPT);
}

static void only_32_options_are_looked_at(void **state)
{
    (void)state;
    struct writer_option options[40] = {{0}};
    struct writer_opt o = {.udp_size = 1232, .options = options, .option_count = 40};
    const uint8_t *data;
    uint16_t length;
    for (unsigned i = 0; i < 40; i++)
        options[i] = (struct writer_option){(uint16_t)(100 + i), 0, NULL};
    struct query q = with_opt(&o);
    struct query_view v;
    assert_int_equal(view_query(&v, q.bytes, q.size), VIEW_OK);
    assert_true(edns_option(&v.edns, 131, &data, &length));
    assert_false(edns_option(&v.edns, 132, &data, &length));
    assert_int_equal(v.edns.options_size, 32 * 4);
    assert_true(v.edns.cut);
    o.option_count = 32;
    q = with_opt(&o);
    assert_int_equal(view_query(&v, q.bytes, q.size), VIEW_OK);
    assert_false(v.edns.cut);
}

static void a_version_above_0_is_badvers_before_type_and_class(void **state)
{
    (void)state;
    struct writer_opt o = {.udp_size = 1232, .version = 1};
    struct query q = with_opt(&o);
    assert_int_equal(verdict_of(q), VIEW_BADVERS);
    q.bytes[TYPE_AT + 1] = TYPE_AXFR;
    q.bytes[CLASS_AT + 1] = 4;
    assert_int_equal(verdict_of(q), VIEW_BADVERS);
}

static void other_additional_records_are_stepped_over(void **state)
{
    (void)state;
    struct query q = plain();
    static const uint8_t tsig[] = "\3key\0\0\372\0\377\0\0\0\0\0\3abc";
    memcpy(q.bytes + q.size, tsig, sizeof(tsig) - 1);
    q.size += sizeof(tsig) - 1;
    q.bytes[11] = 1;
    assert_int_equal(verdict_of(q), VIEW_OK);
    q.size--;
    assert_int_equal(verdict_of(q), VIEW_FORMERR);
}

static void classes_and_types_are_judged(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        uint16_t class;
        enum view_verdict want;
    } cases[] = {
        {TYPE_TXT, CLASS_CH, VIEW_OK},
        {TYPE_ANY, CLASS_IN, VIEW_OK},
        {65280, CLASS_IN, VIEW_OK},
        {TYPE_DS, CLASS_IN, VIEW_OK},
        {TYPE_A, 0, VIEW_REFUSED_CLASS},
        {TYPE_A, 4, VIEW_REFUSED_CLASS},
        {TYPE_A, CLASS_NONE, VIEW_REFUSED_CLASS},
        {TYPE_A, CLASS_ANY, VIEW_REFUSED_CLASS},
        {0, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_OPT, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_TKEY, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_TSIG, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_IXFR, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_AXFR, CLASS_IN, VIEW_REFUSED_TYPE},
        {253, CLASS_IN, VIEW_REFUSED_TYPE},
        {254, CLASS_IN, VIEW_REFUSED_TYPE},
        {TYPE_NXNAME, CLASS_IN, VIEW_FORMERR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q = plain();
        store_u16(q.bytes + TYPE_AT, cases[i].type);
        store_u16(q.bytes + CLASS_AT, cases[i].class);
        assert_int_equal(verdict_of(q), cases[i].want);
    }
}

static void every_verdict_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VIEW_VERDICTS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(view_verdict_text((enum view_verdict)i),
                                    view_verdict_text((enum view_verdict)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_query_is_seen_in_place),
        cmocka_unit_test(every_cut_is_dropped_or_malformed),
        cmocka_unit_test(a_response_is_dropped_even_if_broken),
        cmocka_unit_test(other_opcodes_are_not_implemented_before_the_question_is_judged),
        cmocka_unit_test(there_must_be_one_question),
        cmocka_unit_test(a_broken_or_compressed_name_is_malformed),
        cmocka_unit_test(records_before_the_additional_section_are_malformed),
        cmocka_unit_test(octets_after_the_message_are_malformed),
        cmocka_unit_test(edns_is_read),
        cmocka_unit_test(no_question_but_a_cookie_asks_for_a_cookie),
        cmocka_unit_test(a_payload_below_512_means_512),
        cmocka_unit_test(two_opt_or_one_with_an_owner_or_out_of_place_are_malformed),
        cmocka_unit_test(a_broken_option_list_is_malformed),
        cmocka_unit_test(only_32_options_are_looked_at),
        cmocka_unit_test(a_version_above_0_is_badvers_before_type_and_class),
        cmocka_unit_test(other_additional_records_are_stepped_over),
        cmocka_unit_test(classes_and_types_are_judged),
        cmocka_unit_test(every_verdict_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
