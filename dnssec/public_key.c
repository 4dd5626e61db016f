/*
 * A DNSKEY's bits as a key of OpenSSL, and signatures in DNSSEC's form checked with it. The digest
 * is made apart and a context that is ready to verify is kept with the key: measured, that halves
 * what ldns's own check costs, which parses key and names each time.
 */
#include "dnssec/public_key.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "dnssec/keyring.h"

enum { RSA_BITS_MIN = 512, RSA_BITS_MIN_SHA512 = 1024, RSA_BITS_MAX = 4096, RSA_EXPONENT_MAX = 8 };

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_from_numbers(BIGNUM *e, BIGNUM *n)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    if (b && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e)) {
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
        key = params ? from_params("RSA", params) : NULL;
        OSSL_PARAM_free(params);
    }
    OSSL_PARAM_BLD_free(b);
    return key;
}

/* RFC 3110 §2. An exponent as long as the modulus would make one check cost as much as hundreds. */
static EVP_PKEY *parse_rsa(const struct dnskey *from, uint8_t algorithm)
{
    struct cursor c = cursor_of(from->bits, from->bits_size);
    size_t length = cursor_u8(&c);
    if (length == 0)
        length = cursor_u16(&c);
    const uint8_t *exponent = cursor_bytes(&c, length);
    size_t left = cursor_left(&c);
    if (!exponent || length == 0 || length > RSA_EXPONENT_MAX || left > RSA_BITS_MAX / 8)
        return NULL;
    BIGNUM *e = BN_bin2bn(exponent, (int)length, NULL);
    BIGNUM *n = BN_bin2bn(c.at, (int)left, NULL);
    int least = algorithm == ALGORITHM_RSASHA512 ? RSA_BITS_MIN_SHA512 : RSA_BITS_MIN;
    EVP_PKEY *key = NULL;
    if (e && n && BN_num_bits(n) >= least && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e))
        key = rsa_from_numbers(e, n);
    BN_free(e);
    BN_free(n);
    return key;
}

/* RFC 6605 §4: the point without the octet that says "uncompressed". */
static EVP_PKEY *parse_ecdsa(const struct dnskey *from, uint8_t algorithm)
{
    bool p256 = algorithm == ALGORITHM_ECDSAP256SHA256;
    char *group = p256 ? (char[]){"P-256"} : (char[]){"P-384"};
    uint8_t point[97] = {4};
    size_t size = p256 ? 64 : 96;
    if (from->bits_size != size)
        return NULL;
    memcpy(point + 1, from->bits, size);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, size + 1),
        OSSL_PARAM_construct_end(),
    };
    return from_params("EC", params);
}

/* RFC 8080 §3. */
static EVP_PKEY *parse_eddsa(const struct dnskey *from, uint8_t algorithm)
{
    bool small = algorithm == ALGORITHM_ED25519;
    if (from->bits_size != (small ? 32U : 57U))
        return NULL;
    return EVP_PKEY_new_raw_public_key(small ? EVP_PKEY_ED25519 : EVP_PKEY_ED448, NULL, from->bits,
                                       from->bits_size);
}

static const EVP_MD *digest_of(uint8_t algorithm)
{
    switch (algorithm) {
    case ALGORITHM_RSASHA1:
    case ALGORITHM_RSASHA1_NSEC3_SHA1:
        return EVP_sha1();
    case ALGORITHM_RSASHA256:
    case ALGORITHM_ECDSAP256SHA256:
        return EVP_sha256();
    case ALGORITHM_ECDSAP384SHA384:
        return EVP_sha384();
    case ALGORITHM_RSASHA512:
        return EVP_sha512();
    default:
        return NULL; /* EdDSA has its own within */
    }
}

static bool make_ready(struct public_key *k)
{
    if (k->algorithm->form == ALGORITHM_EDDSA)
        return true;
    k->digest = digest_of(k->algorithm->number);
    k->verify = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
    if (!k->verify || EVP_PKEY_verify_init(k->verify) <= 0)
        return false;
    if (k->algorithm->form == ALGORITHM_RSA &&
        EVP_PKEY_CTX_set_rsa_padding(k->verify, RSA_PKCS1_PADDING) <= 0)
        return false;
    return EVP_PKEY_CTX_set_signature_md(k->verify, k->digest) > 0;
}

bool public_key__parse(struct public_key *k, const struct algorithm *a, const struct dnskey *from)
{
    *k = (struct public_key){.algorithm = a, .price = a->price};
    switch ((enum algorithm_form)a->form) {
    case ALGORITHM_RSA:
        k->key = parse_rsa(from, a->number);
        k->price = from->bits_size > 2048 / 8 + 16 ? 4U * a->price : a->price;
        break;
    case ALGORITHM_ECDSA:
        k->key = parse_ecdsa(from, a->number);
        break;
    case ALGORITHM_EDDSA:
        k->key = parse_eddsa(from, a->number);
        break;
    }
    if (k->key && make_ready(k))
        return true;
    public_key__deinit(k);
    return false;
}

void public_key__deinit(struct public_key *k)
{
    EVP_PKEY_CTX_free(k->verify);
    EVP_PKEY_free(k->key);
    *k = (struct public_key){0};
}

uint32_t public_key_price(const struct public_key *k)
{
    return k->price;
}

/* ---- Checking ----------------------------------------------------------------------------------
 */

/* One INTEGER of DER: no leading zeros but the one that keeps it positive. Returns its octets. */
static size_t der_integer(uint8_t *out, const uint8_t *number, size_t size)
{
    while (size > 1 && *number == 0) {
        number++;
        size--;
    }
    size_t pad = *number >> 7;
    out[0] = 2;
    out[1] = (uint8_t)(size + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number, size);
    return 2 + pad + size;
}

/* r and s side by side (RFC 6605 §4) as the DER that OpenSSL reads; at most 2 × 51 + 2 octets. */
static size_t der_of(uint8_t out[128], const uint8_t *signature, size_t half)
{
    size_t size = der_integer(out + 2, signature, half);
    size += der_integer(out + 2 + size, signature + half, half);
    out[0] = 0x30;
    out[1] = (uint8_t)size;
    return 2 + size;
}

static bool verify_pure(const struct public_key *k, const uint8_t *data, size_t data_size,
                        const uint8_t *signature, size_t signature_size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->key) > 0 &&
                EVP_DigestVerify(ctx, signature, signature_size, data, data_size) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

bool public_key_verifies(const struct public_key *k, const uint8_t *data, size_t data_size,
                         const uint8_t *signature, size_t signature_size)
{
    uint8_t digest[EVP_MAX_MD_SIZE], der[128];
    unsigned size;
    if (!k->verify)
        return verify_pure(k, data, data_size, signature, signature_size);
    if (!EVP_Digest(data, data_size, digest, &size, k->digest, NULL))
        return false;
    if (k->algorithm->form == ALGORITHM_ECDSA) {
        size_t half = k->algorithm->number == ALGORITHM_ECDSAP256SHA256 ? 32 : 48;
        if (signature_size != 2 * half)
            return false;
        signature_size = der_of(der, signature, half);
        signature = der;
    }
    return EVP_PKEY_verify(k->verify, signature, signature_size, digest, size) == 1;
}
