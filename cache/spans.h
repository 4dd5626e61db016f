/*
 * The order of denial records: for each zone the owners of the NSEC, or NSEC3, records that are
 * held of it, in canonical order (RFC 4034 §6.1), so that the record that may cover a name is found
 * (RFC 8198). Folder-internal.
 *
 * Only names are kept here; the records are entries of the cache like any other, and may go at any
 * time. Whoever finds a name without its record takes the name out. All of it wants the writers'
 * lock: it is needed where a question is about to be sent to a server, never for a hit.
 *
 * A zone has at most SPANS_PER_ZONE names: then one by chance makes way. All together take at most
 * SPANS_SHARE of the cache's budget: then the zones that were not used for the longest time go.
 */
#ifndef CACHE_SPANS_H
#define CACHE_SPANS_H

#include "base/hash.h"
#include "base/list.h"
#include "cache/memory.h"

enum { SPANS_PER_ZONE = 8192, SPANS_SHARE = 16, SPANS_BUCKETS = 256 };

struct spans {
    struct memory *memory;
    struct hash_key key;
    size_t limit; /* octets */
    size_t bytes; /* held */
    size_t zones;
    uint32_t chance;
    struct list by_use; /* zones, the longest unused first */
    struct list buckets[SPANS_BUCKETS];
};

void spans__init(struct spans *s, struct memory *m, const struct hash_key *key);
void spans__deinit(struct spans *s);
/* Keeps to the new limit from the next addition on. */
void spans__resize(struct spans *s, size_t budget);

/* Adds an owner, unless it is there. False when there is no memory. */
bool spans__add(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner);
/*
 * The last owner at or before `at` in the zone's order; where there is none before, the last of all
 * (of NSEC3 that is the one whose span leads around). NULL: nothing is known of the zone. Holds
 * until the next call.
 */
const uint8_t *spans__find(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *at);
void spans__remove(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner);
/* Forgets the zones at and below a name; NULL: all. */
void spans__forget(struct spans *s, const uint8_t *below);

#endif
