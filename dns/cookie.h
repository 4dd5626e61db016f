/*
 * DNS cookies (RFC 7873): what a client and a server show each other to prove that their addresses
 * are no forgery. The server's is made as RFC 9018 has it (version 1), so that servers of any make
 * that share a secret take each other's:
 *
 *     client cookie (8) | version 1 | reserved (3) | seconds since 1970 (4) | hash (8)
 *     hash = SipHash-2-4(secret; all before it | the client's address)
 */
#ifndef DNS_COOKIE_H
#define DNS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum {
    COOKIE_CLIENT = 8,
    COOKIE_SERVER_MIN = 8,
    COOKIE_SERVER_MAX = 32,
    COOKIE_SERVER = 16, /* of ours */
    COOKIE_WHOLE = COOKIE_CLIENT + COOKIE_SERVER,
    COOKIE_SECRET = 16,
    COOKIE_SECRETS = 2,
};

/* The first makes cookies, each is accepted: so that a secret can be changed (RFC 9018 §5). */
struct cookie_secrets {
    unsigned count;
    uint8_t at[COOKIE_SECRETS][COOKIE_SECRET];
};

/* 32 hex digits, blanks around them left aside; ERR_FORMAT. */
MUST_CHECK enum err cookie_secret_read(const char *text, uint8_t out[COOKIE_SECRET]);

/* May an option have that length? 8, or 16 to 40 (RFC 7873 §4). */
bool cookie_length_is_valid(size_t length);

enum cookie_state {
    COOKIE_NONE,
    COOKIE_ALONE, /* a client cookie only */
    COOKIE_BAD,   /* the server cookie is none of ours, too old, or of another address */
    COOKIE_GOOD,
};

/* Judges the server's part of an option; `now` in seconds since 1970 (RFC 9018 §4.3: an hour old at
 * most, five minutes from the future). */
enum cookie_state cookie_judge(const struct cookie_secrets *s, const uint8_t *option, size_t length,
                               const struct endpoint *client, uint32_t now);

/* The option to answer with: the client's cookie and a fresh one of ours. */
void cookie_answer(const struct cookie_secrets *s, const uint8_t client_cookie[COOKIE_CLIENT],
                   const struct endpoint *client, uint32_t now, uint8_t out[COOKIE_WHOLE]);

/* Our client cookie for a server: nothing that another server could learn from (RFC 7873 §4.1). */
void cookie_for_server(const uint8_t secret[COOKIE_SECRET], const struct endpoint *server,
                       uint8_t out[COOKIE_CLIENT]);

#endif
