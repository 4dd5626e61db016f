/*
 * Host names of the configuration, and the servers that the system is set to ask: both found
 * through c-ares, without ever blocking the loop. Off the path of answers.
 *
 * names_new(), then names_want() at start and at each reload, which keeps what is known of those
 * still wanted. config.changed() is called whenever names_of() or names_system() would tell
 * something else. names_free() comes before net_free().
 *
 * A name is looked up in both families that are in use, again when its TTL ends (60 s to an hour),
 * and after a failure with back-off (1 s to 60 s, ended by a reload), during which the old
 * addresses stay. It is taken as it stands: no search list is applied. The system's servers are
 * read anew when their file changes. Addresses of ours are never among those. One thread: the
 * loop's.
 */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include "base/addr.h"
#include "base/err.h"

struct net;
struct names;

enum { NAMES_ADDRESSES = 8 };

struct names_config {
    struct net *net;
    const char *system_file; /* "/etc/resolv.conf"; copied */
    void *ctx;
    bool (*is_own)(void *ctx, const struct endpoint *at);
    void (*changed)(void *ctx);
};

/* A name to be looked up; both are copied. */
struct names_wish {
    const char *host;
    const char *where; /* for the log: "nuthatch.yaml:7:12" */
};

struct names_set {
    const struct names_wish *wishes;
    size_t count;
    bool system;                      /* the system's servers are wanted, too */
    const struct endpoint *bootstrap; /* whom to ask for names; none: the system's servers */
    size_t bootstrap_count;
    bool ipv4, ipv6;
};

/* ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err names_new(struct names **out, const struct names_config *config);
void names_free(struct names *n);
MUST_CHECK enum err names_want(struct names *n, const struct names_set *set);

/* Reads the system's file now, not only when it is seen to have changed. */
void names_look(struct names *n);

/* What is known now, borrowed until the next turn of the loop; port 53. Returns how many. */
size_t names_of(const struct names *n, const char *host, const struct endpoint **out);
size_t names_system(const struct names *n, const struct endpoint **out);

#endif
