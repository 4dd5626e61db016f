#include "dnssec/trust_point.h"

#include <string.h>

#include "dns/types.h"
#include "dnssec/anchors.h"

enum { HOUR_S = 3600, DAY_S = 86400, PENDING_SEEN_LEAST = 2, FLAGS_LOW = 1 };

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

static bool is_known(const struct trust_point *t, const uint8_t *rdata, uint16_t length)
{
    for (unsigned i = 0; i < t->count; i++)
        if (is_same(&t->keys[i], rdata, length))
            return true;
    return false;
}

static void drop(struct trust_point *t, unsigned index)
{
    t->count--;
    memmove(&t->keys[index], &t->keys[index + 1], (t->count - index) * sizeof *t->keys);
}

/* A key that was revoked and removed makes way first; no other does. */
static bool make_room(struct trust_point *t)
{
    if (t->count < TRUST_KEYS_MAX)
        return true;
    for (unsigned i = 0; i < t->count; i++) {
        if (t->keys[i].state == KEY_REMOVED) {
            drop(t, i);
            return true;
        }
    }
    return false;
}

static void become(struct trust_key *k, enum key_state state, int64_t now, bool *changed)
{
    k->state = state;
    k->since_s = now;
    *changed = true;
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

static bool is_signed(const struct trust_point *t, const struct trust_seen *seen)
{
    const struct rrset *by = NULL;
    struct signed_set ignored;
    enum why why = WHY_BOGUS_UNSIGNED;
    if (trust_point_holds(t)) {
        if (trusted_set(t, seen->checker->arena, &by) ||
            signature_check(seen->checker, seen->keys, by, &why, &ignored))
            return false;
    } else if (t->count > 0 || !seen->ds ||
               signature_check_keys(seen->checker, seen->keys, seen->ds, &why, &ignored)) {
        return false;
    }
    return why == WHY_NONE;
}

/* Only the key itself can revoke itself (RFC 5011 §2.1). */
static bool revokes_itself(const struct trust_point *t, const struct trust_seen *seen,
                           const uint8_t *rdata, uint16_t length)
{
    struct checker checker = *seen->checker;
    struct rrset_builder b;
    struct signed_set ignored;
    enum why why;
    checker.revoked = true;
    return !rrset_build(&b, checker.arena, t->zone, TYPE_DNSKEY, 0) &&
           !rrset_add(&b, rdata, length) &&
           !signature_check(&checker, seen->keys, rrset_finish(&b), &why, &ignored) &&
           why == WHY_NONE;
}

/* ---- The state machine (RFC 5011 §4) -----------------------------------------------------------
 */

/* By its own word alone, whoever else has signed the set: whoever has the key may end it. */
static bool take_revocations(struct trust_point *t, const struct trust_seen *seen, int64_t now)
{
    bool any = false;
    for (unsigned i = 0; i < t->count; i++) {
        struct trust_key *k = &t->keys[i];
        const uint8_t *rdata = is_trusted(k) ? find_in(seen->keys, k) : NULL;
        if (!rdata || !is_revoked(rdata) || !revokes_itself(t, seen, rdata, k->length))
            continue;
        memcpy(k->rdata, rdata, k->length);
        become(k, KEY_REVOKED, now, &any);
    }
    return any;
}

static bool is_ripe(const struct trust_key *k, int64_t now)
{
    int64_t hold = k->ttl > TRUST_HOLD_DOWN_S ? k->ttl : TRUST_HOLD_DOWN_S;
    return k->seen >= PENDING_SEEN_LEAST && now - k->since_s >= hold;
}

/* A key that is known and was, or was not, in the set. False: it is to be forgotten. */
static bool step(struct trust_key *k, const struct trust_seen *seen, int64_t now, bool *changed)
{
    const uint8_t *rdata = find_in(seen->keys, k);
    bool there = rdata && !is_revoked(rdata);
    if (k->since_s == 0) /* of a plain anchor file */
        k->since_s = now;
    if (rdata)
        k->ttl = seen->ttl;
    switch (k->state) {
    case KEY_PENDING:
        if (!there)
            return false; /* it begins anew if it comes again */
        k->seen++;
        if (is_ripe(k, now))
            become(k, KEY_VALID, now, changed);
        break;
    case KEY_VALID:
        if (!there)
            become(k, KEY_MISSING, now, changed);
        break;
    case KEY_MISSING:
        if (there)
            become(k, KEY_VALID, now, changed);
        break;
    case KEY_REVOKED:
        if (!rdata && now - k->since_s >= TRUST_HOLD_DOWN_S)
            become(k, KEY_REMOVED, now, changed);
        break;
    case KEY_REMOVED:
        break;
    }
    return true;
}

static void add(struct trust_point *t, const struct trust_seen *seen,
                const struct rrset_iter *record, bool first, int64_t now)
{
    if (!make_room(t))
        return;
    struct trust_key *k = &t->keys[t->count++];
    *k = (struct trust_key){.state = KEY_PENDING,
                            .since_s = now,
                            .seen = 1,
                            .ttl = seen->ttl,
                            .length = record->length};
    memcpy(k->rdata, record->rdata, record->length);
    /* What the configured anchor names is trusted at once. */
    if (first && signature_ds_names(seen->checker, seen->ds, t->zone, k->rdata, k->length)) {
        k->state = KEY_VALID;
        k->seen = 0;
    }
}

static bool update(struct trust_point *t, const struct trust_seen *seen, int64_t now)
{
    bool changed = false, first = t->count == 0;
    for (unsigned i = 0; i < t->count;) {
        if (step(&t->keys[i], seen, now, &changed)) {
            i++;
        } else {
            drop(t, i);
            changed = true;
        }
    }
    for (struct rrset_iter it = rrset_records(seen->keys); rrset_next(&it);) {
        if (!may_be_trusted(it.rdata, it.length) || is_revoked(it.rdata) ||
            !is_supported(seen->checker, it.rdata, it.length) || is_known(t, it.rdata, it.length))
            continue;
        add(t, seen, &it, first, now);
        changed = true;
    }
    return changed;
}

/* ---- When the next probe is due (RFC 5011 §2.3)
 * -------------------------------------------------- */

static uint32_t bounded(uint32_t value, uint32_t most)
{
    value = value < most ? value : most;
    return value > HOUR_S ? value : HOUR_S;
}

static void set_intervals(struct trust_point *t, const struct trust_seen *seen, int64_t now)
{
    struct rrset_iter it = rrset_signatures(seen->keys);
    struct rrsig sig;
    uint32_t ttl = seen->ttl, left = UINT32_MAX;
    while (rrset_next(&it)) {
        if (!rrsig_read(it.rdata, it.length, &sig) || !serial_less((uint32_t)now, sig.expiration))
            continue;
        uint32_t until = sig.expiration - (uint32_t)now;
        left = until < left ? until : left;
        ttl = sig.original_ttl; /* what came may have been counted down */
    }
    uint32_t half = ttl / 2 < left / 2 ? ttl / 2 : left / 2;
    uint32_t tenth = ttl / 10 < left / 10 ? ttl / 10 : left / 10;
    t->interval_s = bounded(half, 15 * DAY_S);
    t->retry_s = bounded(tenth, DAY_S);
}

enum trust_news trust_point_take(struct trust_point *t, const struct trust_seen *seen, int64_t now)
{
    bool revoked = seen->keys && take_revocations(t, seen, now);
    bool is_good = seen->keys && is_signed(t, seen);
    t->asked_s = now;
    if (!is_good && !revoked) {
        t->failed++;
        t->next_s = now + t->retry_s;
        return NEWS_FAILED;
    }
    t->failed = 0;
    t->success_s = now;
    set_intervals(t, seen, now);
    t->next_s = now + t->interval_s;
    return (is_good && update(t, seen, now)) || revoked ? NEWS_CHANGED : NEWS_SAME;
}

bool trust_point_holds(const struct trust_point *t)
{
    for (unsigned i = 0; i < t->count; i++)
        if (is_trusted(&t->keys[i]))
            return true;
    return false;
}

enum err trust_point_ds(const struct trust_point *t, struct arena *a, const struct rrset **out)
{
    struct rrset_builder b;
    enum err e = rrset_build(&b, a, t->zone, TYPE_DS, 0);
    for (unsigned i = 0; !e && i < t->count; i++) {
        const uint8_t *ds = NULL;
        uint16_t length = 0;
        if (!is_trusted(&t->keys[i]))
            continue;
        e = anchors_ds_of_key(a, t->zone, t->keys[i].rdata, t->keys[i].length, &ds, &length);
        if (!e)
            e = rrset_add(&b, ds, length);
    }
    if (!e)
        *out = rrset_finish(&b);
    return e;
}
