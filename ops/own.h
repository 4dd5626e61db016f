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

/*
 * Whether a question to that address would reach us or, at port 53, never be asked because the
 * address is in `own`, which own_addresses made of `listening`.
 */
bool own_is_ours(const struct endpoint *at, const struct prefix_list *own,
                 const struct endpoint_list *listening);

#endif
