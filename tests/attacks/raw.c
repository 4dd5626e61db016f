#include <string.h>

#include "base/must.h"
#include "tests/attacks/attack.h"

void raw_put(struct raw *m, const void *bytes, size_t size)
{
    MUST(m->size + size <= sizeof m->bytes);
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

void raw_u16(struct raw *m, unsigned v)
{
    uint8_t b[2];
    store_u16(b, (uint16_t)v);
    raw_put(m, b, 2);
}

void raw_start(struct raw *m)
{
    static const uint8_t question[] = "\1a\0\0\1\0\1";
    m->size = 0;
    raw_u16(m, 1);
    raw_u16(m, FLAG_QR | FLAG_AA);
    raw_u16(m, 1);
    for (unsigned i = 0; i < 3; i++)
        raw_u16(m, 0);
    raw_put(m, question, 7);
}

void raw_count(struct raw *m, enum section section)
{
    uint8_t *at = m->bytes + 6 + 2 * section;
    store_u16(at, (uint16_t)(load_u16(at) + 1));
}

void raw_record(struct raw *m, enum section section, unsigned type, const void *rdata, size_t size)
{
    raw_u16(m, 0xc00c);
    raw_u16(m, type);
    raw_u16(m, CLASS_IN);
    raw_u16(m, 0);
    raw_u16(m, 300);
    raw_u16(m, (unsigned)size);
    raw_put(m, rdata, size);
    raw_count(m, section);
}

void raw_reply(struct raw *m, const struct ask *q, uint16_t flags)
{
    m->size = 0;
    raw_u16(m, q->id);
    raw_u16(m, FLAG_QR | flags);
    raw_u16(m, 1);
    for (unsigned i = 0; i < 3; i++)
        raw_u16(m, 0);
    raw_put(m, q->sent, name_size(q->sent));
    raw_u16(m, q->type);
    raw_u16(m, CLASS_IN);
}
