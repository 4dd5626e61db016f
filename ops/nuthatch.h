/*
 * The operator's tool: what its files share.
 *
 *     nuthatch.c         the command line       nuthatch_print.c   answers for people
 *     nuthatch_ask.c     the control socket     nuthatch_trace.c   a walk as a tree
 *     nuthatch_query.c   a question to a server
 */
#ifndef OPS_NUTHATCH_H
#define OPS_NUTHATCH_H

#include <jansson.h>
#include <stdbool.h>

/* Exit codes. */
enum { DONE = 0, REFUSED = 1, USAGE = 2, UNREACHED = 3 };

/* The command line. */
struct call {
    const char *socket;
    bool json;
    bool all, dnssec, cd, tcp; /* the switches of some commands */
    const char *zone;          /* NULL: not given */
    const char *server;        /* of `query`: ADDRESS or ADDRESS@PORT; NULL: the one that runs */
    const char *word[2];
    unsigned words;
};

/* Asks the server; takes the request. With --json the answer has been printed. NULL: it was said
 * what is wrong, and *code is the exit code. */
json_t *nuthatch_ask(const struct call *c, json_t *request, int *code);

/* Print what the commands answer. */
void nuthatch_print_status(json_t *reply);
void nuthatch_print_stats(json_t *reply);
void nuthatch_print_lookup(json_t *reply);
void nuthatch_print_reload(json_t *reply);
/* As a tree; returns an exit code. */
int nuthatch_print_trace(const json_t *reply, const char *name, const char *type);

/* Asks a DNS server and prints its reply; returns an exit code. `server`: ADDRESS, ADDRESS@PORT or
 * as in the server's status, ADDRESS:PORT. */
int nuthatch_query(const struct call *c, const char *server);

#endif
