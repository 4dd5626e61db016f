/*
 * A client's query seen in place, with no copy and no allocation: what the listener and the answer
 * cache need. It judges the message as RFC 1035, 6891, 9619 demand.
 */
#ifndef DNS_VIEW_H
#define DNS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/edns.h"

enum view_verdict {
    VIEW_OK,
    VIEW_DROP_SHORT,    /* shorter than a header: no reply */
    VIEW_DROP_RESPONSE, /* QR=1 at a listener: no reply */
    VIEW_NOTIMP,        /* opcode other than QUERY */
    VIEW_FORMERR, /* no question, several (RFC 9619), broken name or record, records in the answer
                     section, garbage after the message */
    VIEW_FORMERR_OPT,   /* two OPT, OPT with an owner, broken option list */
    VIEW_BADVERS,       /* EDNS version above 0 */
    VIEW_NO_QUESTION,   /* none, but a COOKIE option: only a cookie is asked for (RFC 7873 §5.4) */
    VIEW_REFUSED_CLASS, /* class we do not serve (IN and CH are VIEW_OK) */
    VIEW_REFUSED_TYPE,  /* AXFR, IXFR and other meta types that no recursive service answers */
    VIEW_VERDICTS
};

struct query_view {
    const uint8_t *message;
    size_t size;
    uint16_t id;
    uint16_t flags;
    const uint8_t *qname; /* in the message, uncompressed, case as sent; NULL unless has_question */
    uint16_t qname_size;
    uint16_t qtype;
    uint16_t qclass;
    bool has_question;
    struct edns edns;
};

/* Fills `v` as far as the message can be read, whatever the verdict. */
enum view_verdict view_query(struct query_view *v, const uint8_t *message, size_t size);

/* A short name of the verdict for counters and logs. */
const char *view_verdict_text(enum view_verdict verdict);

#endif
