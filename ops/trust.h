/*
 * The state of the trust anchors (RFC 5011) as a file: read at start, written whenever something
 * has changed, into a file beside it that then takes its place, so that it is whole at every
 * moment. Worker 0's.
 */
#ifndef OPS_TRUST_H
#define OPS_TRUST_H

#include "dnssec/trust_point.h"
#include "ops/config.h"

enum { TRUST_ZONES_MAX = 8 };

struct server;
struct trust_state;

/*
 * By dnssec.anchor-state; NULL when that is empty. A file that is not there yet is no error.
 * ERR_FORMAT, ERR_IO: complained of; ERR_NOMEM.
 */
MUST_CHECK enum err trust_load(struct trust_state **out, const struct config *c,
                               struct config_report *report);
/* Other anchors are configured: their zones are followed from now on, others not any more. NULL
 * does nothing. */
void trust_reload(struct trust_state *t, const struct config *c);
/* NULL is none. */
void trust_free(struct trust_state *t);

/*
 * What is trusted of a zone now, of which this DS set is configured: that itself as long as nothing
 * is known. NULL: all its keys were revoked, so it is no anchor any more. The set is the arena's.
 * ERR_NOMEM.
 */
MUST_CHECK enum err trust_anchor(const struct trust_state *t, const struct rrset *configured,
                                 struct arena *a, const struct rrset **out);

/* ERR_IO with errno: the file, or one beside it, cannot be written. To be tried at start, as the
 * user that the server runs as. */
MUST_CHECK enum err trust_save(const struct trust_state *t);
/* Asks for keys if any are due, as those of a zone that a reload has brought; returns when to ask
 * again, in seconds. NULL does nothing. */
uint32_t trust_ask(struct trust_state *t);
/* Begins to ask for keys; once worker 0 runs. */
void trust_start(struct trust_state *t, struct server *s);
/* Before worker 0's resolver goes; NULL, and again, do nothing. */
void trust_stop(struct trust_state *t);

/* The points, for who wants to look. */
const struct trust_point *trust_points(const struct trust_state *t, size_t *count);

#endif
