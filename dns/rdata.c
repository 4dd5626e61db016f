#include "dns/rdata.h"

#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"

const char *rdata_form(uint16_t type)
{
    switch (type) {
#define X(value, name, form)                                                                       \
    case value:                                                                                    \
        return form;
#include "dns/types.def"
#undef X
    default:
        return "*";
    }
}

/* Types beyond RFC 1035 whose names some senders compress (RFC 3597 §4). */
static bool tolerates_compression(uint16_t type)
{
    switch (type) {
    case TYPE_RP:
    case TYPE_AFSDB:
    case TYPE_RT:
    case TYPE_SIG:
    case TYPE_PX:
    case TYPE_NXT:
    case TYPE_SRV:
    case TYPE_NAPTR:
    case TYPE_KX:
    case TYPE_RRSIG:
    case TYPE_NSEC:
        return true;
    default:
        return false;
    }
}

/* A name without pointers, whole within the rdata. */
static bool skip_plain_name(struct cursor *c)
{
    size_t size = 0;
    for (;;) {
        uint8_t length = cursor_u8(c);
        size += 1 + (size_t)length;
        if (length > 63 || size > NAME_MAX_WIRE || !cursor_bytes(c, length))
            return false;
        if (length == 0)
            return true;
    }
}

/* Windows ascending, 1 to 32 octets each, no trailing zero octet (RFC 4034 §4.1.2). May be empty.
 */
static bool check_bitmap(struct cursor *c)
{
    int previous = -1;
    while (cursor_left(c)) {
        uint8_t window = cursor_u8(c);
        uint8_t length = cursor_u8(c);
        const uint8_t *bits = cursor_bytes(c, length);
        if (!bits || window <= previous || length < 1 || length > 32 || bits[length - 1] == 0)
            return false;
        previous = window;
    }
    return true;
}

/* Keys strictly ascending, each with its length and value (RFC 9460 §2.2). */
static bool check_params(struct cursor *c)
{
    int previous = -1;
    while (cursor_left(c)) {
        uint16_t key = cursor_u16(c);
        uint16_t length = cursor_u16(c);
        if (!cursor_bytes(c, length) || key <= previous)
            return false;
        previous = key;
    }
    return true;
}

static bool check_strings(struct cursor *c)
{
    do {
        if (!cursor_bytes(c, cursor_u8(c)) || c->failed)
            return false;
    } while (cursor_left(c));
    return true;
}

/* One field of the form; leaves the cursor behind it. */
static bool check_field(struct cursor *c, char field, bool compressed)
{
    switch (field) {
    case 'N':
        return name_read(c, NULL) == OK;
    case 'n':
        return compressed ? name_read(c, NULL) == OK : skip_plain_name(c);
    case '1':
    case '2':
    case '4':
    case '6':
        return cursor_bytes(c, (size_t)(field - '0'));
    case 'A':
        return cursor_bytes(c, 4);
    case 'Q':
        return cursor_bytes(c, 16);
    case 'S':
    case 'H':
        return cursor_bytes(c, cursor_u8(c)) && !c->failed;
    case 'T':
        return check_strings(c);
    case 'B':
        return check_bitmap(c);
    case 'V':
        return check_params(c);
    case '+':
        return cursor_left(c) > 0 && cursor_bytes(c, cursor_left(c));
    case '*':
        return cursor_bytes(c, cursor_left(c));
    default:
        must_fail("a field that dns/types.def explains", __FILE__, __LINE__);
    }
}

enum err rdata_check(uint16_t type, const uint8_t *message, size_t message_size, size_t offset,
                     size_t length)
{
    if (offset > message_size || length > message_size - offset || length > UINT16_MAX)
        return ERR_FORMAT;
    struct cursor c = {.base = message, .at = message + offset, .end = message + offset + length};
    bool compressed = tolerates_compression(type);
    for (const char *field = rdata_form(type); *field; field++)
        if (!check_field(&c, *field, compressed))
            return ERR_FORMAT;
    return cursor_left(&c) == 0 ? OK : ERR_FORMAT;
}

void rdata_find_names(uint16_t type, const uint8_t *rdata, uint16_t length, struct rdata_names *out)
{
    struct cursor c = cursor_of(rdata, length);
    out->count = 0;
    for (const char *field = rdata_form(type); *field; field++) {
        size_t start = cursor_offset(&c);
        if (*field == 'N' || *field == 'n') {
            MUST(out->count < 2 && skip_plain_name(&c));
            out->at[out->count].offset = (uint16_t)start;
            out->at[out->count].size = (uint16_t)(cursor_offset(&c) - start);
            out->at[out->count].compressible = *field == 'N';
            out->count++;
        } else if (!strpbrk(field, "Nn")) {
            return;
        } else {
            MUST(check_field(&c, *field, false));
        }
    }
}

bool rdata_equal(uint16_t type, const uint8_t *a, const uint8_t *b, uint16_t length)
{
    struct rdata_names names;
    if (memcmp(a, b, length) == 0)
        return true;
    rdata_find_names(type, a, length, &names);
    size_t at = 0;
    for (unsigned i = 0; i < names.count; i++) {
        size_t start = names.at[i].offset;
        if (memcmp(a + at, b + at, start - at) != 0)
            return false;
        /* The other's name lies here too unless the octets before it differ, and has a like length
         * if it is equal; its own form was checked, so it may be read as a name. */
        if (!name_equal(a + start, b + start))
            return false;
        at = start + names.at[i].size;
    }
    return names.count && memcmp(a + at, b + at, length - at) == 0;
}
