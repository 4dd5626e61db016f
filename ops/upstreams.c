#include "ops/upstreams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ops/own.h"
#include "ops/server_internal.h"

/* ---- Zones ----------------------------------------------------------------------------------- */

static size_t room_for(const struct config_zone *z)
{
    return z->servers.count + (z->host_count + (z->system ? 1U : 0U)) * NAMES_ADDRESSES;
}

static size_t add_all(struct endpoint *to, const struct endpoint *from, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i];
        if (port != DNS_PORT)
            to[i].port = port;
    }
    return count;
}

/* What is known of a name, without what we listen on ourselves at the port that is meant. */
static size_t add_found(struct endpoint *to, const struct config_host *h, const struct names *names,
                        const struct prefix_list *own, const struct endpoint_list *listening)
{
    const struct endpoint *found;
    size_t count = names_of(names, h->name, &found), kept = 0;
    for (size_t i = 0; i < count; i++) {
        add_all(to + kept, &found[i], 1, h->port);
        kept += !own_is_ours(&to[kept], own, listening);
    }
    if (count > 0 && kept == 0)
        LOG(LOG_WARNING, "name_is_ours",
            "name=%s advice=\"it leads to what we listen on, which is never asked: name another\"",
            h->name);
    return kept;
}

static enum err make_zone(struct arena *a, const struct config_zone *from,
                          const struct names *names, const struct endpoint_list *listening,
                          const struct prefix_list *own, struct stub_zone *out)
{
    struct endpoint *all = arena_calloc(a, room_for(from) + 1, sizeof *all);
    const struct endpoint *found;
    if (!all)
        return ERR_NOMEM;
    size_t count = add_all(all, from->servers.at, from->servers.count, DNS_PORT);
    for (size_t i = 0; i < from->host_count; i++)
        count += add_found(all + count, &from->hosts[i], names, own, listening);
    if (from->system) {
        size_t n = names_system(names, &found);
        count += add_all(all + count, found, n, DNS_PORT);
    }
    *out = (struct stub_zone){
        .name = from->name, .servers = all, .server_count = count, .first = from->first};
    return OK;
}

/* All lists as one, so that what the resolver borrows lies in one place. */
enum err upstreams_zones(struct arena *a, const struct config *c, const struct names *names,
                         const struct endpoint_list *listening, struct resolver_options *out)
{
    size_t count = 0, n = 0;
    for (size_t id = 0; id < ZONES_COUNT; id++)
        count += c->zones[id].count;
    struct stub_zone *zones = arena_calloc(a, count + 1, sizeof *zones);
    enum err e = zones ? OK : ERR_NOMEM;
    for (size_t id = 0; id < ZONES_COUNT; id++) {
        for (size_t i = 0; e == OK && i < c->zones[id].count; i++, n++) {
            e = make_zone(a, &c->zones[id].at[i], names, listening, &out->own, &zones[n]);
            zones[n].forward = id == ZONES_FORWARD;
        }
    }
    out->stubs = zones;
    out->stub_count = count;
    return e;
}

/* ---- Looking up ------------------------------------------------------------------------------ */

static bool is_own(void *ctx, const struct endpoint *at)
{
    const struct server *s = ctx;
    return own_is_ours(at, &s->workers[0].now->options.own, &s->listening);
}

static void on_changed(void *ctx)
{
    server__renew(ctx);
}

/* Every host name of the configuration, with where it stands. */
struct wishes {
    struct names_wish *at;
    char (*where)[320];
    size_t count;
};

static size_t count_hosts(const struct config *c)
{
    size_t count = 0;
    for (size_t id = 0; id < ZONES_COUNT; id++)
        for (size_t i = 0; i < c->zones[id].count; i++)
            count += c->zones[id].at[i].host_count;
    return count;
}

static void take_zone(struct wishes *w, const struct config *c, const struct config_zone *z)
{
    for (size_t i = 0; i < z->host_count; i++, w->count++) {
        const struct config_host *h = &z->hosts[i];
        snprintf(w->where[w->count], sizeof *w->where, "%.280s:%u:%u", c->file ? c->file : "",
                 h->mark.line, h->mark.column);
        w->at[w->count] = (struct names_wish){.host = h->name, .where = w->where[w->count]};
    }
}

static enum err begin(struct server *s, const struct config *c)
{
    struct names_config config = {.net = s->workers[0].net,
                                  .system_file = c->upstream.system_file,
                                  .ctx = s,
                                  .is_own = is_own,
                                  .changed = on_changed};
    return s->names ? OK : names_new(&s->names, &config);
}

static bool wants_system(const struct config *c)
{
    for (size_t id = 0; id < ZONES_COUNT; id++)
        for (size_t i = 0; i < c->zones[id].count; i++)
            if (c->zones[id].at[i].system)
                return true;
    return false;
}

enum err upstreams_look(struct server *s, const struct config *c)
{
    if (!wants_system(c))
        return OK;
    enum err e = begin(s, c);
    if (e == OK)
        names_look(s->names);
    return e;
}

static enum err want(struct server *s, const struct config *c, struct wishes *w)
{
    for (size_t id = 0; id < ZONES_COUNT; id++)
        for (size_t i = 0; i < c->zones[id].count; i++)
            take_zone(w, c, &c->zones[id].at[i]);
    bool system = wants_system(c);
    if (w->count == 0 && !system && !s->names)
        return OK; /* nobody needs c-ares */
    enum err e = begin(s, c);
    if (e != OK)
        return e;
    struct names_set set = {.wishes = w->at,
                            .count = w->count,
                            .system = system,
                            .bootstrap = c->upstream.bootstrap.at,
                            .bootstrap_count = c->upstream.bootstrap.count,
                            .ipv4 = c->upstream.ipv4,
                            .ipv6 = c->upstream.ipv6};
    e = names_want(s->names, &set);
    /* The system's servers are known at once. */
    if (e == OK && system)
        server__renew(s);
    return e;
}

void upstreams_want(struct server *s, const struct config *c)
{
    size_t count = count_hosts(c) + 1;
    struct wishes w = {.at = calloc(count, sizeof *w.at), .where = calloc(count, sizeof *w.where)};
    enum err e = w.at && w.where ? want(s, c, &w) : ERR_NOMEM;
    if (e != OK)
        LOG(LOG_ERROR, "names_not_looked_up", "why=\"%s\"", err_text(e));
    free(w.at);
    free(w.where);
}
