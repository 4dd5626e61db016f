/*
 * ECDSA for tests, in which nothing is random: the key is made from octets given, and the number
 * that each signature needs from the key and what is signed (as RFC 6979 does, but simpler). So a
 * run that signs is the same in every process.
 */
#ifndef TESTS_SIM_ECDSA_H
#define TESTS_SIM_ECDSA_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

enum { ECDSA_SIGNATURE_MAX = 96 };

/* P-256 or P-384; NULL: no memory. */
EVP_PKEY *ecdsa_key(const uint8_t *seed, size_t size, bool p384);
/* r and s side by side (RFC 6605 §4); returns the octets, 0: no memory. */
size_t ecdsa_sign(EVP_PKEY *key, const uint8_t *bytes, size_t size,
                  uint8_t out[ECDSA_SIGNATURE_MAX]);

#endif
