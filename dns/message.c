#include "dns/message.h"

#include <stdlib.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/types.h"

/* One record of a section on its way into an RRset. */
struct entry {
    uint64_t hash; /* of the owner in lower case */
    const uint8_t *owner;
    const uint8_t *rdata;
    uint32_t ttl;
    uint16_t length;
    uint16_t type; /* of an RRSIG: the type it covers */
    uint16_t index;
    bool signature;
};

struct entries {
    struct entry *at;
    size_t count;
};

/*
 * What the message is made of goes to the arena; entries, with owners and rdata as they were read,
 * only live until the sets are built of them.
 */
struct parse {
    struct arena *arena;
    struct arena scratch;
    struct cursor c;
    struct message *m;
    uint32_t now_s;
    enum message_fault fault;
};

static enum err refuse(struct parse *p, enum message_fault fault)
{
    p->fault = fault;
    return ERR_FORMAT;
}

static enum err read_name(struct parse *p, const uint8_t **out)
{
    uint8_t name[NAME_MAX_WIRE];
    if (name_read(&p->c, name))
        return refuse(p, MESSAGE_NAME);
    *out = arena_copy(p->arena, name, name_size(name));
    return *out ? OK : ERR_NOMEM;
}

/*
 * FNV-1a. It needs no key: names that collide by intent only cost the sort a comparison of names,
 * never more steps.
 */
static uint64_t hash_owner(const uint8_t *owner)
{
    uint8_t lower[NAME_MAX_WIRE];
    size_t size = name_lower(lower, owner);
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ lower[i]) * 1099511628211u;
    return h;
}

/* Most records have the owner of the one before: then that one's copy serves. */
static enum err set_owner(struct parse *p, const struct record *r, const struct entry *before,
                          struct entry *out)
{
    struct cursor c = p->c;
    uint8_t name[NAME_MAX_WIRE];
    c.at = c.base + r->owner;
    if (name_read(&c, name))
        return refuse(p, MESSAGE_NAME);
    if (before && name_equal_case(before->owner, name)) {
        out->owner = before->owner;
        out->hash = before->hash;
        return OK;
    }
    out->owner = arena_copy(&p->scratch, name, name_size(name));
    out->hash = hash_owner(name);
    return out->owner ? OK : ERR_NOMEM;
}

static enum err read_opt(struct parse *p, const struct record *r)
{
    struct edns *edns = &p->m->edns;
    if (edns_read(r->class, r->ttl, p->c.base + r->rdata, r->length, edns))
        return refuse(p, MESSAGE_OPT);
    edns->options = arena_copy(p->arena, edns->options, edns->options_size);
    p->m->rcode = (uint16_t)(p->m->rcode | edns->extended_rcode << 4);
    return edns->options ? OK : ERR_NOMEM;
}

static enum err read_entry(struct parse *p, const struct record *r, const struct entry *before,
                           struct entry *out)
{
    enum err e = set_owner(p, r, before, out);
    if (!e)
        e = record__rdata(&p->scratch, &p->c, r, &out->rdata, &out->length);
    if (e)
        return e == ERR_FORMAT && !p->fault ? refuse(p, MESSAGE_RDATA) : e;
    out->ttl = r->ttl > INT32_MAX ? 0 : r->ttl; /* RFC 2181 §8 */
    out->signature = r->type == TYPE_RRSIG;
    out->type = out->signature ? load_u16(out->rdata) : r->type;
    return OK;
}

static enum err read_entries(struct parse *p, unsigned section, struct entries *out)
{
    unsigned count = load_u16(p->c.base + 6 + 2 * section);
    out->count = 0;
    out->at = arena_calloc(&p->scratch, count, sizeof(struct entry));
    if (!out->at)
        return ERR_NOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct record r;
        enum message_fault fault = record__read(&p->c, &r);
        if (fault)
            return refuse(p, fault);
        if (r.type == TYPE_OPT) {
            enum err e = read_opt(p, &r);
            if (e)
                return e;
            continue;
        }
        if (p->m->dropped && !record__is_formed(&p->c, &r))
            continue;
        struct entry *entry = &out->at[out->count];
        enum err e = read_entry(p, &r, out->count ? entry - 1 : NULL, entry);
        if (e)
            return e;
        entry->index = (uint16_t)out->count++;
    }
    return OK;
}

/* Any total order serves in which records of one RRset are neighbours and in the order they came.
 */
static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    int names = a->owner == b->owner ? 0 : name_compare(a->owner, b->owner);
    return names ? names : a->index - b->index;
}

/* How many entries from `first` on belong to one RRset; `*records` of them are no signatures. */
static size_t measure_run(const struct entries *all, size_t first, size_t *records)
{
    const struct entry *head = &all->at[first];
    size_t i = first;
    *records = 0;
    for (; i < all->count; i++) {
        const struct entry *entry = &all->at[i];
        if (entry->hash != head->hash || entry->type != head->type ||
            (entry->owner != head->owner && !name_equal(entry->owner, head->owner)))
            break;
        *records += !entry->signature;
    }
    return i - first;
}

/* Signatures that cover nothing here become records of type RRSIG, and the order is then made anew.
 */
static void sort_entries(struct entries *all)
{
    bool orphans = false;
    size_t records;
    if (all->count == 0)
        return;
    qsort(all->at, all->count, sizeof(struct entry), compare_entries);
    for (size_t i = 0, run; i < all->count; i += run) {
        run = measure_run(all, i, &records);
        for (size_t j = i; j < i + run && records == 0; j++) {
            all->at[j].type = TYPE_RRSIG;
            all->at[j].signature = false;
            orphans = true;
        }
    }
    if (orphans)
        qsort(all->at, all->count, sizeof(struct entry), compare_entries);
}

static enum err check_run(struct parse *p, const struct entry *run, size_t count, size_t records,
                          size_t *octets)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += 2 + (size_t)run[i].length;
    *octets = size;
    if (records > RRSET_RECORDS_MAX || count - records > RRSET_RECORDS_MAX ||
        size > RRSET_OCTETS_MAX)
        return refuse(p, MESSAGE_TOO_MANY);
    return OK;
}

static uint32_t least_ttl(const struct entry *run, size_t count)
{
    uint32_t ttl = run[0].ttl;
    for (size_t i = 1; i < count; i++)
        if (run[i].ttl < ttl)
            ttl = run[i].ttl;
    return ttl;
}

static uint32_t expiry_of(uint32_t now_s, uint32_t ttl)
{
    return ttl > UINT32_MAX - now_s ? UINT32_MAX : now_s + ttl;
}

/* Two passes: an RRSIG may have come before the record it covers. */
static enum err build_set(struct parse *p, const struct entry *run, size_t count, size_t records,
                          const struct rrset **out)
{
    struct rrset_builder b;
    size_t octets;
    enum err e = check_run(p, run, count, records, &octets);
    if (e)
        return e;
    e = rrset_build(&b, p->arena, run[0].owner, run[0].type,
                    expiry_of(p->now_s, least_ttl(run, count)));
    if (!e)
        e = rrset_reserve(&b, octets);
    for (size_t i = 0; i < count && !e; i++)
        if (!run[i].signature)
            e = rrset_add(&b, run[i].rdata, run[i].length);
    for (size_t i = 0; i < count && !e; i++)
        if (run[i].signature)
            e = rrset_sign(&b, run[i].rdata, run[i].length);
    if (e)
        return e;
    *out = rrset_finish(&b);
    return OK;
}

/* Each set is put where its first record stood; then the gaps are closed. */
static enum err build_sets(struct parse *p, const struct entries *all, struct rrset_array *out)
{
    const struct rrset **at = arena_calloc(p->arena, all->count, sizeof(*at));
    if (!at)
        return ERR_NOMEM;
    size_t run, records;
    for (size_t i = 0; i < all->count; i += run) {
        run = measure_run(all, i, &records);
        enum err e = build_set(p, &all->at[i], run, records, &at[all->at[i].index]);
        if (e)
            return e;
    }
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (at[i])
            at[count++] = at[i];
    *out = (struct rrset_array){.at = at, .count = count};
    return OK;
}

static enum err read_sections(struct parse *p)
{
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        struct entries all;
        enum err e = read_entries(p, section, &all);
        if (e)
            return e;
        sort_entries(&all);
        e = build_sets(p, &all, &p->m->section[section]);
        if (e)
            return e;
    }
    return OK;
}

static enum err read_head(struct parse *p)
{
    struct message *m = p->m;
    const uint8_t *header = cursor_bytes(&p->c, DNS_HEADER_SIZE);
    MUST(header);
    m->id = load_u16(header);
    m->flags = load_u16(header + 2);
    m->rcode = m->flags & FLAG_RCODE;
    m->has_question = load_u16(header + 4) == 1;
    if (!m->has_question)
        return OK;
    const uint8_t *qname = NULL;
    enum err e = read_name(p, &qname);
    m->qname = (uint8_t *)(uintptr_t)qname;
    m->qtype = cursor_u16(&p->c);
    m->qclass = cursor_u16(&p->c);
    return e;
}

enum err message_parse(struct arena *a, const uint8_t *bytes, size_t size, uint32_t now_s,
                       struct message **out, enum message_fault *fault)
{
    unsigned dropped[SECTION_COUNT] = {0};
    *fault = record__check_all(bytes, size, dropped);
    if (*fault)
        return ERR_FORMAT;
    struct parse p = {.arena = a, .c = cursor_of(bytes, size), .now_s = now_s};
    p.m = arena_calloc(a, 1, sizeof(*p.m));
    if (!p.m)
        return ERR_NOMEM;
    p.m->dropped_answers = dropped[SECTION_ANSWER];
    for (unsigned section = 0; section < SECTION_COUNT; section++)
        p.m->dropped += dropped[section];
    arena_init(&p.scratch, a->gauge);
    enum err e = read_head(&p);
    if (!e)
        e = read_sections(&p);
    arena_deinit(&p.scratch);
    *fault = p.fault;
    if (!e)
        *out = p.m;
    return e;
}
