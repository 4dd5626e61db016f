/*
 * The keyed hash of all tables (XXH3, 64 bits). The key is drawn once at start from the world's
 * random bytes, so that nobody outside can choose names that collide.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint8_t secret[192];
};

/* Stretches 32 random bytes into a key. The same bytes give the same key. */
void hash_key_init(struct hash_key *k, const uint8_t seed[32]);

uint64_t hash_bytes(const struct hash_key *k, const void *bytes, size_t size);

#endif
