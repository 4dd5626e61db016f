/*
 * The local copy of the root zone in the place of its servers: with the real root zone, at the time
 * when its signatures held. Left out where the zone does not lie beside the checkout.
 */
#include "resolver_bench.h"

#include "dns/types.h"
#include "root_zone.h"

enum { JUNK = 3600 };

struct local {
    struct arena arena;
    struct rrset_array zone;
    struct local_root *copy;
    struct anchor anchor;
};

/* The bench resolves with it for an hour. */
static void use(struct bench *b, struct local *z)
{
    const char *why;
    assert_int_equal(local_root_new(&z->copy, &z->zone, &why), OK);
    local_root_hold(z->copy, b->now_ms + 3600 * 1000);
    z->anchor = (struct anchor){.zone = name_root, .ds = root_zone_anchor(&z->arena)};
    b->wall_s = ROOT_ZONE_AT;
    b->options.local_root = z->copy;
    b->options.prime = true;
    b->options.minimise = true;
    b->options.anchors = (struct anchors){&z->anchor, 1};
    b->options.dnssec = (struct dnssec_policy){.iterations_max = 50, .skew_s = 300};
}

static void begin(struct bench *b, struct local *z)
{
    root_zone_need();
    *z = (struct local){.copy = NULL};
    arena_init(&z->arena, NULL);
    root_zone_read(&z->arena, &z->zone);
    use(b, z);
}

static void end(struct bench *b, struct local *z)
{
    resolver_stop(b->r);
    b->options.local_root = NULL;
    b->options.anchors = (struct anchors){0};
    local_root_unref(z->copy);
    arena_deinit(&z->arena);
}

/* It is answered at once, proven, and no message went out. */
static void expect_secure(struct bench *b, const char *name, uint16_t type, uint16_t rcode)
{
    struct asking a;
    ask(b, &a, name, type);
    if (!a.told || a.rcode != rcode || a.security != SECURITY_SECURE)
        fail_msg("%s: told %u, rcode %u, security %u, %s", name, a.told, a.rcode, a.security,
                 reason_text(a.reason));
    assert_int_equal(b->sent_count, 0);
}

/* ---- Everything in it ------------------------------------------------------------------------ */

static unsigned expect_all_delegations(struct bench *b, const struct local *z)
{
    unsigned n = 0;
    for (size_t i = 0; i < z->zone.count; i++) {
        const struct rrset *set = z->zone.at[i];
        char name[NAME_TEXT_MAX];
        if (set->type != TYPE_NS || !*set->owner)
            continue;
        expect_secure(b, name_text(set->owner, name), TYPE_DS, RCODE_NOERROR);
        n++;
    }
    return n;
}

static void every_delegation_is_proven_without_a_message(void **state)
{
    struct bench *b = *state;
    struct local z;
    begin(b, &z);
    assert_int_equal(local_root_soa(z.copy)->serial, ROOT_ZONE_SERIAL);
    unsigned n = expect_all_delegations(b, &z);
    print_message("%u delegations, %zu records in %zu octets\n", n, local_root_records(z.copy),
                  local_root_size(z.copy));
    assert_int_equal(n, 1438);
    assert_int_equal(resolver_counters(b->r)->upstream_udp, 0);
    assert_true(resolver_counters(b->r)->local_root >= n);
    end(b, &z);
}

static void names_that_do_not_exist_are_denied_without_a_message(void **state)
{
    struct bench *b = *state;
    struct local z;
    char name[64];
    begin(b, &z);
    for (unsigned i = 0; i < JUNK; i++) {
        uint32_t n = i * UINT32_C(2654435761);
        snprintf(name, sizeof name, "%s%c%c%x.", i % 3 ? "" : "www.", 'a' + (int)(n % 26),
                 'a' + (int)(n / 26 % 26), n);
        expect_secure(b, name, i % 5 ? TYPE_A : TYPE_TXT, RCODE_NXDOMAIN);
    }
    /* The last label first, then the whole name; the keys, and priming. */
    assert_int_equal(resolver_counters(b->r)->local_root, JUNK + JUNK / 3 + 2);
    end(b, &z);
}

static void the_apex_is_answered_without_a_message(void **state)
{
    struct bench *b = *state;
    struct local z;
    begin(b, &z);
    expect_secure(b, ".", TYPE_SOA, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_NS, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_DNSKEY, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_ZONEMD, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_NSEC, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_A, RCODE_NOERROR);
    expect_secure(b, ".", TYPE_DS, RCODE_NOERROR);
    end(b, &z);
}

/* ---- The way down ---------------------------------------------------------------------------- */

static bool is_root_server(const struct bench *b, const struct endpoint *at)
{
    const struct delegation *hints = b->options.hints;
    for (unsigned i = 0; i < hints->address_count; i++)
        if (address_equal(&hints->address[i].at, at))
            return true;
    return false;
}

/* The first message goes to a server of the top-level domain, for as much as it needs to know. */
static void the_first_message_goes_to_the_top_level_domain(void **state)
{
    struct bench *b = *state;
    struct asking a;
    struct local z;
    begin(b, &z);
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    assert_false(is_root_server(b, &b->sent[0].to));
    assert_int_equal(name_labels(b->sent[0].message + DNS_HEADER_SIZE), 2);
    assert_int_equal(resolver_counters(b->r)->local_root, 2); /* priming, and the referral */
    end(b, &z);
}

struct heard {
    unsigned copies;
    unsigned servers;
};

static void on_event(void *ctx, const struct traced_event *e)
{
    struct heard *h = ctx;
    h->copies += e->kind == TRACED_REPLY && !e->server && !*e->zone;
    h->servers += e->kind == TRACED_SEND;
}

static void the_tracer_is_told_what_came_from_the_copy(void **state)
{
    struct bench *b = *state;
    struct local z;
    struct asking a;
    struct heard heard = {0};
    const struct tracer tracer = {.ctx = &heard, .event = on_event};
    struct resolver_config config = {.cache = b->cache,
                                     .world = &b->world,
                                     .work = &b->work,
                                     .options = &b->options,
                                     .tracer = &tracer};
    uint8_t seed[32] = {9};
    begin(b, &z);
    resolver_free(b->r);
    hash_key_init(&config.key, seed);
    assert_int_equal(resolver_new(&b->r, &config), OK);
    b->sink = resolver_sink(b->r);
    ask(b, &a, "no-such-tld-here.", TYPE_A);
    assert_int_equal(a.rcode, RCODE_NXDOMAIN);
    assert_int_equal(heard.copies, 3); /* priming, the denial, the keys */
    assert_int_equal(heard.servers, 0);
    end(b, &z);
}

/* ---- When it does not do --------------------------------------------------------------------- */

static void expect_root_servers_asked(struct bench *b, const char *name)
{
    struct asking a;
    unsigned before = b->sent_count;
    ask(b, &a, name, TYPE_A);
    assert_int_equal(b->sent_count, before + 1);
    assert_true(is_root_server(b, &b->sent[before].to));
    resolver_forget(b->r, &a.client);
    resolver_turn(b->r);
}

static void a_copy_that_is_over_is_not_asked(void **state)
{
    struct bench *b = *state;
    struct local z;
    begin(b, &z);
    expect_secure(b, "junk-one.", TYPE_A, RCODE_NXDOMAIN);
    local_root_hold(z.copy, b->now_ms + 1);
    expect_secure(b, "junk-two.", TYPE_A, RCODE_NXDOMAIN);
    b->now_ms++;
    expect_root_servers_asked(b, "junk-three.");
    local_root_hold(z.copy, b->now_ms + 1); /* checked again, at last */
    unsigned before = b->sent_count;
    struct asking a;
    ask(b, &a, "junk-four.", TYPE_A);
    assert_int_equal(a.rcode, RCODE_NXDOMAIN);
    assert_int_equal(b->sent_count, before);
    end(b, &z);
}

static void without_a_copy_the_root_servers_are_asked(void **state)
{
    struct bench *b = *state;
    struct local z;
    begin(b, &z);
    b->options.local_root = NULL;
    expect_root_servers_asked(b, ".");
    end(b, &z);
}

/* A copy whose records do not validate must not cost anybody his answer. */
static void what_is_bogus_in_the_copy_is_asked_of_the_root_servers(void **state)
{
    struct bench *b = *state;
    struct local z = {.copy = NULL};
    root_zone_need();
    arena_init(&z.arena, NULL);
    root_zone_read(&z.arena, &z.zone);
    for (size_t i = 0; i < z.zone.count; i++)
        if (z.zone.at[i]->type == TYPE_NSEC)
            ((struct rrset *)(uintptr_t)z.zone.at[i])->signatures = 0;
    use(b, &z);
    expect_root_servers_asked(b, "junk-five.");
    assert_true(resolver_counters(b->r)->bogus > 0);
    end(b, &z);
}

/* Signatures are nothing that the zone could answer for. */
static void what_the_copy_has_no_answer_to_is_asked_of_the_root_servers(void **state)
{
    struct bench *b = *state;
    struct local z;
    struct asking a;
    begin(b, &z);
    ask(b, &a, ".", TYPE_RRSIG);
    assert_int_equal(b->sent_count, 1);
    assert_true(is_root_server(b, &b->sent[0].to));
    end(b, &z);
}

/* Questions before it was there failed, so priming waits; with the copy nobody has to. */
static void a_copy_that_comes_ends_the_pause_of_priming(void **state)
{
    struct bench *b = *state;
    struct local z;
    struct asking a;
    begin(b, &z);
    b->options.local_root = NULL;
    b->no_network = true;
    ask(b, &a, "junk-six.", TYPE_A);
    assert_int_equal(a.rcode, RCODE_SERVFAIL);
    b->options.local_root = z.copy;
    ask(b, &a, "junk-seven.", TYPE_A);
    assert_int_equal(a.rcode, RCODE_NXDOMAIN);
    end(b, &z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_delegation_is_proven_without_a_message, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_that_do_not_exist_are_denied_without_a_message, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_apex_is_answered_without_a_message, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_message_goes_to_the_top_level_domain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_tracer_is_told_what_came_from_the_copy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_is_over_is_not_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_copy_the_root_servers_are_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_bogus_in_the_copy_is_asked_of_the_root_servers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_copy_has_no_answer_to_is_asked_of_the_root_servers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_comes_ends_the_pause_of_priming, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
