/*
 * Numbers of the protocol: types, classes, opcodes, response codes, header flags, Extended Errors.
 * Sources: IANA "Domain Name System (DNS) Parameters"; RFC 1035, 6891, 8914.
 */
#ifndef DNS_TYPES_H
#define DNS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* TYPE_A, TYPE_NS, … from the one table. ## keeps the name NULL from being expanded. */
enum dns_type {
#define X(value, name, form) TYPE_##name = value,
#include "dns/types.def"
#undef X
};

enum dns_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

enum dns_opcode {
    OPCODE_QUERY = 0,
    OPCODE_IQUERY = 1,
    OPCODE_STATUS = 2,
    OPCODE_NOTIFY = 4,
    OPCODE_UPDATE = 5
};

enum dns_rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16,
    RCODE_BADCOOKIE = 23,
};

/* The header's second 16 bits. */
enum dns_flag {
    FLAG_QR = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_Z = 0x0040,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010,
    FLAG_RCODE = 0x000f,
};

/* Extended DNS Errors (RFC 8914 §4 and registry). EDE_NONE is ours: none to be sent. */
enum dns_ede {
    EDE_OTHER = 0,
    EDE_UNSUPPORTED_DNSKEY = 1,
    EDE_UNSUPPORTED_DS = 2,
    EDE_STALE_ANSWER = 3,
    EDE_FORGED_ANSWER = 4,
    EDE_DNSSEC_INDETERMINATE = 5,
    EDE_DNSSEC_BOGUS = 6,
    EDE_SIGNATURE_EXPIRED = 7,
    EDE_SIGNATURE_NOT_YET_VALID = 8,
    EDE_DNSKEY_MISSING = 9,
    EDE_RRSIGS_MISSING = 10,
    EDE_NO_ZONE_KEY = 11,
    EDE_NSEC_MISSING = 12,
    EDE_CACHED_ERROR = 13,
    EDE_NOT_READY = 14,
    EDE_BLOCKED = 15,
    EDE_CENSORED = 16,
    EDE_FILTERED = 17,
    EDE_PROHIBITED = 18,
    EDE_STALE_NXDOMAIN = 19,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_NO_REACHABLE_AUTHORITY = 22,
    EDE_NETWORK_ERROR = 23,
    EDE_INVALID_DATA = 24,
    EDE_NSEC3_ITERATIONS = 27,
    EDE_NONE = 0xffff,
};

enum {
    DNS_HEADER_SIZE = 12,
    DNS_PORT = 53,
    DNS_UDP_MIN = 512,
    DNS_UDP_SAFE = 1232,
    DNS_MESSAGE_MAX = 65535
};
enum { TYPE_TEXT_MAX = 16, RCODE_TEXT_MAX = 16 };

/* "AAAA", or "TYPE65280" for a type without a name (RFC 3597 §5); returns `buf` or a constant. */
const char *type_text(uint16_t type, char buf[TYPE_TEXT_MAX]);
/* Reads either form, case-insensitively. */
MUST_CHECK enum err type_parse(const char *text, uint16_t *out);
/* "NXDOMAIN", or "RCODE17". */
const char *rcode_text(uint16_t rcode, char buf[RCODE_TEXT_MAX]);

/* QTYPEs and meta types that never are data: OPT, TKEY, TSIG, IXFR, AXFR, MAILA, MAILB, ANY, 0. */
bool type_is_meta(uint16_t type);

#endif
