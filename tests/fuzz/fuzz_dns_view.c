/* A listener's view of any octets: what it says must be within the message and agree with the
 * parser. */
#include "base/must.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/view.h"
#include "dns/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_options(const struct edns *e)
{
    const uint8_t *bytes;
    uint16_t length;
    for (unsigned code = 0; code < 20; code++)
        if (edns_option(e, (uint16_t)code, &bytes, &length))
            MUST(bytes >= e->options && bytes + length <= e->options + e->options_size);
    MUST(edns_payload(e) >= DNS_UDP_MIN);
}

static void check_question(const struct query_view *v)
{
    MUST(v->qname == v->message + DNS_HEADER_SIZE && v->qname_size <= NAME_MAX_WIRE);
    MUST(name_size(v->qname) == v->qname_size);
    MUST((size_t)DNS_HEADER_SIZE + v->qname_size + 4 <= v->size);
}

/* An empty answer with the question and an OPT can always be made of what was seen. */
static void answer(const struct query_view *v)
{
    uint8_t buf[DNS_UDP_MIN];
    struct writer w;
    struct writer_opt o = {.udp_size = DNS_UDP_SAFE};
    writer_init(&w, buf, sizeof(buf));
    MUST(writer_header(&w, v->id, FLAG_QR) == OK);
    if (v->has_question)
        MUST(writer_question(&w, v->qname, v->qtype, v->qclass) == OK);
    MUST(writer_opt(&w, &o) == OK);
    MUST(message_check(buf, writer_finish(&w)) == MESSAGE_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query_view v;
    enum view_verdict verdict = view_query(&v, data, size);
    MUST(verdict < VIEW_VERDICTS && view_verdict_text(verdict));
    MUST((verdict == VIEW_DROP_SHORT) == (size < DNS_HEADER_SIZE));
    if (v.edns.present)
        check_options(&v.edns);
    if (v.has_question)
        check_question(&v);
    if (verdict == VIEW_NO_QUESTION)
        MUST(!v.has_question && v.edns.present);
    if (verdict == VIEW_OK)
        MUST(v.has_question && v.edns.version == 0);
    if (verdict != VIEW_DROP_SHORT && verdict != VIEW_DROP_RESPONSE)
        answer(&v);
    return 0;
}
