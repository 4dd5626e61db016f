#include "tests/sim/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <string.h>

enum { COORDINATE_MAX = 48, POINT_MAX = 1 + 2 * COORDINATE_MAX };

/* Made once: what is worked out for a curve in advance is dear. NULL: no memory. */
static const EC_GROUP *group_of(bool p384)
{
    static EC_GROUP *groups[2];
    if (!groups[p384])
        groups[p384] = EC_GROUP_new_by_curve_name(p384 ? NID_secp384r1 : NID_X9_62_prime256v1);
    return groups[p384];
}

/* 1 … order-1, from octets. */
static BIGNUM *number_of(const EC_GROUP *group, const uint8_t *bytes, size_t size, BN_CTX *ctx)
{
    uint8_t hash[SHA512_DIGEST_LENGTH];
    BIGNUM *most = BN_dup(EC_GROUP_get0_order(group)), *n = BN_new();
    SHA512(bytes, size, hash);
    bool good = most && n && BN_sub_word(most, 1) && BN_bin2bn(hash, sizeof hash, n) &&
                BN_mod(n, n, most, ctx) && BN_add_word(n, 1);
    BN_free(most);
    if (good)
        return n;
    BN_free(n);
    return NULL;
}

static EVP_PKEY *key_of(const char *curve, const BIGNUM *secret, const uint8_t *point, size_t size)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *all = NULL;
    EVP_PKEY *key = NULL;
    if (build && ctx &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, size) &&
        (all = OSSL_PARAM_BLD_to_param(build)) && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all) != 1)
        key = NULL;
    OSSL_PARAM_free(all);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *ecdsa_key(const uint8_t *seed, size_t size, bool p384)
{
    const EC_GROUP *group = group_of(p384);
    BN_CTX *ctx = BN_CTX_new();
    EC_POINT *public = group ? EC_POINT_new(group) : NULL;
    BIGNUM *secret = group && ctx ? number_of(group, seed, size, ctx) : NULL;
    uint8_t point[POINT_MAX];
    EVP_PKEY *key = NULL;
    if (public && secret && EC_POINT_mul(group, public, secret, NULL, NULL, ctx)) {
        size_t length = EC_POINT_point2oct(group, public, POINT_CONVERSION_UNCOMPRESSED, point,
                                           sizeof point, ctx);
        key = key_of(p384 ? "P-384" : "P-256", secret, point, length);
    }
    BN_free(secret);
    EC_POINT_free(public);
    BN_CTX_free(ctx);
    return key;
}

/* s = (hash + r · secret) / k, r the first coordinate of k · G. */
static bool make(const EC_GROUP *group, const BIGNUM *secret, BIGNUM *k, BIGNUM *hash,
                 BIGNUM *rs[2], BN_CTX *ctx)
{
    const BIGNUM *order = EC_GROUP_get0_order(group);
    EC_POINT *point = EC_POINT_new(group);
    bool good = point && EC_POINT_mul(group, point, k, NULL, NULL, ctx) &&
                EC_POINT_get_affine_coordinates(group, point, rs[0], NULL, ctx) &&
                BN_nnmod(rs[0], rs[0], order, ctx) && BN_mod_inverse(k, k, order, ctx) &&
                BN_mod_mul(rs[1], rs[0], secret, order, ctx) &&
                BN_mod_add(rs[1], rs[1], hash, order, ctx) &&
                BN_mod_mul(rs[1], rs[1], k, order, ctx);
    EC_POINT_free(point);
    return good;
}

size_t ecdsa_sign(EVP_PKEY *key, const uint8_t *bytes, size_t size,
                  uint8_t out[ECDSA_SIGNATURE_MAX])
{
    uint8_t mix[2 * COORDINATE_MAX] = {0};
    bool p384 = EVP_PKEY_get_bits(key) == 384;
    int half = p384 ? 48 : 32;
    const EC_GROUP *group = group_of(p384);
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *secret = NULL, *k = NULL, *hash = BN_new(), *rs[2] = {BN_new(), BN_new()};
    bool good = group && ctx && hash && rs[0] && rs[1] &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret);
    if (good) {
        EVP_Digest(bytes, size, mix + half, NULL, p384 ? EVP_sha384() : EVP_sha256(), NULL);
        good = BN_bin2bn(mix + half, half, hash) && BN_bn2binpad(secret, mix, half) == half &&
               (k = number_of(group, mix, 2 * (size_t)half, ctx)) &&
               make(group, secret, k, hash, rs, ctx) && BN_bn2binpad(rs[0], out, half) == half &&
               BN_bn2binpad(rs[1], out + half, half) == half;
    }
    BN_free(rs[0]);
    BN_free(rs[1]);
    BN_free(hash);
    BN_free(k);
    BN_free(secret);
    BN_CTX_free(ctx);
    return good ? 2 * (size_t)half : 0;
}
