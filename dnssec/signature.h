/*
 * Is an RRset what the zone's keys have signed? RFC 4035 §5.3, RFC 6840 §5.
 */
#ifndef DNSSEC_SIGNATURE_H
#define DNSSEC_SIGNATURE_H

#include "base/arena.h"
#include "base/err.h"
#include "dnssec/keyring.h"

enum {
    SIGNATURES_TRIED = 4, /* of one RRset (L9) */
    FAILED_PER_SET = 4,   /* checks (L10) */
    KEYS_PER_TAG = 2,     /* tried for one signature (L11) */
    DS_TRIED = 4,         /* (L11) */
};

struct checker {
    const struct dnssec_policy *policy;
    struct keyring *keys;
    struct arena *arena; /* lives as long as the sets that are checked */
    struct dnssec_work *work;
    uint32_t wall; /* POSIX seconds, as a serial number */
    bool revoked;  /* keys with the REVOKE bit count, too: for their own revocation (RFC 5011) */
};

/* What the signature that verified says of the set. */
struct signed_set {
    const uint8_t *signer; /* in the set */
    uint8_t labels;        /* fewer than the owner's: a wildcard was expanded */
    uint32_t
        ttl_most; /* original TTL, time until the signature expires: the lesser (RFC 4035 §5.3.3) */
    uint32_t original_ttl;
};

/*
 * Checks `set` against the zone keys in `keys`, a DNSKEY set that is secure. WHY_NONE: a signature
 * verifies (one suffices, whatever the others are). ERR_NOMEM.
 */
MUST_CHECK enum err signature_check(const struct checker *c, const struct rrset *set,
                                    const struct rrset *keys, enum why *why,
                                    struct signed_set *out);

/*
 * Checks a zone's DNSKEY set against its DS set: a key that a DS record names must have signed it
 * (RFC 4035 §5.2). WHY_UNSUPPORTED_…: by these DS records the zone is insecure.
 */
MUST_CHECK enum err signature_check_keys(const struct checker *c, const struct rrset *keys,
                                         const struct rrset *ds, enum why *why,
                                         struct signed_set *out);

/* Does one of the DS records, if it is supported, name this key? */
bool signature_ds_names(const struct checker *c, const struct rrset *ds, const uint8_t *owner,
                        const uint8_t *rdata, uint16_t length);

/* Is there a DS record whose algorithm and digest are supported? WHY_NONE if so, else which is not.
 */
enum why signature_ds_usable(const struct dnssec_policy *p, const struct rrset *ds);

/* a < b of serial numbers (RFC 1982 §3.2). */
bool serial_less(uint32_t a, uint32_t b);

#endif
