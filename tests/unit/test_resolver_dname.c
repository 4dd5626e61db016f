/* DNAME records in the cache: which of them redirect, and whom (RFC 6672 §3.4). */
#include "tests/unit/resolver_bench.h"

#define LABEL60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."

static void keep_dname(struct bench *b, const char *owner, const char *target, uint8_t security)
{
    uint8_t from[NAME_MAX_WIRE], to[NAME_MAX_WIRE];
    struct rrset_builder build;
    uint32_t now = (uint32_t)(b->now_ms / 1000);
    assert_int_equal(name_from_text(owner, from), OK);
    assert_int_equal(name_from_text(target, to), OK);
    assert_int_equal(rrset_build(&build, &b->arena, from, TYPE_DNAME, now + 100), OK);
    assert_int_equal(rrset_add(&build, to, (uint16_t)name_size(to)), OK);
    struct rrset set = *rrset_finish(&build);
    set.trust = TRUST_ANSWER_AA;
    set.security = security;
    assert_true(cache_put_rrset(b->cache, &set, now));
}

/* The name that the last message asks for. */
static const uint8_t *asked_last(const struct bench *b)
{
    assert_true(b->sent_count > 0);
    return b->sent[b->sent_count - 1].message + DNS_HEADER_SIZE;
}

static void assert_asked(const struct bench *b, const char *name)
{
    uint8_t wire[NAME_MAX_WIRE];
    assert_int_equal(name_from_text(name, wire), OK);
    assert_true(name_equal(asked_last(b), wire));
}

static void a_validated_one_serves_names_below(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    keep_dname(b, "d.example.com.", "t.example.com.", SECURITY_SECURE);
    ask(b, &a, "www.d.example.com.", TYPE_A);
    assert_asked(b, "www.t.example.com.");
    const struct sent *s = &b->sent[b->sent_count - 1];
    give(b, s, bytes, reply_to(s, FLAG_AA, true, bytes));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    assert_int_equal(a.answers, 3); /* DNAME, the CNAME made, the address */
}

static void one_that_was_not_validated_serves_nobody(void **state)
{
    struct bench *b = *state;
    struct asking a;
    static const uint8_t others[] = {SECURITY_UNCHECKED, SECURITY_INSECURE};
    for (unsigned i = 0; i < sizeof others; i++) {
        keep_dname(b, "d.example.com.", "t.example.com.", others[i]);
        ask(b, &a, "www.d.example.com.", TYPE_A);
        assert_asked(b, "www.d.example.com.");
        resolver_forget(b->r, &a.client);
        b->sink.turn(b->sink.ctx);
    }
}

static void an_expired_one_serves_nobody(void **state)
{
    struct bench *b = *state;
    struct asking a;
    keep_dname(b, "d.example.com.", "t.example.com.", SECURITY_SECURE);
    pass_ms(b, 101 * 1000);
    ask(b, &a, "www.d.example.com.", TYPE_A);
    assert_asked(b, "www.d.example.com.");
    resolver_stop(b->r);
}

static void its_own_owner_is_not_redirected(void **state)
{
    struct bench *b = *state;
    struct asking a;
    keep_dname(b, "d.example.com.", "t.example.com.", SECURITY_SECURE);
    ask(b, &a, "d.example.com.", TYPE_A);
    assert_asked(b, "d.example.com.");
    resolver_stop(b->r);
}

static void a_name_that_gets_too_long_is_yxdomain(void **state)
{
    struct bench *b = *state;
    struct asking a;
    keep_dname(b, "d.example.com.", LABEL60 "example.com.", SECURITY_SECURE);
    ask(b, &a, LABEL60 LABEL60 LABEL60 "d.example.com.", TYPE_A);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_YXDOMAIN);
    assert_int_equal(a.answers, 1);
    assert_int_equal(b->sent_count, 0);
}

static void a_question_for_cname_ends_at_the_one_made(void **state)
{
    struct bench *b = *state;
    struct asking a;
    keep_dname(b, "d.example.com.", "t.example.com.", SECURITY_SECURE);
    ask(b, &a, "www.d.example.com.", TYPE_CNAME);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    assert_int_equal(a.answers, 2);
    assert_int_equal(b->sent_count, 0);
}

static void it_comes_before_the_forwarder_of_its_zone(void **state)
{
    struct bench *b = *state;
    struct asking a, other;
    uint8_t zone[NAME_MAX_WIRE];
    const struct endpoint server = {.family = 4, .port = DNS_PORT, .bytes = {198, 51, 100, 10}};
    assert_int_equal(name_from_text("example.com.", zone), OK);
    struct stub_zone stub = {.name = zone, .servers = &server, .server_count = 1, .forward = true};
    b->options.stubs = &stub;
    b->options.stub_count = 1;
    keep_dname(b, "d.example.com.", "t.example.com.", SECURITY_SECURE);
    ask(b, &a, "www.d.example.com.", TYPE_A);
    assert_asked(b, "www.t.example.com.");
    ask(b, &other, "www.e.example.com.", TYPE_A);
    assert_asked(b, "www.e.example.com.");
    resolver_stop(b->r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_validated_one_serves_names_below),
        TEST(one_that_was_not_validated_serves_nobody),
        TEST(an_expired_one_serves_nobody),
        TEST(its_own_owner_is_not_redirected),
        TEST(a_name_that_gets_too_long_is_yxdomain),
        TEST(a_question_for_cname_ends_at_the_one_made),
        TEST(it_comes_before_the_forwarder_of_its_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
