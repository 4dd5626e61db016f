/*
 * The sets lie in canonical order, so that a binary search finds a name, what is below it comes
 * right behind it, and the NSEC record that covers a name is the last one before it.
 */
#include "zones/local_root.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/writer.h"

struct local_root {
    struct arena arena; /* of all below */
    const struct rrset **sets;
    size_t count;
    size_t records;
    struct local_root_soa soa;
    atomic_uint_least64_t until_ms;
    atomic_uint references;
};

/* ---- Finding --------------------------------------------------------------------------------- */

/* The first set whose owner comes after the name, or (`at`) is not before it. */
static size_t find(const struct local_root *z, const uint8_t *name, bool at)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(z->sets[middle]->owner, name);
        if (order < 0 || (order == 0 && !at))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct rrset *get(const struct local_root *z, const uint8_t *name, uint16_t type)
{
    for (size_t i = find(z, name, true); i < z->count && name_equal(z->sets[i]->owner, name); i++)
        if (z->sets[i]->type == type)
            return z->sets[i];
    return NULL;
}

/* Is there the name, or one below it? */
static bool exists(const struct local_root *z, const uint8_t *name)
{
    size_t i = find(z, name, true);
    return i < z->count && name_at_or_below(z->sets[i]->owner, name);
}

/* The NSEC set at the name or the last before it; the apex has one. */
static const struct rrset *covering(const struct local_root *z, const uint8_t *name)
{
    size_t i = find(z, name, false);
    while (z->sets[i - 1]->type != TYPE_NSEC)
        i--;
    return z->sets[i - 1];
}

/* Where a name lies in the zone. */
struct place {
    const uint8_t *cut;      /* the delegation at or above it; NULL: none */
    const uint8_t *encloser; /* the deepest ancestor, or the name itself, that exists */
    bool there;              /* it is the name itself */
    bool for_servers;        /* a DNAME above it or a wildcard may have a say */
};

static struct place locate(const struct local_root *z, const uint8_t *name)
{
    struct place p = {.encloser = name_root};
    unsigned labels = name_labels(name), n = 0;
    uint8_t wildcard[NAME_MAX_WIRE];
    while (n < labels && !p.cut && exists(z, name_suffix(name, n + 1))) {
        p.encloser = name_suffix(name, ++n);
        if (get(z, p.encloser, TYPE_NS))
            p.cut = p.encloser;
        p.for_servers = p.for_servers || (n < labels && get(z, p.encloser, TYPE_DNAME));
    }
    p.there = n == labels;
    if (!p.there && !p.cut && name_prepend((const uint8_t *)"\1*", p.encloser, wildcard) == OK)
        p.for_servers = p.for_servers || exists(z, wildcard);
    return p;
}

/* ---- Answering ------------------------------------------------------------------------------- */

/* Sets are written in the order of sections; the first that does not fit ends it. */
struct reply {
    const struct local_root *zone;
    struct writer w;
    enum err err;
};

static void put(struct reply *r, enum section section, const struct rrset *set)
{
    if (set && !r->err)
        r->err = writer_rrset(&r->w, section, set, 0, true);
}

/* The addresses of name servers, as far as the zone has them. */
static void put_glue(struct reply *r, const struct rrset *ns)
{
    for (struct rrset_iter it = rrset_records(ns); rrset_next(&it);) {
        put(r, SECTION_ADDITIONAL, get(r->zone, it.rdata, TYPE_A));
        put(r, SECTION_ADDITIONAL, get(r->zone, it.rdata, TYPE_AAAA));
    }
}

static void put_answer(struct reply *r, const struct rrset *set)
{
    put(r, SECTION_ANSWER, set);
    if (set->type == TYPE_NS)
        put_glue(r, set);
}

/* With DS, or the proof that there is none (RFC 4035 §3.1.4). */
static void put_referral(struct reply *r, const uint8_t *cut)
{
    const struct rrset *ns = get(r->zone, cut, TYPE_NS), *ds = get(r->zone, cut, TYPE_DS);
    put(r, SECTION_AUTHORITY, ns);
    put(r, SECTION_AUTHORITY, ds ? ds : covering(r->zone, cut));
    put_glue(r, ns);
}

/* Of a name that is not there, its wildcard is denied, too (RFC 4035 §3.1.3.2). */
static void put_denial(struct reply *r, const uint8_t *name, const struct place *p)
{
    uint8_t wildcard[NAME_MAX_WIRE];
    const struct rrset *nsec = covering(r->zone, name), *other = nsec;
    if (!p->there && name_prepend((const uint8_t *)"\1*", p->encloser, wildcard) == OK)
        other = covering(r->zone, wildcard);
    put(r, SECTION_AUTHORITY, get(r->zone, name_root, TYPE_SOA));
    put(r, SECTION_AUTHORITY, nsec);
    if (other != nsec)
        put(r, SECTION_AUTHORITY, other);
}

static void put_records(struct reply *r, const uint8_t *name, uint16_t type, const struct place *p)
{
    bool below = p->cut && (type != TYPE_DS || !name_equal(p->cut, name));
    const struct rrset *set = below ? NULL : get(r->zone, name, type);
    if (!below && !set)
        set = get(r->zone, name, TYPE_CNAME);
    if (below)
        put_referral(r, p->cut);
    else if (set)
        put_answer(r, set);
    else
        put_denial(r, name, p);
}

enum err local_root_answer(const struct local_root *z, const uint8_t *name, uint16_t type,
                           uint8_t *out, size_t capacity, size_t *size)
{
    struct place p = locate(z, name);
    struct reply r = {.zone = z};
    bool ours = !p.cut || (type == TYPE_DS && name_equal(p.cut, name));
    if (p.for_servers || (ours && p.there && (type_is_meta(type) || type == TYPE_RRSIG)))
        return ERR_UNSUPPORTED;
    writer_init(&r.w, out, capacity);
    r.err = writer_header(
        &r.w, 0,
        (uint16_t)(FLAG_QR | (ours ? FLAG_AA : 0) | (ours && !p.there ? RCODE_NXDOMAIN : 0)));
    if (!r.err)
        r.err = writer_question(&r.w, name, type, CLASS_IN);
    put_records(&r, name, type, &p);
    if (!r.err)
        *size = writer_finish(&r.w);
    return r.err;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static enum err copy_sets(struct local_root *z, const struct rrset_array *zone)
{
    z->sets = arena_calloc(&z->arena, zone->count, sizeof *z->sets);
    if (!z->sets)
        return ERR_NOMEM;
    for (; z->count < zone->count; z->count++) {
        const struct rrset *set = zone->at[z->count];
        z->sets[z->count] = rrset_copy(&z->arena, set);
        if (!z->sets[z->count])
            return ERR_NOMEM;
        z->records += (size_t)set->count + set->signatures;
    }
    return OK;
}

static void read_soa(struct local_root *z, const struct rrset *soa)
{
    struct rrset_iter it = rrset_records(soa);
    if (!rrset_next(&it))
        return;
    struct cursor c = cursor_of(it.rdata + it.length - 20, 20);
    z->soa.serial = cursor_u32(&c);
    z->soa.refresh = cursor_u32(&c);
    z->soa.retry = cursor_u32(&c);
    z->soa.expire = cursor_u32(&c);
}

/* What the zone lacks to be answered from; NULL: nothing. */
static const char *missing(const struct local_root *z, const struct rrset *soa)
{
    if (!soa || soa->count != 1)
        return "it has no SOA record of the root";
    if (!get(z, name_root, TYPE_NS))
        return "it has no NS records of the root";
    if (!get(z, name_root, TYPE_NSEC))
        return "it has no NSEC record of the root, so nothing can be denied";
    return NULL;
}

enum err local_root_new(struct local_root **out, const struct rrset_array *zone, const char **why)
{
    struct local_root *z = calloc(1, sizeof *z);
    if (!z)
        return ERR_NOMEM;
    arena_init(&z->arena, NULL);
    atomic_init(&z->references, 1);
    enum err e = copy_sets(z, zone);
    const struct rrset *soa = e ? NULL : get(z, name_root, TYPE_SOA);
    if (!e && (*why = missing(z, soa)))
        e = ERR_FORMAT;
    if (e) {
        local_root_unref(z);
        return e;
    }
    read_soa(z, soa);
    *out = z;
    return OK;
}

struct local_root *local_root_ref(struct local_root *z)
{
    atomic_fetch_add_explicit(&z->references, 1, memory_order_relaxed);
    return z;
}

/* Release and acquire: what others read of it is read before the last one frees it. */
void local_root_unref(struct local_root *z)
{
    if (!z || atomic_fetch_sub_explicit(&z->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_deinit(&z->arena);
    free(z);
}

void local_root_hold(struct local_root *z, uint64_t until_ms)
{
    atomic_store_explicit(&z->until_ms, until_ms, memory_order_relaxed);
}

uint64_t local_root_until_ms(const struct local_root *z)
{
    return atomic_load_explicit(&z->until_ms, memory_order_relaxed);
}

const struct local_root_soa *local_root_soa(const struct local_root *z)
{
    return &z->soa;
}

size_t local_root_records(const struct local_root *z)
{
    return z->records;
}

size_t local_root_size(const struct local_root *z)
{
    return z->arena.held;
}
