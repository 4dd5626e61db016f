/* DNS things as JSON, for what the control socket answers. */
#ifndef OPS_CONTROL_JSON_H
#define OPS_CONTROL_JSON_H

#include <jansson.h>

#include "dns/rrset.h"

enum { RECORDS_TOLD = 12 }; /* of a list, at most */

/* Sets a key of the object: a name in lower case, NULL sets nothing; a type; a text, NULL or empty
 * sets nothing; what `security` is in a word. */
void json_put_name(json_t *o, const char *key, const uint8_t *name);
void json_put_type(json_t *o, uint16_t type);
void json_put_text(json_t *o, const char *key, const char *text);
void json_put_security(json_t *o, uint8_t security);

/* Appends the records of a set, a string each, up to RECORDS_TOLD in the list. `now`: boot-time
 * seconds. */
void json_add_records(json_t *list, const struct rrset *set, uint32_t now);
/* The same without the signatures, which a verdict tells of. */
void json_add_bare_records(json_t *list, const struct rrset *set, uint32_t now);

#endif
