#include "ops/root_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "dns/text.h"
#include "dnssec/zonemd.h"
#include "ops/root_primary.h"
#include "ops/whole_file.h"
#include "zones/loader.h"

enum {
    /* Signature checks: keys, SOA, ZONEMD. As many as one query may have, so that no zone can hold
     * the thread up. */
    CHECKS_PRICE = 384,
    CHECKS_GOOD = 64,
    CHECKS_FAILED = 8,
    TEXT_MAX = 1 << 20, /* of one RRset: 64 KiB of octets, in hexadecimal at worst */
    WHY_MAX = 400,
};

#define ADVICE "advice=\"the copy before is used for as long as it holds, then the root's servers\""

static void log_refused(const char *from, const char *why)
{
    char quoted[300], reason[WHY_MAX];
    LOG(LOG_ERROR, "local_root_refused", "from=%s why=%s " ADVICE,
        log_quote(quoted, sizeof quoted, from), log_quote(reason, sizeof reason, why));
}

int64_t root_job_until_s(const struct local_root *copy, const struct root_found *found)
{
    int64_t until = found->checked_s + local_root_soa(copy)->expire;
    return until < found->signed_until_s ? until : found->signed_until_s;
}

/* ---- Verifying ------------------------------------------------------------------------------- */

static enum err judge(const struct root_wish *w, struct arena *scratch,
                      const struct rrset_array *zone, struct zone_judgement *out)
{
    struct dnssec_work work = {.price = CHECKS_PRICE, .good = CHECKS_GOOD, .failed = CHECKS_FAILED};
    struct checker c = {
        .policy = &w->policy, .arena = scratch, .work = &work, .wall = (uint32_t)w->now_s};
    enum err e = keyring_new(&c.keys);
    if (e)
        return e;
    e = zonemd_check_signed(&c, w->ds, zone, out);
    keyring_free(c.keys);
    return e;
}

/* That it still holds now, by its dates. */
static bool is_over(const struct root_found *f, int64_t now, char why[WHY_MAX])
{
    int64_t expire = local_root_soa(f->copy)->expire;
    if (f->signed_until_s <= now)
        snprintf(why, WHY_MAX, "some of its signatures have ended: bring a newer one");
    else if (root_job_until_s(f->copy, f) <= now)
        snprintf(why, WHY_MAX,
                 "it is %" PRId64 " hours old, and the zone says that a copy holds for %" PRId64
                 ": bring a newer one",
                 (now - f->checked_s) / 3600, expire / 3600);
    else
        return false;
    return true;
}

/* Fills `out` when the zone holds; false: `why` says why not. */
static bool verify(const struct root_wish *w, struct arena *scratch, const struct rrset_array *zone,
                   struct root_found *out, char why[WHY_MAX])
{
    struct zone_judgement j;
    uint32_t signed_until = 0;
    const char *lacks = NULL;
    if (!w->ds) {
        snprintf(why, WHY_MAX, "there is no trust anchor of the root to verify it by");
        return false;
    }
    enum err e = judge(w, scratch, zone, &j);
    if (e || j.flaw != ZONE_GOOD) {
        snprintf(why, WHY_MAX, "%s", e ? err_text(e) : "");
        if (!e)
            zone_judgement_text(&j, why, WHY_MAX);
        return false;
    }
    if ((e = local_root_new(&out->copy, zone, &lacks))) {
        snprintf(why, WHY_MAX, "%s", e == ERR_FORMAT ? lacks : err_text(e));
        return false;
    }
    zone_signed_until(zone, &signed_until);
    out->signed_until_s = w->now_s + (int32_t)(signed_until - (uint32_t)w->now_s);
    if (is_over(out, w->now_s, why)) {
        local_root_unref(out->copy);
        out->copy = NULL;
        return false;
    }
    out->news = ROOT_NEW;
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool look_at_file(const char *path, struct file_state *out)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *out = (struct file_state){
        .changed_s = st.st_mtim.tv_sec, .changed_ns = st.st_mtim.tv_nsec, .size = st.st_size};
    return true;
}

static bool same_state(const struct file_state *a, const struct file_state *b)
{
    return a->changed_s == b->changed_s && a->changed_ns == b->changed_ns && a->size == b->size;
}

static void read_file(const struct root_wish *w, struct root_found *out)
{
    struct arena arena;
    struct rrset_array zone;
    struct zone_error error;
    char why[WHY_MAX];
    arena_init(&arena, NULL);
    enum err e = zone_read_file(&arena, w->file, name_root, &zone, &error);
    out->checked_s = out->read.changed_s < w->now_s ? out->read.changed_s : w->now_s;
    if (e == ERR_NOMEM)
        snprintf(why, sizeof why, "%s", err_text(e));
    else if (e && error.line)
        snprintf(why, sizeof why, "line %u: %s", error.line, error.text);
    else if (e)
        snprintf(why, sizeof why, "%s", error.text);
    if (e || !verify(w, &arena, &zone, out, why))
        log_refused(w->file, why);
    arena_deinit(&arena);
}

/* Unread if it is the one that was read before. That it is not there yet is nothing to complain of
 * where primaries are to fill it. */
static void take_file(const struct root_wish *w, struct root_found *out)
{
    if (!look_at_file(w->file, &out->read)) {
        if (errno != ENOENT || w->count == 0)
            log_refused(w->file, strerror(errno));
        return;
    }
    if (w->have && same_state(&w->read, &out->read))
        out->news = ROOT_SAME;
    else
        read_file(w, out);
}

static bool write_zone(FILE *f, const void *ctx)
{
    const struct rrset_array *zone = ctx;
    char *text = malloc(TEXT_MAX);
    bool good = text != NULL;
    for (size_t i = 0; good && i < zone->count; i++) {
        rrset_text(zone->at[i], 0, text, TEXT_MAX);
        good = strlen(text) < TEXT_MAX - 1 && fputs(text, f) >= 0;
    }
    free(text);
    return good;
}

static void keep(const struct root_wish *w, const struct rrset_array *zone)
{
    char path[300];
    if (w->file[0] == '\0' || whole_file_write(w->file, write_zone, zone) == OK)
        return;
    LOG(LOG_ERROR, "local_root_not_written", "file=%s why=\"%s\" advice=\"%s\"",
        log_quote(path, sizeof path, w->file), strerror(errno),
        "the copy is held in memory only; its folder must be writable for the server's user");
}

/* ---- The primaries --------------------------------------------------------------------------- */

/* Who stands between may play an old zone again, whose signatures still hold. */
static bool is_older(const struct root_wish *w, struct root_found *out, char why[WHY_MAX])
{
    uint32_t serial = local_root_soa(out->copy)->serial;
    if (!w->have || !serial_less(serial, w->serial))
        return false;
    snprintf(why, WHY_MAX, "it is older than what is held: serial %" PRIu32, serial);
    local_root_unref(out->copy);
    *out = (struct root_found){.news = ROOT_FAILED};
    return true;
}

static void take_zone(const struct root_wish *w, struct arena *arena,
                      const struct rrset_array *zone, const char *from, struct root_found *out)
{
    char why[WHY_MAX];
    out->checked_s = w->now_s;
    if (verify(w, arena, zone, out, why) && !is_older(w, out, why))
        keep(w, zone);
    else
        log_refused(from, why);
}

static void take_same(const struct root_wish *w, struct root_found *out)
{
    out->news = ROOT_SAME;
    out->checked_s = w->now_s;
    if (w->file[0] != '\0') /* its date says when it was checked */
        (void)utimensat(AT_FDCWD, w->file, NULL, 0);
}

static void ask(const struct root_wish *w, const struct endpoint *primary, const atomic_bool *stop,
                struct root_found *out)
{
    char from[ADDR_TEXT_MAX], why[ROOT_PRIMARY_WHY], quoted[2 * ROOT_PRIMARY_WHY];
    struct arena arena;
    struct rrset_array zone;
    arena_init(&arena, NULL);
    endpoint_text(primary, from);
    switch (root_primary_ask(primary, w->have ? &w->serial : NULL, stop, &arena, &zone, why)) {
    case PRIMARY_NEWER:
        take_zone(w, &arena, &zone, from, out);
        break;
    case PRIMARY_SAME:
        take_same(w, out);
        break;
    case PRIMARY_FAILED:
        if (!atomic_load(stop))
            LOG(LOG_WARNING, "local_root_not_fetched", "from=%s why=%s", from,
                log_quote(quoted, sizeof quoted, why));
        break;
    }
    arena_deinit(&arena);
}

void root_job_run(const struct root_wish *w, const atomic_bool *stop, struct root_found *out)
{
    *out = (struct root_found){.news = ROOT_FAILED};
    if (w->from_file)
        take_file(w, out);
    for (size_t i = 0; !w->from_file && out->news == ROOT_FAILED && i < w->count; i++)
        if (!atomic_load(stop))
            ask(w, &w->primaries[i], stop, out);
}
