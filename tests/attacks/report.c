#include <linux/perf_event.h>
#include <stdio.h>
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

/* The least of many runs: what disturbs one only adds. A loaded machine takes more of them. */
double growth(void (*work)(void *ctx, size_t size), void *ctx, size_t size)
{
    enum { LEAST = 3, ENOUGH = 11, MOST_S = 8 };
    double small = 1e18, large = 1e18;
    work(ctx, size); /* warms caches and allocator */
    time_t end = time(NULL) + MOST_S;
    for (unsigned i = 0; i < LEAST || (large / small > ENOUGH && time(NULL) < end); i++) {
        double s = measure(work, ctx, size), l = measure(work, ctx, 10 * size);
        small = s < small ? s : small;
        large = l < large ? l : large;
    }
    return large / (small > 0 ? small : 1e-9);
}
