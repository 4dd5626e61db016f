#include "resolver/trust_watch.h"
#include "tests/sim/player_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/rpl_world.h"
#include "tests/sim/scarce.h"
#include "zones/hints.h"

/* Machines are not asked anything in the first second of their lives, and 0 means "never" in
 * places. */
enum { START_MS = 1000 * 1000 };

bool play__fail(struct play *p, const char *fmt, ...)
{
    if (p->result->verdict != PLAY_OK)
        return false;
    p->result->verdict = PLAY_FAIL;
    p->result->step = p->step;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->result->what, sizeof p->result->what, fmt, ap);
    va_end(ap);
    return false;
}

bool play__ok(struct play *p, enum err err, const char *doing)
{
    if (err == ERR_LIMIT) {
        p->broken = true;
        return play__fail(p, "%s: it never comes to rest", doing);
    }
    if (err)
        return play__fail(p, "%s: %s", doing, err_text(err));
    return p->result->verdict == PLAY_OK;
}

/* ---- the conversation on paper --------------------------------------------------------------- */

static void print_message(struct arena *a, enum transport via, const uint8_t *bytes, size_t size)
{
    struct rpl_message m;
    char error[RPL_ERROR_MAX];
    struct rpl_text t = {.arena = a};
    (void)via;
    if (rpl_message_read(a, bytes, size, &m, error) != OK) {
        printf("    %s (%zu octets)\n", error, size);
        return;
    }
    rpl_print_message(&t, &m);
    for (char *line = t.at ? strtok(t.at, "\n") : NULL; line; line = strtok(NULL, "\n"))
        printf("    %s\n", line);
}

static void trace(void *ctx, const struct sim_event_view *e)
{
    static const char *const kinds[] = {"resolver asks", "reply from", "failure of",
                                        "resolver ends", "wake-up",    ""};
    struct play *p = ctx;
    char text[ADDR_TEXT_MAX];
    if (!p->options->verbose)
        return;
    printf("%" PRIu64 ".%03u %s%s", e->at_ms / 1000, (unsigned)(e->at_ms % 1000), kinds[e->kind],
           e->what);
    if (e->exchange)
        printf(" %s (exchange %" PRIu64 ", %s)", endpoint_text(&e->exchange->to, text),
               e->exchange->sequence, e->exchange->via == TRANSPORT_TCP ? "TCP" : "UDP");
    printf("\n");
    if (e->length > 0)
        print_message(p->arena, TRANSPORT_UDP, e->bytes, e->length);
}

static void trace_lookup(void *ctx, const char *line)
{
    (void)ctx;
    printf("        %s\n", line);
}

/* ---- servers --------------------------------------------------------------------------------- */

struct play_sent *play__sent(struct play *p, uint64_t sequence)
{
    for (struct play_sent *s = p->log.sent; s; s = s->next) {
        if (s->sequence == sequence)
            return s;
    }
    return NULL;
}

bool play__answer_exchange(struct play *p, struct sim_exchange *x, const struct rpl_entry *e)
{
    const struct play_sent *sent = x->tag;
    uint64_t delay = e->sleep_ms;
    if (e->adjust & ADJUST_DO_NOT_ANSWER) {
        x->settled = true;
        return true;
    }
    for (const struct rpl_packet *packet = &e->packet; packet; packet = packet->next) {
        struct rpl_bytes bytes;
        enum err err = rpl_build_reply(p->arena, e, packet, &sent->message, &bytes);
        if (!err)
            err = sim_reply(p->sim, x, bytes.at, bytes.size, delay);
        if (err)
            return play__ok(p, err, "building a canned answer");
        delay += e->packet_sleep_ms;
    }
    return true;
}

static bool try_ranges_for(struct play *p, struct sim_exchange *x)
{
    const struct play_sent *sent = x->tag;
    const struct rpl_entry *e = rpl_find_entry(p->file, p->range_step, &x->to, &sent->message);
    return !e || play__answer_exchange(p, x, e);
}

static void on_send(void *ctx, struct sim *sim, struct sim_exchange *x)
{
    struct play *p = ctx;
    char error[RPL_ERROR_MAX];
    bool armed = scarce_arm(false);
    struct play_sent *s = arena_calloc(p->arena, 1, sizeof *s);
    (void)sim;
    if (!s) {
        x->settled = true;
        play__fail(p, "out of memory");
        scarce_arm(armed);
        return;
    }
    enum err err = rpl_message_read(p->arena, x->message, x->length, &s->message, error);
    s->message.via = x->via;
    s->sequence = x->sequence;
    s->step = p->moved_step;
    s->to = x->to;
    x->tag = s;
    *p->log.last_sent = s;
    p->log.last_sent = &s->next;
    if (err)
        play__fail(p, "an upstream query is malformed: %s", error);
    else
        try_ranges_for(p, x);
    scarce_arm(armed);
}

bool play__try_ranges(struct play *p)
{
    for (struct sim_exchange *x = sim_next(p->sim, NULL); x; x = sim_next(p->sim, x)) {
        if (sim_outstanding(x) && x->delivered == 0 && !try_ranges_for(p, x))
            return false;
    }
    return true;
}

/* ---- clients --------------------------------------------------------------------------------- */

void play__add_answer(struct play *p, struct play_query *q, const uint8_t *bytes, size_t size)
{
    struct play_answer *a = arena_calloc(p->arena, 1, sizeof *a);
    sim_note(p->sim, "answer to the client", bytes, size);
    if (a)
        *a = (struct play_answer){.query = q, .bytes = {arena_copy(p->arena, bytes, size), size}};
    if (!a || !a->bytes.at) {
        play__fail(p, "out of memory");
        return;
    }
    if (++q->answers > 1) {
        p->broken = true;
        play__fail(p, "the query of step %u was answered %u times", q->step, q->answers);
    }
    *p->log.last_answer = a;
    p->log.last_answer = &a->next;
}

static void on_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct play *p = ctx;
    bool armed = scarce_arm(false);
    struct play_query *q = p->log.queries;
    while (q && q->request != request)
        q = q->next;
    p->broken = p->broken || !q;
    if (!q)
        play__fail(p, "an answer to a query that nobody sent");
    else if (size > 0)
        play__add_answer(p, q, bytes, size);
    else
        q->dropped = true;
    scarce_arm(armed);
}

/* ---- the core -------------------------------------------------------------------------------- */

static struct hash_key draw_key(struct play *p)
{
    struct hash_key key;
    uint8_t seed[32];
    world_random(sim_world(p->sim), seed, sizeof seed);
    hash_key_init(&key, seed);
    return key;
}

static bool make_copy(struct play *p)
{
    const char *text = p->settings.local_root, *why = "";
    struct rrset_array zone;
    struct zone_error error;
    if (!text)
        return true;
    enum err err = zone_read_text(p->arena, text, strlen(text), name_root, &zone, &error);
    if (err == ERR_FORMAT)
        return play__fail(p, "local-root: record %u: %s", error.line, error.text);
    if (!err)
        err = local_root_new(&p->copy, &zone, &why);
    if (err == ERR_FORMAT)
        return play__fail(p, "local-root: %s", why);
    if (!err)
        local_root_hold(p->copy,
                        world_now_ms(sim_world(p->sim)) + p->settings.knobs.local_root_s * 1000);
    p->settings.options.local_root = p->copy;
    return play__ok(p, err, "local-root");
}

static bool make_options(struct play *p)
{
    struct delegation *hints;
    struct zone_error error = {0};
    struct special_zones *special = NULL;
    enum err err = hints_load(p->arena, NULL, &hints, &error);
    if (err)
        return play__fail(p, "the compiled-in hints: %s", error.text);
    if (p->settings.knobs.special_zones) {
        err = special_zones_new(&special, p->arena);
        if (err)
            return play__ok(p, err, "special zones");
    }
    p->settings.options.hints = p->settings.hints.address_count > 0 ? &p->settings.hints : hints;
    p->settings.options.special = special;
    if (p->settings.access_count > 0) {
        size_t which;
        err = access_list_new(&p->access, p->settings.access, p->settings.access_count, &which);
    }
    return play__ok(p, err, "access list") && make_copy(p);
}

static const struct cookie_secrets *cookies_of(struct play *p)
{
    struct cookie_secrets *s = &p->settings.secrets;
    if (!p->settings.cookies)
        return NULL;
    if (!s->count)
        world_random(sim_world(p->sim), s->at[s->count++], COOKIE_SECRET);
    return s;
}

/* The world's calls reach the core through these, which say that it is the core that runs. */
static void core_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length)
{
    struct play *p = ctx;
    scarce_arm(true);
    p->core.reply(p->core.ctx, token, message, length);
    scarce_arm(false);
}

static void core_failed(void *ctx, uint64_t token, enum err why)
{
    struct play *p = ctx;
    scarce_arm(true);
    p->core.failed(p->core.ctx, token, why);
    scarce_arm(false);
}

static void core_turn(void *ctx)
{
    struct play *p = ctx;
    scarce_arm(true);
    p->core.turn(p->core.ctx);
    scarce_arm(false);
}

static bool make_core(struct play *p)
{
    const struct rpl_knobs *knobs = &p->settings.knobs;
    struct world *world = sim_world(p->sim);
    p->story = arena_calloc(p->arena, 1, sizeof *p->story);
    if (!p->story)
        return play__ok(p, ERR_NOMEM, "making the core");
    trace_check_begin(p->story);
    p->work.limit = knobs->work_size;
    struct cache_config cache = {.size = knobs->cache_size, .policy = "lru", .key = draw_key(p)};
    enum err err = cache_new(&p->cache, &cache);
    if (err)
        return play__ok(p, err, "making the cache");
    struct resolver_config resolver = {.cache = p->cache,
                                       .world = world,
                                       .work = &p->work,
                                       .options = &p->settings.options,
                                       .key = draw_key(p),
                                       .tracer = &p->story->tracer,
                                       .trace = p->options->verbose ? trace_lookup : NULL};
    err = resolver_new(&p->resolver, &resolver);
    if (err)
        return play__ok(p, err, "making the resolver");
    p->core = resolver_sink(p->resolver);
    sim_connect(p->sim,
                (struct world_sink){
                    .ctx = p, .reply = core_reply, .failed = core_failed, .turn = core_turn});
    struct front_config front = {.resolver = p->resolver,
                                 .cache = p->cache,
                                 .world = world,
                                 .work = &p->work,
                                 .access = p->access,
                                 .udp_payload = (uint16_t)knobs->udp_payload,
                                 .identity = p->settings.identity,
                                 .version = p->settings.version,
                                 .cookies = cookies_of(p),
                                 .tcp_idle_ms = (uint32_t)knobs->tcp_idle_ms,
                                 .answer = on_answer,
                                 .ctx = p};
    return play__ok(p, front_new(&p->front, &front), "making the front") && play__start_trust(p);
}

static bool start(struct play *p)
{
    const struct rpl_knobs *knobs = &p->settings.knobs;
    struct sim_config sim = {.seed = knobs->seed ? knobs->seed : p->options->seed,
                             .start_ms = START_MS,
                             .wall_s = knobs->wall_s,
                             .on_send = on_send,
                             .trace = trace,
                             .ctx = p};
    if (!play__ok(p, sim_new(&p->sim, &sim), "making the world"))
        return false;
    sim_refuse_sends(p->sim, (unsigned)knobs->refuse_sends, ERR_IO);
    if (!make_options(p))
        return false;
    scarce_arm(true);
    bool fine = make_core(p);
    scarce_arm(false);
    return fine;
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool check_left_over(struct play *p)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], at[ADDR_TEXT_MAX];
    if (p->log.answers)
        return play__fail(p, "at the end: the answer to the query of step %u was never checked",
                          p->log.answers->query->step);
    for (struct sim_exchange *x = sim_next(p->sim, NULL); x; x = sim_next(p->sim, x)) {
        const struct play_sent *s = x->tag;
        if (!sim_outstanding(x) || !s || !s->message.question.name)
            continue;
        return play__fail(p, "at the end: an upstream query is left: %.100s %s to %s",
                          name_text(s->message.question.name, name),
                          type_text(s->message.question.type, type), endpoint_text(&x->to, at));
    }
    for (const struct play_query *q = p->log.queries; q; q = q->next) {
        if (q->answers == 0 && !q->dropped)
            return play__fail(p, "at the end: the query of step %u was never answered", q->step);
    }
    return true;
}

/* With memory running out: all that matters is that nobody waits for ever. */
static void check_answered(struct play *p)
{
    p->log.answers = NULL;
    p->log.last_answer = &p->log.answers;
    if (!play__ok(p, sim_advance(p->sim, PLAY_PATIENCE_MS), "letting time pass"))
        return;
    for (const struct play_query *q = p->log.queries; q; q = q->next) {
        if (q->answers == 0 && !q->dropped)
            play__fail(p, "the query of step %u was never answered", q->step);
    }
}

/* Everything is taken down; what then still holds memory or an exchange has leaked. */
static void finish(struct play *p)
{
    if (p->front)
        front_free(p->front);
    trust_watch_free(p->watch);
    if (p->resolver) {
        p->result->counted = *resolver_counters(p->resolver);
        resolver_free(p->resolver);
    }
    if (p->story && p->story->wrong)
        play__fail(p, "what was told of lookup %u does not hold: %s", p->story->lookup,
                   p->story->wrong);
    if (p->sim && p->work.used != 0)
        play__fail(p, "after the end: %zu octets of work in progress were not given back",
                   p->work.used);
    if (p->resolver && sim_next(p->sim, NULL))
        play__fail(p, "after the end: an upstream exchange was not ended");
    if (p->cache)
        cache_free(p->cache);
    if (p->access)
        access_list_free(p->access);
    if (p->sim)
        p->result->trace_hash = sim_trace_hash(p->sim);
    local_root_unref(p->copy);
    sim_free(p->sim);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool skip(struct play *p, const char *what, const char *which)
{
    p->result->verdict = PLAY_SKIP;
    snprintf(p->result->what, sizeof p->result->what, "%s %s", what, which);
    return false;
}

/* What is not built comes first: such a file is skipped whatever else is in it. */
static bool read_file(struct play *p, const char *text, size_t size)
{
    struct rpl_error fault, error;
    enum err err = OK;
    enum err read = rpl_parse(p->arena, text, size, &p->file, &fault);
    if (read && read != ERR_FORMAT)
        return play__ok(p, read, "reading");
    if (p->file && !read)
        read = rpl_take_world(p->arena, p->file, p->options->path, &fault);
    if (p->file)
        err = rpl_configure(p->arena, p->file, &p->settings, &error);
    if (err == ERR_UNSUPPORTED)
        return skip(p, "option", error.text);
    if (read == ERR_FORMAT)
        return play__fail(p, "line %u: %s", fault.line, fault.text);
    if (err == ERR_FORMAT)
        return play__fail(p, "line %u: %s", error.line, error.text);
    if (!err)
        err = rpl_sign(p->arena, p->file, &p->settings.signing, p->settings.knobs.wall_s);
    for (const struct rpl_step *s = p->file->steps; !err && s; s = s->next) {
        /* Zone files are not written yet. */
        if (s->kind == STEP_CHECK_TEMPFILE)
            return skip(p, "step", rpl_step_text(s->kind));
    }
    return play__ok(p, err, "configuring");
}

/* Where memory runs out a step may go otherwise. */
static bool forgive(struct play *p)
{
    if (!p->options->scarce || p->broken)
        return false;
    p->result->verdict = PLAY_OK;
    p->result->differing++;
    return true;
}

void play_text(struct arena *a, const char *text, size_t size, const struct play_options *options,
               struct play_result *out)
{
    *out = (struct play_result){.verdict = PLAY_OK};
    struct play *p = arena_calloc(a, 1, sizeof *p);
    if (!p) {
        out->verdict = PLAY_FAIL;
        snprintf(out->what, sizeof out->what, "out of memory");
        return;
    }
    p->arena = a;
    p->options = options;
    p->result = out;
    p->log.last_query = &p->log.queries;
    p->log.last_answer = &p->log.answers;
    p->log.last_sent = &p->log.sent;
    p->scope.arena = a;
    if (!read_file(p, text, size))
        return;
    bool fine = start(p);
    if (!fine && options->scarce)
        out->verdict = PLAY_OK; /* there was not even memory to begin */
    for (const struct rpl_step *s = p->file->steps; fine && s; s = s->next)
        fine = play__step(p, s) || forgive(p);
    p->step = 0;
    if (fine && options->scarce)
        check_answered(p);
    else if (fine)
        check_left_over(p);
    finish(p);
}
