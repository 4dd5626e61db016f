/*
 * The chain of trust as a lookup sees it (chain.c): what it knows of keys and DS records, in its
 * own memory and in the cache.
 */
#ifndef RESOLVER_CHAIN_H
#define RESOLVER_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "dns/message.h"
#include "dnssec/validate.h"
#include "resolver/outcome.h"

struct candidate;
struct lookup;

/* What a lookup has learned of keys and DS records, from children that ended. */
struct learned {
    struct learned *next;
    const uint8_t *name;
    uint16_t type;
    struct known known;
};

/* Validating what was found (step_validate.c, chain.c). */
struct chain_state {
    struct learned *learned;
    struct response *response; /* being validated; NULL: none */
    struct candidate *server;  /* who said it; NULL: the cache */
    uint8_t bogus_replies;
    enum reason reason; /* of the last of these */
    uint8_t denial;     /* enum security of what is denied: an alias before it may be less secure */
};

/* Is what this lookup finds to be validated? */
bool chain_wanted(const struct lookup *l);
/* What is known of a name's DNSKEY or DS records; `ctx` is the lookup (struct chain_of_trust). */
struct known chain_known(void *ctx, const uint8_t *name, uint16_t type);
/* What the ended child tells its parent in the chain of trust. */
void chain_learn(struct lookup *parent, const struct lookup *child);
/* Does nobody wait but for keys or DS records? */
bool chain_alone(const struct lookup *l);
/* It came to an alias, and all who wait want to know of keys or DS records: a name with an alias
 * has none. */
bool chain_ends_here(const struct lookup *l);
/* Does a secure denial of DS show a zone cut at the name? */
bool chain_is_cut(struct lookup *l, const uint8_t *name, const struct negative *denial);
/* The parent's DS records, or their denial, that came along with a referral are kept for whoever
 * validates. */
void chain_keep_referral(struct lookup *l, const struct message *m, const struct delegation *d);
enum reason chain_reason(enum why why);
bool chain_is_bogus(enum reason reason);

#endif
