/* What a signed zone's servers put beside records: signatures, and proofs of what is not there. */
#include <string.h>

#include "tests/storm/authority.h"
#include "tests/storm/seal.h"

enum {
    EARLY_S = 60 * 86400, /* no run lasts so long, and no clock is ahead by that */
    SET_MOST = 16,
    RDATA_MAX = NAME_MAX_WIRE + 16,
    NSEC3_HEAD = 5,
    FLAG_OPT_OUT = 1,
    WINDOW_MOST = 7, /* octets of the first window that we need: types up to 55 */
};

/* ---- signatures ------------------------------------------------------------------------------ */

/* One that was made before: what it covers, when, and what is wrong with it. */
struct signature {
    struct signature *next;
    const uint8_t *owner;
    const void *mark; /* of an NSEC or NSEC3: the node it leads to */
    uint16_t type;
    enum flaw flaw;
    int64_t at_s;
    struct rpl_bytes rdata;
};

static const struct signature *find_made(const struct zone *z, const struct signature *like)
{
    for (const struct signature *m = z->seal->made; m; m = m->next)
        if (m->type == like->type && m->flaw == like->flaw && m->at_s == like->at_s &&
            m->mark == like->mark && name_equal(m->owner, like->owner))
            return m;
    return NULL;
}

static struct sign_fault fault_of(const struct seal *s, enum flaw flaw)
{
    int64_t period = s->period_s;
    struct sign_fault f = {
        .inception_s = -period, .expiration_s = 2 * period, .broken = flaw == FLAW_BROKEN};
    int64_t shift = flaw == FLAW_EXPIRED ? -4 * period : flaw == FLAW_EARLY ? EARLY_S : 0;
    f.inception_s += shift;
    f.expiration_s += shift;
    return f;
}

static enum err make(struct work *w, const struct zone *z, struct signature *out,
                     const struct rpl_rr *set)
{
    const struct seal *s = z->seal;
    struct arena *a = &w->run->tree.arena;
    struct sign_fault fault = fault_of(s, out->flaw);
    bool foreign = out->flaw == FLAW_FOREIGN;
    return sign_set(a, foreign ? s->foreign : s->key, z->name,
                    foreign ? &s->foreign_dnskey : &s->dnskey, set, &fault, out->at_s, &out->rdata);
}

/* The set's signature, behind it in the section; `owner` is what it is given for. */
static void put_signature(struct work *w, unsigned section, const struct zone *z,
                          const uint8_t *owner, const struct rpl_rr *set, struct signature like)
{
    struct seal *s = z->seal;
    int64_t now_s = (int64_t)STORM_WALL_S + (int64_t)(w->now_ms - STORM_START_MS) / 1000;
    if (w->old && like.flaw != FLAW_MISSING)
        like.flaw = FLAW_EXPIRED;
    if (like.flaw == FLAW_MISSING)
        return;
    like.owner = set->owner;
    like.type = set->type;
    like.at_s = now_s - now_s % s->period_s;
    const struct signature *made = set->type == TYPE_TXT ? NULL : find_made(z, &like);
    if (!made) {
        if (make(w, z, &like, set)) {
            storm_breach(w->run, "out of memory");
            return;
        }
        made = &like;
        struct signature *kept = arena_copy(&w->run->tree.arena, &like, sizeof like);
        const uint8_t *name = arena_copy(&w->run->tree.arena, set->owner, name_size(set->owner));
        if (kept && name && set->type != TYPE_TXT) {
            kept->owner = name;
            kept->next = s->made;
            s->made = kept;
        }
    }
    struct record r = {.ttl = set->ttl,
                       .type = TYPE_RRSIG,
                       .rdata = made->rdata.at,
                       .length = (uint16_t)made->rdata.size};
    reply_rr(w->reply, section, owner, &r);
}

void proof_sign(struct work *w, unsigned section, const struct zone *z, const uint8_t *owner,
                const uint8_t *node, uint16_t type)
{
    struct rpl_rr set[SET_MOST];
    uint8_t stamp[STAMP_SIZE];
    struct signature like = {0};
    unsigned n = 0;
    if (!w->secure || !z->seal)
        return;
    for (const struct record *r = NULL; n < SET_MOST && (r = zone_next(z, r, node, type));) {
        set[n] = (struct rpl_rr){.owner = node,
                                 .rdata = r->rdata,
                                 .length = r->length,
                                 .type = type,
                                 .class = CLASS_IN,
                                 .ttl = r->ttl};
        if (type == TYPE_TXT) {
            reply_stamp(stamp, w->now_ms);
            set[n].rdata = stamp;
        }
        if (n > 0)
            set[n - 1].next = &set[n];
        like.flaw = (enum flaw)r->flaw;
        n++;
    }
    if (n > 0)
        put_signature(w, section, z, owner, set, like);
}

/* ---- records of the chain -------------------------------------------------------------------- */

static void set_bit(uint8_t *window, uint16_t type)
{
    if (type < WINDOW_MOST * 8)
        window[type / 8] |= (uint8_t)(0x80 >> type % 8);
}

/* The types of a node, as NSEC and NSEC3 tell them (RFC 4034 §4.1.2). */
static size_t write_types(const struct zone *z, const struct node *n, uint8_t *out)
{
    uint8_t window[WINDOW_MOST] = {0};
    bool high = false, hashed = seal_is_hashed(z->seal), is_set = false;
    for (const struct record *r = z->records; r; r = r->next) {
        if (!name_equal(r->owner, n->name))
            continue;
        high = high || r->type == 65280;
        is_set = true;
        set_bit(window, r->type);
    }
    if (n->cut)
        set_bit(window, TYPE_NS);
    if (is_set || !hashed)
        set_bit(window, TYPE_RRSIG);
    if (!hashed)
        set_bit(window, TYPE_NSEC);
    unsigned octets = WINDOW_MOST;
    while (octets > 0 && window[octets - 1] == 0)
        octets--;
    size_t at = 0;
    if (octets) {
        out[at++] = 0;
        out[at++] = (uint8_t)octets;
        memcpy(out + at, window, octets);
        at += octets;
    }
    if (high) {
        memcpy(out + at, (uint8_t[]){255, 1, 0x80}, 3);
        at += 3;
    }
    return at;
}

/* The next of the chain, which ends where it began. */
static const struct node *after(const struct work *w, const struct zone *z, const struct node *n)
{
    const struct seal *s = z->seal;
    unsigned i = (unsigned)(n - s->node);
    do {
        i = (i + 1) % s->node_count;
    } while (&s->node[i] != n && !node_is_in_chain(z->seal, &s->node[i], w->now_ms));
    return &s->node[i];
}

static size_t write_nsec(const struct zone *z, const struct node *n, const struct node *next,
                         uint8_t *out)
{
    static const uint8_t zero[] = {1, 0};
    size_t at;
    if (z->seal->denial == DENIAL_NARROW && name_prepend(zero, n->name, out) == OK)
        at = name_size(out);
    else
        at = name_copy(out, next->name);
    return at + write_types(z, n, out + at);
}

static size_t write_nsec3(const struct zone *z, const struct node *n, const struct node *next,
                          uint8_t *out)
{
    const struct seal *s = z->seal;
    out[0] = 1;
    out[1] = s->chain == CHAIN_OPT_OUT ? FLAG_OPT_OUT : 0;
    store_u16(out + 2, s->iterations);
    out[4] = s->salt_size;
    memcpy(out + NSEC3_HEAD, s->salt, s->salt_size);
    size_t at = NSEC3_HEAD + (size_t)s->salt_size;
    out[at++] = SIGN_HASH_SIZE;
    memcpy(out + at, next->hash, SIGN_HASH_SIZE);
    if (s->denial == DENIAL_NARROW) { /* the hash after its own */
        memcpy(out + at, n->hash, SIGN_HASH_SIZE);
        for (unsigned i = SIGN_HASH_SIZE; i-- > 0 && ++out[at + i] == 0;)
            continue;
    }
    at += SIGN_HASH_SIZE;
    return at + write_types(z, n, out + at);
}

static void put_link(struct work *w, const struct zone *z, const struct node *n)
{
    uint8_t owner[NAME_MAX_WIRE], label[33], rdata[RDATA_MAX];
    const struct seal *s = z->seal;
    bool hashed = seal_is_hashed(s);
    for (unsigned i = 0; i < w->proved_count; i++)
        if (w->proved[i] == n)
            return;
    if (w->proved_count == PROOFS_MOST)
        return;
    w->proved[w->proved_count++] = n;
    const struct node *next = after(w, z, n);
    sign_hash_label(n->hash, label);
    if (!hashed || name_prepend(label, z->name, owner))
        name_copy(owner, n->name);
    size_t size = hashed ? write_nsec3(z, n, next, rdata) : write_nsec(z, n, next, rdata);
    struct record r = {.ttl = s->denial_ttl,
                       .type = hashed ? TYPE_NSEC3 : TYPE_NSEC,
                       .rdata = rdata,
                       .length = (uint16_t)size};
    struct rpl_rr set = {.owner = owner,
                         .rdata = rdata,
                         .length = r.length,
                         .type = r.type,
                         .class = CLASS_IN,
                         .ttl = r.ttl};
    reply_rr(w->reply, 2, owner, &r);
    put_signature(w, 2, z, owner, &set, (struct signature){.mark = next, .flaw = s->denial_flaw});
}

/* ---- proofs ---------------------------------------------------------------------------------- */

/* The record that stands at the name, or covers it; *matches tells which. */
static const struct node *link_at(const struct work *w, const struct zone *z, const uint8_t *name,
                                  bool *matches)
{
    const struct seal *s = z->seal;
    const struct node *best = NULL, *last = NULL;
    uint8_t hash[SIGN_HASH_SIZE];
    bool hashed = seal_is_hashed(s);
    *matches = false;
    if (hashed && sign_hash(name, s->iterations, s->salt, s->salt_size, hash))
        return NULL;
    for (unsigned i = 0; i < s->node_count; i++) {
        const struct node *n = &s->node[i];
        if (!node_is_in_chain(z->seal, n, w->now_ms))
            continue;
        last = n;
        int order = hashed ? memcmp(n->hash, hash, SIGN_HASH_SIZE) : name_compare(n->name, name);
        if (order <= 0)
            best = n;
        *matches = *matches || order == 0;
    }
    return best ? best : last;
}

static void put_at(struct work *w, const struct zone *z, const uint8_t *name)
{
    bool matches;
    const struct node *n = link_at(w, z, name, &matches);
    if (n)
        put_link(w, z, n);
}

/* Labels of the closest encloser that can be shown: by a record of its own if names are hashed. */
static unsigned encloser_of(const struct work *w, const struct zone *z, const uint8_t *name)
{
    const struct seal *s = z->seal;
    unsigned labels = name_labels(name), least = name_labels(z->name);
    while (--labels > least) {
        const struct node *n = node_at(z, name_suffix(name, labels));
        if (n && (seal_is_hashed(s) ? node_is_in_chain(s, n, w->now_ms)
                                    : node_is_there(s, n, w->now_ms)))
            return labels;
    }
    return least;
}

static bool proves(const struct work *w, const struct zone *z)
{
    return w->secure && z->seal && z->seal->denial != DENIAL_ABSENT;
}

/* That the name does not exist, as far as the zone's chain goes. */
static void put_absence(struct work *w, const struct zone *z, const uint8_t *name,
                        unsigned encloser)
{
    if (!seal_is_hashed(z->seal)) {
        put_at(w, z, name);
        return;
    }
    put_at(w, z, name_suffix(name, encloser));
    put_at(w, z, name_suffix(name, encloser + 1));
}

void proof_deny(struct work *w, const struct zone *z, const uint8_t *name, const struct found *f)
{
    static const uint8_t star[] = {1, '*'};
    uint8_t wildcard[NAME_MAX_WIRE];
    bool matches;
    if (!proves(w, z))
        return;
    const struct node *n = link_at(w, z, name, &matches);
    if (n && matches) {
        put_link(w, z, n);
        return;
    }
    unsigned encloser = encloser_of(w, z, name);
    put_absence(w, z, name, encloser);
    bool given = f->kind == FOUND_NODATA && f->node && !name_equal(f->node, name);
    if ((given || f->kind == FOUND_NXDOMAIN) &&
        name_prepend(star, name_suffix(name, encloser), wildcard) == OK)
        put_at(w, z, given ? f->node : wildcard);
}

void proof_wildcard(struct work *w, const struct zone *z, const uint8_t *name,
                    const uint8_t *wildcard)
{
    if (!proves(w, z))
        return;
    unsigned closer = name_labels(wildcard); /* the encloser's labels, and the star's */
    put_at(w, z, seal_is_hashed(z->seal) ? name_suffix(name, closer) : name);
}

void proof_delegation(struct work *w, const struct zone *z, const struct zone *cut)
{
    struct found f = {.kind = FOUND_NODATA, .node = cut->name};
    if (!w->secure || !z->seal)
        return;
    for (const struct record *r = NULL; (r = zone_next(z, r, cut->name, TYPE_DS));)
        reply_rr(w->reply, 2, cut->name, r);
    proof_sign(w, 2, z, cut->name, cut->name, TYPE_DS);
    if (!cut->ds)
        proof_deny(w, z, cut->name, &f);
}
