/*
 * Requests live in chunks that never move, so a TCP client can keep its own in a list. A token is
 * generation and slot; the generation changes whenever a slot is given back, so a stale token names
 * nothing. Taking a slot allocates only when all are taken: never for a query answered at once.
 */
#include "net/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { CHUNK = 256, CHUNKS_MAX = 1 << 16 };

/* The top bit of a token is the service's. */
static const uint32_t GENERATION_END = UINT32_C(1) << 31;

static const uint32_t none = UINT32_MAX;

void net__requests_init(struct requests *r, struct gauge *g)
{
    *r = (struct requests){.gauge = g, .first_free = none};
}

void net__requests_deinit(struct requests *r)
{
    for (size_t i = 0; i < r->chunk_count; i++)
        net__release(r->gauge, r->chunks[i], CHUNK * sizeof **r->chunks);
    free(r->chunks);
    *r = (struct requests){.gauge = r->gauge, .first_free = none};
}

static bool grow(struct requests *r)
{
    if (r->chunk_count == CHUNKS_MAX)
        return false;
    struct request **chunks = realloc(r->chunks, (r->chunk_count + 1) * sizeof *chunks);
    if (chunks == NULL)
        return false;
    r->chunks = chunks;
    struct request *chunk = net__alloc(r->gauge, CHUNK * sizeof *chunk);
    if (chunk == NULL)
        return false;
    memset(chunk, 0, CHUNK * sizeof *chunk);
    for (uint32_t i = CHUNK; i-- > 0;) {
        chunk[i].index = (uint32_t)r->chunk_count * CHUNK + i;
        chunk[i].generation = 1;
        chunk[i].next_free = r->first_free;
        list_init(&chunk[i].link);
        r->first_free = chunk[i].index;
    }
    r->chunks[r->chunk_count++] = chunk;
    return true;
}

struct request *net__request_at(const struct requests *r, size_t n)
{
    return n / CHUNK < r->chunk_count ? &r->chunks[n / CHUNK][n % CHUNK] : NULL;
}

struct request *net__request_take(struct requests *r)
{
    if (r->first_free == none && !grow(r))
        return NULL;
    struct request *q = net__request_at(r, r->first_free);
    r->first_free = q->next_free;
    q->taken = true;
    r->taken++;
    return q;
}

void net__request_drop(struct requests *r, struct request *q)
{
    MUST(q->taken);
    list_remove(&q->link);
    q->taken = false;
    q->udp = NULL;
    q->tcp = NULL;
    if (++q->generation == GENERATION_END)
        q->generation = 1;
    q->next_free = r->first_free;
    r->first_free = q->index;
    r->taken--;
}

uint64_t net__request_token(const struct request *q)
{
    return (uint64_t)q->generation << 32 | q->index;
}

struct request *net__request_find(const struct requests *r, uint64_t token)
{
    struct request *q = net__request_at(r, (uint32_t)token);
    return q != NULL && q->taken && q->generation == token >> 32 ? q : NULL;
}
