/*
 * What the tests of the cache share: names from numbers, small entries, a seeded generator.
 */
#ifndef TESTS_UNIT_CACHE_FIXTURE_H
#define TESTS_UNIT_CACHE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/cache.h"
#include "dns/name.h"

enum { NOW = 1000, MIB = 1 << 20 };

static inline uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* The wire form of a text name, in one of eight buffers that take turns. */
static inline const uint8_t *wire(const char *text)
{
    static uint8_t buffers[8][NAME_MAX_WIRE];
    static unsigned turn;
    uint8_t *out = buffers[turn++ % 8];
    assert_int_equal(name_from_text(text, out), OK);
    return out;
}

static inline const uint8_t *numbered(const char *stem, uint32_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%s%u.example.com", stem, number);
    return wire(text);
}

static inline struct cache *cache_of(size_t size)
{
    struct cache_config config = {.size = size, .policy = "lru"};
    uint8_t seed[32] = {7};
    hash_key_init(&config.key, seed);
    struct cache *c;
    assert_int_equal(cache_new(&c, &config), OK);
    return c;
}

static inline struct cache_figures figures_of(const struct cache *c)
{
    struct cache_figures f;
    cache_figures(c, &f);
    return f;
}

/* One record of `length` octets, each `fill`; the rdata is static until the next call. */
static inline struct rrset set_of(const uint8_t *owner, uint16_t type, uint16_t length,
                                  uint8_t fill, uint32_t expiry)
{
    static uint8_t rdata[70000];
    store_u16(rdata, length);
    memset(rdata + 2, fill, length);
    return (struct rrset){
        .owner = owner,
        .rdata = rdata,
        .rdata_size = 2u + length,
        .expiry = expiry,
        .type = type,
        .count = 1,
        .trust = TRUST_ANSWER_AA,
    };
}

static inline bool put_a(struct cache *c, const uint8_t *owner, uint8_t fill, uint32_t expiry)
{
    struct rrset s = set_of(owner, 1, 4, fill, expiry);
    return cache_put_rrset(c, &s, NOW);
}

static inline enum cache_miss get_a(struct cache *c, const uint8_t *owner, struct rrset *out)
{
    return cache_get_rrset(c, owner, 1, NOW, out);
}

#endif
