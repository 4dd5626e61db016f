/*
 * c-ares is given our loop's eyes: it names the descriptors that it waits for, each gets a poll
 * handle, and one timer wakes it for its time-outs. It reads its own clock and its own files, which
 * is why nothing else uses it. None of the handles keeps the loop alive.
 */
#include "net/names.h"

#include <ares.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/must.h"
#include "dns/types.h"
#include "net/internal.h"

enum {
    TTL_LEAST_S = 60,
    TTL_MOST_S = 3600,
    RETRY_FIRST_S = 1,
    RETRY_MOST_S = 60,
    FILE_LOOK_MS = 2000, /* how often the system's file is looked at */
    QUERY_MS = 2000,
    QUERY_TRIES = 2,
};

/* A name that is wanted. */
struct host {
    struct list link;
    struct names *names;
    char *name, *where;
    struct endpoint at[NAMES_ADDRESSES];
    size_t count;
    uint64_t due_ms; /* of the loop's clock: when it is to be looked up again */
    uint32_t retry_s;
    bool asked;    /* a look-up is under way */
    bool unwanted; /* goes when that has ended */
};

/* A descriptor that c-ares waits for. */
struct watch {
    uv_poll_t poll;
    struct list link;
    struct names *names;
    ares_socket_t fd;
};

struct names {
    struct names_config config;
    char *file;
    ares_channel channel;
    bool ready; /* the channel is */
    struct list hosts;
    struct list watches;
    uv_timer_t timer;  /* time-outs of c-ares, and the next host that is due */
    uv_fs_poll_t look; /* at the system's file */
    unsigned closing;  /* handles whose close is not over */
    bool wants_system, ipv4, ipv6, dirty, freed;
    struct endpoint bootstrap[NAMES_ADDRESSES];
    size_t bootstrap_count;
    struct endpoint system[NAMES_ADDRESSES];
    size_t system_count;
};

static void arm(struct names *n);

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool same(const struct endpoint *a, size_t a_count, const struct endpoint *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!endpoint_equal(&a[i], &b[i]))
            return false;
    return true;
}

static bool from_sockaddr(const struct sockaddr *from, struct endpoint *out)
{
    union net_sockaddr any;
    if (from->sa_family != AF_INET && from->sa_family != AF_INET6)
        return false;
    memcpy(&any, from, from->sa_family == AF_INET ? sizeof any.v4 : sizeof any.v6);
    net__from_sockaddr(&any, out);
    out->port = DNS_PORT;
    return true;
}

/* ---- The system's servers -------------------------------------------------------------------- */

/* c-ares believes in 127.0.0.1 where a file names none: one that is gone, or being written. */
static bool names_a_server(const char *file)
{
    char line[256];
    bool yes = false;
    FILE *f = fopen(file, "re");
    while (f && !yes && fgets(line, sizeof line, f))
        yes = strncmp(line, "nameserver", 10) == 0 && (line[10] == ' ' || line[10] == '\t');
    if (f)
        fclose(f);
    return yes;
}

/* What the file says, ours left out; `out` has room for NAMES_ADDRESSES. */
static size_t read_system(struct names *n, struct endpoint *out)
{
    ares_channel reader;
    struct ares_options options = {.resolvconf_path = n->file};
    struct ares_addr_port_node *servers = NULL;
    size_t count = 0;
    if (!names_a_server(n->file) ||
        ares_init_options(&reader, &options, ARES_OPT_RESOLVCONF) != ARES_SUCCESS)
        return 0;
    if (ares_get_servers_ports(reader, &servers) == ARES_SUCCESS) {
        for (const struct ares_addr_port_node *s = servers; s && count < NAMES_ADDRESSES;
             s = s->next) {
            struct endpoint at = {.family = s->family == AF_INET ? 4 : 6,
                                  .port = s->udp_port ? (uint16_t)s->udp_port : DNS_PORT};
            char text[ADDR_TEXT_MAX];
            memcpy(at.bytes, &s->addr, at.family == 4 ? 4 : 16);
            if (n->config.is_own(n->config.ctx, &at))
                LOG(LOG_NOTICE, "system_server_is_ours", "file=%s server=%s", n->file,
                    endpoint_text(&at, text));
            else
                out[count++] = at;
        }
        ares_free_data(servers);
    }
    ares_destroy(reader);
    return count;
}

/* True when they are others than before. */
static bool look_at_system(struct names *n)
{
    struct endpoint now[NAMES_ADDRESSES];
    size_t count = read_system(n, now);
    /* A file that is gone, or being written, takes nothing away. */
    if (count == 0 || same(now, count, n->system, n->system_count))
        return false;
    memcpy(n->system, now, count * sizeof *now);
    n->system_count = count;
    return true;
}

/* ---- c-ares and the loop --------------------------------------------------------------------- */

/* What the look-ups have found is told once all of them have had their say. */
static void tell(struct names *n)
{
    arm(n);
    if (n->dirty) {
        n->dirty = false;
        n->config.changed(n->config.ctx);
    }
    net__turn(n->config.net);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct names *n = w->names;
    free(w);
    if (--n->closing == 0 && n->freed)
        free(n);
}

static void drop_watch(struct watch *w)
{
    list_remove(&w->link);
    w->names->closing++;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct names *n = w->names;
    ares_socket_t fd = w->fd;
    bool readable = status < 0 || (events & UV_READABLE),
         writable = status < 0 || (events & UV_WRITABLE);
    net__enter(n->config.net);
    ares_process_fd(n->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    tell(n);
}

static struct watch *find_watch(struct names *n, ares_socket_t fd)
{
    LIST_EACH (it, &n->watches)
        if (CONTAINER_OF(it, struct watch, link)->fd == fd)
            return CONTAINER_OF(it, struct watch, link);
    return NULL;
}

static struct watch *new_watch(struct names *n, ares_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w || uv_poll_init_socket(&n->config.net->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->names = n;
    w->fd = fd;
    w->poll.data = w;
    uv_unref((uv_handle_t *)&w->poll);
    list_append(&n->watches, &w->link);
    return w;
}

/* c-ares says what it waits for at this descriptor; without memory it times out. */
static void on_socket(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct names *n = ctx;
    struct watch *w = find_watch(n, fd);
    if (!readable && !writable) {
        if (w)
            drop_watch(w);
        return;
    }
    if (w || (w = new_watch(n, fd)))
        uv_poll_start(&w->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      on_ready);
}

static void set_servers(struct names *n, const struct endpoint *at, size_t count)
{
    struct ares_addr_port_node nodes[NAMES_ADDRESSES];
    memset(nodes, 0, sizeof nodes);
    for (size_t i = 0; i < count; i++) {
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
        nodes[i].family = at[i].family == 4 ? AF_INET : AF_INET6;
        nodes[i].udp_port = nodes[i].tcp_port = at[i].port;
        memcpy(&nodes[i].addr, at[i].bytes, at[i].family == 4 ? 4 : 16);
    }
    if (ares_set_servers_ports(n->channel, count ? nodes : NULL) != ARES_ENOTIMP)
        return;
    ares_cancel(n->channel); /* its servers cannot change under way: all is asked again, at once */
    ares_set_servers_ports(n->channel, count ? nodes : NULL);
}

/* No domain to search: a configured name is whole, and its zone's questions go nowhere else. */
static enum err open_channel(struct names *n)
{
    struct ares_options options = {.resolvconf_path = n->file,
                                   .timeout = QUERY_MS,
                                   .tries = QUERY_TRIES,
                                   .ndomains = 0,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = n};
    int mask = ARES_OPT_RESOLVCONF | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
               ARES_OPT_SOCK_STATE_CB;
    int rc = ares_init_options(&n->channel, &options, mask);
    n->ready = rc == ARES_SUCCESS;
    return n->ready ? OK : rc == ARES_ENOMEM ? ERR_NOMEM : ERR_IO;
}

/* Whom to ask for names: those named for it, else the system's. */
static void choose_servers(struct names *n)
{
    if (n->bootstrap_count)
        set_servers(n, n->bootstrap, n->bootstrap_count);
    else
        set_servers(n, n->system, n->system_count);
}

/* ---- Look-ups -------------------------------------------------------------------------------- */

static void free_host(struct host *h)
{
    list_remove(&h->link);
    free(h->name);
    free(h->where);
    free(h);
}

static uint64_t now_ms(const struct names *n)
{
    return uv_now(&n->config.net->loop);
}

static void failed(struct host *h, const char *why)
{
    if (h->retry_s == 0)
        LOG(LOG_WARNING, "name_not_found",
            "name=%s where=%s why=\"%s\" advice=\"check the name, and upstream.bootstrap or %s\"",
            h->name, h->where, why, h->names->file);
    h->retry_s = h->retry_s ? h->retry_s * 2 : RETRY_FIRST_S;
    if (h->retry_s > RETRY_MOST_S)
        h->retry_s = RETRY_MOST_S;
    h->due_ms = now_ms(h->names) + 1000ULL * h->retry_s;
}

static void found(struct host *h, const struct ares_addrinfo *info)
{
    struct names *n = h->names;
    struct endpoint at[NAMES_ADDRESSES];
    size_t count = 0;
    uint32_t ttl = TTL_MOST_S;
    for (const struct ares_addrinfo_node *node = info->nodes; node && count < NAMES_ADDRESSES;
         node = node->ai_next) {
        bool wanted = node->ai_family == AF_INET ? n->ipv4 : n->ipv6;
        if (!wanted || !from_sockaddr(node->ai_addr, &at[count]))
            continue;
        if (node->ai_ttl >= 0 && (uint32_t)node->ai_ttl < ttl)
            ttl = (uint32_t)node->ai_ttl;
        count++;
    }
    if (count == 0) {
        failed(h, "no address of a family that is in use");
        return;
    }
    h->retry_s = 0;
    h->due_ms = now_ms(n) + 1000ULL * (ttl < TTL_LEAST_S ? TTL_LEAST_S : ttl);
    if (same(at, count, h->at, h->count))
        return;
    memcpy(h->at, at, count * sizeof *at);
    h->count = count;
    n->dirty = true;
    LOG(LOG_INFO, "name_found", "name=%s addresses=%zu", h->name, count);
}

static void on_addresses(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    struct host *h = ctx;
    (void)timeouts;
    h->asked = false;
    if (h->unwanted)
        free_host(h);
    else if (status == ARES_SUCCESS)
        found(h, info);
    else if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED)
        failed(h, ares_strerror(status));
    if (info)
        ares_freeaddrinfo(info);
}

static void look_up(struct host *h)
{
    const struct names *n = h->names;
    struct ares_addrinfo_hints hints = {.ai_family = !n->ipv6   ? AF_INET
                                                     : !n->ipv4 ? AF_INET6
                                                                : AF_UNSPEC,
                                        .ai_socktype = SOCK_DGRAM};
    h->asked = true;
    ares_getaddrinfo(n->channel, h->name, NULL, &hints, on_addresses, h);
}

static void look_up_due(struct names *n)
{
    LIST_EACH_SAFE (it, next, &n->hosts) {
        struct host *h = CONTAINER_OF(it, struct host, link);
        if (!h->asked && h->due_ms <= now_ms(n))
            look_up(h);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct names *n = timer->data;
    net__enter(n->config.net);
    ares_process_fd(n->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    look_up_due(n);
    tell(n);
}

/* The timer goes off for what comes first: a time-out of c-ares, or a name that is due. */
static void arm(struct names *n)
{
    struct timeval most = {.tv_sec = TTL_MOST_S}, left;
    const struct timeval *wait = ares_timeout(n->channel, &most, &left);
    uint64_t ms = (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000 + 1;
    LIST_EACH (it, &n->hosts) {
        const struct host *h = CONTAINER_OF(it, struct host, link);
        if (h->asked)
            continue;
        uint64_t until = h->due_ms > now_ms(n) ? h->due_ms - now_ms(n) : 0;
        ms = until < ms ? until : ms;
    }
    uv_timer_start(&n->timer, on_timer, ms, 0);
    uv_unref((uv_handle_t *)&n->timer);
}

static void on_file(uv_fs_poll_t *poll, int status, const uv_stat_t *before, const uv_stat_t *after)
{
    struct names *n = poll->data;
    (void)status, (void)before, (void)after;
    net__enter(n->config.net);
    if (look_at_system(n)) {
        LOG(LOG_NOTICE, "system_servers_changed", "file=%s servers=%zu", n->file, n->system_count);
        choose_servers(n);
        n->dirty = n->wants_system;
    }
    tell(n);
}

/* ---- What is wanted -------------------------------------------------------------------------- */

static struct host *find_host(const struct names *n, const char *name)
{
    LIST_EACH (it, &n->hosts) {
        struct host *h = CONTAINER_OF(it, struct host, link);
        if (!h->unwanted && strcmp(h->name, name) == 0)
            return h;
    }
    return NULL;
}

static enum err add_host(struct names *n, const struct names_wish *wish)
{
    struct host *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_NOMEM;
    list_init(&h->link);
    h->names = n;
    h->name = strdup(wish->host);
    h->where = strdup(wish->where);
    if (!h->name || !h->where) {
        free_host(h);
        return ERR_NOMEM;
    }
    list_append(&n->hosts, &h->link);
    return OK;
}

static bool is_wanted(const struct names_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->wishes[i].host, name) == 0)
            return true;
    return false;
}

static void drop_unwanted(struct names *n, const struct names_set *set)
{
    LIST_EACH_SAFE (it, next, &n->hosts) {
        struct host *h = CONTAINER_OF(it, struct host, link);
        if (is_wanted(set, h->name))
            continue;
        h->unwanted = true;
        if (!h->asked)
            free_host(h);
    }
}

enum err names_want(struct names *n, const struct names_set *set)
{
    enum err e = OK;
    bool other_families = n->ipv4 != set->ipv4 || n->ipv6 != set->ipv6;
    n->wants_system = set->system;
    n->ipv4 = set->ipv4;
    n->ipv6 = set->ipv6;
    n->bootstrap_count =
        set->bootstrap_count < NAMES_ADDRESSES ? set->bootstrap_count : NAMES_ADDRESSES;
    if (n->bootstrap_count)
        memcpy(n->bootstrap, set->bootstrap, n->bootstrap_count * sizeof *n->bootstrap);
    drop_unwanted(n, set);
    for (size_t i = 0; e == OK && i < set->count; i++) {
        struct host *h = find_host(n, set->wishes[i].host);
        if (!h)
            e = add_host(n, &set->wishes[i]);
        else if (h->retry_s || other_families) /* what failed may be found by what is new */
            h->due_ms = h->retry_s = 0;
    }
    if (set->count == 0 && !set->system) {
        uv_timer_stop(&n->timer);
        uv_fs_poll_stop(&n->look);
        return e;
    }
    look_at_system(n);
    choose_servers(n);
    uv_fs_poll_start(&n->look, on_file, n->file, FILE_LOOK_MS);
    uv_unref((uv_handle_t *)&n->look);
    arm(n);
    return e;
}

void names_look(struct names *n)
{
    look_at_system(n);
}

size_t names_of(const struct names *n, const char *host, const struct endpoint **out)
{
    const struct host *h = n ? find_host(n, host) : NULL;
    *out = h ? h->at : NULL;
    return h ? h->count : 0;
}

size_t names_system(const struct names *n, const struct endpoint **out)
{
    *out = n ? n->system : NULL;
    return n ? n->system_count : 0;
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

enum err names_new(struct names **out, const struct names_config *config)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        return ERR_NOMEM;
    n->config = *config;
    n->file = strdup(config->system_file);
    list_init(&n->hosts);
    list_init(&n->watches);
    enum err e = n->file && ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? open_channel(n)
                                                                                 : ERR_NOMEM;
    if (e != OK) {
        free(n->file);
        free(n);
        return e;
    }
    MUST(uv_timer_init(&config->net->loop, &n->timer) == 0);
    MUST(uv_fs_poll_init(&config->net->loop, &n->look) == 0);
    n->timer.data = n->look.data = n;
    *out = n;
    return OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct names *n = handle->data;
    if (--n->closing == 0)
        free(n);
}

void names_free(struct names *n)
{
    if (!n)
        return;
    n->freed = true;
    n->closing += 2;
    ares_destroy(n->channel); /* ends what is under way, and lets go of its descriptors */
    ares_library_cleanup();
    LIST_EACH_SAFE (it, next, &n->watches)
        drop_watch(CONTAINER_OF(it, struct watch, link));
    LIST_EACH_SAFE (it, next, &n->hosts)
        free_host(CONTAINER_OF(it, struct host, link));
    free(n->file);
    uv_close((uv_handle_t *)&n->timer, on_closed);
    uv_close((uv_handle_t *)&n->look, on_closed);
}
