/*
 * The oracle: what the tree says of a question, and whether a resolver has to find it.
 *
 * "Sure" is deliberately narrow: there is a way that is there whatever is asked first, and walking
 * it with every detour costs less than a query's budget and time. Where it is not sure, SERVFAIL is
 * as good as the right answer; a wrong answer never is.
 */
#include <string.h>

#include "tests/storm/seal.h"

/* An old server of a signed zone is found out by each answer that it gives. */
enum { DETOUR_MS = 380, DEAD_MOST = 4, OLD_MOST = 2, OLD_PACKETS = 6, CHECKS_SURE = 56 };

static bool usable(const struct endpoint *at, const struct resolver_options *o)
{
    return at->family == 4 ? o->use_ipv4 : o->use_ipv6;
}

/* How the servers of a zone look, addresses counted. */
struct strength {
    unsigned good, dead, lame, old, vanishing;
    bool glueless_good;
};

static void weigh(const struct tree *t, const struct zone *z, const struct link *l,
                  const struct resolver_options *o, struct strength *s)
{
    bool glue = !z->parent || zone_gives_glue(z, l);
    for (unsigned i = 0; i < l->host->at_count; i++) {
        if (!usable(&l->host->at[i], o))
            continue;
        s->old += l->host->age != AGE_AWARE;
        if (l->host->at[i].family == t->vanishing)
            s->vanishing++;
        /* A flapping one is held for dead: sometimes it is. */
        else if (l->host->state == HOST_DEAD || l->host->state == HOST_FLAPPING)
            s->dead++;
        else if (l->lame)
            s->lame++;
        else if (l->host->age)
            continue;
        else if (glue)
            s->good++;
        else
            s->glueless_good = true;
    }
}

/* Adds what finding the addresses of the servers without glue costs; false when one is not sure. */
static bool add_look_ups(struct zone *z, unsigned *packets, unsigned *ms)
{
    for (unsigned i = 0; i < z->link_count; i++) {
        const struct zone *home = z->link[i].host->home;
        if (zone_gives_glue(z, &z->link[i]))
            continue;
        if (!home->sure || home->gone_ms)
            return false;
        *packets += 2 * (home->packets + 3);
        *ms += home->ms + 200;
    }
    return true;
}

static bool make_sure(const struct tree *t, struct zone *z, const struct resolver_options *o)
{
    struct strength s = {0};
    unsigned labels = name_labels(z->name) - (z->parent ? name_labels(z->parent->name) : 0);
    /* Of each name between the two it is denied that it is a cut. */
    bool needs_denial = z->parent && (!z->ds || labels > 1);
    if (z->parent && (!z->parent->sure || (needs_denial && !safety_denies(z->parent))))
        return false;
    for (unsigned i = 0; i < z->link_count; i++)
        weigh(t, z, &z->link[i], o, &s);
    if (!(s.good || s.glueless_good) || s.dead > DEAD_MOST || s.old > OLD_MOST ||
        (s.old && !safety_denies(z)))
        return false;
    unsigned silent = s.dead + s.vanishing;
    unsigned packets = 2 + labels + silent + 3 * s.lame + OLD_PACKETS * s.old;
    if (t->is_signed)
        packets += 1 + labels; /* its keys, and whether its names are cuts */
    unsigned ms = DETOUR_MS * silent + 60 * packets;
    if (!s.good && !add_look_ups(z, &packets, &ms))
        return false;
    z->packets = packets + (z->parent ? z->parent->packets : 0);
    z->ms = ms + (z->parent ? z->parent->ms : 0);
    z->sure = true;
    return true;
}

void oracle_prepare(struct tree *t, const struct resolver_options *o)
{
    bool more = true;
    while (more) {
        more = false;
        for (unsigned i = 0; i < t->zone_count; i++)
            if (!t->zone[i].sure && make_sure(t, &t->zone[i], o))
                more = true;
    }
}

static struct truth_rr *push(struct truth *out, const uint8_t *owner, const struct record *r)
{
    if (out->count == TRUTH_MAX)
        return NULL;
    struct truth_rr *rr = &out->rr[out->count++];
    name_copy(rr->owner, owner);
    rr->rdata = r->rdata;
    rr->length = r->length;
    rr->type = r->type;
    rr->ttl = r->ttl;
    return rr;
}

/* The records of an alias, and where it leads; false when it leads nowhere. */
static bool push_alias(struct truth *out, const struct found *f, uint8_t at[NAME_MAX_WIRE])
{
    if (f->kind == FOUND_CNAME) {
        push(out, at, f->alias);
        name_copy(at, f->alias->rdata);
        return true;
    }
    uint8_t target[NAME_MAX_WIRE];
    push(out, f->alias->owner, f->alias);
    if (name_replace(at, f->alias->owner, f->alias->rdata, target))
        return false;
    struct truth_rr *rr = push(out, at, f->alias);
    if (rr) {
        rr->type = TYPE_CNAME;
        rr->length = (uint16_t)name_copy(rr->target, target);
        rr->rdata = rr->target;
    }
    name_copy(at, target);
    return true;
}

static void note_ghost(const struct tree *t, const uint8_t *name, struct truth *out)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        const struct zone *z = &t->zone[i];
        if (z->gone_ms && name_at_or_below(name, z->name)) {
            out->gone_ms = z->gone_ms;
            uint32_t ns = z->ns_ttl > 86400 ? 86400 : z->ns_ttl;
            uint32_t denial = z->parent->seal ? z->parent->seal->denial_ttl : 0;
            uint32_t most = z->most_ttl > denial ? z->most_ttl : denial;
            most = most > 86400 ? 86400 : most;
            out->spare_s = ns + most + 10;
        }
    }
}

/* The worst of the chain. Each zone on the way has keys, a DS set or its denial, and a set. */
static void add_safety(struct truth *out, const struct zone *z, enum safety safety, bool open)
{
    bool bare = safety == SAFETY_INSECURE || open;
    if (safety > out->safety)
        out->safety = safety;
    out->open = out->open || open;
    out->exposed = out->exposed || bare;
    out->exposed_too = out->exposed_too || (bare && z->safety == SAFETY_SECURE);
    for (; z; z = z->parent)
        out->checks += 4;
    out->checks += 4;
}

void oracle_answer(const struct tree *t, const uint8_t *name, uint16_t type, uint64_t now_ms,
                   unsigned before, struct truth *out)
{
    uint8_t at[NAME_MAX_WIRE];
    unsigned packets = 0, ms = 0;
    memset(out, 0, sizeof *out);
    out->sure = true;
    out->safety = t->is_signed ? SAFETY_SECURE : SAFETY_INSECURE;
    name_copy(at, name);
    for (; out->aliases < CHAIN_MAX; out->aliases++) {
        uint64_t when = out->aliases < before ? 0 : now_ms;
        const struct zone *z = tree_zone_of(t, at, type, when);
        struct found f = zone_find(t, z, at, type, when);
        note_ghost(t, at, out);
        out->end = z;
        if (t->is_signed) {
            bool open = false;
            enum safety safety = safety_of(z, at, type, &f, when, &open);
            add_safety(out, z, safety, open);
        }
        unsigned below = name_labels(at) - name_labels(z->name);
        /* What an old server says without a signature needs denials of cuts on the way. */
        out->sure = out->sure && z->sure && (below < 2 || safety_denies(z));
        packets += z->packets + below + 1;
        ms += z->ms + 60 * (below + 1);
        if (f.kind == FOUND_CNAME || f.kind == FOUND_DNAME) {
            out->unjudged = out->unjudged || (type == TYPE_CNAME && f.kind == FOUND_DNAME);
            if (push_alias(out, &f, at))
                continue;
            out->unjudged = true;
        }
        for (const struct record *r = NULL;
             f.kind == FOUND_ANSWER && (r = zone_next(z, r, f.node, type));)
            push(out, at, r);
        out->rcode = f.kind == FOUND_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
        out->ends_in_denial = f.kind != FOUND_ANSWER;
        out->packets = packets;
        out->sure = out->sure && out->aliases <= 10 && packets <= 36 && ms <= 3500 &&
                    out->checks <= CHECKS_SURE;
        return;
    }
    out->loops = true;
    out->sure = false;
}
