/*
 * Signed zones in scenarios. The file says which zones are signed and what is wrong; the entries
 * hold plain records, and the signatures are added when the file is read. Config lines (`nuthatch:
 * "…"`):
 *
 *     sign: ZONE [ALGORITHM] [flags=N] [protocol=N]
 *
 * The zone is signed (default ED25519, flags 257; NONE: it is not, though it lies below one that
 * is); of two lines for a zone the later counts.
 *
 *     anchor-of: ZONE
 *
 * Its key is a trust anchor.
 *
 *     negative-anchor: ZONE [until=N]
 *
 * At and below it nothing is validated, until then (POSIX seconds).
 *
 *     fault: OWNER TYPE WORD…
 *
 * What is wrong with that set's signature: `expired`, `early`, `since=N`, `until=N` (inception and
 * expiration in seconds from the beginning), `broken`, `strip`, `tag=N`, `labels=N`, `algorithm=N`,
 * `ttl=N`, `covered=TYPE`, `signer=NAME`, `by=ZONE` (another zone's key), `more=N` (so many broken
 * ones before it), `beside` (a good one behind it), `dropped` (`more`, and what a good one is
 * `beside`, are not expected in answers of ours).
 *
 * In sections, placeholders stand for what is made of keys and hashes:
 *
 *     example.com. DNSKEY 257 3 15 AUTO
 *     example.com. DS 0 0 2 00
 *     a.example.com. NSEC3 1 0 5 AB MATCHING A
 *     x.example.com. NSEC3 1 1 5 AB COVERING
 *
 * The zone's key with these flags and this protocol; the DS record of it with this digest, and with
 * tag and algorithm as given where they are not 0; an NSEC3 whose owner is the name's hash and its
 * next the one after; one whose owner is the hash before the name's and its next the one after.
 * With MATCHFAR and COVERFAR the one before and after differs in the first octet: spans that cover
 * a part in 256 or more of all names.
 *
 * Signed is each set in answer and authority that has no RRSIG there already; not NS in a reply
 * without AA (a referral), and of expected answers only those with DO.
 */
#ifndef TESTS_SIM_RPL_SIGN_H
#define TESTS_SIM_RPL_SIGN_H

#include "tests/sim/sign.h"

enum { SIGNED_ZONES_MAX = 24, SIGN_FAULTS_MAX = 24, SIGNING_WALL_S = 1767225600 };

struct signed_zone {
    const uint8_t *name;
    const struct sign_key *key;
    struct rpl_bytes dnskey;
};

struct set_fault {
    const uint8_t *owner;
    uint16_t type;
    const struct signed_zone *by; /* NULL: the zone itself */
    bool beside;                  /* a good signature follows the faulty one */
    bool dropped;                 /* the bad ones are not expected back */
    struct sign_fault fault;
};

struct signing {
    struct signed_zone zones[SIGNED_ZONES_MAX];
    size_t zone_count;
    struct set_fault faults[SIGN_FAULTS_MAX];
    size_t fault_count;
};

/* The words behind `sign:`, `fault:`. ERR_FORMAT with a text in `error`. */
MUST_CHECK enum err signing_add_zone(struct signing *s, struct arena *a, const char *text,
                                     char error[RPL_ERROR_MAX]);
MUST_CHECK enum err signing_add_fault(struct signing *s, struct arena *a, const char *text,
                                      char error[RPL_ERROR_MAX]);
/* The signed zone of that very name; NULL: none. */
const struct signed_zone *signing_find(const struct signing *s, const uint8_t *name);
/* Fills in and signs all entries of the file. */
MUST_CHECK enum err rpl_sign(struct arena *a, struct rpl_file *f, const struct signing *s,
                             int64_t now_s);

#endif
