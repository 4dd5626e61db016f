/*
 * Zone-file text of single records (RFC 1035 §5.1), read and written through ldns.
 */
#ifndef DNS_TEXT_H
#define DNS_TEXT_H

#include "base/arena.h"
#include "dns/rrset.h"

/*
 * Reads one record line, "[owner] [ttl] [class] type rdata", to an RRset of one record whose expiry
 * is its TTL and whose type is the line's (RRSIG too). TTL and class may be absent and in either
 * order; a line that begins with a blank, or with "@", is the origin's. Names without a closing dot
 * are relative to `origin` (NULL: the root). Parentheses may hold line ends, a comment ends the
 * line, rdata may be in the form of RFC 3597 §5. ERR_FORMAT with a text of what was wrong in
 * `error` (cut to `error_size`); ERR_NOMEM.
 */
MUST_CHECK enum err rrset_from_text(struct arena *a, const char *line, const uint8_t *origin,
                                    uint32_t default_ttl, struct rrset **out, char *error,
                                    size_t error_size);

#endif
