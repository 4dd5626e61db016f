#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/attacks/attack.h"

static void line(struct report *r, const char *what, const char *sign, double bound, double figure,
                 bool fine)
{
    char text[80];
    snprintf(text, sizeof text, "%s %g", sign, bound);
    printf("%-14s  %-52s  %12.6g  %-12s  %s\n", r->attack, what, figure, text,
           fine ? "ok" : "FAIL");
    r->lines++;
    r->failed += !fine;
}

void report_at_most(struct report *r, const char *what, double figure, double bound)
{
    line(r, what, "<=", bound, figure, figure <= bound);
}

void report_at_least(struct report *r, const char *what, double figure, double bound)
{
    line(r, what, ">=", bound, figure, figure >= bound);
}

/* Where the system counts instructions, they are the measure: the same on every machine and under
 * any load. */
static int open_counter(void)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_HARDWARE;
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double measure(void (*work)(void *ctx, size_t size), void *ctx, size_t size)
{
    struct timespec from, to;
    uint64_t instructions = 0;
    int counter = open_counter();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    work(ctx, size);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    if (counter >= 0) {
        if (read(counter, &instructions, sizeof instructions) != (ssize_t)sizeof instructions)
            instructions = 0;
        close(counter);
    }
    if (instructions)
        return (double)instructions;
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/*
 * The median of what neighbouring runs tell: a neighbour on the same core slows both of a pair. The
 * least of each would not do, for short work finds a moment of quiet that long work does not. A
 * loaded machine takes more pairs.
 */
double growth(void (*work)(void *ctx, size_t size), void *ctx, size_t size)
{
    enum { LEAST = 5, ENOUGH = 11, MOST = 500, MOST_S = 8 };
    double ratios[MOST];
    size_t n = 0;
    work(ctx, size); /* warms caches and allocator */
    time_t end = time(NULL) + MOST_S;
    do {
        double s = measure(work, ctx, size), l = measure(work, ctx, 10 * size);
        ratios[n++] = l / (s > 0 ? s : 1e-9);
        qsort(ratios, n, sizeof *ratios, compare_doubles);
    } while (n < LEAST || (ratios[n / 2] > ENOUGH && n < MOST && time(NULL) < end));
    return ratios[n / 2];
}
