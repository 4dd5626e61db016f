/*
 * The DNSSEC records, read in place from rdata whose form dns/rdata.c has checked. RFC 4034, RFC
 * 5155.
 */
#ifndef DNSSEC_RECORDS_H
#define DNSSEC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/rrset.h"

struct rrsig {
    uint16_t covered;
    uint8_t algorithm;
    uint8_t labels;
    uint32_t original_ttl;
    uint32_t expiration; /* serial numbers (RFC 4034 §3.1.5) */
    uint32_t inception;
    uint16_t tag;
    const uint8_t *signer;
    const uint8_t *signature;
    size_t signature_size;
    size_t head_size; /* octets before the signature */
};
/* False: too short to hold a signature. */
bool rrsig_read(const uint8_t *rdata, size_t size, struct rrsig *out);

/* Do its signatures say that a wildcard gave it (RFC 4035 §5.3.4)? */
bool rrset_is_expanded(const struct rrset *s);
/* Who signed it, by its first signature; NULL: nobody. Of a secure set it is who did. */
const uint8_t *rrset_signer(const struct rrset *s);
/*
 * Leaves out the signatures that name another signer, or count other labels, than the one that
 * verified: whatever is read from the set's signatures later must not be what a forger put beside.
 * ERR_NOMEM.
 */
MUST_CHECK enum err rrset_leave_signatures(struct arena *a, struct rrset *s, const uint8_t *signer,
                                           uint8_t labels);
/* Walks the signatures of a set. */
struct rrset_iter rrset_signatures(const struct rrset *s);

enum { DNSKEY_ZONE = 0x0100, DNSKEY_REVOKED = 0x0080, DNSKEY_SEP = 0x0001, DNSKEY_PROTOCOL = 3 };
struct dnskey {
    uint16_t flags;
    uint8_t protocol;
    uint8_t algorithm;
    const uint8_t *bits;
    size_t bits_size;
};
bool dnskey_read(const uint8_t *rdata, size_t size, struct dnskey *out);
/* RFC 4034 appendix B. */
uint16_t dnskey_tag(const uint8_t *rdata, size_t size);
/* May it sign a zone's data? (RFC 4034 §2.1.1, 2.1.2; RFC 5011 §2.1) */
bool dnskey_signs_zone(const struct dnskey *k);

struct ds {
    uint16_t tag;
    uint8_t algorithm;
    uint8_t digest_type;
    const uint8_t *digest;
    size_t digest_size;
};
bool ds_read(const uint8_t *rdata, size_t size, struct ds *out);

struct nsec {
    const uint8_t *next;
    const uint8_t *bitmap;
    size_t bitmap_size;
};
bool nsec_read(const uint8_t *rdata, size_t size, struct nsec *out);

enum { NSEC3_OPT_OUT = 1, NSEC3_SHA1 = 1, NSEC3_HASH_SIZE = 20 };
struct nsec3 {
    uint8_t algorithm;
    uint8_t flags;
    uint16_t iterations;
    const uint8_t *salt;
    uint8_t salt_size;
    const uint8_t *next; /* hash */
    uint8_t next_size;
    const uint8_t *bitmap;
    size_t bitmap_size;
};
bool nsec3_read(const uint8_t *rdata, size_t size, struct nsec3 *out);

/* Is the type's bit set? (RFC 4034 §4.1.2) Reads no octet past the map, whatever it holds. */
bool bitmap_has(const uint8_t *bitmap, size_t size, uint16_t type);

#endif
