/*
 * Plays a scenario again and again, each time with another allocation of the core failing, alone
 * and with all that follow. What the answers are does not matter then, but that each query gets its
 * one, that nothing crashes, and that all memory is given back.
 */
#ifndef TESTS_SIM_SWEEP_H
#define TESTS_SIM_SWEEP_H

#include "tests/sim/player.h"

struct sweep {
    unsigned points;    /* at most so many allocations of a scenario; 0: all */
    uint64_t failures;  /* allocations that failed so far */
    uint64_t served;    /* queries that were answered as expected all the same … */
    uint64_t differing; /* … and steps that went otherwise */
};

/* A scenario: its file's name and text. */
struct sweep_file {
    const char *path;
    const char *text;
    size_t size;
};

/* `out` is PLAY_OK, or tells of the first point that was not borne. */
void sweep_file(struct sweep *s, const struct sweep_file *f, const struct play_options *options,
                struct play_result *out);

#endif
