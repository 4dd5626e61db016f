/*
 * 0x20: letters of a question in random case are more for a forger to guess
 * (draft-vixie-dnsext-dns0x20).
 *
 * The letters come back in the question, in names that are compressed to it and in names that the
 * server made from it. They are nobody else's business: before a reply is used, each label in it
 * that is letter by letter one of those sent becomes again what was meant, so that neither cache
 * nor client gets to see them.
 */
#include <string.h>

#include "dns/rdata.h"
#include "resolver/lookup.h"

void case_randomise(uint8_t *name, const uint8_t bits[32])
{
    unsigned bit = 0;
    for (uint8_t *label = name; *label; label += *label + 1) {
        for (unsigned i = 1; i <= *label; i++, bit++) {
            uint8_t lower = (uint8_t)(label[i] | 0x20);
            if (lower >= 'a' && lower <= 'z')
                label[i] = (bits[bit / 8] >> bit % 8) & 1 ? (uint8_t)(lower & 0xdf) : lower;
        }
    }
}

static void restore_name(uint8_t *name, const uint8_t *turned, const uint8_t *meant)
{
    for (uint8_t *label = name; *label; label += *label + 1) {
        for (const uint8_t *t = turned; *t; t += *t + 1) {
            if (*label == *t && !memcmp(label, t, *t + 1U)) {
                memcpy(label, meant + (t - turned), *t + 1U);
                break;
            }
        }
    }
}

static void restore_set(const struct rrset *set, const uint8_t *turned, const uint8_t *meant)
{
    restore_name((uint8_t *)(uintptr_t)set->owner, turned, meant);
    /* The letters of NSEC's next name are signed as they are (RFC 6840 §5.1). */
    if (set->type == TYPE_NSEC)
        return;
    struct rrset_iter it = rrset_records(set);
    while (rrset_next(&it)) {
        struct rdata_names names;
        rdata_find_names(set->type, it.rdata, it.length, &names);
        for (unsigned i = 0; i < names.count; i++)
            restore_name((uint8_t *)(uintptr_t)(it.rdata + names.at[i].offset), turned, meant);
    }
}

/* The message is the lookup's own, in its arena: nobody else has seen it yet. */
void case_restore(const struct message *m, const uint8_t *turned, const uint8_t *meant)
{
    for (unsigned section = 0; section < SECTION_COUNT; section++)
        for (size_t i = 0; i < m->section[section].count; i++)
            restore_set(m->section[section].at[i], turned, meant);
}
