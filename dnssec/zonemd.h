/*
 * Is a whole zone what its publisher has made? By the digest in its ZONEMD record (RFC 8976), and
 * by DNSSEC that this record and the SOA are his.
 *
 * Pure: a zone in, a judgement out. A zone is all its RRsets in canonical order of owners, then of
 * types (as zones/loader.h gives them), signatures with what they cover, the TTL in `expiry`.
 */
#ifndef DNSSEC_ZONEMD_H
#define DNSSEC_ZONEMD_H

#include "dns/message.h"
#include "dnssec/signature.h"

/* What is wrong with it. Of several digests that do not hold, the reason that tells most is named:
 * the one that stands last here. */
enum zone_flaw {
    ZONE_GOOD,
    ZONE_NO_SOA,
    ZONE_NO_KEYS,
    ZONE_KEYS_BOGUS, /* no anchor names one of its keys that has signed them: `why` */
    ZONE_SOA_BOGUS,  /* its signature: `why` */
    ZONE_NO_DIGEST,
    ZONE_DIGEST_BOGUS, /* the signature of the ZONEMD set: `why` */
    ZONE_OTHER_SERIAL, /* the digest is of another version of the zone */
    ZONE_UNSUPPORTED,  /* scheme or hash algorithm, or a digest that is too short */
    ZONE_AMBIGUOUS,    /* two digests of one scheme and hash algorithm */
    ZONE_CHANGED,      /* the digest is of another content */
    ZONE_FLAWS
};

struct zone_judgement {
    enum zone_flaw flaw;
    enum why why; /* of …_BOGUS */
    uint32_t serial;
    uint8_t hash; /* ZONE_GOOD: the algorithm of the digest that holds, ZONEMD_… */
};

enum { ZONEMD_SIMPLE = 1, ZONEMD_SHA384 = 1, ZONEMD_SHA512 = 2 };

/*
 * Does one of the zone's digests hold (RFC 8976 §4, from step 3 on)? That proves that nothing was
 * lost or spoilt on the way; who made it is not looked at. ERR_NOMEM.
 */
MUST_CHECK enum err zonemd_check(const uint8_t *apex, const struct rrset_array *zone,
                                 struct zone_judgement *out);

/*
 * The same, after the zone's keys were held against the DS set of a trust anchor and the signatures
 * of SOA and ZONEMD against the keys. ERR_NOMEM.
 */
MUST_CHECK enum err zonemd_check_signed(const struct checker *c, const struct rrset *ds,
                                        const struct rrset_array *zone, struct zone_judgement *out);

/* "the digest is of another content …", for logs; returns `buf`, cut to `size`. */
const char *zone_judgement_text(const struct zone_judgement *j, char *buf, size_t size);

/* POSIX seconds as a serial number: when the first of the zone's signatures ends; false: it has
 * none. */
bool zone_signed_until(const struct rrset_array *zone, uint32_t *out);

#endif
