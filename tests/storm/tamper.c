/*
 * Faults on the wire that are about DNSSEC: somebody on the way takes signatures, denials or DS
 * records out of replies, changes octets or TTLs, gives the signatures of last week, denies with
 * another zone's records, or replies in the host's place. What no signature protects he could turn
 * into anything, so he is let near that only in runs in which it is not judged (judge.c).
 */
#include <string.h>

#include "tests/storm/authority.h"
#include "tests/storm/seal.h"

enum { RR_HEAD = 10, RAISED_BY = 1000000, SEVENTH = 7 };

/* ---- records of a reply ---------------------------------------------------------------------- */

/* Where a record of an uncompressed message stands. */
struct place {
    const uint8_t *owner;
    uint8_t *head; /* type, class, TTL, length */
    uint8_t *rdata;
    uint16_t type, length;
    unsigned section;
    size_t size;
};

static struct place read_place(uint8_t *at, unsigned section)
{
    size_t n = name_size(at);
    struct place p = {.owner = at, .head = at + n, .rdata = at + n + RR_HEAD, .section = section};
    p.type = load_u16(p.head);
    p.length = load_u16(p.head + 8);
    p.size = n + RR_HEAD + p.length;
    return p;
}

/* Calls for each record; those for which it says so are taken out. */
static void sift(struct work *w, bool (*drops)(struct work *w, struct place *p))
{
    struct reply *o = w->reply;
    size_t from = o->question_end, to = from;
    for (unsigned s = 1; s <= 3; s++) {
        for (unsigned left = o->count[s]; left > 0; left--) {
            struct place p = read_place(o->at + from, s);
            size_t size = p.size;
            if (drops(w, &p)) {
                o->count[s]--;
            } else {
                memmove(o->at + to, o->at + from, size);
                to += size;
            }
            from += size;
        }
    }
    o->size = to;
}

/* ---- what is taken out ----------------------------------------------------------------------- */

static uint16_t kind_of(const struct place *p)
{
    return p->type == TYPE_RRSIG ? load_u16(p->rdata) : p->type;
}

static bool drops_signature(struct work *w, struct place *p)
{
    (void)w;
    return p->type == TYPE_RRSIG;
}

static bool drops_denial(struct work *w, struct place *p)
{
    (void)w;
    return kind_of(p) == TYPE_NSEC || kind_of(p) == TYPE_NSEC3;
}

static bool drops_ds(struct work *w, struct place *p)
{
    (void)w;
    return kind_of(p) == TYPE_DS;
}

/* ---- what is changed ------------------------------------------------------------------------- */

static bool is_hosts(const struct work *w, const uint8_t *name)
{
    const struct tree *t = &w->run->tree;
    for (unsigned i = 0; i < t->host_count; i++)
        if (name_equal(t->host[i].name, name))
            return true;
    return false;
}

/* Does a signature protect it, and is it none of what leads to servers? */
static bool is_protected(const struct work *w, const struct place *p)
{
    if (p->section == 3 || p->type == TYPE_NS || is_hosts(w, p->owner))
        return false;
    return p->type != TYPE_CNAME && p->type != TYPE_DNAME && p->type != TYPE_MX;
}

/* One bit of the last octet, of one record in seven. */
static bool flips(struct work *w, struct place *p)
{
    if (is_protected(w, p) && p->length > 0 && rng_below(&w->run->bane, SEVENTH) == 0)
        p->rdata[p->length - 1] ^= 0x10;
    return false;
}

static bool raises(struct work *w, struct place *p)
{
    if (is_protected(w, p))
        store_u32(p->head + 4, load_u32(p->head + 4) + RAISED_BY);
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------- */

void tamper_begin(struct work *w)
{
    w->old = w->secure && fault_rolls(w->run, STORM_OLD_SIGNATURES);
}

void tamper_reply(struct work *w)
{
    struct run *r = w->run;
    if (!w->secure || !w->zone || w->zone->safety != SAFETY_SECURE)
        return;
    if (fault_rolls(r, STORM_STRIP_SIGNATURES))
        sift(w, drops_signature);
    if (fault_rolls(r, STORM_STRIP_DENIAL))
        sift(w, drops_denial);
    if (fault_rolls(r, STORM_STRIP_DS))
        sift(w, drops_ds);
    if (fault_rolls(r, STORM_FLIP))
        sift(w, flips);
    if (fault_rolls(r, STORM_RAISE_TTL))
        sift(w, raises);
}

/*
 * A denial whose signatures are good and which does not fit: the parent's word on a name below the
 * cut, or the word of the apex on another name.
 */
static bool deny_foreign(struct work *w)
{
    const struct rpl_question *q = &w->query->question;
    const struct zone *z = tree_zone_of(&w->run->tree, q->name, q->type, w->now_ms);
    struct found f = {.kind = rng_chance(&w->run->bane, 50) ? FOUND_NXDOMAIN : FOUND_NODATA};
    if (z->safety != SAFETY_SECURE || z->weak)
        return false;
    if (z->parent && rng_chance(&w->run->bane, 70))
        z = z->parent;
    f.node = q->name;
    reply_begin(w->reply, q);
    w->reply->flags |= FLAG_AA;
    w->secure = true;
    reply_deny(w, z, rng_chance(&w->run->bane, 70) ? q->name : z->name, &f);
    reply_finish(w->reply, w->query->id, w->query);
    return true;
}

bool tamper_instead(struct work *w, bool *lost)
{
    struct run *r = w->run;
    const struct rpl_message *q = w->query;
    if (!r->is_signed)
        return false;
    if (fault_rolls(r, STORM_FORGE)) {
        reply_forge(w->reply, &q->question, q->id);
        return true;
    }
    if (q->question.type == TYPE_DNSKEY && fault_rolls(r, STORM_NO_KEYS)) {
        *lost = true;
        return true;
    }
    return q->edns.do_bit && fault_rolls(r, STORM_FOREIGN_DENIAL) && deny_foreign(w);
}
