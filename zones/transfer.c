/*
 * The zone begins with its SOA record and ends with the very same. Only the order tells them apart,
 * so records are read one by one and become sets at the end.
 */
#include "zones/transfer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"
#include "zones/records.h"

struct transfer {
    struct arena arena; /* of the records */
    struct zone_records records;
    struct plain_record soa; /* the first; its owner is NULL before it came */
    size_t octets;
    unsigned messages;
    uint16_t id;
    bool over;
    uint8_t apex[NAME_MAX_WIRE];
    char why[160];
};

__attribute__((format(printf, 2, 3))) static enum err refuse(struct transfer *t, const char *fmt,
                                                             ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->why, sizeof t->why, fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

enum err transfer_new(struct transfer **out, const uint8_t *apex, uint16_t id)
{
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NOMEM;
    arena_init(&t->arena, NULL);
    name_copy(t->apex, apex);
    t->id = id;
    *out = t;
    return OK;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    zone_records_deinit(&t->records);
    arena_deinit(&t->arena);
    free(t);
}

const char *transfer_why(const struct transfer *t)
{
    return t->why;
}

/* ---- One message ----------------------------------------------------------------------------- */

/* The first has the question; those after it may leave it out (RFC 5936 §2.2.1). */
static bool is_question(const struct transfer *t, const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor_of(bytes, size);
    uint8_t name[NAME_MAX_WIRE];
    cursor_bytes(&c, DNS_HEADER_SIZE);
    if (load_u16(bytes + 4) == 0)
        return t->messages > 0;
    return load_u16(bytes + 4) == 1 && name_read(&c, name) == OK && name_equal(name, t->apex) &&
           cursor_u16(&c) == TYPE_AXFR && cursor_u16(&c) == CLASS_IN && !c.failed;
}

static enum err check_head(struct transfer *t, const uint8_t *bytes, size_t size)
{
    char rcode[RCODE_TEXT_MAX];
    if (size < DNS_HEADER_SIZE)
        return refuse(t, "message %u is shorter than a header", t->messages + 1);
    uint16_t flags = load_u16(bytes + 2);
    if (load_u16(bytes) != t->id || !(flags & FLAG_QR) || (flags & (FLAG_OPCODE | FLAG_TC)))
        return refuse(t, "message %u is no reply to the query", t->messages + 1);
    if (flags & FLAG_RCODE)
        return refuse(t, "the server says %s", rcode_text(flags & FLAG_RCODE, rcode));
    if (!is_question(t, bytes, size))
        return refuse(t, "message %u has another question", t->messages + 1);
    t->octets += size;
    if (t->octets > TRANSFER_OCTETS_MAX)
        return refuse(t, "it is over %u MiB", TRANSFER_OCTETS_MAX >> 20);
    return OK;
}

static bool same_record(const struct plain_record *a, const struct plain_record *b)
{
    return a->length == b->length && memcmp(a->rdata, b->rdata, a->length) == 0;
}

static enum err take_soa(struct transfer *t, const struct plain_record *r)
{
    if (!name_equal(r->owner, t->apex))
        return refuse(t, "message %u has the SOA record of another zone", t->messages);
    if (t->soa.owner && !same_record(&t->soa, r))
        return refuse(t, "it ends with another SOA record than it began with: the zone has changed "
                         "meanwhile");
    t->over = t->soa.owner != NULL;
    t->soa = *r;
    return OK;
}

static enum err take_record(struct transfer *t, const struct plain_record *r)
{
    struct zone_record one = {.owner = r->owner,
                              .rdata = r->rdata,
                              .ttl = r->ttl,
                              .place = t->messages,
                              .type = r->type,
                              .length = r->length};
    enum err e = OK;
    if (t->over)
        return refuse(t, "message %u goes on after the last SOA record", t->messages);
    if (!t->soa.owner && r->type != TYPE_SOA)
        return refuse(t, "it does not begin with the SOA record");
    if (!name_at_or_below(r->owner, t->apex))
        return refuse(t, "message %u has a record that lies outside of the zone", t->messages);
    if (r->type == TYPE_SOA)
        e = take_soa(t, r);
    if (e || t->over)
        return e;
    if (t->records.count == TRANSFER_RECORDS_MAX)
        return refuse(t, "it has over %u records", TRANSFER_RECORDS_MAX);
    return zone_records_add(&t->records, &one);
}

enum err transfer_take(struct transfer *t, const uint8_t *bytes, size_t size, bool *over)
{
    struct plain_record *all;
    size_t count;
    enum message_fault fault;
    MUST(!t->over);
    enum err e = check_head(t, bytes, size);
    if (e)
        return e;
    t->messages++;
    e = message_answers(&t->arena, bytes, size, &all, &count, &fault);
    if (e == ERR_FORMAT)
        return refuse(t, "message %u is malformed (%s)", t->messages, message_fault_text(fault));
    if (!e && count == 0)
        return refuse(t, "message %u has no records", t->messages);
    for (size_t i = 0; i < count && !e; i++)
        e = take_record(t, &all[i]);
    *over = t->over;
    return e;
}

enum err transfer_finish(struct transfer *t, struct arena *a, struct rrset_array *out)
{
    unsigned message;
    const char *why;
    MUST(t->over);
    enum err e = zone_records_build(&t->records, a, out, &message, &why);
    return e == ERR_FORMAT ? refuse(t, "message %u: %s", message, why) : e;
}
