/*
 * What the checker passes must parse, unless one RRset is too large or memory is; what was parsed
 * must be written, parsed again and be the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1000000 };

/* ERR_SPACE is no fault: a message of many pointers grows when names in later types are spelt out.
 */
static enum err write_sets(struct writer *w, const struct message *m)
{
    for (unsigned section = 0; section < SECTION_COUNT; section++)
        for (size_t i = 0; i < m->section[section].count; i++) {
            enum err e =
                writer_rrset(w, (enum section)section, m->section[section].at[i], NOW, true);
            if (e)
                return e;
        }
    return OK;
}

static size_t write_message(uint8_t *buf, const struct message *m, bool *whole)
{
    struct writer w;
    struct writer_opt o = {.udp_size = m->edns.udp_size,
                           .extended_rcode = m->edns.extended_rcode,
                           .version = m->edns.version,
                           .do_bit = m->edns.do_bit};
    writer_init(&w, buf, DNS_MESSAGE_MAX);
    MUST(writer_header(&w, m->id, m->flags) == OK);
    if (m->has_question)
        MUST(writer_question(&w, m->qname, m->qtype, m->qclass) == OK);
    if (m->edns.present)
        w.reserved = writer_opt_size(&o);
    *whole = write_sets(&w, m) == OK;
    if (m->edns.present)
        MUST(writer_opt(&w, &o) == OK);
    return writer_finish(&w);
}

static void compare_sets(const struct rrset *a, const struct rrset *b)
{
    MUST(rrset_same_records(a, b));
    MUST(a->expiry == b->expiry);
    MUST(a->signatures == b->signatures);
}

static void compare(const struct message *a, const struct message *b)
{
    MUST(a->id == b->id && a->flags == b->flags && a->rcode == b->rcode);
    MUST(a->has_question == b->has_question && a->edns.present == b->edns.present);
    if (a->has_question)
        MUST(name_equal_case(a->qname, b->qname) && a->qtype == b->qtype);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        MUST(a->section[section].count == b->section[section].count);
        for (size_t i = 0; i < a->section[section].count; i++)
            compare_sets(a->section[section].at[i], b->section[section].at[i]);
    }
}

static void write_and_parse_again(struct arena *a, const struct message *m)
{
    static uint8_t buf[DNS_MESSAGE_MAX];
    static char text[100000];
    struct message *again = NULL;
    enum message_fault fault;
    bool whole;
    size_t size = write_message(buf, m, &whole);
    MUST(message_parse(a, buf, size, NOW, &again, &fault) == OK);
    if (whole)
        compare(m, again);
    message_text(m, NOW, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gauge g = {.limit = 64u << 20};
    struct arena a;
    struct message *m = NULL;
    enum message_fault fault;
    arena_init(&a, &g);
    enum message_fault check = message_check(data, size);
    enum err e = message_parse(&a, data, size, NOW, &m, &fault);
    MUST(e == OK || e == ERR_FORMAT);
    MUST(check == fault || (check == MESSAGE_FINE && fault == MESSAGE_TOO_MANY));
    MUST((e == OK) == (fault == MESSAGE_FINE));
    if (!e)
        write_and_parse_again(&a, m);
    arena_deinit(&a);
    MUST(g.used == 0);
    return 0;
}
