/*
 * The root key sentinel (RFC 8509): whoever uses us can learn whether we trust a key of the root,
 * by asking for root-key-sentinel-is-ta-NNNNN and -not-ta-NNNNN below any signed zone. The answer
 * that contradicts the label is SERVFAIL; only the name that a client asked counts, none that an
 * alias leads to (§3.1), so it is for whom the outcome is told.
 */
#include <ctype.h>
#include <string.h>

#include "dnssec/records.h"
#include "resolver/lookup.h"

enum { TAG_DIGITS = 5 };

/* The key of a lookup is in lower case. */
static bool label_begins(const uint8_t *label, const char *prefix)
{
    size_t size = strlen(prefix);
    return label[0] == size + TAG_DIGITS && memcmp(label + 1, prefix, size) == 0;
}

/* The decimal number of exactly five digits at the label's end; false: there is none (§2.1). */
static bool read_tag(const uint8_t *label, uint32_t *tag)
{
    const uint8_t *digits = label + 1 + label[0] - TAG_DIGITS;
    *tag = 0;
    for (unsigned i = 0; i < TAG_DIGITS; i++) {
        if (!isdigit(digits[i]))
            return false;
        *tag = *tag * 10 + (uint32_t)(digits[i] - '0');
    }
    return true;
}

static bool is_anchor(const struct anchors *anchors, uint32_t tag)
{
    for (size_t i = 0; i < anchors->count; i++) {
        const struct anchor *a = &anchors->at[i];
        if (!a->ds || !name_equal(a->zone, name_root))
            continue;
        struct rrset_iter it = rrset_records(a->ds);
        struct ds ds;
        while (rrset_next(&it))
            if (ds_read(it.rdata, it.length, &ds) && ds.tag == tag)
                return true;
    }
    return false;
}

bool sentinel_refuses(const struct lookup *l)
{
    static const char is_ta[] = "root-key-sentinel-is-ta-";
    static const char not_ta[] = "root-key-sentinel-not-ta-";
    const struct resolver_options *o = l->r->options;
    const uint8_t *label = l->key.name;
    uint32_t tag;
    if (!o->sentinel || l->result.reason || l->result.security != SECURITY_SECURE ||
        (l->key.type != TYPE_A && l->key.type != TYPE_AAAA))
        return false;
    bool is = label_begins(label, is_ta);
    if ((!is && !label_begins(label, not_ta)) || !read_tag(label, &tag))
        return false;
    return is != is_anchor(&o->anchors, tag);
}
