/*
 * Any messages as a transfer of the root zone, each with two octets of length before it: what is
 * accepted is a zone, in bounds, in canonical order, of its types' forms.
 */
#include <stdlib.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"
#include "zones/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_set(const struct rrset *set, const struct rrset *before)
{
    MUST(name_size(set->owner) <= NAME_MAX_WIRE);
    MUST(set->count > 0);
    if (before) {
        int order = name_compare(before->owner, set->owner);
        MUST(order < 0 || (order == 0 && before->type < set->type));
    }
    for (struct rrset_iter it = rrset_records(set); rrset_next(&it);)
        MUST(rdata_check(set->type, it.rdata, it.length, 0, it.length) == OK);
}

static void finish(struct transfer *t)
{
    struct arena arena;
    struct rrset_array zone;
    bool soa = false;
    arena_init(&arena, NULL);
    enum err e = transfer_finish(t, &arena, &zone);
    for (size_t i = 0; !e && i < zone.count; i++) {
        check_set(zone.at[i], i ? zone.at[i - 1] : NULL);
        soa = soa || (zone.at[i]->type == TYPE_SOA && !*zone.at[i]->owner);
    }
    MUST(e || soa);
    MUST(!e || *transfer_why(t));
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transfer *t;
    struct cursor c = cursor_of(data, size);
    bool over = false;
    MUST(transfer_new(&t, name_root, 0) == OK);
    enum err e = OK;
    while (!over && !e) {
        uint16_t length = cursor_u16(&c);
        const uint8_t *message = cursor_bytes(&c, length);
        if (!message)
            break;
        e = transfer_take(t, message, length, &over);
        MUST(!e || *transfer_why(t));
    }
    if (over && !e)
        finish(t);
    transfer_free(t);
    return 0;
}
