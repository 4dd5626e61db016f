/*
 * Delegations: how many names and addresses, which names have glue, the names, then for each
 * address: index of its name, family, port, scope (IPv6 only), address.
 */
#include "cache/internal.h"

#include <string.h>

#include "base/must.h"

static const uint8_t *unpack_address(const uint8_t *p, struct delegation_address *out)
{
    *out = (struct delegation_address){.ns = p[0], .at = {.family = p[1], .port = load_u16(p + 2)}};
    p += 4;
    if (out->at.family == 4) {
        memcpy(out->at.bytes, p, 4);
        return p + 4;
    }
    out->at.scope = load_u32(p);
    memcpy(out->at.bytes, p + 4, 16);
    return p + 20;
}

void delegation__unpack(const struct cache *c, const struct entry *e, struct delegation *out)
{
    const uint8_t *p = entry_content(e);
    out->zone = e->body;
    out->expiry = e->expiry;
    out->security = entry_security(e, c->verdicts);
    out->ns_count = *p++;
    out->address_count = *p++;
    out->glued[0] = load_u16(p);
    out->glued[1] = load_u16(p + 2);
    p += 4;
    for (unsigned i = 0; i < out->ns_count; i++) {
        out->ns[i] = p;
        p += name_size(p);
    }
    for (unsigned i = 0; i < out->address_count; i++)
        p = unpack_address(p, &out->address[i]);
}

enum cache_miss cache_get_delegation(struct cache *c, const uint8_t *zone, uint32_t now,
                                     struct delegation *out)
{
    struct key k = cache__key(c->core, CACHE_DELEGATION, zone, 0, VARIANT_PLAIN);
    struct entry *e;
    enum cache_miss m = cache__get(c, &k, now, &e);
    if (m == CACHE_HIT)
        delegation__unpack(c, e, out);
    return m;
}

static void pack_address(struct draft *d, const struct delegation_address *a)
{
    MUST(a->at.family == 4 || a->at.family == 6);
    draft__u8(d, a->ns);
    draft__u8(d, a->at.family);
    draft__u16(d, a->at.port);
    if (a->at.family == 6)
        draft__u32(d, a->at.scope);
    draft__bytes(d, a->at.bytes, a->at.family == 4 ? 4 : 16);
}

bool cache_put_delegation(struct cache *c, const struct delegation *d, uint32_t now)
{
    MUST(d->ns_count <= DELEGATION_NS_MAX && d->address_count <= DELEGATION_ADDRESS_MAX);
    struct key k = cache__key(c->core, CACHE_DELEGATION, d->zone, 0, VARIANT_PLAIN);
    cache__draft(c, &k);
    draft__u8(&c->draft, d->ns_count);
    draft__u8(&c->draft, d->address_count);
    draft__u16(&c->draft, d->glued[0]);
    draft__u16(&c->draft, d->glued[1]);
    for (unsigned i = 0; i < d->ns_count; i++)
        draft__bytes(&c->draft, d->ns[i], name_size(d->ns[i]));
    for (unsigned i = 0; i < d->address_count; i++)
        pack_address(&c->draft, &d->address[i]);
    struct put what = {.expiry = d->expiry, .security = d->security};
    return cache__put(c, &k, what, now);
}
