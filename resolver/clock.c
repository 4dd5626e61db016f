/*
 * The wall clock, by which signatures are judged. A machine may begin with a clock that is years
 * behind (a board without one), and needs names to find out the time. That the clock is wrong is
 * certain when it stands before this software was made; then signatures that seem not to be valid
 * yet, or any more, say nothing of the zone. What was found bogus by its dates is forgotten when
 * the clock jumps, as it does when it is put right.
 */
#include "base/log.h"
#include "resolver/lookup.h"

enum { JUMP_S = 60, DOUBT_S = LIMIT_FAILURE_MAX_S };

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
    *c = (struct clock){
        .offset = offset, .doubt_until = c->doubt_until, .seen = true, .wrong = wrong};
}

bool clock_grace(const struct resolver *r)
{
    return r->clock.wrong && r->options->clock_grace;
}

bool clock_doubts(const struct resolver *r, enum reason reason)
{
    return r->now < r->clock.doubt_until &&
           (reason == REASON_BOGUS_EXPIRED || reason == REASON_BOGUS_NOT_YET);
}
