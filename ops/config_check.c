/* Checks that look at several values together. */
#include <inttypes.h>
#include <stdlib.h>

#include "dns/name.h"
#include "ops/config_schema.h"
#include "policy/access.h"

struct check {
    const struct config *config;
    const struct places *places;
    struct config_report *report;
};

#define COMPLAIN(k, at, ...) config_complain((k)->report, (k)->config->file, at, __VA_ARGS__)

static struct mark item_mark(const struct check *k, const char *path, size_t index)
{
    char item[100];
    snprintf(item, sizeof item, "%s[%zu]", path, index);
    const struct place *place = config__places_find(k->places, item);
    return place ? place->mark : (struct mark){0};
}

static void check_listen(const struct check *k)
{
    const struct endpoint_list *l = &k->config->server.listen;
    if (l->count == 0)
        COMPLAIN(k, k->config->marks[OPTION_server_listen],
                 "server.listen: no address at all: name one, e.g. [127.0.0.1]");
    for (size_t i = 0; i < l->count; i++) {
        for (size_t j = 0; j < i; j++) {
            char text[ADDR_TEXT_MAX];
            if (endpoint_equal(&l->at[i], &l->at[j]))
                COMPLAIN(k, item_mark(k, "server.listen", i),
                         "server.listen: %s is named twice: keep one",
                         endpoint_text(&l->at[i], text));
        }
    }
}

static void check_negative_anchors(const struct check *k)
{
    const struct dated_name_list *l = &k->config->dnssec.negative_anchors;
    for (size_t i = 0; i < l->count; i++) {
        for (size_t j = 0; j < i; j++) {
            char text[NAME_TEXT_MAX];
            if (name_equal(l->at[i].name, l->at[j].name))
                COMPLAIN(k, item_mark(k, "dnssec.negative-anchors", i),
                         "dnssec.negative-anchors: %s is named twice: keep one",
                         name_text(l->at[i].name, text));
        }
    }
}

static void check_times(const struct check *k)
{
    const struct config_cache *c = &k->config->cache;
    char least[32], most[32];
    if (c->ttl_min <= c->ttl_max)
        return;
    struct mark at = k->config->marks[OPTION_cache_ttl_min];
    COMPLAIN(k, at.line ? at : k->config->marks[OPTION_cache_ttl_max],
             "cache.ttl-min (%s) is above cache.ttl-max (%s): lower the one or raise the other",
             config__number_text(OPTION_SECONDS, c->ttl_min, least),
             config__number_text(OPTION_SECONDS, c->ttl_max, most));
}

/* They are told as one character-string of a TXT record (RFC 1035 §3.3). */
static void check_told(const struct check *k, size_t id, const char *key, const char *text)
{
    if (strlen(text) > UINT8_MAX)
        COMPLAIN(k, k->config->marks[id], "%s has %zu octets: write at most 255", key,
                 strlen(text));
}

static void check_families(const struct check *k)
{
    if (!k->config->upstream.ipv4 && !k->config->upstream.ipv6)
        COMPLAIN(k, k->config->marks[OPTION_upstream_ipv4],
                 "upstream: ipv4 and ipv6 are both off, no server could be asked: turn one on");
}

static void check_cookies(const struct check *k)
{
    const struct config_cookies *c = &k->config->cookies;
    if (c->secret[0] != '\0' && c->secret_file[0] != '\0')
        COMPLAIN(k, k->config->marks[OPTION_cookies_secret_file],
                 "cookies: secret and secret-file are both set: keep one of them");
}

/* Against the zones that stand before it: in its own list, and in the lists before. */
static void check_zone(const struct check *k, size_t id, size_t index)
{
    const struct config_zone *zone = &k->config->zones[id].at[index];
    const char *key = config__zone_lists[id].key;
    char text[NAME_TEXT_MAX];
    for (size_t other = 0; other <= id; other++) {
        const struct config_zone_list *l = &k->config->zones[other];
        for (size_t i = 0; i < (other == id ? index : l->count); i++) {
            if (!name_equal(zone->name, l->at[i].name))
                continue;
            if (other == id)
                COMPLAIN(k, zone->mark, "%s: %.100s is named twice: put all its addresses into one",
                         key, name_text(zone->name, text));
            else
                COMPLAIN(k, zone->mark, "%s: %.100s stands in %s, too: keep it in one of them", key,
                         name_text(zone->name, text), config__zone_lists[other].key);
        }
    }
}

static void check_zones(const struct check *k)
{
    for (size_t id = 0; id < ZONES_COUNT; id++)
        for (size_t i = 0; i < k->config->zones[id].count; i++)
            check_zone(k, id, i);
}

/* The order of the rules: `allow` is last, so that the places of the others don't move when part of
 * it is left out. */
enum { ACCESS_PARTS = 4, ACCESS_PART_ALLOW = 3 };
static const char *const access_names[ACCESS_PARTS] = {"access.refuse", "access.drop",
                                                       "access.allow-snoop", "access.allow"};
static const enum access access_actions[ACCESS_PARTS] = {ACCESS_REFUSE, ACCESS_DROP, ACCESS_SNOOP,
                                                         ACCESS_ALLOW};

static const struct prefix_list *access_part(const struct config *c, size_t part)
{
    const struct prefix_list *const parts[ACCESS_PARTS] = {
        &c->access.refuse, &c->access.drop, &c->access.allow_snoop, &c->access.allow};
    return parts[part];
}

static bool has_rule(const struct access_rule *rules, size_t count, const struct prefix *p)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].prefix.length == p->length && address_equal(&rules[i].prefix.base, &p->base))
            return true;
    return false;
}

enum err config_access(const struct config *c, struct access_list **out, size_t *bad)
{
    size_t count = 0;
    for (size_t part = 0; part < ACCESS_PARTS; part++)
        count += access_part(c, part)->count;
    struct access_rule *rules = calloc(count + 1, sizeof *rules);
    if (!rules)
        return ERR_NOMEM;
    bool allow_given = c->marks[OPTION_access_allow].line > 0;
    size_t n = 0;
    for (size_t part = 0; part < ACCESS_PARTS; part++) {
        const struct prefix_list *l = access_part(c, part);
        size_t before = n;
        for (size_t i = 0; i < l->count; i++) {
            /* Who says something else of a network that only the default allows need not write the
             * default out. */
            if (part == ACCESS_PART_ALLOW && !allow_given && has_rule(rules, before, &l->at[i]))
                continue;
            rules[n++] = (struct access_rule){l->at[i], access_actions[part]};
        }
    }
    enum err e = access_list_new(out, rules, n, bad);
    free(rules);
    return e;
}

static void check_access(const struct check *k)
{
    struct access_list *list = NULL;
    size_t bad = 0;
    if (config_access(k->config, &list, &bad) != ERR_EXISTS) {
        access_list_free(list);
        return;
    }
    size_t part = 0;
    while (bad >= access_part(k->config, part)->count)
        bad -= access_part(k->config, part++)->count;
    char text[ADDR_TEXT_MAX];
    COMPLAIN(k, item_mark(k, access_names[part], bad), "%s: %s stands twice under access: keep one",
             access_names[part], prefix_text(&access_part(k->config, part)->at[bad], text));
}

/* Nothing could be said of the copy. */
static void check_local_root(const struct check *k)
{
    const struct config_local_root *c = &k->config->local_root;
    struct mark file = k->config->marks[OPTION_local_root_file];
    if ((c->file[0] != '\0' || c->transfer.count > 0) && !k->config->dnssec.validate)
        COMPLAIN(k, file.line ? file : k->config->marks[OPTION_local_root_transfer],
                 "local-root: the copy is verified by DNSSEC, but dnssec.validate is off: turn it "
                 "on, or remove local-root");
}

void config__check(const struct config *c, const struct places *p, struct config_report *report)
{
    struct check k = {.config = c, .places = p, .report = report};
    check_listen(&k);
    check_negative_anchors(&k);
    check_times(&k);
    check_families(&k);
    check_access(&k);
    check_told(&k, OPTION_server_identity, "server.identity", c->server.identity);
    check_told(&k, OPTION_server_version, "server.version", c->server.version);
    check_cookies(&k);
    check_local_root(&k);
    check_zones(&k);
}
