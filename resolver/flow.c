/*
 * See flow.h. A `struct flow` is a counter by keyed hash: of a zone's name, or of a server's
 * address. Two that share all 64 bits would share a limit, which nobody outside can bring about.
 *
 * The share of answered exchanges is smoothed over some thirty of them. FLOW_GOOD is low enough for
 * lossy lines: of packets of which a tenth is lost each way four in five exchanges are answered,
 * and the silent ones come in clusters, while of a dead zone's none is. Below it the limit falls by
 * a sixteenth with each silence, never under FLOW_LEAST, so that a zone that recovers is found;
 * above it grows by one with each answer while at least half of it is in use, which doubles it in a
 * round trip.
 *
 * When our own line stands still for a moment everything is silent at once, and the share falls as
 * that of a dead zone does. So for newcomers to be turned away the zone must not have answered
 * lately either; until then they wait in line.
 */
#include "resolver/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "resolver/lookup.h"

enum {
    FLOW_ONE = 1000, /* the share of answered exchanges, in thousandths */
    FLOW_GOOD = 400,
    FLOW_SMOOTH = 32,
    FLOW_LEAST = 20,
    FLOW_MOST = 65535,
    FLOW_LATELY_MS = 3000,
    FIRST_BUCKETS = 256,
    IDLE_MOST = 4096, /* that are remembered */
    IDLE_S = 60,      /* and how long */
};

enum flow_kind { FLOW_ZONE, FLOW_SERVER, FLOW_SOCKETS };

struct flow {
    struct flow *next; /* in its bucket */
    uint64_t key;
    struct list idle; /* in flows->idle while nobody is in it */
    struct list line; /* struct stay.in_line, longest first */
    uint32_t used;
    uint32_t limit;
    uint32_t waiting;
    uint32_t idle_since;
    uint64_t heard_ms; /* the last answer; 0: none so far */
    uint16_t share;    /* of FLOW_ONE */
    enum flow_kind kind;
    bool changed; /* worth remembering */
};

void flow_init(struct stay *s)
{
    list_init(&s->in_line);
}

/* ---- The table ----------------------------------------------------------------------------------
 */

static struct flow *find(const struct flows *fs, uint64_t key)
{
    struct flow *f = fs->buckets ? fs->buckets[key & (fs->bucket_count - 1)] : NULL;
    while (f && f->key != key)
        f = f->next;
    return f;
}

static void forget(struct flows *fs, struct flow *f)
{
    struct flow **at = &fs->buckets[f->key & (fs->bucket_count - 1)];
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    if (!list_empty(&f->idle)) {
        list_remove(&f->idle);
        fs->idle_count--;
    }
    fs->count--;
    free(f);
}

/* Doubles the table when it is full; staying as it was only makes chains longer. */
static void grow(struct flows *fs)
{
    size_t count = fs->bucket_count * 2;
    struct flow **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < fs->bucket_count; i++) {
        while (fs->buckets[i]) {
            struct flow *f = fs->buckets[i];
            fs->buckets[i] = f->next;
            f->next = buckets[f->key & (count - 1)];
            buckets[f->key & (count - 1)] = f;
        }
    }
    free(fs->buckets);
    fs->buckets = buckets;
    fs->bucket_count = count;
}

static struct flow *make(struct flows *fs, uint64_t key, enum flow_kind kind, uint32_t limit)
{
    struct flow *f = fs->buckets ? calloc(1, sizeof *f) : NULL;
    if (!f)
        return NULL;
    if (fs->count >= fs->bucket_count)
        grow(fs);
    f->key = key;
    f->kind = kind;
    f->limit = limit;
    f->share = FLOW_ONE;
    list_init(&f->idle);
    list_init(&f->line);
    f->next = fs->buckets[key & (fs->bucket_count - 1)];
    fs->buckets[key & (fs->bucket_count - 1)] = f;
    fs->count++;
    return f;
}

void flows_init(struct flows *fs)
{
    *fs = (struct flows){.buckets = calloc(FIRST_BUCKETS, sizeof(struct flow *)),
                         .bucket_count = FIRST_BUCKETS};
    list_init(&fs->idle);
    fs->sockets = make(fs, 0, FLOW_SOCKETS, FLOW_MOST);
}

void flows_deinit(struct flows *fs)
{
    for (size_t i = 0; fs->buckets && i < fs->bucket_count; i++) {
        while (fs->buckets[i]) {
            struct flow *f = fs->buckets[i];
            MUST(f->used == 0 && f->waiting == 0);
            fs->buckets[i] = f->next;
            free(f);
        }
    }
    free(fs->buckets);
}

static uint64_t zone_key(const struct lookup *l)
{
    uint8_t name[NAME_MAX_WIRE + 1];
    size_t size = name_lower(name, l->walk.cut->zone);
    name[size] = 'z'; /* no server has such a key */
    return hash_bytes(&l->r->config.key, name, size + 1);
}

static uint64_t server_key(const struct lookup *l, const struct endpoint *at)
{
    uint8_t bytes[19];
    bytes[0] = at->family;
    memcpy(bytes + 1, at->bytes, 16);
    store_u16(bytes + 17, at->port);
    return hash_bytes(&l->r->config.key, bytes, sizeof bytes);
}

/* Whom the operator names, and whom everybody needs, is not held up before it shows need. */
static bool starts_free(const struct lookup *l)
{
    return l->walk.kind != CUT_LEARNED || name_labels(l->walk.cut->zone) <= 1;
}

static struct flow *zone_of(struct lookup *l)
{
    uint64_t key = zone_key(l);
    struct flow *f = find(&l->r->flows, key);
    uint32_t configured = l->r->options->zone_flow;
    uint32_t first = configured ? configured : LIMIT_ZONE_FLOW;
    return f ? f : make(&l->r->flows, key, FLOW_ZONE, starts_free(l) ? FLOW_MOST : first);
}

static struct flow *server_of(struct lookup *l, const struct endpoint *at)
{
    uint64_t key = server_key(l, at);
    struct flow *f = find(&l->r->flows, key);
    uint32_t configured = l->r->options->server_flow;
    uint32_t first = configured ? configured : LIMIT_SERVER_FLOW;
    return f ? f : make(&l->r->flows, key, FLOW_SERVER, starts_free(l) ? FLOW_MOST : first);
}

/* ---- In and out ---------------------------------------------------------------------------------
 */

static void enter(struct flows *fs, struct flow *f)
{
    f->used++;
    if (list_empty(&f->idle))
        return;
    list_remove(&f->idle);
    fs->idle_count--;
}

static void rest(struct resolver *r, struct flow *f)
{
    struct flows *fs = &r->flows;
    if (!f->changed) {
        forget(fs, f);
        return;
    }
    f->idle_since = r->now;
    list_append(&fs->idle, &f->idle);
    fs->idle_count++;
    for (unsigned i = 0; i < 2 && !list_empty(&fs->idle); i++) {
        struct flow *first = CONTAINER_OF(fs->idle.next, struct flow, idle);
        if (fs->idle_count > IDLE_MOST || first->idle_since + IDLE_S < r->now)
            forget(fs, first);
    }
}

/* There is room: who waits the longest tries again. */
static void call_in(struct flow *f, uint32_t room)
{
    for (uint32_t i = 0; i < room && i < f->waiting; i++) {
        struct lookup *l = CONTAINER_OF(f->line.next, struct lookup, stay.in_line);
        list_remove(&l->stay.in_line);
        list_append(&f->line, &l->stay.in_line); /* its turn takes it out */
        if (list_empty(&l->ready))
            lookup__wake(l, EVENT_CHILD);
    }
}

static void leave(struct resolver *r, struct flow *f)
{
    MUST(f->used > 0);
    f->used--;
    if (f->waiting > 0)
        call_in(f, f->limit > f->used ? f->limit - f->used : 0);
    else if (f->used == 0)
        rest(r, f);
}

void flow_leave_zone(struct lookup *l)
{
    struct flow *f = l->stay.zone;
    l->stay.zone = NULL;
    if (f)
        leave(l->r, f);
}

struct flow *flow_enter_server(struct lookup *l, const struct endpoint *at)
{
    struct flow *f = server_of(l, at);
    if (f)
        enter(&l->r->flows, f);
    return f;
}

void flow_leave_server(struct lookup *l, struct flow **at)
{
    struct flow *f = *at;
    *at = NULL;
    if (f)
        leave(l->r, f);
}

static bool full(const struct flow *f)
{
    return f && f->used >= f->limit;
}

bool flow_server_full(const struct lookup *l, const struct endpoint *at)
{
    return full(find(&l->r->flows, server_key(l, at)));
}

/* ---- Waiting ------------------------------------------------------------------------------------
 */

void flow_leave_line(struct lookup *l)
{
    struct flow *f = l->stay.line;
    if (!f)
        return;
    l->stay.line = NULL;
    list_remove(&l->stay.in_line);
    f->waiting--;
    heap_remove(&l->r->timers, &l->timer.node);
    if (f->used == 0 && f->waiting == 0 && f->kind != FLOW_SOCKETS)
        rest(l->r, f);
}

static enum flow_entry refuse(struct lookup *l, const struct flow *f)
{
    struct counters *n = &l->r->counters;
    n->limit_zone_flow += f->kind == FLOW_ZONE;
    n->limit_server_flow += f->kind == FLOW_SERVER;
    n->limit_sockets += f->kind == FLOW_SOCKETS;
    return FLOW_REFUSED;
}

static bool is_dead(const struct flow *f, uint64_t now_ms)
{
    return f->share < FLOW_GOOD && (!f->heard_ms || f->heard_ms + FLOW_LATELY_MS < now_ms);
}

static enum flow_entry wait_for(struct lookup *l, struct flow *f)
{
    struct stay *s = &l->stay;
    if (!s->patience_ms)
        s->patience_ms = l->r->now_ms + LIMIT_FLOW_WAIT_MS;
    if (is_dead(f, l->r->now_ms) || f->waiting >= LIMIT_FLOW_LINE || l->r->now_ms >= s->patience_ms)
        return refuse(l, f);
    if (lookup__timer(l, s->patience_ms))
        return refuse(l, f);
    s->line = f;
    f->waiting++;
    list_append(&f->line, &s->in_line);
    return FLOW_WAIT;
}

enum flow_entry flow_enter(struct lookup *l, const struct endpoint *at)
{
    if (l->stay.zone) /* who is in may go on: a moment's silence must not fail them all */
        return FLOW_IN;
    struct flow *zone = zone_of(l), *server = find(&l->r->flows, server_key(l, at));
    if (full(zone))
        return wait_for(l, zone);
    if (full(server))
        return wait_for(l, server);
    if (zone)
        enter(&l->r->flows, zone);
    l->stay.zone = zone;
    l->stay.patience_ms = 0;
    return FLOW_IN;
}

enum flow_entry flow_wait_socket(struct lookup *l)
{
    struct flow *f = l->r->flows.sockets;
    if (f)
        return wait_for(l, f);
    l->r->counters.limit_sockets++;
    return FLOW_REFUSED;
}

void flow_socket_free(struct resolver *r)
{
    struct flow *f = r->flows.sockets;
    if (f && f->waiting > 0)
        call_in(f, 1);
}

/* ---- What the limits become ---------------------------------------------------------------------
 */

static void note(struct flow *f, bool answered, uint64_t now_ms)
{
    if (answered) {
        f->heard_ms = now_ms;
        f->share = (uint16_t)(f->share + (FLOW_ONE - f->share + FLOW_SMOOTH - 1) / FLOW_SMOOTH);
        if (f->share >= FLOW_GOOD && f->used >= f->limit / 2 && f->limit < FLOW_MOST) {
            f->limit++;
            f->changed = true;
        }
        return;
    }
    f->share = (uint16_t)(f->share - f->share / FLOW_SMOOTH);
    f->changed = true;
    if (f->share >= FLOW_GOOD)
        return;
    uint32_t base = f->limit < f->used ? f->limit : f->used;
    base -= base / 16 + 1;
    f->limit = base > FLOW_LEAST ? base : FLOW_LEAST;
}

void flow_heard(struct lookup *l, struct flow *server, bool answered)
{
    if (server)
        note(server, answered, l->r->now_ms);
    if (l->stay.zone)
        note(l->stay.zone, answered, l->r->now_ms);
}
