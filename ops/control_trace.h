/*
 * `trace`: a question is resolved afresh, by a resolver with an empty cache of its own that lives
 * for this question only, and what it tells of its walk (resolver/tracer.h) is collected. So
 * nothing that is known already shortens the walk, and nothing that is served is touched. It runs
 * on worker 0's loop; one at a time.
 */
#ifndef OPS_CONTROL_TRACE_H
#define OPS_CONTROL_TRACE_H

#include "base/world.h"
#include "ops/control_request.h"
#include "ops/waiter.h"

struct server;

/* The exchanges of a trace have this bit in their tokens, so that events find their resolver. */
#define TRACE_TOKEN ((uint64_t)1 << 63)

/* Answers with the finished document, or says why it cannot be. */
void trace_begin(struct server *s, const struct control_request *r, struct waiter *w);
/* Ends it when its waiter has left. */
void trace_end_unwanted(struct server *s);

/* The world's events, whose token has the bit. */
void trace_reply(struct server *s, uint64_t token, const uint8_t *message, size_t length);
void trace_failed(struct server *s, uint64_t token, enum err why);
void trace_turn(struct server *s);

#endif
