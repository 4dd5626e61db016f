#include "ops/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/must.h"
#include "ops/control_commands.h"
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
    struct waiter waiter;
    bool waits;  /* for an answer: the next request has its turn after it */
    bool taking; /* take_lines is at work */
    size_t size;
    char line[REQUEST_MAX];
};

struct reply {
    uv_write_t write;
    char *text;
};

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
    list_remove(&p->waiter.in_waiters);
    control_abandon(p->control->server);
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
    if (p->taking) /* an answer that came at once */
        return;
    p->taking = true;
    while (!p->waits && p->size > 0 && (end = memchr(p->line, '\n', p->size)) != NULL) {
        size_t length = (size_t)(end - p->line);
        p->waits = true;
        control_command(p->control->server, p->line, length, &p->waiter);
        p->size -= length + 1;
        memmove(p->line, end + 1, p->size);
        if (uv_is_closing((uv_handle_t *)&p->pipe))
            break;
    }
    p->taking = false;
}

static void on_answer(struct waiter *w, json_t *reply)
{
    struct peer *p = CONTAINER_OF(w, struct peer, waiter);
    p->waits = false;
    send_reply(p, reply);
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
    p->waiter.answer = on_answer;
    list_init(&p->waiter.in_waiters);
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

/* With the mode from its first moment on. */
static enum err bind_socket(struct control *c, int fd, mode_t mode)
{
    struct stat st;
    enum err e = clear_way(&c->at);
    if (e != OK)
        return e;
    mode_t before = umask(0777 & ~mode);
    int failed = bind(fd, (const struct sockaddr *)&c->at, sizeof c->at);
    umask(before);
    if (failed || lstat(c->at.sun_path, &st) != 0)
        return ERR_IO;
    c->device = st.st_dev;
    c->inode = st.st_ino;
    return listen(fd, PEERS_MAX) == 0 ? OK : ERR_IO;
}

/* Two servers that begin at one time must not take each other's socket for one left behind, so its
 * folder is locked from the look at it until ours takes connections. */
static enum err bind_alone(struct control *c, int fd, mode_t mode)
{
    char folder[sizeof c->at.sun_path];
    strcpy(folder, c->at.sun_path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int lock = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0)
        return ERR_IO;
    enum err e = flock(lock, LOCK_EX) == 0 ? bind_socket(c, fd, mode) : ERR_IO;
    int why = errno;
    close(lock);
    errno = why;
    return e;
}

static enum err open_socket(struct control *c, struct net *n, mode_t mode)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    enum err e = bind_alone(c, fd, mode);
    if (e != OK) {
        int why = errno;
        close(fd);
        errno = why;
        return e;
    }
    MUST(uv_pipe_init(net_loop(n), &c->pipe, 0) == 0);
    c->open = true;
    if (uv_pipe_open(&c->pipe, fd) == 0 &&
        uv_listen((uv_stream_t *)&c->pipe, PEERS_MAX, on_connection) == 0)
        return OK;
    control_stop(c);
    return ERR_IO;
}

enum err control_new(struct control **out, struct server *s, const char *path, unsigned mode)
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
    return open_socket(c, s->workers[0].net, (mode_t)mode);
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
