/*
 * EDNS(0): the OPT pseudo record (RFC 6891) and its options as they lie in a message.
 */
#ifndef DNS_EDNS_H
#define DNS_EDNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

enum edns_option {
    EDNS_NSID = 3,
    EDNS_CLIENT_SUBNET = 8,
    EDNS_COOKIE = 10,
    EDNS_KEEPALIVE = 11,
    EDNS_PADDING = 12,
    EDNS_EDE = 15,
};

enum { EDNS_OPTIONS_MAX = 32 }; /* options looked at */

struct edns {
    bool present;
    bool do_bit;
    uint8_t version;
    uint8_t extended_rcode; /* the upper 8 bits */
    uint16_t udp_size;      /* as sent; below 512 means 512 (§6.2.3) */
    const uint8_t *options; /* borrowed from the message */
    uint16_t options_size;  /* of the first EDNS_OPTIONS_MAX */
};

/*
 * Reads an OPT record's fields. `owner_is_root`, class, TTL and rdata as found. The option list
 * must be whole (ERR_FORMAT); options beyond EDNS_OPTIONS_MAX are not looked at.
 */
MUST_CHECK enum err edns_read(uint16_t rr_class, uint32_t ttl, const uint8_t *rdata,
                              uint16_t length, struct edns *out);

/* The octets the peer can take in one datagram: 512 without EDNS, at least 512 with it. */
uint16_t edns_payload(const struct edns *e);

/* Finds the first option of that code among the first EDNS_OPTIONS_MAX; false: there is none. */
bool edns_option(const struct edns *e, uint16_t code, const uint8_t **data, uint16_t *length);

#endif
