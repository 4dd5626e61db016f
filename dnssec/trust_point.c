#include "dnssec/trust_point.h"

#include <string.h>

#include "dns/types.h"
#include "dnssec/anchors.h"

enum { HOUR_S = 3600, DAY_S = 86400, PENDING_SEEN_LEAST = 2, FLAGS_LOW = 1 };

/* One probe, as it is judged. */
struct probe {
    const struct trust_seen *seen;
    struct signed_set by; /* what the signature says that made it count */
    int64_t now;
    bool changed;
};

void trust_point_init(struct trust_point *t, const uint8_t *zone)
{
    memset(t, 0, sizeof *t);
    name_lower(t->zone, zone);
    t->interval_s = t->retry_s = HOUR_S;
}

const char *key_state_text(enum key_state s)
{
    static const char *const texts[] = {[KEY_PENDING] = "ADDPEND",
                                        [KEY_VALID] = "VALID",
                                        [KEY_MISSING] = "MISSING",
                                        [KEY_REVOKED] = "REVOKED",
                                        [KEY_REMOVED] = "REMOVED"};
    return s >= KEY_PENDING && s <= KEY_REMOVED ? texts[s] : "?";
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static bool is_trusted(const struct trust_key *k)
{
    return k->state == KEY_VALID || k->state == KEY_MISSING;
}

static bool is_revoked(const uint8_t *rdata)
{
    return (load_u16(rdata) & DNSKEY_REVOKED) != 0;
}

/* May it become an anchor? (RFC 5011 §3) */
static bool may_be_trusted(const uint8_t *rdata, uint16_t length)
{
    struct dnskey key;
    return length <= TRUST_KEY_OCTETS && dnskey_read(rdata, length, &key) &&
           (key.flags & DNSKEY_SEP) && (key.flags & DNSKEY_ZONE) && key.protocol == DNSKEY_PROTOCOL;
}

/* What we cannot check is never to be relied upon. */
static bool is_supported(const struct checker *c, const uint8_t *rdata, uint16_t length)
{
    struct dnskey key;
    return dnskey_read(rdata, length, &key) && algorithm_find(c->policy, key.algorithm);
}

/* The same key, revoked or not: the bit changes flags and tag, nothing else. */
static bool is_same(const struct trust_key *k, const uint8_t *rdata, uint16_t length)
{
    uint8_t low = k->rdata[FLAGS_LOW] ^ rdata[FLAGS_LOW];
    return k->length == length && k->rdata[0] == rdata[0] && (low & ~DNSKEY_REVOKED) == 0 &&
           memcmp(k->rdata + 2, rdata + 2, length - 2U) == 0;
}

/* In place in the set; NULL: it is not there. */
static const uint8_t *find_in(const struct rrset *keys, const struct trust_key *k)
{
    struct rrset_iter it = rrset_records(keys);
    while (rrset_next(&it))
        if (may_be_trusted(it.rdata, it.length) && is_same(k, it.rdata, it.length))
            return it.rdata;
    return NULL;
}

const struct trust_key *trust_point_find(const struct trust_point *t, const uint8_t *rdata,
                                         uint16_t length)
{
    for (unsigned i = 0; i < t->count; i++)
        if (is_same(&t->keys[i], rdata, length))
            return &t->keys[i];
    return NULL;
}

static void drop(struct trust_point *t, unsigned index)
{
    t->count--;
    memmove(&t->keys[index], &t->keys[index + 1], (t->count - index) * sizeof *t->keys);
}

/* The key that has been longest in that state, since `since` at the latest. */
static struct trust_key *oldest(struct trust_point *t, enum key_state state, int64_t since)
{
    struct trust_key *found = NULL;
    for (unsigned i = 0; i < t->count; i++)
        if (t->keys[i].state == state && t->keys[i].since_s <= (found ? found->since_s : since))
            found = &t->keys[i];
    return found;
}

/*
 * A key that was revoked and removed makes way first, then one that its zone has not shown for a
 * year: many zones end keys without revoking them. A younger one never does, or whoever has stolen
 * one key could crowd out those that are to replace it.
 */
static bool make_room(struct trust_point *t, int64_t now)
{
    if (t->count < TRUST_KEYS_MAX)
        return true;
    struct trust_key *k = oldest(t, KEY_REMOVED, INT64_MAX);
    k = k ? k : oldest(t, KEY_MISSING, now - TRUST_MISSING_KEPT_S);
    if (k)
        drop(t, (unsigned)(k - t->keys));
    return k != NULL;
}

static void become(struct trust_key *k, enum key_state state, struct probe *p)
{
    k->state = state;
    k->since_s = p->now;
    p->changed = true;
}

/* ---- The configured anchor ---------------------------------------------------------------------
 */

/*
 * What is known of the key that a DS record names, found by tag and algorithm as they were before a
 * revocation, which changes the tag. Should two keys share both, the record counts for less than it
 * could, never for more.
 */
static const struct trust_key *known_by_ds(const struct trust_point *t, const struct ds *ds)
{
    for (unsigned i = 0; i < t->count; i++) {
        const struct trust_key *k = &t->keys[i];
        uint8_t plain[TRUST_KEY_OCTETS];
        struct dnskey key;
        memcpy(plain, k->rdata, k->length);
        plain[FLAGS_LOW] &= (uint8_t)~DNSKEY_REVOKED;
        if (dnskey_read(plain, k->length, &key) && key.algorithm == ds->algorithm &&
            dnskey_tag(plain, k->length) == ds->tag)
            return k;
    }
    return NULL;
}

/* Adds what is configured and not known better: keys that were never seen, or not for long enough.
 */
static enum err add_configured(const struct trust_point *t, const struct rrset *configured,
                               struct rrset_builder *b, bool *any)
{
    struct rrset_iter it = rrset_records(configured);
    enum err e = OK;
    while (!e && rrset_next(&it)) {
        struct ds ds;
        if (!ds_read(it.rdata, it.length, &ds))
            continue;
        const struct trust_key *k = known_by_ds(t, &ds);
        if (k && k->state != KEY_PENDING)
            continue;
        e = rrset_add(b, it.rdata, it.length);
        *any = true;
    }
    return e;
}

/* NULL when nothing is left of it. */
static enum err configured_rest(const struct trust_point *t, struct arena *a,
                                const struct rrset *configured, const struct rrset **out)
{
    struct rrset_builder b;
    bool any = false;
    *out = NULL;
    if (!configured)
        return OK;
    enum err e = rrset_build(&b, a, t->zone, TYPE_DS, 0);
    if (!e)
        e = add_configured(t, configured, &b, &any);
    if (!e && any)
        *out = rrset_finish(&b);
    return e;
}

/* ---- Is what came signed by who is trusted? ---------------------------------------------------
 */

static enum err trusted_set(const struct trust_point *t, struct arena *a, const struct rrset **out)
{
    struct rrset_builder b;
    enum err e = rrset_build(&b, a, t->zone, TYPE_DNSKEY, 0);
    for (unsigned i = 0; !e && i < t->count; i++)
        if (is_trusted(&t->keys[i]))
            e = rrset_add(&b, t->keys[i].rdata, t->keys[i].length);
    if (!e)
        *out = rrset_finish(&b);
    return e;
}

/* The configured anchor counts beside what is known, so that who was away while all keys changed,
 * or has lost them all, is helped by a new one. */
static bool is_signed(const struct trust_point *t, struct probe *p)
{
    const struct trust_seen *seen = p->seen;
    const struct rrset *by = NULL;
    enum why why = WHY_BOGUS_UNSIGNED;
    if (trust_point_holds(t) && (trusted_set(t, seen->checker->arena, &by) ||
                                 signature_check(seen->checker, seen->keys, by, &why, &p->by)))
        return false;
    if (why != WHY_NONE && (configured_rest(t, seen->checker->arena, seen->ds, &by) || !by ||
                            signature_check_keys(seen->checker, seen->keys, by, &why, &p->by)))
        return false;
    return why == WHY_NONE;
}

/* Only the key itself can revoke itself (RFC 5011 §2.1). */
static bool revokes_itself(const struct trust_point *t, struct probe *p, const uint8_t *rdata,
                           uint16_t length)
{
    struct checker checker = *p->seen->checker;
    struct rrset_builder b;
    enum why why;
    checker.revoked = true;
    return !rrset_build(&b, checker.arena, t->zone, TYPE_DNSKEY, 0) &&
           !rrset_add(&b, rdata, length) &&
           !signature_check(&checker, p->seen->keys, rrset_finish(&b), &why, &p->by) &&
           why == WHY_NONE;
}

/* ---- The state machine (RFC 5011 §4) -----------------------------------------------------------
 */

/* By its own word alone, whoever else has signed the set: whoever has the key may end it. */
static void take_revocations(struct trust_point *t, struct probe *p)
{
    for (unsigned i = 0; i < t->count; i++) {
        struct trust_key *k = &t->keys[i];
        const uint8_t *rdata = is_trusted(k) ? find_in(p->seen->keys, k) : NULL;
        if (!rdata || !is_revoked(rdata) || !revokes_itself(t, p, rdata, k->length))
            continue;
        memcpy(k->rdata, rdata, k->length);
        become(k, KEY_REVOKED, p);
    }
}

/* Whoever configures a key has said that he trusts it: it need not wait. */
static bool is_configured(const struct trust_point *t, const struct probe *p, const uint8_t *rdata,
                          uint16_t length)
{
    return p->seen->ds && signature_ds_names(p->seen->checker, p->seen->ds, t->zone, rdata, length);
}

static bool is_ripe(const struct trust_point *t, const struct trust_key *k, const struct probe *p)
{
    int64_t hold = k->ttl > TRUST_HOLD_DOWN_S ? k->ttl : TRUST_HOLD_DOWN_S;
    return (k->seen >= PENDING_SEEN_LEAST && p->now - k->since_s >= hold) ||
           is_configured(t, p, k->rdata, k->length);
}

/* A key that is known and was, or was not, in the set. False: it is to be forgotten. */
static bool step(const struct trust_point *t, struct trust_key *k, struct probe *p)
{
    const uint8_t *rdata = find_in(p->seen->keys, k);
    bool there = rdata && !is_revoked(rdata);
    /* Of a plain anchor file, or of a clock that was ahead. */
    if (k->since_s == 0 || k->since_s > p->now)
        k->since_s = p->now;
    switch (k->state) {
    case KEY_PENDING:
        if (!there)
            return false; /* it begins anew if it comes again */
        k->seen++;
        if (is_ripe(t, k, p))
            become(k, KEY_VALID, p);
        break;
    case KEY_VALID:
        if (!there)
            become(k, KEY_MISSING, p);
        break;
    case KEY_MISSING:
        if (there)
            become(k, KEY_VALID, p);
        break;
    case KEY_REVOKED:
        if (!rdata && p->now - k->since_s >= TRUST_HOLD_DOWN_S)
            become(k, KEY_REMOVED, p);
        break;
    case KEY_REMOVED:
        break;
    }
    return true;
}

static void add(struct trust_point *t, const struct rrset_iter *record, struct probe *p)
{
    if (!make_room(t, p->now)) {
        t->without_room++;
        return;
    }
    struct trust_key *k = &t->keys[t->count++];
    *k = (struct trust_key){
        .since_s = p->now, .seen = 1, .ttl = p->by.original_ttl, .length = record->length};
    memcpy(k->rdata, record->rdata, record->length);
    become(k, is_configured(t, p, k->rdata, k->length) ? KEY_VALID : KEY_PENDING, p);
    k->seen = k->state == KEY_PENDING;
}

static void update(struct trust_point *t, struct probe *p)
{
    t->without_room = 0;
    for (unsigned i = 0; i < t->count;) {
        if (step(t, &t->keys[i], p)) {
            i++;
        } else {
            drop(t, i);
            p->changed = true;
        }
    }
    for (struct rrset_iter it = rrset_records(p->seen->keys); rrset_next(&it);)
        if (may_be_trusted(it.rdata, it.length) && !is_revoked(it.rdata) &&
            is_supported(p->seen->checker, it.rdata, it.length) &&
            !trust_point_find(t, it.rdata, it.length))
            add(t, &it, p);
}

/* ---- When the next probe is due (RFC 5011 §2.3) ------------------------------------------------
 */

static uint32_t bounded(uint32_t value, uint32_t most)
{
    value = value < most ? value : most;
    return value > HOUR_S ? value : HOUR_S;
}

enum trust_news trust_point_take(struct trust_point *t, const struct trust_seen *seen, int64_t now)
{
    struct probe p = {.seen = seen, .now = now};
    bool good = false;
    if (seen->keys) {
        take_revocations(t, &p);
        good = is_signed(t, &p);
    }
    t->asked_s = now;
    if (!good && !p.changed) {
        t->failed++;
        t->next_s = now + t->retry_s;
        return NEWS_FAILED;
    }
    t->failed = 0;
    t->success_s = now;
    /* By the TTL and the expiry of the signature that was checked, not by what else came along. */
    t->interval_s = bounded(p.by.ttl_most / 2, 15 * DAY_S);
    t->retry_s = bounded(p.by.ttl_most / 10, DAY_S);
    t->next_s = now + t->interval_s;
    if (good)
        update(t, &p);
    return p.changed ? NEWS_CHANGED : NEWS_SAME;
}

bool trust_point_holds(const struct trust_point *t)
{
    for (unsigned i = 0; i < t->count; i++)
        if (is_trusted(&t->keys[i]))
            return true;
    return false;
}

enum err trust_point_ds(const struct trust_point *t, const struct rrset *configured,
                        struct arena *a, const struct rrset **out)
{
    struct rrset_builder b;
    bool any = false;
    *out = NULL;
    enum err e = rrset_build(&b, a, t->zone, TYPE_DS, 0);
    for (unsigned i = 0; !e && i < t->count; i++) {
        const uint8_t *ds = NULL;
        uint16_t length = 0;
        if (!is_trusted(&t->keys[i]))
            continue;
        e = anchors_ds_of_key(a, t->zone, t->keys[i].rdata, t->keys[i].length, &ds, &length);
        if (!e)
            e = rrset_add(&b, ds, length);
        any = true;
    }
    if (!e && configured)
        e = add_configured(t, configured, &b, &any);
    if (!e && any)
        *out = rrset_finish(&b);
    return e;
}
