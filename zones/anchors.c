#include "zones/anchors.h"

#include <stdio.h>

#include "dns/name.h"
#include "dns/types.h"

static const unsigned char builtin[] = {
#include "zones/root_anchors.inc"
};

static enum err refuse(struct zone_error *error, const char *text)
{
    error->line = 0;
    snprintf(error->text, sizeof error->text, "%s", text);
    return ERR_FORMAT;
}

enum err anchors_load(struct arena *a, const char *path, struct rrset_array *out,
                      struct zone_error *error)
{
    enum err e =
        path ? zone_read_file(a, path, name_root, out, error)
             : zone_read_text(a, (const char *)builtin, sizeof builtin, name_root, out, error);
    if (e)
        return e;
    for (size_t i = 0; i < out->count; i++) {
        char type[TYPE_TEXT_MAX];
        if (out->at[i]->type == TYPE_DS || out->at[i]->type == TYPE_DNSKEY)
            continue;
        error->line = 0;
        snprintf(error->text, sizeof error->text, "a record of type %s: an anchor is DS or DNSKEY",
                 type_text(out->at[i]->type, type));
        return ERR_FORMAT;
    }
    return out->count ? OK : refuse(error, "no DS and no DNSKEY record");
}
