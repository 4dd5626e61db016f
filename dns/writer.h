/*
 * Writes a message: names compressed (RFC 1035 §4.1.4; rdata names of RFC 1035's types only),
 * RRsets whole or not at all, TTL offsets kept for the answer cache.
 *
 *     struct writer w;
 *     writer_init(&w, buf, capacity);
 *     writer_header(&w, id, flags);
 *     writer_question(&w, qname, qtype, CLASS_IN);
 *     writer_rrset(&w, SECTION_ANSWER, set, now_s, with_signatures);
 *     writer_opt(&w, &opt);
 *     size_t size = writer_finish(&w);
 *
 * A call that does not fit returns ERR_SPACE and leaves the message as it was. Sections are written
 * in order.
 */
#ifndef DNS_WRITER_H
#define DNS_WRITER_H

#include "dns/message.h"

enum { WRITER_SLOTS = 128, WRITER_TTLS_MAX = 1024 };

struct writer {
    uint8_t *buf;
    size_t capacity;
    size_t size;
    size_t reserved;              /* octets kept free for what comes last (OPT) */
    uint16_t counts[4];           /* question, answer, authority, additional */
    uint16_t slots[WRITER_SLOTS]; /* offsets of names written, by hash of the suffix */
    /* Where each record's TTL lies, with room for WRITER_TTLS_MAX; NULL: not wanted. */
    uint16_t *ttl_offsets;
    size_t ttl_count; /* SIZE_MAX when there were more than that */
};

void writer_init(struct writer *w, uint8_t *buf, size_t capacity);
MUST_CHECK enum err writer_header(struct writer *w, uint16_t id, uint16_t flags);
MUST_CHECK enum err writer_question(struct writer *w, const uint8_t *name, uint16_t type,
                                    uint16_t class);
MUST_CHECK enum err writer_rrset(struct writer *w, enum section section, const struct rrset *s,
                                 uint32_t now_s, bool with_signatures);

/* One TXT record of any class in the answer section; `text` has at most 255 octets. */
MUST_CHECK enum err writer_txt(struct writer *w, const uint8_t *name, uint16_t class, uint32_t ttl,
                               const char *text);

/* An OPT record to write. */
struct writer_opt {
    uint16_t udp_size;
    uint8_t extended_rcode;
    uint8_t version;
    bool do_bit;
    const struct writer_option *options;
    size_t option_count;
};
/* Octets that the OPT will take: reserve them before writing records. */
size_t writer_opt_size(const struct writer_opt *o);
MUST_CHECK enum err writer_opt(struct writer *w, const struct writer_opt *o);
/* Appends an OPT straight to a finished message with room for `capacity` octets (the hit path). */
MUST_CHECK enum err message_append_opt(uint8_t *message, size_t *size, size_t capacity,
                                       const struct writer_opt *o);

/* Back to header and question only, with TC set (the client will retry over TCP). */
void writer_truncate(struct writer *w);

/* Writes the counts into the header; the size of the message. */
size_t writer_finish(struct writer *w);

#endif
