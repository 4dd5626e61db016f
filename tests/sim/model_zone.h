/*
 * A small signed zone, example.com., in each form of denial, of which all that is true is known.
 * For tests in which somebody who holds everything that the zone ever signed tries to have
 * something else believed.
 */
#ifndef TESTS_SIM_MODEL_ZONE_H
#define TESTS_SIM_MODEL_ZONE_H

#include "dns/name.h"
#include "dnssec/validate.h"

/* Under opt-out, sub.example.com. is not in the chain (RFC 5155 §6). */
enum model_form { MODEL_NSEC, MODEL_NSEC3, MODEL_OPT_OUT, MODEL_FORMS };

/* The names that are asked for and put on records. */
enum {
    MODEL_APEX,
    MODEL_WWW,
    MODEL_W, /* an empty non-terminal */
    MODEL_WILDCARD,
    MODEL_WILD, /* the wildcard's */
    MODEL_WILD_DEEP,
    MODEL_SUB,       /* an unsigned delegation */
    MODEL_BELOW_SUB, /* the child's */
    MODEL_NX,
    MODEL_BELOW_NX,
    MODEL_ZZ,
    MODEL_NAMES
};

enum { MODEL_SETS_MAX = 16, MODEL_NOW = 1000 };

/* Made once, the process's own. */
struct model {
    enum model_form form;
    const struct rrset *keys;
    const struct rrset *sets[MODEL_SETS_MAX]; /* each with its signature */
    unsigned count;
};

const struct model *model_zone(enum model_form form);
const uint8_t *model_name(unsigned i);

/* With the zone's keys for a trust anchor, at the time of its signatures. */
enum verdict model_validate(const struct model *m, struct arena *a, struct response *r);
/* Is this verdict on the response no lie? Aborts if it is one. */
void model_check(const struct model *m, const struct response *r, enum verdict v);

#endif
