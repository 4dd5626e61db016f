/* The state file of trust anchors: what is read is within its bounds, and what is written of it is
 * read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "dnssec/trust_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POINTS = 2 };

static char *write_all(const struct trust_point *points, size_t count, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    MUST(f);
    trust_text_write(f, points, count);
    MUST(fclose(f) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trust_point points[POINTS], again[POINTS];
    struct trust_error error;
    size_t count, count_again, length;
    struct arena arena;
    arena_init(&arena, NULL);
    enum err e = trust_text_read(&arena, (const char *)data, size, points, POINTS, &count, &error);
    if (e == OK) {
        char *text = write_all(points, count, &length);
        MUST(trust_text_read(&arena, text, length, again, POINTS, &count_again, &error) == OK);
        MUST(count == count_again);
        for (size_t i = 0; i < count; i++) {
            MUST(points[i].count <= TRUST_KEYS_MAX && points[i].count == again[i].count);
            MUST(name_equal(points[i].zone, again[i].zone));
            MUST(memcmp(points[i].keys, again[i].keys, points[i].count * sizeof *again[i].keys) ==
                 0);
        }
        free(text);
    } else if (e != ERR_NOMEM) {
        MUST(error.line > 0 && error.column > 0 && error.text[0]);
    }
    arena_deinit(&arena);
    return 0;
}
