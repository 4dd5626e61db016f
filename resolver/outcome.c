/* The reasons' table as functions. */
#include "resolver/outcome.h"

#include "base/must.h"

static const struct {
    const char *name;
    const char *text;
    uint16_t ede;
    bool cached;
} reasons[REASON_COUNT] = {
#define X(name, ede, cached, text) {#name, text, ede, cached},
#include "resolver/reasons.def"
#undef X
};

const char *reason_name(enum reason r)
{
    MUST(r < REASON_COUNT);
    return reasons[r].name;
}

const char *reason_text(enum reason r)
{
    MUST(r < REASON_COUNT);
    return reasons[r].text;
}

uint16_t reason_ede(enum reason r)
{
    MUST(r < REASON_COUNT);
    return reasons[r].ede;
}

bool reason_cached(enum reason r)
{
    MUST(r < REASON_COUNT);
    return reasons[r].cached;
}
