/*
 * Failures (RFC 9520): reason and how many in a row. One that was found under other trust anchors
 * is past its time: what failed validation may be insecure now.
 */
#include "cache/internal.h"

void failure__unpack(const struct entry *e, struct failure *out)
{
    const uint8_t *p = entry_content(e);
    *out = (struct failure){.reason = load_u16(p), .attempts = p[2], .expiry = e->expiry};
}

enum cache_miss cache_get_failure(struct cache *c, const uint8_t *name, uint16_t type, uint32_t now,
                                  struct failure *out)
{
    struct key k = cache__key(c->core, CACHE_FAILURE, name, type, VARIANT_PLAIN);
    struct entry *e;
    enum cache_miss m = cache__get_verdict(c, &k, now, &e);
    if (e)
        failure__unpack(e, out);
    return m;
}

bool cache_put_failure(struct cache *c, const uint8_t *name, uint16_t type, const struct failure *f,
                       uint32_t now)
{
    struct key k = cache__key(c->core, CACHE_FAILURE, name, type, VARIANT_PLAIN);
    cache__draft(c, &k);
    draft__u16(&c->draft, f->reason);
    draft__u8(&c->draft, f->attempts);
    return cache__put(c, &k, (struct put){.expiry = f->expiry}, now);
}

void cache_forget_failure(struct cache *c, const uint8_t *name, uint16_t type)
{
    struct key k = cache__key(c->core, CACHE_FAILURE, name, type, VARIANT_PLAIN);
    lock_take(&c->core->writers);
    uint32_t handle = cache__find(c->core, &k);
    if (handle != 0)
        cache__remove(c->core, handle, MISS_FLUSHED);
    lock_release(&c->core->writers);
}
