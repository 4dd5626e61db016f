/* Networks in which one family of addresses leads nowhere: its messages vanish. */
#include "tests/unit/resolver_bench.h"

enum { ZONES = 100, RTT_MS = 20, PAUSE_MS = 200, NAME_SERVERS = 2 };

struct net {
    struct bench *b;
    unsigned dead; /* the family whose messages vanish; 0: none */
    unsigned sent[2];
    uint64_t slowest_ms, waited_ms;
    unsigned queries, late; /* those that waited longer than two round trips */
};

static const uint8_t *name_in(struct bench *b, const char *fmt, unsigned n)
{
    char text[40];
    uint8_t wire[NAME_MAX_WIRE];
    snprintf(text, sizeof text, fmt, n);
    assert_int_equal(name_from_text(text, wire), OK);
    const uint8_t *kept = arena_copy(&b->arena, wire, name_size(wire));
    assert_non_null(kept);
    return kept;
}

static void add_address(struct delegation *d, uint8_t ns, unsigned family, unsigned zone,
                        uint8_t host)
{
    struct endpoint at = {.family = (uint8_t)family, .port = 53};
    at.bytes[0] = family == 4 ? 198 : 0x20;
    at.bytes[1] = family == 4 ? 18 : 0x01;
    at.bytes[family == 4 ? 2 : 14] = (uint8_t)zone;
    at.bytes[family == 4 ? 3 : 15] = host;
    d->address[d->address_count++] = (struct delegation_address){.ns = ns, .at = at};
}

/* Zones with two name servers of both families, in the cache as referrals would have put them. */
static void know_zones(struct bench *b)
{
    for (unsigned n = 0; n < ZONES; n++) {
        struct delegation d = {.zone = name_in(b, "z%u.com.", n), .expiry = UINT32_MAX};
        for (uint8_t ns = 0; ns < NAME_SERVERS; ns++) {
            d.ns[d.ns_count++] = name_in(b, ns ? "ns2.z%u.com." : "ns1.z%u.com.", n);
            add_address(&d, ns, 4, n, ns);
            add_address(&d, ns, 6, n, ns);
        }
        assert_true(cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000)));
    }
}

static uint64_t rtt_of(void *ctx, const struct sent *s)
{
    const struct net *net = ctx;
    return s->to.family == net->dead ? UINT64_MAX : RTT_MS;
}

static void play(struct net *net, const char *fmt, unsigned n)
{
    struct bench *b = net->b;
    struct asking a;
    char name[40];
    uint64_t from = b->now_ms;
    snprintf(name, sizeof name, fmt, net->queries++, n);
    b->sent_count = 0;
    ask(b, &a, name, TYPE_A);
    live(b, &a, rtt_of, net);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    uint64_t took = b->now_ms - from;
    net->late += took > 2 * RTT_MS;
    net->waited_ms += took;
    net->slowest_ms = took > net->slowest_ms ? took : net->slowest_ms;
    for (unsigned i = 0; i < b->sent_count; i++)
        net->sent[b->sent[i].to.family == 6]++;
    pass_ms(b, PAUSE_MS);
}

static void check_black_hole(struct bench *b, unsigned dead)
{
    struct net net = {.b = b, .dead = dead};
    know_zones(b);
    for (unsigned i = 0; i < 3 * ZONES; i++)
        play(&net, "q%u.z%u.com.", i % ZONES);
    print_message("IPv%u vanishes: %u queries, %u of them late, the slowest after %llu ms; %u "
                  "messages into it\n",
                  dead, net.queries, net.late, (unsigned long long)net.slowest_ms,
                  net.sent[dead == 6]);
    assert_true(net.slowest_ms <= TIMEOUT_RACE_MS + 2 * RTT_MS);
    assert_true(net.late <= 25);
    assert_true(net.sent[dead == 6] <= 30);
}

static void ipv6_that_leads_nowhere_costs_few_queries_a_quarter_of_a_second(void **state)
{
    check_black_hole(*state, 6);
}

static void ipv4_that_leads_nowhere_costs_few_queries_a_quarter_of_a_second(void **state)
{
    check_black_hole(*state, 4);
}

/* Sending fails at once: that costs no time, but a call of the system each. */
static void a_host_without_ipv6_hardly_tries_it(void **state)
{
    struct net net = {.b = *state};
    net.b->no_ipv6 = true;
    know_zones(net.b);
    for (unsigned i = 0; i < 3 * ZONES; i++)
        play(&net, "q%u.z%u.com.", i % ZONES);
    print_message("%u of %u queries tried to send over IPv6\n", net.b->refused, net.queries);
    assert_int_equal(net.late, 0);
    assert_true(net.b->refused <= 20);
}

/* Zones that were never met before show it: nothing is known of their servers. */
static void a_family_that_comes_back_is_used_again(void **state)
{
    struct net net = {.b = *state, .dead = 6};
    know_zones(net.b);
    for (unsigned i = 0; i < ZONES / 2; i++)
        play(&net, "q%u.z%u.com.", i);
    net.dead = 0;
    memset(net.sent, 0, sizeof net.sent);
    for (unsigned i = ZONES / 2; i < ZONES; i++)
        play(&net, "q%u.z%u.com.", i);
    print_message("in %u s it got %u of %u messages\n", ZONES / 2 * PAUSE_MS / 1000, net.sent[1],
                  net.sent[0] + net.sent[1]);
    assert_true(net.sent[1] >= 5);
}

/* All were well known and answered at once, so each time-out is short and many fit into a query. */
static void one_query_loses_half_of_its_messages_to_a_family_at_most(void **state)
{
    struct bench *b = *state;
    struct net net = {.b = b};
    enum { HOMES = 8 };
    struct delegation top = {.zone = name_in(b, "top.com.", 0), .expiry = UINT32_MAX};
    for (unsigned n = 0; n < HOMES; n++) {
        struct delegation d = {.zone = name_in(b, "y%u.com.", n), .expiry = UINT32_MAX};
        d.ns[d.ns_count++] = name_in(b, "ns.y%u.com.", n);
        for (uint8_t host = 0; host < 3; host++)
            add_address(&d, 0, n == HOMES - 1 ? 4 : 6, n, host);
        assert_true(cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000)));
        top.ns[top.ns_count++] = name_in(b, "n.y%u.com.", n);
    }
    assert_true(cache_put_delegation(b->cache, &top, (uint32_t)(b->now_ms / 1000)));
    for (unsigned i = 0; i < 20 * HOMES; i++)
        play(&net, "q%u.y%u.com.", i % HOMES);
    net.dead = 6;
    memset(net.sent, 0, sizeof net.sent);
    play(&net, "q%u.top.com.", 0);
    print_message("lost over IPv6: %u, the answer after %llu ms\n", net.sent[1],
                  (unsigned long long)net.slowest_ms);
    assert_true(net.sent[1] >= 10);
    assert_true(resolver_counters(b->r)->limit_family == 1);
    assert_true(net.sent[1] <= LIMIT_PACKETS / 2 + 2); /* two may be out when it is noticed */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(ipv6_that_leads_nowhere_costs_few_queries_a_quarter_of_a_second),
        TEST(ipv4_that_leads_nowhere_costs_few_queries_a_quarter_of_a_second),
        TEST(a_host_without_ipv6_hardly_tries_it),
        TEST(a_family_that_comes_back_is_used_again),
        TEST(one_query_loses_half_of_its_messages_to_a_family_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
