/* The answer section record by record: for zone transfers, in which the order has a meaning. */
#include "dns/message.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/types.h"

static enum err read_one(struct arena *a, struct cursor *c, struct plain_record *out,
                         enum message_fault *fault)
{
    struct record r;
    uint8_t owner[NAME_MAX_WIRE];
    *fault = record__read(c, &r);
    struct cursor at = *c;
    at.at = at.base + r.owner;
    if (*fault || name_read(&at, owner))
        return ERR_FORMAT;
    out->owner = arena_copy(a, owner, name_size(owner));
    out->type = r.type;
    out->ttl = r.ttl > INT32_MAX ? 0 : r.ttl; /* RFC 2181 §8 */
    return out->owner ? record__rdata(a, c, &r, &out->rdata, &out->length) : ERR_NOMEM;
}

enum err message_answers(struct arena *a, const uint8_t *bytes, size_t size,
                         struct plain_record **out, size_t *count, enum message_fault *fault)
{
    unsigned dropped[SECTION_COUNT] = {0};
    *fault = record__check_all(bytes, size, dropped);
    if (!*fault && dropped[SECTION_ANSWER])
        *fault = MESSAGE_RDATA;
    if (*fault)
        return ERR_FORMAT;
    struct cursor c = cursor_of(bytes, size);
    cursor_bytes(&c, DNS_HEADER_SIZE);
    if (load_u16(bytes + 4) && (name_read(&c, NULL) || !cursor_bytes(&c, 4)))
        return ERR_FORMAT;
    *count = load_u16(bytes + 6);
    *out = arena_calloc(a, *count, sizeof **out);
    enum err e = *out ? OK : ERR_NOMEM;
    for (size_t i = 0; i < *count && !e; i++)
        e = read_one(a, &c, &(*out)[i], fault);
    if (e == ERR_FORMAT && !*fault)
        *fault = MESSAGE_RDATA;
    return e;
}
