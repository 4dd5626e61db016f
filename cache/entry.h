/*
 * The header that every cache entry begins with, whatever its kind. Folder-internal.
 *
 * Readers take no lock. So an entry does not change once it is in the table, but for what only
 * writers look at (`newer`, `older`, `units`) and the use stamp.
 *
 * An entry lies in a segment of the store and is named by a handle: its place in units of 8 octets.
 * The body holds the key's name (wire form, case of the first put), for servers the address, and
 * then what its kind packs there, octet by octet, so that nothing in it needs alignment.
 */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/cache.h"

enum {
    ENTRY_UNIT = 8,
    ENTRY_NONE = 0, /* no handle */
};

struct entry {
    uint32_t newer;  /* neighbours in the eviction order: handles, or the policy's own marks */
    uint32_t older;  /* both ENTRY_NONE: dead, not yet cleaned */
    uint32_t expiry; /* boot-time seconds */
    _Atomic uint32_t stamp; /* last use, in the policy's clock; relaxed */
    uint16_t type;
    uint16_t units;   /* of the whole entry */
    uint16_t variant; /* the rest of the key; see each kind */
    uint8_t name_size;
    uint8_t kind : 4;       /* enum cache_kind */
    uint8_t trust : 4;      /* enum trust */
    uint16_t security : 4;  /* enum security */
    uint16_t verdicts : 12; /* by which anchors: cache_judge_by */
    uint8_t body[];
};

enum { ENTRY_HEADER = offsetof(struct entry, body) };

_Static_assert(ENTRY_HEADER <= 32, "the header of an entry stays within 32 octets");

static inline bool entry_dead(const struct entry *e)
{
    return e->newer == ENTRY_NONE && e->older == ENTRY_NONE;
}

static inline uint32_t entry_units(size_t body)
{
    return (uint32_t)((ENTRY_HEADER + body + ENTRY_UNIT - 1) / ENTRY_UNIT);
}

/* A verdict counts only for who judges as its author did. */
static inline uint8_t entry_security(const struct entry *e, uint16_t verdicts)
{
    return e->verdicts == verdicts ? (uint8_t)e->security : SECURITY_UNCHECKED;
}

/* What the kind packed: behind the name. Servers begin with the address, which is of the key. */
static inline const uint8_t *entry_content(const struct entry *e)
{
    return e->body + e->name_size;
}

#endif
