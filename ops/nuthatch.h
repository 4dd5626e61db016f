/* The operator's tool: what its files share. */
#ifndef OPS_NUTHATCH_H
#define OPS_NUTHATCH_H

#include <jansson.h>
#include <stdbool.h>

/* Exit codes. */
enum { DONE = 0, REFUSED = 1, USAGE = 2, UNREACHED = 3 };

/* Prints the document that `trace` answers as a tree; returns an exit code. */
int nuthatch_print_trace(const json_t *reply, const char *name, const char *type);

#endif
