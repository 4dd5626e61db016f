/*
 * The servers that the configuration names: stub and forward zones with their addresses, of which
 * some are host names or the system's own servers and are found while we run (net/names.h). What is
 * found becomes a new generation of the same configuration, which every worker takes over as at a
 * reload.
 */
#ifndef OPS_UPSTREAMS_H
#define OPS_UPSTREAMS_H

#include "net/names.h"
#include "ops/config.h"
#include "resolver/resolver.h"

struct server;

/* The zones with the addresses known by now, in the arena. `names` NULL: only those that stand
 * there. out->own is set; ours are left out. ERR_NOMEM. */
MUST_CHECK enum err upstreams_zones(struct arena *a, const struct config *c,
                                    const struct names *names,
                                    const struct endpoint_list *listening,
                                    struct resolver_options *out);

/* Reads the system's servers if the configuration wants them, so that a generation made of it next
 * has them from its first question on. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err upstreams_look(struct server *s, const struct config *c);

/* From now on the configuration's names are looked up, and no others. At start, and after each
 * reload. */
void upstreams_want(struct server *s, const struct config *c);

#endif
