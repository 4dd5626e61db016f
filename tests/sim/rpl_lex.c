#include "tests/sim/rpl_lex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum err rpl_fault(struct rpl_reader *r, const char *fmt, ...)
{
    r->error->line = r->line;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->error->text, sizeof r->error->text, fmt, ap);
    va_end(ap);
    return ERR_FORMAT;
}

char *rpl_strdup(struct arena *a, const char *text)
{
    return arena_copy(a, text, strlen(text) + 1);
}

uint8_t *rpl_name_dup(struct arena *a, const uint8_t *name)
{
    return arena_copy(a, name, name_size(name));
}

enum err rpl_raw_line(struct rpl_reader *r, char **line)
{
    *line = NULL;
    if (r->at >= r->end)
        return OK;
    const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    size_t size = (size_t)((stop ? stop : r->end) - r->at);
    r->line++;
    if (size > RPL_LINE_MAX)
        return rpl_fault(r, "a line of more than %d octets", RPL_LINE_MAX);
    if (memchr(r->at, '\0', size))
        return rpl_fault(r, "a NUL octet");
    char *copy = arena_alloc(r->arena, size + 1);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, r->at, size);
    copy[size] = '\0';
    r->at += size + (stop ? 1 : 0);
    *line = copy;
    return OK;
}

/* Ends the line where its comment begins. */
static void cut_comment(char *line, bool hash)
{
    bool quoted = false;
    for (char *p = line; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && *p == ';') {
            *p = '\0';
            return;
        } else if (!quoted && hash && *p == '#' && (p == line || isspace((unsigned char)p[-1]))) {
            *p = '\0';
            return;
        }
    }
}

static char *trim(char *line)
{
    while (isspace((unsigned char)*line))
        line++;
    size_t n = strlen(line);
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        line[--n] = '\0';
    return line;
}

enum err rpl_line(struct rpl_reader *r, bool hash, char **line)
{
    for (;;) {
        enum err err = rpl_raw_line(r, line);
        if (err || !*line)
            return err;
        cut_comment(*line, hash);
        *line = trim(*line);
        if (**line)
            return OK;
    }
}

static char *cut_word(char **rest, bool keep_quotes)
{
    char *p = *rest;
    while (isspace((unsigned char)*p))
        p++;
    if (!*p) {
        *rest = p;
        return NULL;
    }
    char *word = p;
    if (*p == '"' && !keep_quotes) {
        word = ++p;
        while (*p && *p != '"')
            p++;
    } else {
        bool quoted = false;
        for (; *p && (quoted || !isspace((unsigned char)*p)); p++)
            quoted ^= *p == '"';
    }
    if (*p)
        *p++ = '\0';
    *rest = p;
    return word;
}

char *rpl_word(char **rest)
{
    return cut_word(rest, false);
}

char *rpl_bare_word(char **rest)
{
    return cut_word(rest, true);
}

bool rpl_is(const char *word, const char *keyword)
{
    return word && strcasecmp(word, keyword) == 0;
}

enum err rpl_unsigned(const char *word, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (!word || !*word)
        return ERR_FORMAT;
    for (; *word; word++) {
        if (!isdigit((unsigned char)*word))
            return ERR_FORMAT;
        v = v * 10 + (uint64_t)(*word - '0');
        if (v > max)
            return ERR_RANGE;
    }
    *out = v;
    return OK;
}

enum err rpl_seconds(const char *word, uint64_t *ms)
{
    if (!word || !*word)
        return ERR_FORMAT;
    uint64_t whole = 0, part = 0, scale = 100;
    for (; isdigit((unsigned char)*word); word++) {
        whole = whole * 10 + (uint64_t)(*word - '0');
        if (whole > UINT32_MAX)
            return ERR_RANGE;
    }
    if (*word == '.') {
        for (word++; isdigit((unsigned char)*word); word++, scale /= 10)
            part += (uint64_t)(*word - '0') * scale;
    }
    if (*word)
        return ERR_FORMAT;
    *ms = whole * 1000 + part;
    return OK;
}
