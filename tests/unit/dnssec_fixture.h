/*
 * Signed data for tests: zones with keys, sets signed by ldns, so that what is tested and what it
 * is tested with share no code.
 */
#ifndef DNSSEC_FIXTURE_H
#define DNSSEC_FIXTURE_H

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dnssec/validate.h"

enum { FIXTURE_WALL = 1767225600, FIXTURE_DAY = 86400 };

struct fixture {
    struct arena arena;
    struct keyring *keys;
    struct dnssec_policy policy;
    struct dnssec_work work;
};

/* A zone that can sign. */
struct signer {
    struct fixture *f;
    uint8_t name[NAME_MAX_WIRE];
    const char *text;
    ldns_key *key;
    ldns_rr *dnskey;
    uint32_t inception, expiration;
};

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.policy = {.iterations_max = 50},
                          .work = {.price = 384, .good = 64, .failed = 8, .blocks = 1000}};
    arena_init(&f->arena, NULL);
    assert_int_equal(keyring_new(&f->keys), OK);
}

static inline void fixture_deinit(struct fixture *f)
{
    keyring_free(f->keys);
    arena_deinit(&f->arena);
}

static inline struct checker fixture_checker(struct fixture *f)
{
    return (struct checker){.policy = &f->policy,
                            .keys = f->keys,
                            .arena = &f->arena,
                            .work = &f->work,
                            .wall = FIXTURE_WALL};
}

static inline void signer_init(struct signer *s, struct fixture *f, const char *zone,
                               ldns_signing_algorithm algorithm)
{
    *s = (struct signer){.f = f,
                         .text = zone,
                         .inception = FIXTURE_WALL - FIXTURE_DAY,
                         .expiration = FIXTURE_WALL + FIXTURE_DAY};
    assert_int_equal(name_from_text(zone, s->name), OK);
    bool rsa = algorithm == LDNS_SIGN_RSASHA1 || algorithm == LDNS_SIGN_RSASHA256 ||
               algorithm == LDNS_SIGN_RSASHA512 || algorithm == LDNS_SIGN_RSASHA1_NSEC3;
    s->key = ldns_key_new_frm_algorithm(algorithm, rsa ? 2048 : 0);
    assert_non_null(s->key);
    ldns_key_set_flags(s->key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
    ldns_key_set_pubkey_owner(s->key, ldns_dname_new_frm_str(zone));
    ldns_key_set_inception(s->key, s->inception);
    ldns_key_set_expiration(s->key, s->expiration);
    s->dnskey = ldns_key2rr(s->key);
    ldns_rr_set_ttl(s->dnskey, 3600);
    ldns_key_set_keytag(s->key, ldns_calc_keytag(s->dnskey));
}

static inline void signer_deinit(struct signer *s)
{
    ldns_rr_free(s->dnskey);
    ldns_key_deep_free(s->key);
}

static inline uint16_t fixture_rdata(const ldns_rr *rr, uint8_t out[4096])
{
    size_t at = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *f = ldns_rr_rdf(rr, i);
        assert_true(at + ldns_rdf_size(f) <= 4096);
        memcpy(out + at, ldns_rdf_data(f), ldns_rdf_size(f));
        at += ldns_rdf_size(f);
    }
    return (uint16_t)at;
}

/* Records of one set, signed by the zone unless `s` has no key; times and keys as the signer has
 * them. */
static inline struct rrset *fixture_signed(struct signer *s, ldns_rr_list *records)
{
    uint8_t rdata[4096];
    struct rrset_builder b;
    ldns_rr *first = ldns_rr_list_rr(records, 0);
    const uint8_t *owner = ldns_rdf_data(ldns_rr_owner(first));
    assert_int_equal(rrset_build(&b, &s->f->arena, owner, (uint16_t)ldns_rr_get_type(first), 3600),
                     OK);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        uint16_t length = fixture_rdata(ldns_rr_list_rr(records, i), rdata);
        assert_int_equal(rrset_add(&b, rdata, length), OK);
    }
    ldns_key_list *keys = ldns_key_list_new();
    ldns_key_list_push_key(keys, s->key);
    ldns_key_set_inception(s->key, s->inception);
    ldns_key_set_expiration(s->key, s->expiration);
    ldns_rr_list *signatures = ldns_sign_public(records, keys);
    assert_non_null(signatures);
    for (size_t i = 0; i < ldns_rr_list_rr_count(signatures); i++) {
        uint16_t length = fixture_rdata(ldns_rr_list_rr(signatures, i), rdata);
        assert_int_equal(rrset_sign(&b, rdata, length), OK);
    }
    ldns_rr_list_deep_free(signatures);
    free(keys->_keys);
    free(keys);
    return rrset_finish(&b);
}

/* The lines (each one record of one set) as a signed set. */
static inline struct rrset *signer_sign(struct signer *s, const char *const *lines)
{
    ldns_rr_list *records = ldns_rr_list_new();
    for (; *lines; lines++) {
        ldns_rr *rr = NULL;
        assert_int_equal(ldns_rr_new_frm_str(&rr, *lines, 3600, NULL, NULL), LDNS_STATUS_OK);
        ldns_rr_list_push_rr(records, rr);
    }
    struct rrset *set = fixture_signed(s, records);
    ldns_rr_list_deep_free(records);
    return set;
}
#define SIGNED(s, ...) signer_sign(s, (const char *const[]){__VA_ARGS__, NULL})

static inline struct rrset *signer_keys(struct signer *s)
{
    ldns_rr_list *records = ldns_rr_list_new();
    ldns_rr_list_push_rr(records, s->dnskey);
    struct rrset *set = fixture_signed(s, records);
    ldns_rr_list_free(records);
    return set;
}

/* The zone's DS set, signed by the parent (NULL: not signed). */
static inline struct rrset *signer_ds(struct signer *s, struct signer *parent, ldns_hash hash)
{
    ldns_rr *ds = ldns_key_rr2ds(s->dnskey, hash);
    assert_non_null(ds);
    ldns_rr_list *records = ldns_rr_list_new();
    ldns_rr_list_push_rr(records, ds);
    struct rrset *set = fixture_signed(parent ? parent : s, records);
    if (!parent)
        set->signatures = 0;
    ldns_rr_list_deep_free(records);
    return set;
}

/* Where the i-th signature's rdata lies, to be spoilt. */
static inline uint8_t *fixture_signature(struct rrset *set, unsigned i, uint16_t *length)
{
    struct rrset_iter it = rrset_signatures(set);
    for (unsigned n = 0; n <= i; n++)
        assert_true(rrset_next(&it));
    *length = it.length;
    return (uint8_t *)(uintptr_t)it.rdata;
}

#endif
