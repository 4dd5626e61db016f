/*
 * The state of trust points as text, a file's content. Its form is the one that other validators
 * use for the same purpose, so that a state can be taken over from them: DNSKEY records, each with
 * its state behind it, and before the records of a zone what else is known of it:
 *
 *     ;;id: . 1
 *     ;;last_queried: 1790000000
 *     .  172800  IN  DNSKEY  257 3 8 AwEAAa… ;;state=2 [ VALID ] ;;count=0 ;;lastchange=1780000000
 *
 * Other comments and empty lines are skipped. A record without state is one of a plain anchor file
 * and counts as valid; signatures there, and keys that are no secure entry points, do not count.
 */
#ifndef DNSSEC_TRUST_TEXT_H
#define DNSSEC_TRUST_TEXT_H

#include <stdio.h>

#include "dnssec/trust_point.h"

enum { TRUST_ERROR_MAX = 160 };
struct trust_error {
    unsigned line, column;
    char text[TRUST_ERROR_MAX]; /* what is wrong */
};

/*
 * Reads all points, `most` at most. The text needs no NUL at its end. ERR_FORMAT with *error:
 * nothing in the result is to be used; ERR_LIMIT, with *error: more zones or keys than there is
 * room for; ERR_NOMEM. The arena is for scratch.
 */
MUST_CHECK enum err trust_text_read(struct arena *a, const char *text, size_t size,
                                    struct trust_point *out, size_t most, size_t *count,
                                    struct trust_error *error);

/* Writes them; errors are the stream's. */
void trust_text_write(FILE *to, const struct trust_point *points, size_t count);

#endif
