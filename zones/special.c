/*
 * The built-in special zones.
 *
 * The zones stand in an array in canonical order (RFC 4034 §6.1), in which everything below a name
 * follows it directly. As no zone here lies within another, the only one that can hold a name is
 * the last one that does not sort after it: one binary search, however many labels the name has.
 */
#include "zones/special.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"

enum kind { EMPTY, LOCALHOST, LOOPBACK4, LOOPBACK6 };

enum { SPECIAL_TTL = 10800 }; /* RFC 6303 §3 */

struct special_zone {
    const uint8_t *apex;
    enum kind kind;
    const struct rrset *soa;
    const struct rrset *ns;
};

struct special_zones {
    struct special_zone *zones;
    size_t count;
    const struct rrset *localhost_a;
    const struct rrset *localhost_aaaa;
    const struct rrset *loopback4; /* 1.0.0.127.in-addr.arpa PTR localhost. */
    const struct rrset *loopback6;
};

static const struct {
    const char *name;
    enum kind kind;
} table[] = {
#define X(name, kind) {name, kind},
#include "zones/special.def"
#undef X
};

enum { ZONE_COUNT = sizeof(table) / sizeof(table[0]) };

/* An RRset of one record. */
static enum err one(struct arena *a, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
                    size_t length, const struct rrset **out)
{
    struct rrset_builder b;
    enum err e = rrset_build(&b, a, owner, type, SPECIAL_TTL);
    if (!e)
        e = rrset_add(&b, rdata, (uint16_t)length);
    if (e)
        return e;
    struct rrset *set = rrset_finish(&b);
    set->trust = TRUST_LOCAL;
    set->security = SECURITY_INSECURE;
    *out = set;
    return OK;
}

/* MNAME and NS are the zone itself, RNAME nobody.invalid. (RFC 6303 §3). */
static enum err soa_new(struct arena *a, const uint8_t *apex, const struct rrset **out)
{
    static const uint32_t numbers[] = {1, 3600, 1200, 604800, SPECIAL_TTL};
    uint8_t rdata[2 * NAME_MAX_WIRE + sizeof(numbers)];
    size_t size = name_copy(rdata, apex);
    enum err e = name_from_text("nobody.invalid.", rdata + size);
    MUST(!e);
    size += name_size(rdata + size);
    for (unsigned i = 0; i < 5; i++, size += 4)
        store_u32(rdata + size, numbers[i]);
    return one(a, apex, TYPE_SOA, rdata, size, out);
}

static enum err zone_init(struct special_zone *z, struct arena *a, const char *name, enum kind kind)
{
    uint8_t apex[NAME_MAX_WIRE];
    enum err e = name_from_text(name, apex);
    MUST(!e);
    z->kind = kind;
    z->apex = arena_copy(a, apex, name_size(apex));
    if (!z->apex)
        return ERR_NOMEM;
    e = soa_new(a, z->apex, &z->soa);
    return e ? e : one(a, z->apex, TYPE_NS, z->apex, name_size(z->apex), &z->ns);
}

static enum err loopback_new(struct special_zones *z, struct arena *a)
{
    static const uint8_t v4[4] = {127, 0, 0, 1};
    static const uint8_t v6[16] = {[15] = 1};
    uint8_t localhost[NAME_MAX_WIRE], owner4[NAME_MAX_WIRE], owner6[NAME_MAX_WIRE];
    enum err e = name_from_text("localhost.", localhost);
    MUST(!e);
    e = name_from_text("1.0.0.127.in-addr.arpa.", owner4);
    MUST(!e);
    e = name_from_text("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
                       owner6);
    MUST(!e);
    e = one(a, localhost, TYPE_A, v4, sizeof(v4), &z->localhost_a);
    if (!e)
        e = one(a, localhost, TYPE_AAAA, v6, sizeof(v6), &z->localhost_aaaa);
    if (!e)
        e = one(a, owner4, TYPE_PTR, localhost, name_size(localhost), &z->loopback4);
    if (!e)
        e = one(a, owner6, TYPE_PTR, localhost, name_size(localhost), &z->loopback6);
    return e;
}

static int zone_order(const void *a, const void *b)
{
    const struct special_zone *x = a;
    const struct special_zone *y = b;
    return name_compare(x->apex, y->apex);
}

enum err special_zones_new(struct special_zones **out, struct arena *a)
{
    struct special_zones *z = arena_calloc(a, 1, sizeof(*z));
    if (!z)
        return ERR_NOMEM;
    z->count = ZONE_COUNT;
    z->zones = arena_calloc(a, ZONE_COUNT, sizeof(*z->zones));
    if (!z->zones)
        return ERR_NOMEM;
    enum err e = loopback_new(z, a);
    for (size_t i = 0; i < ZONE_COUNT && !e; i++)
        e = zone_init(&z->zones[i], a, table[i].name, table[i].kind);
    if (e)
        return e;
    qsort(z->zones, z->count, sizeof(*z->zones), zone_order);
    for (size_t i = 1; i < z->count; i++)
        MUST(!name_at_or_below(z->zones[i].apex, z->zones[i - 1].apex));
    *out = z;
    return OK;
}

static const struct special_zone *find_zone(const struct special_zones *z, const uint8_t *name)
{
    size_t low = 0, high = z->count; /* the first zone that sorts after the name */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(z->zones[middle].apex, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !name_at_or_below(name, z->zones[low - 1].apex))
        return NULL;
    return &z->zones[low - 1];
}

static void give(struct special_answer *out, const struct rrset *set, uint16_t qtype)
{
    if (out->count < 2 && (qtype == set->type || qtype == TYPE_ANY))
        out->records[out->count++] = set;
}

/* Adds what the zone's kind holds at the name. False: no such name. */
static bool give_kind(const struct special_zones *z, const struct special_zone *zone,
                      const uint8_t *name, uint16_t qtype, struct special_answer *out)
{
    switch (zone->kind) {
    case LOCALHOST:
        give(out, z->localhost_a, qtype);
        give(out, z->localhost_aaaa, qtype);
        return true;
    case LOOPBACK4:
        if (name_equal(name, z->loopback4->owner))
            give(out, z->loopback4, qtype);
        /* Names between the apex and the PTR are empty non-terminals: they exist. */
        return name_at_or_below(z->loopback4->owner, name);
    case LOOPBACK6:
        if (name_equal(name, zone->apex))
            give(out, z->loopback6, qtype);
        return false;
    case EMPTY:
        break;
    }
    return false;
}

void special_find(const struct special_zones *z, const uint8_t *qname, uint16_t qtype,
                  struct special_answer *out)
{
    *out = (struct special_answer){.kind = SPECIAL_NONE};
    const struct special_zone *zone = find_zone(z, qname);
    if (!zone)
        return;
    bool at_apex = name_equal(qname, zone->apex);
    if (at_apex && qtype == TYPE_DS)
        return;
    bool exists = give_kind(z, zone, qname, qtype, out) || at_apex;
    if (at_apex) {
        give(out, zone->soa, qtype);
        give(out, zone->ns, qtype);
    }
    if (out->count) {
        out->kind = SPECIAL_ANSWER;
        return;
    }
    out->kind = exists ? SPECIAL_NODATA : SPECIAL_NXDOMAIN;
    out->records[0] = zone->soa;
    out->count = 1;
}
