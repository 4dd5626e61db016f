#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrset.h"
#include "dns/types.h"

/* Text that is cut where the buffer ends. */
struct sheet {
    char *buf;
    size_t size;
    size_t at;
};

static struct sheet sheet_of(char *buf, size_t size)
{
    if (size)
        buf[0] = '\0';
    return (struct sheet){.buf = buf, .size = size};
}

static void print(struct sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void print(struct sheet *s, const char *fmt, ...)
{
    va_list args;
    if (s->at + 1 >= s->size)
        return;
    va_start(args, fmt);
    int n = vsnprintf(s->buf + s->at, s->size - s->at, fmt, args);
    va_end(args);
    if (n < 0)
        return;
    size_t room = s->size - s->at - 1;
    s->at += (size_t)n < room ? (size_t)n : room;
}

/* One record as text. The rdata has passed rdata_check. */
struct line {
    const uint8_t *owner;
    const uint8_t *rdata;
    uint32_t ttl;
    uint16_t type;
    uint16_t length;
};

/* RFC 3597 §5. */
static void print_opaque(struct sheet *s, const struct line *l)
{
    print(s, "\\# %u%s", l->length, l->length ? " " : "");
    for (unsigned i = 0; i < l->length; i++)
        print(s, "%02x", l->rdata[i]);
}

/* The record with the root for its owner and TTL 0: ldns is to print its rdata only. */
static ldns_rr *to_ldns(const struct line *l)
{
    enum { HEAD = 11 };
    size_t size = HEAD + (size_t)l->length;
    ldns_rr *rr = NULL;
    uint8_t *wire = calloc(1, size);
    if (!wire)
        return NULL;
    store_u16(wire + 1, l->type);
    store_u16(wire + 3, CLASS_IN);
    store_u16(wire + 9, l->length);
    memcpy(wire + HEAD, l->rdata, l->length);
    size_t pos = 0;
    if (ldns_wire2rr(&rr, wire, size, &pos, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
        rr = NULL;
    free(wire);
    return rr;
}

/* What stands behind owner, TTL, class and type, without the blank or line end that may close it.
 */
static const char *rdata_of(char *text)
{
    char *at = text;
    for (unsigned tabs = 0; tabs < 4 && at; tabs++) {
        at = strchr(at, '\t');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return "";
    size_t end = strlen(at);
    while (end && (at[end - 1] == ' ' || at[end - 1] == '\n'))
        end--;
    at[end] = '\0';
    return at;
}

/* ldns prints what our table knows the form of; of other types it would trust octets nobody
 * checked. */
static void print_line(struct sheet *s, const struct line *l)
{
    char name[NAME_TEXT_MAX];
    char type[TYPE_TEXT_MAX];
    ldns_rr *rr = rdata_form(l->type)[0] == '*' || l->length == 0 ? NULL : to_ldns(l);
    char *text = rr ? ldns_rr2str_fmt(ldns_output_format_nocomments, rr) : NULL;
    print(s, "%s\t%u\tIN\t%s\t", name_text(l->owner, name), (unsigned)l->ttl,
          type_text(l->type, type));
    if (text)
        print(s, "%s", rdata_of(text));
    else
        print_opaque(s, l);
    print(s, "\n");
    free(text);
    ldns_rr_free(rr);
}

static void print_rrset(struct sheet *s, const struct rrset *set, uint32_t now_s)
{
    struct rrset_iter it = rrset_all(set);
    for (unsigned i = 0; rrset_next(&it); i++) {
        struct line l = {
            .owner = set->owner,
            .rdata = it.rdata,
            .ttl = rrset_ttl(set, now_s),
            .type = i < set->count ? set->type : TYPE_RRSIG,
            .length = it.length,
        };
        print_line(s, &l);
    }
}

const char *rrset_text(const struct rrset *s, uint32_t now_s, char *buf, size_t size)
{
    struct sheet sheet = sheet_of(buf, size);
    print_rrset(&sheet, s, now_s);
    return buf;
}

static void print_flags(struct sheet *s, uint16_t flags)
{
    static const struct {
        uint16_t flag;
        const char *text;
    } texts[] = {
        {FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"}, {FLAG_RD, "rd"},
        {FLAG_RA, "ra"}, {FLAG_AD, "ad"}, {FLAG_CD, "cd"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (flags & texts[i].flag)
            print(s, " %s", texts[i].text);
}

static void print_question(struct sheet *s, const struct message *m)
{
    char name[NAME_TEXT_MAX];
    char type[TYPE_TEXT_MAX];
    if (!m->has_question)
        return;
    print(s, ";; question\n%s\t", name_text(m->qname, name));
    if (m->qclass == CLASS_IN)
        print(s, "IN\t");
    else
        print(s, "CLASS%u\t", m->qclass);
    print(s, "%s\n", type_text(m->qtype, type));
}

const char *message_text(const struct message *m, uint32_t now_s, char *buf, size_t size)
{
    static const char *const titles[SECTION_COUNT] = {"answer", "authority", "additional"};
    struct sheet s = sheet_of(buf, size);
    char rcode[RCODE_TEXT_MAX];
    print(&s, ";; id %u opcode %u rcode %s flags", m->id, (m->flags & FLAG_OPCODE) >> 11,
          rcode_text(m->rcode, rcode));
    print_flags(&s, m->flags);
    print(&s, "\n");
    if (m->edns.present)
        print(&s, ";; edns version %u udp %u%s options %u\n", m->edns.version, m->edns.udp_size,
              m->edns.do_bit ? " do" : "", m->edns.options_size);
    print_question(&s, m);
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if (m->section[i].count)
            print(&s, ";; %s\n", titles[i]);
        for (size_t j = 0; j < m->section[i].count; j++)
            print_rrset(&s, m->section[i].at[j], now_s);
    }
    return buf;
}
