/*
 * Domain names in uncompressed wire form (RFC 1035 §3.1): labels with their lengths, closed by the
 * root's zero octet, at most 255 octets. Such a name delimits itself, so a `const uint8_t *` is
 * enough.
 *
 * Every function here trusts that form: foreign bytes become a name only through name_read or
 * name_from_text. Comparison is without case in ASCII (RFC 4343) unless the function says
 * otherwise.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

enum {
    NAME_MAX_WIRE = 255,
    NAME_MAX_LABELS = 127,   /* without the root's */
    NAME_MAX_POINTERS = 120, /* compression hops */
    NAME_TEXT_MAX = 1025,    /* each octet as \DDD, dots, NUL */
};

extern const uint8_t name_root[1];

size_t name_size(const uint8_t *name);     /* octets with the root's, 1..255 */
unsigned name_labels(const uint8_t *name); /* without the root's, 0..127 */

bool name_equal(const uint8_t *a, const uint8_t *b);
bool name_equal_case(const uint8_t *a, const uint8_t *b); /* octet by octet */
/* Is `name` equal to `ancestor` or below it? */
bool name_at_or_below(const uint8_t *name, const uint8_t *ancestor);
bool name_below(const uint8_t *name, const uint8_t *ancestor);
/* How many labels, counted from the root, the two share. */
unsigned name_common(const uint8_t *a, const uint8_t *b);
/* Canonical order (RFC 4034 §6.1): <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/* Copies; return the size. `out` has room for NAME_MAX_WIRE. */
size_t name_copy(uint8_t *out, const uint8_t *name);
size_t name_lower(uint8_t *out, const uint8_t *name);

/* The name without its first `labels` labels, in place; the root when there are fewer. */
const uint8_t *name_skip(const uint8_t *name, unsigned labels);
/* The last `labels` labels of the name, in place. `labels` ≤ name_labels(name). */
const uint8_t *name_suffix(const uint8_t *name, unsigned labels);

/*
 * `name` with its ending `from` replaced by `to` (RFC 6672 §2.2). `name` is below `from`.
 * ERR_SPACE when the result would be over 255 octets.
 */
MUST_CHECK enum err name_replace(const uint8_t *name, const uint8_t *from, const uint8_t *to,
                                 uint8_t out[NAME_MAX_WIRE]);
/* `label` (its length octet first) in front of `name`. ERR_SPACE as above. */
MUST_CHECK enum err name_prepend(const uint8_t *label, const uint8_t *name,
                                 uint8_t out[NAME_MAX_WIRE]);

/*
 * Reads a name that may be compressed at the cursor, writes it uncompressed and moves on. Pointers
 * go strictly backward, not into the header, at most NAME_MAX_POINTERS. ERR_FORMAT otherwise, and
 * the cursor has failed. `out` may be NULL: skip with checks.
 */
MUST_CHECK enum err name_read(struct cursor *c, uint8_t out[NAME_MAX_WIRE]);

/* Presentation form with a closing dot, odd octets as \. \\ \DDD; returns `buf`. */
const char *name_text(const uint8_t *name, char buf[NAME_TEXT_MAX]);
/*
 * Reads presentation form up to NUL; a missing closing dot is as if it were there; "." is the root.
 * ERR_FORMAT: empty label, bad escape, label over 63, name over 255.
 */
MUST_CHECK enum err name_from_text(const char *text, uint8_t out[NAME_MAX_WIRE]);

#endif
