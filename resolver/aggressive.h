/*
 * Aggressive use of what was validated (RFC 8198): a signed denial covers more names than the one
 * that was asked for, and a wildcard gives more.
 */
#ifndef RESOLVER_AGGRESSIVE_H
#define RESOLVER_AGGRESSIVE_H

struct lookup;

enum aggressive {
    AGGRESSIVE_NOTHING,
    AGGRESSIVE_ANSWER, /* the result is set */
    AGGRESSIVE_ALIAS,  /* the same; its answer is a CNAME to be followed */
};

/* Keeps what the validated response in hand says of other names. */
void aggressive_keep(struct lookup *l);
/* The walk stands at a cut: is the question answered by what has been said of it before? */
enum aggressive aggressive_answers(struct lookup *l);

#endif
