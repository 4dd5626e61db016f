/*
 * Who waits for whom, and who pays.
 *
 * Lookups and the edges between them are a directed graph without loops: before an edge is added,
 * the graph below the child is searched for the parent, and an edge that would close a loop fails
 * that need only (a zone whose name servers live in each other's zones must not wait for itself for
 * ever). The search is bounded; past the bound an edge counts as a loop.
 *
 * What a lookup spends is charged to every client from which it can be reached going up: each of
 * them caused it. Nobody pays twice for one message, however many ways lead up to him (marks). A
 * client that cannot pay is detached with a SERVFAIL of its own; the lookup goes on for the others.
 */
#include "base/must.h"
#include "resolver/lookup.h"

/* Is `goal` at or below `l`? `*left` vertices may still be looked at. */
static bool reaches(struct lookup *l, const struct lookup *goal, uint64_t mark, unsigned *left)
{
    if (l == goal)
        return true;
    if (l->waits.mark == mark)
        return false;
    l->waits.mark = mark;
    if (*left == 0)
        return true;
    --*left;
    LIST_EACH (it, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->child && reaches(e->child, goal, mark, left))
            return true;
    }
    return false;
}

static const char *edge_text(enum edge_kind kind)
{
    static const char *const text[] = {[EDGE_ALIAS] = "alias",
                                       [EDGE_ADDRESS] = "address of a name server",
                                       [EDGE_PRIME] = "root's name servers",
                                       [EDGE_OWN_NS] = "zone's own name servers",
                                       [EDGE_CHAIN] = "chain of trust"};
    return text[kind];
}

enum need waits_need(struct lookup *parent, const struct lookup_key *key, enum edge_kind kind,
                     struct edge **out)
{
    struct resolver *r = parent->r;
    unsigned depth = parent->waits.depth + (kind == EDGE_ADDRESS ? 1U : 0U);
    if (depth > LIMIT_DEPTH) {
        r->counters.limit_depth++;
        return NEED_DEPTH;
    }
    struct edge *e = arena_calloc(&parent->arena, 1, sizeof *e);
    if (!e)
        return NEED_NOMEM;
    struct lookup *child;
    bool made;
    if (lookup__get(r, key, depth, &child, &made))
        return NEED_NOMEM;
    unsigned left = LIMIT_LOOP_SEARCH;
    if (!made && reaches(child, parent, ++r->mark, &left)) {
        r->counters.loops++;
        lookup__check_orphan(child);
        return NEED_LOOP;
    }
    e->parent = parent;
    e->child = child;
    e->kind = kind;
    list_append(&parent->waits.children, &e->in_parent);
    list_append(&child->waits.parents, &e->in_child);
    if (lookup__watched(parent))
        lookup__tell(parent, (struct traced_event){.kind = TRACED_NEED,
                                                   .child = child->number,
                                                   .name = child->key.name,
                                                   .type = child->key.type,
                                                   .what = edge_text(kind)});
    *out = e;
    return NEED_WAITS;
}

void waits_drop(struct edge *e)
{
    list_remove(&e->in_parent);
    if (e->child) {
        list_remove(&e->in_child);
        lookup__check_orphan(e->child);
        e->child = NULL;
    }
}

bool waits_pending(const struct lookup *l)
{
    LIST_EACH (it, &l->waits.children)
        if (CONTAINER_OF(it, struct edge, in_parent)->child)
            return true;
    return false;
}

void waits_detach(struct client *c, enum reason reason)
{
    struct lookup *l = c->lookup;
    if (!l)
        return;
    heap_remove(&l->r->timers, &c->timer.node);
    list_remove(&c->age);
    list_remove(&c->link);
    list_append(&l->r->detached, &c->link);
    c->lookup = NULL;
    c->reason = reason;
    lookup__check_orphan(l);
}

static bool pay16(uint16_t *left, uint32_t amount)
{
    if (*left < amount)
        return false;
    *left = (uint16_t)(*left - amount);
    return true;
}

static bool pay32(uint32_t *left, uint32_t amount)
{
    if (*left < amount)
        return false;
    *left -= amount;
    return true;
}

static bool client_pays(struct client *c, enum charge what, uint32_t amount)
{
    switch (what) {
    case CHARGE_PACKETS:
        return pay32(&c->budget.packets, amount);
    case CHARGE_BYTES:
        return pay32(&c->budget.bytes, amount);
    case CHARGE_ALIASES:
        return pay16(&c->budget.aliases, amount);
    case CHARGE_NS_LOOKUPS:
        return pay16(&c->budget.ns_lookups, amount);
    }
    MUST(false);
    return false;
}

static enum reason count_detached(struct counters *n, enum charge what)
{
    switch (what) {
    case CHARGE_PACKETS:
        n->limit_packets++;
        return REASON_BUDGET_PACKETS;
    case CHARGE_BYTES:
        n->limit_bytes++;
        return REASON_BUDGET_BYTES;
    case CHARGE_ALIASES:
        n->limit_aliases++;
        return REASON_BUDGET_ALIASES;
    case CHARGE_NS_LOOKUPS: /* detaches nobody */
        break;
    }
    MUST(false);
    return REASON_NONE;
}

/*
 * Without a further look-up of a name server a lookup may still succeed by the servers that it
 * knows: it is only not made. All else that cannot be paid ends the client's wait.
 */
static bool is_optional(enum charge what)
{
    return what == CHARGE_NS_LOOKUPS;
}

/* Charges the clients at and above `l`; returns how many paid. */
static unsigned charge_up(struct lookup *l, uint64_t mark, enum charge what, uint32_t amount)
{
    if (l->waits.mark == mark)
        return 0;
    l->waits.mark = mark;
    unsigned paid = 0;
    LIST_EACH_SAFE (it, tmp, &l->waits.clients) {
        struct client *c = CONTAINER_OF(it, struct client, link);
        if (client_pays(c, what, amount))
            paid++;
        else if (!is_optional(what))
            waits_detach(c, count_detached(&l->r->counters, what));
    }
    LIST_EACH (it, &l->waits.parents) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_child);
        paid += charge_up(e->parent, mark, what, amount);
    }
    return paid;
}

/*
 * Nobody is left above `l` who could pay: it and all that wait for it end in this turn, and nobody
 * may join them meanwhile.
 */
static void doom_up(struct lookup *l, uint64_t mark)
{
    if (l->waits.mark == mark)
        return;
    l->waits.mark = mark;
    l->cancelled = true;
    if (list_empty(&l->ready))
        list_append(&l->r->ready, &l->ready);
    LIST_EACH (it, &l->waits.parents)
        doom_up(CONTAINER_OF(it, struct edge, in_child)->parent, mark);
}

bool waits_charge(struct lookup *l, enum charge what, uint32_t amount)
{
    /* Priming serves everybody: it has a budget of its own. */
    if (l->key.flags & LOOKUP_PRIME) {
        if (what != CHARGE_PACKETS)
            return true;
        if (l->system_packets < amount) {
            l->r->counters.limit_prime++;
            return false;
        }
        l->system_packets = (uint8_t)(l->system_packets - amount);
        return true;
    }
    if (charge_up(l, ++l->r->mark, what, amount) > 0)
        return true;
    if (!is_optional(what))
        doom_up(l, ++l->r->mark);
    return false;
}

static bool spare_up(struct lookup *l, uint64_t mark)
{
    if (l->waits.mark == mark)
        return true;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients)
        if (CONTAINER_OF(it, struct client, link)->budget.ns_lookups <= LIMIT_NS_PER_DELEGATION)
            return false;
    LIST_EACH (it, &l->waits.parents)
        if (!spare_up(CONTAINER_OF(it, struct edge, in_child)->parent, mark))
            return false;
    return true;
}

bool waits_spare_look_ups(struct lookup *l)
{
    return spare_up(l, ++l->r->mark);
}

static void lost_up(struct lookup *l, uint64_t mark, unsigned i)
{
    if (l->waits.mark == mark)
        return;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients) {
        struct budget *b = &CONTAINER_OF(it, struct client, link)->budget;
        if (b->lost[i] == LIMIT_FAMILY_LOST)
            continue;
        b->lost[i]++;
        l->r->counters.limit_family += b->lost[i] == LIMIT_FAMILY_LOST;
    }
    LIST_EACH (it, &l->waits.parents)
        lost_up(CONTAINER_OF(it, struct edge, in_child)->parent, mark, i);
}

void waits_lost(struct lookup *l, uint8_t family)
{
    lost_up(l, ++l->r->mark, family == 6);
}

/* Has anybody at or above `l` messages left that may be lost? Who does not pay has. */
static bool may_lose(struct lookup *l, uint64_t mark, unsigned i)
{
    bool alone = list_empty(&l->waits.clients) && list_empty(&l->waits.parents);
    if (l->waits.mark == mark || alone)
        return alone;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients)
        if (CONTAINER_OF(it, struct client, link)->budget.lost[i] < LIMIT_FAMILY_LOST)
            return true;
    LIST_EACH (it, &l->waits.parents)
        if (may_lose(CONTAINER_OF(it, struct edge, in_child)->parent, mark, i))
            return true;
    return false;
}

bool waits_family_spent(struct lookup *l, uint8_t family)
{
    const struct resolver_options *o = l->r->options;
    return o->use_ipv4 && o->use_ipv6 && !may_lose(l, ++l->r->mark, family == 6);
}

static void refund_up(struct lookup *l, uint64_t mark)
{
    if (l->waits.mark == mark)
        return;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients)
        CONTAINER_OF(it, struct client, link)->budget.packets++;
    LIST_EACH (it, &l->waits.parents)
        refund_up(CONTAINER_OF(it, struct edge, in_child)->parent, mark);
}

void waits_refund_packet(struct lookup *l)
{
    if (l->key.flags & LOOKUP_PRIME)
        l->system_packets++;
    else
        refund_up(l, ++l->r->mark);
}

/* ---- Checks of signatures ----------------------------------------------------------------------
 */

static uint16_t more16(uint16_t a, uint16_t b)
{
    return a > b ? a : b;
}

static void most_left(struct lookup *l, uint64_t mark, struct dnssec_work *most)
{
    if (l->waits.mark == mark)
        return;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients) {
        const struct dnssec_work *w = &CONTAINER_OF(it, struct client, link)->budget.checks;
        most->price = most->price > w->price ? most->price : w->price;
        most->good = more16(most->good, w->good);
        most->failed = more16(most->failed, w->failed);
        most->blocks = more16(most->blocks, w->blocks);
    }
    LIST_EACH (it, &l->waits.parents)
        most_left(CONTAINER_OF(it, struct edge, in_child)->parent, mark, most);
}

struct dnssec_work waits_checks(struct lookup *l)
{
    struct dnssec_work most = {0};
    most_left(l, ++l->r->mark, &most);
    return most;
}

static void take16(uint16_t *left, uint16_t amount)
{
    *left = (uint16_t)(*left > amount ? *left - amount : 0);
}

static void charge_checks_up(struct lookup *l, uint64_t mark, const struct dnssec_work *spent)
{
    if (l->waits.mark == mark)
        return;
    l->waits.mark = mark;
    LIST_EACH (it, &l->waits.clients) {
        struct dnssec_work *w = &CONTAINER_OF(it, struct client, link)->budget.checks;
        w->price -= w->price > spent->price ? spent->price : w->price;
        take16(&w->good, spent->good);
        take16(&w->failed, spent->failed);
        take16(&w->blocks, spent->blocks);
    }
    LIST_EACH (it, &l->waits.parents)
        charge_checks_up(CONTAINER_OF(it, struct edge, in_child)->parent, mark, spent);
}

void waits_charge_checks(struct lookup *l, const struct dnssec_work *spent)
{
    charge_checks_up(l, ++l->r->mark, spent);
}
