/*
 * One client message in: judged, allowed, answered from the answer cache or handed to the resolver.
 *
 * The way of a hit is this file's front_query down to `hit`: no allocation, no lock, no parsing
 * beyond header, question and OPT. What is not a hit gets a `struct pending` in an arena of its
 * own, which embeds the resolver's client.
 */
#include "resolver/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "resolver/front_reply.h"
#include "resolver/lookup.h"

enum { PENDING_BUCKETS = 1024, ASKED_SLOTS = 4096 };

struct pending {
    struct client client;
    struct list in_bucket;
    struct front *front;
    struct arena arena;
    struct asker asker;
    struct crowd_ticket ticket;
    uint64_t since_ms;
    uint64_t request;
    uint8_t qname[]; /* as sent */
};

struct front {
    struct front_config config;
    struct counters *counters;
    struct crowd *crowd;
    bool stopping;
    struct list buckets[PENDING_BUCKETS];
    uint32_t asked[ASKED_SLOTS]; /* hashes of questions, the newer in place of the older */
    uint8_t reply[DNS_MESSAGE_MAX];
    uint16_t ttl_offsets[WRITER_TTLS_MAX];
};

enum err front_new(struct front **out, const struct front_config *config)
{
    struct front *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_NOMEM;
    for (unsigned i = 0; i < PENDING_BUCKETS; i++)
        list_init(&f->buckets[i]);
    if (crowd_new(&f->crowd, &config->key)) {
        free(f);
        return ERR_NOMEM;
    }
    front_configure(f, config);
    *out = f;
    return OK;
}

/* A source's questions are dealt out among the workers evenly, and so are its bounds; one question
 * is one worker's. */
static uint32_t share(const struct front *f, uint32_t configured, uint32_t otherwise)
{
    uint32_t workers = f->config.workers > 1 ? f->config.workers : 1;
    return ((configured ? configured : otherwise) + workers - 1) / workers;
}

void front_configure(struct front *f, const struct front_config *config)
{
    f->config = *config;
    struct crowd_limits *l = &f->config.limits;
    l->queries = share(f, l->queries, LIMIT_SOURCE_QUERIES);
    l->held = share(f, l->held, LIMIT_HELD_ANSWERS);
    l->repeats = l->repeats ? l->repeats : LIMIT_SOURCE_REPEATS;
    f->counters = resolver_counters(config->resolver);
}

static void pending_free(struct pending *p)
{
    list_remove(&p->in_bucket);
    crowd_leave(p->front->crowd, &p->ticket);
    struct arena arena = p->arena;
    arena_deinit(&arena);
}

void front_stop(struct front *f)
{
    f->stopping = true;
}

void front_free(struct front *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < PENDING_BUCKETS; i++) {
        LIST_EACH_SAFE (it, tmp, &f->buckets[i]) {
            struct pending *p = CONTAINER_OF(it, struct pending, in_bucket);
            resolver_forget(f->config.resolver, &p->client);
            pending_free(p);
        }
    }
    crowd_free(f->crowd);
    free(f);
}

static const char *unless_empty(const char *text)
{
    return text && *text ? text : NULL;
}

static struct list *bucket_of(struct front *f, uint64_t request)
{
    return &f->buckets[(request ^ request >> 32) % PENDING_BUCKETS];
}

void front_cancel(struct front *f, uint64_t request)
{
    LIST_EACH (it, bucket_of(f, request)) {
        struct pending *p = CONTAINER_OF(it, struct pending, in_bucket);
        if (p->request == request) {
            resolver_forget(f->config.resolver, &p->client);
            pending_free(p);
            return;
        }
    }
}

static void log_query(const struct front *f, const struct asker *a, const struct outcome *o,
                      const char *from)
{
    if (!f->config.query_log || !log_on(LOG_NOTICE))
        return;
    char client[ADDR_TEXT_MAX], name[NAME_TEXT_MAX], quoted[NAME_TEXT_MAX + 8], type[TYPE_TEXT_MAX],
        rcode[RCODE_TEXT_MAX];
    LOG(LOG_NOTICE, "query", "client=%s via=%s name=%s type=%s rcode=%s from=%s reason=%s",
        endpoint_text(&a->client, client), a->via == TRANSPORT_TCP ? "tcp" : "udp",
        log_quote(quoted, sizeof quoted, name_text(a->qname, name)), type_text(a->qtype, type),
        rcode_text(o->rcode, rcode), from, reason_name(o->reason));
}

static uint64_t question_hash(const struct front *f, const struct asker *asker)
{
    uint8_t bytes[NAME_MAX_WIRE + 2];
    size_t size = name_lower(bytes, asker->qname);
    store_u16(bytes + size, asker->qtype);
    return hash_bytes(&f->config.key, bytes, size + 2);
}

/* ---- The later answer ---------------------------------------------------------------------------
 */

/* Was it asked a while ago? A flood of names passes through the slots and leaves no more than them.
 */
static bool is_repeated(struct front *f, const struct asker *asker)
{
    uint64_t hash = question_hash(f, asker);
    uint32_t *slot = &f->asked[hash % ASKED_SLOTS], tag = (uint32_t)(hash >> 32);
    bool repeated = *slot == tag;
    *slot = tag;
    return repeated;
}

/*
 * Served from RRsets: asked a second time, so worth an entry of its own. One with more than RRsets
 * can give back (full responses, a wildcard's proof, why it is insecure) is built at once. One made
 * of denials leaves nothing by which the second time could be told, so that is noted here.
 */
static void build_answer_entry(struct front *f, const struct pending *p, const struct outcome *o,
                               uint32_t now)
{
    struct answer a;
    bool again =
        o->source == SOURCE_CACHE || (o->source == SOURCE_DENIALS && is_repeated(f, &p->asker));
    bool full = o->source == SOURCE_RESOLVED && o->answer_count > 0 &&
                (o->additional_count + o->authority_count > 0 || o->why != WHY_NONE);
    if (!(again || full) || o->reason || p->asker.qtype == TYPE_ANY)
        return;
    size_t size = front__write_answer(&p->asker, o, now, &a, f->reply, f->ttl_offsets);
    if (!size)
        return;
    uint8_t name[NAME_MAX_WIRE];
    struct answer_key key = front__answer_key(&p->asker, name);
    cache_put_answer(f->config.cache, &key, &a, now);
}

static void count_outcome(struct counters *n, const struct outcome *o)
{
    if (o->rcode == RCODE_SERVFAIL)
        n->answers_servfail++;
    else if (o->source == SOURCE_CACHE)
        n->answers_rrsets++;
    else if (o->source == SOURCE_LOCAL)
        n->answers_local++;
    else if (o->source == SOURCE_DENIALS)
        n->answers_denials++;
    else
        n->answers_resolved++;
}

/*
 * May it leave? What goes out as it comes in carries nobody more than he was sent. What was held is
 * another thing: queries of seconds in one moment.
 */
static bool may_leave(struct front *f, const struct pending *p)
{
    uint64_t now_ms = world_now_ms(f->config.world);
    if (!p->ticket.question || now_ms - p->since_ms <= LIMIT_HELD_MS ||
        crowd_release(f->crowd, &p->ticket, (uint32_t)(now_ms / 1000), &f->config.limits))
        return true;
    f->counters->limit_held++;
    return false;
}

static void on_done(struct client *c, const struct outcome *o)
{
    static const char *const from[] = {[SOURCE_RESOLVED] = "servers",
                                       [SOURCE_CACHE] = "rrsets",
                                       [SOURCE_LOCAL] = "local",
                                       [SOURCE_DENIALS] = "denials"};
    struct pending *p = CONTAINER_OF(c, struct pending, client);
    struct front *f = p->front;
    uint64_t request = p->request;
    uint32_t now = world_now_s(f->config.world);
    count_outcome(f->counters, o);
    log_query(f, &p->asker, o, from[o->source]);
    build_answer_entry(f, p, o, now);
    bool truncated;
    /* The text may have changed by a reload since the question came. */
    if (p->asker.nsid)
        p->asker.nsid = unless_empty(f->config.identity);
    size_t size = 0;
    if (may_leave(f, p)) {
        size = front__write_reply(&p->asker, o, now, f->reply, &truncated);
        f->counters->answers_truncated += truncated;
    }
    pending_free(p);
    f->config.answer(f->config.ctx, request, f->reply, size);
}

/* ---- Admission ----------------------------------------------------------------------------------
 */

/* From half of work.size on, what one source may have shrinks with what is left. */
static struct crowd_limits limits_now(const struct front *f)
{
    struct crowd_limits l = f->config.limits;
    const struct gauge *g = f->config.work;
    size_t left = g && g->used < g->limit ? g->limit - g->used : 0;
    if (g && left < g->limit / 2) {
        uint64_t most = (uint64_t)l.queries * left / (g->limit / 2);
        l.queries = most > l.repeats ? (uint32_t)most : l.repeats;
    }
    return l;
}

/* Counts the query, unless it is one too many of its source. */
static bool admit(struct front *f, const struct front_query *q, const struct asker *asker,
                  struct crowd_ticket *ticket)
{
    struct crowd_limits limits = limits_now(f);
    *ticket = crowd_ticket(f->crowd, &q->client, front__is_proven(asker), question_hash(f, asker));
    switch (crowd_enter(f->crowd, ticket, &limits)) {
    case CROWD_QUERIES:
        f->counters->limit_source++;
        return false;
    case CROWD_REPEATS:
        f->counters->limit_repeats++;
        return false;
    default:
        return true;
    }
}

static enum err start(struct front *f, const struct front_query *q, const struct asker *asker,
                      const struct crowd_ticket *ticket)
{
    struct arena arena;
    arena_init(&arena, f->config.work);
    struct pending *p = arena_calloc(&arena, 1, sizeof *p + name_size(asker->qname));
    if (!p) {
        arena_deinit(&arena);
        crowd_leave(f->crowd, ticket);
        return ERR_NOMEM;
    }
    p->front = f;
    p->ticket = *ticket;
    p->since_ms = world_now_ms(f->config.world);
    p->asker = *asker;
    p->request = q->request;
    p->client.done = on_done;
    name_copy(p->qname, asker->qname);
    p->asker.qname = p->qname;
    p->arena = arena;
    list_append(bucket_of(f, q->request), &p->in_bucket);
    struct question question = {.name = p->qname,
                                .type = asker->qtype,
                                .cd = asker->flags & FLAG_CD,
                                .cached_only = !(asker->flags & FLAG_RD)};
    enum err e = resolver_ask(f->config.resolver, &question, &p->client);
    if (e)
        pending_free(p);
    return e;
}

/* ---- The way in ---------------------------------------------------------------------------------
 */

/* What a verdict is answered with and counted as; false: go on. */
static bool judge_view(struct front *f, enum view_verdict v, const struct asker *a,
                       struct outcome *o)
{
    struct counters *n = f->counters;
    switch (v) {
    case VIEW_NOTIMP:
        n->bad_opcode++;
        *o = (struct outcome){.rcode = RCODE_NOTIMP};
        return true;
    case VIEW_FORMERR:
        n->bad_message++;
        *o = (struct outcome){.rcode = RCODE_FORMERR};
        return true;
    case VIEW_FORMERR_OPT:
        n->bad_opt++;
        *o = (struct outcome){.rcode = RCODE_FORMERR};
        return true;
    case VIEW_BADVERS:
        n->bad_version++;
        *o = (struct outcome){.rcode = RCODE_BADVERS};
        return true;
    case VIEW_NO_QUESTION: /* RFC 7873 §5.4 */
        *o = (struct outcome){.rcode =
                                  a->cookie_state == COOKIE_BAD ? RCODE_BADCOOKIE : RCODE_NOERROR};
        return true;
    case VIEW_REFUSED_CLASS:
        n->refused_class++;
        *o = (struct outcome){.rcode = RCODE_REFUSED, .reason = REASON_CLASS};
        return true;
    case VIEW_REFUSED_TYPE:
        n->refused_type++;
        *o = (struct outcome){.rcode = RCODE_REFUSED, .reason = REASON_TYPE};
        return true;
    default:
        return false;
    }
}

/* A query that is refused for what it is, not for how it is written. */
static bool judge_query(struct front *f, const struct query_view *v, enum access access,
                        struct outcome *o)
{
    if (v->qclass != CLASS_IN) {
        f->counters->refused_class++;
        *o = (struct outcome){.rcode = RCODE_REFUSED, .reason = REASON_CLASS};
        return true;
    }
    /* Without RD only the cache could answer; what others asked before is not everybody's business.
     */
    if (!(v->flags & FLAG_RD) && access != ACCESS_SNOOP) {
        f->counters->refused_no_recursion++;
        *o = (struct outcome){.rcode = RCODE_REFUSED, .reason = REASON_NO_RECURSION};
        return true;
    }
    return false;
}

static bool hit(struct front *f, const struct asker *asker, uint8_t *reply, size_t *size)
{
    uint8_t name[NAME_MAX_WIRE];
    struct answer a;
    struct answer_key key = front__answer_key(asker, name);
    uint32_t now = world_now_s(f->config.world);
    if (cache_get_answer(f->config.cache, &key, now, &a))
        return false;
    bool truncated;
    *size = front__write_hit(asker, &a, now, reply, &truncated);
    f->counters->answers_cache++;
    f->counters->answers_truncated += truncated;
    struct outcome o = {.rcode = load_u16(reply + 2) & FLAG_RCODE};
    log_query(f, asker, &o, "cache");
    return true;
}

/* One question is resolved once in the whole process: its name and type say by which worker. */
static bool belongs_elsewhere(const struct front *f, const struct front_query *q,
                              const struct asker *asker)
{
    if (f->config.workers < 2 || q->handed || !q->owner)
        return false;
    *q->owner = (unsigned)(question_hash(f, asker) % f->config.workers);
    return *q->owner != f->config.worker;
}

/* What a server tells of itself in class CH (RFC 4892), if it is to; NULL: nothing. */
static const char *chaos_text(const struct front *f, const struct query_view *v)
{
    static const struct {
        const char *name;
        bool version;
    } known[] = {{"\7version\4bind", true},
                 {"\7version\6server", true},
                 {"\10hostname\4bind", false},
                 {"\2id\6server", false}};
    if (v->qclass != CLASS_CH || (v->qtype != TYPE_TXT && v->qtype != TYPE_ANY))
        return NULL;
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (name_equal(v->qname, (const uint8_t *)known[i].name))
            return unless_empty(known[i].version ? f->config.version : f->config.identity);
    return NULL;
}

/* The part of the way that only questions go that are well-formed and allowed. */
static enum front_verdict resolve(struct front *f, const struct front_query *q,
                                  const struct asker *asker, uint8_t *reply, size_t *size)
{
    struct crowd_ticket ticket;
    struct outcome o = {.rcode = RCODE_SERVFAIL, .reason = REASON_SOURCE_QUERIES};
    bool truncated;
    if (hit(f, asker, reply, size))
        return FRONT_REPLY;
    if (!f->stopping && belongs_elsewhere(f, q, asker))
        return FRONT_ELSEWHERE;
    if (f->stopping) {
        o.reason = REASON_STOPPING;
    } else if (admit(f, q, asker, &ticket)) {
        if (start(f, q, asker, &ticket) == OK)
            return FRONT_PENDING;
        f->counters->limit_work++;
        o.reason = REASON_WORK_SIZE;
    } else if (!front__is_proven(asker)) {
        return FRONT_DROP;
    }
    f->counters->answers_servfail++;
    *size = front__write_reply(asker, &o, 0, reply, &truncated);
    return FRONT_REPLY;
}

/* What is dropped without a word; the others get a reply, whatever it says. */
static bool drop(struct front *f, enum view_verdict verdict, enum access access)
{
    struct counters *n = f->counters;
    if (verdict == VIEW_DROP_SHORT)
        n->dropped_short++;
    else if (verdict == VIEW_DROP_RESPONSE)
        n->dropped_response++;
    else if (access == ACCESS_DROP)
        n->dropped_access++;
    else
        return false;
    return true;
}

enum front_verdict front_query(struct front *f, const struct front_query *q, uint8_t *reply,
                               size_t capacity, size_t *size)
{
    struct query_view v;
    struct outcome o = {0};
    bool truncated;
    if (!q->handed) {
        f->counters->queries++;
        f->counters->queries_tcp += q->via == TRANSPORT_TCP;
    }
    enum view_verdict verdict = view_query(&v, q->bytes, q->size);
    enum access access =
        f->config.access ? access_judge(f->config.access, &q->client) : ACCESS_SNOOP;
    if (drop(f, verdict, access))
        return FRONT_DROP;
    struct asker asker = front__asker(&v, q->client, q->via, f->config.udp_payload, capacity);
    verdict = front__take_options(&f->config, &v, verdict, &asker);
    if (!q->handed) {
        front__count_cookie(f->counters, &asker);
        f->counters->limit_edns_options += v.edns.cut;
    }
    if (access == ACCESS_REFUSE) {
        f->counters->refused_access++;
        o = (struct outcome){.rcode = RCODE_REFUSED, .reason = REASON_ACCESS};
    } else if (!judge_view(f, verdict, &asker, &o)) {
        const char *text = chaos_text(f, &v);
        if (text) {
            *size = front__write_chaos(&asker, text, reply);
            return FRONT_REPLY;
        }
        if (!judge_query(f, &v, access, &o))
            return resolve(f, q, &asker, reply, size);
    }
    *size = front__write_reply(&asker, &o, 0, reply, &truncated);
    return FRONT_REPLY;
}
