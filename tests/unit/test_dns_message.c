#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/must.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/types.h"

enum { NOW = 1000 };

/* A message put together octet by octet, so that it may be as broken as a test wants. */
struct wire {
    uint8_t bytes[65535];
    size_t size;
};

static void put(struct wire *w, const void *bytes, size_t size)
{
    MUST(size <= sizeof(w->bytes) - w->size);
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

/* A response with the question "a.z. A IN" at offset 12: "z." is at 14. */
static void start(struct wire *w)
{
    w->size = 0;
    put(w, "\0\7\204\200\0\1\0\0\0\0\0\0\1a\1z\0\0\1\0\1", 21);
}

static void count(struct wire *w, enum section section, unsigned n)
{
    uint8_t *at = w->bytes + 6 + 2 * section;
    store_u16(at, (uint16_t)(load_u16(at) + n));
}

struct rr {
    const char *owner; /* wire form with its root or pointer */
    size_t owner_size;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    const char *rdata;
    size_t length;
};

static void add(struct wire *w, enum section section, const struct rr *r)
{
    uint8_t fixed[10];
    put(w, r->owner, r->owner_size);
    store_u16(fixed, r->type);
    store_u16(fixed + 2, r->class);
    store_u32(fixed + 4, r->ttl);
    store_u16(fixed + 8, (uint16_t)r->length);
    put(w, fixed, sizeof(fixed));
    put(w, r->rdata, r->length);
    count(w, section, 1);
}

/* A record of class IN with the question's name for its owner. */
#define RR(type_, ttl_, rdata_)                                                                    \
    (&(struct rr){"\300\14", 2, TYPE_##type_, CLASS_IN, ttl_, rdata_, sizeof(rdata_) - 1})
#define RR_OF(owner_, type_, class_, ttl_, rdata_)                                                 \
    (&(struct rr){owner_, sizeof(owner_) - 1, type_, class_, ttl_, rdata_, sizeof(rdata_) - 1})

#define SIGNATURE_OF(type) "\0" type "\10\2\0\0\1\54\0\0\0\2\0\0\0\1\1\2\1z\0\252"

static enum err parse(const struct wire *w, struct arena *a, struct message **m,
                      enum message_fault *fault)
{
    uint8_t *exact = malloc(w->size ? w->size : 1);
    assert_non_null(exact);
    memcpy(exact, w->bytes, w->size);
    enum err e = message_parse(a, exact, w->size, NOW, m, fault);
    free(exact);
    return e;
}

static struct message *parsed(const struct wire *w, struct arena *a)
{
    struct message *m = NULL;
    enum message_fault fault;
    if (parse(w, a, &m, &fault))
        fail_msg("refused: %s", message_fault_text(fault));
    assert_int_equal(fault, MESSAGE_FINE);
    return m;
}

static void assert_fault(const struct wire *w, enum message_fault want)
{
    struct arena a;
    struct message *m = NULL;
    enum message_fault fault = MESSAGE_FINE;
    arena_init(&a, NULL);
    assert_int_equal(parse(w, &a, &m, &fault), ERR_FORMAT);
    assert_string_equal(message_fault_text(fault), message_fault_text(want));
    assert_null(m);
    arena_deinit(&a);
}

static void assert_text(const struct rrset *s, const char *want)
{
    char buf[4000];
    assert_string_equal(rrset_text(s, NOW, buf, sizeof(buf)), want);
}

static void header_and_question_are_read(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    w.bytes[3] |= RCODE_NXDOMAIN;
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->id, 7);
    assert_int_equal(m->flags, FLAG_QR | FLAG_AA | FLAG_RA | RCODE_NXDOMAIN);
    assert_int_equal(m->rcode, RCODE_NXDOMAIN);
    assert_true(m->has_question);
    assert_memory_equal(m->qname, "\1a\1z", 5);
    assert_int_equal(m->qtype, TYPE_A);
    assert_int_equal(m->qclass, CLASS_IN);
    w.size = 12;
    w.bytes[5] = 0;
    m = parsed(&w, &a);
    assert_false(m->has_question);
    assert_null(m->qname);
    arena_deinit(&a);
}

static void records_become_rrsets_in_the_order_of_their_first(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 300, "\1\1\1\1"));
    add(&w, SECTION_ANSWER, RR(TXT, 5, "\1x"));
    add(&w, SECTION_ANSWER, RR_OF("\1A\300\16", TYPE_A, CLASS_IN, 300, "\2\2\2\2"));
    add(&w, SECTION_ANSWER, RR(A, 300, "\1\1\1\1"));
    add(&w, SECTION_AUTHORITY, RR_OF("\300\16", TYPE_NS, CLASS_IN, 9, "\2NS\300\16"));
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->section[SECTION_ANSWER].count, 2);
    assert_int_equal(m->section[SECTION_AUTHORITY].count, 1);
    assert_int_equal(m->section[SECTION_ADDITIONAL].count, 0);
    assert_text(m->section[0].at[0], "a.z.\t300\tIN\tA\t1.1.1.1\na.z.\t300\tIN\tA\t2.2.2.2\n");
    assert_text(m->section[0].at[1], "a.z.\t5\tIN\tTXT\t\"x\"\n");
    assert_text(m->section[1].at[0], "z.\t9\tIN\tNS\tNS.z.\n");
    assert_int_equal(m->section[0].at[0]->trust, TRUST_NONE);
    arena_deinit(&a);
}

static void signatures_go_with_what_they_cover(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(RRSIG, 300, SIGNATURE_OF("\1")));
    add(&w, SECTION_ANSWER, RR(A, 300, "\1\1\1\1"));
    add(&w, SECTION_ANSWER, RR(RRSIG, 300, SIGNATURE_OF("\20")));
    add(&w, SECTION_ANSWER, RR(A, 300, "\1\1\1\2"));
    add(&w, SECTION_ANSWER, RR(RRSIG, 300, SIGNATURE_OF("\21")));
    add(&w, SECTION_ADDITIONAL, RR(RRSIG, 300, SIGNATURE_OF("\1")));
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->section[SECTION_ANSWER].count, 2);
    const struct rrset *set = m->section[SECTION_ANSWER].at[0];
    assert_int_equal(set->type, TYPE_A);
    assert_int_equal(set->count, 2);
    assert_int_equal(set->signatures, 1);
    const struct rrset *orphans = m->section[SECTION_ANSWER].at[1];
    assert_int_equal(orphans->type, TYPE_RRSIG);
    assert_int_equal(orphans->count, 2);
    assert_int_equal(orphans->signatures, 0);
    assert_int_equal(m->section[SECTION_ADDITIONAL].at[0]->type, TYPE_RRSIG);
    arena_deinit(&a);
}

static void ttls_of_one_rrset_become_the_least(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 300, "\1\1\1\1"));
    add(&w, SECTION_ANSWER, RR(A, 200, "\1\1\1\2"));
    add(&w, SECTION_ANSWER, RR(A, 400, "\1\1\1\3"));
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->section[0].at[0]->expiry, NOW + 200);
    assert_int_equal(rrset_ttl(m->section[0].at[0], NOW + 50), 150);
    assert_int_equal(rrset_ttl(m->section[0].at[0], NOW + 500), 0);
    arena_deinit(&a);
}

static void a_ttl_with_the_high_bit_is_0(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 0x80000000, "\1\1\1\1"));
    add(&w, SECTION_ANSWER, RR(TXT, 0x7fffffff, "\1x"));
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->section[0].at[0]->expiry, NOW);
    assert_true(m->section[0].at[1]->expiry == NOW + 0x7fffffffu);
    arena_deinit(&a);
}

static void opt_becomes_edns_and_no_record(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    const uint8_t *data;
    uint16_t length;
    arena_init(&a, NULL);
    start(&w);
    w.bytes[3] |= 7;
    add(&w, SECTION_ADDITIONAL, RR(A, 1, "\1\1\1\1"));
    add(&w, SECTION_ADDITIONAL, RR_OF("\0", TYPE_OPT, 1232, 0x01008000, "\0\17\0\2\0\22"));
    struct message *m = parsed(&w, &a);
    assert_int_equal(m->section[SECTION_ADDITIONAL].count, 1);
    assert_true(m->edns.present && m->edns.do_bit);
    assert_int_equal(m->rcode, RCODE_BADCOOKIE);
    assert_int_equal(m->edns.udp_size, 1232);
    assert_true(edns_option(&m->edns, EDNS_EDE, &data, &length));
    assert_int_equal(load_u16(data), EDE_PROHIBITED);
    arena_deinit(&a);
}

static void compressed_rdata_is_kept_uncompressed(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(MX, 1, "\0\12\4MAIL\300\14"));
    add(&w, SECTION_ANSWER, RR(SRV, 1, "\0\1\0\2\0\3\300\16"));
    add(&w, SECTION_ANSWER, RR_OF("\300\14", 65280, CLASS_IN, 1, "\300\14"));
    struct message *m = parsed(&w, &a);
    const struct rrset *mx = m->section[0].at[0];
    assert_int_equal(mx->rdata_size, 14);
    assert_memory_equal(mx->rdata, "\0\14\0\12\4MAIL\1a\1z", 14);
    assert_memory_equal(m->section[0].at[1]->rdata, "\0\11\0\1\0\2\0\3\1z", 11);
    assert_memory_equal(m->section[0].at[2]->rdata, "\0\2\300\14", 4);
    arena_deinit(&a);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    static struct wire w;
    start(&w);
    add(&w, SECTION_ANSWER, RR(MX, 1, "\0\12\4mail\300\14"));
    add(&w, SECTION_ADDITIONAL, RR_OF("\0", TYPE_OPT, 1232, 0, "\0\3\0\2xy"));
    assert_int_equal(message_check(w.bytes, w.size), MESSAGE_FINE);
    for (size_t size = 0; size < w.size; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        memcpy(exact, w.bytes, size);
        enum message_fault fault = message_check(exact, size);
        free(exact);
        assert_true(fault == MESSAGE_SHORT || fault == MESSAGE_NAME);
    }
}

static void each_fault_is_told_apart(void **state)
{
    (void)state;
    static struct wire w;
    start(&w);
    put(&w, "", 1);
    assert_fault(&w, MESSAGE_TRAILING);
    start(&w);
    w.bytes[5] = 2;
    assert_fault(&w, MESSAGE_QUESTIONS);
    start(&w);
    w.bytes[12] = 0xc0;
    assert_fault(&w, MESSAGE_NAME);
    start(&w);
    add(&w, SECTION_ANSWER, RR_OF("\300\25", TYPE_A, CLASS_IN, 1, "\1\1\1\1"));
    assert_fault(&w, MESSAGE_NAME);
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 1, "\1\1\1"));
    assert_fault(&w, MESSAGE_RDATA);
    start(&w);
    add(&w, SECTION_ANSWER, RR(CNAME, 1, ""));
    assert_fault(&w, MESSAGE_RDATA);
    start(&w);
    add(&w, SECTION_AUTHORITY, RR(SOA, 1, "\0\0\1"));
    assert_fault(&w, MESSAGE_RDATA);
    start(&w);
    add(&w, SECTION_ANSWER, RR_OF("\300\14", TYPE_A, CLASS_CH, 1, "\1\1\1\1"));
    assert_fault(&w, MESSAGE_CLASS);
    start(&w);
    count(&w, SECTION_ANSWER, 1);
    assert_fault(&w, MESSAGE_SHORT);
    w.size = 11;
    assert_fault(&w, MESSAGE_SHORT);
}

static void a_malformed_record_that_nobody_asked_for_is_dropped_alone(void **state)
{
    struct wire w;
    struct arena a;
    struct message *m;
    enum message_fault fault;
    (void)state;
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 1, "\1\1\1\1"));
    add(&w, SECTION_ANSWER, RR(MX, 1, "\0"));
    add(&w, SECTION_AUTHORITY, RR(TXT, 1, ""));
    add(&w, SECTION_ADDITIONAL, RR(AAAA, 1, "\1"));
    add(&w, SECTION_ADDITIONAL, RR(A, 1, "\2\2\2\2"));
    arena_init(&a, NULL);
    assert_int_equal(message_parse(&a, w.bytes, w.size, 0, &m, &fault), OK);
    assert_int_equal(m->dropped, 3);
    assert_int_equal(m->dropped_answers, 1);
    assert_int_equal(m->section[SECTION_ANSWER].count, 1);
    assert_int_equal(m->section[SECTION_AUTHORITY].count, 0);
    assert_int_equal(m->section[SECTION_ADDITIONAL].count, 1);
    arena_deinit(&a);
}

static void a_wrong_opt_is_refused(void **state)
{
    (void)state;
    static struct wire w;
    const struct rr *opt = RR_OF("\0", TYPE_OPT, 1232, 0, "");
    start(&w);
    add(&w, SECTION_ADDITIONAL, opt);
    add(&w, SECTION_ADDITIONAL, opt);
    assert_fault(&w, MESSAGE_OPT);
    start(&w);
    add(&w, SECTION_ANSWER, opt);
    assert_fault(&w, MESSAGE_OPT);
    start(&w);
    add(&w, SECTION_ADDITIONAL, RR_OF("\300\14", TYPE_OPT, 1232, 0, ""));
    assert_fault(&w, MESSAGE_OPT);
    start(&w);
    add(&w, SECTION_ADDITIONAL, RR_OF("\0", TYPE_OPT, 1232, 0, "\0\3\0\1"));
    assert_fault(&w, MESSAGE_OPT);
}

static void transaction_signatures_are_refused_however_many(void **state)
{
    (void)state;
    static struct wire w;
    const struct rr *tsig =
        RR_OF("\300\14", TYPE_TSIG, CLASS_ANY, 0, "\1a\0\0\0\0\0\0\0\1\54\0\0\0\0\0\0\0\0");
    for (unsigned n = 1; n <= 4; n++) {
        start(&w);
        for (unsigned i = 0; i < n; i++)
            add(&w, SECTION_ADDITIONAL, tsig);
        assert_fault(&w, MESSAGE_TSIG);
    }
    start(&w);
    add(&w, SECTION_ADDITIONAL, RR(SIG, 0, SIGNATURE_OF("\0")));
    assert_fault(&w, MESSAGE_TSIG);
    start(&w);
    add(&w, SECTION_ADDITIONAL, RR(SIG, 0, SIGNATURE_OF("\1")));
    assert_int_equal(message_check(w.bytes, w.size), MESSAGE_FINE);
}

static void no_type_of_rdata_length_0_or_short_harms(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    for (unsigned type = 0; type < 300; type++)
        for (size_t length = 0; length < 24; length++) {
            struct rr r = {"\300\14", 2, (uint16_t)type, CLASS_IN, 1, SIGNATURE_OF("\1"), length};
            struct message *m = NULL;
            enum message_fault fault;
            char buf[1000];
            arena_init(&a, NULL);
            start(&w);
            add(&w, SECTION_ADDITIONAL, &r);
            if (parse(&w, &a, &m, &fault) == OK)
                message_text(m, NOW, buf, sizeof(buf));
            else
                assert_int_not_equal(fault, MESSAGE_FINE);
            arena_deinit(&a);
        }
}

static void an_rrset_over_200_records_or_16_kib_is_refused(void **state)
{
    (void)state;
    static struct wire w;
    static char text[256];
    struct arena a;
    char rdata[4] = {0};
    struct rr r = {"\300\14", 2, TYPE_A, CLASS_IN, 1, rdata, 4};
    start(&w);
    for (unsigned i = 0; i < 201; i++) {
        if (i == 200) {
            arena_init(&a, NULL);
            assert_int_equal(parsed(&w, &a)->section[0].at[0]->count, 200);
            arena_deinit(&a);
        }
        rdata[3] = (char)i;
        add(&w, SECTION_ANSWER, &r);
    }
    assert_fault(&w, MESSAGE_TOO_MANY);
    start(&w);
    r = (struct rr){"\300\14", 2, TYPE_TXT, CLASS_IN, 1, text, 256};
    text[0] = (char)255;
    for (unsigned i = 0; i < 64; i++) {
        text[1] = (char)i;
        add(&w, SECTION_ANSWER, &r);
    }
    assert_fault(&w, MESSAGE_TOO_MANY);
}

static double seconds_to_parse(unsigned owners)
{
    static struct wire w;
    struct arena a;
    struct timespec from, to;
    struct message *m = NULL;
    enum message_fault fault;
    arena_init(&a, NULL);
    start(&w);
    for (unsigned i = 0; i < owners; i++) {
        char owner[6] = {3, (char)(i >> 6 | 128), (char)(i & 63), 'x', (char)0xc0, 14};
        struct rr r = {owner, 6, TYPE_NULL, CLASS_IN, 1, "", 0};
        add(&w, SECTION_ANSWER, &r);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (unsigned i = 0; i < 4000 / owners; i++)
        assert_int_equal(message_parse(&a, w.bytes, w.size, NOW, &m, &fault), OK);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_int_equal(m->section[0].count, owners);
    arena_deinit(&a);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void four_thousand_owners_cost_as_much_in_one_message_as_in_twenty(void **state)
{
    (void)state;
    double apart = seconds_to_parse(200);
    double together = seconds_to_parse(4000);
    assert_true(together < 12 * apart + 0.05);
}

static void parsing_reports_memory_that_runs_out(void **state)
{
    (void)state;
    static struct wire w;
    start(&w);
    for (char i = 0; i < 100; i++) {
        char owner[4] = {1, i, (char)0xc0, 14};
        struct rr r = {owner, 4, TYPE_MX, CLASS_IN, 1, "\0\1\300\14", 4};
        add(&w, SECTION_ANSWER, &r);
    }
    enum err e = ERR_NOMEM;
    for (size_t n = 1; e && n < 100; n++) {
        struct gauge g = {.limit = SIZE_MAX, .fail_after = n};
        struct arena a;
        struct message *m = NULL;
        enum message_fault fault;
        arena_init(&a, &g);
        e = parse(&w, &a, &m, &fault);
        assert_true(e == ERR_NOMEM || (e == OK && n > 3));
        arena_deinit(&a);
        assert_int_equal(g.used, 0);
    }
    assert_int_equal(e, OK);
}

static void a_message_is_shown_as_text_and_cut_to_the_buffer(void **state)
{
    (void)state;
    static struct wire w;
    struct arena a;
    char buf[500];
    char small[20];
    arena_init(&a, NULL);
    start(&w);
    add(&w, SECTION_ANSWER, RR(A, 7, "\1\1\1\1"));
    add(&w, SECTION_ADDITIONAL, RR_OF("\0", TYPE_OPT, 1232, 0x8000, ""));
    struct message *m = parsed(&w, &a);
    assert_string_equal(message_text(m, NOW, buf, sizeof(buf)),
                        ";; id 7 opcode 0 rcode NOERROR flags qr aa ra\n"
                        ";; edns version 0 udp 1232 do options 0\n"
                        ";; question\na.z.\tIN\tA\n"
                        ";; answer\na.z.\t7\tIN\tA\t1.1.1.1\n");
    assert_string_equal(message_text(m, NOW, small, sizeof(small)), ";; id 7 opcode 0 rc");
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_question_are_read),
        cmocka_unit_test(records_become_rrsets_in_the_order_of_their_first),
        cmocka_unit_test(signatures_go_with_what_they_cover),
        cmocka_unit_test(ttls_of_one_rrset_become_the_least),
        cmocka_unit_test(a_ttl_with_the_high_bit_is_0),
        cmocka_unit_test(opt_becomes_edns_and_no_record),
        cmocka_unit_test(compressed_rdata_is_kept_uncompressed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(each_fault_is_told_apart),
        cmocka_unit_test(a_malformed_record_that_nobody_asked_for_is_dropped_alone),
        cmocka_unit_test(a_wrong_opt_is_refused),
        cmocka_unit_test(transaction_signatures_are_refused_however_many),
        cmocka_unit_test(no_type_of_rdata_length_0_or_short_harms),
        cmocka_unit_test(an_rrset_over_200_records_or_16_kib_is_refused),
        cmocka_unit_test(four_thousand_owners_cost_as_much_in_one_message_as_in_twenty),
        cmocka_unit_test(parsing_reports_memory_that_runs_out),
        cmocka_unit_test(a_message_is_shown_as_text_and_cut_to_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
