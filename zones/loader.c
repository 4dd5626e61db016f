#include "zones/loader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dns/types.h"
#include "zones/records.h"

enum {
    TTL_MAX = 0x7fffffff,
    TTL_DEFAULT = 3600, /* of a record before any $TTL and any TTL */
    ZONE_SIZE_MAX = 64 << 20,
    DIRECTIVE_MAX = NAME_TEXT_MAX,
};

/* One reading of one text. */
struct reader {
    struct arena *arena;
    struct zone_error *error;
    const char *at;
    const char *end;
    unsigned line;      /* where the present entry begins */
    unsigned next_line; /* where the next one does */
    struct zone_records records;
    char *buffer; /* malloc'd: the present entry, closed with NUL */
    size_t buffer_size;
    /* What entries leave for those after them. */
    uint8_t origin[NAME_MAX_WIRE];
    const uint8_t *owner; /* of the record before; NULL: there is none */
    uint32_t ttl;
};

__attribute__((format(printf, 3, 4))) static enum err fault(struct reader *r, unsigned line,
                                                            const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    r->error->line = line;
    vsnprintf(r->error->text, sizeof(r->error->text), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

/*
 * The end of the entry that begins at r->at: a line, or more when parentheses hold line ends (RFC
 * 1035 §5.1). Neither comments nor quoted strings open parentheses, and no string goes over the end
 * of its line.
 */
static const char *entry_end(struct reader *r)
{
    unsigned depth = 0;
    bool quoted = false, comment = false;
    for (const char *p = r->at; p < r->end; p++) {
        if (*p == '\n') {
            r->next_line++;
            quoted = comment = false;
            if (depth == 0)
                return p + 1;
        } else if (comment) {
            continue;
        } else if (*p == '\\' && p + 1 < r->end && p[1] != '\n') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            comment = *p == ';';
            depth += *p == '(';
            depth -= *p == ')' && depth > 0;
        }
    }
    return r->end;
}

/* Copies the entry to the buffer; one that begins with a blank gets the owner of the record before.
 */
static enum err copy_entry(struct reader *r, const char *end)
{
    char owner[NAME_TEXT_MAX] = "";
    if ((*r->at == ' ' || *r->at == '\t') && r->owner)
        name_text(r->owner, owner);
    size_t prefix = strlen(owner);
    size_t size = (size_t)(end - r->at);
    if (memchr(r->at, 0, size))
        return fault(r, r->line, "a NUL octet");
    if (r->buffer_size < prefix + size + 1) {
        char *grown = realloc(r->buffer, 2 * (prefix + size + 1));
        if (!grown)
            return ERR_NOMEM;
        r->buffer = grown;
        r->buffer_size = 2 * (prefix + size + 1);
    }
    memcpy(r->buffer, owner, prefix);
    memcpy(r->buffer + prefix, r->at, size);
    r->buffer[prefix + size] = '\0';
    return OK;
}

/* Is there nothing but blanks and a comment? */
static bool is_empty(const char *text)
{
    text += strspn(text, " \t\r\n");
    return *text == '\0' || *text == ';';
}

/* Seconds, or numbers with units behind them: "1h30m". */
static enum err parse_ttl(const char *text, uint32_t *out)
{
    static const char units[] = "smhdw";
    static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
    uint64_t sum = 0;
    if (*text == '\0')
        return ERR_FORMAT;
    while (*text) {
        uint64_t number = 0;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 10)
            return ERR_FORMAT;
        for (size_t i = 0; i < digits; i++)
            number = number * 10 + (uint64_t)(text[i] - '0');
        text += digits;
        const char *unit = *text ? strchr(units, *text | 0x20) : units;
        if (!unit)
            return ERR_FORMAT;
        sum += number * seconds[unit - units];
        text += *text != '\0';
        if (sum > TTL_MAX)
            return ERR_RANGE;
    }
    *out = (uint32_t)sum;
    return OK;
}

static enum err set_origin(struct reader *r, const char *word)
{
    char text[2 * NAME_TEXT_MAX + 2];
    char origin[NAME_TEXT_MAX];
    size_t size = strlen(word);
    uint8_t name[NAME_MAX_WIRE];
    if (strcmp(word, "@") == 0)
        return OK;
    bool absolute = size > 0 && word[size - 1] == '.';
    name_text(r->origin, origin);
    snprintf(text, sizeof(text), "%s%s%s", word, absolute || origin[0] == '.' ? "" : ".",
             absolute ? "" : origin);
    if (size == 0 || name_from_text(text, name))
        return fault(r, r->line, "$ORIGIN wants a domain name");
    name_copy(r->origin, name);
    return OK;
}

/* $ORIGIN and $TTL (RFC 2308 §4). $INCLUDE is refused: one zone, one file. */
static enum err take_directive(struct reader *r)
{
    static const char blanks[] = " \t\r\n";
    char word[DIRECTIVE_MAX];
    size_t key = strcspn(r->buffer, blanks);
    const char *value = r->buffer + key + strspn(r->buffer + key, blanks);
    size_t size = strcspn(value, " \t\r\n;");
    if (size >= sizeof(word) || !is_empty(value + size))
        return fault(r, r->line, "a directive has one value");
    memcpy(word, value, size);
    word[size] = '\0';
    if (key == 7 && strncasecmp(r->buffer, "$ORIGIN", key) == 0)
        return set_origin(r, word);
    if (key == 4 && strncasecmp(r->buffer, "$TTL", key) == 0)
        return parse_ttl(word, &r->ttl) ? fault(r, r->line, "$TTL wants a time") : OK;
    return fault(r, r->line, "unknown directive");
}

static enum err take_record(struct reader *r)
{
    struct rrset *one;
    char why[sizeof(r->error->text)] = "";
    enum err e = rrset_from_text(r->arena, r->buffer, r->origin, r->ttl, &one, why, sizeof(why));
    if (e == ERR_FORMAT)
        return fault(r, r->line, "%s", why);
    if (e)
        return e;
    struct rrset_iter it = rrset_all(one);
    if (!rrset_next(&it))
        return fault(r, r->line, "no record");
    r->owner = one->owner;
    struct zone_record record = {.owner = one->owner,
                                 .rdata = it.rdata,
                                 .ttl = one->expiry,
                                 .place = r->line,
                                 .type = one->type,
                                 .length = it.length};
    return zone_records_add(&r->records, &record);
}

static enum err read_records(struct reader *r)
{
    while (r->at < r->end) {
        r->line = r->next_line;
        const char *end = entry_end(r);
        enum err e = copy_entry(r, end);
        bool empty = !e && is_empty(r->buffer + (strlen(r->buffer) - (size_t)(end - r->at)));
        if (!e && !empty)
            e = r->buffer[0] == '$' ? take_directive(r) : take_record(r);
        if (e)
            return e;
        r->at = end;
    }
    return OK;
}

static enum err build_sets(struct reader *r, struct rrset_array *out)
{
    unsigned line;
    const char *why;
    enum err e = zone_records_build(&r->records, r->arena, out, &line, &why);
    return e == ERR_FORMAT ? fault(r, line, "%s", why) : e;
}

enum err zone_read_text(struct arena *a, const char *text, size_t size, const uint8_t *origin,
                        struct rrset_array *out, struct zone_error *error)
{
    *error = (struct zone_error){0};
    *out = (struct rrset_array){0};
    if (size == 0)
        return OK;
    struct reader r = {.arena = a, .error = error, .at = text, .end = text + size};
    r.next_line = 1;
    r.ttl = TTL_DEFAULT;
    name_copy(r.origin, origin);
    enum err e = read_records(&r);
    if (!e)
        e = build_sets(&r, out);
    free(r.buffer);
    zone_records_deinit(&r.records);
    return e;
}

/* The octets of an open file, malloc'd. ERR_LIMIT: more than ZONE_SIZE_MAX; ERR_IO with errno. */
static enum err slurp(FILE *file, char **out, size_t *size)
{
    size_t capacity = 0;
    *out = NULL;
    *size = 0;
    do {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 16;
            char *grown = capacity <= 2 * (size_t)ZONE_SIZE_MAX ? realloc(*out, capacity) : NULL;
            if (!grown)
                return capacity > ZONE_SIZE_MAX ? ERR_LIMIT : ERR_NOMEM;
            *out = grown;
        }
        errno = 0;
        *size += fread(*out + *size, 1, capacity - *size, file);
        if (ferror(file))
            return ERR_IO;
    } while (!feof(file));
    return *size > ZONE_SIZE_MAX ? ERR_LIMIT : OK;
}

static enum err refuse_file(struct zone_error *error, enum err e, const char *text)
{
    error->line = 0;
    snprintf(error->text, sizeof(error->text), "%s", text);
    return e;
}

enum err zone_read_file(struct arena *a, const char *path, const uint8_t *origin,
                        struct rrset_array *out, struct zone_error *error)
{
    *error = (struct zone_error){0};
    *out = (struct rrset_array){0};
    FILE *file = fopen(path, "re");
    if (!file)
        return refuse_file(error, ERR_IO, strerror(errno));
    char *text;
    size_t size;
    enum err e = slurp(file, &text, &size);
    if (e == ERR_IO)
        e = refuse_file(error, ERR_IO, strerror(errno));
    else if (e == ERR_LIMIT)
        e = refuse_file(error, ERR_FORMAT, "it is over 64 MiB");
    else if (!e)
        e = zone_read_text(a, text, size, origin, out, error);
    free(text);
    fclose(file);
    return e;
}
