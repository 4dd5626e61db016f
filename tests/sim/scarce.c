#include "tests/sim/scarce.h"

static struct {
    uint64_t count, fail_at;
    bool for_good, armed;
} scarce;

void scarce_begin(uint64_t fail_at, bool for_good)
{
    scarce.count = 0;
    scarce.fail_at = fail_at;
    scarce.for_good = for_good;
}

uint64_t scarce_count(void)
{
    return scarce.count;
}

bool scarce_arm(bool on)
{
    bool was = scarce.armed;
    scarce.armed = on;
    return was;
}

bool scarce_refuses(void)
{
    if (!scarce.armed)
        return false;
    scarce.count++;
    return scarce.fail_at != 0 &&
           (scarce.for_good ? scarce.count >= scarce.fail_at : scarce.count == scarce.fail_at);
}
