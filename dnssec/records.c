#include "dnssec/records.h"

#include <string.h>

#include "base/cursor.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/canonical.h"

/* An uncompressed name in place, or NULL. */
static const uint8_t *plain_name(struct cursor *c)
{
    const uint8_t *name = c->at;
    size_t size = 0;
    for (;;) {
        uint8_t length = cursor_u8(c);
        size += 1 + (size_t)length;
        if (length > 63 || size > NAME_MAX_WIRE || !cursor_bytes(c, length))
            return NULL;
        if (length == 0)
            return name;
    }
}

bool rrsig_read(const uint8_t *rdata, size_t size, struct rrsig *out)
{
    struct cursor c = cursor_of(rdata, size);
    out->covered = cursor_u16(&c);
    out->algorithm = cursor_u8(&c);
    out->labels = cursor_u8(&c);
    out->original_ttl = cursor_u32(&c);
    out->expiration = cursor_u32(&c);
    out->inception = cursor_u32(&c);
    out->tag = cursor_u16(&c);
    out->signer = plain_name(&c);
    out->head_size = cursor_offset(&c);
    out->signature = c.at;
    out->signature_size = cursor_left(&c);
    return out->signer && !c.failed && out->signature_size > 0;
}

struct rrset_iter rrset_signatures(const struct rrset *s)
{
    struct rrset_iter it = rrset_all(s);
    for (unsigned i = 0; i < s->count; i++)
        rrset_next(&it);
    return it;
}

const uint8_t *rrset_signer(const struct rrset *s)
{
    struct rrset_iter it = rrset_signatures(s);
    struct rrsig sig;
    while (rrset_next(&it))
        if (rrsig_read(it.rdata, it.length, &sig))
            return sig.signer;
    return NULL;
}

bool rrset_is_expanded(const struct rrset *s)
{
    struct rrset_iter it = rrset_signatures(s);
    struct rrsig sig;
    while (rrset_next(&it))
        if (rrsig_read(it.rdata, it.length, &sig))
            return sig.labels < canonical_labels(s->owner);
    return false;
}

static bool says(const struct rrset_iter *it, const uint8_t *signer, uint8_t labels)
{
    struct rrsig sig;
    return rrsig_read(it->rdata, it->length, &sig) && sig.labels == labels &&
           name_equal(sig.signer, signer);
}

enum err rrset_leave_signatures(struct arena *a, struct rrset *s, const uint8_t *signer,
                                uint8_t labels)
{
    struct rrset_iter it = rrset_signatures(s);
    uint32_t size = (uint32_t)(it.at - s->rdata);
    uint16_t left = 0;
    while (rrset_next(&it))
        left = (uint16_t)(left + says(&it, signer, labels));
    if (left == s->signatures)
        return OK;
    uint8_t *rdata = arena_alloc(a, s->rdata_size);
    if (!rdata)
        return ERR_NOMEM;
    memcpy(rdata, s->rdata, size);
    for (it = rrset_signatures(s); rrset_next(&it);) {
        if (!says(&it, signer, labels))
            continue;
        memcpy(rdata + size, it.rdata - 2, 2 + (size_t)it.length);
        size += 2 + (uint32_t)it.length;
    }
    s->rdata = rdata;
    s->rdata_size = size;
    s->signatures = left;
    return OK;
}

bool dnskey_read(const uint8_t *rdata, size_t size, struct dnskey *out)
{
    struct cursor c = cursor_of(rdata, size);
    out->flags = cursor_u16(&c);
    out->protocol = cursor_u8(&c);
    out->algorithm = cursor_u8(&c);
    out->bits = c.at;
    out->bits_size = cursor_left(&c);
    return !c.failed && out->bits_size > 0;
}

uint16_t dnskey_tag(const uint8_t *rdata, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
    return (uint16_t)(sum + (sum >> 16));
}

bool dnskey_signs_zone(const struct dnskey *k)
{
    return (k->flags & DNSKEY_ZONE) && !(k->flags & DNSKEY_REVOKED) &&
           k->protocol == DNSKEY_PROTOCOL;
}

bool ds_read(const uint8_t *rdata, size_t size, struct ds *out)
{
    struct cursor c = cursor_of(rdata, size);
    out->tag = cursor_u16(&c);
    out->algorithm = cursor_u8(&c);
    out->digest_type = cursor_u8(&c);
    out->digest = c.at;
    out->digest_size = cursor_left(&c);
    return !c.failed && out->digest_size > 0;
}

bool nsec_read(const uint8_t *rdata, size_t size, struct nsec *out)
{
    struct cursor c = cursor_of(rdata, size);
    out->next = plain_name(&c);
    out->bitmap = c.at;
    out->bitmap_size = cursor_left(&c);
    return out->next && !c.failed;
}

bool nsec3_read(const uint8_t *rdata, size_t size, struct nsec3 *out)
{
    struct cursor c = cursor_of(rdata, size);
    out->algorithm = cursor_u8(&c);
    out->flags = cursor_u8(&c);
    out->iterations = cursor_u16(&c);
    out->salt_size = cursor_u8(&c);
    out->salt = cursor_bytes(&c, out->salt_size);
    out->next_size = cursor_u8(&c);
    out->next = cursor_bytes(&c, out->next_size);
    out->bitmap = c.at;
    out->bitmap_size = cursor_left(&c);
    return !c.failed;
}

bool bitmap_has(const uint8_t *bitmap, size_t size, uint16_t type)
{
    struct cursor c = cursor_of(bitmap, size);
    while (cursor_left(&c)) {
        uint8_t window = cursor_u8(&c);
        uint8_t length = cursor_u8(&c);
        const uint8_t *bits = cursor_bytes(&c, length);
        if (!bits)
            return false;
        if (window == type >> 8) {
            unsigned octet = (type & 0xffU) / 8;
            return octet < length && (bits[octet] >> (7 - type % 8) & 1);
        }
    }
    return false;
}
