/* Draws a tree of zones, the hosts that serve them, and what the zones hold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/storm/storm.h"

const uint8_t storm_marker4[4] = {192, 0, 2, 66};
const uint8_t storm_marker6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x66};

/* splitmix64 */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

unsigned rng_below(struct rng *r, unsigned n)
{
    return (unsigned)(rng_next(r) % n);
}

bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

static const uint8_t *dup_name(struct tree *t, const uint8_t *name)
{
    return arena_copy(&t->arena, name, name_size(name));
}

/* A name that clients may ask for. */
static void remember(struct tree *t, const uint8_t *name)
{
    for (unsigned i = 0; i < t->name_count; i++)
        if (name_equal(t->name[i], name))
            return;
    if (t->name_count < NAMES_MAX)
        t->name[t->name_count++] = name;
}

/* One to three letters out of few, so that names meet; some in capitals. */
static void draw_label(struct rng *r, uint8_t label[4])
{
    label[0] = (uint8_t)(1 + rng_below(r, 3));
    for (unsigned i = 1; i <= label[0]; i++)
        label[i] = (uint8_t)((rng_chance(r, 10) ? 'A' : 'a') + rng_below(r, 5));
}

/* `base` with one label more, or two. */
static const uint8_t *draw_name(struct tree *t, const uint8_t *base, unsigned two_percent)
{
    uint8_t label[4], name[NAME_MAX_WIRE];
    const uint8_t *made = base;
    for (unsigned i = 0, n = rng_chance(t->rng, two_percent) ? 2 : 1; i < n && made; i++) {
        draw_label(t->rng, label);
        if (name_prepend(label, made, name))
            return NULL;
        made = dup_name(t, name);
    }
    return made;
}

static uint32_t draw_ttl(struct rng *r)
{
    static const uint32_t ttls[] = {0, 1, 5, 30, 60, 300, 3600, 86400, 700000};
    return ttls[rng_below(r, sizeof ttls / sizeof *ttls)];
}

static struct record *add(struct tree *t, struct zone *z, const uint8_t *owner, uint16_t type,
                          uint32_t ttl)
{
    struct record *r = arena_calloc(&t->arena, 1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct record){.owner = owner, .type = type, .ttl = ttl, .next = z->records};
    z->records = r;
    if (ttl > z->most_ttl)
        z->most_ttl = ttl;
    remember(t, owner);
    return r;
}

static void set_name(struct record *r, const uint8_t *name)
{
    r->rdata = name;
    r->length = (uint16_t)name_size(name);
}

/* ---- zones ----------------------------------------------------------------------------------- */

static struct zone *add_zone(struct tree *t, struct zone *parent, const uint8_t *name)
{
    for (unsigned i = 0; parent && i < t->zone_count; i++)
        if (name_at_or_below(t->zone[i].name, name))
            return NULL;
    if (parent && tree_zone_of(t, name, TYPE_A, 0) != parent)
        return NULL;
    struct zone *z = &t->zone[t->zone_count++];
    *z = (struct zone){.name = name, .parent = parent, .ns_ttl = draw_ttl(t->rng)};
    z->ent_nxdomain = parent && rng_chance(t->rng, 10);
    z->silent_denial = parent && rng_chance(t->rng, 10);
    remember(t, name);
    return z;
}

static void draw_zones(struct tree *t)
{
    add_zone(t, NULL, name_root);
    unsigned tlds = 2 + rng_below(t->rng, 3), wanted = tlds + 4 + rng_below(t->rng, 28);
    for (unsigned tries = 0; tries < 200 && t->zone_count <= wanted; tries++) {
        struct zone *parent = &t->zone[0];
        if (t->zone_count > tlds)
            parent = &t->zone[1 + rng_below(t->rng, t->zone_count - 1)];
        if (name_labels(parent->name) > 5)
            continue;
        const uint8_t *name = draw_name(t, parent->name, parent->parent ? 15 : 0);
        if (name)
            add_zone(t, parent, name);
    }
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static struct host *add_host(struct tree *t, struct zone *home)
{
    uint8_t label[8], name[NAME_MAX_WIRE];
    if (t->host_count == HOSTS_MAX)
        return NULL;
    unsigned n = t->host_count;
    label[0] = (uint8_t)snprintf((char *)label + 1, sizeof label - 1, "ns%u", n);
    if (name_prepend(label, home->name, name))
        return NULL;
    struct host *h = &t->host[t->host_count++];
    *h = (struct host){.name = dup_name(t, name), .home = home};
    h->rtt_ms = 2 + rng_below(t->rng, 58);
    unsigned families = rng_below(t->rng, 10); /* 0: IPv6 only, 1…3: both, else IPv4 */
    uint32_t ttl = draw_ttl(t->rng);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        if (v6 ? families > 3 : families == 0)
            continue;
        struct endpoint *at = &h->at[h->at_count++];
        *at = (struct endpoint){.family = v6 ? 6 : 4, .port = DNS_PORT};
        if (v6)
            memcpy(at->bytes, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = (uint8_t)n}, 16);
        else
            memcpy(at->bytes, (uint8_t[4]){198, 18, 0, (uint8_t)n}, 4);
        struct record *r = add(t, home, h->name, v6 ? TYPE_AAAA : TYPE_A, ttl);
        if (r) {
            r->rdata = at->bytes;
            r->length = v6 ? 16 : 4;
        }
    }
    return h;
}

/* Root and top-level zones are sound; what is below is served as it comes. */
static void draw_link(struct tree *t, struct zone *z)
{
    struct rng *r = t->rng;
    bool sound = !z->parent || !z->parent->parent;
    unsigned shape = sound ? 0 : rng_below(r, 100);
    struct link l = {.glue = true};
    if (shape < 55) {
        l.host = add_host(t, z);
        l.glue = shape < 47;
    } else if (shape < 70) {
        l.host = &t->host[rng_below(r, t->host_count)];
        l.glue = rng_chance(r, 50);
    } else if (shape < 85) {
        l.host = add_host(t, z->parent);
        l.glue = rng_chance(r, 60);
    } else {
        l.host = add_host(t, &t->zone[rng_below(r, t->zone_count)]);
        l.glue = false;
    }
    for (unsigned i = 0; l.host && i < z->link_count; i++)
        if (z->link[i].host == l.host)
            return;
    if (!l.host)
        return;
    if (!sound && rng_chance(r, 10))
        l.lame = (enum lame)(1 + rng_below(r, LAME_KINDS - 1));
    bool fresh = l.host == &t->host[t->host_count - 1];
    if (!sound && fresh && rng_chance(r, 25)) {
        static const enum host_state states[] = {HOST_DEAD, HOST_EVIL, HOST_FLAPPING};
        l.host->state = states[rng_below(r, 3)];
    }
    z->link[z->link_count++] = l;
}

static void draw_hosts(struct tree *t)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        struct zone *z = &t->zone[i];
        unsigned wanted = i == 0 ? 2 : 1 + rng_below(t->rng, LINKS_MAX);
        for (unsigned tries = 0; tries < 8 && z->link_count < wanted; tries++)
            draw_link(t, z);
    }
}

/* ---- what the zones hold --------------------------------------------------------------------- */

static void draw_apex(struct tree *t, struct zone *z)
{
    uint32_t minimum = draw_ttl(t->rng);
    struct record *soa = add(t, z, z->name, TYPE_SOA, draw_ttl(t->rng));
    size_t n = name_size(z->name);
    uint8_t *rdata = arena_calloc(&t->arena, 1, 2 * n + 20);
    if (!soa || !rdata)
        return;
    memcpy(rdata, z->name, n);
    memcpy(rdata + n, z->name, n);
    store_u32(rdata + 2 * n, 1);
    store_u32(rdata + 2 * n + 16, minimum);
    soa->rdata = rdata;
    soa->length = (uint16_t)(2 * n + 20);
    z->soa = soa;
    uint32_t ttl = draw_ttl(t->rng);
    for (unsigned i = 0; i < z->link_count; i++) {
        bool unnamed = i && z->parent && rng_chance(t->rng, 15);
        struct record *ns = unnamed ? NULL : add(t, z, z->name, TYPE_NS, ttl);
        if (ns)
            set_name(ns, z->link[i].host->name);
    }
}

static bool taken(const struct tree *t, const struct zone *z, const uint8_t *owner)
{
    for (const struct record *r = z->records; r; r = r->next) {
        if (name_equal(r->owner, owner) && (r->type == TYPE_CNAME || r->type == TYPE_DNAME))
            return true;
        if (r->type == TYPE_DNAME && name_below(owner, r->owner))
            return true;
    }
    return tree_zone_of(t, owner, TYPE_A, 0) != z;
}

static bool anything_at_or_below(const struct tree *t, const struct zone *z, const uint8_t *owner)
{
    for (const struct record *r = z->records; r; r = r->next)
        if (name_at_or_below(r->owner, owner))
            return true;
    for (unsigned i = 0; i < t->zone_count; i++)
        if (name_at_or_below(t->zone[i].name, owner))
            return true;
    return false;
}

static void draw_rrset(struct tree *t, struct zone *z, const uint8_t *owner)
{
    static const uint16_t types[] = {TYPE_A, TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_TXT, TYPE_MX, 65280};
    uint16_t type = types[rng_below(t->rng, sizeof types / sizeof *types)];
    if (zone_next(z, NULL, owner, type))
        return;
    uint32_t ttl = draw_ttl(t->rng);
    unsigned count = type == TYPE_TXT ? 1 : 1 + rng_below(t->rng, 3);
    for (unsigned i = 0; i < count; i++) {
        struct record *r = add(t, z, owner, type, ttl);
        uint8_t *rdata = arena_calloc(&t->arena, 1, NAME_MAX_WIRE + 2);
        if (!r || !rdata)
            return;
        uint64_t bits = rng_next(t->rng);
        memcpy(rdata, &bits, sizeof bits);
        memcpy(rdata + 8, &bits, sizeof bits);
        rdata[0] = 10;
        rdata[1] = rdata[3] = (uint8_t)i;
        r->rdata = rdata;
        r->length = type == TYPE_A ? 4 : type == TYPE_AAAA ? 16 : type == TYPE_TXT ? STAMP_SIZE : 9;
        if (type == TYPE_MX)
            r->length = (uint16_t)(2 + name_copy(rdata + 2, owner));
    }
}

static void draw_owner(struct tree *t, struct zone *z)
{
    struct rng *r = t->rng;
    uint8_t wild[NAME_MAX_WIRE];
    const uint8_t *owner = draw_name(t, z->name, 25);
    bool wildcard = owner && rng_chance(r, 12);
    if (wildcard) {
        const uint8_t *base = rng_chance(r, 50) ? z->name : owner;
        owner = name_prepend((const uint8_t *)"\1*", base, wild) ? NULL : dup_name(t, wild);
    }
    if (!owner || taken(t, z, owner))
        return;
    unsigned shape = rng_below(r, 100);
    bool fresh = !anything_at_or_below(t, z, owner);
    struct record *alias = NULL;
    if (shape < 25 && fresh)
        alias = add(t, z, owner, TYPE_CNAME, draw_ttl(r));
    else if (shape < 33 && fresh && !wildcard)
        alias = add(t, z, owner, TYPE_DNAME, draw_ttl(r));
    if (alias) {
        set_name(alias, owner); /* till draw_targets */
        return;
    }
    for (unsigned i = 0, n = 1 + rng_below(r, 3); i < n; i++)
        draw_rrset(t, z, owner);
}

/* Aliases lead to any name there is, so chains and loops come of themselves; some lead nowhere. */
static void draw_targets(struct tree *t)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        for (struct record *r = t->zone[i].records; r; r = r->next) {
            if (r->type != TYPE_CNAME && r->type != TYPE_DNAME)
                continue;
            const uint8_t *target = t->name[rng_below(t->rng, t->name_count)];
            if (rng_chance(t->rng, 15))
                target = draw_name(t, target, 20);
            if (target && target[0] && !(target[0] == 1 && target[1] == '*'))
                set_name(r, target);
        }
    }
}

/* One zone that the parent takes back: a leaf with hosts of its own that keep answering. */
static void draw_ghost(struct tree *t)
{
    struct zone *z = &t->zone[rng_below(t->rng, t->zone_count)];
    if (!z->parent || !z->parent->parent)
        return;
    for (unsigned i = 0; i < t->zone_count; i++) {
        if (t->zone[i].parent == z)
            return;
        for (unsigned k = 0; k < t->zone[i].link_count; k++)
            if (&t->zone[i] != z && t->zone[i].link[k].host->home == z)
                return;
    }
    for (unsigned i = 0; i < z->link_count; i++)
        if (z->link[i].host->home != z)
            return;
    z->gone_ms = 1000 * 1000 + 1000 * (5 + rng_below(t->rng, 60));
}

enum err tree_grow(struct tree *t, struct rng *rng)
{
    memset(t, 0, sizeof *t);
    arena_init(&t->arena, NULL);
    t->rng = rng;
    draw_zones(t);
    draw_hosts(t);
    for (unsigned i = 0; i < t->zone_count; i++) {
        draw_apex(t, &t->zone[i]);
        for (unsigned k = 0, n = 2 + rng_below(rng, 8); k < n; k++)
            draw_owner(t, &t->zone[i]);
    }
    draw_targets(t);
    if (rng_chance(rng, 50))
        draw_ghost(t);
    return OK;
}

void tree_free(struct tree *t)
{
    arena_deinit(&t->arena);
}

struct host *tree_host_at(struct tree *t, const struct endpoint *at)
{
    for (unsigned i = 0; i < t->host_count; i++)
        for (unsigned k = 0; k < t->host[i].at_count; k++)
            if (endpoint_equal(&t->host[i].at[k], at))
                return &t->host[i];
    return NULL;
}

static bool zone_wildcard_at(const struct zone *z, const struct endpoint *at)
{
    uint16_t type = at->family == 4 ? TYPE_A : TYPE_AAAA;
    for (const struct record *rr = z->records; rr; rr = rr->next)
        if (rr->type == type && rr->owner[0] == 1 && rr->owner[1] == '*' &&
            memcmp(rr->rdata, at->bytes, rr->length) == 0)
            return true;
    return false;
}

bool tree_wildcard_at(const struct tree *t, const struct endpoint *at)
{
    bool gone = false, found = false;
    for (unsigned i = 0; i < t->zone_count; i++) {
        gone = gone || t->zone[i].gone_ms;
        found = found || zone_wildcard_at(&t->zone[i], at);
    }
    return gone && found;
}

void tree_print(const struct tree *t)
{
    static const char *const states[] = {"good", "dead", "evil", "flapping"};
    static const char *const lames[] = {"", " lame:refused", " lame:upward", " lame:servfail",
                                        " lame:empty"};
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], at[ADDR_TEXT_MAX];
    for (unsigned i = 0; i < t->zone_count; i++) {
        const struct zone *z = &t->zone[i];
        printf("zone %s ns-ttl=%u%s%s sure=%d packets=%u ms=%u gone=%" PRIu64 "\n",
               name_text(z->name, name), z->ns_ttl, z->ent_nxdomain ? " ent-nxdomain" : "",
               z->silent_denial ? " silent-denial" : "", z->sure, z->packets, z->ms, z->gone_ms);
        for (unsigned k = 0; k < z->link_count; k++) {
            const struct link *l = &z->link[k];
            printf("  server %s %s%s%s rtt=%u", name_text(l->host->name, name),
                   states[l->host->state], lames[l->lame], zone_gives_glue(z, l) ? " glue" : "",
                   l->host->rtt_ms);
            for (unsigned a = 0; a < l->host->at_count; a++)
                printf(" %s", address_text(&l->host->at[a], at));
            printf("\n");
        }
        for (const struct record *r = z->records; r; r = r->next) {
            printf("  %s %u %s", name_text(r->owner, name), r->ttl, type_text(r->type, type));
            if (r->type == TYPE_CNAME || r->type == TYPE_DNAME || r->type == TYPE_NS)
                printf(" %s", name_text(r->rdata, name));
            printf("\n");
        }
    }
}
