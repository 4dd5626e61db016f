/* Denial by NSEC3 (RFC 5155 §8): as nsec.h, by hashed names. */
#ifndef DNSSEC_NSEC3_H
#define DNSSEC_NSEC3_H

#include "dnssec/denial.h"

void nsec3_deny(const struct denial_question *q, struct denial *out);
/* The next closer name under an encloser of `labels` labels does not exist? */
enum denial_kind nsec3_covers_closer(const struct denial_question *q, unsigned labels);

#endif
