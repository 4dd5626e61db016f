/*
 * Lines and words of a replay file. The reader copies each line into the arena without its comment.
 */
#ifndef TESTS_SIM_RPL_LEX_H
#define TESTS_SIM_RPL_LEX_H

#include "tests/sim/rpl.h"

struct rpl_reader {
    struct arena *arena;
    const char *at;
    const char *end;
    unsigned line; /* of what was read last */
    uint8_t origin[NAME_MAX_WIRE];
    uint32_t ttl;
    struct rpl_error *error;
};

/* Says what is wrong on the current line; returns ERR_FORMAT. */
enum err rpl_fault(struct rpl_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The next line that is not empty once comment (from ';' outside quotes, and '#' at a word's
 * beginning when `hash`) and outer blanks are gone. NULL in *line at the end. ERR_LIMIT counts as
 * ERR_FORMAT: a line too long.
 */
MUST_CHECK enum err rpl_line(struct rpl_reader *r, bool hash, char **line);
/* The next line as it is, empty ones too. */
MUST_CHECK enum err rpl_raw_line(struct rpl_reader *r, char **line);

/* Cuts the next word off *rest in place ("…" is one word, quotes taken off); NULL when none is
 * left. */
char *rpl_word(char **rest);
/* The same, but quotes stay. */
char *rpl_bare_word(char **rest);
bool rpl_is(const char *word, const char *keyword); /* without case */
/* A decimal number up to `max`. */
MUST_CHECK enum err rpl_unsigned(const char *word, uint64_t max, uint64_t *out);
/* Seconds with a decimal fraction, as milliseconds. */
MUST_CHECK enum err rpl_seconds(const char *word, uint64_t *ms);

char *rpl_strdup(struct arena *a, const char *text);
uint8_t *rpl_name_dup(struct arena *a, const uint8_t *name);

/* One entry, from after ENTRY_BEGIN to ENTRY_END. */
MUST_CHECK enum err rpl_parse_entry(struct rpl_reader *r, struct rpl_entry **out);
/* $ORIGIN and $TTL; *taken says whether the line was one. */
MUST_CHECK enum err rpl_parse_directive(struct rpl_reader *r, char *line, bool *taken);

#endif
