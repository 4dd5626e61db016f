#include <stdio.h>
#include <string.h>

#include "dns/name.h"

/* Octets that mean something in zone files. */
static bool is_special(uint8_t c)
{
    return c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' ||
           c == '$';
}

static char *put_octet(char *at, uint8_t c)
{
    if (c <= ' ' || c >= 127)
        return at + sprintf(at, "\\%03u", c);
    if (is_special(c))
        *at++ = '\\';
    *at++ = (char)c;
    return at;
}

const char *name_text(const uint8_t *name, char buf[NAME_TEXT_MAX])
{
    char *at = buf;
    if (*name == 0)
        *at++ = '.';
    for (; *name; name += 1 + *name) {
        for (unsigned i = 1; i <= *name; i++)
            at = put_octet(at, name[i]);
        *at++ = '.';
    }
    *at = '\0';
    return buf;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The octet behind a backslash: \DDD or the character itself. Moves `*text` on. */
static enum err read_escape(const char **text, uint8_t *out)
{
    const char *p = *text;
    if (!*p)
        return ERR_FORMAT;
    if (!is_digit(*p)) {
        *out = (uint8_t)*p;
        *text = p + 1;
        return OK;
    }
    if (!is_digit(p[1]) || !is_digit(p[2]))
        return ERR_FORMAT;
    unsigned value =
        (unsigned)(p[0] - '0') * 100 + (unsigned)(p[1] - '0') * 10 + (unsigned)(p[2] - '0');
    if (value > 255)
        return ERR_FORMAT;
    *out = (uint8_t)value;
    *text = p + 3;
    return OK;
}

/* One label up to its dot or the end, without the dot. */
static enum err read_label(const char **text, uint8_t label[64])
{
    const char *p = *text;
    label[0] = 0;
    while (*p && *p != '.') {
        uint8_t c = (uint8_t)*p++;
        if (c == '\\' && read_escape(&p, &c))
            return ERR_FORMAT;
        if (label[0] == 63)
            return ERR_FORMAT;
        label[++label[0]] = c;
    }
    *text = p;
    return label[0] ? OK : ERR_FORMAT;
}

enum err name_from_text(const char *text, uint8_t out[NAME_MAX_WIRE])
{
    uint8_t name[NAME_MAX_WIRE];
    size_t size = 0;
    if (strcmp(text, ".") == 0) {
        out[0] = 0;
        return OK;
    }
    do {
        uint8_t label[64];
        if (read_label(&text, label) || size + 1 + label[0] + 1 > NAME_MAX_WIRE)
            return ERR_FORMAT;
        memcpy(name + size, label, 1 + (size_t)label[0]);
        size += 1 + (size_t)label[0];
        if (*text == '.')
            text++;
    } while (*text);
    name[size++] = 0;
    memcpy(out, name, size);
    return OK;
}
