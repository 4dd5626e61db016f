/* The addresses we are reached at, so that no name server's address leads back to us. */
#ifndef OPS_OWN_H
#define OPS_OWN_H

#include "ops/config.h"

/*
 * One prefix for each address in `listening`; for a wildcard all addresses of that family that the
 * machine has now. Those of the arena. ERR_NOMEM.
 */
MUST_CHECK enum err own_addresses(struct prefix_list *out, struct arena *a,
                                  const struct endpoint_list *listening);

#endif
