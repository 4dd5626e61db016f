#define _GNU_SOURCE /* strptime */
#include "tests/sim/rpl_config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "dns/name.h"
#include "dns/text.h"
#include "dnssec/trust_text.h"
#include "resolver/limits.h"
#include "tests/sim/rpl_lex.h"

/* Reading the settings. `prime` of -1: as the root's stub says. */
struct config {
    struct arena *arena;
    struct rpl_settings *set;
    const struct rpl_config_line *line;
    const char *name; /* of the option: within a `nuthatch:` line it is not the line's key */
    const char *value;
    struct rpl_error *error;
    struct stub_zone *stub; /* the stub-zone: under way */
    bool localhost_asked;
    int prime;
    int ranges; /* 0: this step, 1: next step, -1: by the dialect */
    bool bare_stub;
};

struct option {
    const char *name;
    enum err (*set)(struct config *c, const struct option *o);
    size_t offset; /* of the bool or number in struct rpl_settings */
    uint64_t max;
};

static enum err fault(struct config *c, enum err err, const char *what)
{
    c->error->line = c->line->line;
    if (err == ERR_UNSUPPORTED)
        snprintf(c->error->text, sizeof c->error->text, "%.60s%s%.100s", c->name, *what ? ": " : "",
                 what);
    else
        snprintf(c->error->text, sizeof c->error->text, "%.60s: %s: \"%.80s\"", c->name, what,
                 c->value);
    return err;
}

/* ---- kinds of options ------------------------------------------------------------------------ */

static bool read_bool(const char *text, bool *out)
{
    *out = rpl_is(text, "yes") || rpl_is(text, "on") || rpl_is(text, "true");
    return *out || rpl_is(text, "no") || rpl_is(text, "off") || rpl_is(text, "false");
}

static enum err set_bool(struct config *c, const struct option *o)
{
    bool v;
    if (!read_bool(c->value, &v))
        return fault(c, ERR_FORMAT, "neither yes nor no");
    memcpy((char *)c->set + o->offset, &v, sizeof v);
    return OK;
}

static enum err set_text(struct config *c, const struct option *o)
{
    const char *text = rpl_strdup(c->arena, c->value);
    if (!text)
        return ERR_NOMEM;
    memcpy((char *)c->set + o->offset, &text, sizeof text);
    return OK;
}

static enum err set_bool_inverse(struct config *c, const struct option *o)
{
    bool v;
    if (!read_bool(c->value, &v))
        return fault(c, ERR_FORMAT, "neither yes nor no");
    v = !v;
    memcpy((char *)c->set + o->offset, &v, sizeof v);
    return OK;
}

/* Has no bearing on what is played; the table says why. */
static enum err no_effect(struct config *c, const struct option *o)
{
    (void)c;
    (void)o;
    return OK;
}

/* We always do it. */
static enum err only_yes(struct config *c, const struct option *o)
{
    bool v;
    (void)o;
    return read_bool(c->value, &v) && v ? OK : fault(c, ERR_UNSUPPORTED, c->value);
}

/* We never do it. */
static enum err only_no(struct config *c, const struct option *o)
{
    bool v;
    (void)o;
    return read_bool(c->value, &v) && !v ? OK : fault(c, ERR_UNSUPPORTED, c->value);
}

static enum err set_u32(struct config *c, const struct option *o)
{
    uint64_t v;
    if (rpl_unsigned(c->value, o->max, &v) != OK)
        return fault(c, ERR_FORMAT, "no number in range");
    uint32_t v32 = (uint32_t)v;
    memcpy((char *)c->set + o->offset, &v32, sizeof v32);
    return OK;
}

static enum err set_u64(struct config *c, const struct option *o)
{
    uint64_t v;
    if (rpl_unsigned(c->value, o->max, &v) != OK)
        return fault(c, ERR_FORMAT, "no number in range");
    memcpy((char *)c->set + o->offset, &v, sizeof v);
    return OK;
}

static enum err set_secret(struct config *c, const struct option *o)
{
    (void)o;
    if (c->set->secrets.count == COOKIE_SECRETS ||
        cookie_secret_read(c->value, c->set->secrets.at[c->set->secrets.count]) != OK)
        return fault(c, ERR_FORMAT, "not 32 hex digits, or one too many");
    c->set->secrets.count++;
    return OK;
}

static enum err add_root_record(struct config *c, const struct option *o)
{
    const char *before = c->set->local_root ? c->set->local_root : "";
    size_t size = strlen(before) + strlen(c->value) + 2;
    char *text = arena_alloc(c->arena, size);
    (void)o;
    if (!text)
        return ERR_NOMEM;
    snprintf(text, size, "%s%s\n", before, c->value);
    c->set->local_root = text;
    return OK;
}

/* The only value that describes us. */
static enum err only_number(struct config *c, const struct option *o)
{
    uint64_t v;
    if (rpl_unsigned(c->value, UINT32_MAX, &v) != OK)
        return fault(c, ERR_FORMAT, "no number");
    return v == o->max ? OK : fault(c, ERR_UNSUPPORTED, c->value);
}

/* A bound of ours that is fixed: a scenario that wants a lower one to be hit must hit ours too. */
static enum err at_most(struct config *c, const struct option *o)
{
    uint64_t v;
    if (rpl_unsigned(c->value, UINT32_MAX, &v) != OK)
        return fault(c, ERR_FORMAT, "no number");
    return v <= o->max ? OK : fault(c, ERR_UNSUPPORTED, c->value);
}

static enum err set_prefix(struct config *c, const struct option *o)
{
    struct rpl_prefixes *list = (struct rpl_prefixes *)(void *)((char *)c->set + o->offset);
    if (list->count == RPL_PREFIXES_MAX || prefix_parse(c->value, &list->at[list->count]) != OK)
        return fault(c, ERR_FORMAT, "no address, or one too many");
    list->count++;
    return OK;
}

/* ---- options with a way of their own --------------------------------------------------------- */

static enum err set_localhost(struct config *c, const struct option *o)
{
    bool v;
    (void)o;
    if (!read_bool(c->value, &v))
        return fault(c, ERR_FORMAT, "neither yes nor no");
    c->localhost_asked = !v;
    return OK;
}

/* Modules that exist: the iterator; a validator without trust anchors validates nothing. */
static enum err set_modules(struct config *c, const struct option *o)
{
    (void)o;
    if (strcmp(c->value, "iterator") == 0 || strcmp(c->value, "validator iterator") == 0)
        return OK;
    return fault(c, ERR_UNSUPPORTED, c->value);
}

/* YYYYMMDDHHMMSS or POSIX seconds. */
static enum err set_date(struct config *c, const struct option *o)
{
    uint64_t v;
    (void)o;
    if (rpl_unsigned(c->value, INT64_MAX, &v) != OK)
        return fault(c, ERR_UNSUPPORTED, c->value);
    c->set->knobs.wall_s = (int64_t)v;
    if (strlen(c->value) == 14) {
        struct tm tm = {0};
        const char *end = strptime(c->value, "%Y%m%d%H%M%S", &tm);
        if (!end || *end)
            return fault(c, ERR_FORMAT, "no date");
        c->set->knobs.wall_s = (int64_t)timegm(&tm);
    }
    return OK;
}

/* ---- validation ------------------------------------------------------------------------------ */

static struct anchor *add_anchor(struct config *c, const uint8_t *zone)
{
    struct anchors *all = &c->set->options.anchors;
    if (all->count == RPL_ANCHORS_MAX)
        return NULL;
    struct anchor *a = &c->set->anchors[all->count];
    a->zone = rpl_name_dup(c->arena, zone);
    a->ds = NULL;
    all->at = c->set->anchors;
    all->count += a->zone != NULL;
    return a->zone ? a : NULL;
}

static struct anchor *find_anchor(struct config *c, const uint8_t *zone)
{
    for (size_t i = 0; i < c->set->options.anchors.count; i++)
        if (c->set->anchors[i].ds && name_equal(c->set->anchors[i].zone, zone))
            return &c->set->anchors[i];
    return add_anchor(c, zone);
}

/* The anchor's DS set with one more record. */
static enum err extend_anchor(struct config *c, struct anchor *a, const uint8_t *ds,
                              uint16_t length)
{
    struct rrset_builder b;
    enum err e = rrset_build(&b, c->arena, a->zone, TYPE_DS, UINT32_MAX);
    if (!e && a->ds) {
        struct rrset_iter it = rrset_records(a->ds);
        while (!e && rrset_next(&it))
            e = rrset_add(&b, it.rdata, it.length);
    }
    if (!e)
        e = rrset_add(&b, ds, length);
    if (!e)
        a->ds = rrset_finish(&b);
    return e;
}

/* A DS or DNSKEY record in zone-file form. */
static enum err set_anchor(struct config *c, const struct option *o)
{
    char text[160];
    struct rrset *set;
    const uint8_t *ds;
    uint16_t length;
    (void)o;
    if (rrset_from_text(c->arena, c->value, name_root, 3600, &set, text, sizeof text))
        return fault(c, ERR_FORMAT, "no record");
    struct rrset_iter it = rrset_records(set);
    struct anchor *a = find_anchor(c, set->owner);
    if (!a || !rrset_next(&it))
        return fault(c, ERR_FORMAT, "one anchor too many");
    ds = it.rdata;
    length = it.length;
    if (set->type == TYPE_DNSKEY &&
        anchors_ds_of_key(c->arena, set->owner, it.rdata, it.length, &ds, &length))
        return fault(c, ERR_FORMAT, "no key");
    return extend_anchor(c, a, ds, length);
}

/* Has been taken in (rpl_world.c), or the file is not read to its end and that is what is told. */
static enum err set_world(struct config *c, const struct option *o)
{
    (void)c;
    (void)o;
    return OK;
}

static enum err sign_zone(struct config *c, const struct option *o)
{
    char text[RPL_ERROR_MAX];
    (void)o;
    enum err e = signing_add_zone(&c->set->signing, c->arena, c->value, text);
    if (c->set->knobs.wall_s == 0)
        c->set->knobs.wall_s = SIGNING_WALL_S;
    return e == ERR_FORMAT ? fault(c, e, "no signed zone") : e;
}

static enum err sign_fault(struct config *c, const struct option *o)
{
    char text[RPL_ERROR_MAX];
    (void)o;
    enum err e = signing_add_fault(&c->set->signing, c->arena, c->value, text);
    return e == ERR_FORMAT ? fault(c, e, "no fault of a signature") : e;
}

/* The key of a zone that is signed here, as a trust anchor. */
static enum err anchor_of(struct config *c, const struct option *o)
{
    uint8_t name[NAME_MAX_WIRE];
    struct rpl_bytes ds;
    (void)o;
    const struct signed_zone *z =
        name_from_text(c->value, name) == OK ? signing_find(&c->set->signing, name) : NULL;
    struct anchor *a = z && z->key ? find_anchor(c, name) : NULL;
    if (!a)
        return fault(c, ERR_FORMAT, "no zone that is signed, or one anchor too many");
    enum err e = sign_ds(c->arena, name, &z->dnskey, 2, &ds);
    return e ? e : extend_anchor(c, a, ds.at, (uint16_t)ds.size);
}

static enum err set_insecure(struct config *c, const struct option *o)
{
    uint8_t name[NAME_MAX_WIRE];
    char text[NAME_TEXT_MAX] = "";
    unsigned until = 0;
    (void)o;
    if (sscanf(c->value, "%1024s until=%u", text, &until) < 1 || name_from_text(text, name) != OK)
        return fault(c, ERR_FORMAT, "no name");
    struct anchor *a = add_anchor(c, name);
    if (!a)
        return fault(c, ERR_FORMAT, "one anchor too many");
    a->until = until;
    return OK;
}

/* ---- access ---------------------------------------------------------------------------------- */

static enum err add_access(struct config *c, const char *prefix, enum access action)
{
    struct rpl_settings *s = c->set;
    struct access_rule rule = {.action = action};
    if (prefix_parse(prefix, &rule.prefix) != OK)
        return fault(c, ERR_FORMAT, "no prefix");
    for (size_t i = 0; i < s->access_count; i++) { /* the later line counts */
        if (s->access[i].prefix.length == rule.prefix.length &&
            address_equal(&s->access[i].prefix.base, &rule.prefix.base)) {
            s->access[i] = rule;
            return OK;
        }
    }
    if (s->access_count == RPL_PREFIXES_MAX)
        return fault(c, ERR_FORMAT, "too many rules");
    s->access[s->access_count++] = rule;
    return OK;
}

static enum err set_access(struct config *c, const struct option *o)
{
    static const struct {
        const char *word;
        enum access action;
    } actions[] = {{"allow", ACCESS_ALLOW},
                   {"allow_snoop", ACCESS_SNOOP},
                   {"refuse", ACCESS_REFUSE},
                   {"deny", ACCESS_DROP},
                   {"drop", ACCESS_DROP}};
    (void)o;
    char *rest = rpl_strdup(c->arena, c->value);
    if (!rest)
        return ERR_NOMEM;
    const char *prefix = rpl_word(&rest), *word = rpl_word(&rest);
    if (!prefix || !word)
        return fault(c, ERR_FORMAT, "a prefix and an action are wanted");
    if (isalpha((unsigned char)*prefix) && !strchr(prefix, ':')) { /* ours: "allow 192.0.2.0/24" */
        const char *swap = prefix;
        prefix = word;
        word = swap;
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(word, actions[i].word) != 0)
            continue;
        /* With any rule, testbound's own client is still let in. */
        enum err err = c->set->access_count > 0 ? OK : add_access(c, "127.0.0.0/8", ACCESS_ALLOW);
        return err ? err : add_access(c, prefix, actions[i].action);
    }
    return fault(c, ERR_UNSUPPORTED, c->value);
}

/* `nodefault` takes a built-in zone away; played scenarios have none. */
static enum err set_local_zone(struct config *c, const struct option *o)
{
    (void)o;
    const char *blank = strrchr(c->value, ' ');
    return blank && strcmp(blank + 1, "nodefault") == 0 ? OK : fault(c, ERR_UNSUPPORTED, "");
}

/* We drop no answer for being late; the bound of a client query (LIMIT_TIME_MS) comes first. */
static enum err set_discard(struct config *c, const struct option *o)
{
    uint64_t v;
    (void)o;
    if (rpl_unsigned(c->value, UINT32_MAX, &v) != OK)
        return fault(c, ERR_FORMAT, "no number");
    return v == 0 || v >= 60000 ? OK : fault(c, ERR_UNSUPPORTED, c->value);
}

static enum err set_prime(struct config *c, const struct option *o)
{
    bool v;
    (void)o;
    if (!read_bool(c->value, &v))
        return fault(c, ERR_FORMAT, "neither yes nor no");
    c->prime = v;
    return OK;
}

static enum err set_ranges(struct config *c, const struct option *o)
{
    (void)o;
    c->ranges = strcmp(c->value, "next-step") == 0;
    return c->ranges || strcmp(c->value, "this-step") == 0
               ? OK
               : fault(c, ERR_FORMAT, "neither this-step nor next-step");
}

/* ---- stub zones ------------------------------------------------------------------------------ */

static enum err open_stub(struct config *c, bool forward)
{
    struct rpl_settings *s = c->set;
    if (s->options.stub_count == RPL_STUBS_MAX)
        return fault(c, ERR_FORMAT, "too many stub zones");
    size_t i = s->options.stub_count++;
    c->stub = &s->stubs[i];
    *c->stub = (struct stub_zone){.name = name_root, .servers = s->servers[i], .forward = forward};
    return OK;
}

static enum err stub_name(struct config *c, const struct option *o)
{
    uint8_t name[NAME_MAX_WIRE];
    (void)o;
    if (!c->stub || name_from_text(c->value, name) != OK)
        return fault(c, ERR_FORMAT, "no name, or outside of stub-zone:");
    c->stub->name = rpl_name_dup(c->arena, name);
    return c->stub->name ? OK : ERR_NOMEM;
}

static enum err stub_addr(struct config *c, const struct option *o)
{
    (void)o;
    if (!c->stub) { /* without a heading it is the root's */
        c->bare_stub = true;
        enum err err = open_stub(c, false);
        if (err)
            return err;
    }
    size_t i = (size_t)(c->stub - c->set->stubs);
    size_t *n = &c->stub->server_count;
    if (*n == RPL_STUB_SERVERS_MAX ||
        endpoint_parse(c->value, DNS_PORT, &c->set->servers[i][*n]) != OK)
        return fault(c, ERR_FORMAT, "no address, or one too many");
    ++*n;
    return OK;
}

static enum err forward_first(struct config *c, const struct option *o)
{
    (void)o;
    if (!c->stub || !read_bool(c->value, &c->stub->first))
        return fault(c, ERR_FORMAT, "neither yes nor no, or outside of forward-zone:");
    return OK;
}

static enum err stub_prime(struct config *c, const struct option *o)
{
    (void)o;
    if (!c->stub || !read_bool(c->value, &c->stub->prime))
        return fault(c, ERR_FORMAT, "neither yes nor no, or outside of stub-zone:");
    return OK;
}

static enum err nuthatch_line(struct config *c, const struct option *o);

/* ---- trust points ---------------------------------------------------------------------------- */

/* AUTOTRUST_FILE ZONE: what is in it follows. Its times are those of a clock that begins at 0. */
static enum err begin_trust(struct config *c, const struct option *o)
{
    (void)o;
    c->set->knobs.wall_s = 0;
    if (!c->set->trust)
        c->set->trust = arena_calloc(c->arena, RPL_TRUST_MAX, sizeof *c->set->trust);
    return c->set->trust ? OK : ERR_NOMEM;
}

static enum err take_block(struct config *c, const struct option *o)
{
    struct trust_error wrong;
    (void)o;
    if (!c->set->trust)
        return fault(c, ERR_UNSUPPORTED, c->value);
    if (trust_text_read(c->arena, c->value, strlen(c->value), c->set->trust, RPL_TRUST_MAX,
                        &c->set->trust_count, &wrong))
        return fault(c, ERR_FORMAT, "no state of trust anchors");
    return OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define SETTING(field) offsetof(struct rpl_settings, field)

// clang-format off
static const struct option options[] = {
    {"nuthatch", nuthatch_line, 0, 0},
    {"stub-addr", stub_addr, 0, 0},
    {"stub-prime", stub_prime, 0, 0},
    {"stub-first", only_no, 0, 0},
    {"forward-addr", stub_addr, 0, 0},
    {"forward-first", forward_first, 0, 0},
    {"forward-no-cache", only_no, 0, 0},
    {"forward-tls-upstream", only_no, 0, 0},
    {"forward-tcp-upstream", only_no, 0, 0},
    {"stub-no-cache", only_no, 0, 0},
    {"stub-tcp-upstream", only_no, 0, 0},
    {"name", stub_name, 0, 0},
    /* resolution */
    {"do-ip4", set_bool, SETTING(options.use_ipv4), 0},
    {"do-ip6", set_bool, SETTING(options.use_ipv6), 0},
    {"qname-minimisation", set_bool, SETTING(options.minimise), 0},
    {"query-minimization", set_bool, SETTING(options.minimise), 0},
    {"qname-minimisation-strict", only_no, 0, 0},
    {"use-caps-for-id", set_bool, SETTING(options.randomise_case), 0},
    {"cache-min-ttl", set_u32, SETTING(options.ttl_min), INT32_MAX},
    {"cache-max-ttl", set_u32, SETTING(options.ttl_max), INT32_MAX},
    {"cache-max-negative-ttl", set_u32, SETTING(options.negative_ttl_max), INT32_MAX},
    {"do-not-query-localhost", set_localhost, 0, 0},
    {"do-not-query-address", set_prefix, SETTING(do_not_query), 0},
    {"access-control", set_access, 0, 0},
    {"do-udp", only_yes, 0, 0},
    {"do-tcp", only_yes, 0, 0},
    {"prefer-ip4", only_no, 0, 0},
    {"prefer-ip6", only_no, 0, 0},
    {"tcp-upstream", only_no, 0, 0},
    {"edns-buffer-size", only_number, 0, DNS_UDP_SAFE},
    {"max-query-restarts", only_number, 0, LIMIT_ALIASES},
    {"max-global-quota", at_most, 0, LIMIT_PACKETS},
    {"outbound-msg-retry", at_most, 0, LIMIT_SENDS_PER_SERVER - 1},
    {"target-fetch-policy", no_effect, 0, 0},   /* addresses are looked up when they are needed */
    {"discard-timeout", set_discard, 0, 0},
    {"wait-limit", only_number, 0, 0},
    {"minimal-responses", set_bool_inverse, SETTING(options.full_responses), 0},
    {"rrset-roundrobin", only_no, 0, 0},
    {"harden-glue", only_yes, 0, 0},
    {"harden-unverified-glue", only_no, 0, 0},
    {"harden-unknown-additional", only_yes, 0, 0},
    {"harden-referral-path", only_no, 0, 0},
    {"harden-below-nxdomain", no_effect, 0, 0}, /* concerns validated denials; nothing is validated */
    {"harden-large-queries", no_effect, 0, 0},  /* scenarios that send none */
    {"harden-short-bufsize", only_yes, 0, 0},   /* sizes below 512 count as 512 */
    {"iter-scrub-promiscuous", no_effect, 0, 0}, /* such records are shown to clients at most, never used */
    {"ede", no_effect, 0, 0},                   /* always sent with EDNS, compared where a scenario asks */
    {"ede-serve-expired", no_effect, 0, 0},     /* no answer is stale */
    {"serve-expired", only_no, 0, 0},
    {"serve-expired-ttl", no_effect, 0, 0},     /* what they shape is off, or the file is skipped */
    {"serve-expired-ttl-reset", no_effect, 0, 0},
    {"serve-expired-reply-ttl", no_effect, 0, 0},
    {"serve-expired-client-timeout", no_effect, 0, 0},
    {"prefetch", only_no, 0, 0},
    {"prefetch-key", only_no, 0, 0},
    {"answer-cookie", set_bool, SETTING(cookies), 0},
    {"cookie-secret", set_secret, 0, 0},
    {"edns-tcp-keepalive", only_no, 0, 0},
    {"identity", set_text, SETTING(identity), 0},
    {"version", set_text, SETTING(version), 0},
    {"hide-identity", no_effect, 0, 0},         /* without a text there is nothing to hide */
    {"hide-version", no_effect, 0, 0},
    {"hide-trustanchor", only_yes, 0, 0},
    {"local-zone", set_local_zone, 0, 0},
    {"unblock-lan-zones", no_effect, 0, 0},     /* no built-in zones here */
    {"insecure-lan-zones", no_effect, 0, 0},
    {"module-config", set_modules, 0, 0},
    /* validation: only below trust anchors */
    {"trust-anchor", set_anchor, 0, 0},
    {"val-override-date", set_date, 0, 0},
    {"val-override-timestamp", set_date, 0, 0},
    {"domain-insecure", set_insecure, 0, 0},
    {"harden-dnssec-stripped", no_effect, 0, 0},
    {"harden-algo-downgrade", no_effect, 0, 0},
    {"AUTOTRUST_FILE", begin_trust, 0, 0},
    {"BLOCK", take_block, 0, 0},
    {"trust-anchor-signaling", set_bool, SETTING(options.signal_anchors), 0},
    {"root-key-sentinel", set_bool, SETTING(options.sentinel), 0},
    {"aggressive-nsec", set_bool, SETTING(options.aggressive), 0},
    {"fake-sha1", set_bool, SETTING(options.dnssec.sha1), 0},
    {"fake-dsa", no_effect, 0, 0},
    {"val-max-restart", no_effect, 0, 0},
    {"val-nsec3-keysize-iterations", no_effect, 0, 0},
    {"val-bogus-ttl", no_effect, 0, 0},
    {"val-log-level", no_effect, 0, 0},
    /* how the other program logs and runs */
    {"verbosity", no_effect, 0, 0},
    {"log-time-ascii", no_effect, 0, 0},
    {"log-servfail", no_effect, 0, 0},
    {"log-queries", no_effect, 0, 0},
    {"log-replies", no_effect, 0, 0},
    {"use-syslog", no_effect, 0, 0},
    {"logfile", no_effect, 0, 0},
    {"num-threads", no_effect, 0, 0},
    {"username", no_effect, 0, 0},
    {"chroot", no_effect, 0, 0},
    {NULL, NULL, 0, 0}};

static const struct option own_options[] = {
    {"minimise", set_bool, SETTING(options.minimise), 0},
    {"case-randomisation", set_bool, SETTING(options.randomise_case), 0},
    {"special-zones", set_bool, SETTING(knobs.special_zones), 0},
    {"prime", set_prime, 0, 0},
    {"cache-size", set_u64, SETTING(knobs.cache_size), 1ull << 32},
    {"work-size", set_u64, SETTING(knobs.work_size), 1ull << 32},
    {"seed", set_u64, SETTING(knobs.seed), INT64_MAX},
    {"udp-payload", set_u64, SETTING(knobs.udp_payload), UINT16_MAX},
    {"access", set_access, 0, 0},
    {"do-not-query", set_prefix, SETTING(do_not_query), 0},
    {"own", set_prefix, SETTING(own), 0},
    {"local-root", add_root_record, 0, 0},
    {"local-root-holds", set_u64, SETTING(knobs.local_root_s), UINT32_MAX},
    {"refuse-sends", set_u64, SETTING(knobs.refuse_sends), 1000},
    {"wall-clock", set_date, 0, 0},
    {"built", set_u64, SETTING(options.built_s), INT64_MAX},
    {"clock-grace", set_bool, SETTING(options.clock_grace), 0},
    {"world", set_world, 0, 0},
    {"sign", sign_zone, 0, 0},
    {"anchor-of", anchor_of, 0, 0},
    {"fault", sign_fault, 0, 0},
    {"negative-anchor", set_insecure, 0, 0},
    {"ranges", set_ranges, 0, 0},
    {"cookies.server", set_bool, SETTING(cookies), 0},
    {"cookies.upstream", set_bool, SETTING(options.cookies), 0},
    {"cookies.secret", set_secret, 0, 0},
    {"tcp-idle", set_u64, SETTING(knobs.tcp_idle_ms), 3600 * 1000},
    {NULL, NULL, 0, 0}};
// clang-format on

static enum err apply(struct config *c, const struct option *table)
{
    for (; table->name; table++) {
        if (strcmp(table->name, c->name) == 0)
            return table->set(c, table);
    }
    return fault(c, ERR_UNSUPPORTED, "");
}

/* `nuthatch: "option: value"`, in one pair of quotes or in none. */
static enum err nuthatch_line(struct config *c, const struct option *o)
{
    (void)o;
    char *text = rpl_strdup(c->arena, c->value);
    if (!text)
        return ERR_NOMEM;
    char *colon = strchr(text, ':');
    if (!colon)
        return fault(c, ERR_FORMAT, "no \"option: value\"");
    *colon = '\0';
    c->name = text;
    c->value = colon + 1 + strspn(colon + 1, " \t");
    enum err err = apply(c, own_options);
    if (err == ERR_UNSUPPORTED)
        snprintf(c->error->text, sizeof c->error->text, "nuthatch: %.60s", text);
    return err;
}

static enum err take_line(struct config *c)
{
    if (c->line->opens) {
        c->stub = NULL;
        if (rpl_is(c->name, "server"))
            return OK;
        bool forward = rpl_is(c->name, "forward-zone");
        return forward || rpl_is(c->name, "stub-zone") ? open_stub(c, forward)
                                                       : fault(c, ERR_UNSUPPORTED, "");
    }
    return apply(c, options);
}

static void set_defaults(struct rpl_settings *s)
{
    memset(s, 0, sizeof *s);
    s->options = (struct resolver_options){.minimise = true,
                                           .aggressive = true,
                                           .use_ipv4 = true,
                                           .use_ipv6 = true,
                                           .ttl_max = 86400,
                                           .negative_ttl_max = 3600,
                                           .dnssec = {.iterations_max = 50},
                                           .stubs = s->stubs};
    s->knobs = (struct rpl_knobs){.cache_size = 4 << 20,
                                  .work_size = 16 << 20,
                                  .local_root_s = 3600,
                                  .udp_payload = DNS_UDP_SAFE,
                                  .next_step = true};
}

/* A root stub that is to be primed is what hints are: where to ask for the root's name servers. */
static void root_hints(struct rpl_settings *s, const struct stub_zone *stub)
{
    struct delegation *d = &s->hints;
    *d = (struct delegation){.zone = name_root, .expiry = UINT32_MAX, .ns_count = 1};
    d->ns[0] = name_root;
    for (size_t i = 0; i < stub->server_count; i++)
        d->address[d->address_count++] = (struct delegation_address){.at = stub->servers[i]};
}

/* Sorts the stub zones out: the root's may be one to be primed. */
static enum err finish_stubs(struct config *c, bool *root_stub)
{
    struct rpl_settings *s = c->set;
    size_t kept = 0;
    s->options.prime = c->prime != 0;
    for (size_t i = 0; i < s->options.stub_count; i++) {
        struct stub_zone *stub = &s->stubs[i];
        bool root = *stub->name == 0 && !stub->forward;
        *root_stub |= root;
        if (stub->prime && !root && !stub->forward) {
            c->name = "stub-prime";
            return fault(c, ERR_UNSUPPORTED, "below the root");
        }
        if (root && (c->prime >= 0 ? c->prime == 1 : stub->prime))
            root_hints(s, stub);
        else
            s->stubs[kept++] = *stub;
    }
    s->options.stub_count = kept;
    return OK;
}

static enum err finish(struct config *c)
{
    static const struct option do_not_query = {"do-not-query", set_prefix, SETTING(do_not_query),
                                               0};
    static const char *const localhost[] = {"127.0.0.0/8", "::1"};
    struct rpl_settings *s = c->set;
    bool root_stub = false;
    enum err err = finish_stubs(c, &root_stub);
    if (err)
        return err;
    /* A bare stub-addr is Deckard's way, and there a range holds while its step is played. */
    s->knobs.next_step = c->ranges >= 0 ? c->ranges == 1 : !(root_stub && c->bare_stub);
    for (size_t i = 0; !c->localhost_asked && i < 2; i++) {
        c->value = localhost[i];
        err = set_prefix(c, &do_not_query);
        if (err)
            return err;
    }
    s->options.do_not_query = (struct prefix_list){s->do_not_query.at, s->do_not_query.count};
    s->options.own = (struct prefix_list){s->own.at, s->own.count};
    return OK;
}

enum err rpl_configure(struct arena *a, const struct rpl_file *f, struct rpl_settings *out,
                       struct rpl_error *error)
{
    static const struct rpl_config_line nowhere;
    struct config c = {.arena = a,
                       .set = out,
                       .error = error,
                       .prime = -1,
                       .ranges = -1,
                       .line = &nowhere,
                       .name = ""};
    *error = (struct rpl_error){0};
    set_defaults(out);
    for (const struct rpl_config_line *l = f->config; l; l = l->next) {
        c.line = l;
        c.name = l->key;
        c.value = l->value;
        enum err err = take_line(&c);
        if (err)
            return err;
    }
    return finish(&c);
}
