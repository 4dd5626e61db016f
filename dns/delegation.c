#include "dns/delegation.h"

#include <stddef.h>

#include "base/must.h"
#include "dns/name.h"

/* Most have few addresses, and these come last. */
struct delegation *delegation_copy(struct arena *a, const struct delegation *d)
{
    MUST(d->ns_count <= DELEGATION_NS_MAX && d->address_count <= DELEGATION_ADDRESS_MAX);
    size_t size = offsetof(struct delegation, address) + d->address_count * sizeof *d->address;
    struct delegation *copy = arena_copy(a, d, size);
    if (!copy)
        return NULL;
    copy->zone = arena_copy(a, d->zone, name_size(d->zone));
    if (!copy->zone)
        return NULL;
    for (unsigned i = 0; i < d->ns_count; i++) {
        copy->ns[i] = arena_copy(a, d->ns[i], name_size(d->ns[i]));
        if (!copy->ns[i])
            return NULL;
    }
    return copy;
}
