#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/must.h"

_Static_assert(sizeof(((struct hash_key *)0)->secret) >= XXH3_SECRET_SIZE_MIN,
               "the secret is too small for XXH3");

void hash_key_init(struct hash_key *k, const uint8_t seed[32])
{
    XXH_errorcode e = XXH3_generateSecret(k->secret, sizeof(k->secret), seed, 32);
    MUST(e == XXH_OK);
}

uint64_t hash_bytes(const struct hash_key *k, const void *bytes, size_t size)
{
    return XXH3_64bits_withSecret(bytes, size, k->secret, sizeof(k->secret));
}
