/*
 * Trust anchors that follow their zone's keys (RFC 5011): a new key that trusted keys have signed
 * for 30 days is trusted, too, and one that is revoked is not trusted any more. A state machine
 * over what was seen; whoever has it asks for the keys, keeps the state, and tells the time.
 *
 *     trust_point_init(&t, zone);
 *     trust_point_take(&t, &seen, now);   // at each probe; t.next_s says when the next is due
 *     trust_point_ds(&t, configured, arena, &ds);     // what is trusted, as DS records
 *
 * Times are POSIX seconds. Plain values, no pointers.
 */
#ifndef DNSSEC_TRUST_POINT_H
#define DNSSEC_TRUST_POINT_H

#include "dns/name.h"
#include "dnssec/signature.h"

enum {
    TRUST_KEYS_MAX = 16,               /* of one zone; RFC 5011 §2.4.3 wants five at least */
    TRUST_KEY_OCTETS = 1028,           /* of one key's rdata: RSA of 8,192 bits */
    TRUST_HOLD_DOWN_S = 30 * 86400,    /* before a new key counts, and until a revoked one may go */
    TRUST_MISSING_KEPT_S = 366 * 86400 /* how long a missing one keeps its place in any case */
};

/* RFC 5011 §4.2, numbered as other software does in its state files. */
enum key_state { KEY_PENDING = 1, KEY_VALID, KEY_MISSING, KEY_REVOKED, KEY_REMOVED };

struct trust_key {
    enum key_state state;
    int64_t since_s; /* in this state */
    uint32_t seen;   /* KEY_PENDING: how often, without a gap */
    uint32_t ttl;    /* as signed, of the set it came in */
    uint16_t length;
    uint8_t rdata[TRUST_KEY_OCTETS]; /* with the flags it was seen with */
};

struct trust_point {
    uint8_t zone[NAME_MAX_WIRE];
    int64_t asked_s, success_s, next_s; /* 0: never */
    uint32_t failed;                    /* probes in a row */
    uint32_t without_room;              /* keys of the last probe that are not followed */
    uint32_t interval_s, retry_s;       /* RFC 5011 §2.3 */
    unsigned count;
    struct trust_key keys[TRUST_KEYS_MAX];
};

void trust_point_init(struct trust_point *t, const uint8_t *zone);

/* What a probe has brought. */
struct trust_seen {
    const struct rrset *keys; /* the zone's DNSKEY set with its signatures; NULL: it failed */
    /* The anchor as it is configured, or NULL. It is trusted beside what is known, but for keys
     * that were revoked; a key that it names need not wait. */
    const struct rrset *ds;
    const struct checker *checker;
};
enum trust_news {
    NEWS_FAILED, /* nothing came, or nothing that trusted keys have signed */
    NEWS_SAME,
    NEWS_CHANGED, /* some key has another state */
};
/* ERR_NOMEM: as if it had failed. Whatever comes, times and counts have moved: the state is to be
 * written. */
enum trust_news trust_point_take(struct trust_point *t, const struct trust_seen *seen, int64_t now);

/* The key, revoked or not; NULL: it is not known. */
const struct trust_key *trust_point_find(const struct trust_point *t, const uint8_t *rdata,
                                         uint16_t length);
/* Is any of the keys trusted? */
bool trust_point_holds(const struct trust_point *t);
/*
 * What is trusted, as a DS set in the arena: keys that are valid or missing, and of the configured
 * anchor (NULL: there is none) what names no key of which more is known. NULL: nothing, so all keys
 * were revoked, and the zone is as if it had never had an anchor (RFC 5011 §5). ERR_NOMEM.
 */
MUST_CHECK enum err trust_point_ds(const struct trust_point *t, const struct rrset *configured,
                                   struct arena *a, const struct rrset **out);

const char *key_state_text(enum key_state s); /* "VALID" */

#endif
