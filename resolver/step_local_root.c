/*
 * The root's servers need not be asked where a copy of their zone is at hand (RFC 8806). What it
 * says takes the way of a reply: it is read, classified, scrubbed and validated like one, so
 * nothing below knows the difference, and no client can see it. It costs no message and nobody's
 * budget.
 *
 * The copy counts while the root's own SOA says so. When it does not, or when what it said was of
 * no use (bogus, say), this lookup goes on with the root's servers as if there were none.
 */
#include "resolver/lookup.h"
#include "zones/local_root.h"

/* As much as the root says to one question, four times over; more is asked of its servers. */
enum { REPLY_MAX = 16384, NO_NAME_SERVER = UINT8_MAX };

bool root_copy_holds(const struct resolver *r)
{
    const struct local_root *copy = r->options->local_root;
    return copy && local_root_until_ms(copy) > r->now_ms;
}

bool root_copy_serves(const struct lookup *l)
{
    const struct walk *w = &l->walk;
    return w->kind == CUT_LEARNED && !*w->cut->zone && root_copy_holds(l->r) &&
           !(w->copy && w->copy->to->flags & CANDIDATE_OVER);
}

/* The exchange and server that what follows a reply looks at. */
static struct exchange *stand_in(struct lookup *l)
{
    struct walk *w = &l->walk;
    struct candidate *to = w->copy ? w->copy->to : arena_calloc(&l->arena, 1, sizeof *to);
    if (!w->copy)
        w->copy = arena_alloc(&l->arena, sizeof *w->copy);
    if (!to || !w->copy)
        return NULL;
    to->flags = CANDIDATE_COPY;
    to->ns = NO_NAME_SERVER;
    *w->copy = (struct exchange){
        .to = to, .name = minimise_name(l), .type = minimise_type(l), .sent_ms = l->r->now_ms};
    return w->copy;
}

static enum err read_copy(struct lookup *l, const struct exchange *x, struct message **out)
{
    uint8_t bytes[REPLY_MAX];
    size_t size;
    enum message_fault fault;
    arena_deinit(&l->reply);
    enum err e =
        local_root_answer(l->r->options->local_root, x->name, x->type, bytes, sizeof bytes, &size);
    return e ? e : message_parse(&l->reply, bytes, size, l->r->now, out, &fault);
}

enum next step_ask_copy(struct lookup *l, const struct event *e)
{
    (void)e;
    struct exchange *x = stand_in(l);
    struct message *m;
    enum err err = x ? read_copy(l, x, &m) : ERR_NOMEM;
    if (err == ERR_NOMEM)
        return lookup__fail(l, REASON_WORK_SIZE);
    if (err) {
        x->to->flags |= CANDIDATE_OVER;
        l->step = STEP_CHOOSE_SERVER;
        return NEXT_STEP;
    }
    l->r->counters.local_root++;
    l->exchange = x;
    l->event.message = m;
    lookup__wake(l, EVENT_REPLY);
    l->step = STEP_CLASSIFY;
    return NEXT_WAIT;
}
