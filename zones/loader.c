#include "zones/loader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"

enum { TTL_MAX = 0x7fffffff };

/* One record as read. A signature is kept under the type it covers, behind that type's records. */
struct record {
    const uint8_t *owner;
    const uint8_t *rdata;
    uint32_t ttl;
    uint32_t sequence; /* place in the file: ties are broken by it */
    unsigned line;
    uint16_t type; /* of the RRset it belongs to */
    uint16_t length;
    bool signature;
};

/* One reading of one text. */
struct reader {
    struct arena *arena;
    struct zone_error *error;
    FILE *file;
    struct record *records; /* malloc'd */
    size_t count;
    size_t capacity;
    /* What ldns carries from line to line. */
    ldns_rdf *origin;
    ldns_rdf *previous;
    uint32_t ttl;
    int line;
};

__attribute__((format(printf, 3, 4))) static enum err fault(struct reader *r, unsigned line,
                                                            const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    r->error->line = line;
    vsnprintf(r->error->text, sizeof(r->error->text), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static struct record *record_new(struct reader *r)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct record *grown = realloc(r->records, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        r->records = grown;
        r->capacity = capacity;
    }
    struct record *record = &r->records[r->count];
    *record = (struct record){.sequence = (uint32_t)r->count, .line = (unsigned)r->line};
    r->count++;
    return record;
}

/* The octets of ldns's rdata, checked against the form of their type. */
static enum err take_rdata(struct reader *r, const ldns_rr *rr, struct record *out)
{
    ldns_buffer *wire = ldns_buffer_new(512);
    if (!wire)
        return ERR_NOMEM;
    enum err e = ERR_NOMEM;
    if (ldns_rr_rdata2buffer_wire(wire, rr) != LDNS_STATUS_OK)
        goto done;
    size_t size = ldns_buffer_position(wire);
    if (size > UINT16_MAX) {
        e = fault(r, out->line, "rdata is too long");
        goto done;
    }
    out->length = (uint16_t)size;
    out->rdata = arena_copy(r->arena, ldns_buffer_begin(wire), out->length);
    e = out->rdata ? OK : ERR_NOMEM;
done:
    ldns_buffer_free(wire);
    if (e)
        return e;
    if (rdata_check(out->type, out->rdata, out->length, 0, out->length))
        return fault(r, out->line, "rdata does not have its type's form");
    return OK;
}

static enum err take_record(struct reader *r, const ldns_rr *rr)
{
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
        return fault(r, (unsigned)r->line, "class is not IN");
    const ldns_rdf *owner = ldns_rr_owner(rr);
    if (!owner || ldns_rdf_size(owner) > NAME_MAX_WIRE)
        return fault(r, (unsigned)r->line, "owner is not a domain name");
    struct record *record = record_new(r);
    if (!record)
        return ERR_NOMEM;
    record->type = (uint16_t)ldns_rr_get_type(rr);
    record->ttl = ldns_rr_ttl(rr);
    if (record->ttl > TTL_MAX)
        return fault(r, record->line, "TTL is over %d", TTL_MAX);
    record->owner = arena_copy(r->arena, ldns_rdf_data(owner), ldns_rdf_size(owner));
    if (!record->owner)
        return ERR_NOMEM;
    enum err e = take_rdata(r, rr, record);
    if (!e && record->type == TYPE_RRSIG) {
        record->signature = true;
        record->type = load_u16(record->rdata);
    }
    return e;
}

/* Lines that are read for their effect only, and the end of the file, are no errors. */
static bool is_record_less(ldns_status s)
{
    return s == LDNS_STATUS_SYNTAX_TTL || s == LDNS_STATUS_SYNTAX_ORIGIN ||
           s == LDNS_STATUS_SYNTAX_EMPTY;
}

static enum err read_records(struct reader *r)
{
    while (!feof(r->file) && !ferror(r->file)) {
        ldns_rr *rr = NULL;
        ldns_status s =
            ldns_rr_new_frm_fp_l(&rr, r->file, &r->ttl, &r->origin, &r->previous, &r->line);
        if (s == LDNS_STATUS_MEM_ERR)
            return ERR_NOMEM;
        if (is_record_less(s))
            continue;
        if (s != LDNS_STATUS_OK)
            return fault(r, (unsigned)r->line, "%s", ldns_get_errorstr_by_id(s));
        enum err e = take_record(r, rr);
        ldns_rr_free(rr);
        if (e)
            return e;
    }
    return OK;
}

static int same_set(const struct record *x, const struct record *y)
{
    int order = name_compare(x->owner, y->owner);
    return order ? order : (int)x->type - (int)y->type;
}

static int record_order(const void *a, const void *b)
{
    const struct record *x = a;
    const struct record *y = b;
    int order = same_set(x, y);
    if (order)
        return order;
    if (x->signature != y->signature)
        return x->signature ? 1 : -1;
    return x->sequence < y->sequence ? -1 : 1;
}

/* The RRset of the records [first, end), which are sorted and of one owner and type. */
static enum err build_set(struct reader *r, const struct record *first, const struct record *end,
                          const struct rrset **out)
{
    if (first->signature)
        return fault(r, first->line, "RRSIG of a type that its owner does not have");
    uint32_t ttl = first->ttl;
    for (const struct record *at = first; at < end; at++)
        ttl = at->ttl < ttl ? at->ttl : ttl;
    struct rrset_builder b;
    enum err e = rrset_build(&b, r->arena, first->owner, first->type, ttl);
    for (const struct record *at = first; at < end && !e; at++)
        e = at->signature ? rrset_sign(&b, at->rdata, at->length)
                          : rrset_add(&b, at->rdata, at->length);
    if (e == ERR_LIMIT)
        return fault(r, first->line, "RRset is too large");
    if (e)
        return e;
    struct rrset *set = rrset_finish(&b);
    set->trust = TRUST_LOCAL;
    *out = set;
    return OK;
}

static enum err build_sets(struct reader *r, struct rrset_array *out)
{
    if (r->count == 0)
        return OK;
    qsort(r->records, r->count, sizeof(*r->records), record_order);
    out->at = arena_calloc(r->arena, r->count, sizeof(const struct rrset *));
    if (!out->at)
        return ERR_NOMEM;
    const struct record *end = r->records + r->count;
    for (const struct record *first = r->records, *next; first < end; first = next) {
        for (next = first + 1; next < end && same_set(first, next) == 0;)
            next++;
        enum err e = build_set(r, first, next, &out->at[out->count]);
        if (e)
            return e;
        out->count++;
    }
    return OK;
}

static enum err read_all(struct arena *a, FILE *file, const uint8_t *origin,
                         struct rrset_array *out, struct zone_error *error)
{
    struct reader r = {.arena = a, .error = error, .file = file};
    r.origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_size(origin), origin);
    enum err e = r.origin ? read_records(&r) : ERR_NOMEM;
    if (!e)
        e = build_sets(&r, out);
    ldns_rdf_deep_free(r.origin);
    ldns_rdf_deep_free(r.previous);
    free(r.records);
    return e;
}

enum err zone_read_text(struct arena *a, const char *text, size_t size, const uint8_t *origin,
                        struct rrset_array *out, struct zone_error *error)
{
    *error = (struct zone_error){0};
    *out = (struct rrset_array){0};
    if (size == 0)
        return OK;
    /* Opened for reading only, so the text is not written to. */
    FILE *file = fmemopen((void *)(uintptr_t)text, size, "r");
    if (!file)
        return ERR_NOMEM;
    enum err e = read_all(a, file, origin, out, error);
    fclose(file);
    return e;
}

enum err zone_read_file(struct arena *a, const char *path, const uint8_t *origin,
                        struct rrset_array *out, struct zone_error *error)
{
    *error = (struct zone_error){0};
    *out = (struct rrset_array){0};
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(error->text, sizeof(error->text), "%s", strerror(errno));
        return ERR_IO;
    }
    enum err e = read_all(a, file, origin, out, error);
    if (ferror(file)) {
        *error = (struct zone_error){.text = "it cannot be read"};
        e = ERR_IO;
    }
    fclose(file);
    return e;
}
