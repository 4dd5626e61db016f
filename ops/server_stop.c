/*
 * SIGTERM: every worker begins no new work, ends what is under way within the grace time, and says
 * so. Only when all have said so do the loops end: until then each can be told what it waits for by
 * the others, and whoever asks is answered, from the cache or with SERVFAIL.
 */
#include <signal.h>

#include "base/log.h"
#include "ops/notify.h"
#include "ops/server_internal.h"

void server__on_stop(void *ctx, int signum)
{
    struct server *s = ctx;
    if (s->stopping)
        return;
    LOG(LOG_NOTICE, "stopping", "signal=%s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
    notify_send("STOPPING=1");
    s->stopping = true;
    s->stop.waiting = s->count;
    for (unsigned i = 1; i < s->count; i++)
        worker__tell(&s->workers[i], LETTER_STOP, NULL, &s->workers[0]);
    worker__stop(&s->workers[0]);
}

void server__stopped(struct server *s)
{
    if (--s->stop.waiting > 0)
        return;
    for (unsigned i = 1; i < s->count; i++)
        worker__tell(&s->workers[i], LETTER_END, NULL, &s->workers[0]);
    control_stop(s->control);
    net_stop(s->workers[0].net);
}
