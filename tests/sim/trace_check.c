#include "tests/sim/trace_check.h"

#include "dns/types.h"

static void expect(struct trace_check *c, const struct traced_event *e, bool holds,
                   const char *wrong)
{
    if (holds || c->wrong)
        return;
    c->wrong = wrong;
    c->lookup = e->lookup;
}

static void check_message(struct trace_check *c, const struct traced_event *e, struct told *t)
{
    bool of_copy = e->kind == TRACED_REPLY && !e->server;
    expect(c, e, (e->server || of_copy) && e->name && e->zone,
           "a message without server, name or zone");
    if (of_copy)
        return;
    if (e->kind == TRACED_SEND) {
        t->out++;
        return;
    }
    expect(c, e, t->out > 0, "something was heard of a message that was not sent");
    bool over = e->kind != TRACED_IGNORED;
    t->out = (uint16_t)(t->out - (over && t->out > 0));
}

static void check_end(struct trace_check *c, const struct traced_event *e, struct told *t)
{
    t->ended = true;
    expect(c, e, e->rcode != RCODE_SERVFAIL || e->reason, "a SERVFAIL without reason");
    expect(c, e, e->rcode <= RCODE_NXDOMAIN || e->rcode == RCODE_YXDOMAIN || e->reason,
           "an odd rcode without reason");
}

static void on_event(void *ctx, const struct traced_event *e)
{
    struct trace_check *c = ctx;
    expect(c, e, e->lookup != 0, "a lookup without number");
    if (e->lookup == 0 || e->lookup >= TRACE_CHECK_LOOKUPS)
        return;
    struct told *t = &c->told[e->lookup];
    expect(c, e, !t->ended, "something was told of a lookup after its end");
    switch (e->kind) {
    case TRACED_NEED:
        expect(c, e, e->child != 0 && e->child != e->lookup, "a need without another lookup");
        expect(c, e, e->name && e->what, "a need without name or reason");
        break;
    case TRACED_CUT:
        expect(c, e, e->zone && e->what, "a cut without zone");
        break;
    case TRACED_SEND:
    case TRACED_REPLY:
    case TRACED_IGNORED:
    case TRACED_SILENT:
    case TRACED_BROKEN:
        check_message(c, e, t);
        break;
    case TRACED_VERDICT:
        expect(c, e, e->what != NULL, "a verdict that says nothing");
        break;
    case TRACED_END:
        check_end(c, e, t);
        break;
    }
}

void trace_check_begin(struct trace_check *c)
{
    c->tracer = (struct tracer){.ctx = c, .event = on_event};
}
