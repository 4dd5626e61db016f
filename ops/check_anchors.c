#include "ops/check_anchors.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "dns/name.h"
#include "dnssec/algorithm.h"
#include "dnssec/records.h"
#include "dnssec/signature.h"

static const char *day_text(int64_t when, char out[32])
{
    struct tm day;
    time_t t = (time_t)when;
    if (when <= 0 || !gmtime_r(&t, &day) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &day))
        snprintf(out, 32, "never");
    return out;
}

/* Is it of use? */
static bool print_ds(const struct resolver_options *o, const struct rrset *set,
                     const struct rrset_iter *record)
{
    struct rrset one = *set;
    struct ds ds;
    if (!ds_read(record->rdata, record->length, &ds)) {
        printf("    a DS record that is too short\n");
        return false;
    }
    one.rdata = record->rdata - 2;
    one.rdata_size = 2U + record->length;
    one.count = 1;
    enum why why = signature_ds_usable(&o->dnssec, &one);
    printf("    key %u, algorithm %u, digest type %u%s%s\n", ds.tag, ds.algorithm, ds.digest_type,
           why ? ": NOT USED: " : "", why ? why_text(why) : "");
    return why == WHY_NONE;
}

static bool print_anchor(const struct resolver_options *o, const struct anchor *a)
{
    char zone[NAME_TEXT_MAX], day[32];
    bool any = false;
    if (!a->ds) {
        printf("%s  negative: nothing is validated there", name_text(a->zone, zone));
        if (a->until)
            printf(", until %s", day_text(a->until, day));
        putchar('\n');
        return true;
    }
    printf("%s  trusted:\n", name_text(a->zone, zone));
    for (struct rrset_iter it = rrset_records(a->ds); rrset_next(&it);)
        any = print_ds(o, a->ds, &it) || any;
    if (!any)
        printf("    NONE of these can be used: the zone counts as unsigned\n");
    return any;
}

static void print_point(const struct trust_point *p)
{
    char zone[NAME_TEXT_MAX], day[32];
    printf("%s  followed (RFC 5011); keys last seen: %s;", name_text(p->zone, zone),
           day_text(p->success_s, day));
    printf(" next look: %s\n", day_text(p->next_s, day));
    for (unsigned i = 0; i < p->count; i++) {
        const struct trust_key *k = &p->keys[i];
        printf("    key %u  %s since %s\n", dnskey_tag(k->rdata, k->length),
               key_state_text(k->state), day_text(k->since_s, day));
    }
    if (p->count > 0 && !trust_point_holds(p))
        printf("    ALL its keys were revoked: it is no anchor any more\n");
}

bool check_anchors(const struct resolver_options *o, const struct trust_state *t)
{
    size_t points;
    const struct trust_point *point = trust_points(t, &points);
    bool good = true, any = false;
    for (size_t i = 0; i < o->anchors.count; i++) {
        good = print_anchor(o, &o->anchors.at[i]) && good;
        any = any || o->anchors.at[i].ds;
    }
    for (size_t i = 0; i < points; i++)
        print_point(&point[i]);
    if (!any)
        printf("Nothing is trusted, so nothing is validated.\n");
    return good && any;
}
