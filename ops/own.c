#include "ops/own.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

enum { OWN_MAX = 1024 };

struct own {
    struct prefix *at;
    size_t count;
};

static void add(struct own *own, uint8_t family, const void *bytes)
{
    if (own->count == OWN_MAX)
        return;
    struct prefix *p = &own->at[own->count++];
    *p = (struct prefix){.base.family = family, .length = family == 4 ? 32 : 128};
    memcpy(p->base.bytes, bytes, family == 4 ? 4 : 16);
}

static bool is_wildcard(const struct endpoint *e)
{
    static const uint8_t zeros[16];
    return memcmp(e->bytes, zeros, sizeof zeros) == 0;
}

/* An address list that cannot be had is no reason not to start: the default do-not-query list still
 * holds. */
static void add_machine(struct own *own, uint8_t family)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        if (!at->ifa_addr)
            continue;
        if (family == 4 && at->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, at->ifa_addr, sizeof in);
            add(own, 4, &in.sin_addr);
        } else if (family == 6 && at->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 in;
            memcpy(&in, at->ifa_addr, sizeof in);
            add(own, 6, &in.sin6_addr);
        }
    }
    freeifaddrs(all);
}

enum err own_addresses(struct prefix_list *out, struct arena *a,
                       const struct endpoint_list *listening)
{
    struct own own = {.at = arena_calloc(a, OWN_MAX, sizeof *own.at)};
    if (!own.at)
        return ERR_NOMEM;
    for (size_t i = 0; i < listening->count; i++) {
        add(&own, listening->at[i].family, listening->at[i].bytes);
        if (is_wildcard(&listening->at[i]))
            add_machine(&own, listening->at[i].family);
    }
    *out = (struct prefix_list){own.at, own.count};
    return OK;
}

/* A wildcard listener has every address of the machine, and all of 127.0.0.0/8 (RFC 1122 §3.2.1.3).
 */
bool own_is_ours(const struct endpoint *at, const struct prefix_list *own,
                 const struct endpoint_list *listening)
{
    bool covered = prefix_list_covers(own, at);
    if (covered && at->port == 53)
        return true;
    for (size_t i = 0; i < listening->count; i++) {
        const struct endpoint *l = &listening->at[i];
        if (l->port != at->port || l->family != at->family)
            continue;
        bool loopback = at->family == 4 && at->bytes[0] == 127;
        if (endpoint_equal(l, at) || (is_wildcard(l) && (covered || loopback)))
            return true;
    }
    return false;
}
