/*
 * Where trust begins, and where it is not to be asked for: trust anchors (as DS sets) and negative
 * trust anchors (RFC 7646). Plain values; whoever makes the list owns what it points to.
 */
#ifndef DNSSEC_ANCHORS_H
#define DNSSEC_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/rrset.h"

struct anchor {
    const uint8_t *zone;
    const struct rrset *ds; /* NULL: a negative anchor */
    uint32_t until;         /* POSIX seconds from which on it is none any more; 0: it stays */
};

struct anchors {
    const struct anchor *at;
    size_t count;
};

/* The closest at or above the name at this time (POSIX seconds); NULL when there is none. The
 * deeper wins, of two at one name the negative. */
const struct anchor *anchors_find(const struct anchors *all, const uint8_t *name, uint32_t wall);

/* How many have ended at this time, and when the next one does (POSIX seconds); 0: none will. */
struct anchors_ends {
    unsigned ended;
    uint32_t next;
};
struct anchors_ends anchors_ends(const struct anchors *all, uint32_t wall);

/* The same anchors in the same order? */
bool anchors_equal(const struct anchors *a, const struct anchors *b);

/* The DS record (SHA-256, RFC 4509) of a key, in the arena, as rdata: how an anchor given as DNSKEY
 * is kept. */
MUST_CHECK enum err anchors_ds_of_key(struct arena *a, const uint8_t *owner, const uint8_t *rdata,
                                      uint16_t length, const uint8_t **ds, uint16_t *ds_length);

/* A DS set as it is; of a DNSKEY set the DS set that names its keys. */
MUST_CHECK enum err anchors_ds_of_set(struct arena *a, const struct rrset *set,
                                      const struct rrset **out);

#endif
