/*
 * nuthatch: the operator's tool. It asks the running server through its control socket and prints
 * the answer for people, or with --json as it came.
 */
#include "ops/nuthatch.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_SOCKET "/run/nuthatch/control.sock"

/* ---- Commands -------------------------------------------------------------------------------- */

static int complain(const char *what, const char *of)
{
    fprintf(stderr, "nuthatch: %s%s; see nuthatch --help\n", what, of);
    return USAGE;
}

/* Asks, and has a reply that is not printed yet printed. */
static int ask_and_print(const struct call *c, json_t *request, void (*print)(json_t *reply))
{
    int code;
    json_t *reply = nuthatch_ask(c, request, &code);
    if (reply && !c->json)
        print(reply);
    json_decref(reply);
    return code;
}

static json_t *request_of(const char *command)
{
    return json_pack("{s:s}", "command", command);
}

/* With the name and, if one is given, the type. */
static json_t *named(const char *command, const struct call *c)
{
    return json_pack("{s:s, s:s, s:s*}", "command", command, "name", c->word[0], "type",
                     c->words > 1 ? c->word[1] : NULL);
}

static int run_status(const struct call *c)
{
    return ask_and_print(c, request_of("status"), nuthatch_print_status);
}

static int run_stats(const struct call *c)
{
    return ask_and_print(c, request_of("stats"), nuthatch_print_stats);
}

static int run_reload(const struct call *c)
{
    return ask_and_print(c, request_of("reload"), nuthatch_print_reload);
}

static int run_lookup(const struct call *c)
{
    return ask_and_print(c, named("lookup", c), nuthatch_print_lookup);
}

static void print_removed(json_t *reply)
{
    printf("%lld entries removed\n",
           (long long)json_integer_value(json_object_get(reply, "removed")));
}

static int run_flush(const struct call *c)
{
    if ((c->words > 0) + (c->zone != NULL) + c->all != 1)
        return complain("flush takes a name, --zone and a zone, or --all", "");
    return ask_and_print(c,
                         json_pack("{s:s, s:s*, s:s*, s:b}", "command", "flush", "name",
                                   c->words > 0 ? c->word[0] : NULL, "zone", c->zone, "all",
                                   (int)c->all),
                         print_removed);
}

static int run_trace(const struct call *c)
{
    int code;
    json_t *request = named("trace", c);
    if (c->cd)
        json_object_set_new(request, "cd", json_true());
    json_t *reply = nuthatch_ask(c, request, &code);
    if (reply && !c->json)
        code = nuthatch_print_trace(reply, c->word[0], c->words > 1 ? c->word[1] : "A");
    json_decref(reply);
    return code;
}

/* Of whom, if nobody is named: of the server that runs, at the first address it listens on. */
static int run_query(const struct call *c)
{
    struct call quiet = *c;
    int code;
    if (c->server)
        return nuthatch_query(c, c->server);
    quiet.json = false;
    json_t *reply = nuthatch_ask(&quiet, request_of("status"), &code);
    if (!reply)
        return code;
    const char *first = json_string_value(json_array_get(json_object_get(reply, "listen"), 0));
    code = first ? nuthatch_query(c, first) : complain("the server listens nowhere", "");
    json_decref(reply);
    return code;
}

/* ---- The command line ------------------------------------------------------------------------ */

enum takes { TAKES_ALL = 1, TAKES_ZONE = 2, TAKES_CD = 4, TAKES_DNSSEC = 8, TAKES_SERVER = 16 };

static const struct command {
    const char *name;
    int (*run)(const struct call *c);
    unsigned least, most; /* words */
    unsigned takes;
    const char *arguments, *help;
} commands[] = {
    {"status", run_status, 0, 0, 0, "", "what the server is and where it listens"},
    {"stats", run_stats, 0, 0, 0, "", "what it has counted since its start"},
    {"lookup", run_lookup, 1, 2, 0, "NAME [TYPE]", "what the cache holds of a name"},
    {"trace", run_trace, 1, 2, TAKES_CD, "NAME [TYPE] [--cd]",
     "resolve afresh, and show the walk as a tree"},
    {"flush", run_flush, 0, 1, TAKES_ALL | TAKES_ZONE, "NAME | --zone ZONE | --all",
     "forget what the cache holds of them"},
    {"reload", run_reload, 0, 0, 0, "", "read the configuration anew, and say what changed"},
    {"query", run_query, 1, 2, TAKES_CD | TAKES_DNSSEC | TAKES_SERVER,
     "NAME [TYPE] [@SERVER] [--dnssec] [--cd] [--tcp]", "ask it, or another server, a question"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static int help(void)
{
    puts("nuthatch [-s SOCKET] [--json] COMMAND …\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-7s%s%s\n          %s\n", commands[i].name, *commands[i].arguments ? " " : "",
               commands[i].arguments, commands[i].help);
    puts("\n  -s SOCKET   the server's control.socket (default " DEFAULT_SOCKET ")\n"
         "  --json      the answer as it came\n"
         "  --help\n\n"
         "Exit code: 0 done, 1 the server says no, 2 wrong usage, 3 the server cannot be reached.");
    return DONE;
}

static int help_of(const struct command *k)
{
    printf("nuthatch [-s SOCKET] [--json] %s %s\n\n%s\n", k->name, k->arguments, k->help);
    return DONE;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* An option that takes no value; false: it is none. */
static bool take_switch(struct call *c, const struct command *k, const char *word)
{
    const struct {
        const char *name;
        bool *at;
        unsigned takes;
    } switches[] = {{"--all", &c->all, TAKES_ALL},
                    {"--cd", &c->cd, TAKES_CD},
                    {"--dnssec", &c->dnssec, TAKES_DNSSEC},
                    {"--tcp", &c->tcp, TAKES_SERVER}};
    if (strcmp(word, "--json") == 0) {
        c->json = true;
        return true;
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(switches[i].name, word) != 0 || !k || !(k->takes & switches[i].takes))
            continue;
        *switches[i].at = true;
        return true;
    }
    return false;
}

/* An option with a value, in the next word (NULL: there is none); false: it is none. */
static bool take_value(struct call *c, const struct command *k, const char *word, const char *next)
{
    if (!next)
        return false;
    if (strcmp(word, "-s") == 0)
        c->socket = next;
    else if (strcmp(word, "--zone") == 0 && k && (k->takes & TAKES_ZONE))
        c->zone = next;
    else
        return false;
    return true;
}

/* The command, then its words; DONE or USAGE. */
static int take_word(struct call *c, const struct command **k, const char *word)
{
    if (!*k) {
        *k = find_command(word);
        return *k ? DONE : complain("no such command: ", word);
    }
    if (word[0] == '@' && ((*k)->takes & TAKES_SERVER)) {
        c->server = word + 1;
        return DONE;
    }
    if (c->words == (*k)->most)
        return complain("too many arguments for ", (*k)->name);
    c->word[c->words++] = word;
    return DONE;
}

int main(int argc, char **argv)
{
    struct call c = {.socket = DEFAULT_SOCKET};
    const struct command *k = NULL;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            return k ? help_of(k) : help();
        if (take_switch(&c, k, word))
            continue;
        if (take_value(&c, k, word, argv[i + 1]))
            i++;
        else if (word[0] == '-')
            return complain("no such option here, or it lacks its value: ", word);
        else if (take_word(&c, &k, word) != DONE)
            return USAGE;
    }
    if (!k)
        return complain("which command?", "");
    if (c.words < k->least)
        return complain("a name is missing for ", k->name);
    return k->run(&c);
}
