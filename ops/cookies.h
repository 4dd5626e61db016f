/*
 * The secrets of DNS cookies: configured, so that a group of servers behind one address shares
 * them, or drawn at random for this process.
 */
#ifndef OPS_COOKIES_H
#define OPS_COOKIES_H

#include "dns/cookie.h"
#include "ops/config.h"

/* ERR_FORMAT, ERR_IO: complained of in the report. */
MUST_CHECK enum err cookies_load(struct cookie_secrets *out, const struct config *c,
                                 struct config_report *report);

/* The next configuration's secrets go on accepting what the one before has handed out. */
void cookies_roll_over(struct cookie_secrets *next, const struct cookie_secrets *before);

/* What client cookies for servers are made with. */
void cookies_draw(uint8_t secret[COOKIE_SECRET]);

#endif
