/*
 * Answers: epoch, stored, size, count of TTLs, EDE, AD, then the wire and the offsets of its TTLs.
 *
 * The key's variant is the flags and, above them, the policy view. The hit path is cache_get_answer
 * and answer_copy: one hash, a slot, an entry, a copy.
 */
#include "cache/internal.h"

#include <string.h>

enum { ANSWER_HEAD = 15, FLAG_BITS = 2, ANSWER_FLAGS = ANSWER_DO | ANSWER_CD };

static struct key key_of(const struct cache_core *c, const struct answer_key *a)
{
    struct key k = {
        .name = a->qname,
        .name_size = (uint8_t)a->qname_size,
        .kind = CACHE_ANSWER,
        .type = a->qtype,
        .variant = (uint16_t)((a->flags & ANSWER_FLAGS) | a->view << FLAG_BITS),
    };
    cache__key_hash(c, &k, a->qname);
    return k;
}

uint8_t answer__flags(const struct entry *e)
{
    return (uint8_t)(e->variant & ANSWER_FLAGS);
}

bool answer__stale(const struct cache_core *c, const struct entry *e)
{
    return load_u32(entry_content(e)) !=
           atomic_load_explicit(&c->answer_epoch, memory_order_acquire);
}

void answer__unpack(const struct entry *e, struct answer *out)
{
    const uint8_t *p = entry_content(e);
    out->stored = load_u32(p + 4);
    out->size = load_u16(p + 8);
    out->ttl_count = load_u16(p + 10);
    out->ede = load_u16(p + 12);
    out->secure = p[14];
    out->wire = p + ANSWER_HEAD;
    out->ttl_offsets = out->wire + out->size;
    out->expiry = e->expiry;
}

enum cache_miss cache_get_answer(struct cache *c, const struct answer_key *key, uint32_t now,
                                 struct answer *out)
{
    struct key k = key_of(c->core, key);
    struct entry *e;
    enum cache_miss m = cache__get(c, &k, now, &e);
    if (m == CACHE_HIT)
        answer__unpack(e, out);
    return m;
}

bool cache_put_answer(struct cache *c, const struct answer_key *key, const struct answer *a,
                      uint32_t now)
{
    struct key k = key_of(c->core, key);
    cache__draft(c, &k);
    struct draft *d = &c->draft;
    draft__u32(d, atomic_load_explicit(&c->core->answer_epoch, memory_order_acquire));
    draft__u32(d, a->stored);
    draft__u16(d, a->size);
    draft__u16(d, a->ttl_count);
    draft__u16(d, a->ede);
    draft__u8(d, a->secure);
    draft__bytes(d, a->wire, a->size);
    draft__bytes(d, a->ttl_offsets, (size_t)a->ttl_count * 2);
    return cache__put(c, &k, (struct put){.expiry = a->expiry}, now);
}

void answer_copy(const struct answer *a, uint32_t now, uint8_t *out)
{
    uint32_t age = now > a->stored ? now - a->stored : 0;
    memcpy(out, a->wire, a->size);
    for (unsigned i = 0; i < a->ttl_count; i++) {
        uint8_t *at = out + load_u16(a->ttl_offsets + 2 * i);
        uint32_t ttl = load_u32(at);
        store_u32(at, ttl > age ? ttl - age : 0);
    }
}

void cache_drop_answers(struct cache *c)
{
    (void)atomic_fetch_add_explicit(&c->core->answer_epoch, 1, memory_order_acq_rel);
}
