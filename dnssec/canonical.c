#include "dnssec/canonical.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"

/* Names in the rdata of later types, and the next name of NSEC, keep their case (RFC 6840 §5.1). */
static bool keeps_case(uint16_t type)
{
    return type == TYPE_NSEC || type == TYPE_SVCB || type == TYPE_HTTPS;
}

static void lower_names(uint16_t type, uint8_t *rdata, uint16_t length)
{
    struct rdata_names names;
    if (keeps_case(type))
        return;
    rdata_find_names(type, rdata, length, &names);
    for (unsigned i = 0; i < names.count; i++)
        name_lower(rdata + names.at[i].offset, rdata + names.at[i].offset);
}

/* As left-justified octets; where one ends first it comes first (RFC 4034 §6.3). */
static int compare(const void *a, const void *b)
{
    const struct canonical_rdata *x = a, *y = b;
    size_t least = x->size < y->size ? x->size : y->size;
    int difference = memcmp(x->bytes, y->bytes, least);
    if (difference)
        return difference;
    return (x->size > y->size) - (x->size < y->size);
}

unsigned canonical_labels(const uint8_t *owner)
{
    return name_labels(owner) - (owner[0] == 1 && owner[1] == '*');
}

/* The owner as it was signed: a wildcard's where the signature has fewer labels (RFC 4035 §5.3.2).
 */
static size_t signed_owner(uint8_t *out, const uint8_t *owner, unsigned labels)
{
    if (labels == canonical_labels(owner))
        return name_lower(out, owner);
    out[0] = 1;
    out[1] = '*';
    return 2 + name_lower(out + 2, name_suffix(owner, labels));
}

enum err canonical_collect(struct arena *a, uint16_t type, struct rrset_iter records,
                           struct canonical_rdata *out)
{
    struct rrset_iter it = records;
    while (rrset_next(&it))
        ;
    size_t size = (size_t)(it.at - records.at);
    uint8_t *copy = arena_copy(a, records.at, size);
    if (!copy)
        return ERR_NOMEM;
    it = (struct rrset_iter){.at = copy, .left = records.left};
    for (unsigned i = 0; rrset_next(&it); i++) {
        lower_names(type, copy + (it.rdata - copy), it.length);
        out[i] = (struct canonical_rdata){it.rdata, it.length};
    }
    return OK;
}

void canonical_sort(struct canonical_rdata *records, size_t count)
{
    qsort(records, count, sizeof *records, compare);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

enum err canonical_signed(struct arena *a, const struct rrset *set, const struct rrsig *sig,
                          const uint8_t *sig_rdata, const uint8_t **out, size_t *size)
{
    uint8_t owner[NAME_MAX_WIRE + 2], fixed[10];
    size_t owner_size = signed_owner(owner, set->owner, sig->labels);
    struct canonical_rdata *pieces = arena_calloc(a, set->count, sizeof *pieces);
    uint8_t *buf =
        arena_alloc(a, sig->head_size + set->rdata_size + set->count * (owner_size + sizeof fixed));
    if (!pieces || !buf || canonical_collect(a, set->type, rrset_records(set), pieces))
        return ERR_NOMEM;
    canonical_sort(pieces, set->count);
    size_t before_signer = (size_t)(sig->signer - sig_rdata);
    uint8_t *at = put(buf, sig_rdata, before_signer);
    at += name_lower(at, sig->signer);
    store_u16(fixed, set->type);
    store_u16(fixed + 2, CLASS_IN);
    store_u32(fixed + 4, sig->original_ttl);
    for (unsigned i = 0; i < set->count; i++) {
        store_u16(fixed + 8, (uint16_t)pieces[i].size);
        at = put(at, owner, owner_size);
        at = put(at, fixed, sizeof fixed);
        at = put(at, pieces[i].bytes, pieces[i].size);
    }
    *out = buf;
    *size = (size_t)(at - buf);
    return OK;
}

size_t canonical_key(uint8_t *out, const uint8_t *owner, const uint8_t *rdata, size_t rdata_size)
{
    size_t size = name_lower(out, owner);
    memcpy(out + size, rdata, rdata_size);
    return size + rdata_size;
}
