/*
 * RRsets: count, signatures, octets of rdata (two octets each), then the rdata as it is handed out.
 */
#include "cache/internal.h"

enum { RRSET_HEAD = 6 };

void rrset__unpack(const struct cache *c, const struct entry *e, struct rrset *out)
{
    const uint8_t *p = entry_content(e);
    *out = (struct rrset){
        .owner = e->body,
        .rdata = p + RRSET_HEAD,
        .rdata_size = load_u16(p + 4),
        .expiry = e->expiry,
        .type = e->type,
        .count = load_u16(p),
        .signatures = load_u16(p + 2),
        .trust = e->trust,
        .security = entry_security(e, c->verdicts),
    };
}

enum cache_miss cache_get_rrset(struct cache *c, const uint8_t *owner, uint16_t type, uint32_t now,
                                struct rrset *out)
{
    struct key k = cache__key(c->core, CACHE_RRSET, owner, type, VARIANT_PLAIN);
    struct entry *e;
    enum cache_miss m = cache__get(c, &k, now, &e);
    if (m == CACHE_HIT)
        rrset__unpack(c, e, out);
    return m;
}

void rrset__pack(struct cache *c, struct key *k, const struct rrset *set)
{
    struct draft *d = &c->draft;
    cache__draft(c, k);
    draft__u16(d, set->count);
    draft__u16(d, set->signatures);
    draft__u16(d, (uint16_t)set->rdata_size);
    draft__bytes(d, set->rdata, set->rdata_size);
}

/* A name that has records exists, and has this type: what said otherwise goes. */
static void forget_negative(struct cache_core *c, const uint8_t *owner, uint16_t type)
{
    struct key name = cache__key(c, CACHE_NEGATIVE, owner, 0, VARIANT_NXDOMAIN);
    struct key typed = cache__key(c, CACHE_NEGATIVE, owner, type, VARIANT_PLAIN);
    uint32_t handle = cache__find(c, &name);
    if (handle != 0)
        cache__remove(c, handle, MISS_COLD);
    handle = cache__find(c, &typed);
    if (handle != 0)
        cache__remove(c, handle, MISS_COLD);
}

/* Is there an unexpired set of higher trust? (RFC 2181 §5.4.1) */
static bool outranked(struct cache_core *c, const struct key *k, uint8_t trust, uint32_t now)
{
    uint32_t handle = cache__find(c, k);
    if (handle == 0)
        return false;
    const struct entry *e = store__at(&c->store, handle);
    return now < e->expiry && e->trust > trust;
}

bool cache_put_rrset(struct cache *c, const struct rrset *set, uint32_t now)
{
    struct key k = cache__key(c->core, CACHE_RRSET, set->owner, set->type, VARIANT_PLAIN);
    rrset__pack(c, &k, set);
    struct put what = {.expiry = set->expiry, .trust = set->trust, .security = set->security};
    lock_take(&c->core->writers);
    bool stored = !outranked(c->core, &k, set->trust, now) && cache__store(c, &k, what, now);
    if (stored)
        forget_negative(c->core, k.name, k.type);
    lock_release(&c->core->writers);
    return stored;
}
