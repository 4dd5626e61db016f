#include "ops/control_lookup.h"

#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "ops/control_json.h"
#include "resolver/outcome.h"

enum { ARENA_MOST = 1 << 20 };

struct look {
    struct cache *cache;
    uint32_t now;
    uint16_t type; /* 0: all */
    json_t *entries;
    struct arena *arena;
    const struct delegation *delegation; /* a copy, to be told of when the walk is over */
    size_t delegation_octets;
};

/* ---- Entries, a kind each -------------------------------------------------------------------- */

static json_t *entry_of(const struct look *k, const char *kind, uint32_t expiry, size_t octets)
{
    int64_t left = (int64_t)expiry - k->now;
    return json_pack("{s:s, s:I, s:I, s:b}", "kind", kind, "ttl", (json_int_t)(left > 0 ? left : 0),
                     "octets", (json_int_t)octets, "expired", left <= 0);
}

static void put_rrset(const struct look *k, json_t *o, const struct rrset *set)
{
    static const char *const trusts[] = {[TRUST_ADDITIONAL] = "additional",
                                         [TRUST_AUTHORITY] = "authority",
                                         [TRUST_ANSWER] = "answer",
                                         [TRUST_ANSWER_AA] = "authoritative answer",
                                         [TRUST_LOCAL] = "local"};
    json_t *records = json_array();
    json_add_records(records, set, k->now);
    json_object_set_new(o, "records", records);
    if (set->trust < sizeof trusts / sizeof *trusts)
        json_put_text(o, "trust", trusts[set->trust]);
}

static void put_negative(const struct look *k, json_t *o, const struct negative *n)
{
    json_t *records = json_array();
    for (unsigned i = 0; i < n->count; i++)
        json_add_bare_records(records, &n->authority[i], k->now);
    json_object_set_new(o, "records", records);
    json_put_text(o, "what", n->nxdomain ? "NXDOMAIN" : "NODATA");
}

static void put_failure(json_t *o, const struct failure *f)
{
    enum reason reason = (enum reason)f->reason;
    json_put_text(o, "what", reason_text(reason));
    json_object_set_new(o, "attempts", json_integer(f->attempts));
}

static void put_answer(json_t *o, const struct cache_item *item)
{
    json_object_set_new(o, "do", json_boolean(item->flags & ANSWER_DO));
    json_object_set_new(o, "cd", json_boolean(item->flags & ANSWER_CD));
    json_object_set_new(o, "ad", json_boolean(item->answer.secure));
    json_object_set_new(o, "message", json_integer(item->answer.size));
}

static bool is_wanted(const struct look *k, const struct cache_item *item)
{
    if (k->type == 0)
        return item->kind != CACHE_ANSWER || !item->stale;
    if (item->kind == CACHE_DELEGATION)
        return k->type == TYPE_NS;
    return item->type == k->type || (item->kind == CACHE_NEGATIVE && item->negative.nxdomain);
}

static void on_item(void *ctx, const struct cache_item *item)
{
    struct look *k = ctx;
    if (!is_wanted(k, item))
        return;
    if (item->kind == CACHE_DELEGATION) {
        k->delegation = delegation_copy(k->arena, &item->delegation);
        k->delegation_octets = item->octets;
        return;
    }
    json_t *o = entry_of(k, cache_kind_text(item->kind), item->expiry, item->octets);
    if (item->type != 0)
        json_put_type(o, item->type);
    if (item->kind == CACHE_RRSET || item->kind == CACHE_NEGATIVE || item->kind == CACHE_DENIAL)
        json_put_security(o, item->security);
    if (item->kind == CACHE_RRSET || item->kind == CACHE_DENIAL)
        put_rrset(k, o, &item->rrset);
    else if (item->kind == CACHE_NEGATIVE)
        put_negative(k, o, &item->negative);
    else if (item->kind == CACHE_FAILURE)
        put_failure(o, &item->failure);
    else if (item->kind == CACHE_ANSWER)
        put_answer(o, item);
    json_array_append_new(k->entries, o);
}

/* ---- A delegation, with what is known of its servers ----------------------------------------- */

static void put_state(const struct look *k, json_t *o, const struct endpoint *at,
                      const uint8_t *zone)
{
    struct server_state all, here;
    if (cache_peek_server(k->cache, at, NULL, k->now, &all)) {
        if (all.srtt_ms > 0)
            json_object_set_new(o, "rtt_ms", json_integer(all.srtt_ms));
        if (all.timeouts > 0)
            json_object_set_new(o, "timeouts", json_integer(all.timeouts));
        if (all.retry_at > k->now)
            json_object_set_new(o, "dead_for_s", json_integer(all.retry_at - k->now));
        if (all.edns == SERVER_EDNS_BROKEN)
            json_object_set_new(o, "edns", json_false());
    }
    if (cache_peek_server(k->cache, at, zone, k->now, &here) && here.lame)
        json_object_set_new(o, "lame", json_true());
}

static json_t *server_of(const struct look *k, const struct delegation *d, unsigned ns)
{
    json_t *o = json_object(), *addresses = json_array();
    json_put_name(o, "name", d->ns[ns]);
    for (unsigned i = 0; i < d->address_count; i++) {
        char text[ADDR_TEXT_MAX];
        if (d->address[i].ns != ns)
            continue;
        json_t *address = json_pack("{s:s}", "address", endpoint_text(&d->address[i].at, text));
        put_state(k, address, &d->address[i].at, d->zone);
        json_array_append_new(addresses, address);
    }
    json_object_set_new(o, "addresses", addresses);
    return o;
}

static void add_delegation(const struct look *k)
{
    const struct delegation *d = k->delegation;
    json_t *o = entry_of(k, cache_kind_text(CACHE_DELEGATION), d->expiry, k->delegation_octets);
    json_t *servers = json_array();
    for (unsigned i = 0; i < d->ns_count; i++)
        json_array_append_new(servers, server_of(k, d, i));
    json_object_set_new(o, "servers", servers);
    json_array_append_new(k->entries, o);
}

/* ---- Where a walk to the name would begin ---------------------------------------------------- */

struct cut {
    uint32_t now;
    bool there;
};

static void on_cut(void *ctx, const struct cache_item *item)
{
    struct cut *c = ctx;
    c->there = c->there || (item->kind == CACHE_DELEGATION && item->expiry > c->now);
}

static void put_begin(const struct look *k, json_t *reply, const uint8_t *name)
{
    for (const uint8_t *zone = name;; zone = name_skip(zone, 1)) {
        struct cut cut = {.now = k->now};
        cache_contents(k->cache, zone, on_cut, &cut);
        if (cut.there)
            json_put_name(reply, "begins_at", zone);
        if (cut.there || *zone == 0)
            return;
    }
}

json_t *control_lookup(struct cache *c, const uint8_t *name, uint16_t type, uint32_t now)
{
    struct gauge gauge = {.limit = ARENA_MOST};
    struct arena arena;
    arena_init(&arena, &gauge);
    struct look k = {
        .cache = c, .now = now, .type = type, .entries = json_array(), .arena = &arena};
    cache_contents(c, name, on_item, &k);
    if (k.delegation)
        add_delegation(&k);
    json_t *reply = json_pack("{s:b, s:o}", "ok", 1, "entries", k.entries);
    json_put_name(reply, "name", name);
    put_begin(&k, reply, name);
    arena_deinit(&arena);
    return reply;
}
