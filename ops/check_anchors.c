#include "ops/check_anchors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dns/types.h"
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

/* ---- Who says so -------------------------------------------------------------------------------
 */

struct origin {
    const struct config *config;
    const struct trust_point *points;
    size_t count;
};

/* Is this record, of either type, the anchor that the DS record is made of? */
static bool is_of(const struct rrset *one, const uint8_t *zone, const struct ds *ds)
{
    struct rrset_iter it = rrset_records(one);
    struct ds as_ds;
    struct dnskey key;
    if (!name_equal(one->owner, zone) || !rrset_next(&it))
        return false;
    if (one->type == TYPE_DS)
        return ds_read(it.rdata, it.length, &as_ds) && as_ds.tag == ds->tag &&
               as_ds.algorithm == ds->algorithm && as_ds.digest_type == ds->digest_type;
    return one->type == TYPE_DNSKEY && dnskey_read(it.rdata, it.length, &key) &&
           key.algorithm == ds->algorithm && dnskey_tag(it.rdata, it.length) == ds->tag;
}

/* The line of the file in which it stands; 0: it cannot be told, as with a record of several lines.
 */
static unsigned line_of(const char *path, const uint8_t *zone, const struct ds *ds)
{
    char *line = NULL, wrong[80];
    size_t size = 0;
    unsigned number = 0, found = 0;
    struct arena arena;
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    arena_init(&arena, NULL);
    while (!found && getline(&line, &size, f) > 0) {
        struct rrset *one;
        number++;
        line[strcspn(line, ";\n")] = '\0';
        if (rrset_from_text(&arena, line, name_root, 0, &one, wrong, sizeof wrong) == OK &&
            is_of(one, zone, ds))
            found = number;
    }
    free(line);
    fclose(f);
    arena_deinit(&arena);
    return found;
}

static const struct trust_key *key_of(const struct origin *from, const uint8_t *zone,
                                      const struct ds *ds)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct trust_point *p = &from->points[i];
        for (unsigned k = 0; name_equal(p->zone, zone) && k < p->count; k++) {
            struct dnskey key;
            if (dnskey_read(p->keys[k].rdata, p->keys[k].length, &key) &&
                key.algorithm == ds->algorithm &&
                dnskey_tag(p->keys[k].rdata, p->keys[k].length) == ds->tag)
                return &p->keys[k];
        }
    }
    return NULL;
}

static void print_origin(const struct origin *from, const uint8_t *zone, const struct ds *ds)
{
    char day[32];
    const char *path = from->config->dnssec.trust_anchors;
    const struct trust_key *k = key_of(from, zone, ds);
    if (k && k->state != KEY_PENDING) {
        printf("; %s since %s in %s", key_state_text(k->state), day_text(k->since_s, day),
               from->config->dnssec.anchor_state);
        return;
    }
    unsigned line = *path ? line_of(path, zone, ds) : 0;
    printf("; %s%s", *path ? "from " : "built in", path);
    if (line)
        printf(":%u", line);
}

/* ---- What is trusted ---------------------------------------------------------------------------
 */

/* Is it of use? */
static bool print_ds(const struct resolver_options *o, const struct origin *from,
                     const struct rrset *set, const struct rrset_iter *record)
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
    printf("    key %u, algorithm %u, digest type %u", ds.tag, ds.algorithm, ds.digest_type);
    print_origin(from, set->owner, &ds);
    printf("%s%s\n", why ? ": NOT USED: " : "", why ? why_text(why) : "");
    return why == WHY_NONE;
}

static void print_negative(const struct anchor *a)
{
    char zone[NAME_TEXT_MAX], day[32];
    bool over = a->until && a->until <= time(NULL);
    printf("%s  negative: nothing is validated there", name_text(a->zone, zone));
    if (a->until)
        printf(", %s %s", over ? "ENDED on" : "until", day_text(a->until, day));
    putchar('\n');
}

/* Is anything validated by it, or could be? */
static bool print_anchor(const struct resolver_options *o, const struct origin *from,
                         const struct anchor *a, bool *hidden)
{
    char zone[NAME_TEXT_MAX];
    bool any = false;
    *hidden = !anchors_find(&o->anchors, a->zone, (uint32_t)time(NULL))->ds;
    printf("%s  trusted:\n", name_text(a->zone, zone));
    for (struct rrset_iter it = rrset_records(a->ds); rrset_next(&it);)
        any = print_ds(o, from, a->ds, &it) || any;
    if (!any)
        printf("    NONE of these can be used: the zone counts as unsigned\n");
    if (*hidden)
        printf("    HIDDEN by the negative anchor of that name\n");
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
        printf("    ALL its keys were revoked: they are no anchors any more\n");
}

bool check_anchors(const struct resolver_options *o, const struct config *c,
                   const struct trust_state *t)
{
    struct origin from = {.config = c};
    bool good = true, any = false;
    from.points = trust_points(t, &from.count);
    for (size_t i = 0; i < o->anchors.count; i++) {
        const struct anchor *a = &o->anchors.at[i];
        bool hidden = true;
        if (a->ds)
            good = print_anchor(o, &from, a, &hidden) && good;
        else
            print_negative(a);
        any = any || !hidden;
    }
    for (size_t i = 0; i < from.count; i++)
        print_point(&from.points[i]);
    if (!any)
        printf("Nothing is trusted, so nothing is validated.\n");
    return good && any;
}
