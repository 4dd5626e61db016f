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

enum err rrset_build(struct rrset_builder *b, struct arena *a, const uint8_t *owner, uint16_t type,
                     uint32_t expiry)
{
    *b = (struct rrset_builder){.arena = a, .capacity = BUILDER_FIRST};
    b->set = arena_calloc(a, 1, sizeof(*b->set));
    b->buf = arena_alloc(a, b->capacity);
    uint8_t *name = arena_copy(a, owner, name_size(owner));
    if (!b->set || !b->buf || !name)
        return ERR_NOMEM;
    *b->set = (struct rrset){.owner = name, .rdata = b->buf, .type = type, .expiry = expiry};
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
    memcpy(buf, b->buf, b->set->rdata_size);
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
        size_t twice = 2 * b->capacity < RRSET_MAX ? 2 * b->capacity : RRSET_MAX;
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
    MUST(b->set->signatures == 0);
    if (holds(b->set->type, rrset_records(b->set), rdata, length))
        return OK;
    enum err e = append(b, rdata, length);
    if (!e)
        b->set->count++;
    return e;
}

enum err rrset_sign(struct rrset_builder *b, const uint8_t *rdata, uint16_t length)
{
    struct rrset_iter it = rrset_all(b->set);
    for (unsigned i = 0; i < b->set->count; i++)
        rrset_next(&it);
    if (holds(TYPE_RRSIG, it, rdata, length))
        return OK;
    enum err e = append(b, rdata, length);
    if (!e)
        b->set->signatures++;
    return e;
}

struct rrset *rrset_finish(struct rrset_builder *b)
{
    struct rrset *set = b->set;
    *b = (struct rrset_builder){0};
    return set;
}
