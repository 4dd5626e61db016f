/*
 * A copy of the root zone that answers as a root server would (RFC 8806).
 *
 *     local_root_new(&z, &sets, &why)     from a file or a transfer, which the caller has verified
 *     local_root_hold(z, until_ms)        it may be used until then
 *     local_root_answer(z, name, type, …) from any thread, in wire form
 *     local_root_unref(z)                 the last one frees
 *
 * The records never change; who holds a reference may read them from any thread. Only for how long
 * they count may be set anew, when the primary was asked and had nothing newer.
 */
#ifndef ZONES_LOCAL_ROOT_H
#define ZONES_LOCAL_ROOT_H

#include "dns/message.h"

struct local_root;

/*
 * With one reference, unusable until local_root_hold. Copies the sets, which are in canonical order
 * as the loader gives them. ERR_FORMAT: it is no root zone that can be answered from, *why says
 * what is missing; ERR_NOMEM.
 */
MUST_CHECK enum err local_root_new(struct local_root **out, const struct rrset_array *zone,
                                   const char **why);
struct local_root *local_root_ref(struct local_root *z);
/* NULL is none. */
void local_root_unref(struct local_root *z);

/* Boot-time milliseconds up to which it counts. */
void local_root_hold(struct local_root *z, uint64_t until_ms);
uint64_t local_root_until_ms(const struct local_root *z);

/* The numbers of its SOA record (RFC 1035 §3.3.13); times in seconds. */
struct local_root_soa {
    uint32_t serial, refresh, retry, expire;
};
const struct local_root_soa *local_root_soa(const struct local_root *z);
/* Records, signatures among them. */
size_t local_root_records(const struct local_root *z);
/* Octets held. */
size_t local_root_size(const struct local_root *z);

/*
 * The reply of a root server to this question (class IN, id 0, no OPT), with all signatures:
 * an answer, a referral with DS or NSEC and glue, or a denial. ERR_UNSUPPORTED: the question is one
 * for the servers (a meta type, RRSIG, or a name at a DNAME or wildcard, which the root has never
 * had); ERR_SPACE: it does not fit. `name` in any case comes back in that case.
 */
MUST_CHECK enum err local_root_answer(const struct local_root *z, const uint8_t *name,
                                      uint16_t type, uint8_t *out, size_t capacity, size_t *size);

#endif
