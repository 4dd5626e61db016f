/*
 * The root's name servers (RFC 9609). The hints are asked once for the root's NS set, whoever needs
 * it waits, and what they answer is used until its TTL is over. A question that finds it near its
 * end has it asked for anew in the background, so that nobody waits for it again.
 *
 * Priming that fails is tried again when the next question comes, at first after
 * LIMIT_PRIME_RETRY_MS, then after twice as long each time, counted from its beginning; until then
 * questions that need the root fail at once.
 */
#include "resolver/classify.h"

enum { ROOT_NEAR_END = 10 }; /* the last tenth of its life */

static enum err prime_key(struct key_draft *d)
{
    return lookup__key(d, name_root, TYPE_NS, LOOKUP_PRIME);
}

static bool must_pause(const struct resolver *r)
{
    const struct priming *p = &r->priming;
    if (!p->failures || p->under_way || root_copy_holds(r))
        return false;
    uint64_t pause = (uint64_t)LIMIT_PRIME_RETRY_MS << (p->failures < 8 ? p->failures - 1 : 7);
    return r->now_ms <
           p->started_ms + (pause < LIMIT_PRIME_PAUSE_MS ? pause : LIMIT_PRIME_PAUSE_MS);
}

void root_asked(struct resolver *r)
{
    r->priming.under_way = true;
    r->priming.started_ms = r->now_ms;
}

void root_ended(struct resolver *r, enum reason reason)
{
    struct priming *p = &r->priming;
    bool failed = reason == REASON_ROOT_UNREACHABLE || reason == REASON_NO_SERVERS ||
                  reason == REASON_NO_TRANSPORT;
    p->failures = failed ? (uint8_t)(p->failures < UINT8_MAX ? p->failures + 1 : UINT8_MAX) : 0;
}

enum next root_need(struct lookup *l)
{
    struct key_draft draft;
    struct edge *e;
    if (must_pause(l->r))
        return lookup__fail(l, REASON_ROOT_UNREACHABLE);
    if (prime_key(&draft))
        return lookup__fail(l, REASON_WORK_SIZE);
    enum need need = waits_need(l, &draft.key, EDGE_PRIME, &e);
    if (need != NEED_WAITS)
        return lookup__fail(l, need == NEED_NOMEM ? REASON_WORK_SIZE : REASON_DEPENDENCY_LOOP);
    l->step = STEP_AWAIT_ROOT;
    return NEXT_WAIT;
}

/* Its life is reckoned from when it was first seen: another worker may have asked for it. */
static void note_life(struct resolver *r, const struct delegation *root)
{
    if (root->expiry == r->priming.expiry)
        return;
    r->priming.expiry = root->expiry;
    r->priming.seen = r->now;
}

void root_refresh(struct resolver *r, const struct delegation *root)
{
    struct priming *p = &r->priming;
    struct key_draft draft;
    struct lookup *l;
    bool made;
    note_life(r, root);
    if (!r->options->prime || must_pause(r) ||
        (uint64_t)(root->expiry - r->now) * ROOT_NEAR_END > root->expiry - p->seen ||
        prime_key(&draft))
        return;
    /* Nobody waits for it. Without memory it is not asked for: it may expire. */
    if (lookup__get(r, &draft.key, 0, &l, &made))
        r->counters.limit_work++;
}

/*
 * The root's own NS answer makes the root's delegation. Addresses that did not come along are taken
 * from the hints (a priming response cut short, RFC 9609 §4.2).
 */
void root_take(struct lookup *l, const struct message *m, const struct classified *c,
               const struct asked *q)
{
    struct delegation d;
    l->r->counters.limit_delegation += !referral_delegation(m, c->answer.at[0], q, &d);
    const struct delegation *hints = l->r->options->hints;
    uint32_t glued = 0;
    for (unsigned i = 0; i < d.address_count; i++)
        glued |= 1U << d.address[i].ns;
    for (unsigned i = 0; i < hints->address_count; i++) {
        for (uint8_t ns = 0; ns < d.ns_count; ns++) {
            bool missing = !(glued >> ns & 1) && d.address_count < DELEGATION_ADDRESS_MAX;
            if (missing && name_equal(d.ns[ns], hints->ns[hints->address[i].ns]))
                d.address[d.address_count++] =
                    (struct delegation_address){.ns = ns, .at = hints->address[i].at};
        }
    }
    note_life(l->r, &d);
    if (d.address_count)
        cache_put_delegation(l->r->config.cache, &d, l->r->now);
}

enum next step_await_root(struct lookup *l, const struct event *e)
{
    (void)e;
    struct delegation found;
    enum reason reason = REASON_NONE;
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *edge = CONTAINER_OF(it, struct edge, in_parent);
        if (edge->child)
            return NEXT_WAIT;
        reason = edge->reason;
        waits_drop(edge);
    }
    if (!cache_get_delegation(l->r->config.cache, name_root, l->r->now, &found))
        return cut_start(l, delegation_copy(&l->arena, &found), CUT_LEARNED);
    if (reason == REASON_ROOT_UNREACHABLE || reason == REASON_NO_SERVERS ||
        reason == REASON_WORK_SIZE)
        return lookup__fail(l, reason);
    /* They are there but their answer was of no use (or not to be cached): the hints have to do. */
    return cut_start(l, delegation_copy(&l->arena, l->r->options->hints), CUT_LEARNED);
}
