/*
 * Cookies towards servers (RFC 7873 §5.1, 5.3). Each gets a client cookie of its own; a reply that
 * bears another is a forger's, whoever guessed the rest. What the server sent along is shown to it
 * the next time, and from then on its replies must bear a cookie: one without is not believed over
 * UDP, as Unbound has it, but TCP is asked beside, and what comes there holds. So a forger cannot
 * strip the cookie, and a server that gives cookies up costs one TCP query. Only where TCP is of no
 * use either is the bare reply taken.
 */
#include <string.h>

#include "base/must.h"
#include "resolver/lookup.h"

_Static_assert(COOKIE_SERVER_MAX == sizeof(((struct server_state *)0)->cookie),
               "a server's cookie has its place in the cache");

void cookies_ask(struct lookup *l, struct exchange *x, uint8_t option[COOKIE_OPTION_MAX],
                 struct edns_out *out)
{
    const struct resolver_options *o = l->r->options;
    if (!o->cookies || (x->to->flags & CANDIDATE_NO_COOKIE))
        return;
    struct server_state s = servers__state(l->r, &x->to->at);
    cookie_for_server(o->cookie_secret, &x->to->at, option);
    memcpy(option + COOKIE_CLIENT, s.cookie, s.cookie_size);
    memcpy(x->cookie, option, COOKIE_CLIENT);
    x->cookie_sent = true;
    x->cookie_due = s.cookie_size > 0;
    edns_out_add(out, EDNS_COOKIE, option, (size_t)COOKIE_CLIENT + s.cookie_size);
}

/* The reply bears none. */
static enum cookie_reply judge_missing(struct lookup *l, const struct exchange *x)
{
    if (!x->cookie_due)
        return COOKIE_REPLY_FINE;
    if (x->via == TRANSPORT_UDP && !(x->to->flags & CANDIDATE_NO_TCP))
        return COOKIE_REPLY_STRANGE;
    servers_cookie(l->r, &x->to->at, NULL, 0); /* it knows no cookies any more */
    return COOKIE_REPLY_FINE;
}

/* It wants the cookie that it sends along, and after that TCP. */
static enum cookie_reply judge_refusal(struct exchange *x)
{
    if (x->via == TRANSPORT_TCP)
        return COOKIE_REPLY_FINE;
    x->to->flags |= x->to->flags & CANDIDATE_BADCOOKIE ? CANDIDATE_TCP : CANDIDATE_BADCOOKIE;
    return COOKIE_REPLY_AGAIN;
}

enum cookie_reply cookies_judge(struct lookup *l, struct exchange *x, const struct message *m)
{
    const uint8_t *option;
    uint16_t length;
    if (!x->cookie_sent)
        return COOKIE_REPLY_FINE;
    if (!edns_option(&m->edns, EDNS_COOKIE, &option, &length))
        return judge_missing(l, x);
    if (!cookie_length_is_valid(length) || memcmp(option, x->cookie, COOKIE_CLIENT))
        return COOKIE_REPLY_STRANGE;
    if (length > COOKIE_CLIENT)
        servers_cookie(l->r, &x->to->at, option + COOKIE_CLIENT, (uint8_t)(length - COOKIE_CLIENT));
    return m->rcode == RCODE_BADCOOKIE ? judge_refusal(x) : COOKIE_REPLY_FINE;
}
