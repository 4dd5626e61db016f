/* What the server's files share. */
#ifndef OPS_SERVER_INTERNAL_H
#define OPS_SERVER_INTERNAL_H

#include "net/loop.h"
#include "ops/generation.h"
#include "ops/server.h"
#include "resolver/front.h"

struct server {
    struct generation *now;
    struct net *net;
    struct world *world;
    struct cache *cache;
    struct resolver *resolver;
    struct front *front;
    struct gauge work;
    struct endpoint_list listening; /* as at start: a reload opens and closes nothing */
    uint16_t udp_payload;           /* the same */
    bool stopping;
    uint64_t stop_at_ms;
};

struct front_config server__front_config(struct server *s);
void server__on_reload(void *ctx, int signum);
void server__on_figures(void *ctx, int signum);

#endif
