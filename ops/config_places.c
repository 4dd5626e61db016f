/*
 * The first walk over the file, with libyaml's events: where each thing stands, and whether it has
 * the shape that the schema wants there. What passes here libcyaml loads without complaint, so that
 * all messages are ours.
 *
 * The walk descends by shape: TOP holds sections, a SECTION holds scalars and lists, ZONES is a
 * list of maps. A node of the wrong shape is complained of once and skipped whole, so that one
 * mistake makes one line.
 */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "ops/config_schema.h"

enum shape { SHAPE_TOP, SHAPE_SECTION, SHAPE_SCALAR, SHAPE_LIST, SHAPE_ZONES, SHAPE_ZONE };

enum { PATH_MAX_SIZE = 160, PLACES_MAX = 1 << 18 };

struct walk {
    struct places *places;
    struct arena *arena;
    const char *file;
    struct config_report *report;
    yaml_parser_t parser;
    enum err failed; /* ends the walk: broken YAML or no memory */
    bool complained;
};

/* What is to be read: its path, its shape, and of a section or a list of zones which. */
struct node {
    char path[PATH_MAX_SIZE];
    enum shape shape;
    size_t which;
};

static void walk_node(struct walk *w, const yaml_event_t *event, const struct node *node);

static struct mark mark_of(const yaml_mark_t *m)
{
    return (struct mark){(unsigned)m->line + 1, (unsigned)m->column + 1};
}

#define COMPLAIN(w, at, ...)                                                                       \
    ((w)->complained = true, config_complain((w)->report, (w)->file, at, __VA_ARGS__))

static bool next_event(struct walk *w, yaml_event_t *event)
{
    if (w->failed)
        return false;
    if (yaml_parser_parse(&w->parser, event))
        return true;
    if (w->parser.error == YAML_MEMORY_ERROR) {
        w->failed = ERR_NOMEM;
        return false;
    }
    w->failed = ERR_FORMAT;
    COMPLAIN(w, mark_of(&w->parser.problem_mark),
             "not valid YAML (%s): look at indentation, quotes and colons here and just above",
             w->parser.problem ? w->parser.problem : "unknown");
    return false;
}

static void note(struct walk *w, const char *path, const yaml_event_t *event, bool empty)
{
    struct places *p = w->places;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        struct place *grown =
            capacity <= PLACES_MAX ? realloc(p->at, capacity * sizeof *grown) : NULL;
        if (!grown) {
            w->failed = ERR_NOMEM;
            return;
        }
        p->at = grown;
        p->capacity = capacity;
    }
    char *copy = arena_copy(w->arena, path, strlen(path) + 1);
    if (!copy) {
        w->failed = ERR_NOMEM;
        return;
    }
    p->at[p->count++] = (struct place){copy, mark_of(&event->start_mark), empty};
}

/* Reads on to the end of the node that begins with `event`. */
static void skip_node(struct walk *w, const yaml_event_t *event)
{
    size_t depth = 0;
    yaml_event_type_t type = event->type;
    for (;;) {
        if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
            depth++;
        if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
            depth--;
        yaml_event_t next;
        if (depth == 0 || !next_event(w, &next))
            return;
        type = next.type;
        yaml_event_delete(&next);
    }
}

static bool is_empty(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0;
}

static const char *shape_advice(enum shape shape)
{
    switch (shape) {
    case SHAPE_TOP:
        return "the file is a map of sections: write e.g. cache: and below it, indented, size: "
               "100m";
    case SHAPE_SECTION:
        return "this is a section: write its options below it, indented, each with a colon";
    case SHAPE_SCALAR:
        return "here belongs one value: write it without brackets, braces, dashes or colons";
    case SHAPE_LIST:
        return "here belongs a list: write it as [one, another]";
    case SHAPE_ZONES:
    case SHAPE_ZONE:
        return "here belongs a list of maps: write - name: example.com and below it addresses: "
               "[192.0.2.1]";
    }
    return "";
}

static const char *words_of(const struct node *node, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    if (node->shape == SHAPE_ZONE)
        return config__zone_lists[node->which].words;
    if (node->shape == SHAPE_TOP) {
        for (size_t i = 0; i < config__section_count; i++)
            n += (size_t)snprintf(buf + n, size - n, "%s ", config__sections[i].key);
        for (size_t i = 0; i < ZONES_COUNT; i++)
            n += (size_t)snprintf(buf + n, size - n, "%s%s", i > 0 ? " " : "",
                                  config__zone_lists[i].key);
        return buf;
    }
    const char *key = config__sections[node->which].key;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(config__options[i].section, key) == 0)
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n > 0 ? " " : "",
                                  config__options[i].key);
    return buf;
}

static void complain_unknown(struct walk *w, const struct node *node, const char *key,
                             struct mark at)
{
    char buf[400], nearest[64];
    const char *words = words_of(node, buf, sizeof buf);
    for (size_t i = 0; node->shape == SHAPE_TOP && i < OPTION_COUNT; i++) {
        if (strcmp(config__options[i].key, key) == 0) {
            COMPLAIN(w, at,
                     "'%.40s' is no section: it belongs into the section %s, indented below %s:",
                     key, config__options[i].section, config__options[i].section);
            return;
        }
    }
    const char *what = node->shape == SHAPE_TOP ? "section" : "option";
    if (config__nearest(words, key, nearest, sizeof nearest))
        COMPLAIN(w, at, "unknown %s '%.40s': did you mean %s?", what, key, nearest);
    else
        COMPLAIN(w, at, "unknown %s '%.40s': write one of %s", what, key, words);
}

static bool has_word(const char *words, const char *word)
{
    size_t wanted = strlen(word);
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        if (size == wanted && memcmp(words, word, size) == 0)
            return true;
        words += size + strspn(words + size, " ");
    }
    return false;
}

/* A section or a list of zones. */
static bool find_top(const char *key, struct node *child)
{
    child->shape = SHAPE_ZONES;
    for (child->which = 0; child->which < ZONES_COUNT; child->which++)
        if (strcmp(key, config__zone_lists[child->which].key) == 0)
            return true;
    child->shape = SHAPE_SECTION;
    for (child->which = 0; child->which < config__section_count; child->which++)
        if (strcmp(key, config__sections[child->which].key) == 0)
            return true;
    return false;
}

static bool find_child(const struct node *node, const char *key, struct node *child)
{
    snprintf(child->path, sizeof child->path, "%.64s%s%.64s", node->path, node->path[0] ? "." : "",
             key);
    child->which = node->which;
    if (node->shape == SHAPE_ZONE) {
        child->shape = strcmp(key, "addresses") == 0 ? SHAPE_LIST : SHAPE_SCALAR;
        return has_word(config__zone_lists[node->which].words, key);
    }
    if (node->shape == SHAPE_TOP)
        return find_top(key, child);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &config__options[i];
        if (strcmp(o->key, key) == 0 &&
            strcmp(o->section, config__sections[node->which].key) == 0) {
            child->shape = config__is_list(o) ? SHAPE_LIST : SHAPE_SCALAR;
            return true;
        }
    }
    return false;
}

/* A key and what follows it. */
static void walk_pair(struct walk *w, const yaml_event_t *key, const struct node *node)
{
    struct node child;
    struct mark at = mark_of(&key->start_mark);
    const char *text = key->type == YAML_SCALAR_EVENT ? (const char *)key->data.scalar.value : "";
    bool known = false;
    if (key->type != YAML_SCALAR_EVENT) {
        COMPLAIN(w, at, "a key must be a plain word: look at brackets, braces and dashes here");
        skip_node(w, key);
    } else if (strlen(text) < 64 && find_child(node, text, &child)) {
        known = true;
        note(w, child.path, key, false);
    } else {
        complain_unknown(w, node, text, at);
    }
    yaml_event_t value;
    if (!next_event(w, &value))
        return;
    if (known) {
        /* The key's mark was noted for what is said of the whole; a scalar's own replaces it. */
        struct place *place = &w->places->at[w->places->count - 1];
        place->empty = is_empty(&value);
        if (value.type == YAML_SCALAR_EVENT && !place->empty)
            place->mark = mark_of(&value.start_mark);
        walk_node(w, &value, &child);
    } else {
        skip_node(w, &value);
    }
    yaml_event_delete(&value);
}

static void walk_map(struct walk *w, const struct node *node)
{
    yaml_event_t event;
    while (next_event(w, &event)) {
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            walk_pair(w, &event, node);
        yaml_event_delete(&event);
        if (end)
            return;
    }
}

static void walk_items(struct walk *w, const struct node *node)
{
    struct node child = {.shape = node->shape == SHAPE_ZONES ? SHAPE_ZONE : SHAPE_SCALAR,
                         .which = node->which};
    yaml_event_t event;
    for (size_t i = 0; next_event(w, &event); i++) {
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        snprintf(child.path, sizeof child.path, "%.128s[%zu]", node->path, i);
        if (!end && is_empty(&event))
            COMPLAIN(w, mark_of(&event.start_mark), "%s is empty: write something or remove it",
                     child.path);
        else if (!end) {
            note(w, child.path, &event, false);
            walk_node(w, &event, &child);
        }
        yaml_event_delete(&event);
        if (end)
            return;
    }
}

static void walk_scalar(struct walk *w, const yaml_event_t *event, const struct node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    struct mark at = mark_of(&event->start_mark);
    if (strlen(text) != event->data.scalar.length)
        COMPLAIN(w, at, "%s holds a NUL octet: remove it", node->path);
    else if (strlen(text) > 4096)
        COMPLAIN(w, at, "%s is over 4096 octets long: shorten it", node->path);
}

static void walk_node(struct walk *w, const yaml_event_t *event, const struct node *node)
{
    bool scalar = node->shape == SHAPE_SCALAR;
    bool list = node->shape == SHAPE_LIST || node->shape == SHAPE_ZONES;
    if (event->type == YAML_ALIAS_EVENT)
        COMPLAIN(w, mark_of(&event->start_mark),
                 "aliases are not taken here: write the value out instead of *%.40s",
                 (const char *)event->data.alias.anchor);
    else if (scalar && event->type == YAML_SCALAR_EVENT)
        walk_scalar(w, event, node);
    else if (list && event->type == YAML_SEQUENCE_START_EVENT)
        walk_items(w, node);
    else if (!scalar && !list && event->type == YAML_MAPPING_START_EVENT)
        walk_map(w, node);
    else if (!is_empty(event)) {
        COMPLAIN(w, mark_of(&event->start_mark), "%s%s%s", node->path, node->path[0] ? ": " : "",
                 shape_advice(node->shape));
        skip_node(w, event);
    }
}

static void walk_file(struct walk *w)
{
    struct node top = {.shape = SHAPE_TOP};
    bool end = false, done = false;
    yaml_event_t event;
    while (!end && next_event(w, &event)) {
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && done) {
            COMPLAIN(w, mark_of(&event.start_mark),
                     "a second document begins: keep one, remove the line ---");
            end = true;
        } else if (event.type != YAML_STREAM_START_EVENT && !end &&
                   event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            w->places->any = !is_empty(&event);
            walk_node(w, &event, &top);
            done = true;
        }
        yaml_event_delete(&event);
    }
}

static int compare(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = strcmp(a->path, b->path);
    if (order != 0)
        return order;
    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line ? -1 : 1;
    return a->mark.column < b->mark.column ? -1 : a->mark.column > b->mark.column;
}

static void find_repeated(struct walk *w)
{
    struct places *p = w->places;
    if (p->count > 1)
        qsort(p->at, p->count, sizeof p->at[0], compare);
    for (size_t i = 1; i < p->count; i++)
        /* The items of a repeated list repeat with it: said once, of the list. */
        if (strcmp(p->at[i].path, p->at[i - 1].path) == 0 &&
            p->at[i].path[strlen(p->at[i].path) - 1] != ']')
            COMPLAIN(w, p->at[i].mark, "%s is given twice, first in line %u: keep one",
                     p->at[i].path, p->at[i - 1].mark.line);
}

enum err config__places_read(struct places *p, struct arena *a, const char *file, const char *text,
                             size_t size, struct config_report *report)
{
    struct walk w = {.places = p, .arena = a, .file = file, .report = report};
    *p = (struct places){0};
    if (!yaml_parser_initialize(&w.parser))
        return ERR_NOMEM;
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, size);
    walk_file(&w);
    yaml_parser_delete(&w.parser);
    if (!w.failed)
        find_repeated(&w);
    if (w.failed)
        return w.failed;
    return w.complained ? ERR_FORMAT : OK;
}

void config__places_deinit(struct places *p)
{
    free(p->at);
    *p = (struct places){0};
}

static int compare_path(const void *key, const void *member)
{
    return strcmp(key, ((const struct place *)member)->path);
}

const struct place *config__places_find(const struct places *p, const char *path)
{
    if (p->count == 0)
        return NULL;
    return bsearch(path, p->at, p->count, sizeof p->at[0], compare_path);
}
