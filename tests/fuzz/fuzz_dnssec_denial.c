/*
 * Proofs from any denial records that pass the checker: whatever they hold, no octet beside them is
 * read, the work stays within what was given, and without records nothing is proven.
 *
 * Input: type (2 octets), name, then records: kind (odd: NSEC3), owner, length (1 octet), rdata.
 */
#include <string.h>

#include "base/cursor.h"
#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"
#include "dnssec/denial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETS_MAX = 32, BLOCKS = 600 };
static const uint8_t zone[] = "\7example";

static const uint8_t *take_name(struct arena *a, struct cursor *c)
{
    uint8_t name[NAME_MAX_WIRE];
    if (name_read(c, name) != OK)
        return NULL;
    return arena_copy(a, name, name_size(name));
}

static const struct rrset *take_set(struct arena *a, struct cursor *c)
{
    struct rrset_builder b;
    uint16_t type = cursor_u8(c) & 1 ? TYPE_NSEC3 : TYPE_NSEC;
    const uint8_t *owner = take_name(a, c);
    uint8_t length = cursor_u8(c);
    const uint8_t *rdata = cursor_bytes(c, length);
    if (!owner || !rdata || c->failed || rdata_check(type, rdata, length, 0, length) != OK)
        return NULL;
    uint8_t *own = arena_copy(a, rdata, length);
    MUST(own && rrset_build(&b, a, owner, type, 100) == OK && rrset_add(&b, own, length) == OK);
    return rrset_finish(&b);
}

static void ask(struct denial_question *q)
{
    struct dnssec_work work = {.blocks = BLOCKS};
    struct denial d;
    q->work = &work;
    denial_find(q, &d);
    MUST(d.kind <= DENIAL_LIMIT && work.blocks <= BLOCKS);
    MUST(q->count > 0 || d.kind == DENIAL_NOTHING);
    MUST(d.kind == DENIAL_TYPE || !d.wildcard);
    MUST((d.kind == DENIAL_LIMIT) == work.over);
    for (unsigned labels = 1; labels < name_labels(q->name); labels++)
        MUST(denial_of_closer(q, labels) != DENIAL_TYPE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dnssec_policy policy = {.iterations_max = 50};
    struct cursor c = cursor_of(data, size);
    struct arena a;
    const struct rrset *sets[SETS_MAX];
    arena_init(&a, NULL);
    struct denial_question q = {.zone = zone, .sets = sets, .policy = &policy};
    q.type = cursor_u16(&c);
    q.name = take_name(&a, &c);
    while (q.name && q.count < SETS_MAX && cursor_left(&c)) {
        sets[q.count] = take_set(&a, &c);
        if (!sets[q.count++])
            break;
    }
    q.count -= q.count && !sets[q.count - 1];
    if (q.name && name_at_or_below(q.name, zone))
        ask(&q);
    arena_deinit(&a);
    return 0;
}
