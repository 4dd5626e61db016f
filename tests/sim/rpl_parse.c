/* A replay file as a whole: configuration, ranges, steps. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tests/sim/rpl_lex.h"

/* Reading one file. `config_end` and so on point at where the next item is to be hung. */
struct file_reader {
    struct rpl_reader r;
    struct rpl_file *file;
    struct rpl_config_line **config_last;
    struct rpl_range **range_last;
    struct rpl_step **step_last;
    const char *section;
};

/* ---- configuration --------------------------------------------------------------------------- */

static const char *const headings[] = {"server", "stub-zone", "forward-zone",   "auth-zone",
                                       "rpz",    "view",      "remote-control", "python",
                                       "dynlib", "cachedb",   "dnstap",         "ipset"};

static bool is_heading(const char *key)
{
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        if (rpl_is(key, headings[i]))
            return true;
    }
    return false;
}

static enum err add_config(struct file_reader *f, const char *key, const char *value)
{
    struct rpl_config_line *c = arena_calloc(f->r.arena, 1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->line = f->r.line;
    c->key = key;
    c->value = value;
    if (!*value && islower((unsigned char)*key) && is_heading(key)) {
        c->opens = true;
        f->section = key;
    }
    c->section = f->section;
    *f->config_last = c;
    f->config_last = &c->next;
    return OK;
}

/* "name:" at `p`? Returns the octets of the name, or 0. */
static size_t key_at(const char *p)
{
    size_t n = 0;
    while (islower((unsigned char)p[n]) || isdigit((unsigned char)p[n]) || p[n] == '-')
        n++;
    if (n == 0 || !islower((unsigned char)*p) || p[n] != ':')
        return 0;
    char after = p[n + 1];
    return after == '\0' || after == '"' || isspace((unsigned char)after) ? n : 0;
}

/* The end of a value: a blank before the next "key:" outside quotes, or the end of the line. */
static char *value_end(char *p)
{
    bool quoted = false;
    for (; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && isspace((unsigned char)*p) && key_at(p + strspn(p, " \t")) > 0)
            return p;
    }
    return p;
}

/* One quoted word loses its quotes; several words stay as they are. */
static char *unquote(char *value)
{
    size_t n = strlen(value);
    while (n > 0 && isspace((unsigned char)value[n - 1]))
        value[--n] = '\0';
    if (n >= 2 && *value == '"' && strchr(value + 1, '"') == value + n - 1) {
        value[n - 1] = '\0';
        return value + 1;
    }
    return value;
}

/* A line may hold several settings: `forward-zone: name: "." forward-addr: 192.0.2.1`. */
static enum err parse_config_line(struct file_reader *f, char *line)
{
    while (*line) {
        size_t n = key_at(line);
        if (n == 0)
            return rpl_fault(&f->r, "\"%s\" is no \"key: value\"", line);
        const char *key = line;
        char *value = line + n + 1;
        line[n] = '\0';
        value += strspn(value, " \t");
        if (key_at(value) > 0) { /* nothing before the next key */
            line = value;
            value = value + strlen(value);
        } else {
            char *end = value_end(value);
            line = end + strspn(end, " \t");
            *end = '\0';
            value = unquote(value);
        }
        enum err err = add_config(f, key, value);
        if (err)
            return err;
    }
    return OK;
}

/* Blocks that carry a file: kept only as a setting of that name. */
/* Its lines become the value of the option BLOCK behind it. */
static enum err parse_config_block(struct file_reader *f, const char *keyword, char *name,
                                   const char *end)
{
    struct rpl_text text = {.arena = f->r.arena};
    enum err err = add_config(f, keyword, name);
    while (!err && end) {
        char *line;
        err = rpl_raw_line(&f->r, &line);
        if (!err && !line)
            err = rpl_fault(&f->r, "the file ends before %s", end);
        if (err)
            return err;
        line += strspn(line, " \t");
        if (strncasecmp(line, end, strlen(end)) == 0)
            return add_config(f, "BLOCK", text.at ? text.at : "");
        rpl_printf(&text, "%s\n", line);
    }
    return err;
}

static enum err parse_config(struct file_reader *f)
{
    for (;;) {
        char *line;
        enum err err = rpl_line(&f->r, true, &line);
        if (err)
            return err;
        if (!line)
            return rpl_fault(&f->r, "the file ends before CONFIG_END");
        if (rpl_is(line, "CONFIG_END"))
            return OK;
        char *rest = line;
        if (strncasecmp(line, "TEMPFILE_NAME", 13) == 0 && rpl_word(&rest))
            err = parse_config_block(f, "TEMPFILE_NAME", rest, NULL);
        else if (strncasecmp(line, "TEMPFILE_CONTENTS", 17) == 0 && rpl_word(&rest))
            err = parse_config_block(f, "TEMPFILE_CONTENTS", rest, "TEMPFILE_END");
        else if (strncasecmp(line, "AUTOTRUST_FILE", 14) == 0 && rpl_word(&rest))
            err = parse_config_block(f, "AUTOTRUST_FILE", rest, "AUTOTRUST_END");
        else
            err = parse_config_line(f, line);
        if (err)
            return err;
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static enum err parse_address(struct rpl_reader *r, const char *word, struct endpoint *out)
{
    if (!word || endpoint_parse(word, DNS_PORT, out) != OK)
        return rpl_fault(r, "\"%s\" is no address", word ? word : "");
    return OK;
}

static enum err add_address(struct file_reader *f, struct rpl_range *range, const char *word)
{
    struct rpl_address *a = arena_calloc(f->r.arena, 1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    a->next = range->addresses;
    range->addresses = a;
    return parse_address(&f->r, word, &a->at);
}

static enum err start_range(struct file_reader *f, char *rest, struct rpl_range **out)
{
    uint64_t from, to;
    struct rpl_range *range = arena_calloc(f->r.arena, 1, sizeof *range);
    if (!range)
        return ERR_NOMEM;
    if (rpl_unsigned(rpl_word(&rest), INT32_MAX, &from) != OK ||
        rpl_unsigned(rpl_word(&rest), INT32_MAX, &to) != OK)
        return rpl_fault(&f->r, "RANGE_BEGIN wants two step numbers");
    range->line = f->r.line;
    range->from = (unsigned)from;
    range->to = (unsigned)to;
    *f->range_last = range;
    f->range_last = &range->next;
    *out = range;
    return OK;
}

static enum err parse_range(struct file_reader *f, char *rest)
{
    struct rpl_range *range = NULL;
    enum err err = start_range(f, rest, &range);
    if (err)
        return err;
    struct rpl_entry **last = &range->entries;
    for (;;) {
        char *line;
        bool directive;
        err = rpl_line(&f->r, false, &line);
        if (err)
            return err;
        if (!line)
            return rpl_fault(&f->r, "the file ends within a range");
        err = rpl_parse_directive(&f->r, line, &directive);
        if (err)
            return err;
        if (directive)
            continue;
        char *words = line;
        char *word = rpl_word(&words);
        if (rpl_is(word, "RANGE_END"))
            return OK;
        if (rpl_is(word, "ADDRESS")) {
            err = add_address(f, range, rpl_word(&words));
        } else if (rpl_is(word, "ENTRY_BEGIN")) {
            err = rpl_parse_entry(&f->r, last);
            if (!err)
                last = &(*last)->next;
        } else {
            err = rpl_fault(&f->r, "\"%s\" in a range", word);
        }
        if (err)
            return err;
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

enum needs { NEEDS_NOTHING, NEEDS_ENTRY, MAY_HAVE_ENTRY };

// clang-format off
static const struct step_word {
    const char *word;
    enum rpl_step_kind kind;
    enum needs needs;
} step_words[] = {
    {"QUERY", STEP_QUERY, NEEDS_ENTRY},
    {"CHECK_ANSWER", STEP_CHECK_ANSWER, NEEDS_ENTRY},
    {"CHECK_OUT_QUERY", STEP_CHECK_OUT_QUERY, NEEDS_ENTRY},
    {"REPLY", STEP_REPLY, NEEDS_ENTRY},
    {"TIMEOUT", STEP_TIMEOUT, MAY_HAVE_ENTRY},
    {"ERROR", STEP_ERROR, MAY_HAVE_ENTRY},
    {"TIME_PASSES", STEP_TIME_PASSES, NEEDS_NOTHING},
    {"WALL_CLOCK", STEP_WALL_CLOCK, NEEDS_NOTHING},
    {"NOTHING", STEP_NOTHING, NEEDS_NOTHING},
    {"TRAFFIC", STEP_NOTHING, NEEDS_NOTHING},
    {"ASSIGN", STEP_ASSIGN, NEEDS_NOTHING},
    {"FLUSH_MESSAGE", STEP_FLUSH_MESSAGE, NEEDS_NOTHING},
    {"EXPIRE_MESSAGE", STEP_EXPIRE_MESSAGE, NEEDS_NOTHING},
    {"INFRA_RTT", STEP_INFRA_RTT, NEEDS_NOTHING},
    {"CHECK_AUTOTRUST", STEP_CHECK_AUTOTRUST, NEEDS_NOTHING},
    {"CHECK_TEMPFILE", STEP_CHECK_TEMPFILE, NEEDS_NOTHING},
};
// clang-format on

const char *rpl_step_text(enum rpl_step_kind k)
{
    for (size_t i = 0; i < sizeof step_words / sizeof *step_words; i++) {
        if (step_words[i].kind == k)
            return step_words[i].word;
    }
    return "?";
}

static enum err parse_time_passes(struct file_reader *f, struct rpl_step *s, char *rest)
{
    char *word = rpl_word(&rest);
    if (!rpl_is(word, "ELAPSE") && !rpl_is(word, "EVAL"))
        return rpl_fault(&f->r, "TIME_PASSES wants ELAPSE or EVAL");
    rest += strspn(rest, " \t");
    if (!*rest)
        return rpl_fault(&f->r, "TIME_PASSES %s wants seconds", word);
    s->expression = rest;
    return OK;
}

static enum err parse_assign(struct file_reader *f, struct rpl_step *s, char *rest)
{
    char *equals = strchr(rest, '=');
    if (!equals)
        return rpl_fault(&f->r, "ASSIGN wants name = expression");
    *equals = '\0';
    s->name = rpl_word(&rest);
    s->expression = equals + 1 + strspn(equals + 1, " \t");
    if (!s->name || !*s->expression)
        return rpl_fault(&f->r, "ASSIGN wants name = expression");
    return OK;
}

/* FLUSH_MESSAGE name type class, EXPIRE_MESSAGE the same, INFRA_RTT ip name ms. */
static enum err parse_cache_step(struct file_reader *f, struct rpl_step *s, char *rest)
{
    if (s->kind == STEP_INFRA_RTT) {
        s->has_address = true;
        enum err err = parse_address(&f->r, rpl_word(&rest), &s->address);
        if (err)
            return err;
        s->name = rpl_word(&rest);
        s->expression = rpl_word(&rest);
        return s->expression ? OK
                             : rpl_fault(&f->r, "INFRA_RTT wants address, name and milliseconds");
    }
    s->name = rpl_word(&rest);
    const char *type = rpl_word(&rest);
    if (!s->name || !type || type_parse(type, &s->type) != OK)
        return rpl_fault(&f->r, "%s wants name, type and class", rpl_step_text(s->kind));
    return OK;
}

/* FILE_BEGIN … FILE_END, lines as they are. */
static enum err parse_file_step(struct file_reader *f, struct rpl_step *s, char *rest)
{
    s->name = rpl_word(&rest);
    char *line;
    enum err err = rpl_line(&f->r, false, &line);
    if (err)
        return err;
    if (!s->name || !rpl_is(line, "FILE_BEGIN"))
        return rpl_fault(&f->r, "%s wants a name and then FILE_BEGIN", rpl_step_text(s->kind));
    struct rpl_text t = {.arena = f->r.arena};
    for (;;) {
        err = rpl_raw_line(&f->r, &line);
        if (err)
            return err;
        if (!line)
            return rpl_fault(&f->r, "the file ends before FILE_END");
        if (strncasecmp(line + strspn(line, " \t"), "FILE_END", 8) == 0)
            break;
        rpl_printf(&t, "%s\n", line);
    }
    s->contents = t.at ? t.at : "";
    return OK;
}

/* The words ADDRESS ip at the end of a step's line or on a line of their own. */
static enum err parse_step_address(struct file_reader *f, struct rpl_step *s, char *rest)
{
    char *word;
    while ((word = rpl_word(&rest))) {
        if (!rpl_is(word, "ADDRESS"))
            return rpl_fault(&f->r, "\"%s\" after STEP %u %s", word, s->number,
                             rpl_step_text(s->kind));
        s->has_address = true;
        enum err err = parse_address(&f->r, rpl_word(&rest), &s->address);
        if (err)
            return err;
    }
    return OK;
}

/* Addresses and directives, then ENTRY_BEGIN; a line of another kind is left for the next reader.
 */
static enum err parse_step_entry(struct file_reader *f, struct rpl_step *s, char *rest,
                                 enum needs needs)
{
    enum err err = parse_step_address(f, s, rest);
    while (!err) {
        const char *back = f->r.at;
        unsigned back_line = f->r.line;
        bool directive = false;
        char *line;
        err = rpl_line(&f->r, false, &line);
        if (!err && line)
            err = rpl_parse_directive(&f->r, line, &directive);
        if (err || directive)
            continue;
        if (line && strncasecmp(line, "ADDRESS", 7) == 0) {
            err = parse_step_address(f, s, line);
            continue;
        }
        if (rpl_is(line, "ENTRY_BEGIN"))
            return rpl_parse_entry(&f->r, &s->entry);
        f->r.at = back;
        f->r.line = back_line;
        if (needs == NEEDS_ENTRY)
            return rpl_fault(&f->r, "STEP %u %s wants an entry", s->number, rpl_step_text(s->kind));
        return OK;
    }
    return err;
}

static enum err parse_step_body(struct file_reader *f, struct rpl_step *s, char *rest,
                                enum needs needs)
{
    switch (s->kind) {
    case STEP_TIME_PASSES:
        return parse_time_passes(f, s, rest);
    case STEP_WALL_CLOCK:
        s->expression = rest + strspn(rest, " \t");
        return *s->expression ? OK : rpl_fault(&f->r, "WALL_CLOCK wants POSIX seconds");
    case STEP_ASSIGN:
        return parse_assign(f, s, rest);
    case STEP_FLUSH_MESSAGE:
    case STEP_EXPIRE_MESSAGE:
    case STEP_INFRA_RTT:
        return parse_cache_step(f, s, rest);
    case STEP_CHECK_AUTOTRUST:
    case STEP_CHECK_TEMPFILE:
        return parse_file_step(f, s, rest);
    case STEP_NOTHING:
        return OK;
    default:
        return parse_step_entry(f, s, rest, needs);
    }
}

static enum err parse_step(struct file_reader *f, char *rest)
{
    uint64_t number;
    struct rpl_step *s = arena_calloc(f->r.arena, 1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    if (rpl_unsigned(rpl_word(&rest), INT32_MAX, &number) != OK)
        return rpl_fault(&f->r, "STEP wants a number");
    const char *word = rpl_word(&rest);
    for (size_t i = 0; i < sizeof step_words / sizeof *step_words; i++) {
        if (!rpl_is(word, step_words[i].word))
            continue;
        s->line = f->r.line;
        s->number = (unsigned)number;
        s->kind = step_words[i].kind;
        *f->step_last = s;
        f->step_last = &s->next;
        return parse_step_body(f, s, rest, step_words[i].needs);
    }
    return rpl_fault(&f->r, "STEP %u: \"%s\" is no kind of step", (unsigned)number,
                     word ? word : "");
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* A line between SCENARIO_BEGIN and SCENARIO_END; *ended when it is the latter. */
static enum err parse_scenario_line(struct file_reader *f, char *line, bool *ended)
{
    bool directive;
    enum err err = rpl_parse_directive(&f->r, line, &directive);
    if (err || directive)
        return err;
    char *rest = line;
    char *word = rpl_word(&rest);
    if (rpl_is(word, "SCENARIO_END")) {
        *ended = true;
        return OK;
    }
    if (rpl_is(word, "RANGE_BEGIN"))
        return parse_range(f, rest);
    if (rpl_is(word, "STEP"))
        return parse_step(f, rest);
    return rpl_fault(&f->r, "\"%s\" is neither RANGE_BEGIN, STEP nor SCENARIO_END", word);
}

static enum err parse_scenario(struct file_reader *f)
{
    char *line;
    enum err err = rpl_line(&f->r, false, &line);
    if (err)
        return err;
    char *rest = line;
    if (!line || !rpl_is(rpl_word(&rest), "SCENARIO_BEGIN"))
        return rpl_fault(&f->r, "SCENARIO_BEGIN is missing after CONFIG_END");
    f->file->title = rest;
    for (bool ended = false; !ended;) {
        err = rpl_line(&f->r, false, &line);
        if (err)
            return err;
        if (!line)
            return rpl_fault(&f->r, "the file ends before SCENARIO_END");
        err = parse_scenario_line(f, line, &ended);
        if (err)
            return err;
    }
    return OK;
}

/* Steps are played in the order of their numbers, which must be the order of the file. */
static enum err check_steps(struct file_reader *f)
{
    const struct rpl_step *s = f->file->steps;
    for (; s && s->next; s = s->next) {
        if (s->next->number <= s->number) {
            f->r.line = s->next->line;
            return rpl_fault(&f->r, "STEP %u comes after STEP %u", s->next->number, s->number);
        }
    }
    return OK;
}

enum err rpl_parse(struct arena *a, const char *text, size_t size, struct rpl_file **out,
                   struct rpl_error *error)
{
    *error = (struct rpl_error){0};
    struct rpl_file *file = arena_calloc(a, 1, sizeof *file);
    if (!file)
        return ERR_NOMEM;
    struct file_reader f = {
        .r = {.arena = a, .at = text, .end = text + size, .ttl = RPL_DEFAULT_TTL, .error = error},
        .file = file,
        .config_last = &file->config,
        .range_last = &file->ranges,
        .step_last = &file->steps,
        .section = ""};
    *out = NULL;
    enum err err = parse_config(&f);
    if (err)
        return err;
    *out = file;
    err = parse_scenario(&f);
    return err ? err : check_steps(&f);
}
