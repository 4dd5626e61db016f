#include "dnssec/anchors.h"

#include <string.h>

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

struct anchors_ends anchors_ends(const struct anchors *all, uint32_t wall)
{
    struct anchors_ends ends = {0};
    for (size_t i = 0; i < all->count; i++) {
        uint32_t until = all->at[i].until;
        if (until == 0)
            continue;
        if (wall >= until)
            ends.ended++;
        else if (ends.next == 0 || until < ends.next)
            ends.next = until;
    }
    return ends;
}

static bool equal_sets(const struct rrset *a, const struct rrset *b)
{
    if (!a || !b)
        return a == b;
    return a->count == b->count && a->rdata_size == b->rdata_size &&
           memcmp(a->rdata, b->rdata, a->rdata_size) == 0;
}

bool anchors_equal(const struct anchors *a, const struct anchors *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct anchor *one = &a->at[i], *other = &b->at[i];
        if (one->until != other->until || !name_equal(one->zone, other->zone) ||
            !equal_sets(one->ds, other->ds))
            return false;
    }
    return true;
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
