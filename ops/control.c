#include "ops/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/must.h"
#include "dns/name.h"
#include "ops/control_trace.h"
#include "ops/server_internal.h"

enum { REQUEST_MAX = 65536, PEERS_MAX = 16, REPLY_WAITING_MAX = 1 << 20 };

struct control {
    struct server *server;
    uv_pipe_t pipe;
    bool open;
    dev_t device; /* of the socket, so that another's is never removed */
    ino_t inode;
    struct list peers;
    unsigned count;
    struct sockaddr_un at;
};

struct peer {
    uv_pipe_t pipe;
    struct list in_peers;
    struct control *control;
    struct trace *trace; /* its answer is still to come, and the next request waits */
    size_t size;
    char line[REQUEST_MAX];
};

struct reply {
    uv_write_t write;
    char *text;
};

/* ---- Answers --------------------------------------------------------------------------------- */

static json_t *refuse(const char *why)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static json_t *answer_status(struct server *s)
{
    const char *file = s->workers[0].now->config->file;
    json_t *listen = json_array();
    for (size_t i = 0; i < s->listening.count; i++) {
        char text[ADDR_TEXT_MAX];
        json_array_append_new(listen, json_string(endpoint_text(&s->listening.at[i], text)));
    }
    return json_pack("{s:b, s:s, s:i, s:o, s:s?}", "ok", 1, "version", NUTHATCH_VERSION, "threads",
                     (int)s->count, "listen", listen, "config", file);
}

/* {"command": "flush", "name": N}, or "zone": N, or "all": true. The cache is every worker's. */
static json_t *answer_flush(struct server *s, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));
    const char *zone = json_string_value(json_object_get(request, "zone"));
    bool all = json_is_true(json_object_get(request, "all"));
    uint8_t wire[NAME_MAX_WIRE];
    if ((name != NULL) + (zone != NULL) + all != 1)
        return refuse("flush takes one of name, zone, all");
    if (!all && name_from_text(name ? name : zone, wire) != OK)
        return refuse("not a domain name");
    struct cache *cache = s->workers[0].cache;
    size_t gone = all    ? cache_flush_all(cache)
                  : name ? cache_flush_name(cache, wire)
                         : cache_flush_zone(cache, wire);
    return json_pack("{s:b, s:I}", "ok", 1, "removed", (json_int_t)gone);
}

static void on_trace(void *ctx, json_t *document);

/* NULL: the answer comes later. */
static json_t *answer_trace(struct peer *p, const json_t *request)
{
    const char *why;
    p->trace = trace_begin(p->control->server, request, on_trace, p, &why);
    return p->trace ? NULL : refuse(why);
}

static json_t *answer(struct peer *p, const char *line, size_t size)
{
    struct server *s = p->control->server;
    json_error_t why;
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why), *reply;
    const char *command = json_string_value(json_object_get(request, "command"));
    if (!command)
        reply = refuse("a request is an object with a command");
    else if (strcmp(command, "status") == 0)
        reply = answer_status(s);
    else if (strcmp(command, "flush") == 0)
        reply = answer_flush(s, request);
    else if (strcmp(command, "trace") == 0)
        reply = answer_trace(p, request);
    else
        reply = refuse("no such command");
    json_decref(request);
    return reply;
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static void on_peer_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_pipe_t *)h, struct peer, pipe));
}

static void drop(struct peer *p)
{
    if (uv_is_closing((uv_handle_t *)&p->pipe))
        return;
    list_remove(&p->in_peers);
    p->control->count--;
    trace_cancel(p->trace);
    p->trace = NULL;
    uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void on_written(uv_write_t *w, int status)
{
    struct reply *r = CONTAINER_OF(w, struct reply, write);
    struct peer *p = w->data;
    free(r->text);
    free(r);
    if (status < 0)
        drop(p);
}

/* Takes the reply. Who does not read what was answered is dropped. */
static void send_reply(struct peer *p, json_t *reply)
{
    struct reply *r = calloc(1, sizeof *r);
    char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
    json_decref(reply);
    bool full = uv_stream_get_write_queue_size((uv_stream_t *)&p->pipe) > REPLY_WAITING_MAX;
    if (r && text && !full) {
        size_t n = strlen(text);
        text[n] = '\n'; /* in place of the NUL: the length goes along */
        uv_buf_t buf = uv_buf_init(text, (unsigned)n + 1);
        r->text = text;
        r->write.data = p;
        if (uv_write(&r->write, (uv_stream_t *)&p->pipe, &buf, 1, on_written) == 0)
            return;
    }
    free(text);
    free(r);
    drop(p);
}

/* The requests that have come whole, one after another. */
static void take_lines(struct peer *p)
{
    char *end;
    while (!p->trace && p->size > 0 && (end = memchr(p->line, '\n', p->size)) != NULL) {
        size_t length = (size_t)(end - p->line);
        json_t *reply = answer(p, p->line, length);
        p->size -= length + 1;
        memmove(p->line, end + 1, p->size);
        if (!p->trace)
            send_reply(p, reply);
        if (uv_is_closing((uv_handle_t *)&p->pipe))
            return;
    }
}

static void on_trace(void *ctx, json_t *document)
{
    struct peer *p = ctx;
    p->trace = NULL;
    send_reply(p, document);
    if (!uv_is_closing((uv_handle_t *)&p->pipe))
        take_lines(p);
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
    (void)wanted;
    struct peer *p = CONTAINER_OF((uv_pipe_t *)h, struct peer, pipe);
    *buf = uv_buf_init(p->line + p->size, (unsigned)(sizeof p->line - p->size));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct peer *p = CONTAINER_OF((uv_pipe_t *)stream, struct peer, pipe);
    struct server *s = p->control->server;
    net_enter(s->workers[0].net);
    if (n < 0) { /* the end, or no room for more of a line that is too long */
        drop(p);
        return;
    }
    p->size += (size_t)n;
    take_lines(p);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct control *c = CONTAINER_OF((uv_pipe_t *)stream, struct control, pipe);
    struct peer *p = status == 0 ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return;
    p->control = c;
    list_append(&c->peers, &p->in_peers);
    c->count++;
    MUST(uv_pipe_init(stream->loop, &p->pipe, 0) == 0);
    if (uv_accept(stream, (uv_stream_t *)&p->pipe) != 0 || c->count > PEERS_MAX ||
        uv_read_start((uv_stream_t *)&p->pipe, on_room, on_read) != 0)
        drop(p);
}

/* ---- The socket ------------------------------------------------------------------------------ */

/* Removes the socket of a server that is no more. */
static enum err clear_way(const struct sockaddr_un *at)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0)
        return errno == ENOENT ? OK : ERR_IO;
    int fd =
        S_ISSOCK(st.st_mode) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 &&
                 errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (stale && unlink(at->sun_path) == 0)
        return OK;
    errno = EADDRINUSE;
    return ERR_IO;
}

static enum err open_socket(struct control *c, struct net *n)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    mode_t before = umask(0177);
    int failed = bind(fd, (const struct sockaddr *)&c->at, sizeof c->at);
    umask(before);
    struct stat st;
    if (failed || lstat(c->at.sun_path, &st) != 0) {
        close(fd);
        return ERR_IO;
    }
    c->device = st.st_dev;
    c->inode = st.st_ino;
    MUST(uv_pipe_init(net_loop(n), &c->pipe, 0) == 0);
    c->open = true;
    if (uv_pipe_open(&c->pipe, fd) == 0 &&
        uv_listen((uv_stream_t *)&c->pipe, PEERS_MAX, on_connection) == 0)
        return OK;
    control_stop(c);
    return ERR_IO;
}

enum err control_new(struct control **out, struct server *s, const char *path)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    *out = c;
    c->server = s;
    list_init(&c->peers);
    c->at.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof c->at.sun_path) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    strcpy(c->at.sun_path, path);
    enum err e = clear_way(&c->at);
    return e == OK ? open_socket(c, s->workers[0].net) : e;
}

void control_stop(struct control *c)
{
    struct stat st;
    if (!c || !c->open)
        return;
    c->open = false;
    LIST_EACH_SAFE (it, next, &c->peers)
        drop(CONTAINER_OF(it, struct peer, in_peers));
    if (lstat(c->at.sun_path, &st) == 0 && st.st_dev == c->device && st.st_ino == c->inode)
        unlink(c->at.sun_path);
    uv_close((uv_handle_t *)&c->pipe, NULL);
}

void control_free(struct control *c)
{
    free(c);
}
