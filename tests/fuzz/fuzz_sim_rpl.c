/*
 * Replay files: whatever the bytes, the reader says what is wrong or hands out a file whose entries
 * can be built and compared with what was built.
 */
#include <stdint.h>

#include "base/must.h"
#include "tests/sim/rpl_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an entry builds must be readable by the reader of messages, and agree with the entry in the
 * question. */
static void try_entry(struct arena *a, const struct rpl_entry *e)
{
    struct rpl_bytes bytes;
    struct rpl_message m;
    char error[RPL_ERROR_MAX];
    if (rpl_build_query(a, e, 1, &bytes) != OK || e->packet.raw)
        return;
    if (rpl_message_read(a, bytes.at, bytes.size, &m, error) != OK)
        return; /* records that are odd on purpose */
    MUST(!e->packet.question.name == !m.question.name);
    MUST(!m.question.name || name_equal_case(e->packet.question.name, m.question.name));
    (void)rpl_match(e, &m, error);
    struct rpl_text t = {.arena = a};
    rpl_print_message(&t, &m);
    MUST(t.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rpl_settings settings;
    struct gauge gauge = {.limit = 64 << 20};
    struct arena a;
    struct rpl_file *f = NULL;
    struct rpl_error error;
    arena_init(&a, &gauge);
    if (rpl_parse(&a, (const char *)data, size, &f, &error) == OK) {
        enum err err = rpl_configure(&a, f, &settings, &error);
        MUST(err == OK || err == ERR_NOMEM || error.text[0]);
        for (const struct rpl_range *r = f->ranges; r; r = r->next) {
            for (const struct rpl_entry *e = r->entries; e; e = e->next)
                try_entry(&a, e);
        }
        struct rpl_scope scope = {.arena = &a};
        const char *out;
        char text[RPL_ERROR_MAX];
        for (const struct rpl_step *s = f->steps; s; s = s->next) {
            if (s->entry)
                try_entry(&a, s->entry);
            if (s->expression)
                (void)!rpl_expand(&scope, s->expression, &out, text);
        }
    }
    arena_deinit(&a);
    MUST(gauge.used == 0);
    return 0;
}
