/*
 * Internal to dns/: a record where it lies in a message, and the way from one to the next.
 */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include <ldns/ldns.h>

#include "base/cursor.h"
#include "dns/message.h"

/* Offsets are from the start of the message. */
struct record {
    size_t owner;
    size_t rdata;
    uint32_t ttl;
    uint16_t type;
    uint16_t class;
    uint16_t length; /* of the rdata */
};

/* Reads the record at the cursor and moves behind it; the rdata is not looked at. */
MUST_CHECK enum message_fault record__read(struct cursor *c, struct record *out);

/* Is the record SIG(0) (RFC 2931) or TSIG (RFC 8945)? */
bool record__is_transaction_signature(const struct cursor *c, const struct record *r);

/* Is the rdata of its type's form? */
bool record__is_formed(const struct cursor *c, const struct record *r);
/* Does the meaning of a reply to that question depend on a record of that type in that section? */
bool record__is_wanted(enum section section, uint16_t type, uint16_t qtype);
/* message_check, and how many records are to be dropped. */
enum message_fault record__check_all(const uint8_t *bytes, size_t size,
                                     unsigned dropped[SECTION_COUNT]);

/*
 * The checked record's rdata without compression, in the arena, by way of ldns where the type has
 * names. ERR_NOMEM; ERR_FORMAT when ldns refuses what our checker passed.
 */
MUST_CHECK enum err record__rdata(struct arena *a, const struct cursor *c, const struct record *r,
                                  const uint8_t **out, uint16_t *length);

/* The fields of an ldns record joined to rdata, which must then be of its type's form. */
MUST_CHECK enum err record__join(struct arena *a, const ldns_rr *rr, const uint8_t **out,
                                 uint16_t *length);

#endif
