/*
 * The server: workers of net, resolver and front over one cache, under one configuration.
 *
 *     server_new(&s, config, &report);   // opens the listeners, becomes the user
 *     server_run(s);                     // until SIGTERM or SIGINT
 *     server_free(s);
 *
 * It runs `server.threads` workers, one of them in the thread of server_run; when that returns,
 * the others have ended. SIGHUP reads the file anew, SIGUSR1 logs the figures. One server a
 * process: signals belong to it.
 */
#ifndef OPS_SERVER_H
#define OPS_SERVER_H

#include "ops/config.h"

struct server;

/* Takes the config, in any case. On an error the report says what, where and what to do, but for
 * ERR_NOMEM. */
MUST_CHECK enum err server_new(struct server **out, struct config *config,
                               struct config_report *report);
/* ERR_LIMIT: the system refused a thread; said in the log. */
MUST_CHECK enum err server_run(struct server *s);
void server_free(struct server *s);

#endif
