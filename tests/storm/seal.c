/* Draws which zones of a tree are signed, with what, and what is wrong with them. */
#include "tests/storm/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DNSKEY_CSK = 257,
    DNSKEY_NO_ZONE = 1, /* SEP alone: no key of a zone */
    DNSKEY_PROTOCOL = 3,
    DIGEST_SHA256 = 2,
    NUMBER_UNKNOWN = 200, /* of an algorithm, of a digest */
    DAY_S = 86400,
    FOREIGN_FROM = ZONES_MAX,
};

bool seal_is_hashed(const struct seal *s)
{
    return s->chain != CHAIN_NSEC;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The keys are of a stock that all trees share, since making one is dear. */
static const struct sign_key *key_of(unsigned number, bool ed25519)
{
    uint8_t name[8];
    name[0] = (uint8_t)snprintf((char *)name + 1, sizeof name - 1, "k%u", number);
    name[name[0] + 1] = 0;
    return sign_key(name, ed25519 ? "ED25519" : "ECDSAP256");
}

static struct record *add(struct tree *t, struct zone *z, const uint8_t *owner, uint16_t type,
                          uint32_t ttl, const struct rpl_bytes *rdata)
{
    struct record *r = arena_calloc(&t->arena, 1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct record){.owner = owner,
                         .rdata = rdata->at,
                         .ttl = ttl,
                         .type = type,
                         .length = (uint16_t)rdata->size,
                         .next = z->records};
    z->records = r;
    if (ttl > z->most_ttl)
        z->most_ttl = ttl;
    return r;
}

static enum flaw draw_flaw(struct rng *g)
{
    return (enum flaw)(1 + rng_below(g, FLAWS - 1));
}

static enum err draw_keys(struct tree *t, struct zone *z, struct rng *g, bool may_fail)
{
    struct seal *s = z->seal;
    unsigned number = (unsigned)(z - t->zone);
    bool ed25519 = rng_chance(g, 20), no_zone = may_fail && rng_chance(g, 1);
    static const uint32_t ttls[] = {0, 5, 300, 3600, 3600, 86400};
    s->key = key_of(number, ed25519);
    s->foreign = key_of(FOREIGN_FROM + number, ed25519);
    if (!s->key || !s->foreign)
        return ERR_NOMEM;
    enum err e = sign_dnskey(&t->arena, s->key, no_zone ? DNSKEY_NO_ZONE : DNSKEY_CSK,
                             DNSKEY_PROTOCOL, &s->dnskey);
    if (!e)
        e = sign_dnskey(&t->arena, s->foreign, DNSKEY_CSK, DNSKEY_PROTOCOL, &s->foreign_dnskey);
    if (e)
        return e;
    struct record *r = add(t, z, z->name, TYPE_DNSKEY, ttls[rng_below(g, 6)], &s->dnskey);
    if (r && may_fail && rng_chance(g, 4))
        r->flaw = (uint8_t)draw_flaw(g);
    return r ? OK : ERR_NOMEM;
}

/* ---- DS -------------------------------------------------------------------------------------- */

static enum err add_ds(struct tree *t, struct zone *z, struct rng *g)
{
    const struct seal *s = z->seal;
    struct rpl_bytes ds, other;
    static const uint8_t nobodys[36] = {0x12, 0x34, 13, DIGEST_SHA256, 1};
    if (!s) {
        ds = (struct rpl_bytes){nobodys, sizeof nobodys};
    } else if (sign_ds(&t->arena, z->name, z->ds == DS_WRONG ? &s->foreign_dnskey : &s->dnskey,
                       DIGEST_SHA256, &ds) ||
               sign_ds(&t->arena, z->name, &s->foreign_dnskey, DIGEST_SHA256, &other)) {
        return ERR_NOMEM;
    }
    if (z->ds == DS_UNKNOWN) {
        uint8_t *copy = arena_copy(&t->arena, ds.at, ds.size);
        if (!copy)
            return ERR_NOMEM;
        copy[rng_chance(g, 50) ? 2 : 3] = NUMBER_UNKNOWN;
        ds.at = copy;
    }
    struct record *r = add(t, z->parent, z->name, TYPE_DS, z->ns_ttl, &ds);
    /* A key that is on its way in, or out. */
    bool second = s && z->ds == DS_GOOD && rng_chance(g, 15);
    struct record *more = second ? add(t, z->parent, z->name, TYPE_DS, z->ns_ttl, &other) : NULL;
    if (r && rng_chance(g, 3))
        r->flaw = (uint8_t)draw_flaw(g);
    if (more)
        more->flaw = r->flaw;
    return r && (more || !second) ? OK : ERR_NOMEM;
}

/* What the parent says of the zone's keys. One that is to go stays without: its DS would outlive
 * it.
 */
static enum ds_kind draw_ds(const struct zone *z, struct rng *g)
{
    unsigned shape = rng_below(g, 100);
    if (!z->parent->seal || z->gone_ms)
        return DS_NONE;
    if (!z->seal)
        return shape < 4 ? DS_WRONG : shape < 6 ? DS_UNKNOWN : DS_NONE;
    if (shape < 80)
        return DS_GOOD;
    return shape < 92 ? DS_NONE : shape < 96 ? DS_WRONG : DS_UNKNOWN;
}

/* ---- the chain of denials -------------------------------------------------------------------- */

static bool has_distant_cut(const struct tree *t, const struct zone *z)
{
    for (unsigned i = 0; i < t->zone_count; i++)
        if (t->zone[i].parent == z && name_labels(t->zone[i].name) > name_labels(z->name) + 1)
            return true;
    return false;
}

/*
 * Narrow ones deny types and no names. With an empty non-terminal above a cut it would be a matter
 * of the way whether the cut is found, so that is left out.
 */
static void draw_chain(const struct tree *t, struct zone *z, struct rng *g, bool may_fail)
{
    struct seal *s = z->seal;
    unsigned kind = rng_below(g, 100), state = rng_below(g, 100);
    s->chain = kind < 45 ? CHAIN_NSEC : kind < 75 ? CHAIN_NSEC3 : CHAIN_OPT_OUT;
    s->iterations = rng_chance(g, 70) ? 0 : (uint16_t)rng_below(g, 6);
    s->salt_size = rng_chance(g, 70) ? 0 : SALT_MOST;
    for (unsigned i = 0; i < SALT_MOST; i++)
        s->salt[i] = (uint8_t)rng_next(g);
    s->period_s = rng_chance(g, 80) ? DAY_S : 600;
    uint32_t minimum = load_u32(z->soa->rdata + z->soa->length - 4);
    s->denial_ttl = minimum < z->soa->ttl ? minimum : z->soa->ttl;
    z->ent_nxdomain = z->silent_denial = false;
    if (!may_fail)
        return;
    if (seal_is_hashed(s) && rng_chance(g, 8))
        s->iterations = ITERATIONS_MOST + 1;
    else if (state < 2)
        s->denial = DENIAL_ABSENT;
    else if (state < 4 && !has_distant_cut(t, z))
        s->denial = DENIAL_NARROW;
    else if (state < 6)
        s->denial = DENIAL_FLAWED;
    s->denial_flaw = s->denial == DENIAL_FLAWED ? draw_flaw(g) : FLAW_NONE;
}

static enum err add_node(struct tree *t, struct zone *z, const uint8_t *name)
{
    struct seal *s = z->seal;
    if (node_at(z, name))
        return OK;
    struct node *n = &s->node[s->node_count++];
    *n = (struct node){.name = name, .empty = true};
    for (const struct record *r = z->records; r; r = r->next)
        if (name_equal(r->owner, name))
            n->empty = false;
    for (unsigned i = 0; i < t->zone_count; i++) {
        if (t->zone[i].parent == z && name_equal(t->zone[i].name, name)) {
            n->cut = &t->zone[i];
            n->empty = false;
        }
    }
    if (seal_is_hashed(s) && sign_hash(name, s->iterations, s->salt, s->salt_size, n->hash))
        return ERR_NOMEM;
    return name_equal(name, z->name) ? OK : add_node(t, z, name_skip(name, 1));
}

static int compare_nodes(const void *a, const void *b)
{
    return name_compare(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(((const struct node *)a)->hash, ((const struct node *)b)->hash, SIGN_HASH_SIZE);
}

static enum err find_nodes(struct tree *t, struct zone *z)
{
    struct seal *s = z->seal;
    unsigned most = ZONES_MAX;
    for (const struct record *r = z->records; r; r = r->next)
        most++;
    s->node = arena_calloc(&t->arena, (size_t)most * 4, sizeof *s->node);
    enum err e = s->node ? OK : ERR_NOMEM;
    for (const struct record *r = z->records; !e && r; r = r->next)
        e = add_node(t, z, r->owner);
    for (unsigned i = 0; !e && i < t->zone_count; i++)
        if (t->zone[i].parent == z)
            e = add_node(t, z, t->zone[i].name);
    if (!e)
        qsort(s->node, s->node_count, sizeof *s->node,
              seal_is_hashed(s) ? compare_hashes : compare_nodes);
    return e;
}

const struct node *node_at(const struct zone *z, const uint8_t *name)
{
    for (unsigned i = 0; i < z->seal->node_count; i++)
        if (name_equal(z->seal->node[i].name, name))
            return &z->seal->node[i];
    return NULL;
}

static bool is_gone(const struct node *n, uint64_t now_ms)
{
    return n->cut && zone_gone(n->cut, now_ms);
}

bool node_is_there(const struct seal *s, const struct node *n, uint64_t now_ms)
{
    bool there = !n->empty && !is_gone(n, now_ms);
    for (unsigned i = 0; n->empty && !there && i < s->node_count; i++)
        there = name_below(s->node[i].name, n->name) && !s->node[i].empty &&
                !is_gone(&s->node[i], now_ms);
    return there;
}

/* Cuts without DS need no record where the zone opts out, nor do names that lead only to these. */
static bool opts_out(const struct seal *s, const struct node *n)
{
    return s->chain == CHAIN_OPT_OUT && n->cut && n->cut->ds == DS_NONE;
}

bool node_is_in_chain(const struct seal *s, const struct node *n, uint64_t now_ms)
{
    bool in = !n->empty && !is_gone(n, now_ms) && !opts_out(s, n);
    for (unsigned i = 0; n->empty && !in && seal_is_hashed(s) && i < s->node_count; i++)
        in = name_below(s->node[i].name, n->name) && !s->node[i].empty &&
             !is_gone(&s->node[i], now_ms) && !opts_out(s, &s->node[i]);
    return in;
}

/* ---- flaws of sets --------------------------------------------------------------------------- */

static void draw_flaws(struct zone *z, struct rng *g)
{
    for (struct record *r = z->records; r; r = r->next) {
        const struct record *first = zone_next(z, NULL, r->owner, r->type);
        bool is_key = r->type == TYPE_DNSKEY || r->type == TYPE_DS;
        if (first != r)
            r->flaw = first->flaw;
        else if (!is_key && rng_chance(g, r->type == TYPE_SOA ? 2 : 4))
            r->flaw = (uint8_t)draw_flaw(g);
    }
}

/* ---- servers that are older ------------------------------------------------------------------ */

/* Of a zone with several servers, one now and then. */
static void draw_ages(struct tree *t, struct rng *g)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        struct zone *z = &t->zone[i];
        if (z->link_count > 1 && rng_chance(g, 15))
            z->link[rng_below(g, z->link_count)].host->age = (enum age)(1 + rng_below(g, AGES - 1));
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum err seal_zone(struct tree *t, struct zone *z, struct rng *g)
{
    /* Root and top-level zones are in order but for single sets, or little would be left. */
    bool may_fail = z->parent && z->parent->parent;
    if (z->parent && !rng_chance(g, z->parent->parent ? 75 : 90))
        return OK;
    z->seal = arena_calloc(&t->arena, 1, sizeof *z->seal);
    if (!z->seal)
        return ERR_NOMEM;
    draw_chain(t, z, g, may_fail);
    return draw_keys(t, z, g, may_fail);
}

enum err seal_tree(struct tree *t, struct rng *rng)
{
    enum err e = OK;
    t->is_signed = true;
    for (unsigned i = 0; !e && i < t->zone_count; i++) {
        struct zone *z = &t->zone[i];
        if (!z->soa)
            return ERR_NOMEM;
        e = seal_zone(t, z, rng);
        z->ds = !e && z->parent ? draw_ds(z, rng) : DS_NONE;
        if (!e && z->ds)
            e = add_ds(t, z, rng);
    }
    for (unsigned i = 0; !e && i < t->zone_count; i++) {
        if (!t->zone[i].seal)
            continue;
        if (i > 0)
            draw_flaws(&t->zone[i], rng);
        e = find_nodes(t, &t->zone[i]);
    }
    draw_ages(t, rng);
    return e;
}

enum err seal_anchor(struct tree *t, struct rpl_bytes *ds)
{
    return sign_ds(&t->arena, name_root, &t->zone[0].seal->dnskey, DIGEST_SHA256, ds);
}

void seal_print(const struct tree *t)
{
    static const char *const chains[] = {"nsec", "nsec3", "opt-out"};
    static const char *const states[] = {"", " denial:absent", " denial:narrow", " denial:flawed"};
    static const char *const kinds[] = {"none", "good", "wrong", "unknown"};
    static const char *const safeties[] = {"secure", "insecure", "bogus"};
    static const char *const flaws[] = {"", "missing", "broken", "expired", "early", "foreign"};
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    for (unsigned i = 0; i < t->zone_count; i++) {
        const struct zone *z = &t->zone[i];
        const struct seal *s = z->seal;
        printf("safety %s %s%s ds=%s", name_text(z->name, name), safeties[z->safety],
               z->weak ? " weak" : "", kinds[z->ds]);
        if (s)
            printf(" %s iterations=%u period=%u ttl=%u%s%s", chains[s->chain], s->iterations,
                   s->period_s, s->denial_ttl, states[s->denial], flaws[s->denial_flaw]);
        printf("\n");
        for (const struct record *r = z->records; s && r; r = r->next)
            if (r->flaw)
                printf("  flaw %s %s %s\n", name_text(r->owner, name), type_text(r->type, type),
                       flaws[r->flaw]);
    }
    for (unsigned i = 0; i < t->host_count; i++)
        if (t->host[i].age)
            printf("older %s %d\n", name_text(t->host[i].name, name), t->host[i].age);
}
