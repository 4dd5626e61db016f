/*
 * The form of each type's rdata, from the one table in dns/types.def: what a record must look like
 * before anything else sees it, and where its names are.
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

/*
 * Is the rdata at [offset, offset+length) of the message exactly of its type's form? Names in it
 * may be compressed, pointing into the message, for types of RFC 1035 only (and, as senders do it,
 * in RP, AFSDB, RT, SIG, PX, NXT, SRV, NAPTR, KX, RRSIG and NSEC: tolerated on reading as RFC 3597
 * §4 asks for the older ones). ERR_FORMAT when not. An unknown type has any form.
 */
MUST_CHECK enum err rdata_check(uint16_t type, const uint8_t *message, size_t message_size,
                                size_t offset, size_t length);

/* The form string of a type; "*" when unknown. */
const char *rdata_form(uint16_t type);

/* Positions of names within uncompressed, checked rdata: at most 2 in any known type. */
struct rdata_names {
    unsigned count;
    struct {
        uint16_t offset;
        uint16_t size;
        bool compressible;
    } at[2];
};
void rdata_find_names(uint16_t type, const uint8_t *rdata, uint16_t length,
                      struct rdata_names *out);

/* The same rdata, names in it without case? */
bool rdata_equal(uint16_t type, const uint8_t *a, const uint8_t *b, uint16_t length);

#endif
