/*
 * A response in, a verdict out, or the one thing that must be known first.
 *
 *     enum verdict v = dnssec_validate(&query, &response, &finding);
 *     VERDICT_NEED: look up (finding.need_name, finding.need_type), then call again
 *
 * Verdicts on single sets are kept in the sets (`security`), so that a call after a need repeats no
 * check. Keys and DS records are asked for through `chain`, whose answers have been validated by
 * the same function before: the chain of trust is a chain of questions, and each is asked and
 * judged once for all who need it. RFC 4033 §5, RFC 4035 §5.
 */
#ifndef DNSSEC_VALIDATE_H
#define DNSSEC_VALIDATE_H

#include "dnssec/anchors.h"
#include "dnssec/denial.h"
#include "dnssec/signature.h"

enum verdict {
    VERDICT_SECURE,
    VERDICT_INSECURE,      /* proven not to be signed, or signed in ways we cannot check */
    VERDICT_INDETERMINATE, /* below no trust anchor */
    VERDICT_BOGUS,
    VERDICT_NEED,
    VERDICT_NOMEM,
};

/* What is known of the DNSKEY or DS records of a name. */
enum known_kind {
    KNOWN_NOT,      /* yet */
    KNOWN_SET,      /* `set`, secure */
    KNOWN_DENIED,   /* securely: there are none */
    KNOWN_INSECURE, /* provably nothing that could be secure */
    KNOWN_FAILED,   /* `why`: bogus, or it could not be looked up */
};
struct known {
    enum known_kind kind;
    const struct rrset *set;
    bool delegation; /* KNOWN_DENIED, DS: there is a zone cut at the name */
    bool nowhere;    /* KNOWN_DENIED: the name does not exist */
    enum why why;
};
struct chain_of_trust {
    void *ctx;
    struct known (*known)(void *ctx, const uint8_t *name, uint16_t type);
};

/* An RRset of the response: the caller's own copy, whose security and expiry are written here. */
struct judged {
    struct rrset *set;
    uint8_t labels; /* of the signature that verified */
    bool derived;   /* a CNAME made from the DNAME before it: judged with that */
    enum why why;   /* it is bogus */
};

/* As the response code has it; of a denial the validator makes it what is proven: NXDOMAIN on an
 * empty non-terminal becomes NODATA, NOERROR with the proof of no name (RFC 9824) NXDOMAIN. */
enum response_kind { RESPONSE_RECORDS, RESPONSE_NODATA, RESPONSE_NXDOMAIN };
struct response {
    enum response_kind kind;
    const uint8_t *name; /* of what is denied: where the alias chain ends */
    uint16_t type;
    const uint8_t *zone; /* whose servers were asked, as far as referrals tell */
    struct judged *answer;
    unsigned answer_count;
    struct judged *authority; /* SOA, NSEC, NSEC3 */
    unsigned authority_count;
    uint32_t now; /* boot-time seconds, for expiries */
};

struct validation {
    struct checker checker;
    const struct anchors *anchors;
    struct chain_of_trust chain;
};

struct finding {
    enum why why;             /* of BOGUS; of INSECURE where there is more to say */
    const uint8_t *need_name; /* in place in what was given */
    uint16_t need_type;
    bool delegation;      /* a denial of DS: a zone cut is there (for `struct known`) */
    bool of_chain;        /* BOGUS: keys or DS records are to blame, not this response */
    bool opt_out;         /* INSECURE: it is the opt-out of a secure zone */
    enum security denial; /* of what is denied, however insecure an alias before it is */
};

enum verdict dnssec_validate(const struct validation *v, struct response *r, struct finding *out);

#endif
