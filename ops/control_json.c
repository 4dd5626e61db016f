#include "ops/control_json.h"

#include <string.h>

#include "dns/name.h"
#include "dns/types.h"

enum { RECORD_TEXT_MAX = 2048 };

void json_put_name(json_t *o, const char *key, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    uint8_t lower[NAME_MAX_WIRE];
    if (!name)
        return;
    name_lower(lower, name);
    json_object_set_new(o, key, json_string(name_text(lower, text)));
}

void json_put_type(json_t *o, uint16_t type)
{
    char text[TYPE_TEXT_MAX];
    json_object_set_new(o, "type", json_string(type_text(type, text)));
}

void json_put_text(json_t *o, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(o, key, json_string(text));
}

void json_put_security(json_t *o, uint8_t security)
{
    static const char *const words[] = {[SECURITY_UNCHECKED] = "not validated",
                                        [SECURITY_INDETERMINATE] = "indeterminate",
                                        [SECURITY_INSECURE] = "insecure",
                                        [SECURITY_SECURE] = "secure",
                                        [SECURITY_BOGUS] = "bogus"};
    if (security <= SECURITY_BOGUS)
        json_object_set_new(o, "security", json_string(words[security]));
}

void json_add_records(json_t *list, const struct rrset *set, uint32_t now)
{
    char text[RECORD_TEXT_MAX];
    rrset_text(set, now, text, sizeof text);
    for (char *line = text, *end; *line && json_array_size(list) < RECORDS_TOLD; line = end) {
        end = line + strcspn(line, "\n");
        bool more = *end != '\0';
        if (more)
            *end++ = '\0';
        if (*line)
            json_array_append_new(list, json_string(line));
    }
}

void json_add_bare_records(json_t *list, const struct rrset *set, uint32_t now)
{
    struct rrset bare = *set;
    bare.signatures = 0;
    json_add_records(list, &bare, now);
}
