/*
 * Names that are answered here and never asked outside: localhost, invalid, onion, home.arpa, test, the reverse
 * zones of private and loopback addresses (RFC 6761, 7686, 8375, 6303; the list in zones/special.def).
 */
#ifndef ZONES_SPECIAL_H
#define ZONES_SPECIAL_H

#include "base/arena.h"
#include "dns/message.h"

struct special_zones; /* immutable */

/* Built once at start into the arena. ERR_NOMEM. */
MUST_CHECK enum err special_zones_new(struct special_zones **out, struct arena *a);

enum special_kind {
    SPECIAL_NONE,     /* not ours: resolve */
    SPECIAL_ANSWER,   /* records[0..count) are the answer */
    SPECIAL_NODATA,   /* records[0] is the SOA for the authority section */
    SPECIAL_NXDOMAIN, /* the same */
};

struct special_answer {
    enum special_kind kind;
    unsigned count;
    const struct rrset *records[2]; /* expiry holds the TTL itself: add `now` when answering */
    /* The record's owner may differ from the question (`foo.localhost`): answer with the question's name. */
};

/* DS at a special zone's apex is SPECIAL_NONE: it is the parent's (RFC 4035 §4.2), except below an own zone. */
void special_find(const struct special_zones *z, const uint8_t *qname, uint16_t qtype,
                  struct special_answer *out);

#endif
