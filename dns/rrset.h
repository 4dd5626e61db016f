/*
 * An RRset in immutable wire form, read in place wherever its bytes lie: in a cache entry, an
 * arena, or the read-only data of the program.
 *
 * `rdata` holds `count` records and then `signatures` RRSIG records that cover this type, each as
 * two octets of length (network order) and uncompressed rdata; `rdata_size` is the octets of both.
 * Class is always IN. `expiry` is in boot-time seconds (world->now_ms / 1000); what is sent is
 * max(0, expiry - now).
 */
#ifndef DNS_RRSET_H
#define DNS_RRSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"

/* How much a record is to be believed, least first (RFC 2181 §5.4.1). */
enum trust {
    TRUST_NONE = 0,
    TRUST_ADDITIONAL, /* glue and other additional data: never answers a client */
    TRUST_AUTHORITY,  /* authority section of an authoritative answer */
    TRUST_ANSWER,     /* answer section, AA not set */
    TRUST_ANSWER_AA,  /* answer section of an authoritative answer */
    TRUST_LOCAL,      /* configured here */
};

enum security {
    SECURITY_UNCHECKED = 0,
    SECURITY_INDETERMINATE,
    SECURITY_INSECURE,
    SECURITY_SECURE,
    SECURITY_BOGUS
};

struct rrset {
    const uint8_t *owner; /* uncompressed, case as received */
    const uint8_t *rdata;
    uint32_t rdata_size;
    uint32_t expiry;
    uint16_t type;
    uint16_t count;
    uint16_t signatures;
    uint8_t trust;    /* enum trust */
    uint8_t security; /* enum security */
};

/* Walks the records: `left` records remain from `at`. */
struct rrset_iter {
    const uint8_t *at;
    unsigned left;
    const uint8_t *rdata; /* of the current record */
    uint16_t length;
};

static inline struct rrset_iter rrset_records(const struct rrset *s)
{
    return (struct rrset_iter){.at = s->rdata, .left = s->count};
}

/* Over the records and then the signatures. */
static inline struct rrset_iter rrset_all(const struct rrset *s)
{
    return (struct rrset_iter){.at = s->rdata, .left = (unsigned)s->count + s->signatures};
}

static inline bool rrset_next(struct rrset_iter *it)
{
    if (it->left == 0)
        return false;
    it->left--;
    it->length = load_u16(it->at);
    it->rdata = it->at + 2;
    it->at += 2 + it->length;
    return true;
}

static inline uint32_t rrset_ttl(const struct rrset *s, uint32_t now_s)
{
    return s->expiry > now_s ? s->expiry - now_s : 0;
}

/* A deep copy in the arena; NULL when it cannot grow. */
struct rrset *rrset_copy(struct arena *a, const struct rrset *s);

/* The same records (as a set, octet by octet, names without case), TTL and signatures apart? */
bool rrset_same_records(const struct rrset *a, const struct rrset *b);

/*
 * Builds an RRset record by record in an arena, in the order added, duplicates dropped (RFC 2181
 * §5). start, add…, sign…, finish. Errors: ERR_NOMEM, ERR_LIMIT (over 65,535 records or octets).
 */
enum { BUILDER_HASHES = 16 };
struct rrset_builder {
    struct arena *arena;
    struct rrset *set;
    uint8_t *buf;
    size_t capacity;
    /* Of each record that was added; in `few` until they are more. */
    uint32_t few[BUILDER_HASHES];
    uint32_t *hashes;
    unsigned hash_capacity;
};
MUST_CHECK enum err rrset_build(struct rrset_builder *b, struct arena *a, const uint8_t *owner,
                                uint16_t type, uint32_t expiry);
/* Makes room at once for so many octets of records with their lengths; optional, saves copies. */
MUST_CHECK enum err rrset_reserve(struct rrset_builder *b, size_t size);
MUST_CHECK enum err rrset_add(struct rrset_builder *b, const uint8_t *rdata, uint16_t length);
MUST_CHECK enum err rrset_sign(struct rrset_builder *b, const uint8_t *rdata, uint16_t length);
/* The finished set; the builder must not be used after. */
struct rrset *rrset_finish(struct rrset_builder *b);

/* Each record on a line of zone-file text through ldns, for logs and tests; returns `buf`, cut to
 * `size`. */
const char *rrset_text(const struct rrset *s, uint32_t now_s, char *buf, size_t size);

#endif
