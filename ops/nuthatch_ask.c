/* The tool's way to the server: one line of JSON there and one back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ops/nuthatch.h"

static int complain_unreached(const char *path, int why)
{
    const char *advice =
        why == EACCES
            ? "you may not open it: be the server's user, or see control.mode"
            : "is nuthatchd running, with this path as control.socket? (-s names another)";
    fprintf(stderr, "nuthatch: cannot reach the server at %s: %s: %s\n", path, strerror(why),
            advice);
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

/* "error", or all "errors" of a configuration, a line each. */
static void complain_refused(const json_t *reply)
{
    const json_t *errors = json_object_get(reply, "errors");
    const char *error = json_string_value(json_object_get(reply, "error"));
    size_t i;
    json_t *line;
    if (json_array_size(errors) == 0)
        fprintf(stderr, "nuthatch: the server says: %s\n", error ? error : "no");
    json_array_foreach(errors, i, line)
        fprintf(stderr, "nuthatch: the server says: %s\n", json_string_value(line));
}

static json_t *exchange(const struct call *c, const char *request)
{
    json_t *reply = NULL;
    errno = 0;
    int fd = open_socket(c->socket);
    char *line = NULL;
    if (fd >= 0 && send_all(fd, request, strlen(request)) && send_all(fd, "\n", 1))
        line = receive_line(fd);
    int why = errno ? errno : EPROTO;
    if (line)
        reply = json_loads(line, 0, NULL);
    if (fd >= 0)
        close(fd);
    free(line);
    errno = why;
    return reply;
}

json_t *nuthatch_ask(const struct call *c, json_t *request, int *code)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *reply = text ? exchange(c, text) : NULL;
    *code = reply ? DONE : complain_unreached(c->socket, text ? errno : ENOMEM);
    json_decref(request);
    free(text);
    if (reply && c->json) {
        json_dumpf(reply, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    if (reply && !json_is_true(json_object_get(reply, "ok"))) {
        complain_refused(reply);
        json_decref(reply);
        reply = NULL;
        *code = REFUSED;
    }
    return reply;
}
