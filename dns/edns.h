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

enum {
    EDNS_OPTIONS_MAX = 32,        /* options looked at */
    EDNS_KEEPALIVE_UNIT_MS = 100, /* RFC 7828 §3.1 */
};

struct edns {
    bool present;
    bool do_bit;
    uint8_t version;
    uint8_t extended_rcode; /* the upper 8 bits */
    bool cut;               /* there are more than EDNS_OPTIONS_MAX options */
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

/* An option to be written. */
struct writer_option {
    uint16_t code;
    uint16_t length;
    const void *data;
};

/* The options of one OPT, gathered before it is written. Small values are kept within. */
enum { EDNS_OUT_OPTIONS = 5, EDNS_OUT_OCTETS = 168, EDNS_EDE_TEXT_MAX = 80 };
struct edns_out {
    struct writer_option option[EDNS_OUT_OPTIONS];
    unsigned count;
    uint16_t used;
    uint8_t octets[EDNS_OUT_OCTETS];
};

/* Borrows the octets until the OPT is written. */
void edns_out_add(struct edns_out *o, uint16_t code, const void *data, size_t length);
/* An option of 16 bits. */
void edns_out_u16(struct edns_out *o, uint16_t code, uint16_t value);
/* An Extended Error (RFC 8914 §2): at most EDNS_EDE_TEXT_MAX octets of the text. */
void edns_out_ede(struct edns_out *o, uint16_t code, const char *text);

#endif
