#include "ops/control_request.h"

#include <jansson.h>
#include <string.h>

#include "dns/types.h"

/* What each command takes beside "command"; a key that it does not know is a slip of somebody's. */
static const struct {
    const char *name;
    const char *keys[4];
    bool named; /* it takes a name in any case */
} table[COMMANDS] = {
    [COMMAND_STATUS] = {"status", {NULL}, false},
    [COMMAND_STATS] = {"stats", {NULL}, false},
    [COMMAND_LOOKUP] = {"lookup", {"name", "type"}, true},
    [COMMAND_FLUSH] = {"flush", {"name", "zone", "all"}, false},
    [COMMAND_TRACE] = {"trace", {"name", "type", "cd"}, true},
    [COMMAND_RELOAD] = {"reload", {NULL}, false},
};

static const char *find_command(const char *name, enum control_command *out)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *out = (enum control_command)i;
            return NULL;
        }
    }
    return "no such command: there are status, stats, lookup, flush, trace, reload";
}

static bool takes(enum control_command command, const char *key)
{
    for (unsigned i = 0; i < 4 && table[command].keys[i]; i++)
        if (strcmp(table[command].keys[i], key) == 0)
            return true;
    return strcmp(key, "command") == 0;
}

static const char *check_keys(enum control_command command, json_t *request)
{
    const char *key;
    json_t *value;
    json_object_foreach(request, key, value)
    {
        if (!takes(command, key))
            return "this command does not take all that was given";
    }
    return NULL;
}

static const char *read_name(const json_t *request, const char *key, uint8_t out[NAME_MAX_WIRE])
{
    const char *name = json_string_value(json_object_get(request, key));
    return name && name_from_text(name, out) == OK ? NULL : "that is no domain name";
}

static const char *read_flag(const json_t *request, const char *key, bool *out)
{
    const json_t *value = json_object_get(request, key);
    *out = json_is_true(value);
    return !value || json_is_boolean(value) ? NULL : "a switch is true or false";
}

static const char *read_type(const json_t *request, struct control_request *out)
{
    const json_t *value = json_object_get(request, "type");
    const char *type = json_string_value(value);
    out->typed = value != NULL;
    out->type = TYPE_A;
    if (value && (!type || type_parse(type, &out->type) != OK))
        return "no such record type";
    return NULL;
}

static const char *read_scope(const json_t *request, struct control_request *out)
{
    bool all = false;
    const char *why = read_flag(request, "all", &all);
    bool name = json_object_get(request, "name") != NULL;
    bool zone = json_object_get(request, "zone") != NULL;
    if (why)
        return why;
    if (name + zone + all != 1)
        return "flush takes one of name, zone, all";
    out->scope = all ? FLUSH_ALL : zone ? FLUSH_ZONE : FLUSH_NAME;
    return all ? NULL : read_name(request, zone ? "zone" : "name", out->name);
}

static const char *read_request(json_t *request, struct control_request *out)
{
    const char *command = json_string_value(json_object_get(request, "command"));
    if (!command)
        return "a request is an object with a command";
    const char *why = find_command(command, &out->command);
    if (!why)
        why = check_keys(out->command, request);
    if (!why && table[out->command].named)
        why = read_name(request, "name", out->name);
    if (!why)
        why = read_type(request, out);
    if (!why)
        why = read_flag(request, "cd", &out->cd);
    if (!why && out->command == COMMAND_FLUSH)
        why = read_scope(request, out);
    return why;
}

enum err control_request_read(struct control_request *out, const char *line, size_t size,
                              const char **why)
{
    *out = (struct control_request){.command = COMMAND_STATUS};
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    *why = request ? read_request(request, out) : "a request is a line of JSON";
    json_decref(request);
    return *why ? ERR_FORMAT : OK;
}
