/*
 * Replay scenarios (.rpl): what a file holds once it is read, and how it is read.
 *
 * rpl_lex.c cuts lines into words, rpl_parse.c reads the file, rpl_entry.c the entries;
 * rpl_message.c reads and prints messages on the wire with a reader of the tests' own, so that what
 * the resolver writes is not judged by what it reads with; rpl_match.c compares, rpl_build.c writes
 * messages, rpl_expr.c evaluates `${…}`. All memory is the arena's.
 */
#ifndef TESTS_SIM_RPL_H
#define TESTS_SIM_RPL_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/world.h"
#include "dns/name.h"
#include "dns/types.h"

enum { RPL_ERROR_MAX = 240, RPL_EDNS_SIZE = 4096, RPL_DEFAULT_TTL = 3600, RPL_LINE_MAX = 16384 };

/* ---- records and messages -------------------------------------------------------------------- */

struct rpl_rr {
    const uint8_t *owner;
    const uint8_t *rdata; /* uncompressed */
    uint16_t length;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    struct rpl_rr *next;
};

enum rpl_section { RPL_QUESTION, RPL_ANSWER, RPL_AUTHORITY, RPL_ADDITIONAL, RPL_SECTIONS };

struct rpl_question {
    const uint8_t *name; /* NULL: there is none */
    uint16_t type;
    uint16_t class;
};

struct rpl_edns {
    bool present;
    bool do_bit;
    uint8_t version;
    uint16_t udp_size;
    const uint8_t *options;
    uint16_t options_size;
};

/* A message on the wire, read record by record. Its OPT is not among the additional records. */
struct rpl_message {
    uint16_t id;
    uint16_t flags; /* the header's, without opcode and rcode */
    uint8_t opcode;
    uint16_t rcode; /* with EDNS's upper bits */
    enum transport via;
    struct rpl_question question;
    struct rpl_rr *section[RPL_SECTIONS]; /* [RPL_QUESTION] unused */
    struct rpl_edns edns;
};

/* ERR_FORMAT with a text in `error`: the message cannot be read. */
MUST_CHECK enum err rpl_message_read(struct arena *a, const uint8_t *bytes, size_t size,
                                     struct rpl_message *out, char error[RPL_ERROR_MAX]);

/* A text that grows in an arena. */
struct rpl_text {
    struct arena *arena;
    char *at;
    size_t size;
    size_t capacity;
};
void rpl_printf(struct rpl_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One record in presentation format, without a line end. */
void rpl_print_rr(struct rpl_text *t, const struct rpl_rr *rr);
void rpl_print_message(struct rpl_text *t, const struct rpl_message *m);
/* "QR AA RD NOERROR" */
void rpl_print_flags(struct rpl_text *t, uint16_t flags, uint8_t opcode, uint16_t rcode);

/* ---- entries --------------------------------------------------------------------------------- */

/* One bit a word of a MATCH line. */
enum rpl_match_bit {
    MATCH_OPCODE = 1 << 0,
    MATCH_QTYPE = 1 << 1,
    MATCH_QNAME = 1 << 2,
    MATCH_SUBDOMAIN = 1 << 3,
    MATCH_QCASE = 1 << 4,
    MATCH_RCODE = 1 << 5,
    MATCH_FLAGS = 1 << 6,
    MATCH_ANSWER = 1 << 7,
    MATCH_AUTHORITY = 1 << 8,
    MATCH_ADDITIONAL = 1 << 9,
    MATCH_TTL = 1 << 10,
    MATCH_DO = 1 << 11,
    MATCH_NOEDNS = 1 << 12,
    MATCH_UDP = 1 << 13,
    MATCH_TCP = 1 << 14,
    MATCH_EDNS = 1 << 15,
    MATCH_EDNSDATA = 1 << 16,
    MATCH_NSID = 1 << 17,
    MATCH_EDE = 1 << 18,
    MATCH_EDE_ANY = 1 << 19,
    MATCH_CLIENT_COOKIE = 1 << 20,
    MATCH_SERVER_COOKIE = 1 << 21,
    MATCH_SERIAL = 1 << 22,
    MATCH_WHOLE =
        1 << 23, /* `all`: DO counts when REPLY names it; no question in the entry is no demand */
    MATCH_WHOLE_NOEDNS = 1 << 24,
    MATCH_QUESTION = MATCH_QTYPE | MATCH_QNAME,
    MATCH_ALL = MATCH_OPCODE | MATCH_QUESTION | MATCH_FLAGS | MATCH_RCODE | MATCH_ANSWER |
                MATCH_AUTHORITY | MATCH_ADDITIONAL,
};

enum rpl_adjust_bit {
    ADJUST_COPY_ID = 1 << 0,
    ADJUST_COPY_QUERY = 1 << 1,
    ADJUST_RAW_ID = 1 << 2,
    ADJUST_DO_NOT_ANSWER = 1 << 3,
};

/* What REPLY, SECTION and the hex lines of an entry say; EXTRA_PACKET begins another. */
struct rpl_packet {
    uint16_t flags;
    uint8_t opcode;
    uint16_t rcode;
    bool do_bit;
    bool noedns; /* no OPT: `noedns` in MATCH, or (ours) in REPLY */
    bool has_ednsdata;
    struct rpl_question question;
    struct rpl_rr *section[RPL_SECTIONS];
    struct rpl_rr **last[RPL_SECTIONS];
    const uint8_t *ednsdata;
    size_t ednsdata_size;
    const uint8_t *raw; /* NULL: built from the above */
    size_t raw_size;
    struct rpl_packet *next;
};

struct rpl_entry {
    unsigned line;
    uint32_t match;  /* enum rpl_match_bit */
    uint32_t adjust; /* enum rpl_adjust_bit */
    uint16_t ede;
    uint32_t serial;
    uint64_t sleep_ms;
    uint64_t packet_sleep_ms;
    struct rpl_packet packet;
    struct rpl_entry *next;
};

/* ---- the file -------------------------------------------------------------------------------- */

struct rpl_config_line {
    unsigned line;
    const char *section; /* "server", "stub-zone", …; "" before any heading */
    bool opens;          /* a heading: key is the section's name, value empty */
    const char *key;
    const char *value; /* without quotes and comment */
    struct rpl_config_line *next;
};

struct rpl_address {
    struct endpoint at;
    struct rpl_address *next;
};

struct rpl_range {
    unsigned line;
    unsigned from, to;             /* inclusive */
    struct rpl_address *addresses; /* NULL: any */
    struct rpl_entry *entries;
    struct rpl_range *next;
};

enum rpl_step_kind {
    STEP_QUERY,
    STEP_CHECK_ANSWER,
    STEP_CHECK_OUT_QUERY,
    STEP_REPLY,
    STEP_TIMEOUT,
    STEP_ERROR,
    STEP_TIME_PASSES,
    STEP_WALL_CLOCK,
    STEP_NOTHING,
    STEP_ASSIGN,
    STEP_FLUSH_MESSAGE,
    STEP_EXPIRE_MESSAGE,
    STEP_INFRA_RTT,
    STEP_CHECK_AUTOTRUST,
    STEP_CHECK_TEMPFILE,
    STEP_KINDS
};

struct rpl_step {
    unsigned line;
    unsigned number;
    enum rpl_step_kind kind;
    bool has_address;
    struct endpoint
        address; /* QUERY: the client; REPLY, CHECK_OUT_QUERY: the server; INFRA_RTT: whose */
    struct rpl_entry *entry;
    const char *name; /* ASSIGN: the variable; the cache steps: the owner; CHECK_*: the file */
    uint16_t type;    /* FLUSH_MESSAGE, EXPIRE_MESSAGE */
    const char *expression; /* TIME_PASSES, ASSIGN, INFRA_RTT */
    const char *contents;   /* CHECK_AUTOTRUST, CHECK_TEMPFILE */
    struct rpl_step *next;
};

const char *rpl_step_text(enum rpl_step_kind k);

struct rpl_file {
    const char *title;
    struct rpl_config_line *config;
    struct rpl_range *ranges;
    struct rpl_step *steps;
};

/* Where and why reading stopped. */
struct rpl_error {
    unsigned line;
    char text[RPL_ERROR_MAX];
};

/*
 * ERR_FORMAT with *error filled; ERR_NOMEM. `text` need not outlive the call. When the fault is
 * after CONFIG_END, *out still holds the configuration; else it is NULL.
 */
MUST_CHECK enum err rpl_parse(struct arena *a, const char *text, size_t size, struct rpl_file **out,
                              struct rpl_error *error);

/* ---- matching and building ------------------------------------------------------------------- */

/* Does the message agree with the entry? If not, `why` says in what (may be NULL). */
bool rpl_match(const struct rpl_entry *e, const struct rpl_message *m, char why[RPL_ERROR_MAX]);

/* The first entry that matches among the ranges that hold at the step and for the address; NULL:
 * none. */
const struct rpl_entry *rpl_find_entry(const struct rpl_file *f, unsigned step,
                                       const struct endpoint *from,
                                       const struct rpl_message *query);

struct rpl_bytes {
    const uint8_t *at;
    size_t size;
};

/* The query of a STEP QUERY. ERR_SPACE: over 65,535 octets. */
MUST_CHECK enum err rpl_build_query(struct arena *a, const struct rpl_entry *e, uint16_t id,
                                    struct rpl_bytes *out);
/* A packet of an entry as the answer to a query, adjusted as the entry says. `raw` is the query's
 * bytes. */
MUST_CHECK enum err rpl_build_reply(struct arena *a, const struct rpl_entry *e,
                                    const struct rpl_packet *p, const struct rpl_message *query,
                                    struct rpl_bytes *out);
/* What the entry expects, as a message to print beside the one that came. */
void rpl_entry_message(const struct rpl_entry *e, struct rpl_message *out);

/* ---- expressions ----------------------------------------------------------------------------- */

struct rpl_variable {
    const char *name;
    const char *value;
    struct rpl_variable *next;
};

/* What `${…}` can see. */
struct rpl_scope {
    struct arena *arena;
    struct rpl_variable *variables;
    double time;    /* wall clock, seconds */
    double timeout; /* seconds until the next timer, 0 when there is none */
};

/* `text` with each ${…} replaced by its value. ERR_FORMAT or ERR_RANGE with a text in `error`. */
MUST_CHECK enum err rpl_expand(struct rpl_scope *s, const char *text, const char **out,
                               char error[RPL_ERROR_MAX]);
/* An expanded text as a number. */
MUST_CHECK enum err rpl_number(const char *text, double *out, char error[RPL_ERROR_MAX]);
MUST_CHECK enum err rpl_assign(struct rpl_scope *s, const char *name, const char *value);

#endif
