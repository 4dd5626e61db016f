/* The client's reply as octets. */
#include "resolver/front_reply.h"

#include <string.h>

#include "base/must.h"
#include "dns/types.h"

struct asker front__asker(const struct query_view *v, struct endpoint client, enum transport via,
                          uint16_t udp_payload, size_t capacity)
{
    size_t limit = capacity;
    if (via == TRANSPORT_UDP) {
        size_t most = edns_payload(&v->edns);
        most = most > udp_payload ? udp_payload : most;
        limit = most < capacity ? most : capacity;
    }
    return (struct asker){
        .client = client,
        .via = via,
        .id = v->id,
        .flags = v->flags,
        .qtype = v->qtype,
        .qclass = v->qclass,
        .qname = v->has_question ? v->qname : NULL,
        .edns = v->edns.present,
        .do_bit = v->edns.do_bit,
        .udp_payload = udp_payload,
        .limit = limit,
    };
}

struct answer_key front__answer_key(const struct asker *a, uint8_t name[NAME_MAX_WIRE])
{
    return (struct answer_key){
        .qname = name,
        .qname_size = (uint16_t)name_lower(name, a->qname),
        .qtype = a->qtype,
        .flags = (uint8_t)((a->do_bit ? ANSWER_DO : 0) | (a->flags & FLAG_CD ? ANSWER_CD : 0)),
    };
}

/* Opcode, RD and CD are the query's; AD only when it was asked for and is true (RFC 6840
 * §5.7, 5.8). */
static uint16_t reply_flags(const struct asker *a, uint16_t rcode, bool secure)
{
    uint16_t flags = FLAG_QR | FLAG_RA | (rcode & FLAG_RCODE);
    flags |= a->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD);
    if (secure && !(a->flags & FLAG_CD) && (a->do_bit || (a->flags & FLAG_AD)))
        flags |= FLAG_AD;
    return flags;
}

/* A name of full length and the OPT have to fit: what was gathered last stays away where not. */
static void fit(const struct asker *a, struct writer_opt *opt)
{
    while (opt->option_count &&
           DNS_HEADER_SIZE + NAME_MAX_WIRE + 4 + writer_opt_size(opt) > a->limit)
        opt->option_count--;
}

/* What the reply's OPT says, with what the client's options ask for, then the Extended Errors. */
static struct writer_opt opt_for(const struct asker *a, const struct outcome *o,
                                 struct edns_out *out)
{
    uint16_t rcode = o ? o->rcode : RCODE_NOERROR;
    out->count = out->used = 0;
    if (a->cookie_state != COOKIE_NONE)
        edns_out_add(out, EDNS_COOKIE, a->cookie, sizeof a->cookie);
    if (a->keepalive)
        edns_out_u16(out, EDNS_KEEPALIVE, a->tcp_idle);
    if (a->nsid)
        edns_out_add(out, EDNS_NSID, a->nsid, strlen(a->nsid));
    if (o && o->reason != REASON_NONE && reason_ede(o->reason) != EDE_NONE)
        edns_out_ede(out, reason_ede(o->reason), reason_text(o->reason));
    else if (o && o->reason == REASON_NONE && o->why != WHY_NONE)
        edns_out_ede(out, (uint16_t)why_ede(o->why), why_text(o->why));
    if (o && o->from_failure_cache)
        edns_out_ede(out, EDE_CACHED_ERROR, "");
    struct writer_opt opt = {
        .udp_size = a->udp_payload,
        .extended_rcode = (uint8_t)(rcode >> 4),
        .do_bit = a->do_bit,
        .options = out->option,
        .option_count = out->count,
    };
    fit(a, &opt);
    return opt;
}

static bool is_denial(uint16_t type)
{
    return type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_RRSIG;
}

static enum err write_sections(struct writer *w, const struct asker *a, const struct outcome *o,
                               uint32_t now)
{
    enum err e = OK;
    /* Of ANY over UDP one RRset is enough (RFC 8482 §4.1): no amplifier, and who wants all has TCP.
     */
    unsigned answers = o->answer_count;
    if (a->qtype == TYPE_ANY && a->via == TRANSPORT_UDP && answers > 1)
        answers = 1;
    for (unsigned i = 0; !e && i < answers; i++)
        e = writer_rrset(w, SECTION_ANSWER, o->answer[i], now, a->do_bit);
    for (unsigned i = 0; !e && i < o->authority_count; i++)
        if (a->do_bit || !is_denial(o->authority[i]->type))
            e = writer_rrset(w, SECTION_AUTHORITY, o->authority[i], now, a->do_bit);
    if (e)
        return e;
    /* Where room is short addresses stay away; that is no truncation (RFC 2181 §9). */
    for (unsigned i = 0; !e && i < o->additional_count; i++)
        e = writer_rrset(w, SECTION_ADDITIONAL, o->additional[i], now, a->do_bit);
    return OK;
}

size_t front__write_reply(const struct asker *a, const struct outcome *o, uint32_t now,
                          uint8_t *out, bool *truncated)
{
    struct writer w;
    struct edns_out options;
    uint16_t rcode = o->rcode;
    struct writer_opt opt = opt_for(a, o, &options);
    writer_init(&w, out, a->limit);
    w.reserved = a->edns ? writer_opt_size(&opt) : 0;
    *truncated = false;
    uint16_t flags = reply_flags(a, rcode, o->security == SECURITY_SECURE);
    if (o->reason == REASON_ACCESS) /* for this client recursion is not available */
        flags &= (uint16_t)~FLAG_RA;
    MUST(!writer_header(&w, a->id, flags));
    if (a->qname && writer_question(&w, a->qname, a->qtype, a->qclass))
        MUST(false);
    if (write_sections(&w, a, o, now)) {
        writer_truncate(&w);
        *truncated = true;
    }
    w.reserved = 0;
    if (a->edns)
        MUST(!writer_opt(&w, &opt));
    return writer_finish(&w);
}

size_t front__write_chaos(const struct asker *a, const char *text, uint8_t *out)
{
    struct writer w;
    struct edns_out options;
    struct writer_opt opt = opt_for(a, NULL, &options);
    writer_init(&w, out, a->limit);
    w.reserved = a->edns ? writer_opt_size(&opt) : 0;
    MUST(!writer_header(&w, a->id, reply_flags(a, RCODE_NOERROR, false)));
    if (writer_question(&w, a->qname, a->qtype, a->qclass) ||
        writer_txt(&w, a->qname, a->qclass, 0, text))
        writer_truncate(&w);
    w.reserved = 0;
    if (a->edns)
        MUST(!writer_opt(&w, &opt));
    return writer_finish(&w);
}

static uint32_t lesser_expiry(uint32_t least, const struct rrset *const *sets, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        least = sets[i]->expiry < least ? sets[i]->expiry : least;
    return least;
}

static uint32_t least_expiry(const struct outcome *o)
{
    uint32_t least = lesser_expiry(o->keep_until, o->answer, o->answer_count);
    least = lesser_expiry(least, o->authority, o->authority_count);
    return lesser_expiry(least, o->additional, o->additional_count);
}

size_t front__write_answer(const struct asker *a, const struct outcome *o, uint32_t now,
                           struct answer *entry, uint8_t *out, uint16_t offsets[WRITER_TTLS_MAX])
{
    struct writer w;
    if (o->answer_count + o->authority_count == 0 || o->rcode > FLAG_RCODE)
        return 0;
    writer_init(&w, out, CACHE_ENTRY_MAX);
    w.ttl_offsets = offsets;
    if (writer_header(&w, 0, (uint16_t)(FLAG_QR | FLAG_RA | o->rcode)) ||
        writer_question(&w, a->qname, a->qtype, a->qclass) || write_sections(&w, a, o, now) ||
        w.ttl_count > WRITER_TTLS_MAX)
        return 0;
    size_t size = writer_finish(&w);
    /* An entry is sent whole or with TC: addresses that might not fit don't go into it. */
    if (o->additional_count && size > DNS_UDP_MIN) {
        struct outcome less = *o;
        less.additional_count = 0;
        return front__write_answer(a, &less, now, entry, out, offsets);
    }
    /* In place to network order, as the entry keeps them. */
    uint8_t *stored = (uint8_t *)offsets;
    for (size_t i = 0; i < w.ttl_count; i++)
        store_u16(stored + 2 * i, offsets[i]);
    *entry = (struct answer){
        .wire = out,
        .ttl_offsets = stored,
        .size = (uint16_t)size,
        .ttl_count = (uint16_t)w.ttl_count,
        .ede = (uint16_t)why_ede(o->why),
        .secure = o->security == SECURITY_SECURE,
        .stored = now,
        .expiry = least_expiry(o),
    };
    return size;
}

size_t front__write_hit(const struct asker *a, const struct answer *entry, uint32_t now,
                        uint8_t *out, bool *truncated)
{
    struct edns_out options;
    struct writer_opt opt = opt_for(a, NULL, &options);
    if (entry->ede != EDE_NONE) {
        edns_out_ede(&options, entry->ede, "");
        opt.option_count = options.count;
    }
    size_t size = entry->size, name_octets = name_size(a->qname);
    *truncated = size + (a->edns ? writer_opt_size(&opt) : 0) > a->limit;
    if (*truncated) {
        size = DNS_HEADER_SIZE + name_octets + 4;
        memcpy(out, entry->wire, size);
        memset(out + 6, 0, 6);
    } else {
        answer_copy(entry, now, out);
    }
    uint16_t rcode = load_u16(entry->wire + 2) & FLAG_RCODE;
    store_u16(out, a->id);
    store_u16(out + 2,
              (uint16_t)(reply_flags(a, rcode, entry->secure) | (*truncated ? FLAG_TC : 0)));
    memcpy(out + DNS_HEADER_SIZE, a->qname, name_octets);
    if (a->edns)
        MUST(!message_append_opt(out, &size, a->limit, &opt));
    return size;
}
