/* A scenario being played: shared by player.c and player_steps.c. */
#ifndef TESTS_SIM_PLAYER_INTERNAL_H
#define TESTS_SIM_PLAYER_INTERNAL_H

#include "resolver/front.h"
#include "tests/sim/player.h"
#include "tests/sim/rpl_config.h"
#include "tests/sim/trace_check.h"
#include "tests/sim/world_sim.h"

enum {
    PLAY_PATIENCE_MS = 60 * 1000
}; /* how far a step may move virtual time to see what it waits for */

/* A message of a client. */
struct play_query {
    uint64_t request; /* 1, 2, … */
    uint16_t id;
    unsigned step;
    enum transport via;
    unsigned answers;
    bool dropped;
    struct play_query *next;
};

struct play_answer {
    struct play_query *query;
    struct rpl_bytes bytes;
    struct play_answer *next;
};

/* A message of the resolver, kept after its exchange has ended. */
struct play_sent {
    uint64_t sequence;
    unsigned step; /* the last step that moved something before it was sent */
    struct endpoint to;
    struct rpl_message message;
    bool checked; /* a CHECK_OUT_QUERY took it */
    struct play_sent *next;
};

/* What was said so far. */
struct play_log {
    struct play_query *queries, **last_query;
    struct play_answer *answers, **last_answer; /* not checked yet */
    struct play_sent *sent, **last_sent;
};

struct play {
    struct arena *arena;
    const struct play_options *options;
    struct play_result *result;
    struct rpl_file *file;
    struct rpl_settings settings;
    /* the core */
    struct sim *sim;
    struct gauge work;
    struct cache *cache;
    struct resolver *resolver;
    struct world_sink core; /* the resolver's sink, behind ours */
    struct front *front;
    struct access_list *access;
    struct local_root *copy; /* of the root; NULL: none */
    struct trace_check *story;
    struct trust_watch *watch; /* NULL: no trust points */
    bool trust_changed;
    /* the conversation */
    unsigned step;       /* being played */
    unsigned range_step; /* whose ranges answer */
    unsigned moved_step; /* the last that let something happen */
    struct play_log log;
    struct rpl_scope scope;
    uint64_t request;
    bool broken; /* by what no lack of memory excuses */
};

/* Notes the first failure; always false. */
bool play__fail(struct play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Turns an error of the environment or of the simulation into a failure. */
bool play__ok(struct play *p, enum err err, const char *doing);
/* Sends the packets of an entry as the answer to an exchange. */
bool play__answer_exchange(struct play *p, struct sim_exchange *x, const struct rpl_entry *e);
/* player_trust.c. What changes the resolver's options happens between two steps. */
bool play__start_trust(struct play *p);
bool play__watch_trust(struct play *p);
double play__trust_due(const struct play *p); /* seconds */
bool play__check_trust(struct play *p, const char *text);
/* Sees whether a range now answers what is outstanding. */
bool play__try_ranges(struct play *p);
void play__add_answer(struct play *p, struct play_query *q, const uint8_t *bytes, size_t size);
/* The message of an exchange; NULL when its note was lost. */
struct play_sent *play__sent(struct play *p, uint64_t sequence);
/* Plays one step. False when the scenario has failed. */
bool play__step(struct play *p, const struct rpl_step *s);

#endif
