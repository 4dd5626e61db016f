/* A reader and a printer of messages, the tests' own. */
#include <stdio.h>
#include <string.h>

#include "dns/edns.h"
#include "dns/rdata.h"
#include "dns/rrset.h"
#include "tests/sim/rpl.h"

/* ---- reading --------------------------------------------------------------------------------- */

static enum err bad(char error[RPL_ERROR_MAX], const char *what)
{
    snprintf(error, RPL_ERROR_MAX, "the message cannot be read: %s", what);
    return ERR_FORMAT;
}

/* Copies one field of rdata as its form letter says; false when it runs over the end. */
static bool copy_field(struct cursor *c, char form, uint8_t *out, size_t *size)
{
    uint8_t name[NAME_MAX_WIRE];
    size_t n;
    switch (form) {
    case 'N':
    case 'n':
        if (name_read(c, name) != OK)
            return false;
        *size += name_copy(out + *size, name);
        return true;
    case '1':
    case '2':
    case '4':
    case '6':
        n = (size_t)(form - '0');
        break;
    case 'A':
        n = 4;
        break;
    case 'Q':
        n = 16;
        break;
    case 'S':
    case 'H':
        n = cursor_left(c) > 0 ? (size_t)*c->at + 1 : 1;
        break;
    default:
        n = cursor_left(c);
        break;
    }
    const uint8_t *p = cursor_bytes(c, n);
    if (!p)
        return false;
    if (n > 0)
        memcpy(out + *size, p, n);
    *size += n;
    return true;
}

/* The rdata with its names uncompressed, in the arena. */
static enum err read_rdata(struct arena *a, struct cursor *c, uint16_t length, struct rpl_rr *rr)
{
    const uint8_t *from = cursor_bytes(c, length);
    if (!from)
        return ERR_FORMAT;
    struct cursor in = {.base = c->base, .at = from, .end = from + length};
    uint8_t *out = arena_alloc(a, (size_t)length + 2 * NAME_MAX_WIRE);
    if (!out)
        return ERR_NOMEM;
    size_t size = 0;
    for (const char *form = rdata_form(rr->type); *form; form++) {
        if (!copy_field(&in, *form, out, &size))
            return ERR_FORMAT;
    }
    if (cursor_left(&in) > 0)
        return ERR_FORMAT;
    rr->rdata = out;
    rr->length = (uint16_t)size;
    return OK;
}

static enum err read_record(struct arena *a, struct cursor *c, struct rpl_rr **out)
{
    uint8_t owner[NAME_MAX_WIRE];
    struct rpl_rr *rr = arena_calloc(a, 1, sizeof *rr);
    if (!rr)
        return ERR_NOMEM;
    if (name_read(c, owner) != OK)
        return ERR_FORMAT;
    rr->type = cursor_u16(c);
    rr->class = cursor_u16(c);
    rr->ttl = cursor_u32(c);
    uint16_t length = cursor_u16(c);
    if (c->failed)
        return ERR_FORMAT;
    enum err err = read_rdata(a, c, length, rr);
    if (err)
        return err;
    rr->owner = arena_copy(a, owner, name_size(owner));
    *out = rr;
    return rr->owner ? OK : ERR_NOMEM;
}

static enum err take_opt(struct rpl_message *m, const struct rpl_rr *rr, char error[RPL_ERROR_MAX])
{
    if (m->edns.present)
        return bad(error, "two OPT records");
    if (*rr->owner != 0)
        return bad(error, "an OPT record whose owner is not the root");
    m->edns = (struct rpl_edns){.present = true,
                                .do_bit = rr->ttl >> 15 & 1,
                                .version = (uint8_t)(rr->ttl >> 16),
                                .udp_size = rr->class,
                                .options = rr->rdata,
                                .options_size = rr->length};
    m->rcode = (uint16_t)(m->rcode | (rr->ttl >> 24) << 4);
    return OK;
}

static enum err read_section(struct arena *a, struct cursor *c, unsigned count,
                             struct rpl_message *m, enum rpl_section s, char error[RPL_ERROR_MAX])
{
    static const char *const over[] = {"question", "answer section", "authority section",
                                       "additional section"};
    struct rpl_rr **last = &m->section[s];
    for (unsigned i = 0; i < count; i++) {
        struct rpl_rr *rr;
        enum err err = read_record(a, c, &rr);
        if (err == ERR_FORMAT)
            return bad(error, over[s]);
        if (!err && rr->type == TYPE_OPT && s != RPL_ADDITIONAL)
            err = bad(error, "an OPT record outside the additional section");
        else if (!err && rr->type == TYPE_OPT)
            err = take_opt(m, rr, error);
        else if (!err) {
            *last = rr;
            last = &rr->next;
        }
        if (err)
            return err;
    }
    return OK;
}

static enum err read_question(struct arena *a, struct cursor *c, struct rpl_question *q)
{
    uint8_t name[NAME_MAX_WIRE];
    if (name_read(c, name) != OK)
        return ERR_FORMAT;
    q->type = cursor_u16(c);
    q->class = cursor_u16(c);
    q->name = arena_copy(a, name, name_size(name));
    if (c->failed)
        return ERR_FORMAT;
    return q->name ? OK : ERR_NOMEM;
}

enum err rpl_message_read(struct arena *a, const uint8_t *bytes, size_t size,
                          struct rpl_message *out, char error[RPL_ERROR_MAX])
{
    struct cursor c = cursor_of(bytes, size);
    *out = (struct rpl_message){.id = cursor_u16(&c)};
    uint16_t flags = cursor_u16(&c);
    uint16_t counts[RPL_SECTIONS];
    for (int i = 0; i < RPL_SECTIONS; i++)
        counts[i] = cursor_u16(&c);
    if (c.failed)
        return bad(error, "shorter than a header");
    out->flags = flags & (uint16_t) ~(FLAG_OPCODE | FLAG_RCODE);
    out->opcode = (uint8_t)((flags & FLAG_OPCODE) >> 11);
    out->rcode = flags & FLAG_RCODE;
    if (counts[RPL_QUESTION] > 1)
        return bad(error, "more than one question");
    if (counts[RPL_QUESTION] == 1) {
        enum err err = read_question(a, &c, &out->question);
        if (err)
            return err == ERR_NOMEM ? err : bad(error, "question");
    }
    for (int s = RPL_ANSWER; s < RPL_SECTIONS; s++) {
        enum err err = read_section(a, &c, counts[s], out, (enum rpl_section)s, error);
        if (err)
            return err;
    }
    return cursor_left(&c) > 0 ? bad(error, "octets after the last record") : OK;
}

/* ---- printing -------------------------------------------------------------------------------- */

void rpl_printf(struct rpl_text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && t->size + (size_t)n + 1 > t->capacity) {
        size_t capacity = 2 * t->capacity + (size_t)n + 256;
        char *at = arena_alloc(t->arena, capacity);
        if (at && t->size > 0)
            memcpy(at, t->at, t->size);
        t->at = at ? at : t->at;
        t->capacity = at ? capacity : t->capacity;
    }
    if (n >= 0 && t->size + (size_t)n + 1 <= t->capacity) {
        vsnprintf(t->at + t->size, t->capacity - t->size, fmt, again);
        t->size += (size_t)n;
    }
    va_end(again);
}

static const char *class_text(uint16_t class, char buf[TYPE_TEXT_MAX])
{
    switch (class) {
    case CLASS_IN:
        return "IN";
    case CLASS_CH:
        return "CH";
    case CLASS_NONE:
        return "NONE";
    case CLASS_ANY:
        return "ANY";
    default:
        snprintf(buf, TYPE_TEXT_MAX, "CLASS%u", (unsigned)class);
        return buf;
    }
}

/* The rdata as the printer of RRsets writes it: what stands after owner, TTL, class and type. */
static void print_rdata(struct rpl_text *t, const struct rpl_rr *rr)
{
    char line[4096];
    uint8_t *body = arena_alloc(t->arena, (size_t)rr->length + 2);
    if (!body)
        return;
    store_u16(body, rr->length);
    if (rr->length > 0)
        memcpy(body + 2, rr->rdata, rr->length);
    struct rrset set = {.owner = rr->owner,
                        .rdata = body,
                        .rdata_size = (uint32_t)rr->length + 2,
                        .expiry = rr->ttl,
                        .type = rr->type,
                        .count = 1};
    rrset_text(&set, 0, line, sizeof line);
    line[strcspn(line, "\n")] = '\0';
    const char *p = line;
    for (int i = 0; i < 4; i++) {
        p += strcspn(p, " \t");
        p += strspn(p, " \t");
    }
    rpl_printf(t, "%s", p);
}

void rpl_print_rr(struct rpl_text *t, const struct rpl_rr *rr)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], class[TYPE_TEXT_MAX];
    rpl_printf(t, "%s %u %s %s ", name_text(rr->owner, name), (unsigned)rr->ttl,
               class_text(rr->class, class), type_text(rr->type, type));
    print_rdata(t, rr);
}

void rpl_print_flags(struct rpl_text *t, uint16_t flags, uint8_t opcode, uint16_t rcode)
{
    static const struct {
        uint16_t flag;
        const char *text;
    } names[] = {{FLAG_QR, "QR "}, {FLAG_AA, "AA "}, {FLAG_TC, "TC "}, {FLAG_RD, "RD "},
                 {FLAG_RA, "RA "}, {FLAG_Z, "Z "},   {FLAG_AD, "AD "}, {FLAG_CD, "CD "}};
    static const char *const opcodes[] = {"",         "IQUERY ", "STATUS ",
                                          "OPCODE3 ", "NOTIFY ", "UPDATE "};
    char buf[RCODE_TEXT_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (flags & names[i].flag)
            rpl_printf(t, "%s", names[i].text);
    }
    if (opcode < sizeof opcodes / sizeof *opcodes)
        rpl_printf(t, "%s", opcodes[opcode]);
    else
        rpl_printf(t, "OPCODE%u ", opcode);
    rpl_printf(t, "%s", rcode_text(rcode, buf));
}

static void print_edns(struct rpl_text *t, const struct rpl_edns *e)
{
    rpl_printf(t, "; EDNS version %u, %u octets%s", e->version, e->udp_size,
               e->do_bit ? ", DO" : "");
    struct cursor c = cursor_of(e->options, e->options_size);
    while (cursor_left(&c) >= 4) {
        uint16_t code = cursor_u16(&c);
        uint16_t length = cursor_u16(&c);
        const uint8_t *p = cursor_bytes(&c, length);
        if (!p)
            break;
        if (code == EDNS_EDE && length >= 2) {
            rpl_printf(t, ", EDE %u \"%.*s\"", load_u16(p), length - 2, (const char *)p + 2);
            continue;
        }
        rpl_printf(t, ", option %u", code);
        for (unsigned i = 0; i < length; i++)
            rpl_printf(t, "%s%02x", i == 0 ? " " : "", p[i]);
    }
    rpl_printf(t, "\n");
}

void rpl_print_message(struct rpl_text *t, const struct rpl_message *m)
{
    static const char *const titles[] = {"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"};
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], class[TYPE_TEXT_MAX];
    rpl_printf(t, "REPLY ");
    rpl_print_flags(t, m->flags, m->opcode, m->rcode);
    rpl_printf(t, "\n");
    if (m->edns.present)
        print_edns(t, &m->edns);
    rpl_printf(t, "SECTION QUESTION\n");
    if (m->question.name)
        rpl_printf(t, "%s %s %s\n", name_text(m->question.name, name),
                   class_text(m->question.class, class), type_text(m->question.type, type));
    for (int s = RPL_ANSWER; s < RPL_SECTIONS; s++) {
        rpl_printf(t, "SECTION %s\n", titles[s]);
        for (const struct rpl_rr *rr = m->section[s]; rr; rr = rr->next) {
            rpl_print_rr(t, rr);
            rpl_printf(t, "\n");
        }
    }
}
