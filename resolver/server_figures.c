/*
 * What is remembered of a server: how soon it answers, how often it did not, whether it takes EDNS,
 * and of what zones it knows nothing. It lies in the cache, where all workers see it.
 */
#include <string.h>

#include "resolver/lookup.h"

enum {
    SERVER_UNKNOWN_MS = 50,
    SERVER_NOTE_S = 5,        /* a message is noted if the last note is older */
    SERVER_KEEP_S = 900,      /* a measurement is worth that long */
    SERVER_DEAD_TIMEOUTS = 6, /* in a row: rather ask others */
    SERVER_DEAD_S = 15,       /* then it is tried again, */
    SERVER_DEAD_MOST_S = 30,  /* and when it is still silent after twice as long */
    SERVER_DEAD_MS = 60000,   /* what such a one is reckoned at */
    SERVER_SILENT_MS = 50,    /* added for time-outs in a row, times their square */
    SERVER_SILENT_MOST_MS = 3000,
    FAMILY_DOUBTED_MS = 4000, /* added where the whole family is silent */
    SERVER_LAME_S = 600,      /* lame for a zone that long, then tried anew */
    SERVER_EDNS_S = 600,      /* after that EDNS is tried anew */
    SERVER_EDNS_FIRST_S = 60, /* the first time: it may have been a forger */
    SERVER_EDNS_MISSES = 3,   /* in a row, before one that knew EDNS counts as broken */
};

struct server_state servers__state(struct resolver *r, const struct endpoint *at)
{
    struct server_state s;
    uint32_t now = world_now_s(r->config.world);
    if (cache_get_server(r->config.cache, at, NULL, now, &s))
        s = (struct server_state){0};
    return s;
}

static void server_put(struct resolver *r, const struct endpoint *at, struct server_state *s)
{
    uint32_t now = world_now_s(r->config.world);
    s->expiry = now + SERVER_KEEP_S;
    cache_put_server(r->config.cache, at, NULL, s, now);
}

/* Seconds since it was last asked or heard of. */
static uint32_t age_s(const struct server_state *s, uint32_t now)
{
    uint32_t noted = s->expiry - SERVER_KEEP_S;
    return now > noted ? now - noted : 0;
}

/*
 * Smoothed as TCP does it (RFC 6298 §2). A reply may be late by chance but not early: one that came
 * in half the time at most says that the way is another by now, and counts for most of it.
 */
void servers_measured(struct resolver *r, const struct endpoint *at, uint32_t rtt_ms)
{
    struct server_state s = servers__state(r, at);
    uint32_t rtt = rtt_ms ? rtt_ms : 1;
    if (!s.srtt_ms) {
        s.srtt_ms = rtt;
        s.rttvar_ms = rtt / 2;
    } else {
        uint32_t delta = s.srtt_ms > rtt ? s.srtt_ms - rtt : rtt - s.srtt_ms;
        bool sooner = rtt * 2 <= s.srtt_ms;
        s.rttvar_ms = (3 * s.rttvar_ms + delta) / 4;
        s.srtt_ms = sooner ? (s.srtt_ms + 3 * rtt + 2) / 4 : (7 * s.srtt_ms + rtt + 4) / 8;
    }
    s.timeouts = 0;
    s.retry_at = 0;
    server_put(r, at, &s);
    family_heard(r, at);
}

void servers_asked(struct resolver *r, const struct endpoint *at)
{
    struct server_state s;
    if (cache_get_server(r->config.cache, at, NULL, r->now, &s) ||
        age_s(&s, r->now) < SERVER_NOTE_S)
        return;
    server_put(r, at, &s);
}

static void count_timeout(struct resolver *r, struct server_state *s)
{
    if (s->timeouts < UINT8_MAX)
        s->timeouts++;
    if (s->timeouts >= SERVER_DEAD_TIMEOUTS)
        s->retry_at =
            r->now + (s->timeouts == SERVER_DEAD_TIMEOUTS ? SERVER_DEAD_S : SERVER_DEAD_MOST_S);
}

void servers_timed_out(struct resolver *r, const struct endpoint *at)
{
    struct server_state s = servers__state(r, at);
    count_timeout(r, &s);
    server_put(r, at, &s);
    family_silent(r, at);
}

/* More than it ever took is as good as a time-out; else it is known to take at least that long. */
void servers_outrun(struct resolver *r, const struct endpoint *at, uint32_t waited_ms)
{
    struct server_state s = servers__state(r, at);
    if (waited_ms > s.srtt_ms + 2 * s.rttvar_ms)
        count_timeout(r, &s);
    else if (s.srtt_ms < waited_ms)
        s.srtt_ms = waited_ms;
    server_put(r, at, &s);
    family_silent(r, at);
}

void servers_edns_works(struct resolver *r, const struct endpoint *at)
{
    struct server_state s = servers__state(r, at);
    if (s.edns == SERVER_EDNS_OK && !s.edns_misses)
        return;
    s.edns = SERVER_EDNS_OK;
    s.edns_misses = 0;
    server_put(r, at, &s);
}

/*
 * One forged error must not take EDNS, and with it signatures, from a server for long: one that
 * has shown that it knows EDNS has to miss it several times in a row, one that never has is asked
 * with it again after a minute. While it is held to be broken it is not asked, so nothing is added.
 */
void servers_edns_missed(struct resolver *r, const struct endpoint *at)
{
    struct server_state s = servers__state(r, at);
    if (servers__edns_broken(r, &s))
        return;
    if (s.edns_misses < UINT8_MAX)
        s.edns_misses++;
    if (s.edns != SERVER_EDNS_OK || s.edns_misses >= SERVER_EDNS_MISSES) {
        bool first = s.edns_misses == 1;
        s.edns = SERVER_EDNS_BROKEN;
        s.edns_until = r->now + (first ? SERVER_EDNS_FIRST_S : SERVER_EDNS_S);
    }
    server_put(r, at, &s);
}

void servers_cookie(struct resolver *r, const struct endpoint *at, const uint8_t *cookie,
                    uint8_t size)
{
    struct server_state s = servers__state(r, at);
    if (s.cookie_size == size && (!size || !memcmp(s.cookie, cookie, size)))
        return;
    s.cookie_size = size;
    if (size)
        memcpy(s.cookie, cookie, size);
    server_put(r, at, &s);
}

bool servers__edns_broken(const struct resolver *r, const struct server_state *s)
{
    return s->edns == SERVER_EDNS_BROKEN && s->edns_until > r->now;
}

/* Held to be lame for this zone (RFC 9520 §2.3 speaks of such): asked when nobody else is left. */
bool servers__lame(struct lookup *l, const struct endpoint *at)
{
    struct server_state s;
    return !cache_get_server(l->r->config.cache, at, l->walk.cut->zone, l->r->now, &s) && s.lame;
}

void servers__note_lame(struct lookup *l, const struct endpoint *at)
{
    struct server_state s = {.expiry = l->r->now + SERVER_LAME_S, .lame = true};
    cache_put_server(l->r->config.cache, at, l->walk.cut->zone, &s, l->r->now);
}

struct server_view servers__view(struct lookup *l, const struct endpoint *at)
{
    struct server_state s = servers__state(l->r, at);
    uint32_t silent = (uint32_t)s.timeouts * s.timeouts * SERVER_SILENT_MS;
    struct server_view v = {
        .proven = s.srtt_ms && !s.timeouts,
        .dead = s.retry_at > l->r->now,
        .idle_s = s.expiry ? age_s(&s, l->r->now) : UINT32_MAX,
    };
    v.cost_ms = s.srtt_ms ? s.srtt_ms : SERVER_UNKNOWN_MS;
    v.cost_ms += silent < SERVER_SILENT_MOST_MS ? silent : SERVER_SILENT_MOST_MS;
    v.slack_ms = v.cost_ms / 2;
    if (v.dead)
        v.cost_ms = SERVER_DEAD_MS;
    if (family_doubted(l->r, at))
        v.cost_ms += FAMILY_DOUBTED_MS;
    return v;
}

static uint32_t doubled(uint32_t ms, unsigned times, uint32_t most)
{
    return ms >= most >> times ? most : ms << times;
}

/*
 * A further message to one server is given twice as long. And where several servers in a row were
 * silent, the trouble is rather with our own line than with each of them: going through all of them
 * in half a second would make a failure of a short stand-still.
 */
uint32_t servers_timeout_ms(struct lookup *l, const struct candidate *c, enum transport via)
{
    if (via == TRANSPORT_TCP)
        return TIMEOUT_TCP_MS;
    struct server_state s = servers__state(l->r, &c->at);
    uint32_t ms = s.srtt_ms ? s.srtt_ms + 4 * s.rttvar_ms : TIMEOUT_UNKNOWN_MS;
    uint32_t least = l->walk.kind == CUT_FORWARD ? TIMEOUT_FORWARDER_MS : TIMEOUT_MIN_MS;
    ms = ms < least ? least : ms;
    unsigned tries = c->sends[via] > 1 ? c->sends[via] - 1U : 0,
             silent = l->walk.faults[FAULT_SILENT];
    uint32_t own = doubled(ms, tries, TIMEOUT_MAX_MS);
    uint32_t together = doubled(ms, silent > 1 ? silent - 1U : 0, TIMEOUT_TOGETHER_MS);
    return own > together ? own : together;
}
