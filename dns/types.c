#include "dns/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Meta types that are only asked for and never stored, and so are not in the table. */
enum { TYPE_MAILB = 253, TYPE_MAILA = 254 };

static const struct {
    uint16_t value;
    const char *text;
} names[] = {
#define X(value, name, form) {value, #name},
#include "dns/types.def"
#undef X
    {TYPE_MAILB, "MAILB"},
    {TYPE_MAILA, "MAILA"},
};

const char *type_text(uint16_t type, char buf[TYPE_TEXT_MAX])
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].value == type)
            return names[i].text;
    snprintf(buf, TYPE_TEXT_MAX, "TYPE%u", type);
    return buf;
}

enum err type_parse(const char *text, uint16_t *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(names[i].text, text) == 0) {
            *out = names[i].value;
            return OK;
        }
    if (strncasecmp(text, "TYPE", 4) != 0)
        return ERR_FORMAT;
    const char *digits = text + 4;
    size_t count = strlen(digits);
    if (count == 0 || count > 5 || strspn(digits, "0123456789") != count)
        return ERR_FORMAT;
    unsigned long value = strtoul(digits, NULL, 10);
    if (value > 65535)
        return ERR_FORMAT;
    *out = (uint16_t)value;
    return OK;
}

const char *rcode_text(uint16_t rcode, char buf[RCODE_TEXT_MAX])
{
    static const char *const texts[] = {
        [RCODE_NOERROR] = "NOERROR",     [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
        [RCODE_NXDOMAIN] = "NXDOMAIN",   [RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
        [RCODE_YXDOMAIN] = "YXDOMAIN",   [RCODE_YXRRSET] = "YXRRSET", [RCODE_NXRRSET] = "NXRRSET",
        [RCODE_NOTAUTH] = "NOTAUTH",     [RCODE_NOTZONE] = "NOTZONE", [RCODE_BADVERS] = "BADVERS",
        [RCODE_BADCOOKIE] = "BADCOOKIE",
    };
    if (rcode < sizeof(texts) / sizeof(texts[0]) && texts[rcode])
        return texts[rcode];
    snprintf(buf, RCODE_TEXT_MAX, "RCODE%u", rcode);
    return buf;
}

bool type_is_meta(uint16_t type)
{
    switch (type) {
    case 0:
    case TYPE_OPT:
    case TYPE_TKEY:
    case TYPE_TSIG:
    case TYPE_IXFR:
    case TYPE_AXFR:
    case TYPE_MAILB:
    case TYPE_MAILA:
    case TYPE_ANY:
        return true;
    default:
        return false;
    }
}
