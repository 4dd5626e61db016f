#include "dns/edns.h"

#include <string.h>

#include "base/must.h"
#include "dns/types.h"

enum { EDNS_TTL_DO = 0x8000 };

/* The size of the first EDNS_OPTIONS_MAX options, or ERR_FORMAT when one of them is cut off. */
static enum err measure_options(const uint8_t *rdata, uint16_t length, uint16_t *size)
{
    struct cursor c = cursor_of(rdata, length);
    for (unsigned i = 0; i < EDNS_OPTIONS_MAX && cursor_left(&c); i++) {
        cursor_u16(&c);
        uint16_t option = cursor_u16(&c);
        if (!cursor_bytes(&c, option))
            return ERR_FORMAT;
    }
    *size = (uint16_t)cursor_offset(&c);
    return OK;
}

enum err edns_read(uint16_t rr_class, uint32_t ttl, const uint8_t *rdata, uint16_t length,
                   struct edns *out)
{
    *out = (struct edns){
        .present = true,
        .do_bit = ttl & EDNS_TTL_DO,
        .version = (uint8_t)(ttl >> 16),
        .extended_rcode = (uint8_t)(ttl >> 24),
        .udp_size = rr_class,
        .options = rdata,
    };
    enum err e = measure_options(rdata, length, &out->options_size);
    out->cut = e == OK && out->options_size < length;
    return e;
}

uint16_t edns_payload(const struct edns *e)
{
    return e->present && e->udp_size > DNS_UDP_MIN ? e->udp_size : DNS_UDP_MIN;
}

bool edns_option(const struct edns *e, uint16_t code, const uint8_t **data, uint16_t *length)
{
    if (!e->present || e->options_size == 0)
        return false;
    struct cursor c = cursor_of(e->options, e->options_size);
    for (unsigned i = 0; i < EDNS_OPTIONS_MAX && cursor_left(&c); i++) {
        uint16_t found = cursor_u16(&c);
        uint16_t size = cursor_u16(&c);
        const uint8_t *bytes = cursor_bytes(&c, size);
        if (!bytes)
            return false;
        if (found == code) {
            *data = bytes;
            *length = size;
            return true;
        }
    }
    return false;
}

void edns_out_add(struct edns_out *o, uint16_t code, const void *data, size_t length)
{
    MUST(o->count < EDNS_OUT_OPTIONS);
    o->option[o->count++] =
        (struct writer_option){.code = code, .length = (uint16_t)length, .data = data};
}

static uint8_t *keep(struct edns_out *o, size_t size)
{
    uint8_t *at = o->octets + o->used;
    MUST(size <= (size_t)(EDNS_OUT_OCTETS - o->used));
    o->used = (uint16_t)(o->used + size);
    return at;
}

void edns_out_u16(struct edns_out *o, uint16_t code, uint16_t value)
{
    uint8_t *at = keep(o, 2);
    store_u16(at, value);
    edns_out_add(o, code, at, 2);
}

void edns_out_ede(struct edns_out *o, uint16_t code, const char *text)
{
    size_t length = strlen(text);
    length = length > EDNS_EDE_TEXT_MAX ? EDNS_EDE_TEXT_MAX : length;
    uint8_t *at = keep(o, 2 + length);
    store_u16(at, code);
    memcpy(at + 2, text, length);
    edns_out_add(o, EDNS_EDE, at, 2 + length);
}
