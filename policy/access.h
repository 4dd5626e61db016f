/*
 * The access list: which client address may ask what. The longest prefix that covers it decides.
 */
#ifndef POLICY_ACCESS_H
#define POLICY_ACCESS_H

#include <stddef.h>

#include "base/addr.h"

enum access {
    ACCESS_REFUSE,
    ACCESS_ALLOW,
    ACCESS_DROP,
    ACCESS_SNOOP, /* allowed, and may ask what the cache holds by questions without RD */
};

struct access_rule {
    struct prefix prefix;
    enum access action;
};

struct access_list; /* immutable once built */

/* Copies the rules. No rule covers: REFUSE. ERR_NOMEM; ERR_EXISTS: two rules for one prefix, whose
 * index in `rules` is put in *bad. */
MUST_CHECK enum err access_list_new(struct access_list **out, const struct access_rule *rules,
                                    size_t count, size_t *bad);
void access_list_free(struct access_list *l);

/* An IPv4-mapped IPv6 address is judged by the IPv4 address within it. */
enum access access_judge(const struct access_list *l, const struct endpoint *client);

/* Loopback and private networks allowed (RFC 1918, 6598, 4193, 3927, 4291), the default. */
extern const char *const access_default_allow[];
extern const size_t access_default_allow_count;

#endif
