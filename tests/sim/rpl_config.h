/*
 * What the config lines of a scenario mean to us: one table, option name → what it sets. An option
 * that the table does not know, or a value that asks for what is not built, makes the file one to
 * be skipped.
 *
 * `nuthatch: "option: value"` lines set ours: minimise, case-randomisation, special-zones, prime,
 * cache-size, work-size, seed, udp-payload, access ("allow PREFIX", "refuse PREFIX", "drop
 * PREFIX"), do-not-query (PREFIX), own (PREFIX: addresses of our listeners), refuse-sends (how many
 * of the first messages the network refuses), wall-clock (POSIX seconds), ranges (this-step or
 * next-step), cookies.server, cookies.upstream (yes or no), cookies.secret (32 hex digits),
 * tcp-idle (milliseconds), local-root (a record of the copy of the root zone that is held, in as
 * many lines as there are records), local-root-holds (seconds from the beginning, an hour); sign,
 * anchor-of and fault as rpl_sign.h says.
 */
#ifndef TESTS_SIM_RPL_CONFIG_H
#define TESTS_SIM_RPL_CONFIG_H

#include "dns/cookie.h"
#include "dns/delegation.h"
#include "dnssec/trust_point.h"
#include "policy/access.h"
#include "resolver/resolver.h"
#include "tests/sim/rpl.h"
#include "tests/sim/rpl_sign.h"

enum {
    RPL_ANCHORS_MAX = 16,
    RPL_STUBS_MAX = 32,
    RPL_STUB_SERVERS_MAX = 16,
    RPL_PREFIXES_MAX = 64,
    RPL_TRUST_MAX = 2
};

struct rpl_prefixes {
    struct prefix at[RPL_PREFIXES_MAX];
    size_t count;
};

/* Sizes and the like of the simulation. */
struct rpl_knobs {
    uint64_t cache_size;
    uint64_t work_size;
    uint64_t seed; /* 0: the player's */
    uint64_t udp_payload;
    uint64_t refuse_sends;
    uint64_t tcp_idle_ms;
    uint64_t local_root_s;
    int64_t wall_s;
    bool special_zones;
    /* Traffic between two steps is answered by the ranges of the later one, as testbound has it;
     * else of the earlier. */
    bool next_step;
};

struct rpl_settings {
    struct resolver_options options; /* hints, special zones: the player's to add */
    struct stub_zone stubs[RPL_STUBS_MAX];
    struct endpoint servers[RPL_STUBS_MAX][RPL_STUB_SERVERS_MAX];
    struct delegation hints; /* no address: the compiled-in ones */
    struct rpl_prefixes do_not_query;
    struct rpl_prefixes own;
    struct access_rule access[RPL_PREFIXES_MAX];
    size_t access_count; /* 0: everybody */
    struct anchor anchors[RPL_ANCHORS_MAX];
    struct signing signing;
    struct trust_point *trust; /* RPL_TRUST_MAX of them; NULL: none */
    size_t trust_count;
    const char *local_root; /* its text; NULL: none is held */
    const char *identity;
    const char *version;
    bool cookies;                  /* to clients */
    struct cookie_secrets secrets; /* none: drawn */
    struct rpl_knobs knobs;
};

/*
 * Fills *out (which must not move afterwards: options point into it). ERR_UNSUPPORTED: the file is
 * to be skipped, *error names the option; ERR_FORMAT: a value is not of its form.
 */
MUST_CHECK enum err rpl_configure(struct arena *a, const struct rpl_file *f,
                                  struct rpl_settings *out, struct rpl_error *error);

#endif
