/*
 * Bounds first: what an attacker may put into a zone are keys that share one tag and signatures
 * that fit none of them (KeyTrap). So of one set a few signatures are tried, each with a few keys,
 * and a few failures end it; and all of it is paid from the work that one query may cause.
 */
#include "dnssec/signature.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dnssec/canonical.h"

bool serial_less(uint32_t a, uint32_t b)
{
    return a != b && (int32_t)(a - b) < 0;
}

/* The reason that tells most about a set for which none of its signatures did. */
static enum why worse(enum why known, enum why new)
{
    static const uint8_t weight[WHY_COUNT] = {
        [WHY_BOGUS_UNSIGNED] = 1, [WHY_UNSUPPORTED_ALGORITHM] = 2, [WHY_BOGUS_FORM] = 3,
        [WHY_BOGUS_NO_KEY] = 4,   [WHY_BOGUS_NO_ZONE_KEY] = 5,     [WHY_BOGUS_NOT_YET] = 6,
        [WHY_BOGUS_EXPIRED] = 7,  [WHY_BOGUS_SIGNATURE] = 8,       [WHY_BOGUS_LIMIT] = 9,
    };
    return weight[new] > weight[known] ? new : known;
}

/* ---- One signature -----------------------------------------------------------------------------
 */

/* What can be said of it without a key (RFC 4035 §5.3.1). */
static enum why judge_form(const struct checker *c, const struct rrset *set,
                           const struct rrset *keys, const struct rrsig *sig)
{
    unsigned labels = canonical_labels(set->owner);
    bool parent_only = set->type == TYPE_DS && name_labels(set->owner) > 0;
    if (sig->covered != set->type || !name_equal(sig->signer, keys->owner) ||
        !name_at_or_below(set->owner, sig->signer) ||
        (parent_only && name_equal(set->owner, sig->signer)))
        return WHY_BOGUS_FORM;
    if (sig->labels > labels || sig->labels < name_labels(sig->signer))
        return WHY_BOGUS_FORM;
    if (serial_less(sig->expiration, sig->inception))
        return WHY_BOGUS_FORM;
    if (serial_less(sig->expiration + c->policy->skew_s, c->wall))
        return WHY_BOGUS_EXPIRED;
    if (serial_less(c->wall, sig->inception - c->policy->skew_s))
        return WHY_BOGUS_NOT_YET;
    return WHY_NONE;
}

static bool pay(struct dnssec_work *w, uint32_t price)
{
    if (w->price < price || w->good == 0 || w->failed == 0) {
        w->over = true;
        return false;
    }
    w->price -= price;
    return true;
}

struct attempt {
    const struct rrset *set;
    const struct rrsig *sig;
    const uint8_t *sig_rdata;
    const uint8_t *data; /* NULL until it is first needed */
    size_t data_size;
    unsigned failed; /* checks for this set */
};

/* One key tried. ERR_NOMEM. */
static enum err try_key(const struct checker *c, struct attempt *t, const struct algorithm *a,
                        const struct dnskey *key, enum why *why)
{
    const struct public_key *k = keyring_get(c->keys, a, key);
    enum err e;
    /* A key that is none costs nothing but counts as a failure. */
    if (k && !pay(c->work, public_key_price(k))) {
        *why = WHY_BOGUS_LIMIT;
        return OK;
    }
    if (!t->data &&
        (e = canonical_signed(c->arena, t->set, t->sig, t->sig_rdata, &t->data, &t->data_size)))
        return e;
    if (k &&
        public_key_verifies(k, t->data, t->data_size, t->sig->signature, t->sig->signature_size)) {
        c->work->good--;
        *why = WHY_NONE;
        return OK;
    }
    t->failed++;
    if (c->work->failed)
        c->work->failed--;
    *why = WHY_BOGUS_SIGNATURE;
    return OK;
}

/* Tries the keys that the signature names. `only`: this one of them alone; NULL: any zone key. */
static enum err try_keys(const struct checker *c, struct attempt *t, const struct rrset *keys,
                         const uint8_t *only, enum why *why)
{
    const struct algorithm *a = algorithm_find(c->policy, t->sig->algorithm);
    struct rrset_iter it = rrset_records(keys);
    unsigned tried = 0;
    *why = a ? WHY_BOGUS_NO_KEY : WHY_UNSUPPORTED_ALGORITHM;
    while (a && rrset_next(&it)) {
        struct dnskey key;
        if ((only && it.rdata != only) || !dnskey_read(it.rdata, it.length, &key) ||
            key.algorithm != t->sig->algorithm || dnskey_tag(it.rdata, it.length) != t->sig->tag)
            continue;
        if (c->revoked)
            key.flags &= (uint16_t)~DNSKEY_REVOKED;
        if (!dnskey_signs_zone(&key)) {
            *why = worse(*why, WHY_BOGUS_NO_ZONE_KEY);
            continue;
        }
        if (++tried > KEYS_PER_TAG || t->failed >= FAILED_PER_SET) {
            *why = WHY_BOGUS_LIMIT;
            return OK;
        }
        enum why this;
        enum err e = try_key(c, t, a, &key, &this);
        if (e)
            return e;
        *why = this == WHY_NONE ? WHY_NONE : worse(*why, this);
        if (this == WHY_NONE || this == WHY_BOGUS_LIMIT)
            return OK;
    }
    return OK;
}

static void note_signed(const struct checker *c, const struct rrsig *sig, struct signed_set *out)
{
    uint32_t left =
        serial_less(c->wall, sig->expiration) ? sig->expiration - c->wall : 1; /* within the skew */
    out->signer = sig->signer;
    out->labels = sig->labels;
    out->original_ttl = sig->original_ttl;
    out->ttl_most = sig->original_ttl < left ? sig->original_ttl : left;
}

/* The set's signatures, each with the keys (or the one key) until one verifies. */
static enum err try_signatures(const struct checker *c, const struct rrset *set,
                               const struct rrset *keys, const uint8_t *only, enum why *why,
                               struct signed_set *out)
{
    struct attempt t = {.set = set};
    struct rrset_iter it = rrset_signatures(set);
    unsigned tried = 0;
    *why = WHY_BOGUS_UNSIGNED;
    while (rrset_next(&it)) {
        struct rrsig sig;
        if (!rrsig_read(it.rdata, it.length, &sig)) {
            *why = worse(*why, WHY_BOGUS_FORM);
            continue;
        }
        enum why this = judge_form(c, set, keys, &sig);
        if (this != WHY_NONE) {
            *why = worse(*why, this);
            continue;
        }
        t.sig = &sig;
        t.sig_rdata = it.rdata;
        t.data = NULL;
        enum err e = try_keys(c, &t, keys, only, &this);
        if (e)
            return e;
        if (this == WHY_NONE) {
            *why = WHY_NONE;
            note_signed(c, &sig, out);
            return OK;
        }
        *why = worse(*why, this);
        bool checked = this == WHY_BOGUS_SIGNATURE || this == WHY_BOGUS_LIMIT;
        if (checked && ++tried == SIGNATURES_TRIED)
            break;
    }
    return OK;
}

enum err signature_check(const struct checker *c, const struct rrset *set, const struct rrset *keys,
                         enum why *why, struct signed_set *out)
{
    MUST(set->count > 0);
    return try_signatures(c, set, keys, NULL, why, out);
}

/* ---- Keys by their DS records ------------------------------------------------------------------
 */

static bool ds_supported(const struct dnssec_policy *p, const struct ds *ds)
{
    return algorithm_find(p, ds->algorithm) && digest_size(ds->digest_type) == ds->digest_size;
}

enum why signature_ds_usable(const struct dnssec_policy *p, const struct rrset *ds)
{
    struct rrset_iter it = rrset_records(ds);
    enum why why = WHY_UNSUPPORTED_ALGORITHM;
    while (rrset_next(&it)) {
        struct ds d;
        if (!ds_read(it.rdata, it.length, &d))
            continue;
        if (ds_supported(p, &d))
            return WHY_NONE;
        if (algorithm_find(p, d.algorithm))
            why = WHY_UNSUPPORTED_DIGEST;
    }
    return why;
}

/* SHA-1 digests do not count where better ones are given (RFC 4509 §3). */
static bool has_better_than_sha1(const struct dnssec_policy *p, const struct rrset *ds)
{
    struct rrset_iter it = rrset_records(ds);
    while (rrset_next(&it)) {
        struct ds d;
        if (ds_read(it.rdata, it.length, &d) && ds_supported(p, &d) && d.digest_type != DIGEST_SHA1)
            return true;
    }
    return false;
}

static const EVP_MD *digest_of(uint8_t type)
{
    switch (type) {
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA256:
        return EVP_sha256();
    default:
        MUST(type == DIGEST_SHA384);
        return EVP_sha384();
    }
}

/* May the DS record name this key? Its digest tells. */
static bool may_name(const struct ds *ds, const uint8_t *rdata, uint16_t length)
{
    struct dnskey key;
    return dnskey_read(rdata, length, &key) && key.algorithm == ds->algorithm &&
           dnskey_tag(rdata, length) == ds->tag;
}

static bool has_key(const struct rrset *keys, const struct ds *ds)
{
    struct rrset_iter it = rrset_records(keys);
    while (rrset_next(&it))
        if (may_name(ds, it.rdata, it.length))
            return true;
    return false;
}

/* By its digest. ERR_NOMEM in *err. */
static bool names(const struct checker *c, const struct ds *ds, const uint8_t *owner,
                  const uint8_t *rdata, uint16_t length, enum err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!may_name(ds, rdata, length))
        return false;
    uint8_t *bytes = arena_alloc(c->arena, NAME_MAX_WIRE + (size_t)length);
    if (!bytes) {
        *err = ERR_NOMEM;
        return false;
    }
    size_t size = canonical_key(bytes, owner, rdata, length);
    return EVP_Digest(bytes, size, digest, NULL, digest_of(ds->digest_type), NULL) &&
           !memcmp(digest, ds->digest, ds->digest_size);
}

/* The key that the DS record names, in place; NULL when there is none. */
static const uint8_t *key_of_ds(const struct checker *c, const struct rrset *keys,
                                const struct ds *ds, enum err *err)
{
    struct rrset_iter it = rrset_records(keys);
    while (!*err && rrset_next(&it))
        if (names(c, ds, keys->owner, it.rdata, it.length, err))
            return it.rdata;
    return NULL;
}

bool signature_ds_names(const struct checker *c, const struct rrset *ds, const uint8_t *owner,
                        const uint8_t *rdata, uint16_t length)
{
    enum err e = OK;
    struct ds d;
    for (struct rrset_iter it = rrset_records(ds); rrset_next(&it);)
        if (ds_read(it.rdata, it.length, &d) && ds_supported(c->policy, &d) &&
            names(c, &d, owner, rdata, length, &e))
            return true;
    return false;
}

enum err signature_check_keys(const struct checker *c, const struct rrset *keys,
                              const struct rrset *ds, enum why *why, struct signed_set *out)
{
    struct rrset_iter it = rrset_records(ds);
    unsigned tried = 0;
    bool better = has_better_than_sha1(c->policy, ds);
    if ((*why = signature_ds_usable(c->policy, ds)) != WHY_NONE)
        return OK;
    *why = WHY_BOGUS_KEYS;
    while (rrset_next(&it)) {
        struct ds d;
        enum err e = OK;
        if (!ds_read(it.rdata, it.length, &d) || !ds_supported(c->policy, &d) ||
            (better && d.digest_type == DIGEST_SHA1))
            continue;
        /* What names no key costs nothing: a zone may have DS records of many keys to come. */
        if (!has_key(keys, &d))
            continue;
        if (++tried > DS_TRIED) {
            *why = worse(*why, WHY_BOGUS_LIMIT);
            return OK;
        }
        const uint8_t *key = key_of_ds(c, keys, &d, &e);
        if (e)
            return e;
        if (!key)
            continue;
        if ((e = try_signatures(c, keys, keys, key, why, out)))
            return e;
        if (*why == WHY_NONE || *why == WHY_BOGUS_LIMIT)
            return OK;
    }
    return OK;
}
