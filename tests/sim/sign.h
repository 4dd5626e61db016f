/*
 * Signing for tests: zones with keys, and RRSIGs with any deliberate fault. Made with ldns, so that
 * what is tested and what it is tested with share no code.
 *
 * A zone's key is made from its name, so the same zone has the same key in every run, and
 * signatures repeat; only RSA's keys are random. Keys and signatures are remembered for the life of
 * the process.
 */
#ifndef TESTS_SIM_SIGN_H
#define TESTS_SIM_SIGN_H

#include "tests/sim/rpl.h"

enum { SIGN_HASH_SIZE = 20 };

struct sign_key;

/* The zone's key, the process's; NULL: no such algorithm ("ED25519", "RSASHA256", …) or no memory.
 */
const struct sign_key *sign_key(const uint8_t *zone, const char *algorithm);

/* What is to be wrong with a signature; all zero: nothing. Where a field has a value it is signed
 * so. */
struct sign_fault {
    bool has_labels, has_algorithm, has_ttl, has_tag;
    uint8_t labels, algorithm;
    uint32_t original_ttl;
    uint16_t tag;
    int64_t inception_s, expiration_s; /* seconds from `now`; 0: a day on either side */
    const uint8_t *signer;             /* NULL: the zone's name */
    uint16_t covered;                  /* 0: the set's type */
    bool broken;                       /* the last octet is another */
    bool strip;                        /* no signature at all */
    unsigned more;                     /* so many broken ones before it */
};

/* DNSKEY rdata with these flags and this protocol. */
MUST_CHECK enum err sign_dnskey(struct arena *a, const struct sign_key *k, uint16_t flags,
                                uint8_t protocol, struct rpl_bytes *out);
/* DS rdata of that DNSKEY; ERR_UNSUPPORTED: no such digest. */
MUST_CHECK enum err sign_ds(struct arena *a, const uint8_t *zone, const struct rpl_bytes *dnskey,
                            uint8_t digest, struct rpl_bytes *out);
/*
 * RRSIG rdata over the records from `first` that have its owner and type, up to the end of the
 * list. `dnskey`: whose tag it bears.
 */
MUST_CHECK enum err sign_set(struct arena *a, const struct sign_key *k, const uint8_t *zone,
                             const struct rpl_bytes *dnskey, const struct rpl_rr *first,
                             const struct sign_fault *fault, int64_t now_s, struct rpl_bytes *out);
/* Signatures are not remembered any longer; where there are many, that costs more than it saves. */
void sign_forget(void);
/* The NSEC3 hash of a name. */
MUST_CHECK enum err sign_hash(const uint8_t *name, uint16_t iterations, const uint8_t *salt,
                              uint8_t salt_size, uint8_t out[SIGN_HASH_SIZE]);
/* It as a label, length and 32 letters of base32hex (RFC 5155 §3.3). */
void sign_hash_label(const uint8_t hash[SIGN_HASH_SIZE], uint8_t out[33]);

#endif
