/*
 * What a signature is made over: the canonical form of an RRset (RFC 4034 §3.1.8.1, §6; RFC 6840
 * §5.1).
 */
#ifndef DNSSEC_CANONICAL_H
#define DNSSEC_CANONICAL_H

#include "base/arena.h"
#include "base/err.h"
#include "dnssec/records.h"

/*
 * The signed octets for this signature, in the arena: RRSIG rdata without the signature, then each
 * record in canonical form and order. `sig->labels` must be ≤ the owner's (signature.c). ERR_NOMEM.
 */
MUST_CHECK enum err canonical_signed(struct arena *a, const struct rrset *set,
                                     const struct rrsig *sig, const uint8_t *sig_rdata,
                                     const uint8_t **out, size_t *size);

/* A record's rdata in canonical form. */
struct canonical_rdata {
    const uint8_t *bytes;
    size_t size;
};
/* Of all records of that type that the iterator has before it, as many into `out`, which are copies
 * in the arena. ERR_NOMEM. */
MUST_CHECK enum err canonical_collect(struct arena *a, uint16_t type, struct rrset_iter records,
                                      struct canonical_rdata *out);
/* Into the order of RFC 4034 §6.3. */
void canonical_sort(struct canonical_rdata *records, size_t count);

/* The labels that RRSIG counts: without the root's and a leading asterisk (RFC 4034 §3.1.3). */
unsigned canonical_labels(const uint8_t *owner);

/* Owner and rdata of a DNSKEY as a DS digest takes them (RFC 4034 §5.1.4). */
size_t canonical_key(uint8_t *out, const uint8_t *owner, const uint8_t *rdata, size_t rdata_size);

#endif
