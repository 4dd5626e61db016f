/*
 * The client's reply as octets: flags, question in the client's letters, records, OPT, truncation.
 * Internal to resolver/.
 */
#ifndef RESOLVER_FRONT_REPLY_H
#define RESOLVER_FRONT_REPLY_H

#include "base/world.h"
#include "cache/cache.h"
#include "dns/cookie.h"
#include "dns/name.h"
#include "dns/view.h"
#include "dns/writer.h"
#include "resolver/front.h"

/* What of a query shapes its reply. */
struct asker {
    struct endpoint client;
    enum transport via;
    uint16_t id;
    uint16_t flags; /* of the query */
    uint16_t qtype;
    uint16_t qclass;
    const uint8_t *qname; /* as sent; NULL: the query had no readable question */
    bool edns;
    bool do_bit;
    uint8_t cookie_state; /* enum cookie_state; COOKIE_NONE: no cookie came, or they are off */
    bool keepalive;       /* asked for over TCP (RFC 7828) */
    uint8_t cookie[COOKIE_WHOLE]; /* to answer with */
    const char *nsid;             /* asked for and set (RFC 5001), or NULL */
    uint16_t udp_payload;         /* what our OPT says */
    uint16_t tcp_idle;            /* `keepalive`: what is told, in EDNS_KEEPALIVE_UNIT_MS */
    size_t limit;                 /* most octets of the reply */
};

/*
 * No forger could have written its address: a valid server cookie of ours came from there, or it
 * is TCP, or this host. Limits by source address are tighter for the others (policy/crowd.h).
 */
static inline bool front__is_proven(const struct asker *a)
{
    return a->via == TRANSPORT_TCP || a->cookie_state == COOKIE_GOOD ||
           crowd_is_loopback(&a->client);
}

struct asker front__asker(const struct query_view *v, struct endpoint client, enum transport via,
                          uint16_t udp_payload, size_t capacity);

/*
 * What the query's options ask for, into the asker. The verdict on the query, which a malformed
 * option changes.
 */
enum view_verdict front__take_options(const struct front_config *f, const struct query_view *v,
                                      enum view_verdict verdict, struct asker *a);
void front__count_cookie(struct counters *n, const struct asker *a);

/* `name` receives the lower-case name that the key points to. */
struct answer_key front__answer_key(const struct asker *a, uint8_t name[NAME_MAX_WIRE]);

/* Writes a whole reply of at most a->limit octets; its size. */
size_t front__write_reply(const struct asker *a, const struct outcome *o, uint32_t now,
                          uint8_t *out, bool *truncated);

/* The reply to a CH TXT question (RFC 4892). */
size_t front__write_chaos(const struct asker *a, const char *text, uint8_t *out);

/*
 * Writes the reply as the answer cache keeps it: no OPT, no client in it, no size limit but an
 * entry's. Fills `entry`, which points into `out` and `offsets`. 0 when it is not to be cached.
 */
size_t front__write_answer(const struct asker *a, const struct outcome *o, uint32_t now,
                           struct answer *entry, uint8_t *out, uint16_t offsets[WRITER_TTLS_MAX]);

/* The reply from a cached answer; its size. */
size_t front__write_hit(const struct asker *a, const struct answer *entry, uint32_t now,
                        uint8_t *out, bool *truncated);

#endif
