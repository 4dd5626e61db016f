#include "ops/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dns/types.h"
#include "dnssec/anchors.h"
#include "dnssec/trust_text.h"
#include "ops/server_internal.h"
#include "ops/whole_file.h"
#include "resolver/trust_watch.h"
#include "zones/anchors.h"

enum { FILE_MAX = 1 << 20, AGAIN_S = 60 };
#define TOO_MANY "there are more than 8 zones with trust anchors: name fewer"

struct trust_state {
    char *path;
    struct trust_point points[TRUST_ZONES_MAX];
    const struct rrset *ds[TRUST_ZONES_MAX]; /* as configured; NULL: by the file alone */
    size_t count;
    struct arena arena; /* of `ds` */
    struct dnssec_policy policy;
    struct server *server; /* once it has started */
    struct trust_watch *watch;
    bool dirty;   /* a write failed */
    bool changed; /* what is trusted; a new generation is due */
};

/* ---- Reading --------------------------------------------------------------------------------- */

static enum err read_whole(const char *path, char **out, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    char *text = malloc(FILE_MAX + 1);
    *size = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
    enum err e = !text ? ERR_NOMEM : ferror(f) ? ERR_IO : *size > FILE_MAX ? ERR_LIMIT : OK;
    fclose(f);
    *out = text;
    return e;
}

static void complain(const struct config *c, struct config_report *report, const char *path,
                     const char *what)
{
    config_complain(report, c->file, c->marks[OPTION_dnssec_anchor_state],
                    "dnssec.anchor-state: %.120s: %s", path, what);
}

/* A state that cannot be read is never overwritten: it may hold what is trusted by now. */
static enum err read_state(struct trust_state *t, const struct config *c,
                           struct config_report *report)
{
    char *text = NULL, what[TRUST_ERROR_MAX + 100];
    size_t size;
    struct trust_error error = {.line = 0};
    struct arena scratch;
    enum err e = read_whole(t->path, &text, &size);
    arena_init(&scratch, NULL);
    if (e == OK)
        e = trust_text_read(&scratch, text, size, t->points, TRUST_ZONES_MAX, &t->count, &error);
    arena_deinit(&scratch);
    free(text);
    if (e == OK || e == ERR_NOTFOUND || e == ERR_NOMEM)
        return e == ERR_NOTFOUND ? OK : e;
    if (error.line > 0)
        snprintf(what, sizeof what,
                 "line %u, column %u: %s: mend it, or move it away to begin with the configured "
                 "anchors",
                 error.line, error.column, error.text);
    else
        snprintf(what, sizeof what, "%s: see that the server's user may read it",
                 e == ERR_IO ? strerror(errno) : err_text(e));
    complain(c, report, t->path, what);
    return e == ERR_LIMIT ? ERR_FORMAT : e;
}

/* ---- Beside what is configured -----------------------------------------------------------------
 */

static struct trust_point *find_point(struct trust_state *t, const uint8_t *zone)
{
    for (size_t i = 0; i < t->count; i++)
        if (name_equal(t->points[i].zone, zone))
            return &t->points[i];
    return NULL;
}

/* A new point, or the place of one that the file knows and nobody has configured. */
static struct trust_point *make_point(struct trust_state *t, const struct rrset *const *ds,
                                      const uint8_t *zone)
{
    struct trust_point *p = NULL;
    if (t->count < TRUST_ZONES_MAX)
        p = &t->points[t->count++];
    for (size_t i = 0; !p && i < t->count; i++)
        if (!ds[i])
            p = &t->points[i];
    if (p)
        trust_point_init(p, zone);
    return p;
}

/* Each configured zone has a point; what the file knows of others is kept but not asked for. Those
 * that are there first, so that none of them makes way. */
static enum err join_configured(struct trust_state *t, const struct rrset_array *sets,
                                struct arena *a, const struct rrset **ds)
{
    for (unsigned make = 0; make < 2; make++) {
        for (size_t i = 0; i < sets->count; i++) {
            const struct rrset *set = sets->at[i];
            struct trust_point *p = find_point(t, set->owner);
            if (!p && make && !(p = make_point(t, ds, set->owner)))
                return ERR_LIMIT;
            if (!p)
                continue;
            const struct rrset **to = &ds[p - t->points];
            enum err e = *to && set->type != TYPE_DS ? OK : anchors_ds_of_set(a, set, to);
            if (e != OK)
                return e;
        }
    }
    return OK;
}

static enum err take_configured(struct trust_state *t, const struct config *c)
{
    const char *anchors = c->dnssec.trust_anchors[0] != '\0' ? c->dnssec.trust_anchors : NULL;
    struct zone_error ignored; /* whoever makes the generation complains of it */
    const struct rrset *ds[TRUST_ZONES_MAX] = {NULL};
    struct rrset_array sets;
    struct arena arena;
    arena_init(&arena, NULL);
    t->policy = (struct dnssec_policy){.sha1 = c->dnssec.rsa_sha1,
                                       .iterations_max = (uint16_t)c->dnssec.nsec3_iterations,
                                       .skew_s = c->dnssec.clock_skew};
    enum err e = OK;
    if (c->dnssec.validate && anchors_load(&arena, anchors, &sets, &ignored) == OK)
        e = join_configured(t, &sets, &arena, ds);
    if (e != OK && e != ERR_LIMIT) {
        arena_deinit(&arena);
        return e;
    }
    memcpy(t->ds, ds, sizeof ds);
    arena_deinit(&t->arena);
    t->arena = arena;
    return e;
}

enum err trust_load(struct trust_state **out, const struct config *c, struct config_report *report)
{
    const char *path = c->dnssec.anchor_state;
    *out = NULL;
    if (path[0] == '\0')
        return OK;
    struct trust_state *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NOMEM;
    arena_init(&t->arena, NULL);
    t->path = strdup(path);
    enum err e = t->path ? read_state(t, c, report) : ERR_NOMEM;
    if (e == OK)
        e = take_configured(t, c);
    if (e == ERR_LIMIT)
        complain(c, report, t->path, TOO_MANY);
    if (e != OK) {
        trust_free(t);
        return e == ERR_LIMIT ? ERR_FORMAT : e;
    }
    *out = t;
    return OK;
}

void trust_reload(struct trust_state *t, const struct config *c)
{
    enum err e = t ? take_configured(t, c) : OK;
    if (e != OK)
        LOG(LOG_ERROR, "trust_anchor_not_followed", "why=\"%s\"",
            e == ERR_LIMIT ? TOO_MANY : err_text(e));
}

void trust_free(struct trust_state *t)
{
    if (!t)
        return;
    trust_stop(t);
    arena_deinit(&t->arena);
    free(t->path);
    free(t);
}

const struct trust_point *trust_points(const struct trust_state *t, size_t *count)
{
    *count = t ? t->count : 0;
    return t ? t->points : NULL;
}

enum err trust_anchor(const struct trust_state *t, const struct rrset *configured, struct arena *a,
                      const struct rrset **out)
{
    *out = configured;
    for (size_t i = 0; t && i < t->count; i++)
        if (t->points[i].count > 0 && name_equal(t->points[i].zone, configured->owner))
            return trust_point_ds(&t->points[i], configured, a, out);
    return OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool write_points(FILE *f, const void *ctx)
{
    const struct trust_state *t = ctx;
    trust_text_write(f, t->points, t->count);
    return true;
}

enum err trust_save(const struct trust_state *t)
{
    return whole_file_write(t->path, write_points, t);
}

/* ---- While the server runs ---------------------------------------------------------------------
 */

/* "START" is what RFC 5011 calls a key that is not known. */
static void log_key(const struct trust_point *p, const struct trust_key *k,
                    const struct trust_key *was, const struct trust_key *is)
{
    char zone[NAME_TEXT_MAX];
    if (was && is && was->state == is->state)
        return;
    LOG(LOG_NOTICE, "trust_anchor", "zone=%s key=%u from=%s state=%s", name_text(p->zone, zone),
        dnskey_tag(k->rdata, k->length), was ? key_state_text(was->state) : "START",
        is ? key_state_text(is->state) : "START");
}

/* Nobody must lose validation without being told, at every start. */
static void tell_if_gone(const struct trust_state *t, const struct trust_point *p)
{
    char zone[NAME_TEXT_MAX];
    const struct rrset *configured = t->ds[p - t->points], *ds = NULL;
    struct arena scratch;
    arena_init(&scratch, NULL);
    if (configured && p->count > 0 && trust_point_ds(p, configured, &scratch, &ds) == OK && !ds)
        LOG(LOG_WARNING, "trust_anchor_gone", "zone=%s advice=\"%s\"", name_text(p->zone, zone),
            "all its keys were revoked, so nothing is validated by it any more: learn its new keys "
            "and put them into dnssec.trust-anchors");
    arena_deinit(&scratch);
}

static void log_changes(const struct trust_state *t, const struct trust_point *p,
                        const struct trust_point *before)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct trust_key *k = &p->keys[i];
        log_key(p, k, trust_point_find(before, k->rdata, k->length), k);
    }
    for (unsigned i = 0; i < before->count; i++) {
        const struct trust_key *k = &before->keys[i];
        if (!trust_point_find(p, k->rdata, k->length))
            log_key(p, k, k, NULL);
    }
    tell_if_gone(t, p);
}

static void save(struct trust_state *t)
{
    char path[300];
    t->dirty = trust_save(t) != OK;
    if (t->dirty)
        LOG(LOG_ERROR, "anchor_state_not_written", "file=%s why=\"%s\" advice=\"%s\"",
            log_quote(path, sizeof path, t->path), strerror(errno),
            "what is trusted is known in memory only; it is tried again");
}

uint32_t trust_ask(struct trust_state *t)
{
    if (!t || !t->watch || t->server->stopping)
        return AGAIN_S;
    uint32_t wait_s = trust_watch_look(t->watch);
    resolver_turn(t->server->workers[0].resolver); /* what was asked for leaves now */
    return wait_s < AGAIN_S ? wait_s : AGAIN_S;
}

static void settle(struct trust_state *t)
{
    if (t->dirty)
        save(t);
    if (t->changed)
        t->changed = !server__renew(t->server);
}

/* What has come of a probe: not within its end, but between two turns. Then the next one's turn
 * comes, which waited for it. */
static void on_settle(void *ctx)
{
    struct trust_state *t = ctx;
    if (!t->watch || t->server->stopping)
        return;
    settle(t);
    trust_ask(t);
}

static void on_news(void *ctx, const struct trust_point *point, const struct trust_point *before,
                    enum trust_news news)
{
    struct trust_state *t = ctx;
    char zone[NAME_TEXT_MAX];
    if (news == NEWS_FAILED)
        LOG(LOG_WARNING, "trust_anchor_probe_failed", "zone=%s in_a_row=%" PRIu32,
            name_text(point->zone, zone), point->failed);
    else if (news == NEWS_CHANGED)
        log_changes(t, point, before);
    if (news != NEWS_FAILED && point->without_room > 0)
        LOG(LOG_WARNING, "trust_anchor_no_room", "zone=%s keys=%" PRIu32 " advice=\"%s\"",
            name_text(point->zone, zone), point->without_room,
            "the zone has more keys than are followed: add those that are to be trusted to "
            "dnssec.trust-anchors");
    t->changed = t->changed || news == NEWS_CHANGED;
    t->dirty = true;
    if (net_after(t->server->workers[0].net, 0, on_settle, t) != OK)
        LOG(LOG_ERROR, "anchor_state_not_written", "why=\"%s\"", err_text(ERR_NOMEM));
}

static void look(void *ctx)
{
    struct trust_state *t = ctx;
    if (!t->watch || t->server->stopping)
        return;
    settle(t); /* what could not be done before */
    uint32_t wait_s = trust_ask(t);
    if (net_after(t->server->workers[0].net, wait_s * UINT64_C(1000), look, t) != OK)
        LOG(LOG_ERROR, "trust_anchor_probes_over", "why=\"%s\"", err_text(ERR_NOMEM));
}

void trust_start(struct trust_state *t, struct server *s)
{
    struct worker *first = &s->workers[0];
    struct trust_watch_config config = {.resolver = first->resolver,
                                        .world = first->world,
                                        .policy = &t->policy,
                                        .points = t->points,
                                        .ds = t->ds,
                                        .count = TRUST_ZONES_MAX,
                                        .news = on_news,
                                        .ctx = t};
    t->server = s;
    for (size_t i = 0; i < t->count; i++)
        tell_if_gone(t, &t->points[i]);
    if (trust_watch_new(&t->watch, &config) == OK)
        look(t);
    else
        LOG(LOG_ERROR, "trust_anchor_probes_over", "why=\"%s\"", err_text(ERR_NOMEM));
}

void trust_stop(struct trust_state *t)
{
    if (!t)
        return;
    trust_watch_free(t->watch);
    t->watch = NULL;
}
