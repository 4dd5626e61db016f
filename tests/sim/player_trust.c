/* Trust points in a scenario: they are probed as time passes, and their state is looked at. */
#include "dnssec/trust_text.h"
#include "resolver/trust_watch.h"
#include "tests/sim/player_internal.h"

static void on_news(void *ctx, const struct trust_point *point, const struct trust_point *before,
                    enum trust_news news)
{
    struct play *p = ctx;
    (void)point;
    (void)before;
    p->trust_changed = p->trust_changed || news == NEWS_CHANGED;
}

/* What they trust now is what the resolver trusts. */
static bool take_anchors(struct play *p)
{
    struct rpl_settings *s = &p->settings;
    struct anchors *all = &s->options.anchors;
    all->at = s->anchors;
    all->count = 0;
    for (size_t i = 0; i < s->trust_count; i++) {
        struct anchor *a = &s->anchors[all->count];
        *a = (struct anchor){.zone = s->trust[i].zone};
        if (trust_point_ds(&s->trust[i], NULL, p->arena, &a->ds))
            return play__ok(p, ERR_NOMEM, "taking anchors");
        all->count += a->ds != NULL;
    }
    s->options.verdicts++;
    resolver_configure(p->resolver, &s->options);
    return true;
}

bool play__start_trust(struct play *p)
{
    struct rpl_settings *s = &p->settings;
    struct trust_watch_config config = {.resolver = p->resolver,
                                        .world = sim_world(p->sim),
                                        .policy = &s->options.dnssec,
                                        .points = s->trust,
                                        .count = s->trust_count,
                                        .news = on_news,
                                        .ctx = p};
    if (s->trust_count == 0)
        return true;
    return play__ok(p, trust_watch_new(&p->watch, &config), "making the watch") && take_anchors(p);
}

bool play__watch_trust(struct play *p)
{
    if (!p->watch)
        return true;
    trust_watch_look(p->watch);
    p->core.turn(p->core.ctx);
    if (!play__ok(p, sim_run_now(p->sim), "probing") || !play__try_ranges(p) ||
        !play__ok(p, sim_run_now(p->sim), "probing"))
        return false;
    if (!p->trust_changed)
        return true;
    p->trust_changed = false;
    return take_anchors(p);
}

double play__trust_due(const struct play *p)
{
    int64_t now = sim_wall(p->sim), least = INT64_MAX;
    for (size_t i = 0; i < p->settings.trust_count; i++) {
        const struct trust_point *t = &p->settings.trust[i];
        int64_t left = trust_point_holds(t) ? t->next_s - now : 0;
        least = left < least ? left : least;
    }
    return least == INT64_MAX || least < 0 ? 0 : (double)least;
}

/* ---- Looking ----------------------------------------------------------------------------------
 */

static const struct trust_key *find_key(const struct trust_point *t, const struct trust_key *like)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->keys[i].length == like->length &&
            memcmp(t->keys[i].rdata, like->rdata, like->length) == 0)
            return &t->keys[i];
    return NULL;
}

static const struct trust_point *find_point(const struct play *p, const uint8_t *zone)
{
    for (size_t i = 0; i < p->settings.trust_count; i++)
        if (name_equal(p->settings.trust[i].zone, zone))
            return &p->settings.trust[i];
    return NULL;
}

static bool check_key(struct play *p, const struct trust_point *got, const struct trust_key *want)
{
    const struct trust_key *k = find_key(got, want);
    unsigned tag = dnskey_tag(want->rdata, want->length);
    if (!k)
        return play__fail(p, "key %u is not known", tag);
    if (k->state != want->state)
        return play__fail(p, "key %u: %s expected, got %s", tag, key_state_text(want->state),
                          key_state_text(k->state));
    if (want->since_s && k->since_s != want->since_s)
        return play__fail(p, "key %u: since %lld expected, got %lld", tag, (long long)want->since_s,
                          (long long)k->since_s);
    if (k->state == KEY_PENDING && k->seen != want->seen)
        return play__fail(p, "key %u: seen %u times expected, got %u", tag, want->seen, k->seen);
    return true;
}

/* Whether a removed key is remembered, so that it does not come back, is everybody's own affair. */
static unsigned living(const struct trust_point *t)
{
    unsigned count = 0;
    for (unsigned i = 0; i < t->count; i++)
        count += t->keys[i].state != KEY_REMOVED;
    return count;
}

static bool check_point(struct play *p, const struct trust_point *want)
{
    const struct trust_point *got = find_point(p, want->zone);
    if (!got)
        return play__fail(p, "the zone has no trust point");
    if (got->success_s != want->success_s)
        return play__fail(p, "last success: %lld expected, got %lld", (long long)want->success_s,
                          (long long)got->success_s);
    if (living(got) != living(want))
        return play__fail(p, "%u keys expected, got %u", living(want), living(got));
    for (unsigned i = 0; i < want->count; i++)
        if (!check_key(p, got, &want->keys[i]))
            return false;
    return true;
}

/* The states of its keys, since when, and the last success; when the next probe is due is for the
 * scenario's own expressions. */
bool play__check_trust(struct play *p, const char *text)
{
    struct trust_point want[RPL_TRUST_MAX];
    struct trust_error wrong;
    size_t count;
    enum err e = trust_text_read(p->arena, text, strlen(text), want, RPL_TRUST_MAX, &count, &wrong);
    if (e)
        return play__fail(p, "line %u: %s", wrong.line, wrong.text);
    for (size_t i = 0; i < count; i++)
        if (!check_point(p, &want[i]))
            return false;
    return true;
}
