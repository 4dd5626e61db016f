/* Comparing messages with entries. */
#include <stdio.h>
#include <string.h>

#include "dns/edns.h"
#include "dns/rdata.h"
#include "tests/sim/rpl.h"

static bool differ(char why[RPL_ERROR_MAX], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes the difference; always false. */
static bool differ(char why[RPL_ERROR_MAX], const char *fmt, ...)
{
    if (!why)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, RPL_ERROR_MAX, fmt, ap);
    va_end(ap);
    return false;
}

/* Rdata equal with the names in it compared without case. */
static bool same_rdata(const struct rpl_rr *a, const struct rpl_rr *b)
{
    if (a->length != b->length)
        return false;
    struct rdata_names names = {0};
    rdata_find_names(a->type, a->rdata, a->length, &names);
    size_t at = 0;
    for (unsigned i = 0; i < names.count; i++) {
        size_t start = names.at[i].offset, end = start + names.at[i].size;
        if (start < at || end > a->length || memcmp(a->rdata + at, b->rdata + at, start - at) != 0)
            return false;
        for (at = start; at < end; at++) {
            uint8_t x = a->rdata[at], y = b->rdata[at];
            if (x >= 'A' && x <= 'Z')
                x |= 0x20;
            if (y >= 'A' && y <= 'Z')
                y |= 0x20;
            if (x != y)
                return false;
        }
    }
    return at == a->length || memcmp(a->rdata + at, b->rdata + at, a->length - at) == 0;
}

static bool same_rr(const struct rpl_rr *a, const struct rpl_rr *b, bool ttl)
{
    return a->type == b->type && a->class == b->class && (!ttl || a->ttl == b->ttl) &&
           name_equal(a->owner, b->owner) && same_rdata(a, b);
}

static const struct rpl_rr *find_rr(const struct rpl_rr *list, const struct rpl_rr *rr, bool ttl)
{
    for (; list; list = list->next) {
        if (same_rr(list, rr, ttl))
            return list;
    }
    return NULL;
}

static size_t count_rr(const struct rpl_rr *list, const struct rpl_rr *rr)
{
    size_t n = 0;
    for (; list; list = list->next)
        n += same_rr(list, rr, false);
    return n;
}

static bool differ_rr(char why[RPL_ERROR_MAX], const char *fmt, const char *section,
                      const struct rpl_rr *rr)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    if (!why)
        return false;
    int n = snprintf(why, RPL_ERROR_MAX, "%s section: %s ", section, fmt);
    if (n > 0 && n < RPL_ERROR_MAX)
        snprintf(why + n, (size_t)(RPL_ERROR_MAX - n), "%.120s %s", name_text(rr->owner, name),
                 type_text(rr->type, type));
    return false;
}

/* As sets; but a record that comes more often than the entry has it is a difference too. */
static bool match_section(const char *title, const struct rpl_rr *want, const struct rpl_rr *got,
                          bool ttl, char why[RPL_ERROR_MAX])
{
    for (const struct rpl_rr *rr = want; rr; rr = rr->next) {
        if (find_rr(got, rr, ttl))
            continue;
        return differ_rr(why, find_rr(got, rr, false) ? "another TTL for" : "missing", title, rr);
    }
    for (const struct rpl_rr *rr = got; rr; rr = rr->next) {
        if (!find_rr(want, rr, ttl))
            return differ_rr(why, "not expected", title, rr);
        if (count_rr(got, rr) > count_rr(want, rr))
            return differ_rr(why, "more than once", title, rr);
    }
    return true;
}

static bool match_question(const struct rpl_entry *e, const struct rpl_message *m,
                           char why[RPL_ERROR_MAX])
{
    const struct rpl_question *want = &e->packet.question;
    const struct rpl_question *got = &m->question;
    uint32_t bits = e->match;
    if (!want->name && (bits & MATCH_WHOLE))
        return true;
    if (!(bits & (MATCH_QTYPE | MATCH_QNAME | MATCH_SUBDOMAIN | MATCH_QCASE)))
        return true;
    if (!want->name || !got->name)
        return !want->name == !got->name ||
               differ(why, "question: %s", want->name ? "there is none" : "there is one");
    if ((bits & MATCH_QTYPE) && (want->type != got->type || want->class != got->class))
        return differ(why, "question: another type or class");
    if ((bits & MATCH_QNAME) && !name_equal(want->name, got->name))
        return differ(why, "question: another name");
    if ((bits & MATCH_QCASE) && !name_equal_case(want->name, got->name))
        return differ(why, "question: the name differs in case");
    if ((bits & MATCH_SUBDOMAIN) && !name_at_or_below(got->name, want->name))
        return differ(why, "question: the name is not at or below the entry's");
    return true;
}

static bool match_header(const struct rpl_entry *e, const struct rpl_message *m,
                         char why[RPL_ERROR_MAX])
{
    const struct rpl_packet *p = &e->packet;
    if ((e->match & MATCH_OPCODE) && p->opcode != m->opcode)
        return differ(why, "opcode: %u expected, got %u", p->opcode, m->opcode);
    if ((e->match & MATCH_RCODE) && p->rcode != m->rcode) {
        char want[RCODE_TEXT_MAX], got[RCODE_TEXT_MAX];
        return differ(why, "rcode: %s expected, got %s", rcode_text(p->rcode, want),
                      rcode_text(m->rcode, got));
    }
    if ((e->match & MATCH_FLAGS) && p->flags != m->flags)
        return differ(why, "flags: %04x expected, got %04x", p->flags, m->flags);
    if ((e->match & MATCH_UDP) && m->via != TRANSPORT_UDP)
        return differ(why, "transport: UDP expected");
    if ((e->match & MATCH_TCP) && m->via != TRANSPORT_TCP)
        return differ(why, "transport: TCP expected");
    return true;
}

static bool find_option(const uint8_t *options, size_t size, uint16_t code, struct rpl_bytes *out)
{
    struct cursor c = cursor_of(options, size);
    while (cursor_left(&c) >= 4) {
        uint16_t at = cursor_u16(&c);
        uint16_t length = cursor_u16(&c);
        const uint8_t *p = cursor_bytes(&c, length);
        if (p && at == code) {
            *out = (struct rpl_bytes){p, length};
            return true;
        }
        if (!p)
            break;
    }
    return false;
}

static bool match_ede(const struct rpl_entry *e, const struct rpl_message *m,
                      char why[RPL_ERROR_MAX])
{
    struct rpl_bytes o;
    if (!(e->match & (MATCH_EDE | MATCH_EDE_ANY)))
        return true;
    /* Several may come; the one asked for must be among them. */
    struct cursor c = cursor_of(m->edns.options, m->edns.options_size);
    int seen = -1;
    while (find_option(c.at, cursor_left(&c), EDNS_EDE, &o)) {
        c.at = o.at + o.size;
        if (o.size < 2)
            continue;
        seen = load_u16(o.at);
        if ((e->match & MATCH_EDE_ANY) || seen == e->ede)
            return true;
    }
    if (seen >= 0)
        return differ(why, "EDE: %u expected, got %d", e->ede, seen);
    return differ(why, "EDE: there is none");
}

static bool match_options(const struct rpl_entry *e, const struct rpl_message *m,
                          char why[RPL_ERROR_MAX])
{
    const struct rpl_packet *p = &e->packet;
    struct rpl_bytes got = {0}, want = {0};
    if ((e->match & MATCH_EDNSDATA) &&
        (p->ednsdata_size != m->edns.options_size ||
         (p->ednsdata_size > 0 && memcmp(p->ednsdata, m->edns.options, p->ednsdata_size) != 0)))
        return differ(why, "EDNS options differ");
    if (e->match & MATCH_NSID) {
        bool wanted = find_option(p->ednsdata, p->ednsdata_size, EDNS_NSID, &want);
        if (!find_option(m->edns.options, m->edns.options_size, EDNS_NSID, &got))
            return differ(why, "there is no NSID option");
        if (wanted && (want.size != got.size || memcmp(want.at, got.at, got.size) != 0))
            return differ(why, "another NSID");
    }
    if (e->match & (MATCH_CLIENT_COOKIE | MATCH_SERVER_COOKIE)) {
        if (!find_option(m->edns.options, m->edns.options_size, EDNS_COOKIE, &got) || got.size < 8)
            return differ(why, "there is no client cookie");
        if ((e->match & MATCH_SERVER_COOKIE) && got.size < 16)
            return differ(why, "there is no server cookie");
    }
    return match_ede(e, m, why);
}

static bool match_edns(const struct rpl_entry *e, const struct rpl_message *m,
                       char why[RPL_ERROR_MAX])
{
    if ((e->match & MATCH_NOEDNS) && m->edns.present)
        return differ(why, "EDNS: none expected");
    if ((e->match & MATCH_EDNS) && !m->edns.present)
        return differ(why, "EDNS: expected");
    bool whole = (e->match & MATCH_WHOLE) && !(e->match & MATCH_WHOLE_NOEDNS) && e->packet.do_bit;
    if (((e->match & MATCH_DO) || whole) && !m->edns.do_bit)
        return differ(why, "EDNS: DO expected");
    return match_options(e, m, why);
}

/* The serial in the SOA of the authority section of an IXFR query (RFC 1995 §3). */
static bool match_serial(const struct rpl_entry *e, const struct rpl_message *m,
                         char why[RPL_ERROR_MAX])
{
    if (!(e->match & MATCH_SERIAL))
        return true;
    for (const struct rpl_rr *rr = m->section[RPL_AUTHORITY]; rr; rr = rr->next) {
        if (rr->type == TYPE_SOA && rr->length >= 20 &&
            load_u32(rr->rdata + rr->length - 20) == e->serial)
            return true;
    }
    return differ(why, "no SOA of serial %u in the authority section", (unsigned)e->serial);
}

static bool match_sections(const struct rpl_entry *e, const struct rpl_message *m,
                           char why[RPL_ERROR_MAX])
{
    static const struct {
        uint32_t bit;
        enum rpl_section section;
        const char *title;
    } sections[] = {{MATCH_ANSWER, RPL_ANSWER, "answer"},
                    {MATCH_AUTHORITY, RPL_AUTHORITY, "authority"},
                    {MATCH_ADDITIONAL, RPL_ADDITIONAL, "additional"}};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if ((e->match & sections[i].bit) &&
            !match_section(sections[i].title, e->packet.section[sections[i].section],
                           m->section[sections[i].section], (e->match & MATCH_TTL) != 0, why))
            return false;
    }
    return true;
}

bool rpl_match(const struct rpl_entry *e, const struct rpl_message *m, char why[RPL_ERROR_MAX])
{
    return match_header(e, m, why) && match_question(e, m, why) && match_edns(e, m, why) &&
           match_serial(e, m, why) && match_sections(e, m, why);
}

static bool range_covers(const struct rpl_range *r, const struct endpoint *from)
{
    if (!r->addresses)
        return true;
    for (const struct rpl_address *a = r->addresses; a; a = a->next) {
        if (address_equal(&a->at, from))
            return true;
    }
    return false;
}

const struct rpl_entry *rpl_find_entry(const struct rpl_file *f, unsigned step,
                                       const struct endpoint *from, const struct rpl_message *query)
{
    for (const struct rpl_range *r = f->ranges; r; r = r->next) {
        if (step < r->from || step > r->to || !range_covers(r, from))
            continue;
        for (const struct rpl_entry *e = r->entries; e; e = e->next) {
            if (rpl_match(e, query, NULL))
                return e;
        }
    }
    return NULL;
}
