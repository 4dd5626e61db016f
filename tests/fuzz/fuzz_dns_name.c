/* Names read from a message, and from text: what is read must be written and read again as it was.
 */
#include <string.h>

#include "base/must.h"
#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    uint8_t again[NAME_MAX_WIRE];
    name_text(name, text);
    MUST(strlen(text) < NAME_TEXT_MAX);
    MUST(name_from_text(text, again) == OK);
    MUST(name_equal_case(name, again));
}

static void check_order(const uint8_t *a, const uint8_t *b)
{
    uint8_t lower[NAME_MAX_WIRE];
    unsigned common = name_common(a, b);
    int order = name_compare(a, b);
    int back = name_compare(b, a);
    MUST((order > 0) == (back < 0) && (order == 0) == (back == 0));
    MUST((order == 0) == name_equal(a, b));
    MUST(name_equal(name_suffix(a, common), name_suffix(b, common)));
    MUST(name_at_or_below(a, b) == (common == name_labels(b)));
    MUST(name_lower(lower, a) == name_size(a) && name_equal(lower, a));
}

static void check_replacement(const uint8_t *a, const uint8_t *b)
{
    uint8_t out[NAME_MAX_WIRE];
    if (!name_below(a, b))
        return;
    MUST(name_replace(a, b, b, out) == OK && name_equal(out, a));
    if (name_replace(a, b, a, out) == OK)
        MUST(name_below(out, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t first[NAME_MAX_WIRE] = {0};
    uint8_t name[NAME_MAX_WIRE];
    for (size_t start = 0; start < size && start < 300; start++) {
        struct cursor c = cursor_of(data, size);
        struct cursor skip = c;
        c.at += start;
        skip.at += start;
        enum err e = name_read(&c, name);
        MUST(name_read(&skip, NULL) == e && skip.at == c.at && skip.failed == c.failed);
        if (e)
            continue;
        MUST(name_size(name) <= NAME_MAX_WIRE && name_labels(name) <= NAME_MAX_LABELS);
        check_text(name);
        check_order(name, first);
        check_replacement(name, first);
        check_replacement(first, name);
        name_copy(first, name);
    }
    char text[2000];
    size_t length = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, data, length);
    text[length] = '\0';
    if (name_from_text(text, name) == OK)
        check_text(name);
    return 0;
}
