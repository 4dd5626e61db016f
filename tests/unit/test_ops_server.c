/*
 * A whole server with two workers, in a thread of the test's process. What is asked lies below
 * localhost, which no server need be asked for, but which takes the way of a miss: so about half of
 * the queries are handed over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "dns/name.h"
#include "ops/server_internal.h"

enum {
    PATIENCE_MS = 10000,
    CLIENTS = 16,
    ROUNDS = 25,
    QUERY_MAX = 512,
    LONG_NAMES = 1000000 /* numbers from here on have long names */
};

static _Atomic int started, reloaded;
static struct config_report report;

static void see_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)level;
    started += strncmp(line, "started ", 8) == 0;
    reloaded += strncmp(line, "reloaded ", 9) == 0;
}

static uint64_t test_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#define AWAIT(condition)                                                                           \
    for (uint64_t until_ = test_ms() + PATIENCE_MS; !(condition); usleep(1000))                    \
    assert_true(test_ms() < until_)

static struct sockaddr_in free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return at;
}

struct rig {
    struct sockaddr_in at;
    struct server *server;
    char file[40];
    pthread_t thread;
    enum err ended;
};

static enum err make_server(struct rig *r)
{
    struct config *c = NULL;
    memset(&report, 0, sizeof report);
    assert_int_equal(config_load(&c, r->file, &report), OK);
    return server_new(&r->server, c, &report);
}

static void write_config(struct rig *r, const char *more)
{
    FILE *f = fopen(r->file, "w");
    assert_non_null(f);
    fprintf(f, "server: {listen: [127.0.0.1@%u], threads: 2}\n%s", ntohs(r->at.sin_port), more);
    assert_int_equal(fclose(f), 0);
}

static void *run(void *ctx)
{
    struct rig *r = ctx;
    r->ended = server_run(r->server);
    return NULL;
}

static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->at = free_port();
    strcpy(r->file, "/tmp/nuthatch-XXXXXX");
    int fd = mkstemp(r->file);
    assert_true(fd >= 0);
    close(fd);
    write_config(r, "");
    assert_int_equal(make_server(r), OK);
    started = reloaded = 0;
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
    AWAIT(started == 1);
    return r;
}

/* Ends the server; it can still be looked at until rig_free. */
static void rig_stop(struct rig *r)
{
    kill(getpid(), SIGTERM);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    assert_int_equal(r->ended, OK);
}

static void rig_free(struct rig *r)
{
    server_free(r->server);
    unlink(r->file);
    free(r);
}

/* A query for the address of n-NUMBER.localhost, or of a name nearly as long as may be. */
static size_t make_query(uint8_t *out, uint16_t id, unsigned number)
{
    uint8_t head[12] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1}, tail[4] = {0, 1, 0, 1};
    char label[32];
    int n = snprintf(label, sizeof label, "n-%u", number);
    uint8_t *at = out;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    *at++ = (uint8_t)n;
    memcpy(at, label, (size_t)n);
    at += n;
    static const uint8_t lengths[] = {63, 63, 63, 38};
    for (unsigned i = 0; i < sizeof lengths && number >= LONG_NAMES; i++, at += 1 + at[0]) {
        at[0] = lengths[i];
        memset(at + 1, 'x', lengths[i]);
    }
    memcpy(at, "\x09localhost", 11);
    at += 11;
    memcpy(at, tail, sizeof tail);
    return (size_t)(at - out) + sizeof tail;
}

static int client(const struct rig *r, int type)
{
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, type, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&r->at, sizeof r->at), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

/* The answer to the query of that id and number, with 127.0.0.1 as its last octets. */
static void check_answer(const uint8_t *m, ssize_t size, uint16_t id, unsigned number)
{
    uint8_t query[QUERY_MAX];
    size_t length = make_query(query, id, number);
    assert_true(size == (ssize_t)length + 16);
    assert_memory_equal(m, query, 2);
    assert_true((m[2] & 0x80) && (m[3] & 15) == 0);
    assert_memory_equal(m + 12, query + 12, length - 12);
    assert_memory_equal(m + size - 4, "\x7f\0\0\1", 4);
}

static void udp_once(int fd, uint16_t id, unsigned number)
{
    uint8_t m[QUERY_MAX];
    size_t size = make_query(m, id, number);
    assert_int_equal(send(fd, m, size, 0), size);
    check_answer(m, recv(fd, m, sizeof m, 0), id, number);
}

static void tcp_once(int fd, uint16_t id, unsigned number)
{
    uint8_t m[2 + QUERY_MAX];
    size_t size = make_query(m + 2, id, number);
    m[0] = (uint8_t)(size >> 8);
    m[1] = (uint8_t)size;
    assert_int_equal(send(fd, m, 2 + size, MSG_NOSIGNAL), 2 + size);
    assert_int_equal(recv(fd, m, 2, MSG_WAITALL), 2);
    check_answer(m + 2, recv(fd, m + 2, (size_t)m[0] << 8 | m[1], MSG_WAITALL), id, number);
}

static void misses_of_every_socket_are_answered_by_the_workers_that_own_them(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    int udp[CLIENTS], tcp[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        udp[i] = client(r, SOCK_DGRAM);
        tcp[i] = client(r, SOCK_STREAM);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            udp_once(udp[i], (uint16_t)(round * 100 + i), round * CLIENTS + i);
            tcp_once(tcp[i], (uint16_t)(round * 200 + i), 10000 + round * CLIENTS + i);
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(udp[i]);
        close(tcp[i]);
    }
    rig_stop(r);
    uint64_t queries = 0, answers = 0, handed = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct worker *w = &r->server->workers[i];
        const struct counters *c = resolver_counters(w->resolver);
        assert_true(c->queries > 0 && c->answers_local > 0 && w->handoffs->handed > 0);
        assert_int_equal(w->handoffs->refused, 0);
        assert_int_equal(w->handoffs->out_count, 0);
        queries += c->queries;
        answers += c->answers_local;
        handed += w->handoffs->handed;
    }
    assert_int_equal(queries, 2 * CLIENTS * ROUNDS);
    assert_int_equal(answers, queries);
    assert_true(handed > queries / 10 && handed < queries * 9 / 10);
    rig_free(r);
}

/* The answer is longer than the query, and that is longer than what else a handoff has room for. */
static void ask_long(const struct rig *r, unsigned from)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        int udp = client(r, SOCK_DGRAM), tcp = client(r, SOCK_STREAM);
        udp_once(udp, (uint16_t)i, LONG_NAMES + from + i);
        tcp_once(tcp, (uint16_t)i, LONG_NAMES + from + CLIENTS + i);
        close(udp);
        close(tcp);
    }
}

static void a_long_answer_is_lent_or_found_again_by_who_was_asked(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct worker *w = r->server->workers;
    ask_long(r, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(w[i].handoffs->lent, 0);
        atomic_store(&w[i].handoffs->lent, w[i].work.limit); /* nothing more can be lent */
    }
    ask_long(r, 1000);
    rig_stop(r);
    uint64_t handed = w[0].handoffs->handed + w[1].handoffs->handed;
    uint64_t refused = w[0].handoffs->refused + w[1].handoffs->refused;
    assert_true(refused > 0 && handed > refused);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(w[i].handoffs->lent, w[i].work.limit);
        assert_int_equal(w[i].handoffs->out_count, 0);
    }
    rig_free(r);
}

static void a_reload_reaches_every_worker(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct generation *before = generation_ref(r->server->workers[0].now);
    write_config(r, "work: {size: 64m}\n");
    kill(getpid(), SIGHUP);
    AWAIT(reloaded == 1);
    rig_stop(r);
    const struct worker *w = r->server->workers;
    assert_ptr_not_equal(w[0].now, before);
    assert_ptr_equal(w[0].now, w[1].now);
    assert_int_equal(w[0].work.limit + w[1].work.limit, 64u << 20);
    assert_int_equal(before->references, 1); /* ours: nobody else has it */
    assert_int_equal(w[0].now->references, 2);
    generation_unref(before);
    rig_free(r);
}

static void clients_that_hang_up_leave_nothing_behind(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t m[2 + QUERY_MAX];
    for (unsigned i = 0; i < 200; i++) {
        int fd = client(r, SOCK_STREAM);
        struct linger reset = {.l_onoff = 1};
        size_t size = make_query(m + 2, (uint16_t)i, i);
        m[0] = 0;
        m[1] = (uint8_t)size;
        assert_int_equal(send(fd, m, 2 + size, MSG_NOSIGNAL), 2 + size);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
    }
    int fd = client(r, SOCK_DGRAM);
    udp_once(fd, 1, 1);
    close(fd);
    rig_stop(r);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(r->server->workers[i].handoffs->out_count, 0);
    rig_free(r);
}

static void a_second_server_on_shared_ports_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct rig other = {.at = r->at};
    memcpy(other.file, r->file, sizeof other.file);
    assert_int_equal(make_server(&other), ERR_IO);
    assert_non_null(strstr(report.lines[0], "Address already in use"));
    rig_stop(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_of_every_socket_are_answered_by_the_workers_that_own_them),
        cmocka_unit_test(a_long_answer_is_lent_or_found_again_by_who_was_asked),
        cmocka_unit_test(a_reload_reaches_every_worker),
        cmocka_unit_test(clients_that_hang_up_leave_nothing_behind),
        cmocka_unit_test(a_second_server_on_shared_ports_is_refused),
    };
    log_set_sink(see_line, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
