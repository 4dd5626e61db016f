/*
 * nuthatch: the operator's tool. It asks the running server through its control socket, one line of
 * JSON there and one back, and prints the answer for people, or with --json as it came.
 */
#include "ops/nuthatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/nuthatch/control.sock"

struct call {
    const char *socket;
    bool json;
    const char *word[3]; /* the command's arguments */
    unsigned words;
};

/* ---- The server ---------------------------------------------------------------------------------
 */

static int complain_unreached(const char *path, int why)
{
    fprintf(stderr,
            "nuthatch: cannot reach the server at %s: %s: is it running, with this path as "
            "control.socket, and may "
            "you open it? (-s names another)\n",
            path, strerror(why));
    return UNREACHED;
}

static int open_socket(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* The one line that comes back; the caller frees. NULL with errno. */
static char *receive_line(int fd)
{
    size_t size = 0, room = 65536;
    char *line = malloc(room);
    while (line) {
        ssize_t n = recv(fd, line + size, room - size - 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
        line[size] = '\0';
        if (line[size - 1] == '\n')
            return line;
        if (room - size < 4096) {
            char *more = realloc(line, room * 2);
            if (!more)
                break;
            line = more;
            room *= 2;
        }
    }
    errno = errno ? errno : ECONNRESET;
    free(line);
    return NULL;
}

/* Asks; takes the request. The reply, or NULL with an exit code. */
static json_t *ask(const struct call *c, json_t *request, int *code)
{
    char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
    json_t *reply = NULL;
    json_decref(request);
    errno = 0;
    int fd = open_socket(c->socket);
    if (fd >= 0 && text && send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1))
        line = receive_line(fd);
    int why = errno ? errno : EPROTO;
    if (line)
        reply = json_loads(line, 0, NULL);
    *code = reply ? DONE : complain_unreached(c->socket, why);
    if (fd >= 0)
        close(fd);
    free(text);
    free(line);
    if (reply && c->json) {
        json_dumpf(reply, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    if (reply && !json_is_true(json_object_get(reply, "ok"))) {
        const char *error = json_string_value(json_object_get(reply, "error"));
        fprintf(stderr, "nuthatch: the server says: %s\n", error ? error : "no");
        json_decref(reply);
        reply = NULL;
        *code = REFUSED;
    }
    return reply;
}

/* ---- Commands -----------------------------------------------------------------------------------
 */

static int usage_of(const char *what)
{
    fprintf(stderr, "nuthatch: %s; see nuthatch --help\n", what);
    return USAGE;
}

static int run_status(const struct call *c)
{
    int code;
    const char *key;
    json_t *value, *reply = ask(c, json_pack("{s:s}", "command", "status"), &code);
    if (!reply || c->json) {
        json_decref(reply);
        return code;
    }
    json_object_foreach(reply, key, value)
    {
        if (strcmp(key, "ok") == 0)
            continue;
        printf("%-12s", key);
        if (json_is_array(value)) {
            size_t i;
            json_t *one;
            json_array_foreach(value, i, one) printf("%s%s", i ? " " : "", json_string_value(one));
        } else if (json_is_string(value)) {
            printf("%s", json_string_value(value));
        } else {
            printf("%lld", (long long)json_integer_value(value));
        }
        putchar('\n');
    }
    json_decref(reply);
    return DONE;
}

static int run_flush(const struct call *c)
{
    int code;
    json_t *request = json_pack("{s:s}", "command", "flush");
    if (c->words == 1 && strcmp(c->word[0], "--all") == 0)
        json_object_set_new(request, "all", json_true());
    else if (c->words == 2 && strcmp(c->word[0], "--zone") == 0)
        json_object_set_new(request, "zone", json_string(c->word[1]));
    else if (c->words == 1 && c->word[0][0] != '-')
        json_object_set_new(request, "name", json_string(c->word[0]));
    else {
        json_decref(request);
        return usage_of("flush takes a name, --zone and a zone, or --all");
    }
    json_t *reply = ask(c, request, &code);
    if (reply && !c->json)
        printf("%lld entries removed\n",
               (long long)json_integer_value(json_object_get(reply, "removed")));
    json_decref(reply);
    return code;
}

static int run_trace(const struct call *c)
{
    int code;
    if (c->words < 1 || c->words > 2)
        return usage_of("trace takes a name and, if it is not A, a type");
    const char *type = c->words > 1 ? c->word[1] : "A";
    json_t *reply =
        ask(c, json_pack("{s:s, s:s, s:s}", "command", "trace", "name", c->word[0], "type", type),
            &code);
    if (reply && !c->json)
        code = nuthatch_print_trace(reply, c->word[0], type);
    json_decref(reply);
    return code;
}

static const struct command {
    const char *name;
    int (*run)(const struct call *c);
    const char *arguments, *help;
} commands[] = {
    {"status", run_status, "", "what the server is and where it listens"},
    {"trace", run_trace, "NAME [TYPE]", "resolve afresh, and show the walk as a tree"},
    {"flush", run_flush, "NAME | --zone ZONE | --all", "forget what the cache holds of them"},
};

static void help(void)
{
    puts("nuthatch [-s SOCKET] [--json] COMMAND …\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-7s %-28s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    puts("\n  -s SOCKET   the server's control.socket (default " DEFAULT_SOCKET ")\n"
         "  --json      the answer as it came\n"
         "  --help\n\n"
         "Exit code: 0 done, 1 the server says no, 2 wrong usage, 3 the server cannot be reached.");
}

int main(int argc, char **argv)
{
    struct call c = {.socket = DEFAULT_SOCKET};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
            c.socket = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            c.json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help();
            return DONE;
        } else {
            return usage_of("no such option");
        }
    }
    if (i == argc)
        return usage_of("which command?");
    const char *name = argv[i++];
    for (; i < argc && c.words < 3; i++)
        c.word[c.words++] = argv[i];
    if (i < argc)
        return usage_of("too many arguments");
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        if (strcmp(commands[k].name, name) == 0)
            return commands[k].run(&c);
    return usage_of("no such command");
}
