/*
 * The wall clock, by which signatures are judged. A machine may begin with a clock that is years
 * behind (a board without one), and needs names to find out the time. That the clock is wrong is
 * certain when it stands before this software was made; then signatures that seem not to be valid
 * yet, or any more, say nothing of the zone. What was found bogus by its dates is forgotten when
 * the clock jumps, as it does when it is put right.
 *
 * Negative trust anchors end by this clock, too. With one less, what was insecure is to be proven,
 * so verdicts in the cache count no longer: they bear the number of the anchors that they were made
 * under, and that number goes on. Nothing is forgotten for it but answers; RRsets are validated
 * again when they are asked for.
 */
#include "base/log.h"
#include "resolver/lookup.h"

enum { JUMP_S = 60, DOUBT_S = LIMIT_FAILURE_MAX_S };

static void look_at_anchors(struct resolver *r, uint32_t wall)
{
    struct anchors_ends ends = anchors_ends(&r->options->anchors, wall);
    r->clock.verdicts = r->options->verdicts + ends.ended;
    uint64_t change = ends.next ? (uint64_t)r->now + (ends.next - wall) : UINT32_MAX;
    r->clock.next_change = change < UINT32_MAX ? (uint32_t)change : UINT32_MAX;
    cache_judge_by(r->config.cache, r->clock.verdicts);
}

void clock_look(struct resolver *r)
{
    struct clock *c = &r->clock;
    int64_t wall = world_wall_s(r->config.world), offset = wall - (int64_t)r->now;
    int64_t jump = offset > c->offset ? offset - c->offset : c->offset - offset;
    if (c->seen && jump > JUMP_S)
        c->doubt_until = r->now + DOUBT_S;
    bool wrong = wall < r->options->built_s;
    if (wrong && !c->wrong)
        LOG(LOG_WARNING, "clock_wrong", "now=%lld built=%lld advice=\"%s\"", (long long)wall,
            (long long)r->options->built_s,
            "set this machine's clock: signatures cannot be judged by it");
    if (c->wrong && !wrong) {
        LOG(LOG_NOTICE, "clock_right", "now=%lld", (long long)wall);
        cache_drop_answers(r->config.cache); /* without AD, by grace */
    }
    c->offset = offset;
    c->seen = true;
    c->wrong = wrong;
    look_at_anchors(r, (uint32_t)wall);
}

bool clock_overtook(const struct lookup *l)
{
    return l->verdicts != l->r->clock.verdicts;
}

bool clock_grace(const struct resolver *r)
{
    return r->clock.wrong && r->options->clock_grace;
}

bool clock_matters(enum reason reason)
{
    return reason == REASON_BOGUS_EXPIRED || reason == REASON_BOGUS_NOT_YET;
}

bool clock_doubts(const struct resolver *r, enum reason reason)
{
    return r->now < r->clock.doubt_until && clock_matters(reason);
}
