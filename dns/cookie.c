#include "dns/cookie.h"

#include <string.h>

#include "base/cursor.h"
#include "base/siphash.h"

enum {
    VERSION = 1,
    OLDEST_S = 3600,
    FUTURE_S = 300,
    HASHED = COOKIE_CLIENT + 8, /* before the address */
};

enum err cookie_secret_read(const char *text, uint8_t out[COOKIE_SECRET])
{
    static const char digits[] = "0123456789abcdef";
    text += strspn(text, " \t");
    for (unsigned i = 0; i < 2 * COOKIE_SECRET; i++, text++) {
        const char *at = *text ? strchr(digits, *text | 0x20) : NULL;
        if (!at)
            return ERR_FORMAT;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (at - digits));
    }
    return text[strspn(text, " \t\r\n")] ? ERR_FORMAT : OK;
}

bool cookie_length_is_valid(size_t length)
{
    return length == COOKIE_CLIENT || (length >= COOKIE_CLIENT + COOKIE_SERVER_MIN &&
                                       length <= COOKIE_CLIENT + COOKIE_SERVER_MAX);
}

static void hash_cookie(const uint8_t secret[COOKIE_SECRET], const uint8_t head[HASHED],
                        const struct endpoint *client, uint8_t out[SIPHASH_SIZE])
{
    uint8_t bytes[HASHED + 16];
    size_t address = client->family == 4 ? 4 : 16;
    memcpy(bytes, head, HASHED);
    memcpy(bytes + HASHED, client->bytes, address);
    siphash(secret, bytes, HASHED + address, out);
}

/* The time it takes says nothing of where they differ. */
static bool same_hash(const uint8_t a[SIPHASH_SIZE], const uint8_t b[SIPHASH_SIZE])
{
    uint8_t differs = 0;
    for (unsigned i = 0; i < SIPHASH_SIZE; i++)
        differs |= a[i] ^ b[i];
    return !differs;
}

enum cookie_state cookie_judge(const struct cookie_secrets *s, const uint8_t *option, size_t length,
                               const struct endpoint *client, uint32_t now)
{
    if (length == COOKIE_CLIENT)
        return COOKIE_ALONE;
    if (length != COOKIE_WHOLE || option[COOKIE_CLIENT] != VERSION)
        return COOKIE_BAD;
    /* Serial arithmetic (RFC 1982), so that the year 2106 is a moment like others. */
    int32_t age = (int32_t)(now - load_u32(option + COOKIE_CLIENT + 4));
    if (age > OLDEST_S || age < -FUTURE_S)
        return COOKIE_BAD;
    bool good = false;
    for (unsigned i = 0; i < s->count; i++) {
        uint8_t hash[SIPHASH_SIZE];
        hash_cookie(s->at[i], option, client, hash);
        good |= same_hash(hash, option + HASHED);
    }
    return good ? COOKIE_GOOD : COOKIE_BAD;
}

void cookie_answer(const struct cookie_secrets *s, const uint8_t client_cookie[COOKIE_CLIENT],
                   const struct endpoint *client, uint32_t now, uint8_t out[COOKIE_WHOLE])
{
    memcpy(out, client_cookie, COOKIE_CLIENT);
    memset(out + COOKIE_CLIENT, 0, 4);
    out[COOKIE_CLIENT] = VERSION;
    store_u32(out + COOKIE_CLIENT + 4, now);
    hash_cookie(s->at[0], out, client, out + HASHED);
}

void cookie_for_server(const uint8_t secret[COOKIE_SECRET], const struct endpoint *server,
                       uint8_t out[COOKIE_CLIENT])
{
    uint8_t bytes[1 + 16] = {server->family};
    memcpy(bytes + 1, server->bytes, 16);
    siphash(secret, bytes, sizeof bytes, out);
}
