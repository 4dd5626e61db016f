/*
 * How many queries of one source address are under way, and how fast answers leave for it.
 *
 * A source is an IPv4 address or an IPv6 /64. It is *proven* when a forger could not have written
 * it: TCP, a valid cookie (RFC 7873), or the loopback, which no datagram from outside can bear. Of
 * what is not proven only so many wait for one question, and answers that were held for long leave
 * at so many a second: else whoever writes a victim's address could gather queries for seconds and
 * have all answers fall on it at once (DNSBomb).
 *
 * Counting takes no memory of its own: counters in rows that a keyed hash chooses (count-min). A
 * source shares each with others, and is over a bound only where both of its counters are; they are
 * so many that with 64k queries under way that happens to an innocent one in a million times.
 */
#ifndef POLICY_CROWD_H
#define POLICY_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/hash.h"

struct crowd;

struct crowd_limits {
    uint32_t queries; /* of one source under way */
    uint32_t repeats; /* of one source that is not proven, for one question */
    uint32_t held;    /* answers a second to such a one that were held */
};

/* A query that is counted; the caller keeps it. */
struct crowd_ticket {
    uint64_t source;
    uint64_t question; /* the same source's for this question; 0: not counted */
};

enum crowd_verdict { CROWD_IN, CROWD_QUERIES, CROWD_REPEATS };

MUST_CHECK enum err crowd_new(struct crowd **out, const struct hash_key *key);
void crowd_free(struct crowd *c);

/* The ticket of a query for what hashes to `question`. */
struct crowd_ticket crowd_ticket(const struct crowd *c, const struct endpoint *client, bool proven,
                                 uint64_t question);
/* CROWD_IN: it is counted until crowd_leave. */
enum crowd_verdict crowd_enter(struct crowd *c, const struct crowd_ticket *t,
                               const struct crowd_limits *limits);
void crowd_leave(struct crowd *c, const struct crowd_ticket *t);

/* May an answer that was held leave for that source now? If so it is counted. */
bool crowd_release(struct crowd *c, const struct crowd_ticket *t, uint32_t now_s,
                   const struct crowd_limits *limits);

/* Does the address belong to this host and no other? */
bool crowd_is_loopback(const struct endpoint *client);

#endif
