#include "dnssec/algorithm.h"

static const struct algorithm algorithms[] = {
#define X(number, name, form, price) {number, form, price, #name},
#include "dnssec/algorithms.def"
#undef X
};

static bool uses_sha1(uint8_t number)
{
    return number == ALGORITHM_RSASHA1 || number == ALGORITHM_RSASHA1_NSEC3_SHA1;
}

const struct algorithm *algorithm_find(const struct dnssec_policy *p, uint8_t number)
{
    if (uses_sha1(number) && !p->sha1)
        return NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (algorithms[i].number == number)
            return &algorithms[i];
    return NULL;
}

size_t digest_size(uint8_t number)
{
    switch (number) {
    case DIGEST_SHA1:
        return 20;
    case DIGEST_SHA256:
        return 32;
    case DIGEST_SHA384:
        return 48;
    default:
        return 0;
    }
}

static const struct {
    enum dns_ede ede;
    const char *text;
} whys[WHY_COUNT] = {
    {EDE_NONE, ""},
#define X(name, ede, cached, text) {ede, text},
#include "dnssec/reasons.def"
#undef X
};

const char *why_text(enum why w)
{
    return whys[w].text;
}

enum dns_ede why_ede(enum why w)
{
    return whys[w].ede;
}
