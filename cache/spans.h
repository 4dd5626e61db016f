/*
 * The order of denial records: for each zone the owners of the NSEC, or NSEC3, records that are
 * held of it, in canonical order (RFC 4034 §6.1), so that the record that may cover a name is found
 * (RFC 8198). Folder-internal.
 *
 * Only names are kept here; the records are entries of the cache like any other, and may go at any
 * time. Whoever finds a name without its record takes the name out. All of it wants the writers'
 * lock: it is needed where a question is about to be sent to a server, never for a hit.
 *
 * A zone has at most SPANS_PER_ZONE names: then one by chance makes way. There are SPANS_ZONES
 * zones at most, which keeps a search short, and all together take at most SPANS_SHARE of the
 * cache's budget: then those that were not used for the longest time go. What floods need is
 * little: they go for few zones.
 */
#ifndef CACHE_SPANS_H
#define CACHE_SPANS_H

#include "base/hash.h"
#include "base/list.h"
#include "cache/memory.h"

enum { SPANS_PER_ZONE = 8192, SPANS_ZONES = 8192, SPANS_SHARE = 16, SPANS_BUCKETS = 1024 };

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

/* Octets that the addition of this owner may take; room for them is to be made first. */
size_t spans__growth(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner);
/* Adds an owner, unless it is there. False when there is no memory. */
bool spans__add(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner);
/*
 * The last owner at or before `at` in the zone's order; where there is none before, the last of all
 * (of NSEC3 that is the one whose span leads around). NULL: nothing is known of the zone. Holds
 * until the next call.
 */
const uint8_t *spans__find(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *at);
void spans__remove(struct spans *s, const uint8_t *zone, uint16_t type, const uint8_t *owner);
/* The labels of the deepest zone at or above the name that has so many labels or more and of which
 * something is known; -1: there is none. */
int spans__deepest(struct spans *s, const uint8_t *name, unsigned least);
/*
 * Forgets the zones at and below a name (NULL: all) in slices: again and again with what was 0
 * before the first, until it is true.
 */
bool spans__forget(struct spans *s, const uint8_t *below, unsigned *bucket);
/* Forgets the zones at and above a name, whose records may deny it. */
void spans__forget_above(struct spans *s, const uint8_t *name);

#endif
