/*
 * The scheme SIMPLE (RFC 8976 §3.3): one hash over all records of the zone in canonical form and
 * order, but for the apex's ZONEMD set and its signatures. Sets of one owner come by their type, so
 * the signatures, which lie with what they cover, are gathered where type RRSIG has its turn.
 */
#include "dnssec/zonemd.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/canonical.h"

enum { ZONEMD_HEAD = 6, ZONEMD_DIGEST_LEAST = 12 };

/* RFC 8976 §2.2. */
struct zonemd {
    uint32_t serial;
    uint8_t scheme;
    uint8_t hash;
    const uint8_t *digest;
    size_t digest_size;
};

static bool zonemd_read(const struct rrset_iter *it, struct zonemd *out)
{
    struct cursor c = cursor_of(it->rdata, it->length);
    out->serial = cursor_u32(&c);
    out->scheme = cursor_u8(&c);
    out->hash = cursor_u8(&c);
    out->digest = it->rdata + ZONEMD_HEAD;
    out->digest_size = cursor_left(&c);
    return !c.failed;
}

static const EVP_MD *hash_of(uint8_t algorithm)
{
    switch (algorithm) {
    case ZONEMD_SHA384:
        return EVP_sha384();
    case ZONEMD_SHA512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

/* ---- The digest ------------------------------------------------------------------------------ */

/* The sets of one owner: zone->at[first] up to, without, zone->at[end]. */
struct owner_sets {
    const struct rrset_array *zone;
    size_t first, end;
    bool apex;
};

static size_t owner_end(const struct rrset_array *zone, size_t first)
{
    size_t end = first + 1;
    while (end < zone->count && name_equal(zone->at[first]->owner, zone->at[end]->owner))
        end++;
    return end;
}

static bool is_left_out(const struct owner_sets *o, const struct rrset *set)
{
    return o->apex && set->type == TYPE_ZONEMD;
}

/* Records of one TTL, sorted, each with owner, type, class, TTL and length before it. */
static void hash_records(EVP_MD_CTX *hash, const struct rrset *set, uint16_t type,
                         const struct canonical_rdata *records, size_t count)
{
    uint8_t head[NAME_MAX_WIRE + 10];
    uint8_t *fixed = head + name_lower(head, set->owner);
    store_u16(fixed, type);
    store_u16(fixed + 2, CLASS_IN);
    store_u32(fixed + 4, set->expiry);
    for (size_t i = 0; i < count; i++) {
        store_u16(fixed + 8, (uint16_t)records[i].size);
        EVP_DigestUpdate(hash, head, (size_t)(fixed + 10 - head));
        EVP_DigestUpdate(hash, records[i].bytes, records[i].size);
    }
}

static enum err hash_some(EVP_MD_CTX *hash, struct arena *a, const struct rrset *set, uint16_t type,
                          struct rrset_iter records)
{
    struct canonical_rdata *all = arena_calloc(a, records.left, sizeof *all);
    if (!all || canonical_collect(a, type, records, all))
        return ERR_NOMEM;
    canonical_sort(all, records.left);
    hash_records(hash, set, type, all, records.left);
    return OK;
}

/* One set by their canonical order: which begins with the type covered, so set after set serves. */
static enum err hash_signatures(EVP_MD_CTX *hash, struct arena *a, const struct owner_sets *o)
{
    enum err e = OK;
    for (size_t i = o->first; i < o->end && !e; i++) {
        const struct rrset *set = o->zone->at[i];
        if (!is_left_out(o, set))
            e = hash_some(hash, a, set, TYPE_RRSIG, rrset_signatures(set));
    }
    return e;
}

static enum err hash_owner(EVP_MD_CTX *hash, struct arena *a, const struct owner_sets *o)
{
    bool signatures_over = false;
    enum err e = OK;
    for (size_t i = o->first; i < o->end && !e; i++) {
        const struct rrset *set = o->zone->at[i];
        if (set->type > TYPE_RRSIG && !signatures_over) {
            signatures_over = true;
            e = hash_signatures(hash, a, o);
        }
        if (!e && !is_left_out(o, set))
            e = hash_some(hash, a, set, set->type, rrset_records(set));
    }
    return e || signatures_over ? e : hash_signatures(hash, a, o);
}

static enum err hash_zone(EVP_MD_CTX *hash, const uint8_t *apex, const struct rrset_array *zone)
{
    enum err e = OK;
    for (size_t i = 0; i < zone->count && !e;) {
        struct owner_sets o = {.zone = zone, .first = i, .end = owner_end(zone, i)};
        struct arena scratch;
        i = o.end;
        if (!name_at_or_below(zone->at[o.first]->owner, apex))
            continue;
        o.apex = name_equal(zone->at[o.first]->owner, apex);
        arena_init(&scratch, NULL);
        e = hash_owner(hash, &scratch, &o);
        arena_deinit(&scratch);
    }
    return e;
}

static enum err digest_zone(uint8_t algorithm, const uint8_t *apex, const struct rrset_array *zone,
                            uint8_t out[EVP_MAX_MD_SIZE], size_t *size)
{
    unsigned made = 0;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (!hash || !EVP_DigestInit_ex(hash, hash_of(algorithm), NULL)) {
        EVP_MD_CTX_free(hash);
        return ERR_NOMEM;
    }
    enum err e = hash_zone(hash, apex, zone);
    if (!e && !EVP_DigestFinal_ex(hash, out, &made))
        e = ERR_NOMEM;
    EVP_MD_CTX_free(hash);
    *size = made;
    return e;
}

/* ---- Which digests count --------------------------------------------------------------------- */

static const struct rrset *at_apex(const uint8_t *apex, const struct rrset_array *zone,
                                   uint16_t type)
{
    for (size_t i = 0; i < zone->count; i++)
        if (zone->at[i]->type == type && name_equal(zone->at[i]->owner, apex))
            return zone->at[i];
    return NULL;
}

/* Of one scheme and hash there must be one digest; else none of them counts (RFC 8976 §2.2). */
static bool is_ambiguous(const struct rrset *all, const struct zonemd *one)
{
    unsigned same = 0;
    struct zonemd other;
    for (struct rrset_iter it = rrset_records(all); rrset_next(&it);)
        same += zonemd_read(&it, &other) && other.scheme == one->scheme && other.hash == one->hash;
    return same > 1;
}

static enum zone_flaw form_of(const struct rrset *all, const struct zonemd *one, uint32_t serial)
{
    if (one->serial != serial)
        return ZONE_OTHER_SERIAL;
    if (one->scheme != ZONEMD_SIMPLE || !hash_of(one->hash) ||
        one->digest_size < ZONEMD_DIGEST_LEAST)
        return ZONE_UNSUPPORTED;
    return is_ambiguous(all, one) ? ZONE_AMBIGUOUS : ZONE_GOOD;
}

static enum err check_one(const uint8_t *apex, const struct rrset_array *zone,
                          const struct zonemd *one, enum zone_flaw *flaw)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size;
    enum err e = digest_zone(one->hash, apex, zone, digest, &size);
    bool same = !e && size == one->digest_size && memcmp(digest, one->digest, size) == 0;
    *flaw = same ? ZONE_GOOD : ZONE_CHANGED;
    return e;
}

static bool serial_of(const struct rrset *soa, uint32_t *out)
{
    struct rrset_iter it = rrset_records(soa);
    if (soa->count != 1 || !rrset_next(&it))
        return false;
    *out = load_u32(it.rdata + it.length - 20);
    return true;
}

enum err zonemd_check(const uint8_t *apex, const struct rrset_array *zone,
                      struct zone_judgement *out)
{
    const struct rrset *soa = at_apex(apex, zone, TYPE_SOA);
    const struct rrset *all = at_apex(apex, zone, TYPE_ZONEMD);
    *out = (struct zone_judgement){.flaw = ZONE_NO_SOA};
    if (!soa || !serial_of(soa, &out->serial))
        return OK;
    out->flaw = ZONE_NO_DIGEST;
    if (!all)
        return OK;
    for (struct rrset_iter it = rrset_records(all); rrset_next(&it);) {
        struct zonemd one;
        enum zone_flaw flaw =
            zonemd_read(&it, &one) ? form_of(all, &one, out->serial) : ZONE_UNSUPPORTED;
        enum err e = flaw == ZONE_GOOD ? check_one(apex, zone, &one, &flaw) : OK;
        if (e)
            return e;
        if (flaw == ZONE_GOOD) {
            out->flaw = ZONE_GOOD;
            out->hash = one.hash;
            return OK;
        }
        out->flaw = flaw > out->flaw ? flaw : out->flaw;
    }
    return OK;
}

/* ---- Signed ---------------------------------------------------------------------------------- */

static enum err check_set(const struct checker *c, const struct rrset *set,
                          const struct rrset *keys, enum zone_flaw if_bogus,
                          struct zone_judgement *out)
{
    struct signed_set by;
    enum err e = signature_check(c, set, keys, &out->why, &by);
    if (!e && out->why != WHY_NONE)
        out->flaw = if_bogus;
    return e;
}

enum err zonemd_check_signed(const struct checker *c, const struct rrset *ds,
                             const struct rrset_array *zone, struct zone_judgement *out)
{
    const struct rrset *soa = at_apex(ds->owner, zone, TYPE_SOA);
    const struct rrset *keys = at_apex(ds->owner, zone, TYPE_DNSKEY);
    const struct rrset *digest = at_apex(ds->owner, zone, TYPE_ZONEMD);
    struct signed_set by;
    *out = (struct zone_judgement){.flaw = !soa    ? ZONE_NO_SOA
                                           : !keys ? ZONE_NO_KEYS
                                                   : ZONE_NO_DIGEST};
    if (!soa || !keys || !digest)
        return OK;
    out->flaw = ZONE_KEYS_BOGUS;
    enum err e = signature_check_keys(c, keys, ds, &out->why, &by);
    if (e || out->why != WHY_NONE)
        return e;
    out->flaw = ZONE_GOOD;
    e = check_set(c, soa, keys, ZONE_SOA_BOGUS, out);
    if (!e && out->flaw == ZONE_GOOD)
        e = check_set(c, digest, keys, ZONE_DIGEST_BOGUS, out);
    return e || out->flaw != ZONE_GOOD ? e : zonemd_check(ds->owner, zone, out);
}

bool zone_signed_until(const struct rrset_array *zone, uint32_t *out)
{
    bool any = false;
    for (size_t i = 0; i < zone->count; i++) {
        struct rrsig sig;
        for (struct rrset_iter it = rrset_signatures(zone->at[i]); rrset_next(&it);) {
            if (!rrsig_read(it.rdata, it.length, &sig))
                continue;
            *out = !any || serial_less(sig.expiration, *out) ? sig.expiration : *out;
            any = true;
        }
    }
    return any;
}

const char *zone_judgement_text(const struct zone_judgement *j, char *buf, size_t size)
{
    static const char *const texts[ZONE_FLAWS] = {
        [ZONE_GOOD] = "nothing is wrong with it",
        [ZONE_NO_SOA] = "it has no SOA record, or several",
        [ZONE_NO_KEYS] = "it has no DNSKEY records",
        [ZONE_KEYS_BOGUS] = "its keys are not proven by the trust anchor",
        [ZONE_SOA_BOGUS] = "its SOA record is bogus",
        [ZONE_NO_DIGEST] = "it has no ZONEMD record",
        [ZONE_DIGEST_BOGUS] = "its ZONEMD record is bogus",
        [ZONE_OTHER_SERIAL] = "its ZONEMD record is of another serial than its SOA record",
        [ZONE_UNSUPPORTED] = "the scheme or hash algorithm of its ZONEMD record is not supported",
        [ZONE_AMBIGUOUS] = "it has several ZONEMD records of one scheme and hash algorithm",
        [ZONE_CHANGED] = "its content is not what its ZONEMD record says",
    };
    const char *why = j->why != WHY_NONE ? why_text(j->why) : "";
    snprintf(buf, size, "%s%s%s", texts[j->flaw], *why ? ": " : "", why);
    return buf;
}
