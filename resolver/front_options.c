/* What a query's EDNS options ask for. */
#include "base/must.h"
#include "dns/types.h"
#include "resolver/front_reply.h"

/* RFC 7873 §5.2: a server cookie that is not ours, or not any more, is as if none had come. */
static void take_cookie(const struct front_config *f, const uint8_t *option, uint16_t length,
                        struct asker *a)
{
    uint32_t now = (uint32_t)f->world->ops->wall_s(f->world);
    a->cookie_state = (uint8_t)cookie_judge(f->cookies, option, length, &a->client, now);
    cookie_answer(f->cookies, option, &a->client, now, a->cookie);
}

void front__count_cookie(struct counters *n, const struct asker *a)
{
    if (a->cookie_state == COOKIE_ALONE)
        n->cookies_alone++;
    else if (a->cookie_state == COOKIE_GOOD)
        n->cookies_good++;
    else if (a->cookie_state != COOKIE_NONE)
        n->cookies_bad++;
}

enum view_verdict front__take_options(const struct front_config *f, const struct query_view *v,
                                      enum view_verdict verdict, struct asker *a)
{
    const uint8_t *data;
    uint16_t length;
    bool malformed = false;
    if (f->cookies && edns_option(&v->edns, EDNS_COOKIE, &data, &length)) {
        if (cookie_length_is_valid(length))
            take_cookie(f, data, length, a);
        else
            malformed = true; /* RFC 7873 §5.2.2 */
    }
    /* RFC 7828 §3.2.1, 3.2.2: ignored over UDP; a client names no time. */
    if (f->tcp_idle_ms && a->via == TRANSPORT_TCP &&
        edns_option(&v->edns, EDNS_KEEPALIVE, &data, &length)) {
        uint32_t units = f->tcp_idle_ms / EDNS_KEEPALIVE_UNIT_MS;
        a->keepalive = length == 0;
        a->tcp_idle = (uint16_t)(units > UINT16_MAX ? UINT16_MAX : units);
        malformed |= length != 0;
    }
    if (f->identity && *f->identity && edns_option(&v->edns, EDNS_NSID, &data, &length))
        a->nsid = f->identity;
    if (malformed && (verdict == VIEW_OK || verdict >= VIEW_NO_QUESTION))
        return VIEW_FORMERR_OPT;
    return verdict == VIEW_NO_QUESTION && a->cookie_state == COOKIE_NONE ? VIEW_FORMERR : verdict;
}
