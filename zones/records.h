/*
 * Records gathered one by one, in any order, become RRsets in canonical order: what reading a zone
 * file and taking in a transfer have in common.
 */
#ifndef ZONES_RECORDS_H
#define ZONES_RECORDS_H

#include "dns/message.h"

/* Owner and rdata are the caller's and stay until the sets are built. */
struct zone_record {
    const uint8_t *owner;
    const uint8_t *rdata; /* uncompressed, of its type's form */
    uint32_t ttl;
    unsigned place; /* where it came from, for complaints: a line, say */
    uint16_t type;  /* its own: TYPE_RRSIG is joined to what it covers */
    uint16_t length;
};

struct zone_records {
    struct gathered *at; /* malloc'd */
    size_t count;
    size_t capacity;
};

MUST_CHECK enum err zone_records_add(struct zone_records *all, const struct zone_record *one);

/*
 * The sets, in the arena, in canonical order of owners and then of types: records of one owner and
 * type become one set (TTL: the least), signatures are with what they cover; expiry = TTL, trust
 * TRUST_LOCAL. ERR_FORMAT: *why says what is wrong with the record that came from *place;
 * ERR_NOMEM.
 */
MUST_CHECK enum err zone_records_build(struct zone_records *all, struct arena *a,
                                       struct rrset_array *out, unsigned *place, const char **why);
void zone_records_deinit(struct zone_records *all);

#endif
