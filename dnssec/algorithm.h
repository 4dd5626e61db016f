/*
 * Which signature algorithms and DS digests are supported, and what a check of each costs.
 * RFC 8624, RFC 9905; numbers in dnssec/algorithms.def.
 */
#ifndef DNSSEC_ALGORITHM_H
#define DNSSEC_ALGORITHM_H

#include <stddef.h>

#include "dnssec/dnssec.h"

enum algorithm_form { ALGORITHM_RSA, ALGORITHM_ECDSA, ALGORITHM_EDDSA };

enum algorithm_number {
#define X(number, name, form, price) ALGORITHM_##name = number,
#include "dnssec/algorithms.def"
#undef X
};

enum digest_number { DIGEST_SHA1 = 1, DIGEST_SHA256 = 2, DIGEST_SHA384 = 4 };

struct algorithm {
    uint8_t number;
    uint8_t form; /* enum algorithm_form */
    uint8_t price;
    const char *name;
};

/* NULL when it is unknown, or not wanted by the policy. */
const struct algorithm *algorithm_find(const struct dnssec_policy *p, uint8_t number);
/* Octets of a DS digest; 0 when the digest is not supported. */
size_t digest_size(uint8_t number);

#endif
