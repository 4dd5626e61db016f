/*
 * Trust anchors as text: zone files of DS and DNSKEY records. The compiled-in ones, of the root,
 * come from zones/root.anchors. What is made of them is dnssec/anchors.h's.
 */
#ifndef ZONES_ANCHORS_H
#define ZONES_ANCHORS_H

#include "zones/loader.h"

/*
 * `path` NULL: the compiled-in anchors. The DS and DNSKEY sets, in the arena. ERR_FORMAT when there
 * is none of either, or a record of another type; ERR_IO, ERR_NOMEM; *error says what and where.
 */
MUST_CHECK enum err anchors_load(struct arena *a, const char *path, struct rrset_array *out,
                                 struct zone_error *error);

#endif
