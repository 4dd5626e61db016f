#include "ops/generation.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "ops/cookies.h"
#include "ops/identity.h"
#include "ops/own.h"
#include "ops/trust.h"
#include "ops/upstreams.h"
#include "zones/anchors.h"
#include "zones/hints.h"

/*
 * A question forwarded to ourselves would come back to us until its budget is spent. The core never
 * asks our addresses at port 53; other ports are known here only.
 */
static enum err check_forwards(const struct generation *g, const struct endpoint_list *listening,
                               struct config_report *report)
{
    const struct config_zone_list *l = &g->config->zones[ZONES_FORWARD];
    enum err e = OK;
    for (size_t i = 0; i < l->count; i++) {
        const struct config_zone *zone = &l->at[i];
        for (size_t j = 0; j < zone->servers.count; j++) {
            char name[NAME_TEXT_MAX], text[ADDR_TEXT_MAX];
            if (!own_is_ours(&zone->servers.at[j], &g->options.own, listening))
                continue;
            config_complain(report, g->config->file, zone->mark,
                            "forward-zones: %.100s: %s is an address we listen on, which is never "
                            "asked: name another server",
                            name_text(zone->name, name), endpoint_text(&zone->servers.at[j], text));
            e = ERR_FORMAT;
        }
    }
    return e;
}

static enum err load_hints(struct generation *g, struct config_report *report)
{
    const struct config *c = g->config;
    const char *path = c->resolver.root_hints[0] != '\0' ? c->resolver.root_hints : NULL;
    struct zone_error error = {0};
    struct delegation *hints = NULL;
    enum err e = hints_load(&g->arena, path, &hints, &error);
    if (e == OK) {
        g->options.hints = hints;
        g->options.prime = true;
        return OK;
    }
    if (e == ERR_NOMEM)
        return e;
    char line[24] = "";
    if (error.line > 0)
        snprintf(line, sizeof line, "line %u: ", error.line);
    config_complain(
        report, c->file, c->marks[OPTION_resolver_root_hints],
        "resolver.root-hints: %.120s: %s%s: name a readable zone file with the root's NS "
        "and their addresses, or remove the option for the built-in list",
        path ? path : "built-in list", line, error.text);
    return ERR_FORMAT;
}

static void take_switches(struct resolver_options *o, const struct config *c)
{
    o->minimise = c->resolver.qname_minimisation;
    o->full_responses = !c->resolver.minimal_responses;
    o->randomise_case = c->resolver.case_randomisation;
    o->use_ipv4 = c->upstream.ipv4;
    o->use_ipv6 = c->upstream.ipv6;
    o->ttl_min = c->cache.ttl_min;
    o->ttl_max = c->cache.ttl_max;
    o->negative_ttl_max = c->cache.negative_ttl_max;
    o->zone_flow = c->upstream.zone_queries;
    o->server_flow = c->upstream.server_queries;
    o->do_not_query = c->upstream.do_not_query;
    o->cookies = c->cookies.upstream;
    o->signal_anchors = c->dnssec.signal_anchors;
    o->sentinel = c->dnssec.root_key_sentinel;
    o->aggressive = c->dnssec.aggressive;
    o->built_s = NUTHATCH_BUILT_S;
    o->clock_grace = c->dnssec.clock_grace;
}

/* ---- Trust anchors --------------------------------------------------------------------------- */

/* Of a name with both, the DS set counts: the operator has said which keys. */
static bool has_ds(const struct rrset_array *sets, const struct rrset *keys)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->at[i]->type == TYPE_DS && name_equal(sets->at[i]->owner, keys->owner))
            return true;
    return false;
}

static enum err take_anchors(struct generation *g, const struct rrset_array *sets,
                             const struct trust_state *trust)
{
    const struct dated_name_list *negative = &g->config->dnssec.negative_anchors;
    struct anchor *all = arena_calloc(&g->arena, sets->count + negative->count, sizeof *all);
    size_t n = 0;
    if (!all)
        return ERR_NOMEM;
    for (size_t i = 0; i < sets->count; i++) {
        const struct rrset *ds = sets->at[i];
        if (ds->type == TYPE_DNSKEY && has_ds(sets, ds))
            continue;
        enum err e = anchors_ds_of_set(&g->arena, ds, &ds);
        if (e == OK)
            e = trust_anchor(trust, ds, &g->arena, &ds);
        if (e)
            return e;
        if (!ds) /* all its keys were revoked */
            continue;
        all[n++] = (struct anchor){.zone = ds->owner, .ds = ds};
    }
    for (size_t i = 0; i < negative->count; i++)
        all[n++] = (struct anchor){.zone = negative->at[i].name, .until = negative->at[i].until};
    g->options.anchors = (struct anchors){.at = all, .count = n};
    return OK;
}

static enum err load_anchors(struct generation *g, const struct trust_state *trust,
                             struct config_report *report)
{
    const struct config *c = g->config;
    const char *path = c->dnssec.trust_anchors[0] != '\0' ? c->dnssec.trust_anchors : NULL;
    struct zone_error error = {0};
    struct rrset_array sets;
    if (!c->dnssec.validate)
        return OK;
    g->options.dnssec = (struct dnssec_policy){
        .sha1 = c->dnssec.rsa_sha1,
        .iterations_max = (uint16_t)c->dnssec.nsec3_iterations,
        .skew_s = c->dnssec.clock_skew,
    };
    enum err e = anchors_load(&g->arena, path, &sets, &error);
    if (e == OK)
        e = take_anchors(g, &sets, trust);
    if (e == OK || e == ERR_NOMEM)
        return e;
    char line[24] = "";
    if (error.line > 0)
        snprintf(line, sizeof line, "line %u: ", error.line);
    config_complain(
        report, c->file, c->marks[OPTION_dnssec_trust_anchors],
        "dnssec.trust-anchors: %.120s: %s%s: name a readable zone file of DS or DNSKEY records, "
        "or remove the option for the root's built-in ones",
        path ? path : "built-in list", line, error.text);
    return ERR_FORMAT;
}

static enum err make_special(struct generation *g)
{
    struct special_zones *special = NULL;
    if (!g->config->resolver.special_zones)
        return OK;
    enum err e = special_zones_new(&special, &g->arena);
    g->options.special = special;
    return e;
}

static enum err check_user(const struct config *c, struct config_report *report)
{
    char why[IDENTITY_WHY_MAX];
    if (identity_check(c->server.user, why) == OK)
        return OK;
    config_complain(report, c->file, c->marks[OPTION_server_user], "server.user: %s", why);
    return ERR_FORMAT;
}

enum err generation_new(struct generation **out, struct config *config,
                        const struct endpoint_list *listening, const struct discoveries *found,
                        struct config_report *report)
{
    static const struct discoveries nothing;
    struct generation *g = calloc(1, sizeof *g);
    size_t bad;
    if (!g)
        return ERR_NOMEM;
    found = found ? found : &nothing;
    arena_init(&g->arena, NULL);
    g->config = config;
    atomic_init(&g->references, 1);
    take_switches(&g->options, config);
    cookies_draw(g->options.cookie_secret);
    enum err e = load_hints(g, report);
    if (e == OK)
        e = load_anchors(g, found->trust, report);
    if (e == OK)
        e = check_user(config, report);
    if (e == OK)
        e = cookies_load(&g->cookies, config, report);
    if (e == OK)
        e = make_special(g);
    if (e == OK)
        e = own_addresses(&g->options.own, &g->arena, listening);
    if (e == OK)
        e = upstreams_zones(&g->arena, config, found->names, listening, &g->options);
    if (e == OK)
        e = check_forwards(g, listening, report);
    if (e == OK)
        e = config_access(config, &g->access, &bad);
    if (e != OK) {
        g->config = NULL; /* it stays the caller's */
        generation_free(g);
        return e;
    }
    generation_take_local_root(g, found->local_root);
    *out = g;
    return OK;
}

void generation_take_local_root(struct generation *g, struct local_root *copy)
{
    const struct config_local_root *c = &g->config->local_root;
    if (!copy || (c->file[0] == '\0' && c->transfer.count == 0))
        return;
    local_root_unref(g->local_root);
    g->local_root = local_root_ref(copy);
    g->options.local_root = g->local_root;
}

/* Would both come to the same verdicts? */
static bool judge_alike(const struct resolver_options *a, const struct resolver_options *b)
{
    return a->dnssec.sha1 == b->dnssec.sha1 &&
           a->dnssec.iterations_max == b->dnssec.iterations_max &&
           a->dnssec.skew_s == b->dnssec.skew_s && anchors_equal(&a->anchors, &b->anchors);
}

/* Each end of an anchor has been given a number, too. */
static uint32_t number_verdicts(const struct resolver_options *next,
                                const struct resolver_options *before)
{
    if (judge_alike(next, before))
        return before->verdicts;
    return before->verdicts + anchors_ends(&before->anchors, UINT32_MAX).ended + 1;
}

void generation_follow(struct generation *next, const struct generation *before)
{
    cookies_roll_over(&next->cookies, &before->cookies);
    memcpy(next->options.cookie_secret, before->options.cookie_secret, COOKIE_SECRET);
    next->options.verdicts = number_verdicts(&next->options, &before->options);
}

struct generation *generation_ref(struct generation *g)
{
    atomic_fetch_add_explicit(&g->references, 1, memory_order_relaxed);
    return g;
}

/* Release and acquire: what others did with it is over before the last one frees it. */
void generation_unref(struct generation *g)
{
    if (g && atomic_fetch_sub_explicit(&g->references, 1, memory_order_acq_rel) == 1)
        generation_free(g);
}

void generation_free(struct generation *g)
{
    if (!g)
        return;
    access_list_free(g->access);
    local_root_unref(g->local_root);
    arena_deinit(&g->arena);
    config_free(g->config);
    free(g);
}
