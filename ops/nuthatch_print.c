/* What the commands answer, for people. */
#include <stdio.h>
#include <string.h>

#include "ops/nuthatch.h"

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static long long number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* ---- status ---------------------------------------------------------------------------------- */

static void print_value(const json_t *value)
{
    size_t i;
    json_t *one;
    if (json_is_string(value))
        printf("%s", json_string_value(value));
    else if (json_is_integer(value))
        printf("%lld", (long long)json_integer_value(value));
    else if (json_is_array(value))
        json_array_foreach(value, i, one) printf("%s%s", i ? " " : "", json_string_value(one));
    else
        printf("none");
}

void nuthatch_print_status(json_t *reply)
{
    const char *key;
    json_t *value;
    json_object_foreach(reply, key, value)
    {
        if (strcmp(key, "ok") == 0)
            continue;
        printf("%-13s", key);
        print_value(value);
        putchar('\n');
    }
}

/* ---- stats ----------------------------------------------------------------------------------- */

/* What is not 0, with the keys of the objects around in front; returns how many were left out. */
static unsigned print_numbers(const char *prefix, json_t *o)
{
    const char *key;
    json_t *value;
    unsigned zeros = 0;
    json_object_foreach(o, key, value)
    {
        char name[120];
        snprintf(name, sizeof name, "%s%s", prefix, key);
        if (json_is_object(value)) {
            strncat(name, ".", sizeof name - strlen(name) - 1);
            zeros += print_numbers(name, value);
        } else if (json_integer_value(value) == 0) {
            zeros++;
        } else {
            printf("  %-32s %lld\n", name, (long long)json_integer_value(value));
        }
    }
    return zeros;
}

/* Of the questions that clients asked, how many a finished answer was there for. */
static void print_hit_rate(const json_t *cache)
{
    const json_t *answer = json_object_get(cache, "answer");
    const char *key;
    json_t *value;
    long long hits = number_of(answer, "hits"), misses = 0;
    json_object_foreach(json_object_get(answer, "miss"), key, value)
    {
        misses += json_integer_value(value);
    }
    if (hits + misses > 0)
        printf("\n%.2f %% of %lld questions were answered straight from the answer cache.\n",
               100.0 * (double)hits / (double)(hits + misses), hits + misses);
}

void nuthatch_print_stats(json_t *reply)
{
    const char *part;
    json_t *value;
    unsigned zeros = 0;
    json_object_foreach(reply, part, value)
    {
        if (!json_is_object(value))
            continue;
        printf("%s\n", part);
        zeros += print_numbers("", value);
    }
    print_hit_rate(json_object_get(reply, "cache"));
    printf("%u figures are 0 and not shown; --json has all.\n", zeros);
}

/* ---- lookup ---------------------------------------------------------------------------------- */

static void print_lines(const json_t *list)
{
    size_t i;
    json_t *line;
    json_array_foreach(list, i, line)
    {
        printf("    ");
        for (const char *c = json_string_value(line); c && *c; c++)
            putchar(*c == '\t' ? ' ' : *c);
        putchar('\n');
    }
}

static void print_address(const json_t *a)
{
    printf("        %s", text_of(a, "address"));
    if (json_object_get(a, "rtt_ms"))
        printf("  %lld ms", number_of(a, "rtt_ms"));
    if (json_object_get(a, "timeouts"))
        printf("  %lld time-outs in a row", number_of(a, "timeouts"));
    if (json_object_get(a, "dead_for_s"))
        printf("  left alone for %lld s", number_of(a, "dead_for_s"));
    printf("%s%s\n", is_true(a, "lame") ? "  LAME for this zone" : "",
           json_is_false(json_object_get(a, "edns")) ? "  without EDNS" : "");
}

static void print_servers(const json_t *servers)
{
    size_t i, k;
    json_t *server, *address;
    json_array_foreach(servers, i, server)
    {
        const json_t *addresses = json_object_get(server, "addresses");
        printf("    %s%s\n", text_of(server, "name"),
               json_array_size(addresses) ? "" : "  (no address came along)");
        json_array_foreach(addresses, k, address) print_address(address);
    }
}

static void print_entry(const json_t *e)
{
    const char *kind = text_of(e, "kind"), *type = text_of(e, "type");
    printf("%s%s%s", kind, *type ? " " : "", type);
    if (strcmp(kind, "answer") == 0)
        printf(" for clients with%s%s: a message of %lld octets%s",
               is_true(e, "do") ? " DO" : "out DO", is_true(e, "cd") ? " and CD" : "",
               number_of(e, "message"), is_true(e, "ad") ? ", AD" : "");
    if (*text_of(e, "what"))
        printf(": %s", text_of(e, "what"));
    if (json_object_get(e, "attempts"))
        printf(", %lld in a row", number_of(e, "attempts"));
    if (is_true(e, "expired"))
        printf("; past its time");
    else
        printf("; %lld s left", number_of(e, "ttl"));
    if (*text_of(e, "trust"))
        printf("; trust: %s", text_of(e, "trust"));
    if (*text_of(e, "security"))
        printf("; %s", text_of(e, "security"));
    printf("; %lld octets\n", number_of(e, "octets"));
    print_lines(json_object_get(e, "records"));
    print_servers(json_object_get(e, "servers"));
}

void nuthatch_print_lookup(json_t *reply)
{
    size_t i;
    json_t *e;
    const json_t *entries = json_object_get(reply, "entries");
    json_array_foreach(entries, i, e) print_entry(e);
    if (json_array_size(entries) == 0)
        printf("nothing is held of %s\n", text_of(reply, "name"));
    if (*text_of(reply, "begins_at"))
        printf("A walk to it begins at the servers of %s\n", text_of(reply, "begins_at"));
    else
        printf("A walk to it begins at the root, which has to be asked for its servers first\n");
}

/* ---- reload ---------------------------------------------------------------------------------- */

static void print_options(const char *before, const json_t *list)
{
    if (json_array_size(list) == 0)
        return;
    printf("%s: ", before);
    print_value(list);
    putchar('\n');
}

void nuthatch_print_reload(json_t *reply)
{
    const char *config = text_of(reply, "config");
    printf("reloaded %s\n", *config ? config : "(no file: the defaults)");
    print_options("changed", json_object_get(reply, "changed"));
    print_options("NOT changed, these need a new start", json_object_get(reply, "needs_restart"));
}
