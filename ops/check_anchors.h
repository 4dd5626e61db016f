/* `nuthatchd --check-anchor`: what is trusted, by which keys, and who says so. */
#ifndef OPS_CHECK_ANCHORS_H
#define OPS_CHECK_ANCHORS_H

#include <stdbool.h>

#include "ops/trust.h"
#include "resolver/resolver.h"

/* Prints it. False: something is of no use, or nothing is trusted; that has been said. */
bool check_anchors(const struct resolver_options *o, const struct config *c,
                   const struct trust_state *t);

#endif
