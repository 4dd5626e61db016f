/*
 * Trust-anchor signalling (RFC 8145 §5): whenever the keys of an anchor's zone have come afresh,
 * its servers are told which keys we trust, by a question for `_ta-4a5c-9728.`, type NULL. The
 * answer is of no use to anybody. It is a question as a client's, with a budget of its own, one at
 * a time.
 */
#include <stdio.h>
#include <string.h>

#include "dnssec/records.h"
#include "resolver/lookup.h"

/* What a label of 63 octets holds: "_ta" and "-4a5c" each. */
enum { SIGNAL_TAGS = 12, SIGNAL_PREFIX = 3, SIGNAL_TAG = 5 };

/* In order, each once; returns how many. */
static unsigned sorted_tags(const struct rrset *ds, uint16_t tags[SIGNAL_TAGS])
{
    struct rrset_iter it = rrset_records(ds);
    struct ds one;
    unsigned n = 0;
    while (rrset_next(&it)) {
        unsigned at = 0;
        if (n == SIGNAL_TAGS || !ds_read(it.rdata, it.length, &one))
            continue;
        while (at < n && tags[at] < one.tag)
            at++;
        if (at < n && tags[at] == one.tag)
            continue;
        memmove(tags + at + 1, tags + at, (n - at) * sizeof *tags);
        tags[at] = one.tag;
        n++;
    }
    return n;
}

/* False: the zone's name leaves no room. */
static bool signal_name(const struct anchor *a, uint8_t out[NAME_MAX_WIRE])
{
    uint16_t tags[SIGNAL_TAGS];
    char label[64] = "_ta";
    unsigned n = sorted_tags(a->ds, tags);
    size_t size = SIGNAL_PREFIX + (size_t)n * SIGNAL_TAG, zone = name_size(a->zone);
    if (!n || 1 + size + zone > NAME_MAX_WIRE)
        return false;
    for (unsigned i = 0; i < n; i++)
        snprintf(label + SIGNAL_PREFIX + i * SIGNAL_TAG, SIGNAL_TAG + 1, "-%04x", tags[i]);
    out[0] = (uint8_t)size;
    memcpy(out + 1, label, size);
    memcpy(out + 1 + size, a->zone, zone);
    return true;
}

static void told(struct client *c, const struct outcome *o)
{
    (void)o;
    CONTAINER_OF(c, struct resolver, signal)->signalling = false;
}

void signal_anchor(struct lookup *l)
{
    struct resolver *r = l->r;
    const struct anchors *all = &r->options->anchors;
    uint8_t name[NAME_MAX_WIRE];
    if (!r->options->signal_anchors || l->key.type != TYPE_DNSKEY || r->signalling)
        return;
    for (size_t i = 0; i < all->count; i++) {
        const struct anchor *a = &all->at[i];
        if (!a->ds || !name_equal(a->zone, l->key.name) || !signal_name(a, name))
            continue;
        r->signal = (struct client){.done = told};
        /* Without memory nobody is told: the next time the keys come. */
        r->signalling = !resolver_ask(
            r, &(struct question){.name = name, .type = TYPE_NULL, .cd = true}, &r->signal);
        return;
    }
}
