/* One seed: a tree, a resolver, clients that ask, faults, and what must hold. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/storm/seal.h"

enum {
    ANSWER_MS = 6000 + 5, /* a query's time and a turn */
    SENDS_MOST = 50,
    PRIMING_MOST_MS = 30000,
    CACHE_SIZE = 2 << 20,
    WORK_SIZE = 16 << 20,
};

static const char *const fault_texts[] = {
#define X(name, text) text,
    FAULTS(X)
#undef X
};
const char *storm_fault_text(enum storm_fault f)
{
    return fault_texts[f];
}

static const char *const columns[] = {
#define X(name, function, text) #function,
#include "resolver/steps.def"
#undef X
};
const char *step_column_text(enum step_column c)
{
    return columns[c];
}

bool storm_breach(struct run *r, const char *fmt, ...)
{
    if (r->failed)
        return false;
    r->failed = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, ap);
    va_end(ap);
    return false;
}

void storm_fault_met(struct run *r, enum storm_fault f, uint64_t lasts_ms)
{
    r->tally->fault[f]++;
    r->until_ms[f] = sim_now(r->sim) + lasts_ms;
}

/* ---- what the resolver says of itself -------------------------------------------------------- */

static void count_step(struct run *r, const char *from)
{
    size_t n = strcspn(from, " ");
    uint64_t now = sim_now(r->sim);
    for (unsigned c = 0; c < COLUMNS; c++) {
        if (strlen(columns[c]) != n || strncmp(columns[c], from, n))
            continue;
        for (unsigned f = 0; f < STORM_FAULTS; f++)
            r->tally->met[f][c] += r->until_ms[f] >= now;
    }
}

static void trace_lookup(void *ctx, const char *line)
{
    struct run *r = ctx;
    const char *from = strncmp(line, "step ", 5) ? NULL : strstr(line, " from=");
    if (from)
        count_step(r, from + 6);
    const char *to = from ? strstr(from, " to=answer") : NULL;
    if (to)
        count_step(r, to + 4);
    if (r->verbose)
        printf("%" PRIu64 "   %s\n", sim_now(r->sim), line);
}

/* ---- clients --------------------------------------------------------------------------------- */

static void take_answer(struct run *r, struct ask *a, const uint8_t *bytes, size_t size)
{
    sim_note(r->sim, "answer", bytes, size);
    if (++a->answers > 1) {
        storm_breach(r, "query %" PRIu64 " was answered twice", a->request);
        return;
    }
    r->open--;
    if (sim_now(r->sim) - a->at_ms > ANSWER_MS)
        storm_breach(r, "query %" PRIu64 " was answered after %" PRIu64 " ms", a->request,
                     sim_now(r->sim) - a->at_ms);
    uint64_t sends = r->sent - a->sent_before;
    if (r->solo && sends > r->tally->most_sends)
        r->tally->most_sends = sends;
    if (r->solo && sends > SENDS_MOST)
        storm_breach(r, "query %" PRIu64 " cost %" PRIu64 " messages", a->request, sends);
    judge_answer(r, a, bytes, size);
}

static void on_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct run *r = ctx;
    if (request == 0 || request > r->ask_count)
        storm_breach(r, "an answer to a query that nobody sent");
    else
        take_answer(r, &r->ask[request - 1], bytes, size);
}

/* A name of the tree, or one near it. */
static void draw_question(struct run *r, struct ask *a)
{
    static const uint16_t types[] = {TYPE_A,   TYPE_A,     TYPE_A,   TYPE_A,  TYPE_AAAA,
                                     TYPE_TXT, TYPE_TXT,   TYPE_TXT, TYPE_MX, TYPE_NS,
                                     TYPE_SOA, TYPE_CNAME, TYPE_DS,  65280};
    uint8_t label[] = "\2ab", name[NAME_MAX_WIRE];
    struct rng *g = &r->rng;
    a->type = types[rng_below(g, sizeof types / sizeof *types)];
    /* A few names are asked for often. */
    unsigned all = r->tree.name_count, few = all < 12 ? all : 12;
    name_copy(a->name, r->tree.name[rng_below(g, rng_chance(g, 40) ? few : all)]);
    if (rng_chance(g, 30)) {
        label[1] = (uint8_t)('a' + rng_below(g, 5));
        label[2] = (uint8_t)('a' + rng_below(g, 6));
        if (!name_prepend(label, a->name, name))
            name_copy(a->name, name);
    } else if (rng_chance(g, 10)) {
        name_copy(name, name_skip(a->name, 1));
        name_copy(a->name, name);
    }
    for (uint8_t *l = a->name; *l; l += *l + 1)
        for (unsigned i = 1; i <= *l; i++)
            if ((l[i] | 0x20) >= 'a' && (l[i] | 0x20) <= 'z' && rng_chance(g, 20))
                l[i] ^= 0x20;
}

/* Most ask for AD in one way or the other where there is something to be told. */
static void draw_flags(struct run *r, struct ask *a)
{
    a->cd = rng_chance(&r->rng, 10);
    if (r->is_signed) {
        a->ad = rng_chance(&r->seal, 60);
        a->do_bit = a->edns && rng_chance(&r->seal, 60);
    }
}

static size_t write_query(struct run *r, struct ask *a, uint8_t *out)
{
    uint16_t flags = FLAG_RD | (a->cd ? FLAG_CD : 0) | (a->ad ? FLAG_AD : 0);
    memset(out, 0, DNS_HEADER_SIZE);
    store_u16(out, a->id);
    store_u16(out + 2, flags);
    store_u16(out + 4, 1);
    size_t n = DNS_HEADER_SIZE + name_copy(out + DNS_HEADER_SIZE, a->name);
    store_u16(out + n, a->type);
    store_u16(out + n + 2, CLASS_IN);
    n += 4;
    if (!a->edns)
        return n;
    static const uint16_t payloads[] = {512, 1232, 1232, 4096};
    store_u16(out + 10, 1);
    memset(out + n, 0, 11);
    store_u16(out + n + 1, TYPE_OPT);
    store_u16(out + n + 3, payloads[rng_below(&r->rng, 4)]);
    a->do_bit = rng_chance(&r->rng, 30) || a->do_bit;
    out[n + 7] = a->do_bit ? 0x80 : 0;
    return n + 11;
}

static void ask(struct run *r)
{
    uint8_t query[DNS_HEADER_SIZE + NAME_MAX_WIRE + 15];
    static uint8_t reply[DNS_MESSAGE_MAX];
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    struct ask *a = &r->ask[r->ask_count++];
    *a = (struct ask){.request = r->ask_count, .at_ms = sim_now(r->sim), .sent_before = r->sent};
    a->id = (uint16_t)rng_next(&r->rng);
    a->via = rng_chance(&r->rng, 20) ? TRANSPORT_TCP : TRANSPORT_UDP;
    a->edns = rng_chance(&r->rng, 60);
    draw_question(r, a);
    draw_flags(r, a);
    size_t reply_size = 0, size = write_query(r, a, query);
    struct front_query q = {.bytes = query,
                            .size = size,
                            .client = {.family = 4, .port = 4000, .bytes = {127, 0, 0, 1}},
                            .via = a->via,
                            .request = a->request};
    if (r->verbose)
        printf("%" PRIu64 " query %" PRIu64 ": %s %s%s%s%s\n", a->at_ms, a->request,
               name_text(a->name, name), type_text(a->type, type), a->do_bit ? " DO" : "",
               a->ad ? " AD" : "", a->cd ? " CD" : "");
    sim_note(r->sim, "query", query, size);
    r->tally->queries++;
    r->open++;
    switch (front_query(r->front, &q, reply, sizeof reply, &reply_size)) {
    case FRONT_REPLY:
        take_answer(r, a, reply, reply_size);
        break;
    case FRONT_PENDING:
        sim_poke(r->sim);
        break;
    default:
        storm_breach(r, "query %" PRIu64 " was dropped", a->request);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static bool advance(struct run *r, uint64_t ms)
{
    enum err err = sim_advance(r->sim, ms);
    if (err)
        storm_breach(r, "time does not go on: %s", err_text(err));
    return !r->failed;
}

/* Who waits for an answer meanwhile waits no longer than he is awake. */
static void fall_asleep(struct run *r, uint64_t ms)
{
    r->slept_at_ms = sim_now(r->sim);
    r->slept_ms += ms;
    sim_sleep(r->sim, ms);
    for (unsigned i = 0; i < r->ask_count; i++)
        if (!r->ask[i].answers)
            r->ask[i].at_ms += ms;
    storm_fault_met(r, STORM_SLEEP, 500);
}

/* Where signatures count it is put right again soon, and must be right enough for them at once. */
static void move_clock(struct run *r)
{
    int64_t ten_years = 315360000, month = 30 * 86400, now = sim_wall(r->sim);
    bool ahead = rng_chance(&r->fate, 50);
    if (!r->is_signed) {
        sim_set_wall(r->sim, now + (ahead ? ten_years : -ten_years));
        return;
    }
    int64_t right = STORM_WALL_S + (int64_t)(sim_now(r->sim) - STORM_START_MS) / 1000;
    int64_t by = rng_chance(&r->bane, 50) ? ten_years : month;
    r->clock_wrong = !r->clock_wrong;
    r->clock_moved = true;
    sim_set_wall(r->sim, !r->clock_wrong ? right : ahead ? right + by : right - by);
    r->clock_right_ms = sim_now(r->sim);
}

static void global_faults(struct run *r)
{
    struct rng *g = &r->fate;
    if (rng_below(g, 1000) < (r->clock_wrong ? 300 : r->rate[STORM_WALL_JUMP])) {
        move_clock(r);
        storm_fault_met(r, STORM_WALL_JUMP, 500);
    }
    if (rng_below(g, 1000) < r->rate[STORM_SLEEP])
        fall_asleep(r, 1000 + rng_below(g, 600000));
    if (rng_below(g, 1000) < r->rate[STORM_ALLOC]) {
        r->work.fail_after = 1 + rng_below(g, 12);
        storm_fault_met(r, STORM_ALLOC, 500);
    }
}

/* How long until the next query: mostly close by, at times so long that most has expired. */
static uint64_t draw_pause(struct run *r)
{
    unsigned kind = rng_below(&r->rng, 100);
    if (kind < 60)
        return rng_below(&r->rng, r->solo ? 500 : 40);
    if (kind < 95)
        return rng_below(&r->rng, 5000);
    return rng_below(&r->rng, 90000);
}

static void converse(struct run *r)
{
    unsigned queries = 60 + rng_below(&r->rng, 60);
    for (unsigned i = 0; i < queries && !r->failed; i++) {
        global_faults(r);
        ask(r);
        if (r->solo)
            for (unsigned turn = 0; turn < 80 && r->open > 0 && !r->failed; turn++)
                if (!advance(r, turn < 20 ? 20 : 100))
                    return;
        if (!advance(r, draw_pause(r)))
            return;
    }
    if (!r->failed && advance(r, ANSWER_MS + 1000) && r->open > 0)
        storm_breach(r, "%u queries were never answered", r->open);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void draw_weather(struct run *r)
{
    struct rng *g = &r->rng;
    r->weather = (enum weather)rng_below(g, WEATHERS);
    r->solo = rng_chance(g, 50);
    unsigned most = r->weather == WEATHER_CALM    ? STORM_POISON
                    : r->weather == WEATHER_ROUGH ? STORM_HARMFUL
                                                  : STORM_OF_DNSSEC;
    unsigned strength = 1 + rng_below(g, 4);
    for (unsigned f = 0; r->weather != WEATHER_CALM && f < most; f++)
        if (rng_chance(g, 60))
            r->rate[f] = strength * (f < STORM_HARMFUL ? 40 : 15);
    r->options = (struct resolver_options){
        .minimise = rng_chance(g, 80),
        .randomise_case = rng_chance(g, 85),
        .full_responses = rng_chance(g, 20),
        .use_ipv4 = true,
        .use_ipv6 = rng_chance(g, 85),
        .ttl_max = 86400,
        .negative_ttl_max = 3600,
        .hints = &r->hints,
        .prime = rng_chance(g, 80),
    };
}

/* What signed zones have beyond that. On the wire something is wrong in harsh weather only. */
static void draw_signed_weather(struct run *r)
{
    struct rng *g = &r->seal;
    unsigned strength = 1 + rng_below(g, 4);
    for (unsigned f = STORM_OF_DNSSEC; r->weather == WEATHER_HARSH && f < STORM_FAULTS; f++)
        if (rng_chance(g, f == STORM_FORGE ? 20 : 50))
            r->rate[f] = strength * 15;
    r->options.aggressive = rng_chance(g, 75);
    r->options.dnssec.iterations_max = ITERATIONS_MOST;
    r->options.dnssec.skew_s = rng_chance(g, 50) ? 300 : 0;
    r->options.built_s = rng_chance(g, 50) ? STORM_WALL_S - 365 * 86400 : 0;
}

/* Trust begins with the root's key. */
static enum err set_anchor(struct run *r)
{
    struct rpl_bytes ds;
    struct rrset_builder b;
    enum err e = seal_anchor(&r->tree, &ds);
    if (!e)
        e = rrset_build(&b, &r->tree.arena, name_root, TYPE_DS, UINT32_MAX);
    if (!e)
        e = rrset_add(&b, ds.at, (uint16_t)ds.size);
    if (e)
        return e;
    r->anchor = (struct anchor){.zone = name_root, .ds = rrset_finish(&b)};
    r->options.anchors = (struct anchors){.at = &r->anchor, .count = 1};
    return OK;
}

static enum err make_signed(struct run *r)
{
    draw_signed_weather(r);
    enum err e = seal_tree(&r->tree, &r->seal);
    if (e)
        return e;
    safety_prepare(&r->tree);
    return set_anchor(r);
}

static void make_hints(struct run *r)
{
    const struct zone *root = &r->tree.zone[0];
    r->hints = (struct delegation){.zone = name_root, .expiry = UINT32_MAX};
    for (unsigned i = 0; i < root->link_count; i++) {
        const struct host *h = root->link[i].host;
        for (unsigned k = 0; k < h->at_count; k++)
            r->hints.address[r->hints.address_count++] =
                (struct delegation_address){.ns = r->hints.ns_count, .at = h->at[k]};
        r->hints.ns[r->hints.ns_count++] = h->name;
    }
}

static struct hash_key draw_key(struct run *r)
{
    struct hash_key key;
    uint8_t seed[32];
    world_random(sim_world(r->sim), seed, sizeof seed);
    hash_key_init(&key, seed);
    return key;
}

static enum err make_core(struct run *r)
{
    struct sim_config sim = {.seed = r->seed,
                             .start_ms = STORM_START_MS,
                             .wall_s = STORM_WALL_S,
                             .on_send = authority_on_send,
                             .ctx = r};
    enum err err = sim_new(&r->sim, &sim);
    if (err)
        return err;
    r->work.limit = WORK_SIZE;
    struct cache_config cache = {.size = CACHE_SIZE, .policy = "lru", .key = draw_key(r)};
    if ((err = cache_new(&r->cache, &cache)))
        return err;
    struct resolver_config resolver = {.cache = r->cache,
                                       .world = sim_world(r->sim),
                                       .work = &r->work,
                                       .options = &r->options,
                                       .key = draw_key(r),
                                       .trace = trace_lookup,
                                       .trace_ctx = r};
    if ((err = resolver_new(&r->resolver, &resolver)))
        return err;
    sim_connect(r->sim, resolver_sink(r->resolver));
    struct front_config front = {.resolver = r->resolver,
                                 .cache = r->cache,
                                 .world = sim_world(r->sim),
                                 .work = &r->work,
                                 .udp_payload = DNS_UDP_SAFE,
                                 .answer = on_answer,
                                 .ctx = r};
    return front_new(&r->front, &front);
}

/*
 * All are answered: nothing may be held, nothing be on its way. Priming alone may go on when those
 * who waited for it have gone (there is one such lookup at most); it has a few messages of its own,
 * and then ends.
 */
static void check_rest(struct run *r)
{
    if (r->failed)
        return;
    if (resolver_load(r->resolver) == 1 && sim_advance(r->sim, PRIMING_MOST_MS))
        storm_breach(r, "priming does not end");
    else if (resolver_load(r->resolver) > 0)
        storm_breach(r, "%zu lookups go on for nobody", resolver_load(r->resolver));
    else if (r->work.used)
        storm_breach(r, "%zu octets of work are held for nobody", r->work.used);
    else if (sim_next(r->sim, NULL))
        storm_breach(r, "an exchange is open for nobody");
    /* Of 1,000 random ids some 8 are there already. */
    else if (r->ids.messages > 20 && (r->ids.messages - r->ids.distinct) * 10 > r->ids.messages)
        storm_breach(r, "%u messages bore only %u ids", r->ids.messages, r->ids.distinct);
}

static void take_down(struct run *r)
{
    if (r->front)
        front_free(r->front);
    if (r->resolver) {
        r->tally->from_denials += resolver_counters(r->resolver)->answers_denials;
        resolver_free(r->resolver);
    }
    if (r->sim && !r->failed && (r->work.used || sim_next(r->sim, NULL)))
        storm_breach(r, "after the end something is still held");
    if (r->cache)
        cache_free(r->cache);
    if (r->sim) {
        r->hash = sim_trace_hash(r->sim);
        r->tally->sends += sim_sent(r->sim);
    }
    sim_free(r->sim);
    tree_free(&r->tree);
    sign_forget();
}

bool storm_run(struct run *r)
{
    r->rng.state = r->seed;
    r->fate.state = ~r->seed;
    r->seal.state = r->seed ^ 0x5ea15ea15ea15ea1;
    r->bane.state = ~r->seal.state;
    r->tally->runs++;
    draw_weather(r);
    enum err err = tree_grow(&r->tree, &r->rng);
    /* Now and then a network in which one of two families leads nowhere. */
    if (r->options.use_ipv6 && r->seed % 8 >= 6)
        r->tree.vanishing = r->seed % 8 == 6 ? 4 : 6;
    if (!err && r->is_signed)
        err = make_signed(r);
    oracle_prepare(&r->tree, &r->options);
    make_hints(r);
    if (r->verbose)
        tree_print(&r->tree);
    if (r->verbose && r->is_signed)
        seal_print(&r->tree);
    if (!err)
        err = make_core(r);
    if (err)
        storm_breach(r, "making the world: %s", err_text(err));
    else
        converse(r);
    if (!err)
        check_rest(r);
    take_down(r);
    return !r->failed;
}
