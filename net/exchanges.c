/*
 * A chained hash table of open exchanges. Tokens come from the core, not from outside, so a plain
 * multiplication spreads them well enough. The table doubles when it is full and goes on with
 * longer chains when there is no memory to double.
 */
#include "net/internal.h"

#include <stdlib.h>

enum { BITS_FIRST = 8, BITS_MAX = 20 };

static size_t bucket_of(uint64_t token, unsigned bits)
{
    return (size_t)(token * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits));
}

enum err net__exchanges_init(struct exchanges *x)
{
    *x = (struct exchanges){.bits = BITS_FIRST};
    x->buckets = calloc((size_t)1 << BITS_FIRST, sizeof(struct exchange *));
    return x->buckets == NULL ? ERR_NOMEM : OK;
}

void net__exchanges_deinit(struct exchanges *x)
{
    free(x->buckets);
    x->buckets = NULL;
}

static void grow(struct exchanges *x)
{
    unsigned bits = x->bits + 1;
    struct exchange **wider = calloc((size_t)1 << bits, sizeof(struct exchange *));
    if (wider == NULL)
        return;
    for (size_t i = 0; i < (size_t)1 << x->bits; i++) {
        for (struct exchange *e = x->buckets[i], *next; e != NULL; e = next) {
            size_t to = bucket_of(e->token, bits);
            next = e->next;
            e->next = wider[to];
            wider[to] = e;
        }
    }
    free(x->buckets);
    x->buckets = wider;
    x->bits = bits;
}

void net__exchange_add(struct exchanges *x, struct exchange *e)
{
    if (x->count >= (size_t)1 << x->bits && x->bits < BITS_MAX)
        grow(x);
    size_t to = bucket_of(e->token, x->bits);
    e->next = x->buckets[to];
    x->buckets[to] = e;
    x->count++;
}

struct exchange *net__exchange_find(const struct exchanges *x, uint64_t token)
{
    struct exchange *e = x->buckets[bucket_of(token, x->bits)];
    while (e != NULL && e->token != token)
        e = e->next;
    return e;
}

void net__exchange_remove(struct exchanges *x, struct exchange *e)
{
    struct exchange **at = &x->buckets[bucket_of(e->token, x->bits)];
    while (*at != NULL && *at != e)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = e->next;
    x->count--;
}
