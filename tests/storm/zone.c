/* What one zone says of a name, by the book: RFC 1034 §4.3.2, 4592, 6672. */
#include "tests/storm/storm.h"

bool zone_gone(const struct zone *z, uint64_t now_ms)
{
    for (; z; z = z->parent)
        if (z->gone_ms && now_ms >= z->gone_ms)
            return true;
    return false;
}

const struct zone *tree_zone_of(const struct tree *t, const uint8_t *name, uint16_t type,
                                uint64_t now_ms)
{
    const struct zone *best = &t->zone[0];
    for (unsigned i = 1; i < t->zone_count; i++) {
        const struct zone *z = &t->zone[i];
        if (!name_at_or_below(name, z->name) || zone_gone(z, now_ms) ||
            (type == TYPE_DS && name_equal(name, z->name)))
            continue;
        if (name_labels(z->name) > name_labels(best->name))
            best = z;
    }
    return best;
}

const struct record *zone_next(const struct zone *z, const struct record *after,
                               const uint8_t *owner, uint16_t type)
{
    for (const struct record *r = after ? after->next : z->records; r; r = r->next)
        if (r->type == type && name_equal(r->owner, owner))
            return r;
    return NULL;
}

bool zone_gives_glue(const struct zone *z, const struct link *l)
{
    return l->glue && z->parent && name_at_or_below(l->host->name, z->parent->name);
}

static bool has_records(const struct zone *z, const uint8_t *name)
{
    for (const struct record *r = z->records; r; r = r->next)
        if (name_equal(r->owner, name))
            return true;
    return false;
}

static bool is_empty_node(const struct tree *t, const struct zone *z, const uint8_t *name,
                          uint64_t now_ms)
{
    for (const struct record *r = z->records; r; r = r->next)
        if (name_below(r->owner, name))
            return true;
    for (unsigned i = 0; i < t->zone_count; i++)
        if (t->zone[i].parent == z && !zone_gone(&t->zone[i], now_ms) &&
            name_below(t->zone[i].name, name))
            return true;
    return false;
}

static const struct record *dname_above(const struct zone *z, const uint8_t *name)
{
    for (const struct record *r = z->records; r; r = r->next)
        if (r->type == TYPE_DNAME && name_below(name, r->owner))
            return r;
    return NULL;
}

static struct found at_node(const struct zone *z, const uint8_t *node, uint16_t type)
{
    struct found f = {.kind = FOUND_NODATA, .node = node};
    if (zone_next(z, NULL, node, type)) {
        f.kind = FOUND_ANSWER;
        return f;
    }
    f.alias = zone_next(z, NULL, node, TYPE_CNAME);
    if (f.alias)
        f.kind = FOUND_CNAME;
    return f;
}

static const struct record *wildcard_for(const struct tree *t, const struct zone *z,
                                         const uint8_t *name, uint64_t now_ms)
{
    const uint8_t *encloser = name;
    do {
        encloser = name_skip(encloser, 1);
    } while (!name_equal(encloser, z->name) && !has_records(z, encloser) &&
             !is_empty_node(t, z, encloser, now_ms));
    for (const struct record *r = z->records; r; r = r->next)
        if (r->owner[0] == 1 && r->owner[1] == '*' && name_equal(r->owner + 2, encloser))
            return r;
    return NULL;
}

static const struct zone *cut_above(const struct tree *t, const struct zone *z, const uint8_t *name,
                                    uint16_t type, uint64_t now_ms)
{
    for (unsigned i = 0; i < t->zone_count; i++) {
        const struct zone *c = &t->zone[i];
        if (c->parent == z && !zone_gone(c, now_ms) && name_at_or_below(name, c->name) &&
            !(type == TYPE_DS && name_equal(name, c->name)))
            return c;
    }
    return NULL;
}

struct found zone_find(const struct tree *t, const struct zone *z, const uint8_t *name,
                       uint16_t type, uint64_t now_ms)
{
    struct found f = {.kind = FOUND_CUT, .cut = cut_above(t, z, name, type, now_ms)};
    if (f.cut)
        return f;
    if (has_records(z, name))
        return at_node(z, name, type);
    f.alias = dname_above(z, name);
    if (f.alias) {
        f.kind = FOUND_DNAME;
        f.node = f.alias->owner;
        return f;
    }
    /* A cut of ours that is asked for its DS is there, though it has no record. */
    for (unsigned i = 0; i < t->zone_count; i++)
        if (t->zone[i].parent == z && name_equal(t->zone[i].name, name) &&
            !zone_gone(&t->zone[i], now_ms))
            return (struct found){.kind = FOUND_NODATA, .node = name};
    if (is_empty_node(t, z, name, now_ms)) {
        f.kind = z->ent_nxdomain ? FOUND_NXDOMAIN : FOUND_NODATA;
        return f;
    }
    const struct record *wild = wildcard_for(t, z, name, now_ms);
    if (wild)
        return at_node(z, wild->owner, type);
    f.kind = FOUND_NXDOMAIN;
    return f;
}
