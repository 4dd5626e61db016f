/* Which server is asked: four at 10, 40, 150 and 600 ms for one zone, and what chance does to them.
 */
#include "tests/unit/resolver_bench.h"

enum { SERVERS = 4, QUERIES = 2000, WARM = 100 };

static unsigned index_of(const struct endpoint *e)
{
    return e->bytes[3] - 1U;
}

/* A zone at 198.51.100.1 to .4, in the cache as a referral would have put it. */
static void know_zone(struct bench *b)
{
    static const uint8_t zone[] = "\7example\3com", ns[] = "\2ns\7example\3com";
    struct delegation d = {.zone = zone, .expiry = UINT32_MAX, .ns_count = 1, .ns = {ns}};
    for (uint8_t i = 0; i < SERVERS; i++)
        d.address[d.address_count++] = (struct delegation_address){
            .at = {.family = 4, .port = 53, .bytes = {198, 51, 100, (uint8_t)(i + 1)}}};
    assert_true(cache_put_delegation(b->cache, &d, (uint32_t)(b->now_ms / 1000)));
}

/* Plays one query to its end; `lost` of 100 messages to the first server get no reply. Counts the
 * first choice. */
static void play(struct bench *b, unsigned n, const unsigned rtt_ms[SERVERS], unsigned lost,
                 unsigned counts[SERVERS])
{
    struct asking a;
    char name[40];
    uint8_t bytes[512], chance;
    snprintf(name, sizeof name, "q%u.example.com.", n);
    b->sent_count = 0;
    ask(b, &a, name, TYPE_A);
    if (!a.told)
        counts[index_of(&b->sent[0].to)]++;
    for (unsigned tries = 0; !a.told && tries < 50; tries++) {
        const struct sent *s = &b->sent[b->sent_count - 1];
        unsigned server = index_of(&s->to);
        draw(&b->world, &chance, 1);
        uint64_t reply_at = b->now_ms + rtt_ms[server];
        if ((server == 0 && chance % 100 < lost) || reply_at >= b->wake_ms) {
            pass_ms(b, b->wake_ms - b->now_ms);
            continue;
        }
        b->now_ms = reply_at;
        give(b, s, bytes, reply_to(s, FLAG_AA, true, bytes));
    }
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_NOERROR);
}

static void check_share(struct bench *b, unsigned lost)
{
    static const unsigned rtt[SERVERS] = {10, 40, 150, 600};
    unsigned warm[SERVERS] = {0}, counts[SERVERS] = {0};
    know_zone(b);
    for (unsigned n = 0; n < QUERIES; n++) {
        play(b, n, rtt, lost, n < WARM ? warm : counts);
        pass_ms(b, 100);
    }
    print_message(
        "first choices at 10, 40, 150, 600 ms with %u %% lost at the first: %u %u %u %u\n", lost,
        counts[0], counts[1], counts[2], counts[3]);
    unsigned all = QUERIES - WARM;
    assert_true((lost ? counts[0] + counts[1] : counts[0]) * 10 >= all * 9);
}

static void nine_of_ten_questions_go_to_the_best_server(void **state)
{
    check_share(*state, 0);
}

static void loss_at_the_best_sends_them_to_the_next_best_at_worst(void **state)
{
    check_share(*state, 20);
}

static void a_recovered_server_is_found_within_a_minute(void **state)
{
    struct bench *b = *state;
    static const unsigned sick[SERVERS] = {5000, 40, 150, 600}, well[SERVERS] = {10, 40, 150, 600};
    unsigned counts[SERVERS] = {0};
    know_zone(b);
    unsigned n = 0;
    for (; n < 300; n++) {
        play(b, n, sick, 0, counts);
        pass_ms(b, 100);
    }
    assert_true(counts[1] > 250);
    uint64_t since = b->now_ms;
    memset(counts, 0, sizeof counts);
    while (counts[0] < 5 && b->now_ms - since < 70000) {
        play(b, n++, well, 0, counts);
        pass_ms(b, 100);
    }
    print_message("found again after %llu ms\n", (unsigned long long)(b->now_ms - since));
    assert_true(b->now_ms - since <= 60000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(nine_of_ten_questions_go_to_the_best_server),
        TEST(loss_at_the_best_sends_them_to_the_next_best_at_worst),
        TEST(a_recovered_server_is_found_within_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
