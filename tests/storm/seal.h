/*
 * Signed zones in a storm: which are signed, with what, and what is wrong with them.
 *
 *     seal.c       draws that for a tree which is there already, and adds DNSKEY and DS records
 *     proof.c      what a signed zone's servers put beside records: RRSIG, NSEC, NSEC3
 *     safety.c     what is secure, insecure, bogus by the plan: the oracle's half
 *     tamper.c     faults on the wire that are about DNSSEC
 *
 * The tree itself is drawn as without signatures, and what is drawn here comes out of generators of
 * its own: the unsigned run of a seed is the same whether or not there are signed ones.
 */
#ifndef TESTS_STORM_SEAL_H
#define TESTS_STORM_SEAL_H

#include "tests/sim/sign.h"
#include "tests/storm/storm.h"

/* How a zone denies. */
enum chain_kind { CHAIN_NSEC, CHAIN_NSEC3, CHAIN_OPT_OUT };

/* What is wrong with the signature of a set. */
enum flaw { FLAW_NONE, FLAW_MISSING, FLAW_BROKEN, FLAW_EXPIRED, FLAW_EARLY, FLAW_FOREIGN, FLAWS };

/* What is wrong with all denials of a zone: none are given; they cover no name; they are signed so.
 */
enum denial_state { DENIAL_SOUND, DENIAL_ABSENT, DENIAL_NARROW, DENIAL_FLAWED };

enum { ITERATIONS_MOST = 50, SALT_MOST = 4 };

/* A name of the zone: with records, a cut, or with names below it only. */
struct node {
    const uint8_t *name;
    const struct zone *cut; /* NULL: none there */
    bool empty;
    uint8_t hash[SIGN_HASH_SIZE];
};

struct signature;

struct seal {
    const struct sign_key *key, *foreign; /* the zone's; one that it does not have */
    struct rpl_bytes dnskey, foreign_dnskey;
    enum chain_kind chain;
    uint16_t iterations;
    uint8_t salt[SALT_MOST], salt_size;
    enum denial_state denial;
    enum flaw denial_flaw;
    uint32_t period_s; /* signatures are made anew that often; each is good for a period more */
    uint32_t denial_ttl;
    struct node *node;
    unsigned node_count;
    struct signature *made; /* remembered, since each is asked for often */
};

/* Signs a share of the tree; ERR_NOMEM. The root is signed and in order. */
MUST_CHECK enum err seal_tree(struct tree *t, struct rng *rng);
void seal_print(const struct tree *t);
/* The anchor's DS record. */
MUST_CHECK enum err seal_anchor(struct tree *t, struct rpl_bytes *ds);

/* Is the name there at that time? */
bool node_is_there(const struct seal *s, const struct node *n, uint64_t now_ms);
/* And does a record of the chain stand for it? */
bool node_is_in_chain(const struct seal *s, const struct node *n, uint64_t now_ms);
/* NULL: the zone has no such name. */
const struct node *node_at(const struct zone *z, const uint8_t *name);
bool seal_is_hashed(const struct seal *s);

/* ---- safety.c -------------------------------------------------------------------------------- */

/* Sets safety and weak of all zones. */
void safety_prepare(struct tree *t);
/* Can the zone show that a name is no cut? Who has a record without signature wants to know. */
bool safety_denies(const struct zone *z);
/* How safe what the zone says of the name is. `open`: the RFCs leave it open beyond that. */
enum safety safety_of(const struct zone *z, const uint8_t *name, uint16_t type,
                      const struct found *f, uint64_t now_ms, bool *open);

/* ---- proof.c --------------------------------------------------------------------------------- */

struct work;
/* The signature over the records of `node` and that type, as of the owner. */
void proof_sign(struct work *w, unsigned section, const struct zone *z, const uint8_t *owner,
                const uint8_t *node, uint16_t type);
/* That there is no such name, or no such type. */
void proof_deny(struct work *w, const struct zone *z, const uint8_t *name, const struct found *f);
/* That nothing is closer to the name than the wildcard. */
void proof_wildcard(struct work *w, const struct zone *z, const uint8_t *name,
                    const uint8_t *wildcard);
/* DS records of a cut, or that it has none. */
void proof_delegation(struct work *w, const struct zone *z, const struct zone *cut);

#endif
