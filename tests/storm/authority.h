/* What the files share that write replies: authority.c, proof.c, tamper.c. */
#ifndef TESTS_STORM_AUTHORITY_H
#define TESTS_STORM_AUTHORITY_H

#include "tests/storm/storm.h"

enum { REPLY_MAX = 16384, PROOFS_MOST = 8, FOLLOW_MAX = 8 };

struct reply {
    uint8_t at[REPLY_MAX];
    size_t size;
    size_t question_end;
    uint16_t flags;
    uint16_t count[4];
};

struct node;

/* An answer that a wildcard gave. */
struct expansion {
    uint8_t name[NAME_MAX_WIRE];
    const uint8_t *wildcard;
};

/* A host at work on a query. */
struct work {
    struct run *run;
    const struct host *host;
    const struct rpl_message *query;
    const struct zone *zone; /* whose data it answers with; NULL: none */
    uint64_t now_ms;
    bool evil;
    bool secure; /* signatures and proofs go along */
    bool old;    /* the signatures are those of last week */
    struct reply *reply;
    const struct node *proved[PROOFS_MOST]; /* by records that are in the reply already */
    unsigned proved_count;
    struct expansion expanded[FOLLOW_MAX + 1]; /* proved behind the last record of the answer */
    unsigned expanded_count;
};

void reply_begin(struct reply *o, const struct rpl_question *q);
void reply_finish(struct reply *o, uint16_t id, const struct rpl_message *edns);
void reply_put(struct reply *o, const void *bytes, size_t size);
void reply_rr(struct reply *o, unsigned section, const uint8_t *owner, const struct record *r);
/* An answer such as one would like a resolver to believe. */
void reply_forge(struct reply *o, const struct rpl_question *q, uint16_t id);
/* A text that bears the time. */
void reply_stamp(uint8_t out[STAMP_SIZE], uint64_t now_ms);
/* That the name, or the type, is not there. */
void reply_deny(struct work *w, const struct zone *z, const uint8_t *name, const struct found *f);

/* Does the fault meet this message? */
bool fault_rolls(struct run *r, enum storm_fault f);

/* ---- tamper.c -------------------------------------------------------------------------------- */

/* Draws what will be wrong with the signatures of the reply; before it is made. */
void tamper_begin(struct work *w);
/* Takes records away from a reply that is made, or changes them; before reply_finish. */
void tamper_reply(struct work *w);
/* The query gets no reply, or one that is not the host's at all; true when that is so. */
bool tamper_instead(struct work *w, bool *lost);

#endif
