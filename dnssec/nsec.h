/*
 * Denial by NSEC: pure functions over records that are already known to be the zone's own, signed
 * and valid. RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4.
 */
#ifndef DNSSEC_NSEC_H
#define DNSSEC_NSEC_H

#include "dnssec/denial.h"

/* NSEC records of the question's proof. */
void nsec_deny(const struct denial_question *q, struct denial *out);
/* How many labels the closest encloser of a name has, if the set covers it. */
unsigned nsec_encloser(const struct rrset *set, const uint8_t *name);
/* Is the name denied, and what it shares with its neighbours just `labels` labels? */
bool nsec_covers_closer(const struct denial_question *q, unsigned labels);

#endif
