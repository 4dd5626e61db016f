/*
 * Puts a zone together from the messages of a transfer (AXFR, RFC 5936): whoever moves the octets
 * hands them in, one message after another.
 *
 *     transfer_new(&t, apex, id);
 *     transfer_take(t, bytes, size, &over)      // until it is over; or transfer_why(t)
 *     transfer_finish(t, arena, &sets)
 *     transfer_free(t);
 */
#ifndef ZONES_TRANSFER_H
#define ZONES_TRANSFER_H

#include "dns/message.h"

/* The root zone has 25,000 records and two megabytes. What is over ten times as large is none. */
enum { TRANSFER_RECORDS_MAX = 250000, TRANSFER_OCTETS_MAX = 32 << 20 };

struct transfer;

/* `id`: of the query. ERR_NOMEM. */
MUST_CHECK enum err transfer_new(struct transfer **out, const uint8_t *apex, uint16_t id);
/* NULL is none. */
void transfer_free(struct transfer *t);

/*
 * The next message (RFC 5936 §2.2). *over: it was the last, which ends with the SOA record that the
 * first began with. ERR_FORMAT: it is no part of the transfer, or there is more of it than of any
 * root zone, transfer_why says what; ERR_NOMEM.
 */
MUST_CHECK enum err transfer_take(struct transfer *t, const uint8_t *bytes, size_t size,
                                  bool *over);
/* The zone's sets, in the arena, as zones/loader.h gives them. ERR_FORMAT as above; ERR_NOMEM. */
MUST_CHECK enum err transfer_finish(struct transfer *t, struct arena *a, struct rrset_array *out);
const char *transfer_why(const struct transfer *t);

#endif
