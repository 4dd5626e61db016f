#include "zones/hints.h"

#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"

static const unsigned char builtin[] = {
#include "zones/root_hints.inc"
};

static const struct rrset *find(const struct rrset_array *sets, const uint8_t *owner, uint16_t type)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->at[i]->type == type && name_equal(sets->at[i]->owner, owner))
            return sets->at[i];
    return NULL;
}

/* Up to DELEGATION_ADDRESS_PER_NS addresses of one server, both families together. */
static void add_addresses(struct delegation *d, uint8_t ns, const struct rrset *set,
                          unsigned *taken)
{
    if (!set)
        return;
    struct rrset_iter it = rrset_records(set);
    while (rrset_next(&it)) {
        if (*taken == DELEGATION_ADDRESS_PER_NS || d->address_count == DELEGATION_ADDRESS_MAX)
            return;
        struct delegation_address *address = &d->address[d->address_count++];
        *address = (struct delegation_address){.ns = ns, .at.port = DNS_PORT};
        address->at.family = set->type == TYPE_A ? 4 : 6;
        memcpy(address->at.bytes, it.rdata, it.length);
        (*taken)++;
    }
}

static void fill(struct delegation *d, const struct rrset_array *sets, const struct rrset *ns)
{
    struct rrset_iter it = rrset_records(ns);
    while (d->ns_count < DELEGATION_NS_MAX && rrset_next(&it)) {
        uint8_t index = d->ns_count++;
        d->ns[index] = it.rdata;
        unsigned taken = 0;
        add_addresses(d, index, find(sets, it.rdata, TYPE_A), &taken);
        add_addresses(d, index, find(sets, it.rdata, TYPE_AAAA), &taken);
    }
}

static enum err refuse(struct zone_error *error, const char *text)
{
    error->line = 0;
    snprintf(error->text, sizeof(error->text), "%s", text);
    return ERR_FORMAT;
}

enum err hints_load(struct arena *a, const char *path, struct delegation **out,
                    struct zone_error *error)
{
    struct rrset_array sets;
    enum err e =
        path ? zone_read_file(a, path, name_root, &sets, error)
             : zone_read_text(a, (const char *)builtin, sizeof(builtin), name_root, &sets, error);
    if (e)
        return e;
    const struct rrset *ns = find(&sets, name_root, TYPE_NS);
    if (!ns)
        return refuse(error, "no NS record of the root");
    struct delegation *d = arena_calloc(a, 1, sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->zone = name_root;
    d->expiry = UINT32_MAX;
    fill(d, &sets, ns);
    if (d->address_count == 0)
        return refuse(error, "no address of any of the root's name servers");
    *out = d;
    return OK;
}
