#include "dnssec/trust_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dns/text.h"
#include "dns/types.h"

enum { LINE_MAX_OCTETS = 8192 };

struct reader {
    struct arena *arena;
    struct trust_point *points;
    size_t most, count;
    struct trust_point *now; /* whose lines these are; NULL: none yet */
    const char *line;        /* that is being read */
    struct trust_error *error;
};

/* What is wrong at this place of the line; NULL: with the line. */
static enum err refuse(struct reader *r, enum err e, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static enum err refuse(struct reader *r, enum err e, const char *at, const char *fmt, ...)
{
    r->error->column = at ? (unsigned)(at - r->line) + 1 : 1;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->error->text, sizeof r->error->text, fmt, args);
    va_end(args);
    return e;
}

/* ---- Zones ----------------------------------------------------------------------------------- */

static enum err turn_to(struct reader *r, const uint8_t *zone)
{
    for (size_t i = 0; i < r->count; i++) {
        r->now = &r->points[i];
        if (name_equal(r->now->zone, zone))
            return OK;
    }
    if (r->count == r->most)
        return refuse(r, ERR_LIMIT, NULL, "there are more than %zu zones", r->most);
    r->now = &r->points[r->count++];
    trust_point_init(r->now, zone);
    return OK;
}

/* A whole number up to a blank or a semicolon. */
static bool read_number(const char *text, int64_t most, int64_t *out)
{
    char *end;
    while (*text == ' ')
        text++;
    if (*text < '0' || *text > '9')
        return false;
    long long value = strtoll(text, &end, 10);
    if (value > most || (*end && !strchr(" \t;[", *end)))
        return false;
    *out = value;
    return true;
}

/* ";;id: example.com. 1": the lines that follow are that zone's. */
static enum err read_id(struct reader *r, const char *text)
{
    char name[NAME_TEXT_MAX];
    uint8_t zone[NAME_MAX_WIRE];
    size_t size = strcspn(text, " \t");
    if (size == 0 || size >= sizeof name)
        return refuse(r, ERR_FORMAT, text, "a zone's name is missing behind ;;id:");
    memcpy(name, text, size);
    name[size] = '\0';
    if (name_from_text(name, zone) != OK)
        return refuse(r, ERR_FORMAT, text, "%.80s is no zone's name", name);
    return turn_to(r, zone);
}

/* A line that begins with ";;": what is known of the zone. Words that we do not know are others'.
 */
static enum err read_head(struct reader *r, const char *line)
{
    struct trust_point *t = r->now;
    int64_t value = 0, failed = 0, interval = 0, retry = 0;
    const struct {
        const char *key;
        int64_t *at;
        int64_t most;
    } numbers[] = {
        {"last_queried:", t ? &t->asked_s : &value, INT64_MAX / 2},
        {"last_success:", t ? &t->success_s : &value, INT64_MAX / 2},
        {"next_probe_time:", t ? &t->next_s : &value, INT64_MAX / 2},
        {"query_failed:", &failed, UINT32_MAX},
        {"query_interval:", &interval, UINT32_MAX},
        {"retry_time:", &retry, UINT32_MAX},
    };
    if (strncmp(line, "id:", 3) == 0)
        return read_id(r, line + 3 + strspn(line + 3, " "));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        size_t size = strlen(numbers[i].key);
        if (strncmp(line, numbers[i].key, size) != 0)
            continue;
        if (!t)
            return refuse(r, ERR_FORMAT, line, "%s before any ;;id:", numbers[i].key);
        if (!read_number(line + size, numbers[i].most, numbers[i].at))
            return refuse(r, ERR_FORMAT, line + size, "there is no number behind %s",
                          numbers[i].key);
        t->failed = numbers[i].at == &failed ? (uint32_t)failed : t->failed;
        t->interval_s = numbers[i].at == &interval ? (uint32_t)interval : t->interval_s;
        t->retry_s = numbers[i].at == &retry ? (uint32_t)retry : t->retry_s;
    }
    return OK;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static enum err read_state(struct reader *r, const char *comment, struct trust_key *k)
{
    int64_t state = KEY_VALID, seen = 0, since = 0;
    const struct {
        const char *key;
        int64_t *at;
        int64_t most;
    } numbers[] = {{";;state=", &state, KEY_REMOVED},
                   {";;count=", &seen, UINT32_MAX},
                   {";;lastchange=", &since, INT64_MAX / 2}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *at = strstr(comment, numbers[i].key);
        const char *value = at ? at + strlen(numbers[i].key) : NULL;
        if (value && !read_number(value, numbers[i].most, numbers[i].at))
            return refuse(r, ERR_FORMAT, value, "the number behind %s is none or too large",
                          numbers[i].key);
    }
    /* 0 is how others note a key that they have just seen. */
    k->state = state < KEY_PENDING ? KEY_PENDING : (enum key_state)state;
    k->seen = (uint32_t)seen;
    k->since_s = since;
    return OK;
}

static enum err add_key(struct reader *r, const struct rrset *set, const char *comment)
{
    struct rrset_iter it = rrset_records(set);
    struct dnskey key;
    if (set->type == TYPE_RRSIG)
        return OK;
    if (set->type != TYPE_DNSKEY || !rrset_next(&it) || !dnskey_read(it.rdata, it.length, &key))
        return refuse(r, ERR_FORMAT, NULL, "only DNSKEY records stand here");
    if (!(key.flags & DNSKEY_SEP))
        return OK;
    enum err e = turn_to(r, set->owner);
    if (e != OK)
        return e;
    if (it.length > TRUST_KEY_OCTETS)
        return refuse(r, ERR_LIMIT, NULL, "the key is longer than any that is used");
    if (r->now->count == TRUST_KEYS_MAX)
        return refuse(r, ERR_LIMIT, NULL, "the zone has more than %d keys", TRUST_KEYS_MAX);
    struct trust_key *k = &r->now->keys[r->now->count++];
    *k = (struct trust_key){.ttl = set->expiry, .length = it.length};
    memcpy(k->rdata, it.rdata, it.length);
    return read_state(r, comment, k);
}

/* "record ; comment": the state is a part of the comment. */
static enum err read_key(struct reader *r, char *line)
{
    char wrong[80];
    struct rrset *set;
    size_t record = strcspn(line, ";");
    bool more = line[record] != '\0';
    line[record] = '\0';
    enum err e = rrset_from_text(r->arena, line, name_root, 0, &set, wrong, sizeof wrong);
    if (e == ERR_FORMAT)
        return refuse(r, e, NULL, "%s", wrong);
    if (more)
        line[record] = ';';
    return e == OK ? add_key(r, set, line + record) : e;
}

static enum err read_line(struct reader *r, char *line)
{
    if (strncmp(line, ";;", 2) == 0)
        return read_head(r, line + 2);
    size_t blank = strspn(line, " \t\r");
    if (line[blank] == '\0' || line[blank] == ';')
        return OK;
    return read_key(r, line);
}

enum err trust_text_read(struct arena *a, const char *text, size_t size, struct trust_point *out,
                         size_t most, size_t *count, struct trust_error *error)
{
    struct reader r = {.arena = a, .points = out, .most = most, .error = error};
    static const char nothing[] = "";
    *error = (struct trust_error){.text = ""};
    *count = 0;
    for (const char *at = size ? text : nothing, *end = text + size; size && at < end;) {
        char line[LINE_MAX_OCTETS];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        error->line++;
        if (length >= sizeof line || memchr(at, '\0', length))
            return refuse(&r, ERR_FORMAT, NULL, "the line is too long or no text");
        memcpy(line, at, length);
        line[length] = '\0';
        r.line = line;
        enum err e = read_line(&r, line);
        if (e != OK)
            return e;
        at = stop ? stop + 1 : end;
    }
    *count = r.count;
    return OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_key(FILE *to, const struct trust_point *t, const struct trust_key *k)
{
    char text[4096];
    uint8_t record[2 + TRUST_KEY_OCTETS];
    store_u16(record, k->length);
    memcpy(record + 2, k->rdata, k->length);
    struct rrset set = {.owner = t->zone,
                        .rdata = record,
                        .rdata_size = 2U + k->length,
                        .expiry = k->ttl,
                        .type = TYPE_DNSKEY,
                        .count = 1};
    rrset_text(&set, 0, text, sizeof text);
    text[strcspn(text, "\n")] = '\0';
    fprintf(to, "%s ;{id = %u} ;;state=%d [ %s ] ;;count=%" PRIu32 " ;;lastchange=%" PRId64 "\n",
            text, dnskey_tag(k->rdata, k->length), (int)k->state, key_state_text(k->state), k->seen,
            k->since_s);
}

void trust_text_write(FILE *to, const struct trust_point *points, size_t count)
{
    fputs(
        "; autotrust trust anchor file: the state of trust anchors (RFC 5011), kept by nuthatchd.\n"
        "; Stop the server before you change it.\n",
        to);
    for (size_t i = 0; i < count; i++) {
        const struct trust_point *t = &points[i];
        char zone[NAME_TEXT_MAX];
        fprintf(to,
                ";;id: %s 1\n;;last_queried: %" PRId64 "\n;;last_success: %" PRId64
                "\n;;next_probe_time: %" PRId64 "\n;;query_failed: %" PRIu32
                "\n;;query_interval: %" PRIu32 "\n;;retry_time: %" PRIu32 "\n",
                name_text(t->zone, zone), t->asked_s, t->success_s, t->next_s, t->failed,
                t->interval_s, t->retry_s);
        for (unsigned k = 0; k < t->count; k++)
            write_key(to, t, &t->keys[k]);
    }
}
