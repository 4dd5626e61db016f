/*
 * IPv4 and IPv6. A host may have addresses of a family and no way out with them, and nothing says
 * so: messages vanish. Then every zone met for the first time would cost a time-out. So silence is
 * counted by family, over all servers; a family from which nothing came for FAMILY_DOUBT exchanges
 * in a row is asked after the other, but for one exchange every FAMILY_PROBE_MS. Anything that
 * comes makes it whole again. When both are doubted it is as if none were.
 *
 * What one family loses is charged to whom it is lost for: no query spends more than half of its
 * messages on it.
 */
#include "resolver/lookup.h"

enum { FAMILY_DOUBT = 4, FAMILY_PROBE_MS = 5000 };

static struct family *family_of(struct resolver *r, const struct endpoint *at)
{
    return &r->family[at->family == 6];
}

void family_heard(struct resolver *r, const struct endpoint *at)
{
    family_of(r, at)->silent = 0;
}

/* The next that is tried is that far away. */
static void put_off(struct resolver *r, struct family *f)
{
    if (f->silent >= FAMILY_DOUBT && r->now_ms >= f->probe_ms)
        f->probe_ms = r->now_ms + FAMILY_PROBE_MS;
}

void family_silent(struct resolver *r, const struct endpoint *at)
{
    struct family *f = family_of(r, at);
    if (f->silent < UINT8_MAX)
        f->silent++;
    put_off(r, f);
}

void family_asked(struct resolver *r, const struct endpoint *at)
{
    put_off(r, family_of(r, at));
}

bool family_doubted(struct resolver *r, const struct endpoint *at)
{
    const struct family *f = family_of(r, at);
    return f->silent >= FAMILY_DOUBT && r->now_ms < f->probe_ms;
}
