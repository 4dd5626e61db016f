/* Scalars of the configuration: text to value and back. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "ops/config_schema.h"

struct unit {
    char letter;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {'t', 1ull << 40}, {'g', 1ull << 30}, {'m', 1ull << 20}, {'k', 1ull << 10}, {0, 1}};
static const struct unit time_units[] = {
    {'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
static const struct unit no_units[] = {{0, 1}};

static const struct unit *units_of(enum option_type type, size_t *count)
{
    if (type == OPTION_SIZE) {
        *count = sizeof size_units / sizeof size_units[0];
        return size_units;
    }
    if (type == OPTION_SECONDS) {
        *count = sizeof time_units / sizeof time_units[0];
        return time_units;
    }
    *count = 1;
    return no_units;
}

static bool fail(char fault[FAULT_MAX], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(char fault[FAULT_MAX], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault, FAULT_MAX, fmt, args);
    va_end(args);
    return false;
}

const char *config__number_text(enum option_type type, uint64_t n, char buf[32])
{
    size_t count;
    const struct unit *units = units_of(type, &count);
    const struct unit *u = &units[count - 1];
    for (size_t i = 0; n != 0 && i < count; i++) {
        if (n % units[i].factor == 0) {
            u = &units[i];
            break;
        }
    }
    snprintf(buf, 32, "%" PRIu64 "%.1s", n / u->factor, &u->letter);
    return buf;
}

static const char *kind_text(enum option_type type)
{
    return type == OPTION_SIZE ? "a size" : type == OPTION_SECONDS ? "a time" : "a number";
}

static const char *form_text(enum option_type type)
{
    if (type == OPTION_SIZE)
        return "write octets, or a number with k, m, g or t, e.g. 100m";
    if (type == OPTION_SECONDS)
        return "write seconds, or a number with s, m, h, d or w, e.g. 30s or 1d";
    return "write digits only, e.g. 100";
}

/* The factor of the unit at `text`, 0 when there is no such unit. No unit at all is the base unit.
 */
static uint64_t factor_of(enum option_type type, const char *text)
{
    size_t count;
    const struct unit *units = units_of(type, &count);
    if (text[0] == '\0')
        return 1;
    for (size_t i = 0; i < count; i++)
        if (units[i].letter != 0 && tolower((unsigned char)text[0]) == units[i].letter &&
            text[1] == '\0')
            return units[i].factor;
    return 0;
}

static bool out_of_range(const struct option *o, const char *text, char fault[FAULT_MAX])
{
    char least[32], most[32];
    return fail(fault, "'%.40s' is out of range: allowed is %s to %s", text,
                config__number_text(o->type, o->least, least),
                config__number_text(o->type, o->most, most));
}

static bool read_number(const struct option *o, const char *text, uint64_t *out,
                        char fault[FAULT_MAX])
{
    size_t digits = strspn(text, "0123456789");
    const char *kind = kind_text(o->type);
    char least[32], most[32];
    if (text[0] == '-')
        return fail(fault, "'%.40s' is not %s: it cannot be negative, allowed is %s to %s", text,
                    kind, config__number_text(o->type, o->least, least),
                    config__number_text(o->type, o->most, most));
    if (digits == 0)
        return fail(fault, "'%.40s' is not %s: %s", text, kind, form_text(o->type));
    if (digits > 1 && text[0] == '0')
        return fail(fault, "'%.40s' is not %s: write it without a leading zero, e.g. %s", text,
                    kind,
                    text + strspn(text, "0") == text + digits ? "0" : text + strspn(text, "0"));
    uint64_t factor = factor_of(o->type, text + digits);
    if (factor == 0)
        return fail(fault, "'%.40s' is not %s: %s", text, kind, form_text(o->type));
    errno = 0;
    uint64_t n = strtoull(text, NULL, 10);
    if (errno != 0 || n > UINT64_MAX / factor || n * factor < o->least || n * factor > o->most)
        return out_of_range(o, text, fault);
    *out = n * factor;
    return true;
}

static bool read_bool(const char *text, bool *out, char fault[FAULT_MAX])
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return fail(fault, "'%.40s' is neither yes nor no: write true or false", text);
}

/* The next word of `*rest`, which moves on; NULL at the end. */
static const char *next_word(const char **rest, size_t *size)
{
    *rest += strspn(*rest, " ");
    *size = strcspn(*rest, " ");
    const char *word = *rest;
    *rest += *size;
    return *size > 0 ? word : NULL;
}

static bool read_choice(const struct option *o, const char *text, uint32_t *out,
                        char fault[FAULT_MAX])
{
    const char *rest = o->choices, *word;
    size_t size;
    for (uint32_t i = 0; (word = next_word(&rest, &size)); i++) {
        if (strlen(text) == size && strncasecmp(word, text, size) == 0) {
            *out = i;
            return true;
        }
    }
    return fail(fault, "'%.40s' is none of the choices: write one of %s", text, o->choices);
}

static bool read_endpoint(const char *text, struct endpoint *out, char fault[FAULT_MAX])
{
    if (endpoint_parse(text, 53, out) == OK)
        return true;
    return fail(fault,
                "'%.80s' is not an address: write one like 192.0.2.1, 192.0.2.1@5300 or "
                "2001:db8::1",
                text);
}

static bool read_prefix(const char *text, struct prefix *out, char fault[FAULT_MAX])
{
    enum err e = prefix_parse(text, out);
    if (e == OK)
        return true;
    if (e == ERR_RANGE)
        return fail(fault, "'%.80s' has bits set behind its length: clear them or lengthen it",
                    text);
    return fail(fault,
                "'%.80s' is not a network: write one like 192.0.2.0/24, 192.0.2.1 or "
                "2001:db8::/32",
                text);
}

/* "NAME" or "NAME until YYYY-MM-DD", the beginning of that day in UTC. */
static bool read_dated_name(const char *text, struct dated_name *out, char fault[FAULT_MAX])
{
    const char *rest = text;
    char name[NAME_TEXT_MAX];
    struct tm tm = {0};
    size_t size;
    const char *word = next_word(&rest, &size);
    snprintf(name, sizeof name, "%.*s", word ? (int)size : 0, word ? word : "");
    *out = (struct dated_name){0};
    if (!word || size >= sizeof name || name_from_text(name, out->name) != OK)
        return fail(fault, "'%.80s' is not a domain name: write one like broken.example", name);
    if (!(word = next_word(&rest, &size)))
        return true;
    bool until = size == 5 && strncasecmp(word, "until", size) == 0;
    const char *date = until ? next_word(&rest, &size) : NULL;
    const char *end = date ? strptime(date, "%Y-%m-%d", &tm) : NULL;
    int64_t day = end == date + size && end && *end == '\0' ? (int64_t)timegm(&tm) : 0;
    if (day <= 0 || day > UINT32_MAX)
        return fail(fault,
                    "'%.80s' is not a date: write nothing or e.g. until 2027-01-31 behind the name",
                    word);
    out->until = (uint32_t)day;
    return true;
}

bool config__read_value(const struct option *o, const char *text, void *out, char fault[FAULT_MAX])
{
    uint64_t n = 0;
    switch (o->type) {
    case OPTION_BOOL:
        return read_bool(text, out, fault);
    case OPTION_CHOICE:
        return read_choice(o, text, out, fault);
    case OPTION_TEXT:
        *(const char **)out = text;
        return true;
    case OPTION_ENDPOINTS:
        return read_endpoint(text, out, fault);
    case OPTION_PREFIXES:
        return read_prefix(text, out, fault);
    case OPTION_NAMES:
        return read_dated_name(text, out, fault);
    case OPTION_SIZE:
        return read_number(o, text, out, fault);
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        if (!read_number(o, text, &n, fault))
            return false;
        *(uint32_t *)out =
            (uint32_t)n; /* the table's ranges are within 32 bits, a test sees to it */
        return true;
    }
    MUST(false); /* the switch is complete */
    return false;
}

/* One character of valid UTF-8; libyaml lets nothing else in. */
static uint32_t next_character(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    unsigned more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
    uint32_t c = more > 0 ? at[0] & (0x3fu >> more) : at[0];
    for (at++; more > 0 && *at != '\0'; more--, at++)
        c = c << 6 | (*at & 0x3f);
    *text = (const char *)at;
    return c;
}

/* In single quotes YAML knows no escapes but the doubled quote; in double quotes anything can be
 * written. */
static const char *quoted(const char *text, char *buf, size_t size)
{
    size_t n = 0;
    bool plain = true;
    for (const char *at = text; *at != '\0'; at++)
        plain = plain && *at >= ' ' && *at <= '~';
    n += (size_t)snprintf(buf, size, plain ? "'" : "\"");
    while (*text != '\0' && n + 16 < size) {
        uint32_t c = next_character(&text);
        const char *form = "%c";
        if (plain && c == '\'')
            form = "''";
        else if (!plain && (c < ' ' || c > '~' || c == '"' || c == '\\'))
            form = "\\U%08X";
        n += (size_t)snprintf(buf + n, size - n, form, c);
    }
    snprintf(buf + n, size - n, plain ? "'" : "\"");
    return buf;
}

static const char *choice_text(const struct option *o, uint32_t index, char *buf, size_t size)
{
    const char *rest = o->choices, *word;
    size_t length;
    for (uint32_t i = 0; (word = next_word(&rest, &length)); i++)
        if (i == index)
            snprintf(buf, size, "%.*s", (int)length, word);
    return buf;
}

const char *config__scalar_text(const struct option *o, const void *value, char *buf, size_t size)
{
    char number[32];
    buf[0] = '\0';
    switch (o->type) {
    case OPTION_BOOL:
        snprintf(buf, size, "%s", *(const bool *)value ? "true" : "false");
        break;
    case OPTION_CHOICE:
        return choice_text(o, *(const uint32_t *)value, buf, size);
    case OPTION_TEXT:
        return quoted(*(const char *const *)value, buf, size);
    case OPTION_SIZE:
        snprintf(buf, size, "%s", config__number_text(o->type, *(const uint64_t *)value, number));
        break;
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        snprintf(buf, size, "%s", config__number_text(o->type, *(const uint32_t *)value, number));
        break;
    case OPTION_ENDPOINTS:
    case OPTION_PREFIXES:
    case OPTION_NAMES:
        MUST(false); /* lists are written item by item */
    }
    return buf;
}

enum { WORD_MAX = 40 };

/* How many letters must be put in, taken out or changed to make one of the other (Levenshtein). */
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
    size_t row[WORD_MAX + 1];
    if (an > WORD_MAX || bn > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 1; i <= an; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            size_t best = diagonal + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[bn];
}

const char *config__nearest(const char *words, const char *text, char *buf, size_t size)
{
    const char *rest = words, *word;
    size_t length, length_text = strlen(text);
    size_t best = length_text / 3 + 2; /* more changes than that is another word */
    bool found = false;
    while ((word = next_word(&rest, &length))) {
        size_t d = distance(text, length_text, word, length);
        if (d < best) {
            best = d;
            found = true;
            snprintf(buf, size, "%.*s", (int)length, word);
        }
    }
    return found ? buf : NULL;
}
