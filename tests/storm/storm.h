/*
 * Storm: random zone trees, random faults, and an oracle that knows what is right.
 *
 *     tree.c       draws a tree of zones and the hosts that serve them
 *     zone.c       what one zone says of a name (RFC 1034 §4.3.2)
 *     oracle.c     what the whole tree says of a question, and whether it must be found
 *     authority.c  the hosts: replies and the faults that meet them
 *     judge.c      an answer of the resolver against the oracle's
 *     run.c        one seed: clients, time, invariants
 *     seal.h       the same with signed zones
 *
 * Nothing here uses code of resolver/: only its public way in, the front. Everything of a seed
 * comes out of `struct rng`, so that a seed is a run.
 */
#ifndef TESTS_STORM_STORM_H
#define TESTS_STORM_STORM_H

#include "resolver/front.h"
#include "tests/sim/rpl.h"
#include "tests/sim/world_sim.h"

/* ---- chance ---------------------------------------------------------------------------------- */

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
unsigned rng_below(struct rng *r, unsigned n); /* 0 … n-1 */
bool rng_chance(struct rng *r, unsigned percent);

/* ---- the tree -------------------------------------------------------------------------------- */

enum { STORM_START_MS = 1000 * 1000, STORM_WALL_S = 1750000000 };
enum { ZONES_MAX = 64, HOSTS_MAX = 160, LINKS_MAX = 4, NAMES_MAX = 1024, STAMP_SIZE = 15 };

enum host_state { HOST_GOOD, HOST_DEAD, HOST_EVIL, HOST_FLAPPING };

/* How a server is older than DNSSEC: it refuses EDNS, does not know it, does without signatures. */
enum age { AGE_AWARE, AGE_REFUSES, AGE_IGNORES, AGE_PLAIN, AGES };

enum safety { SAFETY_SECURE, SAFETY_INSECURE, SAFETY_BOGUS, SAFETIES };

/* The DS records that the parent has: that key's, another's, of an unknown algorithm. */
enum ds_kind { DS_NONE, DS_GOOD, DS_WRONG, DS_UNKNOWN };

struct zone;
struct seal;

struct host {
    const uint8_t *name;
    const struct zone *home; /* where its addresses are written */
    struct endpoint at[2];
    unsigned at_count;
    unsigned rtt_ms;
    enum host_state state;
    enum age age;
};

/* How a listed server fails to be one. */
enum lame { LAME_NOT, LAME_REFUSED, LAME_UPWARD, LAME_SERVFAIL, LAME_EMPTY, LAME_KINDS };

struct link {
    struct host *host;
    enum lame lame;
    bool glue; /* the parent gives its addresses along, if they are below the parent */
};

struct record {
    const uint8_t *owner;
    const uint8_t *rdata; /* of a TXT: a stamp is written when it is served */
    uint32_t ttl;
    uint16_t type;
    uint16_t length;
    uint8_t flaw; /* of the set's signature (enum flaw, seal.h) */
    struct record *next;
};

struct zone {
    const uint8_t *name;
    struct zone *parent; /* NULL: the root */
    struct link link[LINKS_MAX];
    unsigned link_count;
    uint32_t ns_ttl;   /* of the parent's NS set */
    uint32_t most_ttl; /* of its records */
    const struct record *soa;
    struct record *records;
    bool ent_nxdomain;  /* its servers deny names that have only names below them */
    bool silent_denial; /* denials come without SOA */
    uint64_t gone_ms;   /* from then on the parent does not know it; 0: never */
    /* What a walk down to an answer of this zone costs at worst (oracle.c). */
    bool sure;
    unsigned packets;
    unsigned ms;
    struct seal *seal; /* NULL: it is not signed */
    enum ds_kind ds;
    enum safety safety; /* of what is in order within the zone */
    bool weak;          /* whoever takes signatures away makes it insecure, by the RFCs */
};

struct tree {
    struct arena arena;
    struct rng *rng;
    struct zone zone[ZONES_MAX];
    unsigned zone_count;
    struct host host[HOSTS_MAX];
    unsigned host_count;
    const uint8_t *name[NAMES_MAX]; /* worth asking for */
    unsigned name_count;
    uint8_t vanishing; /* a family whose messages all get lost; 0: none */
    bool is_signed;
};

/* ERR_NOMEM. `tree` may not move afterwards. */
MUST_CHECK enum err tree_grow(struct tree *t, struct rng *rng);
void tree_free(struct tree *t);
struct host *tree_host_at(struct tree *t, const struct endpoint *at);
/* Does a wildcard give that address? Its name servers' names fall to one when a zone is gone. */
bool tree_wildcard_at(const struct tree *t, const struct endpoint *at);
/* The zone whose data answers the question at that time (DS is the parent's). */
const struct zone *tree_zone_of(const struct tree *t, const uint8_t *name, uint16_t type,
                                uint64_t now_ms);
bool zone_gone(const struct zone *z, uint64_t now_ms);
void tree_print(const struct tree *t);

enum found_kind { FOUND_ANSWER, FOUND_CNAME, FOUND_DNAME, FOUND_NODATA, FOUND_NXDOMAIN, FOUND_CUT };

struct found {
    enum found_kind kind;
    const uint8_t *node;        /* owner in the zone: a wildcard, maybe */
    const struct record *alias; /* CNAME, DNAME */
    const struct zone *cut;
};

struct found zone_find(const struct tree *t, const struct zone *z, const uint8_t *name,
                       uint16_t type, uint64_t now_ms);
/* The record after `after` (NULL: the first) of that owner and type. */
const struct record *zone_next(const struct zone *z, const struct record *after,
                               const uint8_t *owner, uint16_t type);
/* The parent's referral to `z` carries this host's addresses. */
bool zone_gives_glue(const struct zone *z, const struct link *l);

/* ---- the oracle ------------------------------------------------------------------------------ */

enum { TRUTH_MAX = 80, CHAIN_MAX = 14 };

struct truth_rr {
    uint8_t owner[NAME_MAX_WIRE];
    uint8_t target[NAME_MAX_WIRE]; /* rdata of a CNAME that was made from a DNAME */
    const uint8_t *rdata;
    uint16_t length;
    uint16_t type;
    uint32_t ttl;
};

struct truth {
    uint16_t rcode;
    unsigned aliases;
    bool loops;       /* or longer than anybody follows */
    bool unjudged;    /* the RFCs leave it open */
    bool sure;        /* must be found when nothing goes wrong on the way */
    unsigned packets; /* messages that it may need, when it is sure */
    unsigned checks;  /* of signatures, likewise */
    enum safety safety;
    bool open; /* that is one reading of the RFCs; nobody may call it safer */
    bool ends_in_denial;
    bool exposed;     /* part of it is protected by no signature */
    bool exposed_too; /* and lies in a secure zone, on whose replies there may be faults */
    unsigned count;
    const struct zone *end; /* whose records or denial end the chain */
    uint32_t spare_s;       /* how long after `gone_ms` of a zone on the way it may live on */
    uint64_t gone_ms;
    struct truth_rr rr[TRUTH_MAX];
};

/* Sets sure, packets and ms of all zones. */
void oracle_prepare(struct tree *t, const struct resolver_options *o);
/* The first `before` steps of the alias chain are those of the tree before any zone was withdrawn.
 */
void oracle_answer(const struct tree *t, const uint8_t *name, uint16_t type, uint64_t now_ms,
                   unsigned before, struct truth *out);

/* ---- faults ---------------------------------------------------------------------------------- */

/* Those before STORM_HARMFUL must not cost a client his answer. */
#define FAULTS(X)                                                                                  \
    X(DUPLICATE, "duplicate")                                                                      \
    X(REORDER, "reorder")                                                                          \
    X(TRUNCATE, "truncate")                                                                        \
    X(RUBBISH_FIRST, "rubbish-first")                                                              \
    X(SPOOF_ID, "spoof-id")                                                                        \
    X(SPOOF_QUESTION, "spoof-question")                                                            \
    X(SPOOF_CASE, "spoof-case")                                                                    \
    X(POISON, "poison")                                                                            \
    X(LAME, "lame")                                                                                \
    X(WALL_JUMP, "wall-jump")                                                                      \
    X(BROKEN_RECORD, "broken-record")                                                              \
    X(BARE_ERROR, "bare-error")                                                                    \
    X(LOSS, "loss")                                                                                \
    X(DELAY, "delay")                                                                              \
    X(RUBBISH, "rubbish")                                                                          \
    X(ERROR, "error-reply")                                                                        \
    X(EMPTY, "empty-reply")                                                                        \
    X(FORMERR, "edns-refused")                                                                     \
    X(SLEEP, "sleep")                                                                              \
    X(REFUSED, "port-closed")                                                                      \
    X(NO_SEND, "send-refused")                                                                     \
    X(FLAP, "flapping")                                                                            \
    X(ALLOC, "allocation")                                                                         \
    X(UNAWARE, "unaware-server")                                                                   \
    X(STRIP_SIGNATURES, "rrsig-stripped")                                                          \
    X(STRIP_DENIAL, "nsec-stripped")                                                               \
    X(STRIP_DS, "ds-stripped")                                                                     \
    X(OLD_SIGNATURES, "rrsig-expired")                                                             \
    X(NO_KEYS, "dnskey-lost")                                                                      \
    X(TRUNCATE_DO, "do-truncated")                                                                 \
    X(FLIP, "octet-flipped")                                                                       \
    X(RAISE_TTL, "ttl-raised")                                                                     \
    X(FOREIGN_DENIAL, "foreign-denial")                                                            \
    X(FORGE, "on-path-forger")

enum storm_fault {
#define X(name, text) STORM_##name,
    FAULTS(X)
#undef X
        STORM_FAULTS,
    STORM_HARMFUL = STORM_LOSS,
    STORM_OF_DNSSEC = STORM_UNAWARE /* those from here on need signed zones */
};
const char *storm_fault_text(enum storm_fault f);

enum step_column {
#define X(name, function, text) COLUMN_##name,
#include "resolver/steps.def"
#undef X
    COLUMNS
};
const char *step_column_text(enum step_column c);

/* The ids that messages to servers bore: hard to guess only if they hardly ever repeat. */
struct ids {
    uint8_t seen[65536 / 8];
    unsigned messages, distinct;
};

/* ---- a run ----------------------------------------------------------------------------------- */

enum weather { WEATHER_CALM, WEATHER_ROUGH, WEATHER_HARSH, WEATHERS };

/* Sums over runs. */
struct tally {
    uint64_t runs, queries, sends, answers[WEATHERS], servfails[WEATHERS];
    uint64_t sure[WEATHERS],
        sure_servfails[WEATHERS]; /* answers that had to be found, and were not */
    uint64_t safety[WEATHERS][SAFETIES], unsafe[WEATHERS][SAFETIES]; /* answered; SERVFAIL */
    uint64_t checking_disabled, from_denials;
    uint64_t truncated, most_sends;
    uint64_t fault[STORM_FAULTS];
    uint64_t met[STORM_FAULTS][COLUMNS];
};

struct ask {
    uint64_t request;
    uint64_t at_ms;
    uint64_t sent_before; /* messages of the resolver until then, priming apart */
    uint16_t id;
    uint16_t type;
    enum transport via;
    unsigned answers;
    bool edns, do_bit, ad, cd;
    uint8_t name[NAME_MAX_WIRE];
};

enum { ASKS_MAX = 512, WHY_MAX = 400 };

struct run {
    uint64_t seed;
    bool verbose;
    bool is_signed;
    struct rng rng;  /* of the tree and the clients */
    struct rng fate; /* of faults */
    struct rng seal; /* of what is signed */
    struct rng bane; /* of faults that are about that */
    struct tree tree;
    struct tally *tally;
    enum weather weather;
    bool solo;                       /* one client at a time: his messages are counted */
    unsigned rate[STORM_FAULTS];     /* per mille of the messages */
    uint64_t until_ms[STORM_FAULTS]; /* the fault is in the air till then */
    struct resolver_options options;
    struct delegation hints;
    struct sim *sim;
    struct gauge work;
    struct cache *cache;
    struct resolver *resolver;
    struct front *front;
    struct ask ask[ASKS_MAX];
    unsigned ask_count, open;
    uint64_t slept_at_ms, slept_ms; /* the last time that the machine slept, and for how long */
    uint64_t sent;                  /* messages but for priming */
    struct anchor anchor;
    bool clock_wrong, clock_moved;
    uint64_t clock_right_ms; /* since then it is right again */
    struct ids ids;
    uint64_t hash;
    bool failed;
    char why[WHY_MAX];
};

/* Runs r->seed; false with r->why when an invariant broke. */
bool storm_run(struct run *r);
/* Notes the first breach; always false. */
bool storm_breach(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void storm_fault_met(struct run *r, enum storm_fault f, uint64_t lasts_ms);

/* The resolver sent a message: what becomes of it (sim_config.on_send). */
void authority_on_send(void *ctx, struct sim *s, struct sim_exchange *x);

/* An answer came for `a`. */
void judge_answer(struct run *r, const struct ask *a, const uint8_t *bytes, size_t size);

/* Addresses that nothing but a forger names. */
extern const uint8_t storm_marker4[4], storm_marker6[16];
uint64_t storm_stamp(const uint8_t *rdata); /* of a stamped TXT, milliseconds */

#endif
