/*
 * Negative entries (RFC 2308): whether a name or a type does not exist, with the records that say
 * so.
 *
 * Content: how many RRsets, then each: owner, type, expiry, trust, security, count, signatures,
 * octets of rdata, rdata. An owner that ends the entry's own name, as the SOA's mostly does, is
 * REFERENCE and the offset there. An NXDOMAIN entry is of type 0 and VARIANT_NXDOMAIN.
 */
#include "cache/internal.h"

#include <string.h>

#include "base/must.h"

enum { REFERENCE = 0xc0 };

static struct key key_of(const struct cache_core *c, const uint8_t *name, uint16_t type,
                         bool nxdomain)
{
    return nxdomain ? cache__key(c, CACHE_NEGATIVE, name, 0, VARIANT_NXDOMAIN)
                    : cache__key(c, CACHE_NEGATIVE, name, type, VARIANT_PLAIN);
}

/* ---- Unpacking ------------------------------------------------------------------------------- */

static const uint8_t *unpack_rrset(const struct entry *e, const uint8_t *p, struct rrset *out)
{
    if (*p == REFERENCE) {
        out->owner = e->body + p[1];
        p += 2;
    } else {
        out->owner = p;
        p += name_size(p);
    }
    out->type = load_u16(p);
    out->expiry = load_u32(p + 2);
    out->trust = p[6];
    out->security = p[7];
    out->count = load_u16(p + 8);
    out->signatures = load_u16(p + 10);
    out->rdata_size = load_u16(p + 12);
    out->rdata = p + 14;
    return out->rdata + out->rdata_size;
}

void negative__unpack(const struct cache *c, const struct entry *e, struct negative *out)
{
    const uint8_t *p = entry_content(e);
    out->nxdomain = e->variant == VARIANT_NXDOMAIN;
    out->security = entry_security(e, c->verdicts);
    out->expiry = e->expiry;
    out->count = *p++;
    for (unsigned i = 0; i < out->count; i++)
        p = unpack_rrset(e, p, &out->authority[i]);
    for (unsigned i = 0; i < out->count && e->verdicts != c->verdicts; i++)
        out->authority[i].security = SECURITY_UNCHECKED;
}

/* A put of one kind takes back the other, so that if both are there NXDOMAIN is the newer. */
enum cache_miss cache_get_negative(struct cache *c, const uint8_t *name, uint16_t type,
                                   uint32_t now, struct negative *out)
{
    struct key k = key_of(c->core, name, type, true);
    struct entry *e;
    enum cache_miss m = cache__look(c->core, &k, now, &e);
    if (m != CACHE_HIT) {
        k = key_of(c->core, name, type, false);
        enum cache_miss typed = cache__look(c->core, &k, now, &e);
        if (typed == CACHE_HIT || m == MISS_COLD)
            m = typed;
    }
    cache__count(c, CACHE_NEGATIVE, m);
    if (m == CACHE_HIT)
        negative__unpack(c, e, out);
    return m;
}

/* ---- Packing --------------------------------------------------------------------------------- */

/* Where in the name the owner begins, if the name ends with it octet by octet; else -1. */
static int offset_in(const uint8_t *name, const uint8_t *owner)
{
    unsigned labels = name_labels(name);
    unsigned keep = name_labels(owner);
    if (labels < keep)
        return -1;
    const uint8_t *end = name_skip(name, labels - keep);
    return name_equal_case(end, owner) ? (int)(end - name) : -1;
}

static void pack_rrset(struct draft *d, const uint8_t *name, const struct rrset *s)
{
    int offset = offset_in(name, s->owner);
    if (offset >= 0) {
        draft__u8(d, REFERENCE);
        draft__u8(d, (uint8_t)offset);
    } else {
        draft__bytes(d, s->owner, name_size(s->owner));
    }
    draft__u16(d, s->type);
    draft__u32(d, s->expiry);
    draft__u8(d, s->trust);
    draft__u8(d, s->security);
    draft__u16(d, s->count);
    draft__u16(d, s->signatures);
    draft__u16(d, (uint16_t)s->rdata_size);
    draft__bytes(d, s->rdata, s->rdata_size);
}

/* What has no such type does exist; what does not exist needs no word on its types. */
static void forget_other(struct cache_core *c, const struct key *k, uint16_t type, bool nxdomain)
{
    struct key other = key_of(c, k->name, type, !nxdomain);
    uint32_t handle = cache__find(c, &other);
    if (handle != 0)
        cache__remove(c, handle, MISS_COLD);
}

bool cache_put_negative(struct cache *c, const uint8_t *name, uint16_t type,
                        const struct negative *n, uint32_t now)
{
    MUST(n->count <= NEGATIVE_AUTHORITY_MAX);
    struct key k = key_of(c->core, name, type, n->nxdomain);
    cache__draft(c, &k);
    draft__u8(&c->draft, (uint8_t)n->count);
    for (unsigned i = 0; i < n->count; i++)
        pack_rrset(&c->draft, k.name, &n->authority[i]);
    struct put what = {.expiry = n->expiry, .security = n->security};
    lock_take(&c->core->writers);
    bool stored = cache__store(c, &k, what, now);
    if (stored)
        forget_other(c->core, &k, type, n->nxdomain);
    lock_release(&c->core->writers);
    return stored;
}
