/*
 * Servers: the address is of the key, the zone (or the root and VARIANT_ALL_ZONES) is the name.
 */
#include "cache/internal.h"

#include <string.h>

#include "base/must.h"

/* Family, port, scope, address; returns the octets. */
static uint8_t pack_address(const struct endpoint *at, uint8_t out[ADDRESS_KEY_MAX])
{
    uint8_t size = at->family == 4 ? 4 : 16;
    MUST(at->family == 4 || at->family == 6);
    out[0] = at->family;
    store_u16(out + 1, at->port);
    store_u32(out + 3, at->scope);
    memcpy(out + 7, at->bytes, size);
    return (uint8_t)(7 + size);
}

/* The key borrows `address`. */
static struct key key_of(const struct cache_core *c, const struct endpoint *at, const uint8_t *zone,
                         uint8_t address[ADDRESS_KEY_MAX])
{
    uint8_t lower[NAME_MAX_WIRE];
    struct key k = {
        .name = zone ? zone : name_root,
        .address = address,
        .address_size = pack_address(at, address),
        .kind = CACHE_SERVER,
        .variant = zone ? VARIANT_PLAIN : VARIANT_ALL_ZONES,
    };
    k.name_size = (uint8_t)name_lower(lower, k.name);
    cache__key_hash(c, &k, lower);
    return k;
}

static void unpack(const struct entry *e, size_t address_size, struct server_state *out)
{
    const uint8_t *p = entry_content(e) + address_size;
    *out = (struct server_state){
        .expiry = e->expiry,
        .srtt_ms = load_u32(p),
        .rttvar_ms = load_u32(p + 4),
        .retry_at = load_u32(p + 8),
        .edns_until = load_u32(p + 12),
        .timeouts = p[16],
        .edns = p[17],
        .lame = p[18],
        .edns_misses = p[19],
        .cookie_size = p[20],
    };
    memcpy(out->cookie, p + 21, out->cookie_size);
}

enum cache_miss cache_get_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                                 uint32_t now, struct server_state *out)
{
    uint8_t address[ADDRESS_KEY_MAX];
    struct key k = key_of(c->core, at, zone, address);
    struct entry *e;
    enum cache_miss m = cache__get(c, &k, now, &e);
    if (m == CACHE_HIT)
        unpack(e, k.address_size, out);
    return m;
}

bool cache_peek_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                       uint32_t now, struct server_state *out)
{
    uint8_t address[ADDRESS_KEY_MAX];
    struct key k = key_of(c->core, at, zone, address);
    uint32_t handle = cache__find(c->core, &k);
    const struct entry *e = handle ? store__at(&c->core->store, handle) : NULL;
    if (!e || now >= e->expiry)
        return false;
    unpack(e, k.address_size, out);
    return true;
}

bool cache_put_server(struct cache *c, const struct endpoint *at, const uint8_t *zone,
                      const struct server_state *s, uint32_t now)
{
    uint8_t address[ADDRESS_KEY_MAX];
    struct key k = key_of(c->core, at, zone, address);
    cache__draft(c, &k);
    struct draft *d = &c->draft;
    draft__u32(d, s->srtt_ms);
    draft__u32(d, s->rttvar_ms);
    draft__u32(d, s->retry_at);
    draft__u32(d, s->edns_until);
    draft__u8(d, s->timeouts);
    draft__u8(d, s->edns);
    draft__u8(d, s->lame);
    draft__u8(d, s->edns_misses);
    draft__u8(d, s->cookie_size);
    draft__bytes(d, s->cookie, s->cookie_size);
    return cache__put(c, &k, (struct put){.expiry = s->expiry}, now);
}
