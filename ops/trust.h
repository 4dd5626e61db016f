/*
 * The state of the trust anchors (RFC 5011) as a file: read at start, written whenever something
 * has changed, into a file beside it that then takes its place, so that it is whole at every
 * moment. Worker 0's.
 */
#ifndef OPS_TRUST_H
#define OPS_TRUST_H

#include "dnssec/trust_point.h"
#include "ops/config.h"

struct server;
struct trust_state;

/*
 * By dnssec.anchor-state; NULL when that is empty, or nothing is validated. A file that is not
 * there yet is no error. ERR_FORMAT, ERR_IO: complained of; ERR_NOMEM.
 */
MUST_CHECK enum err trust_load(struct trust_state **out, const struct config *c,
                               struct config_report *report);
/* NULL is none. */
void trust_free(struct trust_state *t);

/*
 * What is trusted of that zone now, in place of what is configured. False: nothing is known, the
 * configured anchor holds. `*out` NULL: all its keys were revoked, so it is no anchor any more. The
 * set is the arena's. ERR_NOMEM in *e.
 */
bool trust_anchor(const struct trust_state *t, const uint8_t *zone, struct arena *a,
                  const struct rrset **out, enum err *e);

/* ERR_IO with errno: the file, or one beside it, cannot be written. To be tried at start, as the
 * user that the server runs as. */
MUST_CHECK enum err trust_save(const struct trust_state *t);
/* Begins to ask for keys; once worker 0 runs. */
void trust_start(struct trust_state *t, struct server *s);
/* Before worker 0's resolver goes; NULL, and again, do nothing. */
void trust_stop(struct trust_state *t);

/* The points, for who wants to look. */
const struct trust_point *trust_points(const struct trust_state *t, size_t *count);

#endif
