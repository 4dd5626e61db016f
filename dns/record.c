#include "dns/record.h"

#include <string.h>

#include "dns/rdata.h"

/* Types whose rdata is any octets to us: ldns has stricter ideas of some, and needs not be asked.
 */
static bool is_opaque(uint16_t type)
{
    return rdata_form(type)[0] == '*';
}

static enum err join_rdfs(struct arena *a, const ldns_rr *rr, const uint8_t **out, uint16_t *length)
{
    size_t size = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        size += ldns_rdf_size(ldns_rr_rdf(rr, i));
    if (size > UINT16_MAX)
        return ERR_FORMAT;
    uint8_t *bytes = arena_alloc(a, size);
    if (!bytes)
        return ERR_NOMEM;
    *out = bytes;
    *length = (uint16_t)size;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        if (ldns_rdf_size(rdf))
            memcpy(bytes, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
        bytes += ldns_rdf_size(rdf);
    }
    return OK;
}

enum err record__join(struct arena *a, const ldns_rr *rr, const uint8_t **out, uint16_t *length)
{
    enum err e = join_rdfs(a, rr, out, length);
    if (e)
        return e;
    return rdata_check((uint16_t)ldns_rr_get_type(rr), *out, *length, 0, *length);
}

enum err record__rdata(struct arena *a, const struct cursor *c, const struct record *r,
                       const uint8_t **out, uint16_t *length)
{
    if (is_opaque(r->type) || r->length == 0) {
        *out = arena_copy(a, c->base + r->rdata, r->length);
        *length = r->length;
        return *out ? OK : ERR_NOMEM;
    }
    ldns_rr *rr = NULL;
    size_t pos = r->owner;
    ldns_status status =
        ldns_wire2rr(&rr, c->base, (size_t)(c->end - c->base), &pos, LDNS_SECTION_ANSWER);
    if (status != LDNS_STATUS_OK)
        return status == LDNS_STATUS_MEM_ERR ? ERR_NOMEM : ERR_FORMAT;
    enum err e = pos == r->rdata + r->length ? record__join(a, rr, out, length) : ERR_FORMAT;
    ldns_rr_free(rr);
    return e;
}
