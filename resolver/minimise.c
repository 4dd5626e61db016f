/*
 * QNAME minimisation (RFC 9156): servers high in the tree learn only as much of the name as they
 * need.
 *
 * At a cut with z labels the question is first for z+1 labels, type A, then one more label at a
 * time. After LIMIT_MINIMISE_SINGLE steps the labels that remain are spread over the steps that are
 * left, so that a name of many labels costs at most LIMIT_MINIMISE extra messages over the whole
 * walk (§2.3). When as many labels as the name has are reached, the real question goes out.
 */
#include "base/must.h"
#include "resolver/lookup.h"

static void set_labels(struct lookup *l, unsigned from)
{
    struct walk *w = &l->walk;
    unsigned all = name_labels(l->key.name);
    MUST(from <= all);
    unsigned missing = all - from;
    if (!l->r->options->minimise || w->minimise_off || w->kind == CUT_FORWARD ||
        w->minimise_steps >= LIMIT_MINIMISE || missing <= 1) {
        w->labels = (uint8_t)all;
        w->probe = false;
        return;
    }
    unsigned step = 1;
    if (w->minimise_steps >= LIMIT_MINIMISE_SINGLE) {
        unsigned steps_left = LIMIT_MINIMISE - w->minimise_steps;
        step = (missing + steps_left - 1) / steps_left;
        l->r->counters.limit_minimise += step > 1;
    }
    w->minimise_steps++;
    w->labels = (uint8_t)(from + step);
    w->probe = w->labels < all;
}

void minimise_first(struct lookup *l)
{
    l->walk.minimise_off = false;
    set_labels(l, name_labels(l->walk.cut->zone));
}

void minimise_next(struct lookup *l)
{
    set_labels(l, l->walk.labels);
}

void minimise_give_up(struct lookup *l)
{
    l->walk.minimise_off = true;
    l->walk.labels = (uint8_t)name_labels(l->key.name);
    l->walk.probe = false;
}

const uint8_t *minimise_name(const struct lookup *l)
{
    return name_suffix(l->key.name, l->walk.labels);
}

uint16_t minimise_type(const struct lookup *l)
{
    return l->walk.probe ? (uint16_t)TYPE_A : l->key.type;
}
