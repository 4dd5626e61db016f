/*
 * What became of a question, and what a client may spend on one. A DNS outcome is data, not an
 * error.
 */
#ifndef RESOLVER_OUTCOME_H
#define RESOLVER_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/rrset.h"
#include "dns/types.h"
#include "dnssec/dnssec.h"

enum reason {
#define X(name, ede, cached, text) REASON_##name,
#include "resolver/reasons.def"
#undef X
    REASON_COUNT
};

const char *reason_name(enum reason r); /* "NO_SERVERS" */
const char *reason_text(enum reason r);
uint16_t reason_ede(enum reason r);
bool reason_cached(enum reason r);

/* Where an answer came from. */
enum source {
    SOURCE_RESOLVED,
    SOURCE_CACHE,
    SOURCE_LOCAL,
    SOURCE_DENIALS /* made of what was denied, or given by a wildcard, for other names (RFC 8198) */
};

struct outcome {
    uint16_t rcode;
    uint8_t security;        /* enum security */
    enum reason reason;      /* REASON_NONE unless it failed */
    enum why why;            /* WHY_NONE unless there is more to say of an insecure answer */
    bool from_failure_cache; /* EDE 13 goes along */
    enum source source;
    uint32_t keep_until; /* boot-time seconds: by then it may be another, whatever its TTLs */
    /* The answer: alias chain and records; then SOA and denial of a negative answer. */
    const struct rrset *const *answer;
    unsigned answer_count;
    const struct rrset *const *authority;
    unsigned authority_count;
    /* Addresses of names in the other sections; may be left out where room is short. */
    const struct rrset *const *additional;
    unsigned additional_count;
};

/* Counts of one client query, from limits.h downward; never reset. */
struct budget {
    uint32_t packets; /* upstream messages left */
    uint32_t bytes;   /* upstream octets left, both ways */
    uint16_t aliases;
    uint16_t ns_lookups;
    struct dnssec_work checks;
    uint8_t lost[2]; /* messages that were not answered, over IPv4 and IPv6: these grow */
    uint64_t deadline_ms;
};

#endif
