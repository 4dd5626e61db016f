/*
 * resolver/limits.def has every bound, also those that live in folders which must not include it:
 * here it is held against them. The defaults of options are held by tests/unit/test_ops_config.c.
 */
#include "resolver/limits.h"

#include "cache/cache.h"
#include "dns/delegation.h"
#include "dns/edns.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/types.h"
#include "net/internal.h"
#include "ops/root_primary.h"
#include "ops/trust.h"
#include "zones/transfer.h"

#define SAME(limit, constant)                                                                      \
    _Static_assert((unsigned)(limit) == (unsigned)(constant), "limits.def and " #constant)

SAME(LIMIT_NS_CONSIDERED, DELEGATION_NS_MAX);
SAME(LIMIT_GLUE_PER_NS, DELEGATION_ADDRESS_PER_NS);
SAME(LIMIT_GLUE, DELEGATION_ADDRESS_MAX);
SAME(LIMIT_SET_RECORDS, RRSET_RECORDS_MAX);
SAME(LIMIT_SET_OCTETS, RRSET_OCTETS_MAX);
SAME(LIMIT_SET_OCTETS, CACHE_ENTRY_MAX);
SAME(LIMIT_POINTERS, NAME_MAX_POINTERS);
SAME(LIMIT_EDNS_OPTIONS, EDNS_OPTIONS_MAX);
SAME(LIMIT_TCP_UNREAD, TCP_UNREAD_MAX);
SAME(LIMIT_UDP_PAYLOAD, DNS_UDP_SAFE);
SAME(LIMIT_ANCHOR_ZONES, TRUST_ZONES_MAX);
SAME(LIMIT_ANCHOR_KEYS, TRUST_KEYS_MAX);
SAME(LIMIT_ROOT_RECORDS, TRANSFER_RECORDS_MAX);
SAME(LIMIT_ROOT_OCTETS, TRANSFER_OCTETS_MAX);
SAME(LIMIT_ROOT_MS, PRIMARY_WITHIN_MS);
SAME(LIMIT_ROOT_CONNECT_MS, PRIMARY_CONNECT_MS);
