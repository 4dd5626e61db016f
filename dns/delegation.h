/*
 * A zone and its name servers as its parent names them: what iteration walks along, what root hints
 * are.
 *
 * A plain value whose pointers are borrowed from an arena, a cache entry, or read-only data.
 */
#ifndef DNS_DELEGATION_H
#define DNS_DELEGATION_H

#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"

enum {
    DELEGATION_NS_MAX = 13,      /* of a larger set the rest is left out: */
    DELEGATION_ADDRESS_MAX = 26, /* each name could cost look-ups, each address a send */
    DELEGATION_ADDRESS_PER_NS = 4,
};

struct delegation_address {
    uint8_t ns;         /* index of its name server name */
    struct endpoint at; /* port 53 unless configured */
};

/*
 * Glue is kept here and nowhere else, so it can never answer a client, and the whole goes when the
 * parent's NS RRset expires, whatever the child says (ghost domains).
 */
struct delegation {
    const uint8_t *zone;
    uint32_t expiry; /* boot-time seconds */
    uint8_t security;
    uint8_t ns_count;
    uint8_t address_count;
    /* Bit i: name server i came with such an address (IPv4, IPv6), maybe one that another has. */
    uint16_t glued[2];
    const uint8_t *ns[DELEGATION_NS_MAX];
    struct delegation_address address[DELEGATION_ADDRESS_MAX];
};

/* A deep copy, with room for the addresses it has and no more; NULL when the arena cannot grow. */
struct delegation *delegation_copy(struct arena *a, const struct delegation *d);

#endif
