/*
 * The walk of a trace as a tree. Each lookup is a branch: its lines are what it did, in order; a
 * lookup that it waited for hangs below the line that says why. One that several waited for is
 * drawn where it was first needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/nuthatch.h"

enum {
    DEPTH_MAX = 40,
    RECORDS_SHOWN = 4,
    SCRUBBED_SHOWN = 4,
    SETS_SHOWN = 4,
    RECORDS_TOLD = 12 /* at most, by the server */
};

struct tree {
    json_t *events;
    bool *drawn; /* lookups, by number */
    size_t lookups;
    char indent[4 * DEPTH_MAX + 8];
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static bool is(const json_t *o, const char *event)
{
    return strcmp(text_of(o, "event"), event) == 0;
}

static long long number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The next event of the lookup from the i-th on; NULL at the end. */
static json_t *next_event(const struct tree *t, long long lookup, size_t *i)
{
    while (*i < json_array_size(t->events)) {
        json_t *e = json_array_get(t->events, (*i)++);
        if (number_of(e, "lookup") == lookup)
            return e;
    }
    return NULL;
}

/* The end only of what failed: otherwise the lines before show it. */
static bool is_shown(const json_t *e)
{
    if (is(e, "end"))
        return *text_of(e, "reason") != '\0';
    return !is(e, "send") && !(is(e, "cut") && *text_of(e, "zone") == '\0');
}

static bool has_more(const struct tree *t, long long lookup, size_t i)
{
    const json_t *e;
    while ((e = next_event(t, lookup, &i)))
        if (is_shown(e))
            return true;
    return false;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void print_server(const json_t *e)
{
    const char *name = text_of(e, "server_name");
    if (*name)
        printf("%s at ", name);
    printf("%s", json_object_get(e, "local_root") ? "the local root" : text_of(e, "server"));
    if (strcmp(text_of(e, "via"), "tcp") == 0)
        printf(" over TCP");
}

static void print_list(const char *before, const json_t *list, const char *between)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        printf("%s", i == 0 ? before : between);
        for (const char *c = json_string_value(one); c && *c; c++)
            putchar(*c == '\t' ? ' ' : *c);
    }
}

static void print_referral(const json_t *e)
{
    const json_t *servers = json_object_get(e, "servers");
    printf("%s is served elsewhere (%zu name server%s%s)", text_of(e, "to_zone"),
           json_array_size(servers), json_array_size(servers) == 1 ? "" : "s",
           json_is_true(json_object_get(e, "ds")) ? ", signed: DS" : "");
}

/* What a reply says, in words. */
static void print_kind(const json_t *e)
{
    static const struct {
        const char *kind, *words;
    } kinds[] = {{"answer", "the answer"},
                 {"alias", "an alias"},
                 {"alias_loop", "an alias that leads back to itself"},
                 {"nxdomain", "there is no such name (NXDOMAIN)"},
                 {"nodata", "there is nothing of that type here"},
                 {"lame", "LAME: it knows nothing of the zone"},
                 {"refused", "LAME: it refuses (REFUSED)"},
                 {"servfail", "it fails (SERVFAIL)"},
                 {"formerr", "it does not understand the question (FORMERR)"},
                 {"notimp", "it cannot do that (NOTIMP)"},
                 {"truncated", "cut off (TC)"}};
    const char *kind = text_of(e, "what");
    if (strcmp(kind, "referral") == 0) {
        print_referral(e);
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            kind = kinds[i].words;
    printf("%s", kind);
}

/* The records that count; of keys and long lists only how many. */
static void print_records(const json_t *e)
{
    const json_t *records = json_object_get(e, "records");
    size_t count = json_array_size(records);
    bool keys = strcmp(text_of(e, "type"), "DNSKEY") == 0;
    if (keys || count > RECORDS_SHOWN)
        printf("  %zu%s %s", count, count == RECORDS_TOLD ? " or more" : "",
               keys ? count == 1 ? "key" : "keys" : "records");
    else
        print_list("  ", records, " | ");
}

static void print_scrubbed(const json_t *list)
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < SCRUBBED_SHOWN; i++)
        printf("%s%s", i == 0 ? "  (not used: " : ", ", json_string_value(json_array_get(list, i)));
    if (count > SCRUBBED_SHOWN)
        printf(" and %zu more", count - SCRUBBED_SHOWN);
    if (count > 0)
        putchar(')');
}

static void print_reply(const json_t *e)
{
    printf("%s %s?  ", text_of(e, "name"), text_of(e, "type"));
    print_server(e);
    printf(" [%s, %lld ms]: ", text_of(e, "zone"), number_of(e, "ms"));
    print_kind(e);
    print_records(e);
    print_scrubbed(json_object_get(e, "scrubbed"));
}

/* "; www.example.com. A by key 54107 of example.com. (ED25519) until 2026-12-27" */
static void print_judged(const json_t *sets)
{
    size_t i;
    json_t *one;
    json_array_foreach(sets, i, one)
    {
        time_t until = (time_t)number_of(one, "until");
        char day[16] = "";
        struct tm tm;
        if (i == SETS_SHOWN) {
            printf("; and %zu more sets", json_array_size(sets) - SETS_SHOWN);
            return;
        }
        printf("; %s %s", text_of(one, "name"), text_of(one, "type"));
        if (strcmp(text_of(one, "security"), "bogus") == 0)
            printf(" BOGUS");
        if (!json_object_get(one, "key")) {
            printf(", unsigned");
            continue;
        }
        if (gmtime_r(&until, &tm))
            strftime(day, sizeof day, "%Y-%m-%d", &tm);
        printf(" by key %lld of %s (%s) until %s", number_of(one, "key"), text_of(one, "of"),
               text_of(one, "algorithm"), day);
    }
}

static void print_event(const json_t *e)
{
    if (is(e, "reply")) {
        print_reply(e);
    } else if (is(e, "cut")) {
        bool known = strcmp(text_of(e, "what"), "known") == 0;
        printf("begins at %s%s%s", text_of(e, "zone"), known ? "" : ", a ",
               known ? "" : text_of(e, "what"));
    } else if (is(e, "need")) {
        printf("needs %s %s, for the %s", text_of(e, "name"), text_of(e, "type"),
               text_of(e, "what"));
    } else if (is(e, "verdict")) {
        printf("validation: %s", text_of(e, "what"));
        if (*text_of(e, "reason"))
            printf(": %s", text_of(e, "reason"));
        print_judged(json_object_get(e, "sets"));
    } else if (is(e, "end")) {
        printf("FAILED: %s", text_of(e, "reason"));
    } else {
        printf("%s %s?  ", text_of(e, "name"), text_of(e, "type"));
        print_server(e);
        if (is(e, "silent"))
            printf(" [%s]: no answer within %lld ms", text_of(e, "zone"), number_of(e, "ms"));
        else if (is(e, "broken"))
            printf(" [%s]: cannot be reached: %s", text_of(e, "zone"), text_of(e, "what"));
        else
            printf(" [%s]: a reply that does not count: %s", text_of(e, "zone"),
                   text_of(e, "what"));
    }
}

/* ---- The tree -------------------------------------------------------------------------------- */

static void draw(struct tree *t, long long lookup, unsigned depth);

static void draw_child(struct tree *t, const json_t *e, bool last, unsigned depth)
{
    long long child = number_of(e, "child");
    if (child < 1 || (size_t)child > t->lookups)
        return;
    if (depth >= DEPTH_MAX) {
        printf(" (too deep to be shown; --json has it)");
        return;
    }
    if (t->drawn[child]) {
        printf(" (see above)");
        return;
    }
    size_t length = strlen(t->indent);
    strcat(t->indent, last ? "   " : "|  ");
    draw(t, child, depth + 1);
    t->indent[length] = '\0';
}

static void draw(struct tree *t, long long lookup, unsigned depth)
{
    size_t i = 0;
    const json_t *e;
    t->drawn[lookup] = true;
    while ((e = next_event(t, lookup, &i))) {
        if (!is_shown(e))
            continue;
        bool last = !has_more(t, lookup, i);
        printf("\n%s%s ", t->indent, last ? "`-" : "|-");
        print_event(e);
        if (is(e, "need"))
            draw_child(t, e, last, depth);
    }
}

static size_t count_lookups(const json_t *events)
{
    size_t i, most = 1;
    json_t *e;
    json_array_foreach(events, i, e)
    {
        long long n = number_of(e, "lookup"), child = number_of(e, "child");
        most = n > (long long)most ? (size_t)n : most;
        most = child > (long long)most ? (size_t)child : most;
    }
    return most;
}

static void print_outcome(const json_t *reply)
{
    printf("\n\n%s", text_of(reply, "rcode"));
    if (*text_of(reply, "reason"))
        printf(": %s (EDE %lld)", text_of(reply, "reason"), number_of(reply, "ede"));
    else
        printf(", %s", text_of(reply, "security"));
    putchar('\n');
    print_list("  ", json_object_get(reply, "answer"), "\n  ");
    if (json_array_size(json_object_get(reply, "answer")))
        putchar('\n');
    else
        print_list("  ", json_object_get(reply, "authority"), "\n  "), putchar('\n');
    printf("cost: %lld messages to servers, %lld octets, %lld ms\n", number_of(reply, "messages"),
           number_of(reply, "octets"), number_of(reply, "ms"));
}

int nuthatch_print_trace(const json_t *reply, const char *name, const char *type)
{
    struct tree t = {.events = json_object_get(reply, "events")};
    t.lookups = count_lookups(t.events);
    t.drawn = calloc(t.lookups + 1, sizeof *t.drawn);
    if (!t.drawn)
        return 1;
    printf("%s %s, resolved afresh", name, type);
    draw(&t, 1, 0);
    if (number_of(reply, "events_left_out") > 0)
        printf("\n(%lld further events were left out)", number_of(reply, "events_left_out"));
    print_outcome(reply);
    free(t.drawn);
    return 0;
}
