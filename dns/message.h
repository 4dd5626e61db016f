/*
 * A whole message, parsed: header, question, and three arrays of RRsets in an arena.
 *
 * This is the miss path's reader. Our checker (dns/check.c) decides what is accepted: bounds,
 * counts, rdata of exactly its type's form, one OPT, no TSIG, nothing after the last record. Only
 * what it passed goes to ldns record by record, whose objects live and die inside message_parse.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include "base/arena.h"
#include "dns/edns.h"
#include "dns/rrset.h"

enum { RRSET_RECORDS_MAX = 200, RRSET_OCTETS_MAX = 16384 }; /* no honest set is larger */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTION_COUNT };

struct rrset_array {
    const struct rrset **at;
    size_t count;
};

struct message {
    uint16_t id;
    uint16_t flags;
    uint16_t rcode; /* with EDNS's upper bits */
    bool has_question;
    uint8_t *qname; /* uncompressed, case as received; NULL unless has_question */
    uint16_t qtype;
    uint16_t qclass;
    struct edns edns; /* its options are copied into the arena */
    struct rrset_array section[SECTION_COUNT];
    unsigned dropped; /* records that nobody asked for whose rdata was not of its type's form */
    unsigned dropped_answers; /* of these, from the answer section */
};

/* What was wrong with a refused message, for counters and traces. */
enum message_fault {
    MESSAGE_FINE,
    MESSAGE_SHORT,     /* header, question or a record runs over the end */
    MESSAGE_NAME,      /* broken name or compression */
    MESSAGE_RDATA,     /* rdata not of its type's form */
    MESSAGE_OPT,       /* two OPT, owner not the root, broken options, OPT outside additional */
    MESSAGE_TSIG,      /* TSIG or SIG(0) that nobody asked for */
    MESSAGE_QUESTIONS, /* more than one question */
    MESSAGE_TRAILING,  /* octets after the last record */
    MESSAGE_CLASS,     /* a record of a class other than IN */
    MESSAGE_TOO_MANY,  /* an RRset larger than message.c allows */
    MESSAGE_FAULTS
};

/*
 * The checker alone: walks the whole message without allocating. A record whose rdata is not of its
 * type's form makes the message MESSAGE_RDATA where the answer depends on it (the type asked for,
 * CNAME and DNAME in the answer section, SOA and NS in authority); elsewhere the record is as if it
 * had not been sent.
 */
enum message_fault message_check(const uint8_t *bytes, size_t size);

/*
 * Parses a message. TTLs above 2^31-1 count as 0 (RFC 2181 §8); TTLs of one RRset are equalised to
 * the least (§5.2); each RRset's expiry is now_s + TTL, its trust TRUST_NONE. RRs of one owner and
 * type in one section become one RRset, in the order of their first record; RRSIGs go with what
 * they cover, and those that cover nothing in their section become an RRset of type RRSIG without
 * signatures. ERR_FORMAT with *fault set; ERR_NOMEM. The result and all it points to are the
 * arena's; `bytes` need not outlive the call.
 */
MUST_CHECK enum err message_parse(struct arena *a, const uint8_t *bytes, size_t size,
                                  uint32_t now_s, struct message **out, enum message_fault *fault);

/* A record by itself, as it came. */
struct plain_record {
    const uint8_t *owner; /* uncompressed */
    const uint8_t *rdata; /* uncompressed, of its type's form */
    uint32_t ttl;
    uint16_t type;
    uint16_t length;
};

/*
 * The records of the answer section in the order they came, signatures and what occurs twice
 * included: for zone transfers, in which the order has a meaning (RFC 5936 §2.2). Checked as in
 * message_parse, but that any malformed record refuses the message. The same errors.
 */
MUST_CHECK enum err message_answers(struct arena *a, const uint8_t *bytes, size_t size,
                                    struct plain_record **out, size_t *count,
                                    enum message_fault *fault);

const char *message_fault_text(enum message_fault f);

/* dig-like text of a message, for traces and test failures; returns `buf`, cut to `size`. */
const char *message_text(const struct message *m, uint32_t now_s, char *buf, size_t size);

#endif
