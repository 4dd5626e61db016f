#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

struct seen {
    unsigned lines;
    enum log_level level;
    char line[4096];
};

static void keep(void *ctx, enum log_level level, const char *line)
{
    struct seen *s = ctx;
    s->lines++;
    s->level = level;
    snprintf(s->line, sizeof(s->line), "%s", line);
}

static void a_line_is_the_event_and_its_values(void **state)
{
    (void)state;
    struct seen s = {0};
    log_set_sink(keep, &s);
    log_set_level(LOG_INFO);
    LOG(LOG_WARNING, "zone.expired", "zone=%s age=%d", "example.", 7);
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.level, LOG_WARNING);
    assert_string_equal(s.line, "zone.expired zone=example. age=7");
    log_set_sink(NULL, NULL);
}

static int evaluated;

static int evaluate(void)
{
    return ++evaluated;
}

static void a_level_that_is_off_evaluates_nothing(void **state)
{
    (void)state;
    struct seen s = {0};
    log_set_sink(keep, &s);
    log_set_level(LOG_NOTICE);
    LOG(LOG_INFO, "event", "n=%d", evaluate());
    assert_int_equal(s.lines, 0);
    assert_int_equal(evaluated, 0);
    LOG(LOG_NOTICE, "event", "n=%d", evaluate());
    assert_int_equal(s.lines, 1);
    assert_int_equal(evaluated, 1);
    log_set_sink(NULL, NULL);
}

static void a_value_cannot_begin_a_new_line(void **state)
{
    (void)state;
    struct seen s = {0};
    log_set_sink(keep, &s);
    LOG(LOG_ERROR, "event", "text=%s", "a\nerror forged\x1b[0m");
    assert_string_equal(s.line, "event text=a error forged [0m");
    log_set_sink(NULL, NULL);
}

static void an_overlong_line_is_cut(void **state)
{
    (void)state;
    struct seen s = {0};
    char text[6000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_set_sink(keep, &s);
    LOG(LOG_ERROR, "event", "text=%s", text);
    assert_int_equal(s.lines, 1);
    assert_int_equal(strlen(s.line), 2047);
    log_set_sink(NULL, NULL);
}

static void quoting_escapes_and_cuts_at_whole_escapes(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(log_quote(buf, sizeof(buf), "a \"b\" \\ \n\t\x01"),
                        "\"a \\\"b\\\" \\\\ \\n\\t\\x01\"");
    assert_string_equal(log_quote(buf, 6, "ab\"cd"), "\"ab\"");
    assert_string_equal(log_quote(buf, 7, "ab\"cd"), "\"ab\\\"\"");
    assert_string_equal(log_quote(buf, 3, "abc"), "\"\"");
    assert_string_equal(log_quote(buf, 1, "abc"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_the_event_and_its_values),
        cmocka_unit_test(a_level_that_is_off_evaluates_nothing),
        cmocka_unit_test(a_value_cannot_begin_a_new_line),
        cmocka_unit_test(an_overlong_line_is_cut),
        cmocka_unit_test(quoting_escapes_and_cuts_at_whole_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
