/* What judge.c and judge_safety.c share. */
#ifndef TESTS_STORM_JUDGE_H
#define TESTS_STORM_JUDGE_H

#include "tests/storm/storm.h"

/* NULL, or what is wrong with an answer that is no SERVFAIL, if that is the truth. */
const char *judge_safety(const struct run *r, const struct ask *a, const struct truth *t,
                         const struct rpl_message *m);
/* Is nobody able to change what it is told, by what is in the air in this run? */
bool judge_is_protected(const struct run *r, const struct ask *a, const struct truth *t);
/* Does a SERVFAIL say that it is about DNSSEC (RFC 8914)? */
bool judge_explains(const struct rpl_message *m);
/* Was the wall clock wrong while it was asked? Then signatures could not be judged. */
bool judge_clock_excuses(const struct run *r, const struct ask *a);

#endif
