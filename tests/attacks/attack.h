/*
 * What the attack checks are made of: a rig (the simulated world, production's core and options
 * behind a front), scripted authorities, a client, and a report of figures with their bounds.
 *
 *     struct rig *r = rig_new(&(struct rig_config){0});
 *     rig_zone(r, "evil.com.", "203.0.113.5", serve, script);   // the root refers to it, with glue
 *     rig_resolve(r, "www.evil.com.", TYPE_A, &answer);
 *     report_at_most(report, "packets", (double)rig_packets(r), 12);
 *     rig_free(r);
 *
 * The root server refers to the deepest registered zone that encloses the name. A faulty rig (out
 * of memory, a record text that cannot be read, a world that never rests) aborts by MUST: that is
 * no finding.
 */
#ifndef TESTS_ATTACKS_ATTACK_H
#define TESTS_ATTACKS_ATTACK_H

#include "cache/cache.h"
#include "dns/name.h"
#include "dns/writer.h"
#include "ops/generation.h"
#include "resolver/front.h"
#include "tests/sim/world_sim.h"

/* ---- Figures --------------------------------------------------------------------------------- */

struct report {
    const char *attack; /* its name */
    bool full;          /* the whole size, not the quick one */
    unsigned lines;
    unsigned failed;
};

void report_at_most(struct report *r, const char *what, double figure, double bound);
void report_at_least(struct report *r, const char *what, double figure, double bound);

/* attacks.def: `state` READY or PENDING. */
typedef void attack_fn(struct report *r);
#define X(name, state, text) attack_fn attack_##name;
#include "tests/attacks/attacks.def"
#undef X

/*
 * How much longer `work(ctx, 10 * size)` takes than `work(ctx, size)`, in CPU time: the median
 * of several pairs, so that a busy machine cannot make linear work look worse. 10 is linear, 100
 * quadratic.
 */
double growth(void (*work)(void *ctx, size_t size), void *ctx, size_t size);

/* ---- The rig --------------------------------------------------------------------------------- */

struct rig;

/* A message of the resolver, as an authority sees it. */
struct ask {
    struct rig *rig;
    struct sim_exchange *exchange;
    uint16_t id;
    uint16_t type;
    uint8_t sent[NAME_MAX_WIRE]; /* the very letters */
    uint8_t name[NAME_MAX_WIRE]; /* lower case */
    char text[NAME_TEXT_MAX];    /* of it */
};

typedef void serve_fn(struct ask *q, void *script);

struct rig_config {
    size_t cache_size;  /* 0: 8 MiB */
    size_t work_size;   /* 0: 64 MiB */
    uint64_t seed;      /* 0: 1 */
    const char *listen; /* an address that is our own; NULL: none */
};

enum { RIG_ANSWER_MAX = DNS_MESSAGE_MAX };
struct answer_seen {
    bool came;
    uint16_t rcode;
    uint64_t after_ms;
    size_t size;
    uint8_t bytes[RIG_ANSWER_MAX];
};

struct rig *rig_new(const struct rig_config *config);
void rig_free(struct rig *r);

/* The zone's one server. `serve` NULL: it is silent. */
void rig_zone(struct rig *r, const char *zone, const char *address, serve_fn *serve, void *script);
/* Questions of that zone go to a forwarder, which is registered as a zone too. One a rig. */
void rig_forward(struct rig *r, const char *zone, const char *address);
/* Validates from that DS record on. One a rig. */
void rig_anchor(struct rig *r, const uint8_t *zone, const uint8_t *ds, uint16_t length);
/* The root does not know the zone any more. */
void rig_revoke(struct rig *r, const char *zone);
/* The TTL of the root's referrals; default 86400. */
void rig_referral_ttl(struct rig *r, uint32_t ttl);
/* Whoever is asked, the root too. NULL: as registered. */
void rig_serve_all(struct rig *r, serve_fn *serve, void *script);
/* What the root does when nothing else was said. */
void rig_serve_root(struct ask *q);

/* Asks over TCP from an address of its own; `out` is filled when the answer comes and must live
 * until then. NULL: whatever. */
void rig_ask(struct rig *r, const char *name, uint16_t type, struct answer_seen *out);
/* The same from that address; false: dropped at once. */
struct rig_wish {
    const char *name;
    uint16_t type;
    struct answer_seen *out;
    uint16_t flags; /* beside RD */
    bool dnssec_ok; /* by an OPT record */
};
bool rig_ask_as(struct rig *r, const struct endpoint *client, enum transport via,
                const struct rig_wish *wish);
/* Asks and lets time pass until the answer is there, at most a minute: then it is a fault of ours.
 */
void rig_resolve(struct rig *r, const char *name, uint16_t type, struct answer_seen *out);
void rig_resolve_as(struct rig *r, const struct rig_wish *wish);
void rig_advance(struct rig *r, uint64_t ms);

/* Messages sent, and those of them to one address. */
uint64_t rig_packets(const struct rig *r);
uint64_t rig_packets_to(const struct rig *r, const char *address);
/* Whatever is sent, as it is sent; NULL: nobody watches. */
void rig_watch(struct rig *r, void (*fn)(void *ctx, const struct ask *q), void *ctx);
/* The most octets that work in progress held. */
size_t rig_work(const struct rig *r);

struct sim *rig_sim(struct rig *r);
struct cache *rig_cache(struct rig *r);
struct resolver *rig_resolver(struct rig *r);
uint32_t rig_now(const struct rig *r);
/* A number below `n`, of the rig's own generator. */
unsigned rig_random(struct rig *r, unsigned n);

/* Do the four octets of an IPv4 address stand in the answer? */
bool answer_has(const struct answer_seen *a, const char *address);

/* ---- Replies --------------------------------------------------------------------------------- */

/* Begins the reply to a query: header and question. `flags` without QR; FLAG_AA, an rcode. */
void reply_start(struct ask *q, uint16_t flags);
/* A record in zone-file form. */
void reply_add(struct ask *q, enum section section, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Over UDP what is above 1232 octets is cut to TC. */
void reply_send(struct ask *q, uint64_t delay_ms);
/* The finished octets instead of sending them; borrowed until the next reply_start. */
const uint8_t *reply_bytes(struct ask *q, size_t *size);
void reply_raw(struct ask *q, const uint8_t *bytes, size_t size, uint64_t delay_ms);

/* A message made by hand, octet by octet. */
struct raw {
    uint8_t bytes[DNS_MESSAGE_MAX];
    size_t size;
};
/* Header and question `a. A`. */
void raw_start(struct raw *m);
/* Header and the question of the query. */
void raw_reply(struct raw *m, const struct ask *q, uint16_t flags);
void raw_put(struct raw *m, const void *bytes, size_t size);
void raw_u16(struct raw *m, unsigned v);
/* Counts one more record of the section. */
void raw_count(struct raw *m, enum section section);
/* A record of the question's name; what was put just before becomes labels in front of it. */
void raw_record(struct raw *m, enum section section, unsigned type, const void *rdata, size_t size);

/* An A record for whatever name is asked, NODATA for other types. `script`: the address as text. */
void serve_address(struct ask *q, void *script);

const uint8_t *name_of(const char *text, uint8_t out[NAME_MAX_WIRE]);
struct endpoint address_of(const char *text);

#endif
