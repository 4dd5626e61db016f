#include "dns/rrset.h"

#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"

enum { BUILDER_FIRST = 64, RRSET_MAX = 65535 };

struct rrset *rrset_copy(struct arena *a, const struct rrset *s)
{
    struct rrset *copy = arena_copy(a, s, sizeof(*s));
    if (!copy)
        return NULL;
    copy->owner = arena_copy(a, s->owner, name_size(s->owner));
    copy->rdata = arena_copy(a, s->rdata, s->rdata_size);
    return copy->owner && copy->rdata ? copy : NULL;
}

/* Is the record among the next `left` of the walk? */
static bool holds(uint16_t type, struct rrset_iter it, const uint8_t *rdata, uint16_t length)
{
    while (rrset_next(&it))
        if (it.length == length && rdata_equal(type, it.rdata, rdata, length))
            return true;
    return false;
}

/* Eight octets, their ASCII letters in lower case. */
static uint64_t lower8(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = word & each * 0x7f;
    uint64_t upper = ((low + each * (0x80 - 'A')) ^ (low + each * (0x7f - 'Z'))) & ~word;
    return word | (upper & each * 0x80) >> 2;
}

static uint32_t hash_of(const uint8_t *rdata, uint16_t length)
{
    const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = length;
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, rdata + i, length - i < 8 ? length - i : 8U);
        hash = (hash ^ lower8(word)) * prime;
        hash ^= hash >> 29;
    }
    return (uint32_t)hash;
}

/* A record that is to be added. */
struct added {
    const uint8_t *rdata;
    uint32_t hash;
    uint16_t type;
    uint16_t length;
};

/*
 * Notes the hash of a record that is to be added; records that are equal but for the case of names
 * have the same. The array doubles; what fits into the first one costs no memory.
 */
static enum err note_hash(struct rrset_builder *b, unsigned n, uint32_t hash)
{
    if (n == b->hash_capacity) {
        uint32_t *more = arena_alloc(b->arena, 2 * n * sizeof *more);
        if (!more)
            return ERR_NOMEM;
        memcpy(more, b->hashes ? b->hashes : b->few, n * sizeof *more);
        b->hashes = more;
        b->hash_capacity = 2 * n;
    }
    (b->hashes ? b->hashes : b->few)[n] = hash;
    return OK;
}

/* Is a record of that hash among the `it->left` from the `n`-th on? Almost always the hashes say
 * no. */
static bool was_added(const struct rrset_builder *b, struct rrset_iter it, unsigned n,
                      const struct added *r)
{
    const uint32_t *hashes = (b->hashes ? b->hashes : b->few) + n;
    unsigned alike = 0;
    for (unsigned i = 0; i < it.left; i++)
        alike += hashes[i] == r->hash;
    for (unsigned i = 0; alike && rrset_next(&it); i++)
        if (hashes[i] == r->hash && it.length == r->length &&
            rdata_equal(r->type, it.rdata, r->rdata, r->length))
            return true;
    return false;
}

static bool holds_all(const struct rrset *big, const struct rrset *small)
{
    struct rrset_iter it = rrset_records(small);
    while (rrset_next(&it))
        if (!holds(big->type, rrset_records(big), it.rdata, it.length))
            return false;
    return true;
}

bool rrset_same_records(const struct rrset *a, const struct rrset *b)
{
    return a->type == b->type && a->count == b->count && name_equal(a->owner, b->owner) &&
           holds_all(a, b) && holds_all(b, a);
}

static const uint8_t no_rdata[1];

enum err rrset_build(struct rrset_builder *b, struct arena *a, const uint8_t *owner, uint16_t type,
                     uint32_t expiry)
{
    *b = (struct rrset_builder){.arena = a, .hash_capacity = BUILDER_HASHES};
    b->set = arena_calloc(a, 1, sizeof(*b->set));
    uint8_t *name = arena_copy(a, owner, name_size(owner));
    if (!b->set || !name)
        return ERR_NOMEM;
    *b->set = (struct rrset){.owner = name, .rdata = no_rdata, .type = type, .expiry = expiry};
    return OK;
}

enum err rrset_reserve(struct rrset_builder *b, size_t size)
{
    if (size <= b->capacity)
        return OK;
    if (size > RRSET_MAX)
        return ERR_LIMIT;
    uint8_t *buf = arena_alloc(b->arena, size);
    if (!buf)
        return ERR_NOMEM;
    memcpy(buf, b->set->rdata, b->set->rdata_size);
    b->buf = buf;
    b->capacity = size;
    b->set->rdata = buf;
    return OK;
}

static enum err append(struct rrset_builder *b, const uint8_t *rdata, uint16_t length)
{
    size_t need = (size_t)b->set->rdata_size + 2 + length;
    if (need > RRSET_MAX)
        return ERR_LIMIT;
    if (need > b->capacity) {
        size_t twice = b->capacity > 0 ? 2 * b->capacity : BUILDER_FIRST;
        twice = twice < RRSET_MAX ? twice : RRSET_MAX;
        enum err e = rrset_reserve(b, need > twice ? need : twice);
        if (e)
            return e;
    }
    uint8_t *at = b->buf + b->set->rdata_size;
    store_u16(at, length);
    if (length)
        memcpy(at + 2, rdata, length);
    b->set->rdata_size = (uint32_t)need;
    return OK;
}

enum err rrset_add(struct rrset_builder *b, const uint8_t *rdata, uint16_t length)
{
    struct rrset *set = b->set;
    struct added r = {rdata, hash_of(rdata, length), set->type, length};
    MUST(set->signatures == 0);
    if (was_added(b, rrset_records(set), 0, &r))
        return OK;
    enum err e = note_hash(b, set->count, r.hash);
    if (!e)
        e = append(b, rdata, length);
    if (!e)
        set->count++;
    return e;
}

enum err rrset_sign(struct rrset_builder *b, const uint8_t *rdata, uint16_t length)
{
    struct rrset *set = b->set;
    struct added r = {rdata, hash_of(rdata, length), TYPE_RRSIG, length};
    struct rrset_iter it = rrset_all(set);
    for (unsigned i = 0; i < set->count; i++)
        rrset_next(&it);
    if (was_added(b, it, set->count, &r))
        return OK;
    enum err e = note_hash(b, (unsigned)set->count + set->signatures, r.hash);
    if (!e)
        e = append(b, rdata, length);
    if (!e)
        set->signatures++;
    return e;
}

struct rrset *rrset_finish(struct rrset_builder *b)
{
    struct rrset *set = b->set;
    *b = (struct rrset_builder){0};
    return set;
}
