#include "dnssec/keyring.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "dnssec/public_key.h"

enum { KEYRING_BUCKETS = 1024 };

struct held {
    struct list order;     /* least recently used first */
    struct held *next;     /* in its bucket */
    struct public_key key; /* key.key NULL: the bits are none */
    uint32_t bucket;
    uint8_t algorithm;
    size_t size;
    uint8_t bits[];
};

struct keyring {
    struct list order;
    unsigned count;
    struct held *buckets[KEYRING_BUCKETS];
};

enum err keyring_new(struct keyring **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ERR_NOMEM;
    list_init(&(*out)->order);
    return OK;
}

static void drop(struct keyring *r, struct held *h)
{
    struct held **at = &r->buckets[h->bucket];
    while (*at != h) {
        MUST(*at);
        at = &(*at)->next;
    }
    *at = h->next;
    list_remove(&h->order);
    public_key__deinit(&h->key);
    free(h);
    r->count--;
}

void keyring_free(struct keyring *r)
{
    if (!r)
        return;
    while (!list_empty(&r->order))
        drop(r, CONTAINER_OF(r->order.next, struct held, order));
    free(r);
}

/*
 * Where a key is looked for: its tag and algorithm. Keys that collide by intent (KeyTrap) make one
 * chain longer, at most by KEYRING_MAX, and comparing costs far less than the check that follows.
 */
static uint32_t bucket_of(uint8_t algorithm, const struct dnskey *key)
{
    return (dnskey_tag(key->bits, key->bits_size) ^ (uint32_t)algorithm << 6) % KEYRING_BUCKETS;
}

static struct held *find(struct keyring *r, uint32_t bucket, uint8_t algorithm,
                         const struct dnskey *key)
{
    for (struct held *h = r->buckets[bucket]; h; h = h->next)
        if (h->algorithm == algorithm && h->size == key->bits_size &&
            !memcmp(h->bits, key->bits, h->size))
            return h;
    return NULL;
}

static struct held *add(struct keyring *r, uint32_t bucket, const struct algorithm *a,
                        const struct dnskey *key)
{
    struct held *h = calloc(1, sizeof *h + key->bits_size);
    if (!h)
        return NULL;
    if (r->count == KEYRING_MAX)
        drop(r, CONTAINER_OF(r->order.next, struct held, order));
    h->bucket = bucket;
    h->algorithm = a->number;
    h->size = key->bits_size;
    memcpy(h->bits, key->bits, key->bits_size);
    list_init(&h->order);
    if (!public_key__parse(&h->key, a, key))
        ERR_clear_error();
    h->next = r->buckets[bucket];
    r->buckets[bucket] = h;
    r->count++;
    return h;
}

const struct public_key *keyring_get(struct keyring *r, const struct algorithm *a,
                                     const struct dnskey *key)
{
    uint32_t bucket = bucket_of(a->number, key);
    struct held *h = find(r, bucket, a->number, key);
    if (!h && !(h = add(r, bucket, a, key)))
        return NULL;
    list_remove(&h->order);
    list_append(&r->order, &h->order);
    return h->key.key ? &h->key : NULL;
}
