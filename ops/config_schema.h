/*
 * The schema at run time: one struct option for each line of ops/options.def. For the config files
 * of ops/ only.
 */
#ifndef OPS_CONFIG_SCHEMA_H
#define OPS_CONFIG_SCHEMA_H

#include "ops/config.h"

struct option {
    const char *section; /* its key */
    const char *key;
    const char *value; /* the default as text */
    const char *text;
    const char *choices; /* words with blanks between; NULL unless OPTION_CHOICE */
    uint64_t least, most;
    enum option_type type;
    bool reload;
    size_t offset;         /* in struct config */
    size_t section_offset; /* in struct raw, of the section's pointer */
    size_t raw_offset;     /* in the section's raw struct */
};

struct option_section {
    const char *key;
    const char *text;
};

extern const struct option config__options[OPTION_COUNT];
extern const struct option_section config__sections[];
extern const size_t config__section_count;

/* A list of zones, which is a list of maps beside the sections. */
struct zone_list_kind {
    const char *key;
    const char *words; /* what each map may hold, blanks between */
    const char *text;
    const char *sample; /* one map as an example */
};

extern const struct zone_list_kind config__zone_lists[ZONES_COUNT];

bool config__is_list(const struct option *o);

/*
 * What libcyaml loads: every scalar a string, so that numbers, units and ranges are ours (it reads
 * 100m as 100 and 070 as 56). NULL: absent or empty.
 */
struct raw_value {
    char *text;   /* of a scalar */
    char **items; /* of a list */
    unsigned items_count;
};
// clang-format off
#define SECTION(field, key, text)                                    struct raw_##field {
#define OPTION(section, field, key, type, value, limits, when, text) struct raw_value field;
#define END };
#include "ops/options.def"
// clang-format on
struct raw_zone {
    struct raw_value name;
    struct raw_value addresses;
    struct raw_value first;
};
struct raw_zone_list {
    struct raw_zone *at;
    unsigned at_count;
};
struct raw {
#define SECTION(field, key, text) struct raw_##field *field;
#include "ops/options.def"
    struct raw_zone_list zones[ZONES_COUNT];
};

/* ---- Values (config_values.c) ---------------------------------------------------------------- */

enum { FAULT_MAX = 300 };

/*
 * Reads one scalar, or one item of a list, into `out`, whose type is the option's (of lists: the
 * item's). False: `fault` says what is wrong and what to write, without naming the option. TEXT is
 * not copied.
 */
bool config__read_value(const struct option *o, const char *text, void *out, char fault[FAULT_MAX]);

/* A number in the unit that the option's type is written in: "100m", "1d", "1232"; returns `buf`.
 */
const char *config__number_text(enum option_type type, uint64_t n, char buf[32]);
/* The value of a scalar option, as to be written into a file; returns `buf`. */
const char *config__scalar_text(const struct option *o, const void *value, char *buf, size_t size);

/* The word of `words` (blanks between) nearest to `text`; NULL when none is near. Writes it to
 * `buf`. */
const char *config__nearest(const char *words, const char *text, char *buf, size_t size);

/* ---- Places (config_places.c) ---------------------------------------------------------------- */

struct place {
    const char *path; /* "cache.size", "server.listen[0]", "stub-zones[1].name" */
    struct mark mark;
    bool empty; /* nothing stands there: its default is meant */
};

struct places {
    struct place *at; /* by path */
    size_t count;
    size_t capacity;
    bool any; /* the file holds something */
};

/*
 * Walks the text with libyaml alone: notes where each thing stands and complains of broken YAML,
 * unknown and repeated options, and a list, map or single value where another belongs. ERR_FORMAT:
 * complained; ERR_NOMEM. The places are the arena's but for the array, which places_deinit frees.
 */
MUST_CHECK enum err config__places_read(struct places *p, struct arena *a, const char *file,
                                        const char *text, size_t size,
                                        struct config_report *report);
void config__places_deinit(struct places *p);
const struct place *config__places_find(const struct places *p, const char *path);

/* What no single value shows: cross-checks (config_check.c). Complains into the report. */
void config__check(const struct config *c, const struct places *p, struct config_report *report);

#endif
