/* `lookup`: what the cache holds of a name, entry by entry. Asks nobody. */
#ifndef OPS_CONTROL_LOOKUP_H
#define OPS_CONTROL_LOOKUP_H

#include <jansson.h>

#include "cache/cache.h"

/* `type` 0: all. `now`: boot-time seconds. */
json_t *control_lookup(struct cache *c, const uint8_t *name, uint16_t type, uint32_t now);

#endif
