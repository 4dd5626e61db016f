#include "dns/view.h"

#include "dns/name.h"
#include "dns/record.h"
#include "dns/types.h"

/* The question's name, whole and without pointers: nothing lies before it to point to. */
static bool read_question(struct query_view *v, struct cursor *c)
{
    const uint8_t *name = c->at;
    size_t size = 0;
    uint8_t length;
    do {
        length = cursor_u8(c);
        size += 1 + (size_t)length;
        if (length > 63 || size > NAME_MAX_WIRE || !cursor_bytes(c, length))
            return false;
    } while (length);
    v->qtype = cursor_u16(c);
    v->qclass = cursor_u16(c);
    if (c->failed)
        return false;
    v->qname = name;
    v->qname_size = (uint16_t)size;
    v->has_question = true;
    return true;
}

static enum view_verdict read_record(struct query_view *v, struct cursor *c, bool additional)
{
    struct record r;
    if (record__read(c, &r))
        return VIEW_FORMERR;
    if (r.type != TYPE_OPT)
        return VIEW_OK;
    if (!additional || v->edns.present || c->base[r.owner] != 0)
        return VIEW_FORMERR_OPT;
    return edns_read(r.class, r.ttl, c->base + r.rdata, r.length, &v->edns) ? VIEW_FORMERR_OPT
                                                                            : VIEW_OK;
}

/* Goes over all records even if those of the first two sections are out of place, to find the OPT.
 */
static enum view_verdict read_records(struct query_view *v, struct cursor *c)
{
    unsigned before = (unsigned)load_u16(v->message + 6) + load_u16(v->message + 8);
    unsigned after = load_u16(v->message + 10);
    for (unsigned i = 0; i < before + after; i++) {
        enum view_verdict verdict = read_record(v, c, i >= before);
        if (verdict)
            return verdict;
    }
    return before || cursor_left(c) ? VIEW_FORMERR : VIEW_OK;
}

static enum view_verdict judge_question(const struct query_view *v)
{
    if (v->qclass != CLASS_IN && v->qclass != CLASS_CH)
        return VIEW_REFUSED_CLASS;
    if (v->qtype == TYPE_NXNAME) /* RFC 9824 §3.5 */
        return VIEW_FORMERR;
    if (v->qtype != TYPE_ANY && type_is_meta(v->qtype))
        return VIEW_REFUSED_TYPE;
    return VIEW_OK;
}

static bool has_cookie(const struct query_view *v)
{
    const uint8_t *data;
    uint16_t length;
    return edns_option(&v->edns, EDNS_COOKIE, &data, &length);
}

/* The message judged as a query, whatever its opcode. */
static enum view_verdict read_query(struct query_view *v)
{
    struct cursor c = cursor_of(v->message, v->size);
    cursor_bytes(&c, DNS_HEADER_SIZE);
    unsigned questions = load_u16(v->message + 4);
    if (questions > 1 || (questions == 1 && !read_question(v, &c))) /* RFC 9619 */
        return VIEW_FORMERR;
    enum view_verdict verdict = read_records(v, &c);
    if (verdict)
        return verdict;
    if (!v->has_question)
        return has_cookie(v) ? VIEW_NO_QUESTION : VIEW_FORMERR;
    if (v->edns.present && v->edns.version > 0)
        return VIEW_BADVERS;
    return judge_question(v);
}

enum view_verdict view_query(struct query_view *v, const uint8_t *message, size_t size)
{
    *v = (struct query_view){.message = message, .size = size};
    if (size < DNS_HEADER_SIZE)
        return VIEW_DROP_SHORT;
    v->id = load_u16(message);
    v->flags = load_u16(message + 2);
    if (v->flags & FLAG_QR)
        return VIEW_DROP_RESPONSE;
    enum view_verdict verdict = read_query(v);
    return (v->flags & FLAG_OPCODE) >> 11 == OPCODE_QUERY ? verdict : VIEW_NOTIMP;
}

const char *view_verdict_text(enum view_verdict verdict)
{
    static const char *const texts[VIEW_VERDICTS] = {
        [VIEW_OK] = "ok",
        [VIEW_DROP_SHORT] = "drop-short",
        [VIEW_DROP_RESPONSE] = "drop-response",
        [VIEW_NOTIMP] = "notimp",
        [VIEW_FORMERR] = "formerr",
        [VIEW_FORMERR_OPT] = "formerr-opt",
        [VIEW_BADVERS] = "badvers",
        [VIEW_NO_QUESTION] = "no-question",
        [VIEW_REFUSED_CLASS] = "refused-class",
        [VIEW_REFUSED_TYPE] = "refused-type",
    };
    return verdict < VIEW_VERDICTS ? texts[verdict] : "unknown";
}
