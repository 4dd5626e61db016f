/* Requests on the control socket: what is understood, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/types.h"
#include "ops/control_request.h"

static struct control_request good(const char *line)
{
    struct control_request r;
    const char *why = "";
    assert_int_equal(control_request_read(&r, line, strlen(line), &why), OK);
    assert_null(why);
    return r;
}

static void expect_name(const struct control_request *r, const char *name)
{
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_text(r->name, text), name);
}

static void refuse(const char *line, const char *says)
{
    struct control_request r;
    const char *why = NULL;
    assert_int_equal(control_request_read(&r, line, strlen(line), &why), ERR_FORMAT);
    assert_non_null(why);
    if (!strstr(why, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", line, why, says);
}

static void commands_without_arguments(void **state)
{
    (void)state;
    assert_int_equal(good("{\"command\": \"status\"}").command, COMMAND_STATUS);
    assert_int_equal(good(" {\"command\":\"stats\"} \r").command, COMMAND_STATS);
    assert_int_equal(good("{\"command\":\"reload\"}").command, COMMAND_RELOAD);
    refuse("{\"command\":\"reload\",\"name\":\"a\"}", "does not take");
}

static void names_and_types(void **state)
{
    (void)state;
    struct control_request r = good("{\"command\":\"lookup\",\"name\":\"www.example.com\"}");
    assert_int_equal(r.command, COMMAND_LOOKUP);
    assert_false(r.typed);
    expect_name(&r, "www.example.com.");
    r = good("{\"command\":\"trace\",\"name\":\".\",\"type\":\"ns\",\"cd\":true}");
    assert_true(r.typed && r.cd && r.type == TYPE_NS);
    expect_name(&r, ".");
    assert_int_equal(good("{\"command\":\"trace\",\"name\":\"a\"}").type, TYPE_A);
    refuse("{\"command\":\"trace\"}", "no domain name");
    refuse("{\"command\":\"trace\",\"name\":7}", "no domain name");
    refuse("{\"command\":\"trace\",\"name\":\"a..b\"}", "no domain name");
    refuse("{\"command\":\"trace\",\"name\":\"a\",\"type\":\"nope\"}", "no such record type");
    refuse("{\"command\":\"trace\",\"name\":\"a\",\"type\":1}", "no such record type");
    refuse("{\"command\":\"trace\",\"name\":\"a\",\"cd\":1}", "true or false");
    refuse("{\"command\":\"lookup\",\"name\":\"a\",\"cd\":true}", "does not take");
}

static void a_flush_has_one_scope(void **state)
{
    (void)state;
    struct control_request r = good("{\"command\":\"flush\",\"zone\":\"example.com\"}");
    assert_int_equal(r.scope, FLUSH_ZONE);
    expect_name(&r, "example.com.");
    assert_int_equal(good("{\"command\":\"flush\",\"name\":\"a\"}").scope, FLUSH_NAME);
    assert_int_equal(good("{\"command\":\"flush\",\"all\":true}").scope, FLUSH_ALL);
    assert_int_equal(good("{\"command\":\"flush\",\"all\":false,\"name\":\"a\"}").scope,
                     FLUSH_NAME);
    refuse("{\"command\":\"flush\"}", "one of name, zone, all");
    refuse("{\"command\":\"flush\",\"all\":false}", "one of name, zone, all");
    refuse("{\"command\":\"flush\",\"all\":true,\"name\":\"a\"}", "one of name, zone, all");
    refuse("{\"command\":\"flush\",\"all\":\"yes\"}", "true or false");
    refuse("{\"command\":\"flush\",\"nam\":\"a\"}", "does not take");
}

static void what_is_no_request(void **state)
{
    (void)state;
    refuse("", "a line of JSON");
    refuse("{\"command\":\"status\"", "a line of JSON");
    refuse("{\"command\":\"status\",\"command\":\"flush\"}", "a line of JSON");
    refuse("\xff\xfe", "a line of JSON");
    refuse("[]", "an object with a command");
    refuse("{}", "an object with a command");
    refuse("{\"command\":3}", "an object with a command");
    refuse("{\"command\":\"dance\"}", "no such command");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_without_arguments),
        cmocka_unit_test(names_and_types),
        cmocka_unit_test(a_flush_has_one_scope),
        cmocka_unit_test(what_is_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
