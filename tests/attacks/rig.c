/* The rig: one world, one core with production's options, zones by address. */
#define _GNU_SOURCE /* memmem */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/text.h"
#include "tests/attacks/attack.h"

enum { ZONES_MAX = 64, START_MS = 1000 * 1000, DELAY_MS = 10, PATIENCE_MS = 60 * 1000 };
static const char root_address[] = "198.41.0.4";

struct rig_zone_entry {
    uint8_t name[NAME_MAX_WIRE];
    char text[NAME_TEXT_MAX];
    char address[ADDR_TEXT_MAX];
    struct endpoint at;
    serve_fn *serve;
    void *script;
    bool revoked;
};

struct waiting {
    struct answer_seen *out;
    uint64_t request;
    uint64_t since_ms;
    struct waiting *next;
};

struct rig_reply {
    struct writer w;
    struct arena arena;
    uint8_t bytes[DNS_MESSAGE_MAX];
};

struct count {
    struct endpoint at;
    uint64_t packets;
};
enum { COUNTS_MAX = 4096 };

struct rig {
    struct sim *sim;
    struct gauge work;
    size_t work_most;
    struct generation *generation;
    struct resolver_options options;
    struct delegation hints;
    uint8_t hint_name[NAME_MAX_WIRE];
    struct stub_zone forward;
    uint8_t forward_name[NAME_MAX_WIRE];
    struct endpoint forwarder;
    struct anchor anchor;
    struct arena anchor_memory;
    struct cache *cache;
    struct resolver *resolver;
    struct front *front;
    struct rig_zone_entry zones[ZONES_MAX];
    unsigned zone_count;
    uint32_t referral_ttl;
    serve_fn *serve_all;
    void *serve_all_script;
    void (*watch)(void *ctx, const struct ask *q);
    void *watch_ctx;
    struct waiting *waiting[1024];
    uint64_t requests;
    uint64_t random;
    struct count *counts;
    unsigned count_count;
    struct rig_reply reply;
    uint8_t buffer[DNS_MESSAGE_MAX];
};

const uint8_t *name_of(const char *text, uint8_t out[NAME_MAX_WIRE])
{
    MUST(name_from_text(text, out) == OK);
    return out;
}

struct endpoint address_of(const char *text)
{
    struct endpoint e;
    MUST(endpoint_parse(text, DNS_PORT, &e) == OK);
    return e;
}

/* ---- What the core sends --------------------------------------------------------------------- */

static void count_packet(struct rig *r, const struct endpoint *to)
{
    for (unsigned i = 0; i < r->count_count; i++) {
        if (endpoint_equal(&r->counts[i].at, to)) {
            r->counts[i].packets++;
            return;
        }
    }
    if (r->count_count < COUNTS_MAX)
        r->counts[r->count_count++] = (struct count){.at = *to, .packets = 1};
}

static void read_ask(struct ask *q, struct rig *r, struct sim_exchange *x)
{
    struct cursor c = cursor_of(x->message, x->length);
    *q = (struct ask){.rig = r, .exchange = x, .id = cursor_u16(&c)};
    cursor_bytes(&c, 10);
    MUST(name_read(&c, q->sent) == OK);
    q->type = cursor_u16(&c);
    MUST(!c.failed);
    name_lower(q->name, q->sent);
    name_text(q->name, q->text);
}

static struct rig_zone_entry *enclosing(struct rig *r, const uint8_t *name)
{
    struct rig_zone_entry *best = NULL;
    for (unsigned i = 0; i < r->zone_count; i++) {
        struct rig_zone_entry *z = &r->zones[i];
        if (!z->revoked && name_at_or_below(name, z->name) &&
            (!best || name_labels(z->name) > name_labels(best->name)))
            best = z;
    }
    return best;
}

static bool above_a_zone(struct rig *r, const uint8_t *name)
{
    for (unsigned i = 0; i < r->zone_count; i++)
        if (name_below(r->zones[i].name, name))
            return true;
    return false;
}

void rig_serve_root(struct ask *q)
{
    struct rig *r = q->rig;
    struct rig_zone_entry *z = enclosing(r, q->name);
    if (z) {
        bool four = z->at.family == 4;
        reply_start(q, 0);
        reply_add(q, SECTION_AUTHORITY, "%s %u IN NS ns.%s", z->text, r->referral_ttl, z->text);
        reply_add(q, SECTION_ADDITIONAL, "ns.%s %u IN %s %s", z->text, r->referral_ttl,
                  four ? "A" : "AAAA", z->address);
    } else {
        reply_start(q, FLAG_AA | (above_a_zone(r, q->name) ? RCODE_NOERROR : RCODE_NXDOMAIN));
        reply_add(q, SECTION_AUTHORITY, ". 60 IN SOA a. b. 1 2 3 4 60");
    }
    reply_send(q, DELAY_MS);
}

static void on_send(void *ctx, struct sim *s, struct sim_exchange *x)
{
    struct rig *r = ctx;
    struct ask q;
    (void)s;
    read_ask(&q, r, x);
    count_packet(r, &x->to);
    if (r->watch)
        r->watch(r->watch_ctx, &q);
    if (r->serve_all) {
        r->serve_all(&q, r->serve_all_script);
        return;
    }
    struct endpoint root = address_of(root_address);
    if (endpoint_equal(&x->to, &root)) {
        rig_serve_root(&q);
        return;
    }
    for (unsigned i = 0; i < r->zone_count; i++) {
        struct rig_zone_entry *z = &r->zones[i];
        if (endpoint_equal(&x->to, &z->at) && name_at_or_below(q.name, z->name) && z->serve) {
            z->serve(&q, z->script);
            return;
        }
    }
}

/* ---- Replies --------------------------------------------------------------------------------- */

void reply_start(struct ask *q, uint16_t flags)
{
    struct rig_reply *p = &q->rig->reply;
    arena_deinit(&p->arena);
    arena_init(&p->arena, NULL);
    writer_init(&p->w, p->bytes, sizeof p->bytes);
    p->w.reserved = 11;
    MUST(writer_header(&p->w, q->id, FLAG_QR | flags) == OK);
    MUST(writer_question(&p->w, q->sent, q->type, CLASS_IN) == OK);
}

void reply_add(struct ask *q, enum section section, const char *fmt, ...)
{
    char text[4096], why[160];
    struct rig_reply *p = &q->rig->reply;
    struct rrset *set;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    MUST(rrset_from_text(&p->arena, text, NULL, 3600, &set, why, sizeof why) == OK);
    MUST(writer_rrset(&p->w, section, set, 0, false) == OK);
}

const uint8_t *reply_bytes(struct ask *q, size_t *size)
{
    struct rig_reply *p = &q->rig->reply;
    p->w.reserved = 0;
    MUST(writer_opt(&p->w, &(struct writer_opt){.udp_size = DNS_UDP_SAFE}) == OK);
    *size = writer_finish(&p->w);
    return p->bytes;
}

void reply_raw(struct ask *q, const uint8_t *bytes, size_t size, uint64_t delay_ms)
{
    MUST(sim_reply(q->rig->sim, q->exchange, bytes, size, delay_ms) == OK);
}

void reply_send(struct ask *q, uint64_t delay_ms)
{
    size_t size;
    struct rig_reply *p = &q->rig->reply;
    if (q->exchange->via == TRANSPORT_UDP && p->w.size + 11 > DNS_UDP_SAFE)
        writer_truncate(&p->w);
    reply_bytes(q, &size);
    reply_raw(q, p->bytes, size, delay_ms);
}

void serve_address(struct ask *q, void *script)
{
    reply_start(q, FLAG_AA);
    if (q->type == TYPE_A)
        reply_add(q, SECTION_ANSWER, "%s 300 IN A %s", q->text, (const char *)script);
    else
        reply_add(q, SECTION_AUTHORITY, "%s 60 IN SOA a. b. 1 2 3 4 60", q->text);
    reply_send(q, DELAY_MS);
}

/* ---- Clients --------------------------------------------------------------------------------- */

static void take_answer(struct rig *r, const struct waiting *w, const uint8_t *bytes, size_t size)
{
    struct answer_seen *a = w->out;
    MUST(size == 0 || (size >= DNS_HEADER_SIZE && size <= RIG_ANSWER_MAX));
    if (!a || size == 0) /* dropped */
        return;
    MUST(!a->came); /* exactly one answer */
    a->came = true;
    a->rcode = bytes[3] & FLAG_RCODE;
    a->after_ms = sim_now(r->sim) - w->since_ms;
    a->size = size;
    memcpy(a->bytes, bytes, size);
}

static void on_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct rig *r = ctx;
    struct waiting **at = &r->waiting[request % 1024];
    while (*at && (*at)->request != request)
        at = &(*at)->next;
    struct waiting *w = *at;
    MUST(w);
    *at = w->next;
    take_answer(r, w, bytes, size);
    free(w);
}

/* Each question from an address of its own. */
static void ask_over_tcp(struct rig *r, const struct rig_wish *wish)
{
    uint64_t n = r->requests;
    struct endpoint client = {.family = 4,
                              .port = 40000,
                              .bytes = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
    MUST(rig_ask_as(r, &client, TRANSPORT_TCP, wish));
}

void rig_ask(struct rig *r, const char *name, uint16_t type, struct answer_seen *out)
{
    ask_over_tcp(r, &(struct rig_wish){.name = name, .type = type, .out = out});
}

bool rig_ask_as(struct rig *r, const struct endpoint *client, enum transport via,
                const struct rig_wish *wish)
{
    struct answer_seen *out = wish->out;
    uint8_t query[DNS_HEADER_SIZE + NAME_MAX_WIRE + 4 + 11], wire[NAME_MAX_WIRE];
    struct writer w;
    writer_init(&w, query, sizeof query);
    MUST(writer_header(&w, 0x1234, FLAG_RD | wish->flags) == OK);
    MUST(writer_question(&w, name_of(wish->name, wire), wish->type, CLASS_IN) == OK);
    if (wish->dnssec_ok)
        MUST(writer_opt(&w, &(struct writer_opt){.udp_size = DNS_UDP_SAFE, .do_bit = true}) == OK);
    struct front_query q = {.bytes = query,
                            .size = writer_finish(&w),
                            .client = *client,
                            .via = via,
                            .request = ++r->requests};
    struct waiting now = {.out = out, .request = q.request, .since_ms = sim_now(r->sim)};
    size_t size = 0;
    if (out)
        out->came = false;
    switch (front_query(r->front, &q, r->buffer, sizeof r->buffer, &size)) {
    case FRONT_REPLY:
        take_answer(r, &now, r->buffer, size);
        return true;
    case FRONT_PENDING: {
        struct waiting *held = malloc(sizeof *held);
        MUST(held);
        *held = now;
        held->next = r->waiting[q.request % 1024];
        r->waiting[q.request % 1024] = held;
        if (r->work.used > r->work_most)
            r->work_most = r->work.used;
        sim_poke(r->sim);
        return true;
    }
    default:
        return false;
    }
}

void rig_resolve(struct rig *r, const char *name, uint16_t type, struct answer_seen *out)
{
    rig_resolve_as(r, &(struct rig_wish){.name = name, .type = type, .out = out});
}

void rig_resolve_as(struct rig *r, const struct rig_wish *wish)
{
    struct answer_seen *out = wish->out;
    uint64_t until = sim_now(r->sim) + PATIENCE_MS;
    bool moved = true;
    ask_over_tcp(r, wish);
    while (!out->came && moved)
        MUST(sim_step(r->sim, until, &moved) == OK);
    MUST(out->came);
}

void rig_advance(struct rig *r, uint64_t ms)
{
    MUST(sim_advance(r->sim, ms) == OK);
}

bool answer_has(const struct answer_seen *a, const char *address)
{
    struct endpoint e = address_of(address);
    return memmem(a->bytes, a->size, e.bytes, e.family == 4 ? 4 : 16) != NULL;
}

/* ---- Making and taking down ------------------------------------------------------------------ */

static struct hash_key draw_key(struct rig *r)
{
    struct hash_key key;
    uint8_t seed[32];
    world_random(sim_world(r->sim), seed, sizeof seed);
    hash_key_init(&key, seed);
    return key;
}

static void make_options(struct rig *r, const char *listen)
{
    struct config_report report = {0};
    struct config *config;
    struct endpoint own = {0};
    struct endpoint_list listening = {.at = &own, .count = listen ? 1 : 0};
    if (listen)
        own = address_of(listen);
    MUST(config_load(&config, NULL, &report) == OK);
    MUST(generation_new(&r->generation, config, &listening, NULL, &report) == OK);
    r->options = r->generation->options;
    r->hints = (struct delegation){
        .zone = name_root, .expiry = UINT32_MAX, .ns_count = 1, .address_count = 1};
    r->hints.ns[0] = name_of("a.root-servers.net.", r->hint_name);
    r->hints.address[0].at = address_of(root_address);
    r->options.hints = &r->hints;
    r->options.prime = false;                 /* its packets are nobody's */
    r->options.built_s = 0;                   /* signatures are made long before we are built */
    r->options.anchors = (struct anchors){0}; /* nothing in this world is signed */
}

static void make_core(struct rig *r, size_t cache_size)
{
    struct cache_config cache = {.size = cache_size, .policy = "lru", .key = draw_key(r)};
    MUST(cache_new(&r->cache, &cache) == OK);
    struct resolver_config resolver = {.cache = r->cache,
                                       .world = sim_world(r->sim),
                                       .work = &r->work,
                                       .options = &r->options,
                                       .key = draw_key(r)};
    MUST(resolver_new(&r->resolver, &resolver) == OK);
    sim_connect(r->sim, resolver_sink(r->resolver));
    struct front_config front = {.resolver = r->resolver,
                                 .cache = r->cache,
                                 .world = sim_world(r->sim),
                                 .work = &r->work,
                                 .udp_payload = DNS_UDP_SAFE,
                                 .key = draw_key(r),
                                 .answer = on_answer,
                                 .ctx = r};
    MUST(front_new(&r->front, &front) == OK);
}

struct rig *rig_new(const struct rig_config *config)
{
    struct rig *r = calloc(1, sizeof *r);
    MUST(r);
    r->counts = calloc(COUNTS_MAX, sizeof *r->counts);
    MUST(r->counts);
    r->random = config->seed ? config->seed : 1;
    r->referral_ttl = 86400;
    r->work.limit = config->work_size ? config->work_size : (size_t)64 << 20;
    arena_init(&r->reply.arena, NULL);
    arena_init(&r->anchor_memory, NULL);
    struct sim_config sim = {.seed = r->random, .start_ms = START_MS, .on_send = on_send, .ctx = r};
    MUST(sim_new(&r->sim, &sim) == OK);
    make_options(r, config->listen);
    make_core(r, config->cache_size ? config->cache_size : (size_t)8 << 20);
    return r;
}

void rig_free(struct rig *r)
{
    front_free(r->front);
    resolver_free(r->resolver);
    MUST(r->work.used == 0);
    MUST(!sim_next(r->sim, NULL));
    cache_free(r->cache);
    sim_free(r->sim);
    generation_free(r->generation);
    arena_deinit(&r->reply.arena);
    arena_deinit(&r->anchor_memory);
    for (unsigned i = 0; i < 1024; i++) {
        while (r->waiting[i]) {
            struct waiting *w = r->waiting[i];
            r->waiting[i] = w->next;
            free(w);
        }
    }
    free(r->counts);
    free(r);
}

void rig_zone(struct rig *r, const char *zone, const char *address, serve_fn *serve, void *script)
{
    MUST(r->zone_count < ZONES_MAX);
    struct rig_zone_entry *z = &r->zones[r->zone_count++];
    *z = (struct rig_zone_entry){.at = address_of(address), .serve = serve, .script = script};
    name_of(zone, z->name);
    snprintf(z->text, sizeof z->text, "%s", zone);
    snprintf(z->address, sizeof z->address, "%s", address);
}

void rig_forward(struct rig *r, const char *zone, const char *address)
{
    r->forwarder = address_of(address);
    r->forward = (struct stub_zone){.name = name_of(zone, r->forward_name),
                                    .servers = &r->forwarder,
                                    .server_count = 1,
                                    .forward = true};
    r->options.stubs = &r->forward;
    r->options.stub_count = 1;
    resolver_configure(r->resolver, &r->options);
}

void rig_anchor(struct rig *r, const uint8_t *zone, const uint8_t *ds, uint16_t length)
{
    struct rrset_builder b;
    r->anchor.zone = zone;
    MUST(rrset_build(&b, &r->anchor_memory, zone, TYPE_DS, UINT32_MAX) == OK);
    MUST(rrset_add(&b, ds, length) == OK);
    r->anchor.ds = rrset_finish(&b);
    r->options.anchors = (struct anchors){.at = &r->anchor, .count = 1};
    resolver_configure(r->resolver, &r->options);
}

void rig_revoke(struct rig *r, const char *zone)
{
    for (unsigned i = 0; i < r->zone_count; i++)
        r->zones[i].revoked = r->zones[i].revoked || strcmp(r->zones[i].text, zone) == 0;
}

void rig_referral_ttl(struct rig *r, uint32_t ttl)
{
    r->referral_ttl = ttl;
}

void rig_serve_all(struct rig *r, serve_fn *serve, void *script)
{
    r->serve_all = serve;
    r->serve_all_script = script;
}

void rig_watch(struct rig *r, void (*fn)(void *ctx, const struct ask *q), void *ctx)
{
    r->watch = fn;
    r->watch_ctx = ctx;
}

uint64_t rig_packets(const struct rig *r)
{
    return sim_sent(r->sim);
}

uint64_t rig_packets_to(const struct rig *r, const char *address)
{
    struct endpoint at = address_of(address);
    for (unsigned i = 0; i < r->count_count; i++)
        if (endpoint_equal(&r->counts[i].at, &at))
            return r->counts[i].packets;
    return 0;
}

size_t rig_work(const struct rig *r)
{
    return r->work_most;
}

struct sim *rig_sim(struct rig *r)
{
    return r->sim;
}

struct cache *rig_cache(struct rig *r)
{
    return r->cache;
}

struct resolver *rig_resolver(struct rig *r)
{
    return r->resolver;
}

uint32_t rig_now(const struct rig *r)
{
    return (uint32_t)(sim_now(r->sim) / 1000);
}

unsigned rig_random(struct rig *r, unsigned n)
{
    r->random = r->random * 6364136223846793005 + 1442695040888963407;
    return (unsigned)((r->random >> 33) % n);
}
