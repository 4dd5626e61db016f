/* What the requests on the control socket do; one row of a table each. */
#ifndef OPS_CONTROL_COMMANDS_H
#define OPS_CONTROL_COMMANDS_H

#include <stddef.h>

#include "ops/waiter.h"

struct server;

/* Reads a request and sees to it that the waiter is answered, once, now or later. */
void control_command(struct server *s, const char *line, size_t size, struct waiter *w);

/* Ends what nobody waits for any more. To be called when a waiter has taken itself out. */
void control_abandon(struct server *s);

#endif
