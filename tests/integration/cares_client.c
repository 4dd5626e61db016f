/*
 * A DNS client that shares no code with Nuthatch: c-ares. For each name one line on standard
 * output, in order:
 *
 *     cares_client SERVER NAME…       NAME count address…    or    NAME error TEXT
 *     cares_client SERVER txt:NAME    txt:NAME text…
 *
 * Exit code 0 when every name was found, else 1.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include <ares.h>

struct job {
    bool done;
    bool failed;
    const char *name;
};

static void fail(struct job *job, int status)
{
    printf("%s error %s\n", job->name, ares_strerror(status));
    job->failed = true;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct job *job = arg;
    job->done = true;
    if (status != ARES_SUCCESS) {
        fail(job, status);
        return;
    }
    unsigned count = 0;
    for (struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next)
        count++;
    printf("%s %u", job->name, count);
    for (struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next) {
        char text[INET6_ADDRSTRLEN] = "?";
        getnameinfo(n->ai_addr, n->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
        printf(" %s", text);
    }
    printf("\n");
    ares_freeaddrinfo(found);
}

static void on_text(void *arg, int status, int timeouts, unsigned char *bytes, int size)
{
    (void)timeouts;
    struct job *job = arg;
    struct ares_txt_reply *texts = NULL;
    job->done = true;
    if (status == ARES_SUCCESS)
        status = ares_parse_txt_reply(bytes, size, &texts);
    if (status != ARES_SUCCESS) {
        fail(job, status);
        return;
    }
    printf("%s", job->name);
    for (struct ares_txt_reply *t = texts; t; t = t->next)
        printf(" %.*s", (int)t->length, (const char *)t->txt);
    printf("\n");
    ares_free_data(texts);
}

/* Serves the channel's sockets until the job is done; c-ares bounds its own time. */
static void finish(ares_channel channel, const struct job *job)
{
    while (!job->done) {
        fd_set readable, writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        int count = ares_fds(channel, &readable, &writable);
        if (count == 0)
            return;
        struct timeval most = {.tv_sec = 1}, wait;
        select(count, &readable, &writable, NULL, ares_timeout(channel, &most, &wait));
        ares_process(channel, &readable, &writable);
    }
}

static bool look_up(ares_channel channel, const char *name)
{
    struct job job = {.name = name};
    if (strncmp(name, "txt:", 4) == 0) {
        ares_query(channel, name + 4, 1, 16, on_text, &job);
    } else {
        struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
        ares_getaddrinfo(channel, name, NULL, &hints, on_addresses, &job);
    }
    finish(channel, &job);
    return job.done && !job.failed;
}

int main(int argc, char **argv)
{
    char lookups[] = "b"; /* DNS only, no files */
    struct ares_options options = {.timeout = 9000, .tries = 1, .lookups = lookups};
    ares_channel channel;
    if (argc < 3 || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return 2;
    if (ares_init_options(&channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS) != ARES_SUCCESS ||
        ares_set_servers_ports_csv(channel, argv[1]) != ARES_SUCCESS)
        return 2;
    bool all = true;
    for (int i = 2; i < argc; i++)
        all &= look_up(channel, argv[i]);
    ares_destroy(channel);
    ares_library_cleanup();
    return all ? 0 : 1;
}
