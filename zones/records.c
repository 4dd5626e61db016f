#include "zones/records.h"

#include <stdlib.h>

#include "dns/name.h"
#include "dns/types.h"

/* A signature is kept under the type it covers, behind that type's records. */
struct gathered {
    struct zone_record record;
    size_t sequence; /* in which it came: ties are broken by it */
    uint16_t type;   /* of the set it belongs to */
    bool signature;
};

enum err zone_records_add(struct zone_records *all, const struct zone_record *one)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 64;
        struct gathered *grown = realloc(all->at, capacity * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        all->at = grown;
        all->capacity = capacity;
    }
    bool signature = one->type == TYPE_RRSIG;
    all->at[all->count] = (struct gathered){.record = *one,
                                            .sequence = all->count,
                                            .type = signature ? load_u16(one->rdata) : one->type,
                                            .signature = signature};
    all->count++;
    return OK;
}

static int same_set(const struct gathered *x, const struct gathered *y)
{
    int order = name_compare(x->record.owner, y->record.owner);
    return order ? order : (int)x->type - (int)y->type;
}

static int compare(const void *a, const void *b)
{
    const struct gathered *x = a;
    const struct gathered *y = b;
    int order = same_set(x, y);
    if (order)
        return order;
    if (x->signature != y->signature)
        return x->signature ? 1 : -1;
    return x->sequence < y->sequence ? -1 : 1;
}

static uint32_t least_ttl(const struct gathered *first, const struct gathered *end)
{
    uint32_t ttl = first->record.ttl;
    for (const struct gathered *at = first; at < end; at++)
        ttl = at->record.ttl < ttl ? at->record.ttl : ttl;
    return ttl;
}

/* The RRset of the records [first, end), which are sorted and of one owner and type. */
static enum err build_set(struct arena *a, const struct gathered *first, const struct gathered *end,
                          const struct rrset **out, const char **why)
{
    *why = "RRSIG of a type that its owner does not have";
    if (first->signature)
        return ERR_FORMAT;
    struct rrset_builder b;
    enum err e = rrset_build(&b, a, first->record.owner, first->type, least_ttl(first, end));
    for (const struct gathered *at = first; at < end && !e; at++)
        e = at->signature ? rrset_sign(&b, at->record.rdata, at->record.length)
                          : rrset_add(&b, at->record.rdata, at->record.length);
    *why = "RRset is too large";
    if (e)
        return e == ERR_LIMIT ? ERR_FORMAT : e;
    struct rrset *set = rrset_finish(&b);
    set->trust = TRUST_LOCAL;
    *out = set;
    return OK;
}

enum err zone_records_build(struct zone_records *all, struct arena *a, struct rrset_array *out,
                            unsigned *place, const char **why)
{
    *out = (struct rrset_array){0};
    if (all->count == 0)
        return OK;
    qsort(all->at, all->count, sizeof *all->at, compare);
    out->at = arena_calloc(a, all->count, sizeof(const struct rrset *));
    if (!out->at)
        return ERR_NOMEM;
    const struct gathered *end = all->at + all->count;
    for (const struct gathered *first = all->at, *next; first < end; first = next) {
        for (next = first + 1; next < end && same_set(first, next) == 0;)
            next++;
        enum err e = build_set(a, first, next, &out->at[out->count], why);
        *place = first->record.place;
        if (e)
            return e;
        out->count++;
    }
    return OK;
}

void zone_records_deinit(struct zone_records *all)
{
    free(all->at);
    *all = (struct zone_records){0};
}
