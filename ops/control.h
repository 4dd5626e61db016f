/*
 * The control socket: an operator asks in one line of JSON, {"command": "status"}, and is answered
 * in one line,
 * {"ok": true, …} or {"ok": false, "error": "…"}. It belongs to worker 0 and its loop. Who may open
 * the socket may flush the cache and reload, so its mode is 0600.
 */
#ifndef OPS_CONTROL_H
#define OPS_CONTROL_H

#include "base/err.h"

struct control;
struct server;

/* A socket that nobody listens to is replaced. ERR_IO with errno: EADDRINUSE is a live server's. */
MUST_CHECK enum err control_new(struct control **out, struct server *s, const char *path);
/* Closes all and removes the socket; within the loop's life. NULL, and again, do nothing. */
void control_stop(struct control *c);
/* After the loop's end. */
void control_free(struct control *c);

#endif
