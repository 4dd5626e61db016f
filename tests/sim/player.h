/*
 * Plays one replay file against the real core on the simulated world.
 */
#ifndef TESTS_SIM_PLAYER_H
#define TESTS_SIM_PLAYER_H

#include "resolver/counters.h"
#include "tests/sim/rpl.h"

struct play_options {
    uint64_t seed;
    const char *path; /* of the file; NULL: a text that lies nowhere */
    bool verbose;     /* the whole conversation on standard output */
    bool scarce; /* memory runs out: steps may go otherwise, but each query gets its one answer */
};

enum play_verdict { PLAY_OK, PLAY_FAIL, PLAY_SKIP };

struct play_result {
    enum play_verdict verdict;
    uint64_t trace_hash;
    struct counters counted;      /* by the resolver, until its end */
    unsigned step;                /* 0: not of a step */
    char what[2 * RPL_ERROR_MAX]; /* what differed, or why it was skipped */
    const char *expected;         /* texts in the arena, or NULL */
    const char *got;
    unsigned served, differing; /* scarce: steps that went as written, and others */
};

/* Plays a file's text. What the result points to is the arena's. */
void play_text(struct arena *a, const char *text, size_t size, const struct play_options *options,
               struct play_result *out);

#endif
