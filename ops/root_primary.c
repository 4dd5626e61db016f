#include "ops/root_primary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/writer.h"
#include "dnssec/signature.h"
#include "net/stream.h"
#include "zones/transfer.h"

struct conversation {
    struct net_stream stream;
    struct arena *arena;
    uint16_t id; /* of the last query */
    char *why;
    uint8_t reply[DNS_MESSAGE_MAX];
    size_t size;
};

/* What the stream says. */
static enum err broken(struct conversation *c, const char *what)
{
    snprintf(c->why, ROOT_PRIMARY_WHY, "%s: %s", what,
             errno == ETIMEDOUT ? "it took too long" : strerror(errno));
    return ERR_IO;
}

static enum err ask(struct conversation *c, uint16_t type)
{
    uint8_t query[DNS_HEADER_SIZE + 1 + 4];
    struct writer w;
    MUST(getrandom(&c->id, sizeof c->id, 0) == sizeof c->id);
    writer_init(&w, query, sizeof query);
    MUST(writer_header(&w, c->id, 0) == OK);
    MUST(writer_question(&w, name_root, type, CLASS_IN) == OK);
    return net_stream_send(&c->stream, query, writer_finish(&w)) ? broken(c, "sending") : OK;
}

static enum err hear(struct conversation *c)
{
    return net_stream_receive(&c->stream, c->reply, &c->size) ? broken(c, "receiving") : OK;
}

/* ---- Its serial ------------------------------------------------------------------------------ */

static const struct rrset *soa_of(const struct conversation *c, const struct message *m)
{
    const struct rrset_array *answer = &m->section[SECTION_ANSWER];
    if (m->id != c->id || !(m->flags & FLAG_QR) || m->rcode != RCODE_NOERROR)
        return NULL;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->at[i]->type == TYPE_SOA && !*answer->at[i]->owner && answer->at[i]->count == 1)
            return answer->at[i];
    return NULL;
}

static enum err ask_serial(struct conversation *c, uint32_t *serial)
{
    struct message *m;
    enum message_fault fault;
    enum err e = ask(c, TYPE_SOA);
    if (!e)
        e = hear(c);
    if (e)
        return e;
    e = message_parse(c->arena, c->reply, c->size, 0, &m, &fault);
    const struct rrset *soa = e ? NULL : soa_of(c, m);
    if (!soa) {
        snprintf(c->why, ROOT_PRIMARY_WHY, "it does not tell the root's SOA record");
        return ERR_FORMAT;
    }
    struct rrset_iter it = rrset_records(soa);
    MUST(rrset_next(&it));
    *serial = load_u32(it.rdata + it.length - 20);
    return OK;
}

/* ---- The zone -------------------------------------------------------------------------------- */

static enum err hear_zone(struct conversation *c, struct transfer *t, struct rrset_array *zone)
{
    bool over = false;
    enum err e = OK;
    while (!e && !over) {
        if ((e = hear(c)))
            return e;
        e = transfer_take(t, c->reply, c->size, &over);
    }
    if (!e)
        e = transfer_finish(t, c->arena, zone);
    if (e)
        snprintf(c->why, ROOT_PRIMARY_WHY, "transfer: %s",
                 e == ERR_FORMAT ? transfer_why(t) : err_text(e));
    return e;
}

static enum err fetch(struct conversation *c, struct rrset_array *zone)
{
    struct transfer *t;
    enum err e = ask(c, TYPE_AXFR);
    if (e)
        return e;
    if ((e = transfer_new(&t, name_root, c->id))) {
        snprintf(c->why, ROOT_PRIMARY_WHY, "%s", err_text(e));
        return e;
    }
    e = hear_zone(c, t, zone);
    transfer_free(t);
    return e;
}

static enum primary_says talk(struct conversation *c, const uint32_t *serial,
                              struct rrset_array *zone)
{
    uint32_t theirs;
    if (serial && ask_serial(c, &theirs))
        return PRIMARY_FAILED;
    if (serial && theirs == *serial)
        return PRIMARY_SAME;
    if (serial && !serial_less(*serial, theirs)) {
        snprintf(c->why, ROOT_PRIMARY_WHY, "its zone is older than ours: serial %" PRIu32, theirs);
        return PRIMARY_FAILED;
    }
    return fetch(c, zone) ? PRIMARY_FAILED : PRIMARY_NEWER;
}

enum primary_says root_primary_ask(const struct endpoint *at, const uint32_t *serial,
                                   const atomic_bool *stop, struct arena *a,
                                   struct rrset_array *zone, char why[ROOT_PRIMARY_WHY])
{
    struct conversation c = {.arena = a, .why = why};
    enum primary_says says = PRIMARY_FAILED;
    if (net_stream_open(&c.stream, at, PRIMARY_CONNECT_MS, stop)) {
        broken(&c, "connecting");
    } else {
        net_stream_within(&c.stream, PRIMARY_WITHIN_MS);
        says = talk(&c, serial, zone);
    }
    net_stream_close(&c.stream);
    return says;
}
