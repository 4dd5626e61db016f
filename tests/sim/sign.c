#include "tests/sim/sign.h"

#include <ldns/ldns.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/ecdsa.h"

enum { SIGN_DAY_S = 86400, RSA_BITS = 2048, RDATA_MAX = 4096 };

struct sign_key {
    uint8_t zone[NAME_MAX_WIRE];
    char algorithm[24];
    ldns_key *key;
    struct sign_key *next;
};

/* A signature that was made before: the octets signed, and what came of them. */
struct made {
    struct made *next;
    const struct sign_key *key;
    size_t size, signature_size;
    uint8_t *bytes, *signature;
};

static struct sign_key *all_keys;
static struct made *all_made;

/* ---- Keys --------------------------------------------------------------------------------------
 */

/* EdDSA keys are any octets: those of the zone's name, hashed. ECDSA's are made of them. NULL: RSA.
 */
static EVP_PKEY *key_of_name(const uint8_t *zone, ldns_signing_algorithm algorithm)
{
    uint8_t seed[SHA512_DIGEST_LENGTH];
    SHA512(zone, name_size(zone), seed);
    switch (algorithm) {
    case LDNS_SIGN_ED25519:
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    case LDNS_SIGN_ED448:
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED448, NULL, seed, 57);
    case LDNS_SIGN_ECDSAP256SHA256:
    case LDNS_SIGN_ECDSAP384SHA384:
        return ecdsa_key(seed, sizeof seed, algorithm == LDNS_SIGN_ECDSAP384SHA384);
    default:
        return NULL;
    }
}

static ldns_key *make_key(const uint8_t *zone, ldns_signing_algorithm algorithm)
{
    EVP_PKEY *pkey = key_of_name(zone, algorithm);
    if (!pkey)
        return ldns_key_new_frm_algorithm(algorithm, RSA_BITS);
    ldns_key *key = ldns_key_new();
    if (!key)
        return NULL;
    ldns_key_set_algorithm(key, algorithm);
    ldns_key_set_evp_key(key, pkey);
    return key;
}

static ldns_signing_algorithm algorithm_of(const char *text)
{
    static const struct {
        const char *text;
        ldns_signing_algorithm algorithm;
    } all[] = {{"RSASHA1", LDNS_SIGN_RSASHA1},
               {"RSASHA256", LDNS_SIGN_RSASHA256},
               {"RSASHA512", LDNS_SIGN_RSASHA512},
               {"ECDSAP256", LDNS_SIGN_ECDSAP256SHA256},
               {"ECDSAP384", LDNS_SIGN_ECDSAP384SHA384},
               {"ED25519", LDNS_SIGN_ED25519},
               {"ED448", LDNS_SIGN_ED448}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(text, all[i].text) == 0)
            return all[i].algorithm;
    return 0;
}

const struct sign_key *sign_key(const uint8_t *zone, const char *algorithm)
{
    for (struct sign_key *k = all_keys; k; k = k->next)
        if (name_equal(k->zone, zone) && strcmp(k->algorithm, algorithm) == 0)
            return k;
    ldns_signing_algorithm number = algorithm_of(algorithm);
    struct sign_key *k = number ? calloc(1, sizeof *k) : NULL;
    if (!k)
        return NULL;
    name_lower(k->zone, zone);
    snprintf(k->algorithm, sizeof k->algorithm, "%s", algorithm);
    k->key = make_key(k->zone, number);
    if (!k->key) {
        free(k);
        return NULL;
    }
    ldns_key_set_pubkey_owner(k->key, ldns_dname_new_frm_data((uint16_t)name_size(zone), k->zone));
    ldns_key_set_flags(k->key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
    k->next = all_keys;
    all_keys = k;
    return k;
}

static enum err rdata_of(struct arena *a, const ldns_rr *rr, struct rpl_bytes *out)
{
    uint8_t buf[RDATA_MAX];
    size_t at = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *f = ldns_rr_rdf(rr, i);
        if (at + ldns_rdf_size(f) > sizeof buf)
            return ERR_SPACE;
        memcpy(buf + at, ldns_rdf_data(f), ldns_rdf_size(f));
        at += ldns_rdf_size(f);
    }
    out->at = arena_copy(a, buf, at);
    out->size = at;
    return out->at ? OK : ERR_NOMEM;
}

enum err sign_dnskey(struct arena *a, const struct sign_key *k, uint16_t flags, uint8_t protocol,
                     struct rpl_bytes *out)
{
    ldns_rr *rr = ldns_key2rr(k->key);
    if (!rr)
        return ERR_NOMEM;
    enum err e = rdata_of(a, rr, out);
    ldns_rr_free(rr);
    if (e)
        return e;
    uint8_t *bytes = (uint8_t *)(uintptr_t)out->at;
    bytes[0] = (uint8_t)(flags >> 8);
    bytes[1] = (uint8_t)flags;
    bytes[2] = protocol;
    return OK;
}

/* ---- Records of ldns ----------------------------------------------------------------------------
 */

static ldns_rr *to_ldns(const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                        uint16_t length)
{
    uint8_t wire[NAME_MAX_WIRE + 10 + RDATA_MAX];
    ldns_rr *rr = NULL;
    size_t at = name_copy(wire, owner), pos = 0;
    if (length > RDATA_MAX)
        return NULL;
    const uint8_t fixed[10] = {(uint8_t)(type >> 8),
                               (uint8_t)type,
                               0,
                               CLASS_IN,
                               (uint8_t)(ttl >> 24),
                               (uint8_t)(ttl >> 16),
                               (uint8_t)(ttl >> 8),
                               (uint8_t)ttl,
                               (uint8_t)(length >> 8),
                               (uint8_t)length};
    memcpy(wire + at, fixed, sizeof fixed);
    memcpy(wire + at + sizeof fixed, rdata, length);
    if (ldns_wire2rr(&rr, wire, at + sizeof fixed + length, &pos, LDNS_SECTION_ANSWER) !=
        LDNS_STATUS_OK)
        return NULL;
    return rr;
}

enum err sign_ds(struct arena *a, const uint8_t *zone, const struct rpl_bytes *dnskey,
                 uint8_t digest, struct rpl_bytes *out)
{
    ldns_hash hash = digest == 1 ? LDNS_SHA1 : digest == 4 ? LDNS_SHA384 : LDNS_SHA256;
    ldns_rr *key = to_ldns(zone, TYPE_DNSKEY, 0, dnskey->at, (uint16_t)dnskey->size);
    ldns_rr *ds = key ? ldns_key_rr2ds(key, hash) : NULL;
    enum err e = ds ? rdata_of(a, ds, out) : ERR_UNSUPPORTED;
    ldns_rr_free(ds);
    ldns_rr_free(key);
    return e;
}

/* ---- Signatures ---------------------------------------------------------------------------------
 */

/* The owner as it is signed, and the labels that count. */
static const uint8_t *signed_owner(const uint8_t *owner, uint8_t labels,
                                   uint8_t out[NAME_MAX_WIRE + 2])
{
    bool star = owner[0] == 1 && owner[1] == '*';
    unsigned all = name_labels(owner) - star;
    if (labels >= all)
        return owner;
    out[0] = 1;
    out[1] = '*';
    name_copy(out + 2, name_suffix(owner, labels));
    return out;
}

static ldns_rr_list *canonical_list(const struct rpl_rr *first, const uint8_t *owner, uint32_t ttl)
{
    ldns_rr_list *list = ldns_rr_list_new();
    for (const struct rpl_rr *rr = first; list && rr; rr = rr->next) {
        if (rr->type != first->type || !name_equal(rr->owner, first->owner))
            continue;
        ldns_rr *one = to_ldns(owner, rr->type, ttl, rr->rdata, rr->length);
        if (!one || !ldns_rr_list_push_rr(list, one)) {
            ldns_rr_list_deep_free(list);
            return NULL;
        }
        ldns_rr2canonical(one);
    }
    if (list)
        ldns_rr_list_sort(list);
    return list;
}

static bool is_ecdsa(const struct sign_key *k)
{
    ldns_signing_algorithm algorithm = ldns_key_algorithm(k->key);
    return algorithm == LDNS_SIGN_ECDSAP256SHA256 || algorithm == LDNS_SIGN_ECDSAP384SHA384;
}

static ldns_rdf *make_signature(const struct sign_key *k, ldns_buffer *buf)
{
    uint8_t out[ECDSA_SIGNATURE_MAX];
    if (!is_ecdsa(k))
        return ldns_sign_public_buffer(buf, k->key);
    size_t size = ecdsa_sign(ldns_key_evp_key(k->key), ldns_buffer_begin(buf),
                             ldns_buffer_position(buf), out);
    return size ? ldns_rdf_new_frm_data(LDNS_RDF_TYPE_B64, size, out) : NULL;
}

static ldns_rdf *sign_buffer(const struct sign_key *k, ldns_buffer *buf)
{
    size_t size = ldns_buffer_position(buf);
    for (const struct made *m = all_made; m; m = m->next)
        if (m->key == k && m->size == size && !memcmp(m->bytes, ldns_buffer_begin(buf), size))
            return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_B64, m->signature_size, m->signature);
    ldns_rdf *signature = make_signature(k, buf);
    struct made *m = signature ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return signature;
    m->key = k;
    m->size = size;
    m->bytes = malloc(size);
    m->signature_size = ldns_rdf_size(signature);
    m->signature = malloc(m->signature_size);
    if (!m->bytes || !m->signature)
        abort();
    memcpy(m->bytes, ldns_buffer_begin(buf), size);
    memcpy(m->signature, ldns_rdf_data(signature), m->signature_size);
    m->next = all_made;
    all_made = m;
    return signature;
}

void sign_forget(void)
{
    while (all_made) {
        struct made *m = all_made;
        all_made = m->next;
        free(m->bytes);
        free(m->signature);
        free(m);
    }
}

/* The fixed part of the RRSIG, with what is to be wrong in it. */
static size_t write_head(uint8_t *out, const struct sign_key *k, const uint8_t *zone,
                         const struct rpl_bytes *dnskey, const struct rpl_rr *first,
                         const struct sign_fault *f, int64_t now_s)
{
    bool star = first->owner[0] == 1 && first->owner[1] == '*';
    int64_t expiration = now_s + (f->expiration_s ? f->expiration_s : SIGN_DAY_S);
    int64_t inception = now_s + (f->inception_s ? f->inception_s : -SIGN_DAY_S);
    ldns_rr *key = to_ldns(zone, TYPE_DNSKEY, 0, dnskey->at, (uint16_t)dnskey->size);
    uint16_t tag = key ? ldns_calc_keytag(key) : 0;
    ldns_rr_free(key);
    store_u16(out, f->covered ? f->covered : first->type);
    out[2] = f->has_algorithm ? f->algorithm : (uint8_t)ldns_key_algorithm(k->key);
    out[3] = f->has_labels ? f->labels : (uint8_t)(name_labels(first->owner) - star);
    store_u32(out + 4, f->has_ttl ? f->original_ttl : first->ttl);
    store_u32(out + 8, (uint32_t)expiration);
    store_u32(out + 12, (uint32_t)inception);
    store_u16(out + 16, f->has_tag ? f->tag : tag);
    return 18 + name_lower(out + 18, f->signer ? f->signer : zone);
}

enum err sign_set(struct arena *a, const struct sign_key *k, const uint8_t *zone,
                  const struct rpl_bytes *dnskey, const struct rpl_rr *first,
                  const struct sign_fault *fault, int64_t now_s, struct rpl_bytes *out)
{
    uint8_t head[18 + NAME_MAX_WIRE], expanded[NAME_MAX_WIRE + 2];
    size_t size = write_head(head, k, zone, dnskey, first, fault, now_s);
    const uint8_t *owner = signed_owner(first->owner, head[3], expanded);
    ldns_rr_list *list = canonical_list(first, owner, load_u32(head + 4));
    ldns_buffer *buf = ldns_buffer_new(LDNS_MAX_PACKETLEN);
    ldns_rdf *signature = NULL;
    enum err e = ERR_NOMEM;
    if (list && buf) {
        ldns_buffer_write(buf, head, size);
        if (ldns_rr_list2buffer_wire(buf, list) == LDNS_STATUS_OK)
            signature = sign_buffer(k, buf);
    }
    size_t length = signature ? ldns_rdf_size(signature) : 0;
    uint8_t *rdata = signature ? arena_alloc(a, size + length) : NULL;
    if (rdata) {
        memcpy(rdata, head, size);
        memcpy(rdata + size, ldns_rdf_data(signature), length);
        rdata[size + length - 1] ^= fault->broken;
        *out = (struct rpl_bytes){rdata, size + length};
        e = OK;
    }
    ldns_rdf_deep_free(signature);
    ldns_buffer_free(buf);
    ldns_rr_list_deep_free(list);
    return e;
}

enum err sign_hash(const uint8_t *name, uint16_t iterations, const uint8_t *salt, uint8_t salt_size,
                   uint8_t out[20])
{
    uint8_t lower[NAME_MAX_WIRE], salt_copy[255];
    size_t size = name_lower(lower, name);
    if (salt_size)
        memcpy(salt_copy, salt, salt_size);
    ldns_rdf *owner = ldns_dname_new_frm_data((uint16_t)size, lower);
    ldns_rdf *hashed =
        owner ? ldns_nsec3_hash_name(owner, 1, iterations, salt_size, salt_copy) : NULL;
    uint8_t decoded[64];
    int length = -1;
    if (hashed) {
        char text[64] = "";
        size_t label = ldns_rdf_data(hashed)[0];
        memcpy(text, ldns_rdf_data(hashed) + 1, label < 63 ? label : 63);
        length = ldns_b32_pton_extended_hex(text, label, decoded, sizeof decoded);
    }
    ldns_rdf_deep_free(hashed);
    ldns_rdf_deep_free(owner);
    if (length != 20)
        return ERR_NOMEM;
    memcpy(out, decoded, 20);
    return OK;
}

void sign_hash_label(const uint8_t hash[SIGN_HASH_SIZE], uint8_t out[33])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint64_t bits = 0;
    unsigned have = 0, at = 1;
    out[0] = 32;
    for (unsigned i = 0; i < SIGN_HASH_SIZE; i++) {
        bits = bits << 8 | hash[i];
        for (have += 8; have >= 5; have -= 5)
            out[at++] = (uint8_t)digits[bits >> (have - 5) & 31];
    }
}
