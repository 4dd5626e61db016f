#include "tests/sim/sweep.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/scarce.h"

/* What is being played, for whoever reads about a crash. */
static char now[512];

static void on_crash(int number)
{
    ssize_t ignored = write(STDERR_FILENO, now, strlen(now));
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static bool play_once(const struct sweep_file *f, const struct play_options *options,
                      struct play_result *out)
{
    struct arena arena;
    arena_init(&arena, NULL);
    play_text(&arena, f->text, f->size, options, out);
    out->expected = out->got = NULL; /* they were the arena's */
    arena_deinit(&arena);
    return out->verdict == PLAY_OK;
}

struct point {
    uint64_t at;
    bool for_good;
};

static bool play_scarce(struct sweep *s, const struct sweep_file *f, struct play_options options,
                        const struct point *p, struct play_result *out)
{
    char what[sizeof out->what];
    const char *more = p->for_good ? " and all after it" : "";
    snprintf(now, sizeof now, "crashed: %s, allocation %" PRIu64 "%s\n", f->path, p->at, more);
    options.scarce = true;
    scarce_begin(p->at, p->for_good);
    bool fine = play_once(f, &options, out);
    s->failures++;
    s->served += out->served;
    s->differing += out->differing;
    if (fine)
        return true;
    memcpy(what, out->what, sizeof what);
    snprintf(out->what, sizeof out->what, "allocation %" PRIu64 "%s fails: %.200s", p->at, more,
             what);
    return false;
}

void sweep_file(struct sweep *s, const struct sweep_file *f, const struct play_options *options,
                struct play_result *out)
{
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    scarce_begin(0, false);
    if (!play_once(f, options, out))
        return;
    uint64_t count = scarce_count(), hash = out->trace_hash;
    uint64_t points = s->points && s->points < count ? s->points : count;
    bool fine = true;
    for (uint64_t i = 0; fine && i < points; i++) {
        /* Spread evenly, beginning elsewhere with each seed. */
        struct point p = {.at = 1 + (i * count / points + options->seed * 7) % count};
        fine = play_scarce(s, f, *options, &p, out);
        p.for_good = true;
        fine = fine && play_scarce(s, f, *options, &p, out);
    }
    scarce_begin(0, false);
    out->trace_hash = hash;
}
