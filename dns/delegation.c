#include "dns/delegation.h"

#include "base/must.h"
#include "dns/name.h"

struct delegation *delegation_copy(struct arena *a, const struct delegation *d)
{
    MUST(d->ns_count <= DELEGATION_NS_MAX && d->address_count <= DELEGATION_ADDRESS_MAX);
    struct delegation *copy = arena_copy(a, d, sizeof(*d));
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
