/*
 * How much may be in flight at a zone and at a server (limits.def: ZONE_FLOW, SERVER_FLOW).
 *
 * A zone counts the lookups that are at work in it, a server the messages that wait for its reply.
 * Each begins with the table's limit and is moved by how it does: answers raise the limit while it
 * is in use, so that a busy zone is not held up; silence lowers it, so that questions under a dead
 * one (random sub-domains) hold few lookups. Root, TLD, stub and forward servers begin without.
 *
 * Who finds a limit reached waits a moment in line if answers do come or came lately, and else
 * fails at once: waiting for a silent zone would only be more work held.
 */
#ifndef RESOLVER_FLOW_H
#define RESOLVER_FLOW_H

#include "base/hash.h"
#include "base/list.h"
#include "base/world.h"

struct lookup;
struct resolver;
struct flow;

struct flows {
    struct flow **buckets; /* NULL: there was no memory, and nothing is limited */
    size_t bucket_count;   /* a power of two */
    size_t count;
    struct flow *sockets; /* nobody is counted there; its line waits for one */
    struct list idle; /* nobody is in them, but what was learned is kept a while; oldest first */
    size_t idle_count;
};

void flows_init(struct flows *f);
void flows_deinit(struct flows *f);

/* What a lookup holds of this; zeroed, then flow_init. */
struct stay {
    struct flow *zone; /* it is counted there */
    struct flow *line; /* it waits for a place there */
    struct list in_line;
    uint64_t patience_ms; /* how long it waits; 0: it has not begun to */
};

void flow_init(struct stay *s);

enum flow_entry { FLOW_IN, FLOW_WAIT, FLOW_REFUSED };
/*
 * Before a message goes to `at`: takes a place in the lookup's present zone unless it has one, and
 * looks whether the server has one. FLOW_WAIT: it is in line, its timer is set, and it will be
 * woken; call again then. FLOW_REFUSED: it is to fail.
 */
enum flow_entry flow_enter(struct lookup *l, const struct endpoint *at);
/* The world has no socket for it: in line until an exchange ends, or refused. */
enum flow_entry flow_wait_socket(struct lookup *l);
void flow_socket_free(struct resolver *r);
/* It waits no more, for whatever reason. */
void flow_leave_line(struct lookup *l);
/* It leaves the zone. */
void flow_leave_zone(struct lookup *l);

/* A message goes to the server; NULL where there is no memory to count it. */
struct flow *flow_enter_server(struct lookup *l, const struct endpoint *at);
void flow_leave_server(struct lookup *l, struct flow **f);
bool flow_server_full(const struct lookup *l, const struct endpoint *at);

/* How an exchange with the server (may be NULL) went, of which the lookup's zone takes note too. */
void flow_heard(struct lookup *l, struct flow *server, bool answered);

#endif
