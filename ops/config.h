/*
 * The configuration: nuthatch.yaml as structs, from the schema in ops/options.def.
 *
 *     struct config_report report = {0};
 *     config_load(&config, "nuthatch.yaml", &report);   // or the reasons why not, a line each
 *     config_print(stdout, config);
 *     config_changes(old, config, fn, ctx);             // what a reload changes
 *     config_free(config);
 *
 * A struct config is complete: an option that the file does not name has its default. All it points
 * to is its own.
 */
#ifndef OPS_CONFIG_H
#define OPS_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/arena.h"
#include "dns/name.h"
#include "policy/access.h"

/* A name and when it ends to count: POSIX seconds, 0: never. */
struct dated_name {
    uint8_t name[NAME_MAX_WIRE];
    uint32_t until;
};

struct dated_name_list {
    const struct dated_name *at;
    size_t count;
};

struct endpoint_list {
    const struct endpoint *at;
    size_t count;
};

enum option_type {
    OPTION_BOOL,
    OPTION_NUMBER,
    OPTION_SIZE, /* octets */
    OPTION_SECONDS,
    OPTION_CHOICE, /* the position of the chosen word */
    OPTION_TEXT,   /* never NULL, maybe "" */
    OPTION_ENDPOINTS,
    OPTION_PREFIXES,
    OPTION_NAMES, /* each may have a date behind it */
};

typedef bool config_BOOL;
typedef uint32_t config_NUMBER;
typedef uint64_t config_SIZE;
typedef uint32_t config_SECONDS;
typedef uint32_t config_CHOICE;
typedef const char *config_TEXT;
typedef struct endpoint_list config_ENDPOINTS;
typedef struct prefix_list config_PREFIXES;
typedef struct dated_name_list config_NAMES;

// clang-format off
#define SECTION(field, key, text)                                    struct config_##field {
#define OPTION(section, field, key, type, value, limits, when, text) config_##type field;
#define END };
#include "ops/options.def"
// clang-format on

enum option_id {
#define OPTION(section, field, key, type, value, limits, when, text) OPTION_##section##_##field,
#include "ops/options.def"
    OPTION_COUNT
};

/* Where in the file something stands, from 1; 0: it does not. */
struct mark {
    unsigned line;
    unsigned column;
};

/* The lists of zones whose servers the file names. */
enum zone_list_id { ZONES_STUB, ZONES_FORWARD, ZONES_COUNT };

/* A server by its host name, which is looked up while we run. */
struct config_host {
    const char *name;
    uint16_t port;
    struct mark mark;
};

struct config_zone {
    uint8_t *name; /* wire form */
    struct endpoint_list servers;
    const struct config_host *hosts;
    size_t host_count;
    bool system; /* of ZONES_FORWARD: the servers that the system is set to ask, too */
    bool first;  /* of ZONES_FORWARD: the root is the way out when none of them answers */
    struct mark mark;
};

struct config_zone_list {
    const struct config_zone *at;
    size_t count;
    struct mark mark;
};

struct config {
#define SECTION(field, key, text) struct config_##field field;
#include "ops/options.def"
    struct config_zone_list zones[ZONES_COUNT];
    const char *file; /* NULL: no file */
    struct mark marks[OPTION_COUNT];
    struct arena arena;
    atomic_uint references;
};

/* What is wrong with a file: whole lines, "nuthatch.yaml:7:9: what: what to do". */
enum { REPORT_LINES = 10, REPORT_LINE_MAX = 400 };
struct config_report {
    size_t count; /* may be more than REPORT_LINES; those are not kept */
    char lines[REPORT_LINES][REPORT_LINE_MAX];
};

void config_complain(struct config_report *r, const char *file, struct mark at, const char *fmt,
                     ...) __attribute__((format(printf, 4, 5)));

/*
 * `path` NULL: all defaults. ERR_FORMAT: the report says why; ERR_IO: not readable, the same;
 * ERR_NOMEM.
 */
MUST_CHECK enum err config_load(struct config **out, const char *path,
                                struct config_report *report);
/* The same from text; `file` is its name in the report. */
MUST_CHECK enum err config_parse(struct config **out, const char *file, const char *text,
                                 size_t size, struct config_report *report);
/* With one reference more; config_free gives one back, the last one frees. From any thread. */
struct config *config_ref(struct config *c);
void config_free(struct config *c);

/* The effective configuration as YAML, with "# default" behind what the file does not name. */
void config_print(FILE *to, const struct config *c);

/* Calls fn for each option whose value differs, and for each list of zones (key "stub-zones",
 * reload true). */
void config_changes(const struct config *before, const struct config *after,
                    void (*fn)(void *ctx, const char *key, bool reload), void *ctx);

/* The four lists under `access` as one. ERR_EXISTS cannot come of a config that was parsed. */
MUST_CHECK enum err config_access(const struct config *c, struct access_list **out, size_t *bad);

/* nuthatch.yaml(5) and the sample file. */
void config_write_manual(FILE *to);
void config_write_sample(FILE *to);

#endif
