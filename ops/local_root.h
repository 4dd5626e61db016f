/*
 * Keeps the local copy of the root zone (RFC 8806): has it read or fetched at start and by the
 * timers of its SOA record, by a thread of its own, and gives it to all workers in a new generation
 * when there is a newer one. Worker 0's.
 *
 * A copy counts until its SOA's expire time after it was last known to be what there is, and no
 * longer than its signatures. Then, and when there is none, the root's servers are asked.
 */
#ifndef OPS_LOCAL_ROOT_H
#define OPS_LOCAL_ROOT_H

#include <jansson.h>

#include "base/err.h"

struct generation;
struct local_root;
struct root_keeper;
struct server;

MUST_CHECK enum err root_keeper_new(struct root_keeper **out, struct server *s);
void root_keeper_free(struct root_keeper *k);

/* Reads the file, if the configuration names one, and puts the copy into this generation, which
 * nobody uses yet. To be called at start, as the user that the server runs as. */
void root_keeper_load(struct root_keeper *k, struct generation *g);
/* Looks for newer ones from now on; once worker 0 runs. */
void root_keeper_start(struct root_keeper *k);
/* Every worker uses this generation by now: says so of a copy that it is the first to have. */
void root_keeper_given(struct root_keeper *k, const struct generation *g);
/* Another configuration is in use: looks at once. */
void root_keeper_reload(struct root_keeper *k);
/* Before worker 0's loop goes: ends the thread, within 100 ms. Again, and NULL, do nothing. */
void root_keeper_stop(struct root_keeper *k);

/* Borrowed; NULL: there is none. */
struct local_root *root_keeper_copy(const struct root_keeper *k);
/* For the operator: what is held, as JSON. */
json_t *root_keeper_json(const struct root_keeper *k);

#endif
