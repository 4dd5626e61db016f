/* The manual page and the sample file, from the schema. */
#include <string.h>

#include "ops/config_schema.h"

static const char *form_of(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL:
        return "true or false";
    case OPTION_NUMBER:
        return "number";
    case OPTION_SIZE:
        return "octets, or a number with k, m, g or t";
    case OPTION_SECONDS:
        return "seconds, or a number with s, m, h, d or w";
    case OPTION_CHOICE:
        return "one of";
    case OPTION_TEXT:
        return "text";
    case OPTION_ENDPOINTS:
        return "list of addresses, each with @port behind it if that is not 53";
    case OPTION_PREFIXES:
        return "list of networks: address/length";
    case OPTION_NAMES:
        return "list of names, each with until and a date behind it if it ends";
    }
    return "";
}

static bool is_ranged(const struct option *o)
{
    return o->most > 0;
}

/* The form with its choices or range: "number, 512 to 4096". */
static void write_form(FILE *to, const struct option *o)
{
    char least[32], most[32];
    fputs(form_of(o->type), to);
    if (o->choices)
        fprintf(to, " %s", o->choices);
    if (is_ranged(o))
        fprintf(to, "; %s to %s", config__number_text(o->type, o->least, least),
                config__number_text(o->type, o->most, most));
}

/* The default as a file would have it: lists in brackets, text quoted. */
static void write_default(FILE *to, const struct option *o)
{
    if (!config__is_list(o)) {
        fprintf(to, o->type == OPTION_TEXT ? "'%s'" : "%s", o->value);
        return;
    }
    fputc('[', to);
    for (const char *at = o->value; *at != '\0';) {
        size_t size = strcspn(at, " ");
        fprintf(to, "%s'%.*s'", at == o->value ? "" : ", ", (int)size, at);
        at += size + strspn(at + size, " ");
    }
    fputc(']', to);
}

/* Text cut into lines of at most `width`, each behind `lead`. */
static void write_wrapped(FILE *to, const char *lead, const char *text, size_t width)
{
    while (*text != '\0') {
        size_t size = strlen(text);
        if (size > width) {
            size = width;
            while (size > 0 && text[size] != ' ')
                size--;
        }
        fprintf(to, "%s%.*s\n", lead, (int)size, text);
        text += size + strspn(text + size, " ");
    }
}

/*
 * roff takes a dot or quote at the start of a line as a request, and backslashes as escapes. It
 * wants each sentence on a line of its own, to space it rightly.
 */
static void write_roff(FILE *to, const char *text)
{
    bool first = true;
    for (; *text != '\0'; text++) {
        bool ends = text[0] == '.' && text[1] == ' ';
        if (first && (*text == '.' || *text == '\''))
            fputs("\\&", to);
        fprintf(to, *text == '\\' ? "\\e" : "%c", *text);
        first = ends;
        if (ends) {
            fputc('\n', to);
            text++;
        }
    }
    fputc('\n', to);
}

static void write_manual_option(FILE *to, const struct option *o)
{
    fprintf(to, ".It Ic %s\n", o->key);
    write_roff(to, o->text);
    fputs(".br\n(", to);
    write_form(to, o);
    fputs(".\nDefault: ", to);
    write_default(to, o);
    fprintf(to, ".\n%s.)\n", o->reload ? "Applied by a reload" : "Needs a restart");
}

static const char manual_head[] =
    ".\\\" Generated from ops/options.def: change it there.\n"
    ".Dd November 21, 2026\n.Dt NUTHATCH.YAML 5\n.Os Nuthatch\n"
    ".Sh NAME\n.Nm nuthatch.yaml\n.Nd configuration of the Nuthatch resolver\n"
    ".Sh DESCRIPTION\n"
    "The file is YAML: sections, and in each section options.\n"
    "Every option may be left out, and so may a section or the whole file; then the default "
    "holds.\n"
    "An option that has no value after its colon has its default, too.\n.Pp\n"
    "Numbers are decimal, without leading zeros.\n"
    "A list that is given replaces the default list, it does not add to it; [] is the empty list.\n"
    "Addresses of IPv6 are best put in quotes.\n"
    "Unknown options are errors.\n.Pp\n"
    ".Ql nuthatchd --check-config\nchecks a file without starting, and\n"
    ".Ql nuthatchd --print-config\nprints what is in force.\n"
    "On SIGHUP the file is read again; a file with an error changes nothing.\n";

static const char manual_tail[] =
    ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/nuthatch/nuthatch.yaml\n"
    "read when no other file is named with\n.Fl c .\n.El\n"
    ".Sh EXAMPLES\nServe a network, with a larger cache:\n.Bd -literal -offset indent\n"
    "server:\n  listen: [192.0.2.53, '2001:db8::53', 127.0.0.1, '::1']\n  user: nuthatch\n"
    "access:\n  allow: [127.0.0.0/8, '::1', 192.0.2.0/24, '2001:db8::/48']\n"
    "cache:\n  size: 1g\n.Ed\n"
    ".Sh SEE ALSO\n.Xr nuthatchd 8\n";

static void write_manual_zones(FILE *to, size_t id)
{
    const struct zone_list_kind *kind = &config__zone_lists[id];
    fprintf(to, ".Ss %s\n", kind->key);
    write_roff(to, kind->text);
    fputs("A list of maps, each with\n.Ic name ,\nthe zone, and\n.Ic addresses ,\n"
          "the list of its servers, each with @port behind it if that is not 53.\n",
          to);
    if (id == ZONES_FORWARD)
        fputs("With\n.Ic first : true\n"
              "the name is resolved from the root instead when none of them answers; "
              "default is false.\n"
              "An address that we listen on is no server here, nor is a zone that stands in\n"
              ".Ic stub-zones .\n",
              to);
    fprintf(to,
            "Applied by a reload.\n.Bd -literal -offset indent\n%s:\n"
            "  - %s\n.Ed\n",
            kind->key, kind->sample);
}

void config_write_manual(FILE *to)
{
    fputs(manual_head, to);
    for (size_t s = 0; s < config__section_count; s++) {
        fprintf(to, ".Ss %s\n", config__sections[s].key);
        write_roff(to, config__sections[s].text);
        fputs(".Bl -tag -width Ds\n", to);
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (strcmp(config__options[i].section, config__sections[s].key) == 0)
                write_manual_option(to, &config__options[i]);
        fputs(".El\n", to);
    }
    for (size_t id = 0; id < ZONES_COUNT; id++)
        write_manual_zones(to, id);
    fputs(manual_tail, to);
}

static void write_sample_option(FILE *to, const struct option *o)
{
    fputc('\n', to);
    write_wrapped(to, "  # ", o->text, 94);
    fputs("  # (", to);
    write_form(to, o);
    fprintf(to, "%s)\n  #%s: ", o->reload ? "" : "; needs a restart", o->key);
    write_default(to, o);
    fputc('\n', to);
}

void config_write_sample(FILE *to)
{
    fputs("# The configuration of the Nuthatch resolver: every option with its default.\n"
          "# To change one, remove the # before it. See nuthatch.yaml(5).\n"
          "# Generated from ops/options.def: change it there.\n",
          to);
    for (size_t s = 0; s < config__section_count; s++) {
        fputc('\n', to);
        write_wrapped(to, "# ", config__sections[s].text, 96);
        fprintf(to, "%s:\n", config__sections[s].key);
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (strcmp(config__options[i].section, config__sections[s].key) == 0)
                write_sample_option(to, &config__options[i]);
    }
    for (size_t id = 0; id < ZONES_COUNT; id++) {
        fputc('\n', to);
        write_wrapped(to, "# ", config__zone_lists[id].text, 96);
        if (id == ZONES_FORWARD)
            fputs("# first: true resolves from the root instead when none of them answers.\n", to);
        fprintf(to, "%s:\n  #- %s\n", config__zone_lists[id].key, config__zone_lists[id].sample);
    }
}
