/* Where the local copy of the root comes from: files with the real root zone, at its date. */
#include "ops/root_job.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "root_zone.h"

enum { DAY = 86400 };

struct bench {
    struct arena arena;
    char path[64];
    char *text; /* the real zone */
    size_t size;
    struct root_wish wish;
    struct root_found found;
    char said[600]; /* the last line that was logged */
};

static atomic_bool never;

static void hear(void *ctx, enum log_level level, const char *line)
{
    struct bench *b = ctx;
    (void)level;
    snprintf(b->said, sizeof b->said, "%s", line);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    arena_init(&b->arena, NULL);
    strcpy(b->path, "/tmp/nuthatch-root-XXXXXX");
    int fd = mkstemp(b->path);
    assert_true(fd >= 0);
    close(fd);
    b->text = root_zone_text(&b->size);
    b->wish = (struct root_wish){.file = b->path,
                                 .from_file = true,
                                 .ds = root_zone_anchor(&b->arena),
                                 .policy = {.iterations_max = 50, .skew_s = 300},
                                 .now_s = ROOT_ZONE_AT};
    log_set_sink(hear, b);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    log_set_sink(NULL, NULL);
    local_root_unref(b->found.copy);
    unlink(b->path);
    free(b->text);
    arena_deinit(&b->arena);
    free(b);
    return 0;
}

/* The file as it is now, last changed so many seconds before the present. */
static void bring(struct bench *b, int64_t before_s)
{
    struct timespec times[2] = {{.tv_sec = b->wish.now_s - before_s},
                                {.tv_sec = b->wish.now_s - before_s}};
    if (b->size == 0)
        skip();
    FILE *f = fopen(b->path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(b->text, 1, b->size, f), b->size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utimensat(AT_FDCWD, b->path, times, 0), 0);
}

static void look(struct bench *b, enum root_news news)
{
    local_root_unref(b->found.copy);
    b->said[0] = '\0';
    root_job_run(&b->wish, &never, &b->found);
    if (b->found.news != news)
        fail_msg("news %d: %s", (int)b->found.news, b->said);
    assert_true((b->found.copy != NULL) == (news == ROOT_NEW));
}

static void expect_refused(struct bench *b, const char *why)
{
    look(b, ROOT_FAILED);
    if (!strstr(b->said, "local_root_refused ") || !strstr(b->said, why))
        fail_msg("said: %s", b->said);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void the_root_zone_is_taken_at_its_date(void **state)
{
    struct bench *b = *state;
    bring(b, 3600);
    look(b, ROOT_NEW);
    assert_int_equal(local_root_soa(b->found.copy)->serial, ROOT_ZONE_SERIAL);
    assert_int_equal(b->found.checked_s, ROOT_ZONE_AT - 3600);
    /* A week from when it was brought, since its signatures last longer. */
    assert_int_equal(root_job_until_s(b->found.copy, &b->found), ROOT_ZONE_AT - 3600 + 7 * DAY);
    assert_true(b->found.signed_until_s > ROOT_ZONE_AT + 8 * DAY);
    b->found.checked_s = ROOT_ZONE_AT + 8 * DAY;
    assert_int_equal(root_job_until_s(b->found.copy, &b->found), b->found.signed_until_s);
}

static void a_file_of_the_future_counts_from_now(void **state)
{
    struct bench *b = *state;
    bring(b, -DAY);
    look(b, ROOT_NEW);
    assert_int_equal(b->found.checked_s, ROOT_ZONE_AT);
}

static void one_flipped_octet_of_glue_is_refused(void **state)
{
    struct bench *b = *state;
    bring(b, 0);
    char *glue = strstr(b->text, "\tIN\tA\t198.41.0.4\n");
    assert_non_null(glue);
    glue[15]++; /* 198.41.0.5 */
    bring(b, 0);
    expect_refused(b, "its content is not what its ZONEMD record says");
}

static void a_zone_past_its_time_is_refused(void **state)
{
    struct bench *b = *state;
    bring(b, 7 * DAY);
    expect_refused(b, "it is 168 hours old, and the zone says that a copy holds for 168");
    bring(b, 7 * DAY - 1);
    look(b, ROOT_NEW);
    b->wish.now_s = b->found.signed_until_s;
    bring(b, 0);
    expect_refused(b, "some of its signatures have ended");
    b->wish.now_s = ROOT_ZONE_AT + 30 * DAY;
    bring(b, 0);
    expect_refused(b, "its keys are not proven by the trust anchor: the signatures have expired");
    b->wish.now_s = ROOT_ZONE_AT - 30 * DAY;
    bring(b, 0);
    expect_refused(b, "the signatures are not valid yet");
}

static void without_a_trust_anchor_nothing_is_taken(void **state)
{
    struct bench *b = *state;
    bring(b, 0);
    b->wish.ds = NULL;
    expect_refused(b, "there is no trust anchor of the root");
}

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
    struct bench *b = *state;
    bring(b, 0);
    char *line = strchr(b->text, '\n') + 1;
    memcpy(line, "junk\n", 5);
    bring(b, 0);
    expect_refused(b, "why=\"line 2: ");
    unlink(b->path);
    expect_refused(b, "No such file or directory");
    /* Where primaries are to fill it, it need not be there yet. */
    b->wish.count = 1;
    look(b, ROOT_FAILED);
    assert_string_equal(b->said, "");
}

static void a_file_that_did_not_change_is_not_read_again(void **state)
{
    struct bench *b = *state;
    bring(b, 3600);
    look(b, ROOT_NEW);
    b->wish.have = true;
    b->wish.serial = ROOT_ZONE_SERIAL;
    b->wish.read = b->found.read;
    look(b, ROOT_SAME);
    assert_int_equal(b->found.checked_s, 0); /* nobody has looked for a newer one */
    bring(b, 60);
    look(b, ROOT_NEW);
}

static void what_is_to_stop_asks_nobody(void **state)
{
    struct bench *b = *state;
    atomic_bool stop = true;
    const struct endpoint nobody = {.family = 4, .port = 1, .bytes = {127, 0, 0, 1}};
    b->wish.from_file = false;
    b->wish.primaries = &nobody;
    b->wish.count = 1;
    root_job_run(&b->wish, &stop, &b->found);
    assert_int_equal(b->found.news, ROOT_FAILED);
    assert_string_equal(b->said, "");
    look(b, ROOT_FAILED);
    assert_non_null(strstr(b->said, "local_root_not_fetched from=127.0.0.1:1 "));
    assert_non_null(strstr(b->said, "connecting: Connection refused"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_root_zone_is_taken_at_its_date),
        T(a_file_of_the_future_counts_from_now),
        T(one_flipped_octet_of_glue_is_refused),
        T(a_zone_past_its_time_is_refused),
        T(without_a_trust_anchor_nothing_is_taken),
        T(what_cannot_be_read_is_told_with_its_place),
        T(a_file_that_did_not_change_is_not_read_again),
        T(what_is_to_stop_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
