/* The schema's tables, and what does not read or write. */
#include "ops/config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "ops/config_schema.h"

#define RELOAD          true
#define RESTART         false
#define ANY             .least = 0
#define RANGE(from, to) .least = (from), .most = (to)
#define CHOICES(words)  .choices = (words)

/* A section's key may have a hyphen, its field has not. */
#define SECTION(field, key, text) static const char key_of_##field[] = key;
#include "ops/options.def"

const struct option config__options[OPTION_COUNT] = {
#define OPTION(section_, field, key_, type_, value_, limits, when, text_)                          \
    {.section = key_of_##section_,                                                                 \
     .key = key_,                                                                                  \
     .value = value_,                                                                              \
     .text = text_,                                                                                \
     .type = OPTION_##type_,                                                                       \
     .reload = when,                                                                               \
     .offset = offsetof(struct config, section_.field),                                            \
     .section_offset = offsetof(struct raw, section_),                                             \
     .raw_offset = offsetof(struct raw_##section_, field),                                         \
     limits},
#include "ops/options.def"
};

enum section_index {
#define SECTION(field, key, text) SECTION_##field,
#include "ops/options.def"
    SECTION_COUNT
};

const struct option_section config__sections[] = {
#define SECTION(field, key_, text_) {.key = key_, .text = text_},
#include "ops/options.def"
};
const size_t config__section_count = SECTION_COUNT;

const struct zone_list_kind config__zone_lists[ZONES_COUNT] = {
    [ZONES_STUB] = {.key = "stub-zones",
                    .words = "name addresses",
                    .text = "Zones whose servers you name, by address or host name, instead of "
                            "having them looked up: for "
                            "zones that exist only in your network. Those servers must be "
                            "authoritative for the zone.",
                    .sample = "{name: corp.example, addresses: [192.0.2.1, 192.0.2.2@5300]}"},
    [ZONES_FORWARD] =
        {.key = "forward-zones",
         .words = "name addresses first",
         .text = "Zones about which other resolvers are asked, and all that lies "
                 "below them: name the root to have everything forwarded. "
                 "Those servers must resolve for us. Beside addresses and host names, system means "
                 "the servers that this machine is set to ask (upstream.system-file).",
         .sample = "{name: partner.example, addresses: [192.0.2.3], first: false}"},
};

bool config__is_list(const struct option *o)
{
    return o->type == OPTION_ENDPOINTS || o->type == OPTION_PREFIXES || o->type == OPTION_NAMES;
}

void config_complain(struct config_report *r, const char *file, struct mark at, const char *fmt,
                     ...)
{
    if (r->count++ >= REPORT_LINES)
        return;
    char *line = r->lines[r->count - 1];
    size_t n = 0;
    if (file && at.line > 0)
        n = (size_t)snprintf(line, REPORT_LINE_MAX, "%.200s:%u:%u: ", file, at.line, at.column);
    else if (file)
        n = (size_t)snprintf(line, REPORT_LINE_MAX, "%.200s: ", file);
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + n, REPORT_LINE_MAX - n, fmt, args);
    va_end(args);
    for (; *line != '\0'; line++) /* one line, whatever the file holds */
        if ((unsigned char)*line < 32 || *line == 127)
            *line = '?';
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

void config_free(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) > 1)
        return;
    struct arena arena = c->arena; /* c itself lies within */
    arena_deinit(&arena);
}

static bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return a->length == b->length && address_equal(&a->base, &b->base);
}

static bool endpoints_equal(const struct endpoint_list *a, const struct endpoint_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!endpoint_equal(&a->at[i], &b->at[i]))
            return false;
    return true;
}

static bool prefixes_equal(const struct prefix_list *a, const struct prefix_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!prefix_equal(&a->at[i], &b->at[i]))
            return false;
    return true;
}

static bool names_equal(const struct dated_name_list *a, const struct dated_name_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!name_equal(a->at[i].name, b->at[i].name) || a->at[i].until != b->at[i].until)
            return false;
    return true;
}

static bool value_equal(const struct option *o, const void *a, const void *b)
{
    switch (o->type) {
    case OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case OPTION_SIZE:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    case OPTION_NUMBER:
    case OPTION_SECONDS:
    case OPTION_CHOICE:
        return *(const uint32_t *)a == *(const uint32_t *)b;
    case OPTION_TEXT:
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    case OPTION_ENDPOINTS:
        return endpoints_equal(a, b);
    case OPTION_PREFIXES:
        return prefixes_equal(a, b);
    case OPTION_NAMES:
        return names_equal(a, b);
    }
    return false;
}

static bool hosts_equal(const struct config_zone *a, const struct config_zone *b)
{
    if (a->system != b->system || a->host_count != b->host_count)
        return false;
    for (size_t i = 0; i < a->host_count; i++)
        if (strcmp(a->hosts[i].name, b->hosts[i].name) != 0 || a->hosts[i].port != b->hosts[i].port)
            return false;
    return true;
}

static bool zones_equal(const struct config_zone_list *a, const struct config_zone_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!name_equal_case(a->at[i].name, b->at[i].name) || a->at[i].first != b->at[i].first ||
            !hosts_equal(&a->at[i], &b->at[i]) ||
            !endpoints_equal(&a->at[i].servers, &b->at[i].servers))
            return false;
    return true;
}

void config_changes(const struct config *before, const struct config *after,
                    void (*fn)(void *ctx, const char *key, bool reload), void *ctx)
{
    char key[80];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &config__options[i];
        if (value_equal(o, (const char *)before + o->offset, (const char *)after + o->offset))
            continue;
        snprintf(key, sizeof key, "%s.%s", o->section, o->key);
        fn(ctx, key, o->reload);
    }
    for (size_t i = 0; i < ZONES_COUNT; i++)
        if (!zones_equal(&before->zones[i], &after->zones[i]))
            fn(ctx, config__zone_lists[i].key, true);
}
