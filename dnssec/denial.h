/*
 * What the denial records of a response prove. Pure: records in, proof out. The caller has checked
 * that all of them are signed by `zone` and valid. Ours and not the library's, whose helpers read
 * past the end of malformed records. RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4, RFC 9824.
 */
#ifndef DNSSEC_DENIAL_H
#define DNSSEC_DENIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/rrset.h"
#include "dnssec/dnssec.h"

enum denial_kind {
    DENIAL_NOTHING,    /* it is not proven */
    DENIAL_NAME,       /* the name does not exist */
    DENIAL_TYPE,       /* the name exists (or a wildcard that matches it), the type does not */
    DENIAL_OPT_OUT,    /* the name may be an unsigned delegation (RFC 5155 §6): insecure */
    DENIAL_ITERATIONS, /* more NSEC3 iterations than the policy allows: insecure */
    DENIAL_LIMIT,      /* the work was up */
};

struct denial_question {
    const uint8_t *zone;
    const uint8_t *name;
    uint16_t type;
    const struct rrset *const *sets; /* NSEC and NSEC3 sets among others */
    unsigned count;
    const struct dnssec_policy *policy;
    struct dnssec_work *work; /* hashes are paid here */
};

struct denial {
    enum denial_kind kind;
    bool delegation; /* DENIAL_TYPE of DS: a zone cut is at the name (NS bit) */
    bool wildcard;   /* DENIAL_TYPE: it is a wildcard's */
    bool any_name;   /* DENIAL_OPT_OUT: a wildcard may give the name, so NXDOMAIN is not proven */
};

void denial_find(const struct denial_question *q, struct denial *out);

/*
 * Is a secure set of NSEC or NSEC3 records, which came in answer to a question for `name`, worth
 * keeping for other names (RFC 8198)? Not those that are made for one name (RFC 4470, RFC 7129
 * appendix B, RFC 9824), nor NSEC3 with opt-out, which leaves open what it covers; and one that a
 * wildcard gave was not signed for the owner that it bears.
 */
bool denial_is_reusable(const struct rrset *set, const uint8_t *name);

/*
 * Is it proven that no closer match than the wildcard of `labels` labels exists for the name (RFC
 * 4035 §5.3.4, RFC 5155 §8.8)? DENIAL_NAME if so; DENIAL_OPT_OUT, _ITERATIONS, _LIMIT, _NOTHING
 * else.
 */
enum denial_kind denial_of_closer(const struct denial_question *q, unsigned labels);

#endif
