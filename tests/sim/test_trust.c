/*
 * RFC 5011: every transition of the state machine, with signatures that are real; three years of
 * the root's key sets, as they were published; and the state's text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/must.h"
#include "dns/text.h"
#include "dns/types.h"
#include "dnssec/trust_text.h"
#include "tests/sim/sign.h"

enum { BEGIN = 1700000000, DAY = 86400, KEYS = 18, KSK = 257, REVOKED = 257 | 128, TTL = 3600 };

struct bench {
    struct arena arena;
    struct keyring *keys;
    struct dnssec_policy policy;
    struct dnssec_work work;
    struct checker checker;
    uint8_t zone[NAME_MAX_WIRE];
    struct trust_point point;
    struct sign_fault fault; /* of every signature */
    unsigned anchors[3];     /* the keys that are configured; 0 ends them */
    int64_t now;
};

static const uint8_t *wire(struct bench *b, const char *text)
{
    uint8_t *out = arena_alloc(&b->arena, NAME_MAX_WIRE);
    assert_int_equal(name_from_text(text, out), OK);
    return out;
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    arena_init(&b->arena, NULL);
    assert_int_equal(keyring_new(&b->keys), OK);
    b->policy.iterations_max = 50;
    b->checker = (struct checker){
        .policy = &b->policy, .keys = b->keys, .arena = &b->arena, .work = &b->work};
    assert_int_equal(name_from_text("example.com", b->zone), OK);
    trust_point_init(&b->point, b->zone);
    b->anchors[0] = 1;
    b->now = BEGIN;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    keyring_free(b->keys);
    arena_deinit(&b->arena);
    free(b);
    return 0;
}

/* ---- Sets of keys ---------------------------------------------------------------------------- */

/* One key of a set: its number, its flags (0: it is not there), whether it signs. */
struct member {
    unsigned number;
    uint16_t flags;
    bool signs;
};

static const struct sign_key *key(struct bench *b, unsigned number)
{
    char name[16];
    snprintf(name, sizeof name, "k%u.", number);
    const struct sign_key *k = sign_key(wire(b, name), "ED25519");
    assert_non_null(k);
    return k;
}

static struct rpl_bytes dnskey(struct bench *b, unsigned number, uint16_t flags)
{
    struct rpl_bytes out;
    assert_int_equal(sign_dnskey(&b->arena, key(b, number), flags, 3, &out), OK);
    return out;
}

static struct rpl_rr *list_of(struct bench *b, const struct member *m, unsigned count)
{
    struct rpl_rr *list = NULL;
    for (unsigned i = count; i-- > 0;) {
        struct rpl_bytes rdata = dnskey(b, m[i].number, m[i].flags);
        struct rpl_rr *rr = arena_calloc(&b->arena, 1, sizeof *rr);
        *rr = (struct rpl_rr){.owner = b->zone,
                              .rdata = rdata.at,
                              .length = (uint16_t)rdata.size,
                              .type = TYPE_DNSKEY,
                              .class = CLASS_IN,
                              .ttl = TTL,
                              .next = list};
        list = rr;
    }
    return list;
}

static const struct rrset *set_of(struct bench *b, const struct member *m, unsigned count)
{
    struct rrset_builder out;
    struct rpl_rr *list = list_of(b, m, count);
    assert_int_equal(rrset_build(&out, &b->arena, b->zone, TYPE_DNSKEY, TTL), OK);
    for (const struct rpl_rr *rr = list; rr; rr = rr->next)
        assert_int_equal(rrset_add(&out, rr->rdata, rr->length), OK);
    for (unsigned i = 0; i < count; i++) {
        struct rpl_bytes own = dnskey(b, m[i].number, m[i].flags), sig;
        if (!m[i].signs)
            continue;
        assert_int_equal(
            sign_set(&b->arena, key(b, m[i].number), b->zone, &own, list, &b->fault, b->now, &sig),
            OK);
        assert_int_equal(rrset_sign(&out, sig.at, (uint16_t)sig.size), OK);
    }
    return rrset_finish(&out);
}

/* The configured anchor: key 1 unless a test says otherwise. */
static const struct rrset *anchor(struct bench *b)
{
    struct rrset_builder out;
    assert_int_equal(rrset_build(&out, &b->arena, b->zone, TYPE_DS, TTL), OK);
    for (unsigned i = 0; b->anchors[i]; i++) {
        struct rpl_bytes own = dnskey(b, b->anchors[i], KSK), ds;
        assert_int_equal(sign_ds(&b->arena, b->zone, &own, 2, &ds), OK);
        assert_int_equal(rrset_add(&out, ds.at, (uint16_t)ds.size), OK);
    }
    return rrset_finish(&out);
}

static enum trust_news probe(struct bench *b, const struct member *m, unsigned count)
{
    b->work = (struct dnssec_work){.price = 3840, .good = 64, .failed = 64};
    b->checker.wall = (uint32_t)b->now;
    struct trust_seen seen = {
        .keys = m ? set_of(b, m, count) : NULL, .ds = anchor(b), .checker = &b->checker};
    return trust_point_take(&b->point, &seen, b->now);
}

/* 0: the key is not known. */
static unsigned state_of(struct bench *b, unsigned number)
{
    struct rpl_bytes plain = dnskey(b, number, KSK);
    for (unsigned i = 0; i < b->point.count; i++)
        if (memcmp(b->point.keys[i].rdata + 2, plain.at + 2, plain.size - 2) == 0)
            return b->point.keys[i].state;
    return 0;
}

#define PROBE(b, ...)                                                                              \
    probe(b, (const struct member[]){__VA_ARGS__},                                                 \
          sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

/* ---- Transitions ----------------------------------------------------------------------------- */

/* RFC 5011 §4.1: each state of key 2, whatever happens to it; key 1 is valid and signs. */
static void every_row_of_the_table_holds(void **state)
{
    enum { START = 0 };
    static const struct {
        enum key_state from;
        int64_t age_s;
        unsigned present, removed, revoked, claimed; /* KeyPres, KeyRem, RevBit, RevBit unsigned */
    } rows[] = {
        {KEY_PENDING, 29 * DAY, KEY_PENDING, START, START, START},
        {KEY_PENDING, 30 * DAY, KEY_VALID, START, START, START},
        {KEY_VALID, DAY, KEY_VALID, KEY_MISSING, KEY_REVOKED, KEY_MISSING},
        {KEY_VALID, 99 * DAY, KEY_VALID, KEY_MISSING, KEY_REVOKED, KEY_MISSING},
        {KEY_MISSING, DAY, KEY_VALID, KEY_MISSING, KEY_REVOKED, KEY_MISSING},
        {KEY_MISSING, 99 * DAY, KEY_VALID, KEY_MISSING, KEY_REVOKED, KEY_MISSING},
        {KEY_REVOKED, 29 * DAY, KEY_REVOKED, KEY_REVOKED, KEY_REVOKED, KEY_REVOKED},
        {KEY_REVOKED, 30 * DAY, KEY_REVOKED, KEY_REMOVED, KEY_REVOKED, KEY_REVOKED},
        {KEY_REMOVED, 99 * DAY, KEY_REMOVED, KEY_REMOVED, KEY_REMOVED, KEY_REMOVED},
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct member events[] = {
            {2, KSK, false}, {0}, {2, REVOKED, true}, {2, REVOKED, false}};
        const unsigned to[] = {rows[i].present, rows[i].removed, rows[i].revoked, rows[i].claimed};
        for (size_t j = 0; j < sizeof to / sizeof *to; j++) {
            const struct member set[] = {{1, KSK, true}, events[j]};
            trust_point_init(&b->point, b->zone);
            PROBE(b, {1, KSK, true}, {2, KSK, false});
            b->point.keys[1].state = rows[i].from;
            b->point.keys[1].since_s = b->now - rows[i].age_s;
            assert_int_not_equal(probe(b, set, events[j].number ? 2 : 1), NEWS_FAILED);
            if (state_of(b, 2) != to[j])
                fail_msg("row %zu, event %zu: %u and not %u", i, j, state_of(b, 2), to[j]);
        }
    }
}

static void the_key_that_the_anchor_names_is_valid_at_once(void **state)
{
    struct bench *b = *state;
    assert_int_equal(PROBE(b, {1, KSK, true}, {2, KSK, false}, {3, 256, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_VALID);
    assert_int_equal(state_of(b, 2), KEY_PENDING);
    assert_int_equal(state_of(b, 3), 0); /* no secure entry point */
    assert_true(trust_point_holds(&b->point));
}

static void what_trusted_keys_have_not_signed_is_a_failure(void **state)
{
    struct bench *b = *state;
    assert_int_equal(PROBE(b, {2, KSK, true}), NEWS_FAILED);
    assert_int_equal(b->point.count, 0);
    PROBE(b, {1, KSK, true});
    assert_int_equal(PROBE(b, {1, KSK, false}, {2, KSK, true}), NEWS_FAILED);
    assert_int_equal(probe(b, NULL, 0), NEWS_FAILED);
    assert_int_equal(b->point.failed, 2);
    assert_int_equal(b->point.next_s, b->now + b->point.retry_s);
    assert_int_equal(state_of(b, 2), 0);
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_SAME);
    assert_int_equal(b->point.failed, 0);
}

static void a_new_key_is_valid_after_thirty_days(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true});
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    for (unsigned day = 1; day < 30; day++) {
        b->now += DAY;
        assert_int_equal(PROBE(b, {1, KSK, true}, {2, KSK, false}), NEWS_SAME);
        assert_int_equal(state_of(b, 2), KEY_PENDING);
    }
    b->now += DAY;
    assert_int_equal(PROBE(b, {1, KSK, true}, {2, KSK, false}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 2), KEY_VALID);
    assert_int_equal(PROBE(b, {2, KSK, true}, {4, KSK, false}), NEWS_CHANGED); /* it signs now */
}

static void a_new_key_that_was_away_begins_anew(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 29 * DAY;
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 2), 0);
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 2 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_PENDING);
}

/* Somebody who has the trusted key for a moment cannot have his own accepted by waiting: the next
 * genuine set takes it out. A probe that fails says nothing. */
static void a_failed_probe_does_not_interrupt_the_hold_down(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 29 * DAY;
    probe(b, NULL, 0);
    assert_int_equal(state_of(b, 2), KEY_PENDING);
    b->now += 2 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_VALID);
}

static void a_key_that_is_missing_stays_trusted(void **state)
{
    struct bench *b = *state;
    const struct rrset *ds;
    b->point.count = 0;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(PROBE(b, {2, KSK, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_MISSING);
    assert_int_equal(trust_point_ds(&b->point, anchor(b), &b->arena, &ds), OK);
    assert_int_equal(ds->count, 2);
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_CHANGED); /* and it may sign alone again */
    assert_int_equal(state_of(b, 1), KEY_VALID);
    assert_int_equal(state_of(b, 2), KEY_MISSING);
}

static void a_key_revokes_itself_at_once_and_for_good(void **state)
{
    struct bench *b = *state;
    const struct rrset *ds;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(PROBE(b, {1, REVOKED, true}, {2, KSK, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_REVOKED);
    assert_int_equal(trust_point_ds(&b->point, anchor(b), &b->arena, &ds), OK);
    assert_int_equal(ds->count, 1);
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_FAILED); /* its signature counts no more */
    PROBE(b, {1, KSK, true}, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_REVOKED); /* without the bit, too */
    b->now += 31 * DAY;
    PROBE(b, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_REMOVED);
    PROBE(b, {1, KSK, true}, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_REMOVED);
}

static void a_revocation_that_the_key_has_not_signed_does_not_count(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    PROBE(b, {1, REVOKED, false}, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_MISSING);
    PROBE(b, {1, KSK, true}, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_VALID);
}

static void a_missing_key_can_be_revoked(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    PROBE(b, {2, KSK, true});
    PROBE(b, {1, REVOKED, true}, {2, KSK, true});
    assert_int_equal(state_of(b, 1), KEY_REVOKED);
}

/* RFC 5011 §5: then nothing is trusted, and the configured anchor does not come to life again. */
static void when_all_are_revoked_the_point_is_given_up(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_true(trust_point_holds(&b->point));
    assert_int_equal(PROBE(b, {1, REVOKED, true}, {2, REVOKED, true}, {3, KSK, true}),
                     NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_REVOKED);
    assert_int_equal(state_of(b, 2), KEY_REVOKED);
    assert_int_equal(state_of(b, 3), 0); /* nobody who is trusted has signed it */
    assert_false(trust_point_holds(&b->point));
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_FAILED);
    assert_false(trust_point_holds(&b->point));
}

static void more_keys_than_have_room_are_left_out(void **state)
{
    struct bench *b = *state;
    struct member all[KEYS];
    for (unsigned i = 0; i < KEYS; i++)
        all[i] = (struct member){i + 1, KSK, i == 0};
    assert_int_equal(probe(b, all, KEYS), NEWS_CHANGED);
    assert_int_equal(b->point.count, TRUST_KEYS_MAX);
    assert_int_equal(b->point.without_room, KEYS - TRUST_KEYS_MAX);
    assert_int_equal(state_of(b, 1), KEY_VALID);
    assert_int_equal(state_of(b, KEYS), 0);
    PROBE(b, {1, KSK, true});
    assert_int_equal(b->point.without_room, 0);
}

/* Those that nobody needs any more make way, oldest first; what was there a year ago does not. */
static void keys_that_are_gone_make_room(void **state)
{
    struct bench *b = *state;
    struct member all[TRUST_KEYS_MAX];
    for (unsigned i = 0; i < TRUST_KEYS_MAX; i++)
        all[i] = (struct member){i + 1, KSK, i == 0};
    probe(b, all, TRUST_KEYS_MAX);
    for (unsigned i = 1; i < TRUST_KEYS_MAX; i++)
        b->point.keys[i].state = KEY_MISSING;
    PROBE(b, {1, KSK, true}, {17, KSK, false});
    assert_int_equal(state_of(b, 17), 0);
    b->now += 367 * DAY;
    b->point.keys[6].since_s += DAY;
    b->point.keys[7].state = KEY_REMOVED;
    b->point.keys[8].state = KEY_REMOVED;
    b->point.keys[8].since_s -= 1;
    PROBE(b, {1, KSK, true}, {17, KSK, false});
    assert_int_equal(state_of(b, 9), 0);
    assert_int_equal(state_of(b, 8), KEY_REMOVED);
    assert_int_equal(state_of(b, 17), KEY_PENDING);
    PROBE(b, {1, KSK, true}, {17, KSK, false}, {18, KSK, false});
    assert_int_equal(state_of(b, 8), 0);
    assert_int_equal(state_of(b, 2), KEY_MISSING);
    PROBE(b, {1, KSK, true}, {17, KSK, false}, {18, KSK, false}, {19, KSK, false});
    assert_int_equal(state_of(b, 19), KEY_PENDING);
    assert_int_equal(state_of(b, 7), KEY_MISSING); /* a day younger than the others */
    assert_int_equal(b->point.count, TRUST_KEYS_MAX);
}

/* RFC 5011 §2.3 */
static void probes_come_as_ttl_and_signatures_allow(void **state)
{
    struct bench *b = *state;
    static const struct {
        uint32_t ttl;
        int64_t left_s;
        uint32_t interval_s, retry_s;
    } cases[] = {
        {3600, 20 * DAY, 3600, 3600}, /* half and a tenth of the TTL, but an hour at least */
        {172800, 20 * DAY, DAY, 17280},
        {60 * DAY, 4 * DAY, 2 * DAY, 34560}, /* of the signature's time, when that is less */
        {60 * DAY, 90 * DAY, 15 * DAY, DAY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        b->fault = (struct sign_fault){
            .has_ttl = true, .original_ttl = cases[i].ttl, .expiration_s = cases[i].left_s};
        PROBE(b, {1, KSK, true});
        assert_int_equal(b->point.interval_s, cases[i].interval_s);
        assert_int_equal(b->point.retry_s, cases[i].retry_s);
        assert_int_equal(b->point.next_s, b->now + cases[i].interval_s);
    }
}

static void what_is_not_checked_does_not_say_when_to_ask_again(void **state)
{
    struct bench *b = *state;
    b->fault =
        (struct sign_fault){.has_ttl = true, .original_ttl = 172800, .expiration_s = 9 * DAY};
    PROBE(b, {1, KSK, true}, {5, 256, true});
    assert_int_equal(b->point.interval_s, DAY);
    struct rrset *set = (struct rrset *)(uintptr_t)set_of(b, &(struct member){1, KSK, true}, 1);
    struct rrset_builder more;
    assert_int_equal(rrset_build(&more, &b->arena, b->zone, TYPE_DNSKEY, TTL), OK);
    for (struct rrset_iter it = rrset_records(set); rrset_next(&it);)
        assert_int_equal(rrset_add(&more, it.rdata, it.length), OK);
    for (struct rrset_iter it = rrset_signatures(set); rrset_next(&it);) {
        uint8_t *worthless = arena_alloc(&b->arena, it.length);
        assert_int_equal(rrset_sign(&more, it.rdata, it.length), OK);
        memcpy(worthless, it.rdata, it.length);
        store_u32(worthless + 4, 8000); /* its TTL */
        assert_int_equal(rrset_sign(&more, worthless, it.length), OK);
    }
    b->work = (struct dnssec_work){.price = 3840, .good = 64, .failed = 64};
    struct trust_seen seen = {.keys = rrset_finish(&more), .checker = &b->checker};
    assert_int_equal(trust_point_take(&b->point, &seen, b->now), NEWS_SAME);
    assert_int_equal(b->point.interval_s, DAY);
}

/* RFC 5011 §2.4.1 */
static void a_long_ttl_makes_a_new_key_wait_longer(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true});
    b->fault = (struct sign_fault){.has_ttl = true, .original_ttl = 40 * DAY};
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 39 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_PENDING);
    b->now += DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_VALID);
}

static void a_clock_that_was_ahead_holds_no_key_up(void **state)
{
    struct bench *b = *state;
    b->now += 4000 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now = BEGIN;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 30 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_VALID);
}

/* ---- What is configured beside what is known ---------------------------------------------------
 */

static unsigned trusted(struct bench *b)
{
    const struct rrset *ds;
    assert_int_equal(trust_point_ds(&b->point, anchor(b), &b->arena, &ds), OK);
    return ds ? ds->count : 0;
}

static void a_configured_key_need_not_wait(void **state)
{
    struct bench *b = *state;
    b->anchors[1] = 2;
    PROBE(b, {1, KSK, true}, {3, KSK, false});
    assert_int_equal(trusted(b), 2);
    PROBE(b, {1, KSK, true}, {2, KSK, false}, {3, KSK, false});
    assert_int_equal(state_of(b, 2), KEY_VALID);
    assert_int_equal(state_of(b, 3), KEY_PENDING);
    assert_int_equal(trusted(b), 2);
    b->anchors[1] = 3; /* as with a new version that has it built in */
    assert_int_equal(trusted(b), 3);
    assert_int_equal(PROBE(b, {1, KSK, true}, {2, KSK, false}, {3, KSK, false}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 3), KEY_VALID);
}

static void who_was_away_while_all_keys_changed_is_helped_by_a_new_anchor(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true});
    assert_int_equal(PROBE(b, {2, KSK, true}), NEWS_FAILED);
    b->anchors[0] = 2;
    assert_int_equal(PROBE(b, {2, KSK, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_MISSING);
    assert_int_equal(state_of(b, 2), KEY_VALID);
}

static void a_configured_key_that_was_revoked_is_not_trusted(void **state)
{
    struct bench *b = *state;
    PROBE(b, {1, KSK, true});
    PROBE(b, {1, REVOKED, true});
    assert_int_equal(trusted(b), 0);
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_FAILED);
    b->anchors[1] = 2;
    assert_int_equal(trusted(b), 1);
    assert_int_equal(PROBE(b, {1, KSK, true}), NEWS_FAILED);
    assert_int_equal(PROBE(b, {1, REVOKED, true}, {2, KSK, true}), NEWS_CHANGED);
    assert_int_equal(state_of(b, 1), KEY_REVOKED);
    assert_int_equal(state_of(b, 2), KEY_VALID);
    assert_int_equal(trusted(b), 1);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void what_is_written_is_read_again(void **state)
{
    struct bench *b = *state;
    static struct trust_point again[2];
    struct trust_error error;
    char *text = NULL;
    size_t size = 0, count = 0;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    b->now += 31 * DAY;
    PROBE(b, {1, KSK, true}, {2, KSK, false});
    PROBE(b, {1, REVOKED, true}, {2, KSK, true}, {5, KSK, false});
    FILE *f = open_memstream(&text, &size);
    trust_text_write(f, &b->point, 1);
    fclose(f);
    assert_int_equal(trust_text_read(&b->arena, text, size, again, 2, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_int_equal(again[0].count, 3);
    assert_int_equal(again[0].next_s, b->point.next_s);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(again[0].keys[i].state, b->point.keys[i].state);
        assert_int_equal(again[0].keys[i].since_s, b->point.keys[i].since_s);
        assert_int_equal(again[0].keys[i].seen, b->point.keys[i].seen);
        assert_int_equal(again[0].keys[i].length, b->point.keys[i].length);
        assert_memory_equal(again[0].keys[i].rdata, b->point.keys[i].rdata,
                            b->point.keys[i].length);
    }
    free(text);
}

static void a_broken_text_says_in_which_line(void **state)
{
    struct bench *b = *state;
    static struct trust_point points[1];
    static const struct {
        const char *text, *says;
        unsigned line, column;
    } cases[] = {
        {"; fine\n\n. IN A 192.0.2.1\n", "only DNSKEY", 3, 1},
        {". IN DNSKEY 257 3 8\n", "", 1, 1},
        {";;id: . 1\n;;last_queried: soon\n", "no number behind last_queried:", 2, 16},
        {";;last_queried: 1\n", "before any ;;id:", 1, 3},
        {";;id: a..b 1\n", "is no zone's name", 1, 7},
        {". IN DNSKEY 257 3 15 AAAA ;;state=9\n", ";;state=", 1, 35},
        {". IN DNSKEY 257 3 15 AAAA ;;state=2\n\na. IN DNSKEY 257 3 15 AAAA ;;state=2\n",
         "more than 1 zones", 3, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trust_error error;
        size_t count;
        assert_int_not_equal(trust_text_read(&b->arena, cases[i].text, strlen(cases[i].text),
                                             points, 1, &count, &error),
                             OK);
        assert_int_equal(error.line, cases[i].line);
        assert_int_equal(error.column, cases[i].column);
        if (!strstr(error.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].says);
    }
}

/* ---- The root's own history --------------------------------------------------------------------
 */

struct history {
    struct bench *b;
    struct rrset_builder set;
    bool open;
    unsigned sets, changes;
    int64_t began_s, trusted_s; /* of the new key */
};

static int64_t day_of(unsigned long serial)
{
    struct tm day = {.tm_year = (int)(serial / 1000000) - 1900,
                     .tm_mon = (int)(serial / 10000 % 100) - 1,
                     .tm_mday = (int)(serial / 100 % 100),
                     .tm_hour = 12};
    return timegm(&day);
}

static struct trust_key *tagged(struct trust_point *t, uint16_t tag)
{
    for (unsigned i = 0; i < t->count; i++)
        if (dnskey_tag(t->keys[i].rdata, t->keys[i].length) == tag)
            return &t->keys[i];
    return NULL;
}

static void close_set(struct history *h, const struct rrset *ds)
{
    struct bench *b = h->b;
    if (!h->open)
        return;
    h->open = false;
    h->sets++;
    b->work = (struct dnssec_work){.price = 3840, .good = 64, .failed = 8};
    b->checker.wall = (uint32_t)b->now;
    struct trust_seen seen = {.keys = rrset_finish(&h->set), .ds = ds, .checker = &b->checker};
    enum trust_news news = trust_point_take(&b->point, &seen, b->now);
    assert_int_not_equal(news, NEWS_FAILED);
    h->changes += news == NEWS_CHANGED;
    struct trust_key *new = tagged(&b->point, 38696);
    if (new && !h->began_s)
        h->began_s = b->now;
    if (new &&new->state == KEY_VALID && !h->trusted_s)
        h->trusted_s = b->now;
    assert_int_equal(tagged(&b->point, 20326)->state, KEY_VALID);
    for (unsigned i = 0; i < b->point.count; i++)
        assert_true(load_u16(b->point.keys[i].rdata) & DNSKEY_SEP);
}

static void take_line(struct history *h, const char *line, const struct rrset *ds)
{
    struct bench *b = h->b;
    struct rrset *one;
    char wrong[100];
    if (strncmp(line, "; serial ", 9) == 0) {
        close_set(h, ds);
        b->now = day_of(strtoul(line + 9, NULL, 10));
        assert_int_equal(rrset_build(&h->set, &b->arena, name_root, TYPE_DNSKEY, 172800), OK);
        h->open = true;
        return;
    }
    if (*line == '\n' || *line == ';')
        return;
    assert_int_equal(rrset_from_text(&b->arena, line, name_root, 0, &one, wrong, sizeof wrong), OK);
    struct rrset_iter it = rrset_records(one);
    assert_true(rrset_next(&it));
    if (one->type == TYPE_RRSIG)
        assert_int_equal(rrset_sign(&h->set, it.rdata, it.length), OK);
    else
        assert_int_equal(rrset_add(&h->set, it.rdata, it.length), OK);
}

static void the_roots_new_key_is_trusted_thirty_days_after_it_came(void **state)
{
    struct history h = {.b = *state};
    static char line[8192];
    char command[600], wrong[100];
    const char *shared = getenv("NUTHATCH_SHARED");
    struct rrset *ds;
    snprintf(command, sizeof command,
             "xz -dc '%.400s/data/root/'root-dnskey-history-*.txt.xz 2>/dev/null",
             shared ? shared : "../shared");
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(name_from_text(".", h.b->zone), OK);
    trust_point_init(&h.b->point, name_root);
    assert_int_equal(
        rrset_from_text(&h.b->arena,
                        ". IN DS 20326 8 2 "
                        "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
                        name_root, 0, &ds, wrong, sizeof wrong),
        OK);
    while (fgets(line, sizeof line, f))
        take_line(&h, line, ds);
    pclose(f);
    close_set(&h, ds);
    if (h.sets == 0) {
        print_message("no history of the root's keys beside the checkout: left out\n");
        skip();
    }
    print_message("%u key sets, %u changes; the new key after %lld days\n", h.sets, h.changes,
                  (long long)(h.trusted_s - h.began_s) / DAY);
    assert_true(h.sets > 50);
    assert_true(h.trusted_s - h.began_s >= 30 * DAY && h.trusted_s - h.began_s < 45 * DAY);
    assert_int_equal(h.changes, 3); /* the first, the new one seen, the new one trusted */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_of_the_table_holds),
        TEST(the_key_that_the_anchor_names_is_valid_at_once),
        TEST(what_trusted_keys_have_not_signed_is_a_failure),
        TEST(a_new_key_is_valid_after_thirty_days),
        TEST(a_new_key_that_was_away_begins_anew),
        TEST(a_failed_probe_does_not_interrupt_the_hold_down),
        TEST(a_key_that_is_missing_stays_trusted),
        TEST(a_key_revokes_itself_at_once_and_for_good),
        TEST(a_revocation_that_the_key_has_not_signed_does_not_count),
        TEST(a_missing_key_can_be_revoked),
        TEST(when_all_are_revoked_the_point_is_given_up),
        TEST(more_keys_than_have_room_are_left_out),
        TEST(keys_that_are_gone_make_room),
        TEST(probes_come_as_ttl_and_signatures_allow),
        TEST(what_is_not_checked_does_not_say_when_to_ask_again),
        TEST(a_long_ttl_makes_a_new_key_wait_longer),
        TEST(a_clock_that_was_ahead_holds_no_key_up),
        TEST(a_configured_key_need_not_wait),
        TEST(who_was_away_while_all_keys_changed_is_helped_by_a_new_anchor),
        TEST(a_configured_key_that_was_revoked_is_not_trusted),
        TEST(what_is_written_is_read_again),
        TEST(a_broken_text_says_in_which_line),
        TEST(the_roots_new_key_is_trusted_thirty_days_after_it_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
