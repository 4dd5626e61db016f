#include "dnssec/anchors.h"

#include <openssl/evp.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/algorithm.h"
#include "dnssec/canonical.h"
#include "dnssec/records.h"

const struct anchor *anchors_find(const struct anchors *all, const uint8_t *name, uint32_t wall)
{
    const struct anchor *best = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct anchor *a = &all->at[i];
        if (!name_at_or_below(name, a->zone) || (a->until && wall >= a->until))
            continue;
        unsigned labels = name_labels(a->zone);
        if (!best || labels > name_labels(best->zone) ||
            (labels == name_labels(best->zone) && !a->ds))
            best = a;
    }
    return best;
}

enum err anchors_ds_of_key(struct arena *a, const uint8_t *owner, const uint8_t *rdata,
                           uint16_t length, const uint8_t **ds, uint16_t *ds_length)
{
    enum { HEAD = 4, DIGEST = 32 };
    struct dnskey key;
    if (!dnskey_read(rdata, length, &key))
        return ERR_FORMAT;
    uint8_t *bytes = arena_alloc(a, NAME_MAX_WIRE + (size_t)length);
    uint8_t *out = arena_alloc(a, HEAD + DIGEST);
    if (!bytes || !out)
        return ERR_NOMEM;
    size_t size = canonical_key(bytes, owner, rdata, length);
    store_u16(out, dnskey_tag(rdata, length));
    out[2] = key.algorithm;
    out[3] = DIGEST_SHA256;
    if (EVP_Digest(bytes, size, out + HEAD, NULL, EVP_sha256(), NULL) != 1)
        return ERR_NOMEM;
    *ds = out;
    *ds_length = HEAD + DIGEST;
    return OK;
}

enum err anchors_ds_of_set(struct arena *a, const struct rrset *set, const struct rrset **out)
{
    struct rrset_builder b;
    struct rrset_iter it = rrset_records(set);
    if (set->type == TYPE_DS) {
        *out = set;
        return OK;
    }
    enum err e = rrset_build(&b, a, set->owner, TYPE_DS, set->expiry);
    while (!e && rrset_next(&it)) {
        const uint8_t *ds = NULL;
        uint16_t length = 0;
        e = anchors_ds_of_key(a, set->owner, it.rdata, it.length, &ds, &length);
        if (!e)
            e = rrset_add(&b, ds, length);
    }
    if (!e)
        *out = rrset_finish(&b);
    return e;
}
