/*
 * What a reply is. Pure: a message and what was asked in, a kind and the records that may be
 * believed out.
 *
 * Scrubbing is the other half of the same thing: only records that the kind needs are taken over,
 * and only from the bailiwick, that is at or below the zone whose server was asked. Everything else
 * in the message is as if it had not been sent (and counted in `scrubbed`).
 */
#ifndef RESOLVER_CLASSIFY_H
#define RESOLVER_CLASSIFY_H

#include "resolver/lookup.h"

enum reply_kind {
    REPLY_ANSWER,     /* chain and records */
    REPLY_ALIAS,      /* chain only; `last` is where it leads */
    REPLY_ALIAS_LOOP, /* a chain that comes back to itself */
    REPLY_NXDOMAIN,   /* `last` does not exist */
    REPLY_NODATA,     /* `last` has no such type */
    REPLY_YXDOMAIN,   /* a DNAME makes the name too long (RFC 6672 §2.2) */
    REPLY_REFERRAL,   /* `ns`: to a zone below the one asked, at or above the name */
    REPLY_LAME,       /* upward or sideways referral, or nothing and not authoritative */
    REPLY_TRUNCATED,  /* TC: ask over TCP */
    REPLY_FORMERR,
    REPLY_SERVFAIL,
    REPLY_NOTIMP,
    REPLY_REFUSED,
    REPLY_BADVERS,
    REPLY_ERROR, /* any other response code */
    REPLY_KINDS
};

struct asked {
    const uint8_t *name; /* lower case */
    uint16_t type;
    const uint8_t *zone; /* whose server this is */
    uint32_t now;
    bool recursive; /* the server was asked to recurse: no AA is expected, and referrals are none */
    uint32_t ttl_min, ttl_max, negative_ttl_max;
    /* Zones whose servers the operator names: below `zone` they are not this server's to answer
     * for, forward zones excepted once their forwarders have failed. */
    const struct stub_zone *stubs;
    size_t stub_count;
    bool forward_over;
};

struct classified {
    enum reply_kind kind;
    struct rrsets answer;   /* aliases and records in order, trust and TTL bounds applied */
    const uint8_t *last;    /* the name that answer, denial or alias ends at */
    struct rrsets denial;   /* SOA first, then NSEC or NSEC3; empty when there was no SOA */
    struct rrsets proof;    /* NSEC and NSEC3 beside an answer: a wildcard's proof */
    const struct rrset *ns; /* REPLY_REFERRAL */
    unsigned scrubbed;
    unsigned capped; /* sets whose TTL was over our bounds */
};

/* ERR_NOMEM. What it points to lies in the message or the arena. */
MUST_CHECK enum err classify(struct arena *a, const struct message *m, const struct asked *q,
                             struct classified *out);

/* What the lookup's walk asks at present. */
struct asked reply_asked(const struct lookup *l);
/* CNAMEs in the answer that lead on. */
unsigned result_aliases(const struct rrsets *answer, uint16_t qtype);

const char *reply_kind_text(enum reply_kind k);

/* Beside a CNAME only what DNSSEC needs may stand (RFC 2181 §10.1, RFC 4034 §3): is it an alias for
 * questions of this type? */
bool alias_hides(uint16_t type);

/*
 * What goes along with an answer where responses are full: the NS set of its zone, and addresses of
 * names in answer and authority; from the bailiwick only. ERR_NOMEM.
 */
MUST_CHECK enum err reply_extras(struct arena *a, const struct message *m, const struct asked *q,
                                 const struct classified *c, struct rrsets *authority,
                                 struct rrsets *additional);

/* Appends the set as we believe it: our TTL bounds and trust on the same octets. ERR_NOMEM. */
MUST_CHECK enum err reply_take(struct arena *a, const struct asked *q, struct rrsets *list,
                               const struct rrset *set, enum trust trust);
/* ---- step_root.c ----------------------------------------------------------------------------- */

/* The answer to priming becomes the root's delegation. */
void root_take(struct lookup *l, const struct message *m, const struct classified *c,
               const struct asked *q);

/* ---- child_servers.c ------------------------------------------------------------------------- */

/* Remembers the zone's NS set where its server sent it along with a reply. ERR_NOMEM. */
MUST_CHECK enum err child_servers_note(struct lookup *l, const struct message *m,
                                       const struct asked *q);

/* Is the name this server's to speak of? */
bool reply_in_bailiwick(const struct asked *q, const uint8_t *name);

/*
 * The delegation that a referral makes: its first 13 name servers, and of the additional section
 * those addresses that belong to one of them and lie in the bailiwick, as many as a delegation
 * holds. It points into the message. False: there were more of either.
 */
bool referral_delegation(const struct message *m, const struct rrset *ns, const struct asked *q,
                         struct delegation *out);

#endif
