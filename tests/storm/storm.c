/* Runs seeds and prints what they met. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/storm/storm.h"

/* Of both, every other seed has signed zones. */
enum kind { KIND_BOTH, KIND_UNSIGNED, KIND_SIGNED };

enum { JOBS_MOST = 64 };

struct wish {
    uint64_t from, count, seconds, jobs;
    enum kind kind;
    bool verbose, one, keep_going;
};

static int usage(void)
{
    fprintf(stderr, "usage: storm [--signed | --unsigned] [--seeds N] [--from M] [--seed N] "
                    "[--seconds N] [--jobs N] [--all] [-v]\n");
    return 2;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;
    *out = text ? strtoull(text, &end, 10) : 0;
    return text && *text && !*end;
}

static bool read_wish(int argc, char **argv, struct wish *w)
{
    *w = (struct wish){.from = 1, .count = 300, .seconds = 24 * 3600, .jobs = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t *into = !strcmp(argv[i], "--seeds")     ? &w->count
                         : !strcmp(argv[i], "--from")    ? &w->from
                         : !strcmp(argv[i], "--seed")    ? &w->from
                         : !strcmp(argv[i], "--seconds") ? &w->seconds
                         : !strcmp(argv[i], "--jobs")    ? &w->jobs
                                                         : NULL;
        if (!strcmp(argv[i], "-v")) {
            w->verbose = true;
        } else if (!strcmp(argv[i], "--all")) {
            w->keep_going = true;
        } else if (!strcmp(argv[i], "--signed")) {
            w->kind = KIND_SIGNED;
        } else if (!strcmp(argv[i], "--unsigned")) {
            w->kind = KIND_UNSIGNED;
        } else if (into && number(value, into)) {
            w->one = w->one || !strcmp(argv[i], "--seed");
            i++;
        } else {
            return false;
        }
    }
    if (w->one)
        w->count = w->jobs = 1;
    if (w->one && w->kind == KIND_BOTH)
        w->kind = KIND_UNSIGNED;
    return w->count > 0 && w->jobs > 0 && w->jobs <= JOBS_MOST;
}

/* About every tenth seed is run twice: the traces must be the same. */
static bool run_seed(const struct wish *w, uint64_t seed, bool is_signed, struct tally *t)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return false;
    *r = (struct run){.seed = seed, .is_signed = is_signed, .verbose = w->verbose, .tally = t};
    bool fine = storm_run(r);
    uint64_t hash = r->hash;
    if (fine && seed % 11 == 0) {
        struct tally again = {0};
        *r = (struct run){.seed = seed, .is_signed = is_signed, .tally = &again};
        fine = storm_run(r) && r->hash == hash;
        if (!fine && !r->failed)
            snprintf(r->why, sizeof r->why, "the second run went another way");
    }
    if (w->verbose)
        printf("trace hash %016" PRIx64 "\n", hash);
    if (!fine)
        printf("FAIL seed %" PRIu64 ": %s\n  again: scripts/storm%s --seed %" PRIu64 " -v\n", seed,
               r->why, is_signed ? " --signed" : "", seed);
    free(r);
    return fine;
}

static const char *const weathers[WEATHERS] = {"calm", "rough", "harsh"};

/* Questions with checking disabled apart. A bogus name is answered where the RFCs leave it open. */
static void print_safety(const struct tally *t)
{
    static const char *const safeties[SAFETIES] = {"secure", "insecure", "bogus"};
    for (unsigned w = 0; w < WEATHERS; w++) {
        printf("  %-5s", weathers[w]);
        for (unsigned s = 0; s < SAFETIES; s++)
            printf(" %8s: %7" PRIu64 " answered, %6" PRIu64 " SERVFAIL%s", safeties[s],
                   t->safety[w][s], t->unsafe[w][s], s + 1 < SAFETIES ? ";" : "\n");
    }
    printf("  %" PRIu64 " answers with checking disabled, %" PRIu64 " made of denials\n",
           t->checking_disabled, t->from_denials);
}

static void print_meetings(const struct tally *t, unsigned faults)
{
    printf("steps taken while a fault was in the air\n%-15s %8s", "fault", "times");
    for (unsigned c = 0; c < COLUMNS; c++)
        printf(" %9.9s", step_column_text((enum step_column)c));
    printf("\n");
    for (unsigned f = 0; f < faults; f++) {
        printf("%-15s %8" PRIu64, storm_fault_text((enum storm_fault)f), t->fault[f]);
        for (unsigned c = 0; c < COLUMNS; c++)
            printf(" %9" PRIu64, t->met[f][c]);
        printf("\n");
    }
}

static void print_tally(const struct tally *t, bool is_signed)
{
    printf("%s zones: %" PRIu64 " runs, %" PRIu64 " queries, %" PRIu64 " messages to servers; the "
           "dearest query cost %" PRIu64 " messages; %" PRIu64 " answers with TC\n",
           is_signed ? "signed" : "unsigned", t->runs, t->queries, t->sends, t->most_sends,
           t->truncated);
    for (unsigned w = 0; w < WEATHERS; w++)
        printf("  %-5s %8" PRIu64 " answers, %6" PRIu64 " SERVFAIL; of %" PRIu64
               " that can be found for certain %" PRIu64 " were not\n",
               weathers[w], t->answers[w], t->servfails[w], t->sure[w], t->sure_servfails[w]);
    if (is_signed)
        print_safety(t);
    print_meetings(t, is_signed ? STORM_FAULTS : STORM_OF_DNSSEC);
}

/*
 * In 100,000 seeds every fault is to meet every step a hundred times; from ENOUGH on it shows
 * whether that will be. Without signed zones nothing is validated; a copy of the root's zone there
 * is never.
 */
static bool check_meetings(const struct tally *t, bool is_signed)
{
    enum { SEEDS = 100000, MET_LEAST = 100, ENOUGH = 500 };
    uint64_t least = UINT64_MAX;
    unsigned fault = 0, column = 0;
    for (unsigned f = 0; f < (is_signed ? STORM_FAULTS : STORM_OF_DNSSEC); f++) {
        for (unsigned c = 0; c < COLUMNS; c++) {
            if (c == COLUMN_ASK_COPY || (c == COLUMN_VALIDATE && !is_signed) ||
                t->met[f][c] >= least)
                continue;
            least = t->met[f][c];
            fault = f;
            column = c;
        }
    }
    uint64_t expected = t->runs ? least * SEEDS / t->runs : 0;
    printf("the rarest meeting: %s and %s, %" PRIu64 " times (%" PRIu64 " in %d seeds)\n",
           storm_fault_text((enum storm_fault)fault), step_column_text((enum step_column)column),
           least, expected, SEEDS);
    if (t->runs < ENOUGH || expected >= MET_LEAST)
        return true;
    printf("FAIL: every fault is to meet every step %d times in %d seeds\n", MET_LEAST, SEEDS);
    return false;
}

/* Over many runs, faults cost few answers that can be found. */
static bool check_tally(const struct tally *t, bool is_signed)
{
    enum { ENOUGH = 1000 };
    unsigned most = is_signed ? 20 : 15;
    uint64_t sure = t->sure[WEATHER_HARSH], lost = t->sure_servfails[WEATHER_HARSH];
    if (sure < ENOUGH || lost * 100 <= sure * most)
        return true;
    printf("FAIL: faults cost %" PRIu64 " of %" PRIu64 " answers, more than %u %%\n", lost, sure,
           most);
    return false;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* What one process met, in memory that all of them see. */
struct job {
    struct tally tally[2]; /* of unsigned zones, of signed ones */
    uint64_t done, failed;
};

static bool is_signed(const struct wish *w, uint64_t seed)
{
    return w->kind == KIND_BOTH ? seed % 2 == 0 : w->kind == KIND_SIGNED;
}

static uint64_t failures(const struct wish *w, const struct job *jobs)
{
    uint64_t failed = 0;
    for (uint64_t k = 0; k < w->jobs; k++)
        failed += jobs[k].failed;
    return failed;
}

/* Its share of the seeds, pairs in turn, so that each process has both kinds; till one of any
 * fails. */
static void work(const struct wish *w, struct job *jobs, uint64_t which)
{
    struct timespec start, now;
    struct job *mine = &jobs[which];
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t i = 0; i < w->count && (failures(w, jobs) == 0 || w->keep_going); i++) {
        uint64_t seed = w->from + i;
        if (i / 2 % w->jobs != which)
            continue;
        bool kind = is_signed(w, seed);
        mine->failed += !run_seed(w, seed, kind, &mine->tally[kind]);
        mine->done++;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((uint64_t)(now.tv_sec - start.tv_sec) >= w->seconds)
            break;
    }
    fflush(stdout);
}

/* All but the first in processes of their own; false when one of them came to a bad end. */
static bool work_all(const struct wish *w, struct job *jobs)
{
    bool fine = true;
    uint64_t begun = 1;
    fflush(stdout);
    for (; begun < w->jobs; begun++) {
        pid_t child = fork();
        if (child == 0) {
            work(w, jobs, begun);
            _exit(0);
        }
        if (child < 0)
            break;
    }
    work(w, jobs, 0);
    for (int status; wait(&status) > 0;)
        fine = fine && status == 0;
    return fine && begun == w->jobs;
}

/* Adds the counts of the others to the first one's. */
static void gather(const struct wish *w, struct job *jobs)
{
    enum { COUNTS = sizeof(struct job) / sizeof(uint64_t) };
    _Static_assert(sizeof(struct job) % sizeof(uint64_t) == 0, "counts and nothing else");
    for (uint64_t k = 1; k < w->jobs; k++) {
        uint64_t most[2] = {jobs->tally[0].most_sends, jobs->tally[1].most_sends};
        uint64_t *to = (uint64_t *)jobs;
        const uint64_t *from = (const uint64_t *)&jobs[k];
        for (unsigned i = 0; i < COUNTS; i++)
            to[i] += from[i];
        for (unsigned kind = 0; kind < 2; kind++) {
            uint64_t other = jobs[k].tally[kind].most_sends;
            jobs->tally[kind].most_sends = other > most[kind] ? other : most[kind];
        }
    }
}

/* Those of which there was a run; how many failed. */
static unsigned sum_up(const struct tally tally[2])
{
    unsigned failed = 0;
    for (unsigned k = 0; k < 2; k++) {
        if (!tally[k].runs)
            continue;
        print_tally(&tally[k], k);
        failed += !check_meetings(&tally[k], k);
        failed += !check_tally(&tally[k], k);
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct wish w;
    if (!read_wish(argc, argv, &w))
        return usage();
    log_set_level(LOG_ERROR); /* clocks that are wrong on purpose */
    struct job *jobs = mmap(NULL, w.jobs * sizeof *jobs, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED)
        return 2;
    bool whole = work_all(&w, jobs);
    gather(&w, jobs);
    uint64_t failed = jobs->failed + sum_up(jobs->tally) + !whole;
    printf("%s: %" PRIu64 " of %" PRIu64 " seeds run, %" PRIu64 " failed\n", failed ? "FAIL" : "ok",
           jobs->done, w.count, failed);
    munmap(jobs, w.jobs * sizeof *jobs);
    return failed ? 1 : 0;
}
