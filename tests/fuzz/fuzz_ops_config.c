/* The configuration file: whatever it holds, it is refused with a message or read, and what was
 * read prints as a file that reads back as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ops/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_not_change(void *ctx, const char *key, bool reload)
{
    (void)ctx;
    (void)key;
    (void)reload;
    MUST(false);
}

static void check_round_trip(const struct config *c)
{
    struct config_report report = {0};
    struct config *again = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    MUST(to);
    config_print(to, c);
    fclose(to);
    MUST(config_parse(&again, "printed", text, size, &report) == OK);
    config_changes(c, again, must_not_change, NULL);
    config_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_report report = {0};
    struct config *c = NULL;
    enum err e = config_parse(&c, "fuzz", (const char *)data, size, &report);
    MUST(e == OK || e == ERR_NOMEM || report.count > 0);
    if (e == OK) {
        check_round_trip(c);
        config_free(c);
    }
    return 0;
}
