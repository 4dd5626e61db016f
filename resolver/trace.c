/*
 * What lookups say of themselves: one logfmt line an event, to the debug log and to the trace; and
 * events for the tracer.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "resolver/lookup.h"

bool lookup__traced(const struct resolver *r)
{
    return r->config.trace || log_on(LOG_DEBUG);
}

void lookup__trace(const struct lookup *l, const char *event, const char *fmt, ...)
{
    if (!lookup__traced(l->r))
        return;
    char details[1536], name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], line[3072];
    va_list args;
    va_start(args, fmt);
    vsnprintf(details, sizeof details, fmt, args);
    va_end(args);
    snprintf(line, sizeof line, "for=%s/%s %s", name_text(l->key.name, name),
             type_text(l->key.type, type), details);
    LOG(LOG_DEBUG, event, "%s", line);
    if (l->r->config.trace) {
        char whole[3200];
        snprintf(whole, sizeof whole, "%s %s", event, line);
        l->r->config.trace(l->r->config.trace_ctx, whole);
    }
}

void lookup__tell(const struct lookup *l, struct traced_event e)
{
    const struct tracer *t = l->r->config.tracer;
    e.lookup = l->number;
    if (t)
        t->event(t->ctx, &e);
}

struct traced_event lookup__event_of(const struct lookup *l, enum traced kind,
                                     const struct exchange *x)
{
    const struct delegation *cut = l->walk.cut;
    bool named = l->walk.kind == CUT_LEARNED && x->to->ns < cut->ns_count;
    return (struct traced_event){.kind = kind,
                                 .name = x->name,
                                 .type = x->type,
                                 .zone = cut->zone,
                                 .server = x->to->flags & CANDIDATE_COPY ? NULL : &x->to->at,
                                 .server_name = named ? cut->ns[x->to->ns] : NULL,
                                 .via = x->via,
                                 .ms = (uint32_t)(l->r->now_ms - x->sent_ms)};
}
