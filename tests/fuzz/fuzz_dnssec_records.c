/*
 * The readers of DNSSEC rdata and keys on any octets, each in memory of just its size: what is read
 * lies within, and a key that comes of it can be asked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(const uint8_t *at, size_t size, const uint8_t *whole, size_t whole_size)
{
    return size == 0 || (at >= whole && at + size <= whole + whole_size);
}

static void read_rrsig(const uint8_t *d, size_t size)
{
    struct rrsig r;
    if (!rrsig_read(d, size, &r))
        return;
    MUST(r.head_size + r.signature_size == size && r.signature == d + r.head_size);
    MUST(within(r.signer, name_size(r.signer), d, size));
}

static void read_denials(const uint8_t *d, size_t size)
{
    struct nsec n;
    struct nsec3 h;
    unsigned types = 0;
    if (nsec_read(d, size, &n))
        MUST(within(n.next, name_size(n.next), d, size) &&
             within(n.bitmap, n.bitmap_size, d, size));
    if (nsec3_read(d, size, &h))
        MUST(within(h.salt, h.salt_size, d, size) && within(h.next, h.next_size, d, size) &&
             within(h.bitmap, h.bitmap_size, d, size));
    for (unsigned type = 0; type <= UINT16_MAX; type += 97)
        types += bitmap_has(d, size, (uint16_t)type);
    MUST(size >= 3 || types == 0);
}

static void read_key(const uint8_t *d, size_t size)
{
    static const struct dnssec_policy policy = {.sha1 = true};
    struct dnskey k;
    struct keyring *ring;
    if (!dnskey_read(d, size, &k))
        return;
    MUST(within(k.bits, k.bits_size, d, size) && k.bits_size + 4 == size);
    (void)dnskey_tag(d, size);
    const struct algorithm *a = algorithm_find(&policy, k.algorithm);
    if (!a)
        return;
    MUST(keyring_new(&ring) == OK);
    const struct public_key *p = keyring_get(ring, a, &k);
    MUST(p == keyring_get(ring, a, &k));
    if (p) {
        MUST(public_key_price(p) > 0);
        (void)public_key_verifies(p, d, size, k.bits, k.bits_size);
    }
    keyring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds ds;
    uint8_t *d = malloc(size ? size : 1);
    MUST(d);
    if (size)
        memcpy(d, data, size);
    read_rrsig(d, size);
    read_denials(d, size);
    read_key(d, size);
    if (ds_read(d, size, &ds))
        MUST(ds.digest_size + 4 == size && within(ds.digest, ds.digest_size, d, size));
    free(d);
    return 0;
}
