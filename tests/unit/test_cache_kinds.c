/*
 * What each kind of entry keeps and gives back, when it is a hit and why it is not.
 */
#include "tests/unit/cache_fixture.h"

#include "base/arena.h"

static int make(void **state)
{
    *state = cache_of(4 * MIB);
    return 0;
}

static int drop(void **state)
{
    cache_free(*state);
    return 0;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void odd_sizes_and_unknown_policies_are_refused(void **state)
{
    (void)state;
    struct cache_config config = {.size = CACHE_SIZE_MIN - 1, .policy = "lru"};
    struct cache *c = NULL;
    assert_int_equal(cache_new(&c, &config), ERR_RANGE);
    config.size = CACHE_SIZE_MAX + 1;
    assert_int_equal(cache_new(&c, &config), ERR_RANGE);
    config.size = CACHE_SIZE_MIN;
    config.policy = "no-such";
    assert_int_equal(cache_new(&c, &config), ERR_NOTFOUND);
    assert_null(c);
    cache_free(NULL);
}

static void kinds_and_misses_have_texts(void **state)
{
    (void)state;
    assert_string_equal(cache_kind_text(CACHE_DELEGATION), "delegation");
    assert_string_equal(cache_miss_text(MISS_UNCACHEABLE), "uncacheable");
    assert_string_equal(cache_kind_text(CACHE_KINDS), "unknown");
    for (unsigned i = 0; i < CACHE_KINDS; i++)
        assert_non_null(cache_kind_text((enum cache_kind)i));
    for (unsigned i = 0; i < CACHE_MISSES; i++)
        assert_non_null(cache_miss_text((enum cache_miss)i));
}

/* ---- RRsets ---------------------------------------------------------------------------------- */

static void an_rrset_comes_back_as_it_was_put(void **state)
{
    struct cache *c = *state;
    static const uint8_t rdata[] = {0, 4, 1, 2, 3, 4, 0, 4, 5, 6, 7, 8, 0, 3, 9, 9, 9};
    struct rrset s = {
        .owner = wire("WWW.Example.com"),
        .rdata = rdata,
        .rdata_size = sizeof rdata,
        .expiry = NOW + 60,
        .type = 1,
        .count = 2,
        .signatures = 1,
        .trust = TRUST_ANSWER,
        .security = SECURITY_SECURE,
    };
    struct rrset out;
    assert_int_equal(get_a(c, s.owner, &out), MISS_COLD);
    assert_true(cache_put_rrset(c, &s, NOW));
    assert_int_equal(get_a(c, wire("www.eXample.COM"), &out), CACHE_HIT);
    assert_true(name_equal_case(out.owner, s.owner));
    assert_int_equal(out.rdata_size, sizeof rdata);
    assert_memory_equal(out.rdata, rdata, sizeof rdata);
    assert_int_equal(out.expiry, NOW + 60);
    assert_int_equal(out.type, 1);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.signatures, 1);
    assert_int_equal(out.trust, TRUST_ANSWER);
    assert_int_equal(out.security, SECURITY_SECURE);
    assert_int_equal(cache_get_rrset(c, s.owner, 28, NOW, &out), MISS_COLD);
    assert_int_equal(get_a(c, wire("example.com"), &out), MISS_COLD);
}

/* A verdict holds for who judges by the same anchors as its author, and for nobody else. */
static void under_other_anchors_verdicts_do_not_count(void **state)
{
    struct cache *c = *state;
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    struct rrset out, s = {.owner = wire("www.example.com"),
                           .rdata = rdata,
                           .rdata_size = sizeof rdata,
                           .expiry = NOW + 60,
                           .type = 1,
                           .count = 1,
                           .trust = TRUST_ANSWER,
                           .security = SECURITY_SECURE};
    struct negative denied, n = {.security = SECURITY_SECURE, .expiry = NOW + 60, .count = 1};
    struct failure failed, f = {.reason = 3, .attempts = 2, .expiry = NOW + 60};
    n.authority[0] = s;
    assert_true(cache_put_rrset(c, &s, NOW));
    assert_true(cache_put_negative(c, s.owner, 28, &n, NOW));
    assert_true(cache_put_failure(c, s.owner, 16, &f, NOW));
    assert_true(cache_put_denial(c, wire("com"), &s, NOW));
    static const uint32_t numbers[] = {0, 1, VERDICTS_LAST, VERDICTS_LAST + 1, 5};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool alike = i == 0 || i == 3; /* they begin anew */
        uint8_t security = alike ? SECURITY_SECURE : SECURITY_UNCHECKED;
        cache_judge_by(c, numbers[i]);
        assert_int_equal(get_a(c, s.owner, &out), CACHE_HIT);
        assert_int_equal(out.security, security);
        assert_int_equal(cache_get_negative(c, s.owner, 28, NOW, &denied), CACHE_HIT);
        assert_int_equal(denied.security, security);
        assert_int_equal(denied.authority[0].security, security);
        assert_int_equal(cache_get_failure(c, s.owner, 16, NOW, &failed),
                         alike ? CACHE_HIT : MISS_EXPIRED);
        assert_int_equal(failed.attempts, 2);
        assert_int_equal(cache_get_denial(c, wire("com"), 1, s.owner, NOW, &out),
                         alike ? CACHE_HIT : MISS_EXPIRED);
    }
}

static void at_its_expiry_an_rrset_is_a_miss(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    const uint8_t *n = wire("a.test");
    assert_true(put_a(c, n, 1, NOW + 10));
    assert_int_equal(cache_get_rrset(c, n, 1, NOW + 9, &out), CACHE_HIT);
    assert_int_equal(cache_get_rrset(c, n, 1, NOW + 10, &out), MISS_EXPIRED);
    assert_int_equal(cache_get_rrset(c, n, 1, NOW + 11, &out), MISS_EXPIRED);
}

static void a_set_without_time_to_live_is_uncacheable(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    assert_false(put_a(c, wire("zero.test"), 1, NOW));
    assert_int_equal(get_a(c, wire("zero.test"), &out), MISS_UNCACHEABLE);
    assert_true(put_a(c, wire("zero.test"), 1, NOW + 1));
    assert_int_equal(get_a(c, wire("zero.test"), &out), CACHE_HIT);
    assert_int_equal(cache_get_rrset(c, wire("zero.test"), 1, NOW + 1, &out), MISS_EXPIRED);
}

static void an_entry_over_16_KiB_is_uncacheable(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    static const uint16_t lengths[] = {CACHE_ENTRY_MAX - 32 - 11 - 8, CACHE_ENTRY_MAX - 11, 60000};
    for (unsigned i = 0; i < 3; i++) {
        struct rrset s = set_of(wire("big.test"), 16, lengths[i], 3, NOW + 60);
        assert_int_equal(cache_put_rrset(c, &s, NOW), i == 0);
        assert_int_equal(cache_get_rrset(c, s.owner, 16, NOW, &out),
                         i == 0 ? CACHE_HIT : MISS_UNCACHEABLE);
        cache_flush_all(c);
    }
}

static void less_trust_never_replaces_more_before_its_expiry(void **state)
{
    struct cache *c = *state;
    for (uint8_t old = TRUST_ADDITIONAL; old <= TRUST_LOCAL; old++) {
        for (uint8_t new = TRUST_ADDITIONAL; new <= TRUST_LOCAL; new ++) {
            cache_flush_all(c);
            const uint8_t *n = wire("trust.test");
            struct rrset out;
            struct rrset s = set_of(n, 1, 4, 1, NOW + 60);
            s.trust = old;
            assert_true(cache_put_rrset(c, &s, NOW));
            s = set_of(n, 1, 4, 2, NOW + 90);
            s.trust = new;
            assert_int_equal(cache_put_rrset(c, &s, NOW), new >= old);
            assert_int_equal(get_a(c, n, &out), CACHE_HIT);
            assert_int_equal(out.rdata[2], new >= old ? 2 : 1);
            assert_int_equal(out.trust, new >= old ? new : old);
            s.trust = new;
            s.expiry = NOW + 200;
            assert_true(cache_put_rrset(c, &s, NOW + 90)); /* whatever was there has expired */
            assert_int_equal(figures_of(c).entries[CACHE_RRSET], 1);
        }
    }
}

static void an_rrset_in_place_can_be_put_again(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    assert_true(put_a(c, wire("self.test"), 7, NOW + 60));
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(get_a(c, wire("self.test"), &out), CACHE_HIT);
        out.security = (uint8_t)(i % 5);
        assert_true(cache_put_rrset(c, &out, NOW));
    }
    assert_int_equal(get_a(c, wire("self.test"), &out), CACHE_HIT);
    assert_int_equal(out.rdata[2], 7);
    assert_int_equal(out.security, 19999 % 5);
    assert_true(figures_of(c).bytes < 1 * MIB);
}

/* ---- Negative entries ------------------------------------------------------------------------ */

static struct negative denial(bool nxdomain, const char *soa, uint32_t expiry)
{
    struct negative n = {.nxdomain = nxdomain, .security = SECURITY_INSECURE, .expiry = expiry};
    n.count = 2;
    n.authority[0] = set_of(wire(soa), 6, 22, 6, expiry + 5);
    n.authority[0].trust = TRUST_AUTHORITY;
    n.authority[1] = set_of(wire("other.invalid"), 47, 22, 6, expiry + 9);
    n.authority[1].security = SECURITY_SECURE;
    return n;
}

static void a_negative_entry_keeps_its_authority(void **state)
{
    struct cache *c = *state;
    struct negative n = denial(false, "test", NOW + 60);
    struct negative out;
    assert_true(cache_put_negative(c, wire("no.sub.test"), 28, &n, NOW));
    assert_int_equal(cache_get_negative(c, wire("NO.sub.test"), 28, NOW, &out), CACHE_HIT);
    assert_false(out.nxdomain);
    assert_int_equal(out.security, SECURITY_INSECURE);
    assert_int_equal(out.expiry, NOW + 60);
    assert_int_equal(out.count, 2);
    assert_true(name_equal(out.authority[0].owner, wire("test")));
    assert_int_equal(out.authority[0].type, 6);
    assert_int_equal(out.authority[0].expiry, NOW + 65);
    assert_int_equal(out.authority[0].trust, TRUST_AUTHORITY);
    assert_true(name_equal(out.authority[1].owner, wire("other.invalid")));
    assert_int_equal(out.authority[1].expiry, NOW + 69);
    assert_int_equal(out.authority[1].security, SECURITY_SECURE);
    assert_int_equal(out.authority[1].rdata_size, 24);
    assert_memory_equal(out.authority[1].rdata, n.authority[1].rdata, 24);
    assert_int_equal(cache_get_negative(c, wire("no.sub.test"), 1, NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_negative(c, wire("no.sub.test"), 28, NOW + 60, &out), MISS_EXPIRED);
}

static void nxdomain_covers_all_types_of_its_name_and_nothing_below(void **state)
{
    struct cache *c = *state;
    struct negative n = denial(true, "test", NOW + 60);
    struct negative out;
    assert_true(cache_put_negative(c, wire("gone.test"), 1, &n, NOW));
    for (uint16_t type = 0; type < 300; type++) {
        assert_int_equal(cache_get_negative(c, wire("gone.test"), type, NOW, &out), CACHE_HIT);
        assert_true(out.nxdomain);
    }
    assert_int_equal(cache_get_negative(c, wire("below.gone.test"), 1, NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_negative(c, wire("test"), 1, NOW, &out), MISS_COLD);
}

static void records_take_back_what_denied_them(void **state)
{
    struct cache *c = *state;
    struct negative out;
    struct negative n = denial(true, "test", NOW + 60);
    assert_true(cache_put_negative(c, wire("x.test"), 1, &n, NOW));
    assert_true(put_a(c, wire("x.test"), 1, NOW + 60));
    assert_int_equal(cache_get_negative(c, wire("x.test"), 28, NOW, &out), MISS_COLD);
    n.nxdomain = false;
    assert_true(cache_put_negative(c, wire("x.test"), 1, &n, NOW));
    assert_true(cache_put_negative(c, wire("x.test"), 28, &n, NOW));
    assert_true(put_a(c, wire("x.test"), 1, NOW + 60));
    assert_int_equal(cache_get_negative(c, wire("x.test"), 1, NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_negative(c, wire("x.test"), 28, NOW, &out), CACHE_HIT);
    assert_false(put_a(c, wire("x.test"), 1, NOW)); /* refused: takes nothing back */
    assert_int_equal(cache_get_negative(c, wire("x.test"), 28, NOW, &out), CACHE_HIT);
}

static void the_newer_of_nodata_and_nxdomain_holds(void **state)
{
    struct cache *c = *state;
    struct negative out;
    struct negative gone = denial(true, "test", NOW + 60);
    struct negative nodata = denial(false, "test", NOW + 60);
    assert_true(cache_put_negative(c, wire("y.test"), 1, &nodata, NOW));
    assert_true(cache_put_negative(c, wire("y.test"), 1, &gone, NOW));
    assert_int_equal(cache_get_negative(c, wire("y.test"), 1, NOW, &out), CACHE_HIT);
    assert_true(out.nxdomain);
    assert_true(cache_put_negative(c, wire("y.test"), 28, &nodata, NOW));
    assert_int_equal(cache_get_negative(c, wire("y.test"), 28, NOW, &out), CACHE_HIT);
    assert_false(out.nxdomain);
    assert_int_equal(cache_get_negative(c, wire("y.test"), 1, NOW, &out), MISS_COLD);
}

/* ---- Failures, delegations, servers ---------------------------------------------------------- */

static void a_failure_tells_its_attempts_after_its_time_too(void **state)
{
    struct cache *c = *state;
    struct failure f = {.reason = 300, .attempts = 4, .expiry = NOW + 5};
    struct failure out = {0};
    assert_int_equal(cache_get_failure(c, wire("f.test"), 1, NOW, &out), MISS_COLD);
    assert_true(cache_put_failure(c, wire("f.test"), 1, &f, NOW));
    assert_int_equal(cache_get_failure(c, wire("f.test"), 1, NOW, &out), CACHE_HIT);
    assert_int_equal(out.reason, 300);
    memset(&out, 0, sizeof out);
    assert_int_equal(cache_get_failure(c, wire("f.test"), 1, NOW + 5, &out), MISS_EXPIRED);
    assert_int_equal(out.attempts, 4);
    assert_int_equal(out.expiry, NOW + 5);
    assert_int_equal(cache_get_failure(c, wire("f.test"), 28, NOW, &out), MISS_COLD);
    cache_forget_failure(c, wire("f.test"), 1);
    cache_forget_failure(c, wire("f.test"), 1);
    assert_int_equal(cache_get_failure(c, wire("f.test"), 1, NOW, &out), MISS_FLUSHED);
    assert_int_equal(figures_of(c).entries[CACHE_FAILURE], 0);
}

static void a_full_delegation_comes_back_whole(void **state)
{
    struct cache *c = *state;
    uint8_t zone[NAME_MAX_WIRE];
    name_copy(zone, wire("Zone.test"));
    struct delegation d = {.zone = zone, .expiry = NOW + 60, .security = SECURITY_SECURE};
    static uint8_t names[DELEGATION_NS_MAX][NAME_MAX_WIRE];
    d.ns_count = DELEGATION_NS_MAX;
    d.address_count = DELEGATION_ADDRESS_MAX;
    for (unsigned i = 0; i < DELEGATION_NS_MAX; i++) {
        name_copy(names[i], numbered("ns", i));
        d.ns[i] = names[i];
    }
    for (unsigned i = 0; i < DELEGATION_ADDRESS_MAX; i++) {
        struct endpoint *at = &d.address[i].at;
        d.address[i].ns = (uint8_t)(i / 2);
        at->family = i % 2 ? 6 : 4;
        at->port = (uint16_t)(53 + i);
        at->scope = i % 2 ? i : 0;
        memset(at->bytes, (int)i, i % 2 ? 16 : 4);
    }
    struct delegation out;
    assert_int_equal(cache_get_delegation(c, d.zone, NOW, &out), MISS_COLD);
    assert_true(cache_put_delegation(c, &d, NOW));
    assert_int_equal(cache_get_delegation(c, wire("zone.test"), NOW, &out), CACHE_HIT);
    assert_true(name_equal_case(out.zone, d.zone));
    assert_int_equal(out.expiry, d.expiry);
    assert_int_equal(out.security, d.security);
    assert_int_equal(out.ns_count, d.ns_count);
    assert_int_equal(out.address_count, d.address_count);
    for (unsigned i = 0; i < DELEGATION_NS_MAX; i++)
        assert_true(name_equal(out.ns[i], d.ns[i]));
    for (unsigned i = 0; i < DELEGATION_ADDRESS_MAX; i++) {
        assert_int_equal(out.address[i].ns, d.address[i].ns);
        assert_int_equal(out.address[i].at.scope, d.address[i].at.scope);
        assert_int_equal(out.address[i].at.port, d.address[i].at.port);
        assert_memory_equal(out.address[i].at.bytes, d.address[i].at.bytes, 16);
    }
    assert_int_equal(cache_get_delegation(c, wire("zone.test"), NOW + 60, &out), MISS_EXPIRED);
}

static void servers_are_told_apart_by_address_port_and_zone(void **state)
{
    struct cache *c = *state;
    struct endpoint four = {.family = 4, .port = 53, .bytes = {192, 0, 2, 1}};
    struct endpoint six = {.family = 6, .port = 53, .bytes = {192, 0, 2, 1}};
    struct endpoint port = four;
    port.port = 54;
    struct server_state s = {
        .expiry = NOW + 60,
        .srtt_ms = 1,
        .rttvar_ms = 2,
        .retry_at = 3,
        .timeouts = 4,
        .edns = SERVER_EDNS_BROKEN,
        .lame = 1,
        .edns_until = 5,
        .edns_misses = 6,
        .cookie_size = 32,
        .cookie = "an octet for every place of it.",
    };
    struct server_state out;
    assert_true(cache_put_server(c, &four, NULL, &s, NOW));
    assert_int_equal(cache_get_server(c, &four, NULL, NOW, &out), CACHE_HIT);
    assert_int_equal(out.expiry, NOW + 60);
    assert_int_equal(out.srtt_ms, 1);
    assert_int_equal(out.rttvar_ms, 2);
    assert_int_equal(out.retry_at, 3);
    assert_int_equal(out.timeouts, 4);
    assert_int_equal(out.edns, SERVER_EDNS_BROKEN);
    assert_int_equal(out.lame, 1);
    assert_int_equal(out.edns_until, 5);
    assert_int_equal(out.edns_misses, 6);
    assert_int_equal(out.cookie_size, 32);
    assert_memory_equal(out.cookie, s.cookie, 32);
    assert_int_equal(cache_get_server(c, &six, NULL, NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_server(c, &port, NULL, NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_server(c, &four, name_root, NOW, &out), MISS_COLD);
    s.srtt_ms = 77;
    assert_true(cache_put_server(c, &four, wire("Zone.test"), &s, NOW));
    assert_int_equal(cache_get_server(c, &four, wire("zone.TEST"), NOW, &out), CACHE_HIT);
    assert_int_equal(out.srtt_ms, 77);
    assert_int_equal(cache_get_server(c, &four, NULL, NOW, &out), CACHE_HIT);
    assert_int_equal(out.srtt_ms, 1);
    assert_int_equal(cache_get_server(c, &four, NULL, NOW + 60, &out), MISS_EXPIRED);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static struct answer_key question(const char *text, uint16_t type, uint8_t flags, uint8_t view)
{
    const uint8_t *n = wire(text);
    return (struct answer_key){n, (uint16_t)name_size(n), type, flags, view};
}

static const uint8_t answer_wire[] = {1, 2, 3, 4, 0, 0, 1, 44, 9, 0, 0, 0, 5, 255, 255, 255, 255};
static const uint8_t answer_offsets[] = {0, 4, 0, 9};

static struct answer small_answer(uint32_t expiry)
{
    return (struct answer){
        .wire = answer_wire,
        .ttl_offsets = answer_offsets,
        .size = sizeof answer_wire,
        .ttl_count = 2,
        .ede = 22,
        .secure = true,
        .stored = NOW,
        .expiry = expiry,
    };
}

static void an_answer_is_found_by_the_whole_question(void **state)
{
    struct cache *c = *state;
    struct answer a = small_answer(NOW + 300);
    struct answer out;
    struct answer_key k = question("www.test", 1, ANSWER_DO, 0);
    assert_int_equal(cache_get_answer(c, &k, NOW, &out), MISS_COLD);
    assert_true(cache_put_answer(c, &k, &a, NOW));
    assert_int_equal(cache_get_answer(c, &k, NOW, &out), CACHE_HIT);
    assert_int_equal(out.size, sizeof answer_wire);
    assert_memory_equal(out.wire, answer_wire, sizeof answer_wire);
    assert_int_equal(out.ttl_count, 2);
    assert_memory_equal(out.ttl_offsets, answer_offsets, 4);
    assert_int_equal(out.ede, 22);
    assert_true(out.secure);
    assert_int_equal(out.stored, NOW);
    assert_int_equal(out.expiry, NOW + 300);
    struct answer_key others[] = {
        question("www.test", 28, ANSWER_DO, 0),
        question("www.test", 1, 0, 0),
        question("www.test", 1, ANSWER_DO | ANSWER_CD, 0),
        question("www.test", 1, ANSWER_DO, 1),
        question("ww.test", 1, ANSWER_DO, 0),
    };
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(cache_get_answer(c, &others[i], NOW, &out), MISS_COLD);
    assert_int_equal(cache_get_answer(c, &k, NOW + 300, &out), MISS_EXPIRED);
}

static void ttls_of_a_copied_answer_are_counted_down(void **state)
{
    (void)state;
    struct answer a = small_answer(NOW + 300);
    uint8_t out[sizeof answer_wire];
    answer_copy(&a, NOW - 1, out);
    assert_memory_equal(out, answer_wire, sizeof out);
    answer_copy(&a, NOW + 4, out);
    assert_int_equal(load_u32(out + 4), 296);
    assert_int_equal(load_u32(out + 9), 1);
    answer_copy(&a, NOW + 299, out);
    assert_int_equal(load_u32(out + 4), 1);
    assert_int_equal(load_u32(out + 9), 0);
    assert_memory_equal(out, answer_wire, 4);
    assert_int_equal(out[8], 9);
    assert_memory_equal(out + 13, answer_wire + 13, 4);
}

static void a_new_epoch_drops_all_answers_and_nothing_else(void **state)
{
    struct cache *c = *state;
    struct answer a = small_answer(NOW + 300);
    struct answer out;
    struct rrset set;
    struct answer_key k = question("www.test", 1, 0, 0);
    assert_true(cache_put_answer(c, &k, &a, NOW));
    assert_true(put_a(c, wire("www.test"), 1, NOW + 60));
    cache_drop_answers(c);
    assert_int_equal(cache_get_answer(c, &k, NOW, &out), MISS_FLUSHED);
    assert_int_equal(get_a(c, wire("www.test"), &set), CACHE_HIT);
    assert_true(cache_put_answer(c, &k, &a, NOW));
    assert_int_equal(cache_get_answer(c, &k, NOW, &out), CACHE_HIT);
    assert_int_equal(figures_of(c).entries[CACHE_ANSWER], 1);
}

/* ---- Removal and figures --------------------------------------------------------------------- */

static const struct endpoint some_server = {.family = 4, .port = 53, .bytes = {192, 0, 2, 9}};

static void fill_name(struct cache *c, const char *text)
{
    struct negative n = denial(false, "test", NOW + 60);
    struct failure f = {.expiry = NOW + 60};
    struct delegation d = {.zone = wire(text), .expiry = NOW + 60};
    struct server_state s = {.expiry = NOW + 60};
    struct answer a = small_answer(NOW + 60);
    struct answer_key k = question(text, 1, 0, 0);
    assert_true(put_a(c, wire(text), 1, NOW + 60));
    struct rrset mx = set_of(wire(text), 15, 9, 1, NOW + 60);
    assert_true(cache_put_rrset(c, &mx, NOW));
    assert_true(cache_put_negative(c, wire(text), 65535, &n, NOW));
    assert_true(cache_put_failure(c, wire(text), 16, &f, NOW));
    assert_true(cache_put_delegation(c, &d, NOW));
    assert_true(cache_put_server(c, &some_server, wire(text), &s, NOW));
    assert_true(cache_put_answer(c, &k, &a, NOW));
}

static void check_name(struct cache *c, const char *text, enum cache_miss expected)
{
    struct rrset set;
    struct negative n;
    struct failure f;
    struct delegation d;
    struct server_state s;
    struct answer a;
    struct answer_key k = question(text, 1, 0, 0);
    assert_int_equal(get_a(c, wire(text), &set), expected);
    assert_int_equal(cache_get_rrset(c, wire(text), 15, NOW, &set), expected);
    assert_int_equal(cache_get_negative(c, wire(text), 65535, NOW, &n), expected);
    assert_int_equal(cache_get_failure(c, wire(text), 16, NOW, &f), expected);
    assert_int_equal(cache_get_delegation(c, wire(text), NOW, &d), expected);
    assert_int_equal(cache_get_server(c, &some_server, wire(text), NOW, &s), CACHE_HIT);
    assert_int_equal(cache_get_answer(c, &k, NOW, &a), MISS_FLUSHED);
}

static size_t entries_of_all_kinds(struct cache *c)
{
    struct cache_figures f = figures_of(c);
    size_t n = 0;
    for (unsigned i = 0; i < CACHE_KINDS; i++)
        n += f.entries[i];
    return n;
}

static void flushing_a_name_leaves_its_neighbours_and_servers(void **state)
{
    struct cache *c = *state;
    for (uint32_t i = 0; i < 5000; i++)
        assert_true(put_a(c, numbered("other", i), 1, NOW + 60));
    fill_name(c, "a.test");
    fill_name(c, "b.a.test");
    fill_name(c, "test");
    size_t before = entries_of_all_kinds(c), gone = cache_flush_name(c, wire("A.test"));
    assert_true(gone > 1);
    assert_int_equal(entries_of_all_kinds(c), before - gone);
    check_name(c, "a.test", MISS_FLUSHED);
    check_name(c, "b.a.test", CACHE_HIT);
    check_name(c, "test", CACHE_HIT);
    assert_int_equal(figures_of(c).entries[CACHE_RRSET], 5004);
}

static void flushing_a_zone_takes_all_below(void **state)
{
    struct cache *c = *state;
    fill_name(c, "a.test");
    fill_name(c, "b.a.test");
    fill_name(c, "ba.test");
    fill_name(c, "test");
    struct rrset out;
    assert_int_equal(get_a(c, wire("a.test"), &out), CACHE_HIT);
    size_t before = entries_of_all_kinds(c);
    size_t gone = cache_flush_zone(c, out.owner); /* the name may lie in an entry that goes */
    assert_true(gone > 2);
    assert_int_equal(entries_of_all_kinds(c), before - gone);
    check_name(c, "a.test", MISS_FLUSHED);
    check_name(c, "b.a.test", MISS_FLUSHED);
    check_name(c, "ba.test", CACHE_HIT);
    check_name(c, "test", CACHE_HIT);
}

static void flushing_all_gives_the_memory_back(void **state)
{
    struct cache *c = *state;
    size_t empty = figures_of(c).bytes;
    for (uint32_t i = 0; i < 20000; i++)
        assert_true(put_a(c, numbered("n", i), 1, NOW + 60));
    fill_name(c, "a.test");
    assert_true(figures_of(c).bytes > empty + MIB);
    size_t before = entries_of_all_kinds(c);
    assert_int_equal(cache_flush_all(c), before);
    struct cache_figures f = figures_of(c);
    assert_true(f.bytes < empty + 2 * 128 * 1024);
    for (unsigned i = 0; i < CACHE_KINDS; i++) {
        assert_int_equal(f.entries[i], 0);
        assert_int_equal(f.kind_bytes[i], 0);
    }
    struct rrset out;
    assert_int_equal(get_a(c, wire("a.test"), &out), MISS_FLUSHED);
    assert_true(put_a(c, wire("a.test"), 1, NOW + 60));
    assert_int_equal(get_a(c, wire("a.test"), &out), CACHE_HIT);
}

static void figures_count_hits_and_misses_by_kind_and_reason(void **state)
{
    struct cache *c = *state;
    struct rrset out;
    struct negative n;
    assert_true(put_a(c, wire("a.test"), 1, NOW + 60));
    get_a(c, wire("a.test"), &out);
    get_a(c, wire("a.test"), &out);
    get_a(c, wire("b.test"), &out);
    cache_get_rrset(c, wire("a.test"), 1, NOW + 60, &out);
    cache_get_negative(c, wire("a.test"), 1, NOW, &n);
    struct cache_figures f = figures_of(c);
    assert_int_equal(f.hits[CACHE_RRSET], 2);
    assert_int_equal(f.misses[CACHE_RRSET][MISS_COLD], 1);
    assert_int_equal(f.misses[CACHE_RRSET][MISS_EXPIRED], 1);
    assert_int_equal(f.misses[CACHE_NEGATIVE][MISS_COLD], 1);
    assert_int_equal(f.entries[CACHE_RRSET], 1);
    assert_in_range(f.kind_bytes[CACHE_RRSET], 32, 64);
    assert_int_equal(f.budget, 4 * MIB);
}

#define IN_A_CACHE(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_sizes_and_unknown_policies_are_refused),
        cmocka_unit_test(kinds_and_misses_have_texts),
        IN_A_CACHE(an_rrset_comes_back_as_it_was_put),
        IN_A_CACHE(under_other_anchors_verdicts_do_not_count),
        IN_A_CACHE(at_its_expiry_an_rrset_is_a_miss),
        IN_A_CACHE(a_set_without_time_to_live_is_uncacheable),
        IN_A_CACHE(an_entry_over_16_KiB_is_uncacheable),
        IN_A_CACHE(less_trust_never_replaces_more_before_its_expiry),
        IN_A_CACHE(an_rrset_in_place_can_be_put_again),
        IN_A_CACHE(a_negative_entry_keeps_its_authority),
        IN_A_CACHE(nxdomain_covers_all_types_of_its_name_and_nothing_below),
        IN_A_CACHE(records_take_back_what_denied_them),
        IN_A_CACHE(the_newer_of_nodata_and_nxdomain_holds),
        IN_A_CACHE(a_failure_tells_its_attempts_after_its_time_too),
        IN_A_CACHE(a_full_delegation_comes_back_whole),
        IN_A_CACHE(servers_are_told_apart_by_address_port_and_zone),
        IN_A_CACHE(an_answer_is_found_by_the_whole_question),
        cmocka_unit_test(ttls_of_a_copied_answer_are_counted_down),
        IN_A_CACHE(a_new_epoch_drops_all_answers_and_nothing_else),
        IN_A_CACHE(flushing_a_name_leaves_its_neighbours_and_servers),
        IN_A_CACHE(flushing_a_zone_takes_all_below),
        IN_A_CACHE(flushing_all_gives_the_memory_back),
        IN_A_CACHE(figures_count_hits_and_misses_by_kind_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
