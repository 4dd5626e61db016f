/* One parsed public key and what OpenSSL needs around it. Internal to dnssec/. */
#ifndef DNSSEC_PUBLIC_KEY_H
#define DNSSEC_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "dnssec/algorithm.h"
#include "dnssec/records.h"

struct public_key {
    const struct algorithm *algorithm;
    EVP_PKEY *key;
    EVP_PKEY_CTX *verify; /* RSA and ECDSA: ready to verify a digest */
    const EVP_MD *digest; /* of these */
    uint32_t price;
};

/* False, and nothing held, when the bits are no key of that algorithm (RFC 3110, 6605, 8080). */
bool public_key__parse(struct public_key *k, const struct algorithm *a, const struct dnskey *from);
void public_key__deinit(struct public_key *k);

#endif
