/*
 * Root hints: where priming begins (RFC 9609). The compiled-in ones come from zones/root.hints.
 */
#ifndef ZONES_HINTS_H
#define ZONES_HINTS_H

#include "dns/delegation.h"
#include "zones/loader.h"

/*
 * `path` NULL: the compiled-in hints. The delegation of the root in the arena, expiry UINT32_MAX. All 13 names with
 * both addresses fit (13 NS, 26 addresses). ERR_FORMAT when the file has no root NS or no address for any of them;
 * ERR_IO, ERR_NOMEM; *error says what and where.
 */
MUST_CHECK enum err hints_load(struct arena *a, const char *path, struct delegation **out,
                               struct zone_error *error);

#endif
