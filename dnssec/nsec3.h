/* Denial by NSEC3 (RFC 5155 §8): as nsec.h, by hashed names. */
#ifndef DNSSEC_NSEC3_H
#define DNSSEC_NSEC3_H

#include "dns/name.h"
#include "dnssec/denial.h"

void nsec3_deny(const struct denial_question *q, struct denial *out);
/* The next closer name under an encloser of `labels` labels does not exist? */
enum denial_kind nsec3_covers_closer(const struct denial_question *q, unsigned labels);

/* The owner that the record matching a name has in the chain of which `like` is one; the hash is
 * paid from `work`. False: it cannot be made. */
bool nsec3_owner(const struct rrset *like, const struct denial_question *q, const uint8_t *name,
                 uint8_t out[NAME_MAX_WIRE]);
/* No opt-out, and a span that covers more than the name it was made for. */
bool nsec3_is_wide(const struct rrset *set);

#endif
