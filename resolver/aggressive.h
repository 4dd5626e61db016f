/*
 * Aggressive use of what was validated (RFC 8198): a signed denial covers more names than the one
 * that was asked for, and a wildcard gives more.
 */
#ifndef RESOLVER_AGGRESSIVE_H
#define RESOLVER_AGGRESSIVE_H

#include <stdbool.h>

struct lookup;

/* Keeps what the validated response in hand says of other names. */
void aggressive_keep(struct lookup *l);
/* The walk stands at a cut: is the question answered by what the zone has said before? Then the
 * result is set. */
bool aggressive_answers(struct lookup *l);

#endif
