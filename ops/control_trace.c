#include "ops/control_trace.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/must.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dnssec/records.h"
#include "ops/control_json.h"
#include "ops/server_internal.h"
#include "resolver/classify.h"

enum { EVENTS_MOST = 2000, CACHE_SIZE = 8 << 20, WORK_SIZE = 8 << 20 };

struct trace {
    struct world world; /* the worker's, with the timer and the tokens of ours */
    struct server *server;
    struct generation *generation; /* a reference */
    struct cache *cache;
    struct resolver *resolver;
    struct gauge work;
    struct tracer tracer;
    struct client client;
    uv_timer_t timer;
    struct list waiters; /* the one who wants it, unless it has left */
    json_t *events;
    json_t *document; /* once it is over */
    uint64_t begin_ms;
    unsigned messages;
    unsigned left_out; /* events beyond EVENTS_MOST */
    uint64_t octets;
    bool told; /* the client is */
};

/* ---- The world, as the trace's resolver sees it ---------------------------------------------- */

static struct trace *of(struct world *w)
{
    return CONTAINER_OF(w, struct trace, world);
}

static struct world *real(struct world *w)
{
    return of(w)->server->workers[0].world;
}

static uint64_t op_now(struct world *w)
{
    return real(w)->ops->now_ms(real(w));
}

static int64_t op_wall(struct world *w)
{
    return real(w)->ops->wall_s(real(w));
}

static void op_random(struct world *w, void *out, size_t size)
{
    real(w)->ops->random(real(w), out, size);
}

static enum err op_send(struct world *w, const struct upstream_send *s)
{
    struct upstream_send ours = *s;
    ours.token |= TRACE_TOKEN;
    enum err e = real(w)->ops->send(real(w), &ours);
    of(w)->messages += e == OK;
    of(w)->octets += e == OK ? s->length : 0;
    return e;
}

static void op_cancel(struct world *w, uint64_t token)
{
    real(w)->ops->cancel(real(w), token | TRACE_TOKEN);
}

static void op_keep(struct world *w, uint64_t token, uint32_t idle_ms)
{
    real(w)->ops->keep(real(w), token | TRACE_TOKEN, idle_ms);
}

static void finish_if_over(struct trace *t);

static void on_time(uv_timer_t *timer)
{
    struct trace *t = timer->data;
    net_enter(t->server->workers[0].net);
    resolver_turn(t->resolver);
    finish_if_over(t);
}

static void op_wake(struct world *w, uint64_t at_ms)
{
    struct trace *t = of(w);
    uint64_t now = op_now(w);
    if (at_ms == UINT64_MAX)
        uv_timer_stop(&t->timer);
    else
        uv_timer_start(&t->timer, on_time, at_ms > now ? at_ms - now : 0, 0);
}

static const struct world_ops ops = {.now_ms = op_now,
                                     .wall_s = op_wall,
                                     .random = op_random,
                                     .send = op_send,
                                     .cancel = op_cancel,
                                     .keep = op_keep,
                                     .wake = op_wake};

/* ---- Events as JSON -------------------------------------------------------------------------- */

static json_t *records_of(const struct rrsets *sets, uint32_t now)
{
    json_t *list = json_array();
    for (unsigned i = 0; sets && i < sets->count; i++)
        json_add_bare_records(list, sets->at[i], now);
    return list;
}

static bool is_kept(const struct traced_event *e, const struct rrset *set)
{
    if (e->referral && set->type == TYPE_NS && name_equal(set->owner, e->referral->owner))
        return true;
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; e->kept[k] && i < e->kept[k]->count; i++)
            if (e->kept[k]->at[i]->type == set->type &&
                name_equal(e->kept[k]->at[i]->owner, set->owner))
                return true;
    return e->referral &&
           (set->type == TYPE_DS || set->type == TYPE_NSEC || set->type == TYPE_NSEC3);
}

static bool has_server(const struct rrset *ns, const uint8_t *name)
{
    for (struct rrset_iter it = rrset_records(ns); rrset_next(&it);)
        if (name_equal(it.rdata, name))
            return true;
    return false;
}

/* An address of a server that the referral names, or the answer to priming, from a server that may
 * speak of it. */
static bool is_glue(const struct traced_event *e, const struct rrset *set)
{
    const struct rrsets *answer = e->kept[0];
    if ((set->type != TYPE_A && set->type != TYPE_AAAA) || !name_at_or_below(set->owner, e->zone))
        return false;
    for (unsigned i = 0; answer && i < answer->count; i++)
        if (answer->at[i]->type == TYPE_NS && has_server(answer->at[i], set->owner))
            return true;
    return e->referral && has_server(e->referral, set->owner);
}

/* "b.example. A", for each set that was not believed. */
static json_t *scrubbed_of(const struct traced_event *e)
{
    json_t *list = json_array();
    for (unsigned s = SECTION_ANSWER; e->message && s <= SECTION_ADDITIONAL; s++) {
        const struct rrset_array *section = &e->message->section[s];
        for (size_t i = 0; i < section->count; i++) {
            char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
            if (!is_kept(e, section->at[i]) && !is_glue(e, section->at[i]))
                json_array_append_new(list,
                                      json_sprintf("%s %s", name_text(section->at[i]->owner, name),
                                                   type_text(section->at[i]->type, type)));
        }
    }
    return list;
}

static const char *const kinds[] = {
    [TRACED_NEED] = "need",     [TRACED_CUT] = "cut",         [TRACED_SEND] = "send",
    [TRACED_REPLY] = "reply",   [TRACED_IGNORED] = "ignored", [TRACED_SILENT] = "silent",
    [TRACED_BROKEN] = "broken", [TRACED_VERDICT] = "verdict", [TRACED_END] = "end"};

static void put_server(json_t *o, const struct traced_event *e)
{
    char text[ADDR_TEXT_MAX];
    if (!e->server && e->kind == TRACED_REPLY)
        json_object_set_new(o, "local_root", json_true());
    if (!e->server)
        return;
    json_object_set_new(o, "server", json_string(endpoint_text(e->server, text)));
    json_put_name(o, "server_name", e->server_name);
    json_object_set_new(o, "via", json_string(e->via == TRANSPORT_TCP ? "tcp" : "udp"));
    if (e->kind != TRACED_SEND)
        json_object_set_new(o, "ms", json_integer(e->ms));
}

static void put_reply(json_t *o, const struct traced_event *e, uint32_t now)
{
    char rcode[RCODE_TEXT_MAX];
    json_object_set_new(o, "rcode", json_string(rcode_text(e->rcode, rcode)));
    json_t *records = records_of(e->kept[0], now), *scrubbed = scrubbed_of(e);
    if (json_array_size(records))
        json_object_set(o, "records", records);
    if (json_array_size(scrubbed))
        json_object_set(o, "scrubbed", scrubbed);
    json_decref(records);
    json_decref(scrubbed);
    if (!e->referral)
        return;
    json_put_name(o, "to_zone", e->referral->owner);
    json_t *servers = json_array();
    json_add_records(servers, e->referral, now);
    json_object_set_new(o, "servers", servers);
    bool ds = false;
    for (size_t i = 0; e->message && i < e->message->section[SECTION_AUTHORITY].count; i++)
        ds = ds || e->message->section[SECTION_AUTHORITY].at[i]->type == TYPE_DS;
    json_object_set_new(o, "ds", json_boolean(ds));
}

/* ---- Verdicts: each set, by which key
 * ------------------------------------------------------------ */

static const char *algorithm_name(uint8_t number)
{
    static const struct {
        uint8_t number;
        const char *name;
    } all[] = {
#define X(number, name, form, price) {number, #name},
#include "dnssec/algorithms.def"
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].number == number)
            return all[i].name;
    return "unknown";
}

static void put_signature(json_t *o, const struct rrset *set)
{
    struct rrset_iter it = rrset_signatures(set);
    struct rrsig sig;
    if (!rrset_next(&it) || !rrsig_read(it.rdata, it.length, &sig))
        return;
    json_object_set_new(o, "key", json_integer(sig.tag));
    json_put_text(o, "algorithm", algorithm_name(sig.algorithm));
    json_put_name(o, "of", sig.signer);
    json_object_set_new(o, "until", json_integer(sig.expiration));
}

static void put_verdict(json_t *o, const struct traced_event *e)
{
    json_t *sets = json_array();
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; e->kept[k] && i < e->kept[k]->count; i++) {
            const struct rrset *set = e->kept[k]->at[i];
            json_t *one = json_object();
            json_put_name(one, "name", set->owner);
            json_put_type(one, set->type);
            json_put_security(one, set->security);
            put_signature(one, set);
            json_array_append_new(sets, one);
        }
    }
    json_object_set_new(o, "sets", sets);
}

static void on_event(void *ctx, const struct traced_event *e)
{
    struct trace *t = ctx;
    uint64_t now = op_now(&t->world);
    if (json_array_size(t->events) >= EVENTS_MOST) {
        t->left_out++;
        return;
    }
    json_t *o = json_pack("{s:s, s:i, s:I}", "event", kinds[e->kind], "lookup", (int)e->lookup,
                          "t_ms", (json_int_t)(now - t->begin_ms));
    if (e->child)
        json_object_set_new(o, "child", json_integer(e->child));
    json_put_name(o, "name", e->name);
    if (e->name)
        json_put_type(o, e->type);
    json_put_name(o, "zone", e->zone);
    json_put_text(o, "what", e->what);
    if (e->reason) {
        json_put_text(o, "reason", reason_text(e->reason));
        json_object_set_new(
            o, "ede", json_integer(reason_ede(e->reason) == EDE_NONE ? -1 : reason_ede(e->reason)));
    }
    put_server(o, e);
    if (e->kind == TRACED_REPLY || e->kind == TRACED_END)
        put_reply(o, e, (uint32_t)(now / 1000));
    if (e->kind == TRACED_VERDICT)
        put_verdict(o, e);
    json_array_append_new(t->events, o);
}

/* ---- The question ---------------------------------------------------------------------------- */

static json_t *records_array(const struct rrset *const *sets, unsigned count, uint32_t now)
{
    const struct rrsets list = {.at = (const struct rrset **)(uintptr_t)sets, .count = count};
    return records_of(&list, now);
}

static void on_done(struct client *c, const struct outcome *o)
{
    struct trace *t = CONTAINER_OF(c, struct trace, client);
    char rcode[RCODE_TEXT_MAX];
    uint64_t now = op_now(&t->world);
    t->told = true;
    t->document = json_pack(
        "{s:b, s:s, s:o, s:o, s:i, s:I, s:I, s:O}", "ok", 1, "rcode", rcode_text(o->rcode, rcode),
        "answer", records_array(o->answer, o->answer_count, (uint32_t)(now / 1000)), "authority",
        records_array(o->authority, o->authority_count, (uint32_t)(now / 1000)), "messages",
        (int)t->messages, "octets", (json_int_t)t->octets, "ms", (json_int_t)(now - t->begin_ms),
        "events", t->events);
    if (t->document && !o->reason)
        json_put_security(t->document, o->security);
    if (t->document && o->reason) {
        json_put_text(t->document, "reason", reason_text(o->reason));
        json_object_set_new(t->document, "ede", json_integer(reason_ede(o->reason)));
    }
    if (t->document && t->left_out > 0)
        json_object_set_new(t->document, "events_left_out", json_integer(t->left_out));
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Not from within the trace's own resolver. */
static void end(struct trace *t)
{
    t->server->trace = NULL;
    if (!t->told)
        resolver_forget(t->resolver, &t->client);
    resolver_free(t->resolver);
    cache_free(t->cache);
    generation_unref(t->generation);
    json_decref(t->events);
    json_decref(t->document);
    uv_close((uv_handle_t *)&t->timer, on_closed);
}

static void finish_if_over(struct trace *t)
{
    if (!t->told)
        return;
    struct list waiters;
    json_t *document = t->document;
    t->document = NULL;
    list_init(&waiters);
    list_take_all(&waiters, &t->waiters);
    end(t);
    waiters_answer(&waiters, document);
}

void trace_end_unwanted(struct server *s)
{
    if (s->trace && list_empty(&s->trace->waiters))
        end(s->trace);
}

static enum err make_resolver(struct trace *t)
{
    struct cache_config cache = {.size = CACHE_SIZE, .policy = "lru"};
    struct resolver_config config = {.world = &t->world,
                                     .work = &t->work,
                                     .options = &t->generation->options,
                                     .tracer = &t->tracer};
    server__draw_key(&t->server->workers[0], &cache.key);
    config.key = cache.key;
    enum err e = cache_new(&t->cache, &cache);
    if (e != OK)
        return e;
    config.cache = t->cache;
    e = resolver_new(&t->resolver, &config);
    if (e != OK)
        cache_free(t->cache);
    return e;
}

static struct trace *new_trace(struct server *s)
{
    struct trace *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->world.ops = &ops;
    t->server = s;
    t->work = (struct gauge){.limit = WORK_SIZE};
    t->tracer = (struct tracer){.ctx = t, .event = on_event};
    t->generation = generation_ref(s->workers[0].now);
    t->events = json_array();
    list_init(&t->waiters);
    if (make_resolver(t) != OK) {
        generation_unref(t->generation);
        json_decref(t->events);
        free(t);
        return NULL;
    }
    MUST(uv_timer_init(net_loop(s->workers[0].net), &t->timer) == 0);
    t->timer.data = t;
    uv_unref((uv_handle_t *)&t->timer);
    return t;
}

/* NULL: it can begin. */
static const char *why_not(const struct server *s, const struct control_request *r)
{
    if (type_is_meta(r->type))
        return "a resolver does not answer questions of this type";
    return s->trace ? "another trace is under way: try again in a moment" : NULL;
}

void trace_begin(struct server *s, const struct control_request *r, struct waiter *w)
{
    struct question q = {.name = r->name, .type = r->type, .cd = r->cd};
    const char *why = why_not(s, r);
    struct trace *t = why ? NULL : new_trace(s);
    if (!t) {
        waiter_answer(w, refusal(why ? why : "out of memory"));
        return;
    }
    t->client.done = on_done;
    t->begin_ms = op_now(&t->world);
    s->trace = t;
    if (resolver_ask(t->resolver, &q, &t->client) != OK) {
        t->told = true;
        end(t);
        waiter_answer(w, refusal("out of memory"));
        return;
    }
    list_append(&t->waiters, &w->in_waiters);
    op_wake(&t->world, t->begin_ms);
}

void trace_reply(struct server *s, uint64_t token, const uint8_t *message, size_t length)
{
    if (!s->trace)
        return;
    struct world_sink sink = resolver_sink(s->trace->resolver);
    s->trace->octets += length;
    sink.reply(sink.ctx, token & ~TRACE_TOKEN, message, length);
}

void trace_failed(struct server *s, uint64_t token, enum err why)
{
    if (!s->trace)
        return;
    struct world_sink sink = resolver_sink(s->trace->resolver);
    sink.failed(sink.ctx, token & ~TRACE_TOKEN, why);
}

void trace_turn(struct server *s)
{
    if (!s->trace)
        return;
    resolver_turn(s->trace->resolver);
    finish_if_over(s->trace);
}
