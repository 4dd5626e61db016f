/*
 * The world that several scenarios share: `nuthatch: "world: FILE"` takes in the configuration and
 * the ranges of another file of this language, which lies beside the scenario. The scenario's own
 * ranges come first, so what a server is to say otherwise is said there.
 */
#ifndef TESTS_SIM_RPL_WORLD_H
#define TESTS_SIM_RPL_WORLD_H

#include "tests/sim/rpl.h"

/* `path`: the scenario's; NULL: it has none, and nothing to lie beside. ERR_FORMAT with *error. */
MUST_CHECK enum err rpl_take_world(struct arena *a, struct rpl_file *f, const char *path,
                                   struct rpl_error *error);

#endif
