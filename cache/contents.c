/*
 * A look at what is held of a name, which leaves no trace.
 */
#include "cache/internal.h"

static void unpack(const struct cache *c, const struct entry *e, struct cache_item *out)
{
    switch (out->kind) {
    case CACHE_RRSET:
    case CACHE_DENIAL:
        rrset__unpack(c, e, &out->rrset);
        break;
    case CACHE_ANSWER:
        answer__unpack(e, &out->answer);
        break;
    case CACHE_NEGATIVE:
        negative__unpack(c, e, &out->negative);
        break;
    case CACHE_FAILURE:
        failure__unpack(e, &out->failure);
        break;
    case CACHE_DELEGATION:
        delegation__unpack(c, e, &out->delegation);
        break;
    case CACHE_SERVER:
    case CACHE_KINDS:
        break;
    }
}

void cache_contents(struct cache *c, const uint8_t *name,
                    void (*seen)(void *ctx, const struct cache_item *item), void *ctx)
{
    struct cache_core *core = c->core;
    struct key k = cache__key(core, CACHE_RRSET, name, 0, VARIANT_PLAIN);
    struct cache_item item;
    lock_take(&core->writers);
    for (uint32_t slot = 0, handle; (handle = cache__next_of_name(core, &k, &slot)) != 0;) {
        const struct entry *e = store__at(&core->store, handle);
        item.kind = (enum cache_kind)e->kind;
        item.type = e->type;
        item.trust = e->trust;
        item.security = entry_security(e, c->verdicts);
        item.expiry = e->expiry;
        item.octets = (size_t)e->units * ENTRY_UNIT;
        item.flags = e->kind == CACHE_ANSWER ? answer__flags(e) : 0;
        item.stale = e->kind == CACHE_ANSWER && answer__stale(core, e);
        unpack(c, e, &item);
        seen(ctx, &item);
    }
    lock_release(&core->writers);
}
