/*
 * An attacker's zone, evil.com., that has a trust anchor of its own (as good as one that DS leads
 * to), in which he signs what he likes.
 */
#ifndef TESTS_ATTACKS_OWNED_H
#define TESTS_ATTACKS_OWNED_H

#include "tests/attacks/attack.h"
#include "tests/sim/rpl_sign.h"

extern const char owned_server[]; /* its address */
enum { OWNED_DELAY_MS = 10 };

struct owned {
    struct arena arena; /* of all records and signatures */
    uint8_t name[NAME_MAX_WIRE];
    const struct sign_key *key;
    struct rpl_bytes dnskey;
    uint16_t tag;
    struct raw m; /* the reply that is being made */
};

struct rig *owned_zone(struct owned *z, serve_fn *serve, void *script);
void owned_free(struct owned *z, struct rig *r);

/* A record before those from `next` on. */
const struct rpl_rr *owned_record(struct owned *z, const struct rpl_rr *next, const uint8_t *owner,
                                  uint16_t type, struct rpl_bytes rdata);
const uint8_t *owned_keep(struct owned *z, const uint8_t *name);

void owned_put(struct owned *z, enum section section, const struct rpl_rr *rr);
void owned_put_signature(struct owned *z, enum section section, const struct rpl_rr *first,
                         const struct sign_fault *fault);
/* The records from `first` on, which are one set, and their signature. */
void owned_put_signed(struct owned *z, enum section section, const struct rpl_rr *first);
void owned_put_soa(struct owned *z);
/* Over UDP what is large is cut to TC. */
void owned_send(struct owned *z, struct ask *q);

#endif
