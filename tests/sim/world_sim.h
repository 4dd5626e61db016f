/*
 * The world of the tests: virtual time, a seeded generator, and messages that go where the test
 * says.
 *
 *     struct sim *s;
 *     sim_new(&s, &(struct sim_config){.seed = 1, .on_send = answer_it, .ctx = mine});
 *     … the core is made on sim_world(s) …
 *     sim_connect(s, resolver_sink(r));
 *     sim_poke(s);                 // a query was handed to the core: it wants a turn
 *     sim_run_now(s);              // everything that happens at this moment
 *     sim_advance(s, 1000);        // the next second, event by event
 *     sim_free(s);
 *
 * Events are ordered by (time, sequence), so equal seeds and equal calls give equal runs; the trace
 * hash says so: it covers each event with its time and its bytes. One thread, no real clock, no
 * socket.
 */
#ifndef TESTS_SIM_WORLD_SIM_H
#define TESTS_SIM_WORLD_SIM_H

#include <stdbool.h>

#include "base/list.h"
#include "base/world.h"

/* A message that the core has sent. It lives until the core cancels it. */
struct sim_exchange {
    uint64_t token;
    struct endpoint to;
    enum transport via;
    uint8_t *message;
    size_t length;
    uint64_t sent_ms;
    uint64_t sequence;  /* 1, 2, … in the order of sending */
    unsigned scheduled; /* events on their way to the core */
    unsigned delivered; /* events that the core got */
    bool settled;       /* the test wants it no longer counted as outstanding */
    void *tag;          /* the test's own */
    struct list link;   /* all exchanges, oldest first */
    struct list bucket; /* those whose token hashes alike */
};

enum sim_event_kind {
    SIM_SEND,   /* the core sent `bytes` */
    SIM_REPLY,  /* the core was handed `bytes` */
    SIM_FAILED, /* the core was told that the exchange failed */
    SIM_CANCEL, /* the core ended the exchange */
    SIM_WAKE,   /* the asked-for time came */
    SIM_NOTE,   /* the test put it there: client queries, answers */
};

struct sim_event_view {
    enum sim_event_kind kind;
    uint64_t at_ms;
    const char *what;                    /* of a note; else "" */
    const struct sim_exchange *exchange; /* NULL for wakes and notes */
    const uint8_t *bytes;
    size_t length;
};

struct sim;

struct sim_config {
    uint64_t seed;
    uint64_t start_ms; /* boot time at the start */
    int64_t wall_s;    /* wall clock at the start */
    /* Called from within the core's send: it may only schedule (sim_reply, sim_fail). NULL: nobody
     * answers. */
    void (*on_send)(void *ctx, struct sim *s, struct sim_exchange *x);
    /* Sees each event as it happens. NULL: none. */
    void (*trace)(void *ctx, const struct sim_event_view *e);
    void *ctx;
};

MUST_CHECK enum err sim_new(struct sim **out, const struct sim_config *config);
/* The exchanges still open are freed with it. */
void sim_free(struct sim *s);

struct world *sim_world(struct sim *s);
void sim_connect(struct sim *s, struct world_sink sink);

uint64_t sim_now(const struct sim *s);
int64_t sim_wall(const struct sim *s);
/* Moves the wall clock alone, as an operator or a time daemon does. */
void sim_set_wall(struct sim *s, int64_t wall_s);
/* The machine slept: both clocks are later, and what was due meanwhile happens now. */
void sim_sleep(struct sim *s, uint64_t ms);
/* The next number of the generator that the core draws from. */
uint64_t sim_random(struct sim *s);

/* Makes the core's next `count` sends fail with `why`. */
void sim_refuse_sends(struct sim *s, unsigned count, enum err why);

/* Schedules bytes (copied) or a failure for the exchange after `delay_ms`. ERR_NOMEM. */
MUST_CHECK enum err sim_reply(struct sim *s, struct sim_exchange *x, const uint8_t *bytes,
                              size_t length, uint64_t delay_ms);
MUST_CHECK enum err sim_fail(struct sim *s, struct sim_exchange *x, enum err why,
                             uint64_t delay_ms);

/* The exchanges in the order of sending: sim_next(s, NULL) is the oldest; NULL at the end. */
struct sim_exchange *sim_next(struct sim *s, const struct sim_exchange *after);
/* NULL when it was cancelled. */
struct sim_exchange *sim_find(struct sim *s, uint64_t sequence);
/* Open, not settled, nothing on its way: what came, if anything, the core did not take for an
 * answer. */
bool sim_outstanding(const struct sim_exchange *x);
/* Messages sent since the start. */
uint64_t sim_sent(const struct sim *s);

/* Says that the core was given work and wants a turn. */
void sim_poke(struct sim *s);
/*
 * Delivers all that is due now and lets the core take its turns, until nothing more happens at this
 * moment. ERR_LIMIT: it never ends (SIM_ROUNDS_MAX turns).
 */
MUST_CHECK enum err sim_run_now(struct sim *s);
enum { SIM_ROUNDS_MAX = 20000, SIM_STEPS_MAX = 10 * 1000 * 1000 };
/* When something happens next; UINT64_MAX: never. Never before now. */
uint64_t sim_next_time(const struct sim *s);
/* Runs `ms` of time, every event at its own moment. ERR_LIMIT as above, or over SIM_STEPS_MAX
 * moments. */
MUST_CHECK enum err sim_advance(struct sim *s, uint64_t ms);
/* Moves to the next event if it is no later than `until_ms` and runs it; *moved says whether there
 * was one. */
MUST_CHECK enum err sim_step(struct sim *s, uint64_t until_ms, bool *moved);

/* Puts an event of the test into trace and hash. */
void sim_note(struct sim *s, const char *what, const uint8_t *bytes, size_t length);
uint64_t sim_trace_hash(const struct sim *s);

#endif
