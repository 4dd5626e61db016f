/* Attacks on the reader of messages: size, compression, options, forms that libraries stumble over.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/rdata.h"
#include "tests/attacks/attack.h"

static enum err parse(const struct raw *m, struct message **out, struct arena *a)
{
    enum message_fault fault;
    return message_parse(a, m->bytes, m->size, 0, out, &fault);
}

/* ---- Many records ---------------------------------------------------------------------------- */

enum records { ONE_SET, OF_MANY_NAMES, SIGNATURES };

static void parse_records(enum records kind, size_t count)
{
    static struct raw m;
    struct message *out;
    struct arena a;
    arena_init(&a, NULL);
    raw_start(&m);
    for (size_t i = 0; i < count; i++) {
        uint8_t number[4];
        store_u32(number, (uint32_t)(i * 2654435761U));
        if (kind == OF_MANY_NAMES) {
            uint8_t label[5] = {4};
            for (unsigned k = 0; k < 4; k++)
                label[k + 1] = (uint8_t)('a' + (i >> 4 * k) % 16);
            raw_put(&m, label, 5);
        }
        raw_record(&m, SECTION_ANSWER, TYPE_A, number, 4);
    }
    MUST(parse(&m, &out, &a) != ERR_NOMEM);
    arena_deinit(&a);
}

static void parse_one_set(void *ctx, size_t count)
{
    (void)ctx;
    parse_records(ONE_SET, count);
}

static void parse_many_names(void *ctx, size_t count)
{
    (void)ctx;
    parse_records(OF_MANY_NAMES, count);
}

static void serve_huge(struct ask *q, void *script)
{
    size_t count = *(size_t *)script;
    if (q->exchange->via == TRANSPORT_UDP) {
        reply_start(q, FLAG_AA | FLAG_TC);
        reply_send(q, 10);
        return;
    }
    static struct raw m;
    raw_reply(&m, q, FLAG_AA);
    for (size_t i = 0; i < count; i++) {
        uint8_t number[4];
        store_u32(number, (uint32_t)(i * 2654435761U));
        raw_record(&m, SECTION_ANSWER, TYPE_A, number, 4);
    }
    reply_raw(q, m.bytes, m.size, 10);
}

static void resolve_huge(void *ctx, size_t count)
{
    static struct answer_seen a;
    struct rig *r = ctx;
    static size_t now;
    static unsigned number;
    char name[64];
    now = count;
    snprintf(name, sizeof name, "w%u.huge.com.", number++);
    rig_serve_all(r, serve_huge, &now);
    rig_resolve(r, name, TYPE_A, &a);
}

void attack_huge_rrset(struct report *report)
{
    struct rig *r = rig_new(&(struct rig_config){0});
    report_at_most(report, "reading 10 x the records of one name, x work",
                   growth(parse_one_set, NULL, 400), 12);
    report_at_most(report, "reading 10 x the names, x work", growth(parse_many_names, NULL, 300),
                   12);
    report_at_most(report, "resolving 10 x the records, x work", growth(resolve_huge, r, 390), 12);
    rig_free(r);
}

/* As many as one set may have (200), of long names: each is compared with those before it to drop
 * duplicates. */
static void parse_ns(void *ctx, size_t count)
{
    static struct raw m;
    struct message *out;
    struct arena a;
    (void)ctx;
    arena_init(&a, NULL);
    raw_start(&m);
    for (size_t i = 0; i < count; i++) {
        uint8_t name[60] = {57};
        memset(name + 1, 'x', 57);
        store_u16(name + 56, (uint16_t)i);
        store_u16(name + 58, 0xc00c);
        raw_record(&m, SECTION_AUTHORITY, TYPE_NS, name, sizeof name);
    }
    MUST(parse(&m, &out, &a) == OK);
    arena_deinit(&a);
}

void attack_huge_ns(struct report *report)
{
    report_at_most(report, "reading 200 instead of 20 long names, x work",
                   growth(parse_ns, NULL, 20), 12);
}

/* ---- Compression ----------------------------------------------------------------------------- */

/* A record whose rdata is a chain of pointers, and as many NS records as fit whose names go all the
 * way down. */
static void pointer_chain(struct raw *m, unsigned hops)
{
    static uint8_t chain[2 * 4096];
    raw_start(m);
    size_t base = m->size + 12;
    store_u16(chain, 0xc00c);
    for (unsigned i = 1; i < hops; i++)
        store_u16(chain + 2 * i, (uint16_t)(0xc000 | (base + 2 * (i - 1))));
    raw_record(m, SECTION_ANSWER, TYPE_NULL, chain, 2 * hops);
}

static void add_deep_names(struct raw *m, unsigned hops, size_t most)
{
    size_t last = DNS_HEADER_SIZE + 7 + 12 + 2 * (hops - 1);
    uint8_t pointer[2];
    store_u16(pointer, (uint16_t)(0xc000 | last));
    while (m->size + 14 <= most)
        raw_record(m, SECTION_ANSWER, TYPE_NS, pointer, 2);
}

static void check_deep(void *ctx, size_t size)
{
    static struct raw m;
    (void)ctx;
    pointer_chain(&m, 100);
    add_deep_names(&m, 100, size);
    MUST(message_check(m.bytes, m.size) == MESSAGE_FINE);
    for (unsigned i = 0; i < 5; i++)
        MUST(message_check(m.bytes, m.size) == MESSAGE_FINE);
}

/* Accepted, and no record of it dropped? */
static bool taken_whole(const struct raw *m)
{
    struct message *out;
    struct arena a;
    arena_init(&a, NULL);
    bool whole = parse(m, &out, &a) == OK && out->dropped == 0;
    arena_deinit(&a);
    return whole;
}

static unsigned most_hops(void)
{
    static struct raw m;
    unsigned most = 0;
    for (unsigned hops = 1; hops <= 1000; hops++) {
        pointer_chain(&m, hops);
        add_deep_names(&m, hops, m.size + 14);
        if (taken_whole(&m))
            most = hops + 1; /* the record's own pointer is one too */
    }
    return most;
}

/* Pointers that go to themselves, to each other, forward, into the header, beyond the end. */
static unsigned loops_accepted(void)
{
    static struct raw m;
    unsigned accepted = 0;
    for (unsigned target = 0; target < 200; target++) {
        raw_start(&m);
        size_t at = m.size;
        raw_record(&m, SECTION_ANSWER, TYPE_A, "\1\2\3\4", 4);
        raw_record(&m, SECTION_ANSWER, TYPE_A, "\1\2\3\4", 4);
        store_u16(m.bytes + at, (uint16_t)(0xc000 | target));
        if (target < DNS_HEADER_SIZE ||
            target >= at) /* what lies between is a name, or read as one */
            accepted += message_check(m.bytes, m.size) == MESSAGE_FINE;
        store_u16(m.bytes + at, (uint16_t)(0xc000 | (at + 16)));
        store_u16(m.bytes + at + 16, (uint16_t)(0xc000 | at));
        accepted += message_check(m.bytes, m.size) == MESSAGE_FINE;
    }
    return accepted;
}

void attack_compression(struct report *report)
{
    report_at_most(report, "most hops of a name that is accepted", most_hops(), NAME_MAX_POINTERS);
    report_at_most(report, "loops and forward pointers accepted", loops_accepted(), 0);
    report_at_most(report, "10 x the pointers, x work", growth(check_deep, NULL, 6500), 12);
}

/* ---- What libraries stumble over
 * ----------------------------------------------------------------- */

/* Is the message refused, or at least every record of it? */
static bool refused(const struct raw *m)
{
    struct message *out;
    struct arena a;
    size_t records = 0;
    arena_init(&a, NULL);
    enum err e = parse(m, &out, &a);
    MUST(e != ERR_NOMEM);
    for (unsigned i = 0; e == OK && i < SECTION_COUNT; i++)
        records += out->section[i].count;
    arena_deinit(&a);
    return records == 0;
}

static unsigned tsig_accepted(unsigned count)
{
    static const uint8_t tsig[] = "\0\0\0\0\0\0\0\0\x01\x2c\0\0\0\0\0\0\0\0";
    static struct raw m;
    raw_start(&m);
    for (unsigned i = 0; i < count; i++)
        raw_record(&m, SECTION_ADDITIONAL, TYPE_TSIG, tsig, 17);
    return !refused(&m);
}

/* Every type whose form asks for octets, with none at all and with each number of octets too few.
 */
static unsigned short_rdata_accepted(unsigned *tried)
{
    static const uint8_t zeros[64];
    static struct raw m;
    unsigned accepted = 0;
    for (unsigned type = 1; type < 32770; type++) {
        const char *form = rdata_form((uint16_t)type);
        size_t least = 0;
        for (const char *f = form; *f; f++)
            least += *f >= '1' && *f <= '6' ? (size_t)(*f - '0')
                     : *f == 'A'            ? 4
                     : *f == 'Q'            ? 16
                     : strchr("NnSTH+", *f) ? 1
                                            : 0;
        if (type_is_meta((uint16_t)type) || least == 0)
            continue;
        for (size_t size = 0; size < least; size++, ++*tried) {
            raw_start(&m);
            raw_record(&m, SECTION_ANSWER, type, zeros, size);
            accepted += !refused(&m);
        }
    }
    return accepted;
}

static unsigned bitmaps_accepted(void)
{
    static const struct {
        uint8_t rdata[8];
        size_t size;
    } maps[] = {{"\0\0", 2},         {"\0\0\0", 3},       {"\0\0\1", 3},        {"\0\0\x21", 3},
                {"\0\0\2\x40", 4},   {"\0\1\1\x40\0", 5}, {"\0\0\1\x40\0", 5},  {"\0\xff\x20\1", 4},
                {"\0\0\0\0\1\1", 6}, {"\1", 1},           {"\0\1\1\1\0\1\1", 7}};
    static struct raw m;
    unsigned accepted = 0;
    for (unsigned i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        raw_start(&m);
        raw_record(&m, SECTION_ANSWER, TYPE_NSEC, maps[i].rdata, maps[i].size);
        accepted += !refused(&m);
    }
    return accepted;
}

/* Many records with names in their rdata: each passes through the library. */
static void three_thousand(void)
{
    static struct raw m;
    struct message *out;
    struct arena a;
    arena_init(&a, NULL);
    raw_start(&m);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t mx[4];
        store_u16(mx, (uint16_t)i);
        store_u16(mx + 2, 0xc00c);
        raw_record(&m, SECTION_ANSWER, TYPE_MX, mx, 4);
    }
    enum err e = parse(&m, &out, &a);
    MUST(e == OK || e == ERR_FORMAT);
    arena_deinit(&a);
}

void attack_library_traps(struct report *report)
{
    unsigned tried = 0;
    report_at_most(report, "one TSIG accepted", tsig_accepted(1), 0);
    report_at_most(report, "four TSIG accepted", tsig_accepted(4), 0);
    unsigned accepted = short_rdata_accepted(&tried);
    report_at_least(report, "types x short rdata", tried, 200);
    report_at_most(report, "short rdata accepted", accepted, 0);
    report_at_most(report, "broken bit maps accepted", bitmaps_accepted(), 0);
    three_thousand();
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < 20; i++) {
        tsig_accepted(4);
        bitmaps_accepted();
        three_thousand();
    }
    size_t after = mallinfo2().uordblks;
    report_at_most(report, "octets leaked", after > before ? (double)(after - before) : 0, 0);
}

/* ---- EDNS options
 * --------------------------------------------------------------------------------- */

static void options(struct raw *m, size_t count)
{
    raw_start(m);
    raw_put(m, "\0", 1);
    raw_u16(m, TYPE_OPT);
    raw_u16(m, DNS_UDP_SAFE);
    raw_u16(m, 0);
    raw_u16(m, 0);
    raw_u16(m, (unsigned)(4 * count));
    for (size_t i = 0; i < count; i++) {
        raw_u16(m, 65001);
        raw_u16(m, 0);
    }
    raw_count(m, SECTION_ADDITIONAL);
}

static void check_options(void *ctx, size_t count)
{
    static struct raw m;
    (void)ctx;
    options(&m, count);
    for (unsigned i = 0; i < 20; i++)
        MUST(message_check(m.bytes, m.size) == MESSAGE_FINE);
}

void attack_edns_options(struct report *report)
{
    static struct raw m;
    struct message *out;
    struct arena a;
    arena_init(&a, NULL);
    options(&m, 16000);
    MUST(parse(&m, &out, &a) == OK);
    report_at_most(report, "options looked at, of 16,000", out->edns.options_size / 4, 32);
    report_at_most(report, "10 x the options, x work", growth(check_options, NULL, 1600), 12);
    arena_deinit(&a);
}
