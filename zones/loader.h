/*
 * Reads zone files (RFC 1035 §5), an entry at a time: dns/text.h reads the record, the loader what spans records.
 */
#ifndef ZONES_LOADER_H
#define ZONES_LOADER_H

#include <stddef.h>

#include "base/arena.h"
#include "dns/message.h"

/* Where and why reading stopped. */
struct zone_error {
    unsigned line; /* 1-based; 0 when it is about the whole file */
    char text[160];
};

/*
 * Reads a zone text held in memory into RRsets in the arena: those of one owner and type become one
 * (TTL: the least), expiry = TTL (that is, as of second 0), trust TRUST_LOCAL. `origin` for relative names.
 * ERR_FORMAT with *error filled; ERR_NOMEM.
 */
MUST_CHECK enum err zone_read_text(struct arena *a, const char *text, size_t size, const uint8_t *origin,
                                   struct rrset_array *out, struct zone_error *error);
/* The same from a file. ERR_IO when it cannot be read (error->text names the reason). */
MUST_CHECK enum err zone_read_file(struct arena *a, const char *path, const uint8_t *origin,
                                   struct rrset_array *out, struct zone_error *error);

#endif
