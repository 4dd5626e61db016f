#include "base/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number without sign or blanks, at most `max`. */
static enum err read_number(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (!*text)
        return ERR_FORMAT;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return ERR_FORMAT;
        value = value * 10 + (unsigned)(*p - '0');
        if (value > max)
            return ERR_FORMAT;
    }
    *out = value;
    return OK;
}

static enum err read_scope(const char *text, uint32_t *out)
{
    unsigned index = 0;
    if (!*text)
        return ERR_FORMAT;
    if (read_number(text, 0x0fffffff, &index))
        index = if_nametoindex(text);
    if (index == 0)
        return ERR_FORMAT;
    *out = index;
    return OK;
}

/* An address with an optional scope. Changes `text`. */
static enum err read_address(char *text, struct endpoint *out)
{
    char *scope = strchr(text, '%');
    if (scope)
        *scope++ = '\0';
    if (!scope && inet_pton(AF_INET, text, out->bytes) == 1) {
        out->family = 4;
        return OK;
    }
    if (inet_pton(AF_INET6, text, out->bytes) != 1)
        return ERR_FORMAT;
    out->family = 6;
    return scope ? read_scope(scope, &out->scope) : OK;
}

/*
 * Splits the text into address and port, in place. A colon belongs to the port only after a bracket
 * or when it is the only one: two or more make an IPv6 address.
 */
static enum err split(char *text, char **address, char **port)
{
    *address = text;
    *port = NULL;
    if (text[0] == '[') {
        char *close = strchr(text, ']');
        if (!close || !memchr(text, ':', (size_t)(close - text)))
            return ERR_FORMAT;
        *address = text + 1;
        *close = '\0';
        if (close[1] == ':')
            *port = close + 2;
        else if (close[1])
            return ERR_FORMAT;
        return OK;
    }
    char *mark = strrchr(text, '@');
    if (!mark) {
        mark = strchr(text, ':');
        if (mark && strchr(mark + 1, ':'))
            return OK;
    }
    if (mark) {
        *mark = '\0';
        *port = mark + 1;
    }
    return OK;
}

enum err endpoint_parse(const char *text, uint16_t port, struct endpoint *out)
{
    char copy[ADDR_TEXT_MAX];
    char *address_part = NULL;
    char *port_part = NULL;
    struct endpoint e = {.port = port};
    if (strlen(text) >= sizeof(copy))
        return ERR_FORMAT;
    strcpy(copy, text);
    if (split(copy, &address_part, &port_part) || read_address(address_part, &e))
        return ERR_FORMAT;
    if (port_part) {
        unsigned number;
        if (read_number(port_part, 65535, &number) || number == 0)
            return ERR_FORMAT;
        e.port = (uint16_t)number;
    }
    *out = e;
    return OK;
}

const char *address_text(const struct endpoint *e, char buf[ADDR_TEXT_MAX])
{
    if (e->family == 0) {
        strcpy(buf, "none");
        return buf;
    }
    inet_ntop(e->family == 4 ? AF_INET : AF_INET6, e->bytes, buf, ADDR_TEXT_MAX);
    if (e->scope) {
        size_t n = strlen(buf);
        snprintf(buf + n, ADDR_TEXT_MAX - n, "%%%u", (unsigned)e->scope);
    }
    return buf;
}

const char *endpoint_text(const struct endpoint *e, char buf[ADDR_TEXT_MAX])
{
    char address[ADDR_TEXT_MAX - 10]; /* brackets, colon, port, NUL */
    char whole[ADDR_TEXT_MAX];
    snprintf(address, sizeof(address), "%.69s", address_text(e, whole));
    snprintf(buf, ADDR_TEXT_MAX, e->family == 6 ? "[%s]:%u" : "%s:%u", address, (unsigned)e->port);
    return buf;
}

bool address_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && address_equal(a, b);
}

static unsigned address_bits(const struct endpoint *e)
{
    return e->family == 4 ? 32 : 128;
}

static bool bits_after_are_zero(const struct endpoint *e, unsigned length)
{
    for (unsigned i = length; i < address_bits(e); i++)
        if (e->bytes[i / 8] & (0x80u >> (i % 8)))
            return false;
    return true;
}

enum err prefix_parse(const char *text, struct prefix *out)
{
    char copy[ADDR_TEXT_MAX];
    struct prefix p = {.length = 0};
    if (strlen(text) >= sizeof(copy))
        return ERR_FORMAT;
    strcpy(copy, text);
    char *slash = strchr(copy, '/');
    if (slash)
        *slash++ = '\0';
    if (strchr(copy, '%') || read_address(copy, &p.base))
        return ERR_FORMAT;
    unsigned length = address_bits(&p.base);
    if (slash && read_number(slash, length, &length))
        return ERR_FORMAT;
    if (!bits_after_are_zero(&p.base, length))
        return ERR_RANGE;
    p.length = (uint8_t)length;
    *out = p;
    return OK;
}

const char *prefix_text(const struct prefix *p, char buf[ADDR_TEXT_MAX])
{
    address_text(&p->base, buf);
    size_t n = strlen(buf);
    snprintf(buf + n, ADDR_TEXT_MAX - n, "/%u", p->length);
    return buf;
}

bool prefix_covers(const struct prefix *p, const struct endpoint *e)
{
    unsigned whole = p->length / 8;
    unsigned rest = p->length % 8;
    if (p->base.family != e->family || memcmp(p->base.bytes, e->bytes, whole) != 0)
        return false;
    return rest == 0 || (uint8_t)(p->base.bytes[whole] ^ e->bytes[whole]) >> (8 - rest) == 0;
}

/* The IPv4 address within ::ffff:0:0/96 (RFC 4291 §2.5.5.2); other addresses as they are. */
static struct endpoint unmap(const struct endpoint *e)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct endpoint v4 = {.family = 4, .port = e->port};
    if (e->family != 6 || memcmp(e->bytes, mapped, sizeof(mapped)) != 0)
        return *e;
    memcpy(v4.bytes, e->bytes + 12, 4);
    return v4;
}

bool prefix_list_covers(const struct prefix_list *l, const struct endpoint *e)
{
    struct endpoint plain = unmap(e);
    for (size_t i = 0; i < l->count; i++)
        if (prefix_covers(&l->at[i], &plain))
            return true;
    return false;
}
