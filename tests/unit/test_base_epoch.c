/*
 * Epoch reclamation: what is retired is safe when all who were online have passed, and readers on
 * other threads never see what was freed. Run it under the thread sanitizer too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/epoch.h"

static struct epoch *fresh(unsigned workers)
{
    static struct epoch e;
    epoch_init(&e, workers);
    return &e;
}

static void with_nobody_online_all_is_safe(void **state)
{
    (void)state;
    struct epoch *e = fresh(3);
    uint64_t number = epoch_retire(e);
    assert_true(number <= epoch_safe(e));
}

static void a_worker_that_was_online_holds_what_is_retired(void **state)
{
    (void)state;
    struct epoch *e = fresh(3);
    epoch_online(e, 1);
    uint64_t number = epoch_retire(e);
    assert_true(number > epoch_safe(e));
    epoch_quiescent(e, 1);
    assert_true(number <= epoch_safe(e));
    uint64_t second = epoch_retire(e);
    assert_true(second > epoch_safe(e));
    epoch_offline(e, 1);
    assert_true(second <= epoch_safe(e));
}

static void a_worker_that_comes_later_holds_nothing_of_before(void **state)
{
    (void)state;
    struct epoch *e = fresh(2);
    uint64_t number = epoch_retire(e);
    epoch_online(e, 0);
    assert_true(number <= epoch_safe(e));
}

static void the_slowest_worker_decides(void **state)
{
    (void)state;
    struct epoch *e = fresh(EPOCH_WORKERS_MAX);
    epoch_online(e, 0);
    epoch_online(e, EPOCH_WORKERS_MAX - 1);
    uint64_t first = epoch_retire(e);
    epoch_quiescent(e, 0);
    uint64_t second = epoch_retire(e);
    assert_true(first > epoch_safe(e));
    epoch_quiescent(e, EPOCH_WORKERS_MAX - 1);
    assert_true(first <= epoch_safe(e));
    assert_true(second > epoch_safe(e));
    epoch_offline(e, 0);
    assert_true(second <= epoch_safe(e));
}

/* ---- Stress ---------------------------------------------------------------------------------- */

enum { READERS = 2, READS = 200000, REPLACEMENTS = 50000, QUEUE = 64, FREED_LEAST = 1000 };

struct value {
    uint64_t a;
    uint64_t b; /* ~a while the value lives */
    uint64_t number;
};

struct stage {
    struct epoch epoch;
    struct value *_Atomic current;
    _Atomic unsigned wrong;
    _Atomic unsigned running;
};

struct reader {
    struct stage *stage;
    unsigned worker;
};

static void look(struct stage *s)
{
    const struct value *v = atomic_load_explicit(&s->current, memory_order_acquire);
    if (v->a != ~v->b)
        atomic_fetch_add(&s->wrong, 1);
}

static void *read_much(void *arg)
{
    struct reader *r = arg;
    struct epoch *e = &r->stage->epoch;
    for (unsigned i = 0; i < READS; i++) {
        if (i % 8 == 0)
            epoch_online(e, r->worker);
        look(r->stage);
        if (i % 8 == 3)
            epoch_quiescent(e, r->worker);
        if (i % 8 == 7)
            epoch_offline(e, r->worker);
    }
    atomic_fetch_sub(&r->stage->running, 1);
    return NULL;
}

static struct value *value_of(uint64_t n)
{
    struct value *v = malloc(sizeof *v);
    if (v)
        *v = (struct value){.a = n, .b = ~n};
    return v;
}

static void spoil(struct value *v)
{
    v->a = v->b = 0;
    free(v);
}

/*
 * Replaces the value again and again while readers run, and on until many were freed: on a busy
 * machine a reader may be stopped while it is online and hold everything for its whole life.
 * Returns how many.
 */
static unsigned replace_much(struct stage *s)
{
    struct value *queue[QUEUE];
    unsigned first = 0;
    unsigned last = 0;
    unsigned freed = 0;
    for (uint64_t n = 1; atomic_load(&s->running) > 0 || n <= REPLACEMENTS || freed <= FREED_LEAST;
         n++) {
        while (first != last && queue[first % QUEUE]->number <= epoch_safe(&s->epoch)) {
            spoil(queue[first++ % QUEUE]);
            freed++;
        }
        if (last - first == QUEUE)
            continue;
        struct value *old = atomic_load_explicit(&s->current, memory_order_relaxed);
        atomic_store_explicit(&s->current, value_of(n), memory_order_release);
        old->number = epoch_retire(&s->epoch);
        queue[last++ % QUEUE] = old;
    }
    while (first != last)
        spoil(queue[first++ % QUEUE]);
    return freed;
}

static void readers_never_see_what_was_freed(void **state)
{
    (void)state;
    static struct stage s;
    epoch_init(&s.epoch, READERS);
    atomic_init(&s.current, value_of(0));
    atomic_init(&s.running, READERS);
    pthread_t threads[READERS];
    struct reader readers[READERS];
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&s, i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_much, &readers[i]), 0);
    }
    unsigned freed = replace_much(&s);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    free(atomic_load(&s.current));
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(freed > FREED_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_nobody_online_all_is_safe),
        cmocka_unit_test(a_worker_that_was_online_holds_what_is_retired),
        cmocka_unit_test(a_worker_that_comes_later_holds_nothing_of_before),
        cmocka_unit_test(the_slowest_worker_decides),
        cmocka_unit_test(readers_never_see_what_was_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
