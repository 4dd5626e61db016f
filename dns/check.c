#include "dns/message.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/types.h"

enum message_fault record__read(struct cursor *c, struct record *out)
{
    if (cursor_left(c) == 0)
        return MESSAGE_SHORT;
    out->owner = cursor_offset(c);
    if (name_read(c, NULL))
        return MESSAGE_NAME;
    out->type = cursor_u16(c);
    out->class = cursor_u16(c);
    out->ttl = cursor_u32(c);
    out->length = cursor_u16(c);
    out->rdata = cursor_offset(c);
    return cursor_bytes(c, out->length) ? MESSAGE_FINE : MESSAGE_SHORT;
}

bool record__is_transaction_signature(const struct cursor *c, const struct record *r)
{
    if (r->type == TYPE_TSIG)
        return true;
    return r->type == TYPE_SIG && r->length >= 2 && load_u16(c->base + r->rdata) == 0;
}

static enum message_fault check_opt(const struct cursor *c, const struct record *r,
                                    enum section section, bool *seen)
{
    struct edns edns;
    if (section != SECTION_ADDITIONAL || *seen || c->base[r->owner] != 0)
        return MESSAGE_OPT;
    *seen = true;
    if (edns_read(r->class, r->ttl, c->base + r->rdata, r->length, &edns))
        return MESSAGE_OPT;
    return MESSAGE_FINE;
}

bool record__is_formed(const struct cursor *c, const struct record *r)
{
    size_t size = (size_t)(c->end - c->base);
    return !type_is_meta(r->type) && !rdata_check(r->type, c->base, size, r->rdata, r->length);
}

bool record__is_wanted(enum section section, uint16_t type, uint16_t qtype)
{
    if (section == SECTION_ANSWER)
        return type == qtype || qtype == TYPE_ANY || type == TYPE_CNAME || type == TYPE_DNAME;
    return section == SECTION_AUTHORITY && (type == TYPE_SOA || type == TYPE_NS);
}

/* What the walk over the records keeps. */
struct check {
    uint16_t qtype;
    bool opt_seen;
    unsigned *dropped; /* by section */
};

static enum message_fault check_record(struct cursor *c, enum section section, struct check *k)
{
    struct record r;
    enum message_fault fault = record__read(c, &r);
    if (fault)
        return fault;
    if (r.type == TYPE_OPT)
        return check_opt(c, &r, section, &k->opt_seen);
    if (record__is_transaction_signature(c, &r))
        return MESSAGE_TSIG;
    if (r.class != CLASS_IN)
        return MESSAGE_CLASS;
    if (record__is_formed(c, &r))
        return MESSAGE_FINE;
    if (record__is_wanted(section, r.type, k->qtype))
        return MESSAGE_RDATA;
    k->dropped[section]++;
    return MESSAGE_FINE;
}

static enum message_fault check_question(struct cursor *c, uint16_t *qtype)
{
    if (cursor_left(c) == 0)
        return MESSAGE_SHORT;
    if (name_read(c, NULL))
        return MESSAGE_NAME;
    *qtype = cursor_u16(c);
    return cursor_bytes(c, 2) ? MESSAGE_FINE : MESSAGE_SHORT;
}

enum message_fault record__check_all(const uint8_t *bytes, size_t size,
                                     unsigned dropped[SECTION_COUNT])
{
    struct check k = {.qtype = TYPE_ANY, .dropped = dropped}; /* without a question all counts */
    struct cursor c = cursor_of(bytes, size);
    if (!cursor_bytes(&c, DNS_HEADER_SIZE))
        return MESSAGE_SHORT;
    uint16_t questions = load_u16(bytes + 4);
    if (questions > 1)
        return MESSAGE_QUESTIONS;
    enum message_fault fault = questions ? check_question(&c, &k.qtype) : MESSAGE_FINE;
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        unsigned count = load_u16(bytes + 6 + 2 * section);
        for (unsigned i = 0; i < count && !fault; i++)
            fault = check_record(&c, (enum section)section, &k);
    }
    if (fault)
        return fault;
    return cursor_left(&c) ? MESSAGE_TRAILING : MESSAGE_FINE;
}

enum message_fault message_check(const uint8_t *bytes, size_t size)
{
    unsigned dropped[SECTION_COUNT] = {0};
    return record__check_all(bytes, size, dropped);
}

const char *message_fault_text(enum message_fault f)
{
    static const char *const texts[MESSAGE_FAULTS] = {
        [MESSAGE_FINE] = "fine",
        [MESSAGE_SHORT] = "short",
        [MESSAGE_NAME] = "name",
        [MESSAGE_RDATA] = "rdata",
        [MESSAGE_OPT] = "opt",
        [MESSAGE_TSIG] = "tsig",
        [MESSAGE_QUESTIONS] = "questions",
        [MESSAGE_TRAILING] = "trailing",
        [MESSAGE_CLASS] = "class",
        [MESSAGE_TOO_MANY] = "too-many",
    };
    return f < MESSAGE_FAULTS ? texts[f] : "unknown";
}
