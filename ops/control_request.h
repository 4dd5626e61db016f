/*
 * A request on the control socket: an object on a line, {"command": "flush", "zone":
 * "example.com"}.
 *
 *     status                           reload
 *     stats                            trace    name, type ("A"), cd (false)
 *     lookup   name, type (all)        flush    one of name, zone, all: true
 */
#ifndef OPS_CONTROL_REQUEST_H
#define OPS_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "dns/name.h"

enum control_command {
    COMMAND_STATUS,
    COMMAND_STATS,
    COMMAND_LOOKUP,
    COMMAND_FLUSH,
    COMMAND_TRACE,
    COMMAND_RELOAD,
    COMMANDS
};

enum flush_scope { FLUSH_NAME, FLUSH_ZONE, FLUSH_ALL };

struct control_request {
    enum control_command command;
    enum flush_scope scope;
    bool typed; /* a type was given */
    bool cd;
    uint16_t type;
    uint8_t name[NAME_MAX_WIRE]; /* the zone's too */
};

/* ERR_FORMAT: `*why` says, in a constant text, what is wrong with it. */
MUST_CHECK enum err control_request_read(struct control_request *out, const char *line, size_t size,
                                         const char **why);

#endif
