/* nuthatch.yaml to struct config: libcyaml loads strings by the schema, the values and defaults are
 * ours. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "ops/config_schema.h"

enum { FILE_MAX = 1 << 20 };

#define ABSENT (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL)

static const struct cyaml_schema_value item_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER_NULL, char *, 0, CYAML_UNLIMITED)};

#define SCALAR(section, field, key)                                                                \
    CYAML_FIELD_STRING_PTR(key, ABSENT, struct raw_##section, field.text, 0, CYAML_UNLIMITED),
#define LIST(section, field, key)                                                                  \
    CYAML_FIELD_SEQUENCE(key, ABSENT, struct raw_##section, field.items, &item_schema, 0,          \
                         CYAML_UNLIMITED),
#define FIELD_BOOL      SCALAR
#define FIELD_NUMBER    SCALAR
#define FIELD_SIZE      SCALAR
#define FIELD_SECONDS   SCALAR
#define FIELD_CHOICE    SCALAR
#define FIELD_TEXT      SCALAR
#define FIELD_ENDPOINTS LIST
#define FIELD_PREFIXES  LIST
#define FIELD_NAMES     LIST

// clang-format off
#define SECTION(field, key, text) static const struct cyaml_schema_field field##_fields[] = {
#define OPTION(section, field, key, type, value, limits, when, text)                               \
    FIELD_##type(section, field, key)
#define END CYAML_FIELD_END };
#include "ops/options.def"
// clang-format on

/* One schema for both kinds: which words belong into which the first walk has seen to. */
static const struct cyaml_schema_field zone_fields[] = {SCALAR(zone, name, "name") LIST(
    zone, addresses, "addresses") SCALAR(zone, first, "first") CYAML_FIELD_END};
static const struct cyaml_schema_value zone_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_zone, zone_fields)};

static const struct cyaml_schema_field top_fields[] = {
#define SECTION(field, key, text)                                                                  \
    CYAML_FIELD_MAPPING_PTR(key, ABSENT, struct raw, field, field##_fields),
#include "ops/options.def"
    CYAML_FIELD_SEQUENCE("stub-zones", ABSENT, struct raw, zones[ZONES_STUB].at, &zone_schema, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("forward-zones", ABSENT, struct raw, zones[ZONES_FORWARD].at, &zone_schema,
                         0, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const struct cyaml_schema_value top_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, top_fields)};

static const struct cyaml_config loader = {
    .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};

/* One file on its way into a struct config. */
struct parse {
    struct config *config;
    const struct raw *raw;
    struct places places;
    struct config_report *report;
    enum err failed; /* no memory */
};

static struct mark mark_at(const struct parse *p, const char *path)
{
    const struct place *place = config__places_find(&p->places, path);
    return place ? place->mark : (struct mark){0};
}

static void complain_value(struct parse *p, const char *path, const char *fault)
{
    config_complain(p->report, p->config->file, mark_at(p, path), "%s: %s", path, fault);
}

static void *allocate(struct parse *p, size_t count, size_t size)
{
    void *got = arena_calloc(&p->config->arena, count ? count : 1, size);
    if (!got)
        p->failed = ERR_NOMEM;
    return got;
}

static void read_scalar(struct parse *p, const struct option *o, const char *text, const char *path)
{
    char fault[FAULT_MAX];
    void *out = (char *)p->config + o->offset;
    if (!config__read_value(o, text, out, fault)) {
        complain_value(p, path, fault);
        return;
    }
    if (o->type != OPTION_TEXT)
        return;
    const char *copy = arena_copy(&p->config->arena, text, strlen(text) + 1);
    if (!copy)
        p->failed = ERR_NOMEM;
    *(const char **)out = copy;
}

/* The items of a list option into an array of its type; `out` is the list in struct config. */
static void read_items(struct parse *p, const struct option *o, const struct raw_value *raw,
                       const char *path, void *out)
{
    bool endpoints = o->type == OPTION_ENDPOINTS;
    bool names = o->type == OPTION_NAMES;
    size_t size = endpoints ? sizeof(struct endpoint)
                  : names   ? sizeof(struct dated_name)
                            : sizeof(struct prefix);
    char *items = allocate(p, raw->items_count, size);
    if (!items)
        return;
    for (unsigned i = 0; i < raw->items_count; i++) {
        char fault[FAULT_MAX], item[200];
        snprintf(item, sizeof item, "%.160s[%u]", path, i);
        const char *text = raw->items[i] ? raw->items[i] : "";
        if (!config__read_value(o, text, items + i * size, fault))
            complain_value(p, item, fault);
    }
    if (endpoints)
        *(struct endpoint_list *)out = (struct endpoint_list){(void *)items, raw->items_count};
    else if (names)
        *(struct dated_name_list *)out = (struct dated_name_list){(void *)items, raw->items_count};
    else
        *(struct prefix_list *)out = (struct prefix_list){(void *)items, raw->items_count};
}

/* A default of several items is written with blanks between: cut it and read it like any other. */
static void read_default_list(struct parse *p, const struct option *o, const char *path)
{
    char text[400];
    char *items[32], *rest = text, *item;
    struct raw_value raw = {.items = items};
    snprintf(text, sizeof text, "%s", o->value);
    while ((item = strsep(&rest, " ")))
        if (*item != '\0' && raw.items_count < 32)
            items[raw.items_count++] = item;
    read_items(p, o, &raw, path, (char *)p->config + o->offset);
}

static const struct raw_value *raw_of(const struct raw *raw, const struct option *o)
{
    const char *section = NULL;
    if (raw)
        memcpy(&section, (const char *)raw + o->section_offset, sizeof section);
    return section ? (const void *)(section + o->raw_offset) : NULL;
}

static void read_option(struct parse *p, size_t id)
{
    const struct option *o = &config__options[id];
    char path[100];
    snprintf(path, sizeof path, "%s.%s", o->section, o->key);
    const struct place *place = config__places_find(&p->places, path);
    const struct raw_value *raw = raw_of(p->raw, o);
    bool given = place && !place->empty && raw && (config__is_list(o) || raw->text);
    if (given)
        p->config->marks[id] = place->mark;
    if (config__is_list(o) && given)
        read_items(p, o, raw, path, (char *)p->config + o->offset);
    else if (config__is_list(o))
        read_default_list(p, o, path);
    else
        read_scalar(p, o, given ? raw->text : o->value, path);
}

static void complain_name(struct parse *p, const char *path, const char *text)
{
    char fault[FAULT_MAX];
    snprintf(fault, sizeof fault, "'%.80s' is not a domain name: write one like example.com", text);
    complain_value(p, path, fault);
}

static void read_zone_name(struct parse *p, const struct raw_value *raw, const char *path,
                           struct config_zone *zone)
{
    uint8_t wire[NAME_MAX_WIRE];
    char part[100];
    snprintf(part, sizeof part, "%s.name", path);
    if (!raw->text || raw->text[0] == '\0')
        complain_value(p, path, "has no name: write name: and the zone's, e.g. example.com");
    else if (name_from_text(raw->text, wire) != OK)
        complain_name(p, part, raw->text);
    else if (!(zone->name = arena_copy(&p->config->arena, wire, name_size(wire))))
        p->failed = ERR_NOMEM;
}

/* A host name, with @port behind it if that is not 53. One whose last label is a number is a bad
 * address. */
static bool is_host(struct parse *p, const char *text, struct config_host *out)
{
    uint8_t wire[NAME_MAX_WIRE];
    const char *port = strchr(text, '@');
    char *name = arena_copy(&p->config->arena, text, strlen(text) + 1), *end = NULL;
    if (!name) {
        p->failed = ERR_NOMEM;
        return true;
    }
    unsigned long number = port ? strtoul(port + 1, &end, 10) : DNS_PORT;
    if (port)
        name[port - text] = '\0';
    const char *last = strrchr(name, '.');
    last = last && last[1] == '\0' ? "" : last ? last + 1 : name;
    bool digits = *last != '\0' && strspn(last, "0123456789") == strlen(last);
    bool bad_port = port && (port[1] == '\0' || *end != '\0' || number == 0 || number > UINT16_MAX);
    if (digits || bad_port || strpbrk(name, ": %[]/") || name_from_text(name, wire) != OK ||
        wire[0] == 0)
        return false;
    out->name = name;
    out->port = (uint16_t)number;
    return true;
}

/* One of a zone's servers: an address, a host name, or `system`. */
static void read_server(struct parse *p, const char *text, const char *path, bool forward,
                        struct config_zone *zone)
{
    struct endpoint *at = (struct endpoint *)(uintptr_t)&zone->servers.at[zone->servers.count];
    struct config_host *host = (struct config_host *)(uintptr_t)&zone->hosts[zone->host_count];
    char fault[FAULT_MAX];
    if (forward && strcmp(text, "system") == 0) {
        zone->system = true;
    } else if (endpoint_parse(text, DNS_PORT, at) == OK) {
        zone->servers.count++;
    } else if (is_host(p, text, host)) {
        host->mark = mark_at(p, path);
        zone->host_count++;
    } else {
        snprintf(fault, sizeof fault,
                 "'%.80s' is neither an address nor a host name: write one like 192.0.2.1, "
                 "192.0.2.1@5300, "
                 "2001:db8::1%s",
                 text, forward ? ", dns.example.net, or system" : " or ns1.example.net");
        complain_value(p, path, fault);
    }
}

static void read_servers(struct parse *p, const struct raw_value *raw, const char *path,
                         bool forward, struct config_zone *zone)
{
    zone->servers.at = allocate(p, raw->items_count, sizeof *zone->servers.at);
    zone->hosts = allocate(p, raw->items_count, sizeof *zone->hosts);
    for (unsigned i = 0; i < raw->items_count && !p->failed; i++) {
        char item[200];
        snprintf(item, sizeof item, "%.160s[%u]", path, i);
        read_server(p, raw->items[i] ? raw->items[i] : "", item, forward, zone);
    }
}

static void read_zone(struct parse *p, const struct raw_zone *raw, const char *path, bool forward,
                      struct config_zone *zone)
{
    static const struct option first = {.type = OPTION_BOOL};
    char part[100], fault[FAULT_MAX];
    zone->mark = mark_at(p, path);
    read_zone_name(p, &raw->name, path, zone);
    snprintf(part, sizeof part, "%s.first", path);
    if (raw->first.text && raw->first.text[0] != '\0' &&
        !config__read_value(&first, raw->first.text, &zone->first, fault))
        complain_value(p, part, fault);
    snprintf(part, sizeof part, "%s.addresses", path);
    if (raw->addresses.items_count > 0)
        read_servers(p, &raw->addresses, part, forward, zone);
    else
        complain_value(p, path,
                       "has no addresses: write addresses: and the servers', e.g. [192.0.2.1]");
}

static void read_zone_list(struct parse *p, size_t id)
{
    const char *key = config__zone_lists[id].key;
    struct config_zone_list *list = &p->config->zones[id];
    size_t count = p->raw ? p->raw->zones[id].at_count : 0;
    struct config_zone *zones = allocate(p, count, sizeof *zones);
    if (!zones)
        return;
    for (size_t i = 0; i < count; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s[%zu]", key, i);
        read_zone(p, &p->raw->zones[id].at[i], path, id == ZONES_FORWARD, &zones[i]);
    }
    *list = (struct config_zone_list){.at = zones, .count = count};
    if (count > 0)
        list->mark = mark_at(p, key);
}

static void read_all(struct parse *p)
{
    for (size_t i = 0; i < OPTION_COUNT && !p->failed; i++)
        read_option(p, i);
    for (size_t id = 0; id < ZONES_COUNT && !p->failed; id++)
        read_zone_list(p, id);
    if (!p->failed && p->report->count == 0)
        config__check(p->config, &p->places, p->report);
}

static enum err parse_places(struct parse *p, const char *text, size_t size)
{
    const char *file = p->config->file;
    enum err e = config__places_read(&p->places, &p->config->arena, file, text, size, p->report);
    if (e != OK || !p->places.any) {
        if (e == OK)
            read_all(p);
        return e;
    }
    cyaml_data_t *data = NULL;
    cyaml_err_t loaded =
        cyaml_load_data((const uint8_t *)text, size, &loader, &top_schema, &data, NULL);
    if (loaded == CYAML_ERR_OOM)
        return ERR_NOMEM;
    if (loaded != CYAML_OK) {
        config_complain(p->report, file, (struct mark){0}, "%s: compare it with the sample file",
                        cyaml_strerror(loaded));
        return ERR_FORMAT;
    }
    p->raw = data;
    read_all(p);
    cyaml_free(&loader, &top_schema, data, 0);
    return OK;
}

static struct config *config_new(const char *file)
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct config *c = arena_calloc(&arena, 1, sizeof *c);
    if (c && file)
        c->file = arena_copy(&arena, file, strlen(file) + 1);
    if (!c || (file && !c->file)) {
        arena_deinit(&arena);
        return NULL;
    }
    c->arena = arena;
    atomic_init(&c->references, 1);
    return c;
}

enum err config_parse(struct config **out, const char *file, const char *text, size_t size,
                      struct config_report *report)
{
    struct parse p = {.config = config_new(file), .report = report};
    if (!p.config)
        return ERR_NOMEM;
    enum err e = parse_places(&p, text, size);
    if (e == OK)
        e = p.failed;
    if (e == OK && report->count > 0)
        e = ERR_FORMAT;
    config__places_deinit(&p.places);
    if (e != OK) {
        config_free(p.config);
        return e;
    }
    *out = p.config;
    return OK;
}

static enum err complain_file(const char *path, struct config_report *report, const char *why)
{
    config_complain(report, path, (struct mark){0},
                    "cannot read the configuration: %s: name another file with -c, or mend this "
                    "one's place or mode",
                    why);
    return ERR_IO;
}

enum err config_load(struct config **out, const char *path, struct config_report *report)
{
    if (!path)
        return config_parse(out, NULL, "", 0, report);
    FILE *file = fopen(path, "re");
    if (!file)
        return complain_file(path, report, strerror(errno));
    char *text = malloc(FILE_MAX + 1);
    size_t size = text ? fread(text, 1, FILE_MAX + 1, file) : 0;
    int bad = ferror(file) ? errno : 0;
    fclose(file);
    enum err e = ERR_NOMEM;
    if (text && bad)
        e = complain_file(path, report, strerror(bad));
    else if (text && size > FILE_MAX)
        e = complain_file(path, report, "over 1 MiB");
    else if (text)
        e = config_parse(out, path, text, size, report);
    free(text);
    return e;
}
