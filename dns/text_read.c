#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/text.h"
#include "dns/types.h"

enum { LINE_MAX_SIZE = 65535, TOKEN_MAX = 1100 };

/*
 * The head of a line (owner, TTL, class, type) and the form of RFC 3597 are read here; ldns is
 * asked only for rdata in a known type's own form, on a line put together anew.
 */
struct reading {
    struct arena *arena;
    const uint8_t *origin;
    const char *at; /* in the cleaned line */
    char *error;
    size_t error_size;
    uint8_t owner[NAME_MAX_WIRE];
    uint32_t ttl;
    uint16_t type;
};

static enum err complain(struct reading *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static enum err complain(struct reading *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (r->error_size)
        vsnprintf(r->error, r->error_size, fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Writes the line without comment and parentheses, line ends within parentheses as blanks, and
 * blanks before its end cut. What is in quotes or behind a backslash stays. Returns what is wrong,
 * or NULL.
 */
static const char *clean(const char *line, char *out)
{
    bool quoted = false;
    bool open = false;
    char *to = out;
    for (const char *p = line; *p; p++) {
        if (*p == '\\' && p[1]) {
            *to++ = *p++;
            *to++ = *p;
        } else if (*p == '"') {
            quoted = !quoted;
            *to++ = *p;
        } else if (quoted) {
            *to++ = *p;
        } else if (*p == ';') {
            while (p[1] && p[1] != '\n')
                p++;
        } else if (*p == '(' || *p == ')') {
            if (open == (*p == '('))
                return "parentheses do not match";
            open = !open;
            *to++ = ' ';
        } else if (*p == '\n' && !open && p[strspn(p, " \t\r\n")]) {
            return "more than one line";
        } else {
            *to++ = is_blank(*p) ? ' ' : *p;
        }
    }
    while (to > out && is_blank(to[-1]))
        to--;
    *to = '\0';
    if (quoted)
        return "a quote is not closed";
    return open ? "parentheses do not match" : NULL;
}

static void skip_blanks(struct reading *r)
{
    r->at += strspn(r->at, " ");
}

/* The next token without moving; its length, 0 at the end or when it is too long. */
static size_t peek(struct reading *r, char token[TOKEN_MAX])
{
    size_t size = 0;
    skip_blanks(r);
    while (r->at[size] && r->at[size] != ' ') {
        size += r->at[size] == '\\' && r->at[size + 1] ? 2 : 1;
        if (size >= TOKEN_MAX)
            return 0;
    }
    memcpy(token, r->at, size);
    token[size] = '\0';
    return size;
}

/* Does the text end in a dot that is not escaped? */
static bool is_absolute(const char *text)
{
    size_t size = strlen(text);
    size_t slashes = 0;
    if (size == 0 || text[size - 1] != '.')
        return false;
    while (slashes < size - 1 && text[size - 2 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 0;
}

static enum err read_owner(struct reading *r)
{
    char token[TOKEN_MAX];
    uint8_t name[NAME_MAX_WIRE];
    if (*r->at == ' ') {
        name_copy(r->owner, r->origin);
        return OK;
    }
    size_t size = peek(r, token);
    if (size == 0)
        return complain(r, "no owner name");
    r->at += size;
    if (strcmp(token, "@") == 0) {
        name_copy(r->owner, r->origin);
        return OK;
    }
    if (name_from_text(token, name))
        return complain(r, "bad owner name %.80s", token);
    if (is_absolute(token)) {
        name_copy(r->owner, name);
        return OK;
    }
    if (name_replace(name, name_root, r->origin, r->owner))
        return complain(r, "owner name too long");
    return OK;
}

/* "3600" or "1h30m"; false when it is not a TTL. */
static bool read_ttl(const char *text, uint32_t *out)
{
    uint64_t sum = 0;
    if (*text < '0' || *text > '9')
        return false;
    while (*text) {
        uint64_t value = 0;
        if (*text < '0' || *text > '9')
            return false;
        for (; *text >= '0' && *text <= '9'; text++) {
            value = value * 10 + (uint64_t)(*text - '0');
            if (value > UINT32_MAX)
                return false;
        }
        static const char units[] = "smhdw";
        static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
        const char *unit = *text ? strchr(units, *text | 0x20) : units;
        if (!unit)
            return false;
        sum += value * seconds[unit - units];
        if (sum > INT32_MAX)
            return false;
        if (*text)
            text++;
    }
    *out = (uint32_t)sum;
    return true;
}

static enum err read_head(struct reading *r)
{
    char token[TOKEN_MAX];
    bool ttl_seen = false;
    bool class_seen = false;
    for (;;) {
        size_t size = peek(r, token);
        if (size == 0)
            return complain(r, "no record type");
        r->at += size;
        if (!ttl_seen && read_ttl(token, &r->ttl)) {
            ttl_seen = true;
        } else if (!class_seen && strcasecmp(token, "IN") == 0) {
            class_seen = true;
        } else if (strcasecmp(token, "CH") == 0 || strcasecmp(token, "HS") == 0 ||
                   strncasecmp(token, "CLASS", 5) == 0) {
            return complain(r, "class %.20s is not served", token);
        } else {
            if (type_parse(token, &r->type) == OK)
                break;
            unsigned type = (unsigned)ldns_get_rr_type_by_name(token);
            if (type == 0 || type > UINT16_MAX)
                return complain(r, "unknown type, class or TTL %.40s", token);
            r->type = (uint16_t)type;
            break;
        }
    }
    if (type_is_meta(r->type))
        return complain(r, "type %.20s is not data", token);
    return OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\# 4 c000 0201" (RFC 3597 §5); the cursor stands behind "\#". */
static enum err read_generic(struct reading *r, const uint8_t **out, uint16_t *length)
{
    char *end;
    skip_blanks(r);
    unsigned long want =
        *r->at >= '0' && *r->at <= '9' ? strtoul(r->at, &end, 10) : UINT16_MAX + 1ul;
    if (want > UINT16_MAX)
        return complain(r, "bad rdata length");
    r->at = end;
    uint8_t *bytes = arena_alloc(r->arena, want);
    if (!bytes)
        return ERR_NOMEM;
    unsigned long digits = 0;
    for (; *r->at; r->at++) {
        if (*r->at == ' ')
            continue;
        int value = hex_value(*r->at);
        if (value < 0 || digits == 2 * want)
            return complain(r, "bad rdata in hex");
        uint8_t *byte = &bytes[digits / 2];
        *byte = (uint8_t)(digits % 2 ? *byte | value : value << 4);
        digits++;
    }
    if (digits != 2 * want)
        return complain(r, "rdata in hex is shorter than its length");
    *out = bytes;
    *length = (uint16_t)want;
    return OK;
}

static enum err read_by_ldns(struct reading *r, const uint8_t **out, uint16_t *length)
{
    size_t size = strlen(r->at) + 32;
    char *line = arena_alloc(r->arena, size);
    if (!line)
        return ERR_NOMEM;
    snprintf(line, size, ". 0 IN TYPE%u %s", r->type, r->at);
    ldns_rdf *origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_size(r->origin), r->origin);
    if (!origin)
        return ERR_NOMEM;
    ldns_rr *rr = NULL;
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, origin, NULL);
    ldns_rdf_deep_free(origin);
    if (status == LDNS_STATUS_MEM_ERR)
        return ERR_NOMEM;
    if (status != LDNS_STATUS_OK)
        return complain(r, "bad rdata: %s", ldns_get_errorstr_by_id(status));
    enum err e = record__join(r->arena, rr, out, length);
    ldns_rr_free(rr);
    return e == ERR_FORMAT ? complain(r, "rdata is not of its type's form") : e;
}

/* ldns 1.8.3 loses memory over a CERT whose type it does not know or is 0 (reserved: RFC 4398
 * §2.1). */
static bool is_cert_type(const char *token)
{
    return ldns_lookup_by_name(ldns_cert_algorithms, token) || (uint16_t)atoi(token) != 0;
}

static enum err read_rdata(struct reading *r, const uint8_t **out, uint16_t *length)
{
    char token[TOKEN_MAX];
    size_t size = peek(r, token);
    if (size == 2 && strcmp(token, "\\#") == 0) {
        r->at += size;
        enum err e = read_generic(r, out, length);
        if (e)
            return e;
        if (rdata_check(r->type, *out, *length, 0, *length))
            return complain(r, "rdata is not of its type's form");
        return OK;
    }
    if (r->type == TYPE_CERT && !is_cert_type(token))
        return complain(r, "bad certificate type");
    return read_by_ldns(r, out, length);
}

enum err rrset_from_text(struct arena *a, const char *line, const uint8_t *origin,
                         uint32_t default_ttl, struct rrset **out, char *error, size_t error_size)
{
    struct reading r = {
        .arena = a,
        .origin = origin ? origin : name_root,
        .ttl = default_ttl,
        .error = error,
        .error_size = error_size,
    };
    size_t size = strlen(line);
    if (size > LINE_MAX_SIZE)
        return complain(&r, "line too long");
    char *cleaned = arena_alloc(a, size + 1);
    if (!cleaned)
        return ERR_NOMEM;
    const char *wrong = clean(line, cleaned);
    if (wrong)
        return complain(&r, "%s", wrong);
    r.at = cleaned;
    const uint8_t *rdata = NULL;
    uint16_t length = 0;
    enum err e = read_owner(&r);
    if (!e)
        e = read_head(&r);
    if (!e)
        e = read_rdata(&r, &rdata, &length);
    struct rrset_builder b;
    if (!e)
        e = rrset_build(&b, a, r.owner, r.type, r.ttl);
    if (!e)
        e = rrset_add(&b, rdata, length);
    if (e)
        return e;
    *out = rrset_finish(&b);
    return OK;
}
