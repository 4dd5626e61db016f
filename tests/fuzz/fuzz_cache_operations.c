/*
 * Bytes as operations on a cache, checked against a plain model: a hit gives what was put last and
 * is not yet past its time; what was put is a hit unless something was evicted; the budget holds
 * always.
 *
 * An operation is four octets: what, which key, two of argument. Failed allocations are among them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "cache/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES = 8, TYPES = 4 };

static const char *const name_texts[NAMES] = {
    ".", "a", "b.a", "c.b.a", "d.a", "x", "y.x", "a-long-label-that-is-no-prefix.of.another.x",
};

struct known {
    bool there;
    uint32_t expiry;
    uint32_t epoch;
    uint16_t length;
    uint8_t fill;
    uint8_t trust;
};

struct fuzz {
    struct cache *c;
    uint32_t now;
    uint32_t epoch;
    struct known known[CACHE_KINDS][NAMES][TYPES];
};

struct operation {
    uint8_t name;
    uint8_t type; /* 0..TYPES-1 */
    uint8_t a;
    uint8_t b;
};

static uint8_t names[NAMES][NAME_MAX_WIRE];
static uint8_t content[16384 + 2];

static bool evicted(const struct fuzz *f)
{
    struct cache_figures figures;
    cache_figures(f->c, &figures);
    MUST(figures.bytes <= figures.budget);
    uint64_t count = 0;
    for (unsigned i = 0; i < CACHE_KINDS; i++)
        count += figures.evictions[i];
    return count > 0;
}

/* What a put would store; type 0 stands for "all types" in negative entries. */
static struct known wanted(const struct fuzz *f, const struct operation *o)
{
    return (struct known){
        .there = true,
        .expiry = f->now + o->b % 16,
        .epoch = f->epoch,
        .length = (uint16_t)(o->a % 32 == 31 ? o->b * 64 : o->b % 64),
        .fill = o->a,
        .trust = o->a % 6,
    };
}

static const uint8_t *filled(const struct known *k)
{
    store_u16(content, k->length);
    memset(content + 2, k->fill, k->length);
    return content;
}

static struct rrset as_set(const struct known *k, const uint8_t *owner, uint16_t type)
{
    return (struct rrset){
        .owner = owner,
        .rdata = filled(k),
        .rdata_size = 2u + k->length,
        .expiry = k->expiry,
        .type = type,
        .count = 1,
        .trust = k->trust,
    };
}

static void check_set(const struct known *k, const struct rrset *s)
{
    MUST(s->rdata_size == 2u + k->length && memcmp(s->rdata, filled(k), s->rdata_size) == 0);
    MUST(s->expiry == k->expiry && s->trust == k->trust && s->count == 1);
}

/* Is the outcome of a get possible? True: a hit whose content is to be compared. */
static bool check_miss(const struct fuzz *f, const struct known *k, enum cache_miss m)
{
    bool alive = k->there && f->now < k->expiry;
    if (m == CACHE_HIT)
        MUST(alive);
    else
        MUST(!alive || evicted(f));
    return m == CACHE_HIT;
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static void put_rrset(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_RRSET][o->name][o->type];
    struct known new = wanted(f, o);
    struct rrset s = as_set(&new, names[o->name], o->type);
    bool over = k->there && f->now < k->expiry && k->trust > new.trust;
    if (!cache_put_rrset(f->c, &s, f->now))
        return;
    MUST(new.expiry > f->now && (!over || evicted(f)));
    *k = new;
    f->known[CACHE_NEGATIVE][o->name][0].there = false;
    f->known[CACHE_NEGATIVE][o->name][o->type].there = false;
}

static void get_rrset(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_RRSET][o->name][o->type];
    struct rrset s;
    if (check_miss(f, k, cache_get_rrset(f->c, names[o->name], o->type, f->now, &s)))
        check_set(k, &s);
}

static void put_negative(struct fuzz *f, const struct operation *o)
{
    struct known *of_name = f->known[CACHE_NEGATIVE][o->name];
    struct known new = wanted(f, o);
    struct negative n = {.nxdomain = o->type == 0, .expiry = new.expiry, .count = 1};
    n.authority[0] = as_set(&new, names[o->a % NAMES], 6);
    if (!cache_put_negative(f->c, names[o->name], o->type ? o->type : 1, &n, f->now))
        return;
    of_name[o->type] = new;
    of_name[o->type ? 0 : 1].there = false;
}

static void get_negative(struct fuzz *f, const struct operation *o)
{
    if (o->type == 0)
        return;
    struct known *name = &f->known[CACHE_NEGATIVE][o->name][0];
    struct known *k = &f->known[CACHE_NEGATIVE][o->name][o->type];
    struct negative n;
    enum cache_miss m = cache_get_negative(f->c, names[o->name], o->type, f->now, &n);
    if ((m == CACHE_HIT && n.nxdomain) || (m != CACHE_HIT && name->there && f->now < name->expiry))
        k = name;
    if (!check_miss(f, k, m))
        return;
    MUST(n.count == 1 && n.expiry == k->expiry);
    check_set(k, &n.authority[0]);
    MUST(name_equal(n.authority[0].owner, names[k->fill % NAMES]));
}

static void put_failure(struct fuzz *f, const struct operation *o)
{
    struct known new = wanted(f, o);
    struct failure x = {.reason = new.length, .attempts = new.fill, .expiry = new.expiry};
    if (o->a == 0) {
        cache_forget_failure(f->c, names[o->name], o->type);
        f->known[CACHE_FAILURE][o->name][o->type].there = false;
    } else if (cache_put_failure(f->c, names[o->name], o->type, &x, f->now)) {
        f->known[CACHE_FAILURE][o->name][o->type] = new;
    }
}

static void get_failure(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_FAILURE][o->name][o->type];
    struct failure x;
    if (check_miss(f, k, cache_get_failure(f->c, names[o->name], o->type, f->now, &x)))
        MUST(x.reason == k->length && x.attempts == k->fill && x.expiry == k->expiry);
}

static void put_delegation(struct fuzz *f, const struct operation *o)
{
    struct known new = wanted(f, o);
    struct delegation d = {.zone = names[o->name], .expiry = new.expiry, .security = new.trust};
    d.ns_count = new.fill % (DELEGATION_NS_MAX + 1);
    d.address_count = new.fill % (DELEGATION_ADDRESS_MAX + 1);
    for (unsigned i = 0; i < d.ns_count; i++)
        d.ns[i] = names[i % NAMES];
    for (unsigned i = 0; i < d.address_count; i++)
        d.address[i] = (struct delegation_address){
            .ns = (uint8_t)i,
            .at = {.family = i % 2 ? 4 : 6, .port = new.length, .bytes = {1, new.fill}}};
    if (cache_put_delegation(f->c, &d, f->now))
        f->known[CACHE_DELEGATION][o->name][0] = new;
}

static void get_delegation(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_DELEGATION][o->name][0];
    struct delegation d;
    if (!check_miss(f, k, cache_get_delegation(f->c, names[o->name], f->now, &d)))
        return;
    MUST(d.expiry == k->expiry && d.ns_count == k->fill % (DELEGATION_NS_MAX + 1));
    MUST(d.address_count == k->fill % (DELEGATION_ADDRESS_MAX + 1) &&
         name_equal(d.zone, names[o->name]));
    for (unsigned i = 0; i < d.ns_count; i++)
        MUST(name_equal(d.ns[i], names[i % NAMES]));
    for (unsigned i = 0; i < d.address_count; i++)
        MUST(d.address[i].at.port == k->length && d.address[i].at.bytes[1] == k->fill);
}

/* Type 0 is the server for all zones, 1… addresses for the zone. */
static struct endpoint address_of(const struct operation *o)
{
    return (struct endpoint){
        .family = o->type == 2 ? 6 : 4, .port = 53, .bytes = {o->type ? o->type : o->name}};
}

static void put_server(struct fuzz *f, const struct operation *o)
{
    struct known new = wanted(f, o);
    struct endpoint at = address_of(o);
    struct server_state s = {.expiry = new.expiry, .srtt_ms = new.length, .timeouts = new.fill};
    if (cache_put_server(f->c, &at, o->type ? names[o->name] : NULL, &s, f->now))
        f->known[CACHE_SERVER][o->name][o->type] = new;
}

static void get_server(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_SERVER][o->name][o->type];
    struct endpoint at = address_of(o);
    struct server_state s;
    if (check_miss(f, k, cache_get_server(f->c, &at, o->type ? names[o->name] : NULL, f->now, &s)))
        MUST(s.srtt_ms == k->length && s.timeouts == k->fill && s.expiry == k->expiry);
}

static struct answer_key question(const struct operation *o)
{
    return (struct answer_key){names[o->name], (uint16_t)name_size(names[o->name]), 1, o->type, 0};
}

static void put_answer(struct fuzz *f, const struct operation *o)
{
    struct known new = wanted(f, o);
    struct answer_key q = question(o);
    struct answer a = {
        .wire = filled(&new),
        .ttl_offsets = content,
        .size = (uint16_t)(new.length + 2),
        .ttl_count = 1,
        .stored = f->now,
        .expiry = new.expiry,
    };
    if (cache_put_answer(f->c, &q, &a, f->now))
        f->known[CACHE_ANSWER][o->name][o->type] = new;
}

static void get_answer(struct fuzz *f, const struct operation *o)
{
    struct known *k = &f->known[CACHE_ANSWER][o->name][o->type];
    struct answer_key q = question(o);
    struct answer a;
    enum cache_miss m = cache_get_answer(f->c, &q, f->now, &a);
    MUST(m != CACHE_HIT || k->epoch == f->epoch);
    if (k->epoch == f->epoch && check_miss(f, k, m))
        MUST(a.size == k->length + 2 && memcmp(a.wire, filled(k), a.size) == 0);
}

/* ---- The cache as a whole -------------------------------------------------------------------- */

static void forget(struct fuzz *f, unsigned name)
{
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        for (unsigned type = 0; type < TYPES && kind != CACHE_SERVER; type++)
            f->known[kind][name][type].there = false;
    }
}

static void flush(struct fuzz *f, const struct operation *o)
{
    f->epoch++;
    switch (o->a % 4) {
    case 0:
        cache_flush_name(f->c, names[o->name]);
        forget(f, o->name);
        break;
    case 1:
        cache_flush_zone(f->c, names[o->name]);
        for (unsigned i = 0; i < NAMES; i++) {
            if (name_at_or_below(names[i], names[o->name]))
                forget(f, i);
        }
        break;
    case 2:
        cache_flush_all(f->c);
        memset(f->known, 0, sizeof f->known);
        break;
    default:
        cache_drop_answers(f->c);
    }
}

static void resize(struct fuzz *f, const struct operation *o)
{
    (void)!cache_resize(f->c, CACHE_SIZE_MIN + (size_t)o->a * 4096);
}

static void pass_time(struct fuzz *f, const struct operation *o)
{
    f->now += o->a % 8;
}

static void fail_soon(struct fuzz *f, const struct operation *o)
{
    f->c->core->memory.fail_after = o->a % 4;
}

static void (*const operations[])(struct fuzz *f, const struct operation *o) = {
    put_rrset,      get_rrset,      put_negative, get_negative, put_failure, get_failure,
    put_delegation, get_delegation, put_server,   get_server,   put_answer,  get_answer,
    flush,          resize,         pass_time,    fail_soon,
};

static struct cache *fresh(void)
{
    struct cache_config config = {.size = CACHE_SIZE_MIN, .policy = "lru"};
    uint8_t seed[32] = {1};
    struct cache *c;
    hash_key_init(&config.key, seed);
    for (unsigned i = 0; i < NAMES; i++)
        MUST(name_from_text(name_texts[i], names[i]) == OK);
    MUST(cache_new(&c, &config) == OK);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.c = fresh(), .now = 1};
    for (; size >= 4; data += 4, size -= 4) {
        struct operation o = {
            .name = data[1] % NAMES, .type = data[1] / NAMES % TYPES, .a = data[2], .b = data[3]};
        operations[data[0] % (sizeof operations / sizeof *operations)](&f, &o);
        (void)evicted(&f); /* checks the budget */
    }
    cache_free(f.c);
    return 0;
}
