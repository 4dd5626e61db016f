/*
 * Writing the messages that entries describe, with a writer of the tests' own: owners and the names
 * of RFC 1035's rdata are compressed against names written before, records stand as the entry has
 * them, however odd.
 */
#include <string.h>

#include "dns/edns.h"
#include "dns/rdata.h"
#include "tests/sim/rpl.h"

enum { NAMES_MAX = 64 };

struct builder {
    uint8_t *buf;
    size_t size;
    uint16_t names[NAMES_MAX]; /* offsets of names written, whole */
    unsigned name_count;
    bool full;
};

static void put(struct builder *b, const void *bytes, size_t size)
{
    if (b->full || size > DNS_MESSAGE_MAX - b->size) {
        b->full = true;
        return;
    }
    if (size > 0)
        memcpy(b->buf + b->size, bytes, size);
    b->size += size;
}

static void put_u16(struct builder *b, uint16_t v)
{
    uint8_t bytes[2];
    store_u16(bytes, v);
    put(b, bytes, sizeof bytes);
}

static void put_u32(struct builder *b, uint32_t v)
{
    put_u16(b, (uint16_t)(v >> 16));
    put_u16(b, (uint16_t)v);
}

/* Where a name that equals `name` octet by octet was written; 0 when nowhere. */
static uint16_t written_at(const struct builder *b, const uint8_t *name)
{
    uint8_t old[NAME_MAX_WIRE];
    for (unsigned i = 0; i < b->name_count; i++) {
        struct cursor c = cursor_of(b->buf, b->size);
        c.at += b->names[i];
        if (name_read(&c, old) == OK && name_equal_case(old, name))
            return b->names[i];
    }
    return 0;
}

static void put_name(struct builder *b, const uint8_t *name, bool compress)
{
    for (; *name; name += 1 + *name) {
        uint16_t at = compress ? written_at(b, name) : 0;
        if (at > 0) {
            put_u16(b, (uint16_t)(0xc000 | at));
            return;
        }
        /* Remember it from here on: pointers go backward to what is complete only after this name.
         */
        uint16_t here = (uint16_t)b->size;
        put(b, name, (size_t)1 + *name);
        if (b->size < 0x4000 && b->name_count < NAMES_MAX && !b->full && compress)
            b->names[b->name_count++] = here;
    }
    put(b, "", 1);
}

static void put_record(struct builder *b, const struct rpl_rr *rr)
{
    put_name(b, rr->owner, true);
    put_u16(b, rr->type);
    put_u16(b, rr->class);
    put_u32(b, rr->ttl);
    size_t length_at = b->size;
    put_u16(b, 0);
    struct rdata_names names = {0};
    rdata_find_names(rr->type, rr->rdata, rr->length, &names);
    size_t at = 0;
    for (unsigned i = 0; i < names.count; i++) {
        size_t start = names.at[i].offset;
        if (start < at || start + names.at[i].size > rr->length)
            break;
        put(b, rr->rdata + at, start - at);
        put_name(b, rr->rdata + start, names.at[i].compressible);
        at = start + names.at[i].size;
    }
    put(b, rr->rdata + at, rr->length - at);
    if (!b->full)
        store_u16(b->buf + length_at, (uint16_t)(b->size - length_at - 2));
}

static void put_question(struct builder *b, const struct rpl_question *q)
{
    if (!q->name)
        return;
    put_name(b, q->name, true);
    put_u16(b, q->type);
    put_u16(b, q->class);
}

static void put_opt(struct builder *b, const struct rpl_packet *p, bool do_bit)
{
    put(b, "", 1);
    put_u16(b, TYPE_OPT);
    put_u16(b, RPL_EDNS_SIZE);
    put_u32(b, (uint32_t)(p->rcode >> 4) << 24 | (do_bit ? 0x8000u : 0));
    put_u16(b, (uint16_t)p->ednsdata_size);
    put(b, p->ednsdata, p->ednsdata_size);
}

/* What goes around the sections of a packet. */
struct frame {
    uint16_t id;
    const struct rpl_question *question;
    bool sections;
    bool edns;
    bool do_bit;
};

static void write_packet(struct builder *b, const struct rpl_packet *p, const struct frame *f)
{
    uint16_t counts[RPL_SECTIONS] = {f->question->name ? 1 : 0};
    *b = (struct builder){.buf = b->buf};
    put_u16(b, f->id);
    put_u16(b, (uint16_t)(p->flags | p->opcode << 11 | (p->rcode & FLAG_RCODE)));
    put(b, "\0\0\0\0\0\0\0\0", 8);
    put_question(b, f->question);
    for (int s = RPL_ANSWER; f->sections && s < RPL_SECTIONS; s++) {
        for (const struct rpl_rr *rr = p->section[s]; rr; rr = rr->next) {
            put_record(b, rr);
            counts[s]++;
        }
    }
    if (f->edns) {
        put_opt(b, p, f->do_bit);
        counts[RPL_ADDITIONAL]++;
    }
    for (int s = 0; !b->full && s < RPL_SECTIONS; s++)
        store_u16(b->buf + 4 + 2 * s, counts[s]);
}

static enum err finish(struct arena *a, const struct builder *b, struct rpl_bytes *out)
{
    if (b->full)
        return ERR_SPACE;
    out->at = arena_copy(a, b->buf, b->size);
    out->size = b->size;
    return out->at ? OK : ERR_NOMEM;
}

enum err rpl_build_query(struct arena *a, const struct rpl_entry *e, uint16_t id,
                         struct rpl_bytes *out)
{
    const struct rpl_packet *p = &e->packet;
    if (p->raw) {
        *out = (struct rpl_bytes){p->raw, p->raw_size};
        return OK;
    }
    struct builder b = {.buf = arena_alloc(a, DNS_MESSAGE_MAX)};
    if (!b.buf)
        return ERR_NOMEM;
    write_packet(&b, p,
                 &(struct frame){.id = id,
                                 .question = &p->question,
                                 .sections = true,
                                 .edns = !p->noedns,
                                 .do_bit = p->do_bit});
    return finish(a, &b, out);
}

static enum err copy_raw(struct arena *a, const struct rpl_entry *e, const struct rpl_packet *p,
                         uint16_t id, struct rpl_bytes *out)
{
    uint8_t *bytes = arena_copy(a, p->raw, p->raw_size);
    if (!bytes)
        return ERR_NOMEM;
    if ((e->adjust & (ADJUST_RAW_ID | ADJUST_COPY_ID)) && p->raw_size >= 2)
        store_u16(bytes, id);
    *out = (struct rpl_bytes){bytes, p->raw_size};
    return OK;
}

enum err rpl_build_reply(struct arena *a, const struct rpl_entry *e, const struct rpl_packet *p,
                         const struct rpl_message *query, struct rpl_bytes *out)
{
    if (p->raw)
        return copy_raw(a, e, p, query->id, out);
    struct builder b = {.buf = arena_alloc(a, DNS_MESSAGE_MAX)};
    if (!b.buf)
        return ERR_NOMEM;
    struct frame f = {.id = e->adjust & ADJUST_COPY_ID ? query->id : 0,
                      .question = e->adjust & ADJUST_COPY_QUERY ? &query->question : &p->question,
                      .sections = true,
                      .edns = (query->edns.present || p->has_ednsdata) && !p->noedns,
                      .do_bit = p->do_bit || query->edns.do_bit};
    write_packet(&b, p, &f);
    size_t room = query->edns.present ? query->edns.udp_size : DNS_UDP_MIN;
    if (room < DNS_UDP_MIN)
        room = DNS_UDP_MIN;
    if ((p->flags & FLAG_TC) && query->via == TRANSPORT_UDP && (b.full || b.size > room)) {
        f.sections = false;
        write_packet(&b, p, &f);
    }
    return finish(a, &b, out);
}

void rpl_entry_message(const struct rpl_entry *e, struct rpl_message *out)
{
    const struct rpl_packet *p = &e->packet;
    *out = (struct rpl_message){.flags = p->flags,
                                .opcode = p->opcode,
                                .rcode = p->rcode,
                                .question = p->question,
                                .edns = {.present = p->do_bit || p->has_ednsdata,
                                         .do_bit = p->do_bit,
                                         .options = p->ednsdata,
                                         .options_size = (uint16_t)p->ednsdata_size}};
    memcpy(out->section, p->section, sizeof out->section);
}
