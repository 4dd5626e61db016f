/*
 * Denials for aggressive use (RFC 8198): NSEC and NSEC3 sets, with the SOA that goes along and the
 * sets of wildcards, each of a zone that signed them. Packed as RRsets are; the zone is told apart
 * by how many labels it has, since the parent's NSEC at a cut and the child's at its apex have one
 * owner. spans.c has the order.
 */
#include "cache/internal.h"
#include "dns/types.h"

static struct key key_of(const struct cache_core *c, const uint8_t *zone, uint16_t type,
                         const uint8_t *owner)
{
    return cache__key(c, CACHE_DENIAL, owner, type, (uint16_t)name_labels(zone));
}

static bool is_ordered(uint16_t type)
{
    return type == TYPE_NSEC || type == TYPE_NSEC3;
}

/* The order grows at the cost of entries, as all tables do. Wants the lock. */
static bool add_to_order(struct cache_core *c, const uint8_t *zone, uint16_t type,
                         const uint8_t *owner)
{
    size_t growth = spans__growth(&c->spans, zone, type, owner);
    return cache__settle(c, 1, growth) && spans__add(&c->spans, zone, type, owner);
}

bool cache_put_denial(struct cache *c, const uint8_t *zone, const struct rrset *set, uint32_t now)
{
    uint8_t zone_name[NAME_MAX_WIRE], owner[NAME_MAX_WIRE]; /* entries in which they lie may move */
    name_copy(zone_name, zone);
    name_copy(owner, set->owner);
    struct key k = key_of(c->core, zone_name, set->type, owner);
    rrset__pack(c, &k, set);
    struct put what = {.expiry = set->expiry, .trust = set->trust, .security = set->security};
    lock_take(&c->core->writers);
    bool stored = cache__store(c, &k, what, now) &&
                  (!is_ordered(k.type) || add_to_order(c->core, zone_name, k.type, owner));
    lock_release(&c->core->writers);
    return stored;
}

int cache_denial_zone(struct cache *c, const uint8_t *name, unsigned least)
{
    lock_take(&c->core->writers);
    int labels = spans__deepest(&c->core->spans, name, least);
    lock_release(&c->core->writers);
    return labels;
}

enum cache_miss cache_get_denial(struct cache *c, const uint8_t *zone, uint16_t type,
                                 const uint8_t *owner, uint32_t now, struct rrset *out)
{
    struct key k = key_of(c->core, zone, type, owner);
    struct entry *e;
    enum cache_miss m = cache__get_verdict(c, &k, now, &e);
    if (m == CACHE_HIT)
        rrset__unpack(c, e, out);
    return m;
}

static bool find(struct cache_core *c, const uint8_t *zone, uint16_t type, const uint8_t *at,
                 uint8_t owner[NAME_MAX_WIRE])
{
    lock_take(&c->writers);
    const uint8_t *found = spans__find(&c->spans, zone, type, at);
    if (found)
        name_copy(owner, found);
    lock_release(&c->writers);
    return found != NULL;
}

enum cache_miss cache_find_denial(struct cache *c, const uint8_t *zone, uint16_t type,
                                  const uint8_t *at, uint32_t now, struct rrset *out)
{
    uint8_t owner[NAME_MAX_WIRE];
    if (!find(c->core, zone, type, at, owner))
        return MISS_COLD;
    enum cache_miss m = cache_get_denial(c, zone, type, owner, now, out);
    if (m == CACHE_HIT)
        return m;
    lock_take(&c->core->writers);
    spans__remove(&c->core->spans, zone, type, owner);
    lock_release(&c->core->writers);
    return m;
}
