/*
 * The control socket: an operator asks in one line of JSON (ops/control_request.h) and is answered
 * in one line, {"ok": true, …} or {"ok": false, "error": "…"}; several requests of a connection are
 * answered in turn. It belongs to worker 0 and its loop.
 */
#ifndef OPS_CONTROL_H
#define OPS_CONTROL_H

#include "base/err.h"

struct control;
struct server;

/* `mode`: of the file, as for chmod; who may open it may flush and reload. A socket that nobody
 * listens to is replaced. ERR_IO with errno: EADDRINUSE is a live server's. */
MUST_CHECK enum err control_new(struct control **out, struct server *s, const char *path,
                                unsigned mode);
/* Closes all and removes the socket; within the loop's life. NULL, and again, do nothing. */
void control_stop(struct control *c);
/* After the loop's end. */
void control_free(struct control *c);

#endif
