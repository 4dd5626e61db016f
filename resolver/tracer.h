/*
 * What a resolver tells of its walk, event by event, to whoever set `tracer` in its configuration.
 * Beside the text lines of trace.c, which are for logs: this is for programs (`nuthatch trace`).
 * Without a tracer it costs one pointer test a place. What an event points to holds during the call
 * only.
 */
#ifndef RESOLVER_TRACER_H
#define RESOLVER_TRACER_H

#include "base/world.h"
#include "resolver/outcome.h"

enum traced {
    TRACED_NEED,    /* `lookup` waits for `child`: name, type, what: "address", "alias", … */
    TRACED_CUT,     /* the walk stands at `zone`; what: "referral", "known", "stub", "forward" */
    TRACED_SEND,    /* a message: name, type, zone, server, server_name, via */
    TRACED_REPLY,   /* the same, ms, what: its kind, message, kept; no server: the local root */
    TRACED_IGNORED, /* a message that does not count: what says why */
    TRACED_SILENT,  /* no reply within ms: server, via */
    TRACED_BROKEN,  /* no reply can come: what says why */
    TRACED_VERDICT, /* what: "secure", "insecure", …; reason; kept: what was judged, set by set */
    TRACED_END,     /* of the lookup: rcode, reason, kept: its records */
};

struct rrsets;
struct message;

struct traced_event {
    enum traced kind;
    uint32_t lookup; /* numbers, unique within the resolver */
    uint32_t child;
    const uint8_t *name;
    uint16_t type;
    uint16_t rcode;
    const uint8_t *zone;
    const char *what;
    enum reason reason;
    const struct endpoint *server;
    const uint8_t *server_name; /* NULL: the configuration named only its address */
    enum transport via;
    uint32_t ms;
    const struct message *message; /* as it came */
    const struct rrsets *kept[2];  /* of it, what was believed: answer, authority; NULL: nothing */
    const struct rrset *referral;  /* the NS set that leads on */
};

struct tracer {
    void *ctx;
    void (*event)(void *ctx, const struct traced_event *e);
};

#endif
