/*
 * What the files of dnssec/ share: verdicts, what a check may cost, who checks. Nothing in here
 * reads a clock, asks anybody, or keeps anything but parsed keys.
 *
 *     struct dnssec d;                          // one a worker
 *     dnssec_init(&d, &policy, anchors)
 *     dnssec_validate(&d, &query, &response)    // validate.h: secure, insecure, bogus, or a need
 *     dnssec_deinit(&d)
 */
#ifndef DNSSEC_DNSSEC_H
#define DNSSEC_DNSSEC_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/types.h"

/* Why something is not secure, from the one table. WHY_NONE: nothing to be said. */
enum why {
    WHY_NONE,
#define X(name, ede, cached, text) WHY_##name,
#include "dnssec/reasons.def"
#undef X
    WHY_COUNT
};
const char *why_text(enum why w);
enum dns_ede why_ede(enum why w);

/* What the operator decides. */
struct dnssec_policy {
    bool sha1;               /* RSA with SHA-1 counts; else it is as if unknown (RFC 9905) */
    uint16_t iterations_max; /* of NSEC3; more is insecure (RFC 9276 §3.2) */
    uint32_t skew_s;         /* by which a signature's dates may be passed */
};

/*
 * What checking may still cost, in the hands of whoever asks for checks: nobody but the caller
 * fills it up again (limits L9 to L13). Counted down by each check.
 */
struct dnssec_work {
    uint32_t price;  /* in thirds of a P-256 check */
    uint16_t good;   /* signatures that verify */
    uint16_t failed; /* signatures that do not */
    uint16_t blocks; /* of SHA-1, for NSEC3 */
    bool over;       /* something was left undone for want of any of these */
};

#endif
