/* --print-config: what is in force, as a file that could be given back. */
#include <string.h>
#include <time.h>

#include "dns/name.h"
#include "dns/types.h"
#include "ops/config_schema.h"

static void print_endpoint(FILE *to, const struct endpoint *e)
{
    char text[ADDR_TEXT_MAX];
    fprintf(to, "'%s", address_text(e, text));
    fprintf(to, e->port == 53 ? "'" : "@%u'", e->port);
}

static void print_endpoints(FILE *to, const struct endpoint_list *l)
{
    fputc('[', to);
    for (size_t i = 0; i < l->count; i++) {
        fputs(i > 0 ? ", " : "", to);
        print_endpoint(to, &l->at[i]);
    }
    fputc(']', to);
}

/* Addresses, host names, and the word for the system's servers. */
static void print_servers(FILE *to, const struct config_zone *z)
{
    const char *comma = "";
    fputc('[', to);
    for (size_t i = 0; i < z->servers.count; i++, comma = ", ") {
        fputs(comma, to);
        print_endpoint(to, &z->servers.at[i]);
    }
    for (size_t i = 0; i < z->host_count; i++, comma = ", ") {
        fprintf(to, "%s'%s", comma, z->hosts[i].name);
        if (z->hosts[i].port != DNS_PORT)
            fprintf(to, "@%u", z->hosts[i].port);
        fputc('\'', to);
    }
    fprintf(to, z->system ? "%ssystem]" : "]", comma);
}

static void print_prefixes(FILE *to, const struct prefix_list *l)
{
    char text[ADDR_TEXT_MAX];
    fputc('[', to);
    for (size_t i = 0; i < l->count; i++)
        fprintf(to, "%s'%s'", i > 0 ? ", " : "", prefix_text(&l->at[i], text));
    fputc(']', to);
}

static void print_names(FILE *to, const struct dated_name_list *l)
{
    fputc('[', to);
    for (size_t i = 0; i < l->count; i++) {
        char name[NAME_TEXT_MAX], date[32] = "";
        time_t until = (time_t)l->at[i].until;
        struct tm tm;
        if (until && gmtime_r(&until, &tm))
            strftime(date, sizeof date, " until %Y-%m-%d", &tm);
        fputs(i > 0 ? ", '" : "'", to);
        name_text(l->at[i].name, name);
        for (const char *at = name; *at != '\0'; at++)
            fprintf(to, *at == '\'' ? "''" : "%c", *at);
        fprintf(to, "%s'", date);
    }
    fputc(']', to);
}

static void print_value(FILE *to, const struct option *o, const void *value)
{
    char text[41000]; /* 4096 octets, ten for each at worst */
    if (o->type == OPTION_ENDPOINTS)
        print_endpoints(to, value);
    else if (o->type == OPTION_PREFIXES)
        print_prefixes(to, value);
    else if (o->type == OPTION_NAMES)
        print_names(to, value);
    else
        fputs(config__scalar_text(o, value, text, sizeof text), to);
}

static void print_option(FILE *to, const struct config *c, size_t id)
{
    const struct option *o = &config__options[id];
    fprintf(to, "  %s: ", o->key);
    print_value(to, o, (const char *)c + o->offset);
    fputs(c->marks[id].line == 0 ? "  # default\n" : "\n", to);
}

static void print_zones(FILE *to, const struct config *c, size_t id)
{
    const struct config_zone_list *l = &c->zones[id];
    const struct zone_list_kind *kind = &config__zone_lists[id];
    fprintf(to, l->count == 0 ? "%s: []  # default\n" : "%s:\n", kind->key);
    for (size_t i = 0; i < l->count; i++) {
        char name[NAME_TEXT_MAX];
        name_text(l->at[i].name, name);
        fputs("  - name: '", to);
        for (const char *at = name; *at != '\0'; at++)
            fprintf(to, *at == '\'' ? "''" : "%c", *at);
        fputs("'\n    addresses: ", to);
        print_servers(to, &l->at[i]);
        fputc('\n', to);
        if (id == ZONES_FORWARD)
            fprintf(to, "    first: %s\n", l->at[i].first ? "true" : "false");
    }
}

void config_print(FILE *to, const struct config *c)
{
    const char *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(config__options[i].section, section) != 0)
            fprintf(to, "%s:\n", config__options[i].section);
        section = config__options[i].section;
        print_option(to, c, i);
    }
    for (size_t id = 0; id < ZONES_COUNT; id++)
        print_zones(to, c, id);
}
