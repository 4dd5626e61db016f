#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/mailbox.h"

enum { SENDERS = 4, LETTERS = 20000, ROOM = 64 };

static struct mail letter(uint64_t number)
{
    return (struct mail){.number = number, .kind = 7, .from = 3};
}

static void letters_come_in_the_order_they_were_posted(void **state)
{
    (void)state;
    struct mailbox m = {0};
    struct mail got;
    int thing;
    assert_int_equal(mailbox_init(&m, 8), OK);
    assert_false(mailbox_take(&m, &got));
    for (uint64_t i = 0; i < 100; i++) { /* several times round the ring */
        struct mail a = letter(2 * i), b = {&thing, 2 * i + 1, 1, 2};
        assert_true(mailbox_post(&m, &a));
        assert_true(mailbox_post(&m, &b));
        assert_true(mailbox_take(&m, &got));
        assert_true(got.number == 2 * i && got.kind == 7 && got.from == 3 && !got.what);
        assert_true(mailbox_take(&m, &got));
        assert_true(got.number == 2 * i + 1 && got.what == &thing);
        assert_false(mailbox_take(&m, &got));
    }
    mailbox_deinit(&m);
}

static void a_full_mailbox_refuses_until_one_is_taken(void **state)
{
    (void)state;
    struct mailbox m = {0};
    struct mail got, more = letter(99);
    assert_int_equal(mailbox_init(&m, 4), OK);
    for (uint64_t i = 0; i < 4; i++) {
        struct mail a = letter(i);
        assert_true(mailbox_post(&m, &a));
    }
    assert_false(mailbox_post(&m, &more));
    assert_true(mailbox_take(&m, &got));
    assert_int_equal(got.number, 0);
    assert_true(mailbox_post(&m, &more));
    assert_false(mailbox_post(&m, &more));
    for (uint64_t i = 1; i < 4; i++) {
        assert_true(mailbox_take(&m, &got));
        assert_int_equal(got.number, i);
    }
    assert_true(mailbox_take(&m, &got));
    assert_int_equal(got.number, 99);
    assert_false(mailbox_take(&m, &got));
    mailbox_deinit(&m);
}

struct sender {
    struct mailbox *to;
    unsigned number;
    unsigned refused;
};

/* Each letter's content is memory of its own, so that a thread sanitizer sees the handing over. */
static void *send_all(void *ctx)
{
    struct sender *s = ctx;
    for (uint64_t i = 0; i < LETTERS; i++) {
        uint64_t *what = malloc(sizeof *what);
        if (!what)
            return NULL;
        *what = i * SENDERS + s->number;
        struct mail mail = {.what = what, .number = i, .from = s->number};
        while (!mailbox_post(s->to, &mail)) {
            s->refused++;
            sched_yield();
        }
    }
    return s;
}

static void many_senders_lose_and_repeat_nothing(void **state)
{
    (void)state;
    struct mailbox m = {0};
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    uint64_t next[SENDERS] = {0};
    assert_int_equal(mailbox_init(&m, ROOM), OK);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.to = &m, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    for (unsigned taken = 0; taken < SENDERS * LETTERS;) {
        struct mail got;
        if (!mailbox_take(&m, &got)) {
            sched_yield();
            continue;
        }
        uint64_t *what = got.what;
        assert_true(got.from < SENDERS);
        assert_int_equal(got.number, next[got.from]); /* in each sender's order */
        assert_int_equal(*what, got.number * SENDERS + got.from);
        next[got.from]++;
        taken++;
        free(what);
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        void *end = NULL;
        assert_int_equal(pthread_join(threads[i], &end), 0);
        assert_ptr_equal(end, &senders[i]);
        assert_int_equal(next[i], LETTERS);
    }
    struct mail got;
    assert_false(mailbox_take(&m, &got));
    mailbox_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_the_order_they_were_posted),
        cmocka_unit_test(a_full_mailbox_refuses_until_one_is_taken),
        cmocka_unit_test(many_senders_lose_and_repeat_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
