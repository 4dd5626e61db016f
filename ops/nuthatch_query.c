/*
 * `query`: one question to one server, as a client would ask it. Our own message goes out through
 * c-ares, which sends it, tries again, and goes over to TCP when the reply was cut off.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>
#include <time.h>

#include "base/addr.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/writer.h"
#include "ops/nuthatch.h"

/* A resolver may take its whole budget for a name, so there is no second try before that. */
enum { TIMEOUT_MS = 12000, TRIES = 2, PAYLOAD = 1232, QUERY_MAX = 512, TEXT_MAX = 1 << 20 };

struct query {
    const struct call *call;
    struct timespec sent;
    bool over;
    int code;
};

static double ms_since(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) * 1e3 + (double)(now.tv_nsec - t->tv_nsec) / 1e6;
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* Why, in the words of the server or only by a number (RFC 8914). */
static void print_error(const struct message *m)
{
    const uint8_t *data;
    uint16_t length;
    if (!edns_option(&m->edns, EDNS_EDE, &data, &length) || length < 2)
        return;
    printf(";; EDE %u: ", (unsigned)load_u16(data));
    for (unsigned i = 2; i < length; i++)
        putchar(data[i] >= ' ' && data[i] < 127 ? data[i] : '?');
    putchar('\n');
}

static int print_reply(const struct query *q, const uint8_t *bytes, size_t size)
{
    struct arena arena;
    struct message *m;
    enum message_fault fault;
    char *text = malloc(TEXT_MAX);
    arena_init(&arena, NULL);
    enum err e = text ? message_parse(&arena, bytes, size, 0, &m, &fault) : ERR_NOMEM;
    if (e == OK) {
        printf("%s", message_text(m, 0, text, TEXT_MAX));
        print_error(m);
        printf(";; %zu octets in %.1f ms\n", size, ms_since(&q->sent));
    } else {
        fprintf(stderr, "nuthatch: the reply cannot be read: %s\n",
                e == ERR_FORMAT ? message_fault_text(fault) : err_text(e));
    }
    arena_deinit(&arena);
    free(text);
    return e == OK ? DONE : REFUSED;
}

static void on_reply(void *ctx, int status, int timeouts, unsigned char *bytes, int size)
{
    (void)timeouts;
    struct query *q = ctx;
    q->over = true;
    if (bytes && size > 0) {
        q->code = print_reply(q, bytes, (size_t)size);
        return;
    }
    fprintf(stderr, "nuthatch: no reply: %s\n", ares_strerror(status));
    q->code = UNREACHED;
}

/* ---- The question ---------------------------------------------------------------------------- */

/* NULL: written; else what is wrong. */
static const char *write_query(const struct call *c, uint8_t out[QUERY_MAX], size_t *size)
{
    uint8_t name[NAME_MAX_WIRE];
    uint16_t type = TYPE_A, id;
    struct writer w;
    const struct writer_opt opt = {.udp_size = PAYLOAD, .do_bit = c->dnssec};
    if (name_from_text(c->word[0], name) != OK)
        return "that is no domain name";
    if (c->words > 1 && type_parse(c->word[1], &type) != OK)
        return "no such record type";
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        return "the system gives no random numbers";
    uint16_t flags = FLAG_RD | FLAG_AD;
    if (c->cd)
        flags |= FLAG_CD;
    writer_init(&w, out, QUERY_MAX);
    if (writer_header(&w, id, flags) || writer_question(&w, name, type, CLASS_IN) ||
        writer_opt(&w, &opt))
        return "the question is too long";
    *size = writer_finish(&w);
    return NULL;
}

/* 0.0.0.0 and :: say where a server listens, not where it answers. */
static void mind_any(struct endpoint *at)
{
    static const uint8_t any[16];
    if (memcmp(at->bytes, any, sizeof any) != 0)
        return;
    if (at->family == 4)
        at->bytes[0] = 127;
    at->bytes[at->family == 4 ? 3 : 15] = 1;
}

static int open_channel(ares_channel *out, const struct call *c, const struct endpoint *at)
{
    struct ares_options options = {.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS |
                                            (c->tcp ? ARES_FLAG_USEVC : 0),
                                   .timeout = TIMEOUT_MS,
                                   .tries = TRIES,
                                   .ednspsz = PAYLOAD};
    struct ares_addr_port_node node = {
        .family = at->family == 4 ? AF_INET : AF_INET6, .udp_port = at->port, .tcp_port = at->port};
    memcpy(&node.addr, at->bytes, at->family == 4 ? 4 : 16);
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ;
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = ares_init_options(out, &options, mask);
    if (status == ARES_SUCCESS && (status = ares_set_servers_ports(*out, &node)) != ARES_SUCCESS)
        ares_destroy(*out);
    return status;
}

static void run(ares_channel channel, struct query *q)
{
    while (!q->over) {
        fd_set readable, writable;
        struct timeval most = {.tv_sec = 1}, left;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        int count = ares_fds(channel, &readable, &writable);
        select(count, &readable, &writable, NULL, ares_timeout(channel, &most, &left));
        ares_process(channel, &readable, &writable);
    }
}

int nuthatch_query(const struct call *c, const char *server)
{
    struct query q = {.call = c};
    struct endpoint at;
    uint8_t message[QUERY_MAX];
    size_t size = 0;
    ares_channel channel;
    const char *wrong = write_query(c, message, &size);
    if (!wrong && endpoint_parse(server, 53, &at) != OK)
        wrong = "a server is an address, with a port behind an @ if it is not 53";
    if (wrong) {
        fprintf(stderr, "nuthatch: %s\n", wrong);
        return USAGE;
    }
    mind_any(&at);
    int status = open_channel(&channel, c, &at);
    if (status != ARES_SUCCESS) {
        fprintf(stderr, "nuthatch: cannot ask: %s\n", ares_strerror(status));
        return UNREACHED;
    }
    clock_gettime(CLOCK_MONOTONIC, &q.sent);
    ares_send(channel, message, (int)size, on_reply, &q);
    run(channel, &q);
    ares_destroy(channel);
    ares_library_cleanup();
    return q.code;
}
