#include "tests/sim/rpl_world.h"

#include <stdio.h>
#include <string.h>

enum { WORLD_SIZE_MAX = 1 << 18, WORLD_PATH_MAX = 4096 };
static const char keyword[] = "world:";

static enum err wrong(struct rpl_error *error, unsigned line, const char *name, const char *what)
{
    error->line = line;
    snprintf(error->text, sizeof error->text, "world %.60s: %.140s", name, what);
    return ERR_FORMAT;
}

static enum err read_world(struct arena *a, const char *path, const char *name,
                           struct rpl_bytes *out)
{
    char at[WORLD_PATH_MAX];
    const char *slash = path ? strrchr(path, '/') : NULL;
    int folder = slash ? (int)(slash - path) + 1 : 0;
    snprintf(at, sizeof at, "%.*s%s", folder, folder ? path : "", name);
    FILE *f = path ? fopen(at, "rb") : NULL;
    if (!f)
        return ERR_NOTFOUND;
    char *text = arena_alloc(a, WORLD_SIZE_MAX);
    size_t size = text ? fread(text, 1, WORLD_SIZE_MAX, f) : 0;
    bool bad = ferror(f) || size == WORLD_SIZE_MAX;
    fclose(f);
    *out = (struct rpl_bytes){(const uint8_t *)text, size};
    return !text ? ERR_NOMEM : bad ? ERR_SPACE : OK;
}

/* Its configuration in the place of the line, its ranges behind all others. */
static void join(struct rpl_file *f, struct rpl_config_line **at, const struct rpl_file *world)
{
    struct rpl_config_line *after = (*at)->next, **line = at;
    struct rpl_range **range = &f->ranges;
    *line = world->config;
    while (*line)
        line = &(*line)->next;
    *line = after;
    while (*range)
        range = &(*range)->next;
    *range = world->ranges;
}

enum err rpl_take_world(struct arena *a, struct rpl_file *f, const char *path,
                        struct rpl_error *error)
{
    struct rpl_config_line **at = &f->config;
    while (*at && strncmp((*at)->value, keyword, sizeof keyword - 1) != 0)
        at = &(*at)->next;
    if (!*at)
        return OK;
    unsigned line = (*at)->line;
    const char *name = (*at)->value + sizeof keyword - 1;
    name += strspn(name, " \t");
    struct rpl_bytes text;
    struct rpl_file *world;
    struct rpl_error inside;
    enum err e = read_world(a, path, name, &text);
    if (e)
        return e == ERR_NOMEM ? e : wrong(error, line, name, "cannot be read");
    e = rpl_parse(a, (const char *)text.at, text.size, &world, &inside);
    if (e == ERR_FORMAT) {
        char what[sizeof inside.text + 16];
        snprintf(what, sizeof what, "line %u: %s", inside.line, inside.text);
        return wrong(error, line, name, what);
    }
    if (!e)
        join(f, at, world);
    return e;
}
