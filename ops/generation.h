/*
 * One configuration in use, with all that is derived from it and borrowed by resolver and front:
 * options, root hints, built-in and configured zones, access list. A reload builds the next
 * generation and hands it to every worker; the one before goes with its last reference.
 */
#ifndef OPS_GENERATION_H
#define OPS_GENERATION_H

#include <stdatomic.h>

#include "dns/cookie.h"
#include "ops/config.h"
#include "resolver/resolver.h"

struct local_root;
struct names;
struct trust_state;

/* What was found out while the server runs; NULL: nothing. */
struct discoveries {
    const struct names *names;       /* host names and their addresses */
    const struct trust_state *trust; /* trust anchors that have followed their zones */
    struct local_root *local_root;   /* a copy of the root zone, verified */
};

struct generation {
    struct config *config;
    struct resolver_options options;
    struct access_list *access;
    struct cookie_secrets cookies;
    struct local_root *local_root; /* a reference; NULL: none */
    struct arena arena;            /* what `options` points to */
    atomic_uint references;
};

/*
 * With one reference. Takes the config on OK. `listening`: the addresses that are open, which are
 * never asked. ERR_FORMAT: hints, user or
 * forward zones that do not hold, complained of in the report; ERR_NOMEM.
 */
MUST_CHECK enum err generation_new(struct generation **out, struct config *config,
                                   const struct endpoint_list *listening,
                                   const struct discoveries *found, struct config_report *report);
/* The copy of the root zone that it resolves with; before anybody uses the generation. Takes no
 * reference from the caller but one of its own. */
void generation_take_local_root(struct generation *g, struct local_root *copy);
/* What must not change with it goes on: cookies that the one before has handed out, verdicts in the
 * cache if both judge alike. */
void generation_follow(struct generation *next, const struct generation *before);
/* Of one that nobody else has a reference to. */
void generation_free(struct generation *g);
/* From any thread; the last unref frees. NULL has none. */
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g);

#endif
