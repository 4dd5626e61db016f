#include "tests/attacks/owned.h"

#include "base/must.h"
#include "dnssec/records.h"

const char owned_server[] = "203.0.113.66";

struct rig *owned_zone(struct owned *z, serve_fn *serve, void *script)
{
    struct rpl_bytes ds;
    struct rig *r = rig_new(&(struct rig_config){0});
    arena_init(&z->arena, NULL);
    name_of("evil.com.", z->name);
    z->key = sign_key(z->name, "ED25519");
    MUST(z->key && sign_dnskey(&z->arena, z->key, 257, 3, &z->dnskey) == OK);
    MUST(sign_ds(&z->arena, z->name, &z->dnskey, 2, &ds) == OK);
    z->tag = dnskey_tag(z->dnskey.at, z->dnskey.size);
    sim_set_wall(rig_sim(r), SIGNING_WALL_S);
    rig_anchor(r, z->name, ds.at, (uint16_t)ds.size);
    rig_zone(r, "evil.com.", owned_server, serve, script);
    return r;
}

void owned_free(struct owned *z, struct rig *r)
{
    rig_free(r);
    arena_deinit(&z->arena);
}

const struct rpl_rr *owned_record(struct owned *z, const struct rpl_rr *next, const uint8_t *owner,
                                  uint16_t type, struct rpl_bytes rdata)
{
    struct rpl_rr *rr = arena_alloc(&z->arena, sizeof *rr);
    MUST(rr);
    *rr = (struct rpl_rr){.owner = owner,
                          .rdata = rdata.at,
                          .length = (uint16_t)rdata.size,
                          .type = type,
                          .class = CLASS_IN,
                          .ttl = 300,
                          .next = (struct rpl_rr *)(uintptr_t)next};
    return rr;
}

void owned_put(struct owned *z, enum section section, const struct rpl_rr *rr)
{
    raw_put(&z->m, rr->owner, name_size(rr->owner));
    raw_u16(&z->m, rr->type);
    raw_u16(&z->m, CLASS_IN);
    raw_u16(&z->m, 0);
    raw_u16(&z->m, rr->ttl);
    raw_u16(&z->m, rr->length);
    raw_put(&z->m, rr->rdata, rr->length);
    raw_count(&z->m, section);
}

void owned_put_signature(struct owned *z, enum section section, const struct rpl_rr *first,
                         const struct sign_fault *fault)
{
    struct rpl_bytes rdata;
    MUST(sign_set(&z->arena, z->key, z->name, &z->dnskey, first, fault, SIGNING_WALL_S, &rdata) ==
         OK);
    owned_put(z, section, owned_record(z, NULL, first->owner, TYPE_RRSIG, rdata));
}

void owned_put_signed(struct owned *z, enum section section, const struct rpl_rr *first)
{
    static const struct sign_fault none;
    for (const struct rpl_rr *rr = first; rr; rr = rr->next)
        owned_put(z, section, rr);
    owned_put_signature(z, section, first, &none);
}

void owned_send(struct owned *z, struct ask *q)
{
    if (q->exchange->via == TRANSPORT_UDP && z->m.size > DNS_UDP_SAFE)
        raw_reply(&z->m, q, FLAG_AA | FLAG_TC);
    reply_raw(q, z->m.bytes, z->m.size, OWNED_DELAY_MS);
}

const uint8_t *owned_keep(struct owned *z, const uint8_t *name)
{
    const uint8_t *kept = arena_copy(&z->arena, name, name_size(name));
    MUST(kept);
    return kept;
}

void owned_put_soa(struct owned *z)
{
    static const uint8_t rdata[22 - 1 + 1] = {0, 0, [21] = 60};
    owned_put_signed(
        z, SECTION_AUTHORITY,
        owned_record(z, NULL, z->name, TYPE_SOA, (struct rpl_bytes){rdata, sizeof rdata}));
}
