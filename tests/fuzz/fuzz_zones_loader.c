/* Any text as a zone file: what is accepted is grouped, in bounds, and of its types' forms. */
#include <stdlib.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "zones/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_set(const struct rrset *set)
{
    MUST(name_size(set->owner) <= NAME_MAX_WIRE);
    MUST(set->count > 0);
    struct rrset_iter it = rrset_records(set);
    while (rrset_next(&it))
        MUST(rdata_check(set->type, it.rdata, it.length, 0, it.length) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct rrset_array sets;
    struct zone_error error;
    arena_init(&arena, NULL);
    if (zone_read_text(&arena, (const char *)data, size, name_root, &sets, &error) == OK)
        for (size_t i = 0; i < sets.count; i++)
            check_set(sets.at[i]);
    arena_deinit(&arena);
    return 0;
}
