/*
 * Public keys, parsed once and kept: parsing a key costs as much as several checks. The least
 * recently used goes when KEYRING_MAX are held. One worker's own; not thread-safe.
 */
#ifndef DNSSEC_KEYRING_H
#define DNSSEC_KEYRING_H

#include <stddef.h>

#include "base/err.h"
#include "dnssec/algorithm.h"
#include "dnssec/records.h"

enum { KEYRING_MAX = 1024 };

struct keyring;
struct public_key;

MUST_CHECK enum err keyring_new(struct keyring **out);
void keyring_free(struct keyring *r);

/*
 * The parsed key, borrowed until the next call; NULL when there is no such public key (a broken one
 * is remembered too) or no memory.
 */
const struct public_key *keyring_get(struct keyring *r, const struct algorithm *a,
                                     const struct dnskey *key);

/* What one check with this key costs, in thirds of a P-256 check. */
uint32_t public_key_price(const struct public_key *k);

/* Does the signature (in DNSSEC's form) of `data` verify? */
bool public_key_verifies(const struct public_key *k, const uint8_t *data, size_t data_size,
                         const uint8_t *signature, size_t signature_size);

#endif
