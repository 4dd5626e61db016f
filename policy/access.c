/*
 * The rules lie sorted by family, then from long prefixes to short ones, then by address. All rules
 * of one family and length are a run. A judgement cuts the client's address to each run's length in
 * turn, the longest first, and looks it up in the run by halves: the first hit is the longest
 * match. There are at most 33 + 129 runs, in practice five or six, so nothing cleverer pays.
 */
#include "policy/access.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 33 + 129 };

struct rule {
    uint8_t bytes[16];
    uint8_t family;
    uint8_t length;
    uint8_t action;
    size_t index; /* among the caller's rules */
};

struct run {
    uint8_t family;
    uint8_t length;
    size_t first;
    size_t count;
};

struct access_list {
    size_t run_count;
    struct run runs[RUNS_MAX];
    struct rule rules[];
};

const char *const access_default_allow[] = {
    "127.0.0.0/8",   "10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", /* loopback, RFC 1918 */
    "100.64.0.0/10", "169.254.0.0/16",                                    /* RFC 6598, RFC 3927 */
    "::1",           "fc00::/7",       "fe80::/10", /* RFC 4291, RFC 4193, RFC 4291 */
};
const size_t access_default_allow_count =
    sizeof access_default_allow / sizeof access_default_allow[0];

static bool is_mapped(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 §2.5.5.2 */
    return memcmp(bytes, mapped, sizeof mapped) == 0;
}

/* A client at ::ffff:192.0.2.1 is 192.0.2.1, and a rule for ::ffff:0:0/96 or within is one for
 * IPv4. */
static void unmap(uint8_t *family, uint8_t *length, uint8_t bytes[16])
{
    if (*family != 6 || *length < 96 || !is_mapped(bytes))
        return;
    *family = 4;
    *length = (uint8_t)(*length - 96);
    memmove(bytes, bytes + 12, 4);
    memset(bytes + 4, 0, 12);
}

static void cut(uint8_t bytes[16], unsigned length)
{
    for (unsigned i = 0; i < 16; i++) {
        if (length >= 8 * (i + 1))
            continue;
        unsigned kept = length > 8 * i ? length - 8 * i : 0;
        bytes[i] = (uint8_t)(bytes[i] & (0xff00u >> kept));
    }
}

static int compare_key(const struct rule *a, const struct rule *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->length != b->length)
        return a->length > b->length ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static int compare(const void *left, const void *right)
{
    const struct rule *a = left, *b = right;
    int order = compare_key(a, b);
    if (order != 0)
        return order;
    return a->index < b->index ? -1 : a->index > b->index;
}

static struct rule rule_of(const struct access_rule *from, size_t index)
{
    struct rule rule = {.family = from->prefix.base.family,
                        .length = from->prefix.length,
                        .action = (uint8_t)from->action,
                        .index = index};
    memcpy(rule.bytes, from->prefix.base.bytes, sizeof rule.bytes);
    unmap(&rule.family, &rule.length, rule.bytes);
    return rule;
}

static void find_runs(struct access_list *l, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &l->rules[i];
        struct run *last = l->run_count > 0 ? &l->runs[l->run_count - 1] : NULL;
        if (last && last->family == rule->family && last->length == rule->length)
            last->count++;
        else
            l->runs[l->run_count++] = (struct run){rule->family, rule->length, i, 1};
    }
}

enum err access_list_new(struct access_list **out, const struct access_rule *rules, size_t count,
                         size_t *bad)
{
    struct access_list *l = calloc(1, sizeof *l + count * sizeof l->rules[0]);
    if (!l)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        l->rules[i] = rule_of(&rules[i], i);
    if (count > 1)
        qsort(l->rules, count, sizeof l->rules[0], compare);
    for (size_t i = 1; i < count; i++) {
        if (compare_key(&l->rules[i - 1], &l->rules[i]) == 0) {
            *bad = l->rules[i].index;
            free(l);
            return ERR_EXISTS;
        }
    }
    find_runs(l, count);
    *out = l;
    return OK;
}

void access_list_free(struct access_list *l)
{
    free(l);
}

static int compare_bytes(const void *key, const void *member)
{
    return memcmp(key, ((const struct rule *)member)->bytes, 16);
}

enum access access_judge(const struct access_list *l, const struct endpoint *client)
{
    uint8_t bytes[16];
    uint8_t family = client->family;
    uint8_t length = 128;
    memcpy(bytes, client->bytes, sizeof bytes);
    unmap(&family, &length, bytes);
    for (size_t i = 0; i < l->run_count; i++) {
        const struct run *run = &l->runs[i];
        if (run->family != family)
            continue;
        cut(bytes, run->length); /* the lengths only fall, so cutting in place is right */
        const struct rule *rule =
            bsearch(bytes, &l->rules[run->first], run->count, sizeof l->rules[0], compare_bytes);
        if (rule)
            return (enum access)rule->action;
    }
    return ACCESS_REFUSE;
}
