/* The core by hand; what whole conversations show is in tests/scenarios/. */
#include "tests/unit/resolver_bench.h"

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_network_without_ipv6_uses_no_budget_up(void **state)
{
    struct bench *b = *state;
    struct asking a;
    b->no_ipv6 = true;
    ask(b, &a, "www.example.com.", TYPE_A);
    while (b->refused < 13 && !a.told) {
        pass_ms(b, b->wake_ms - b->now_ms);
        if (b->sent_count > 5)
            break;
    }
    assert_true(b->refused > 0);
    assert_int_equal(a.client.budget.packets, LIMIT_PACKETS - b->sent_count);
    resolver_stop(b->r);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.reason, REASON_STOPPING);
}

static void only_the_reply_with_id_question_and_letters_counts(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512], forged[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    const struct sent *s = &b->sent[0];
    size_t size = reply_to(s, FLAG_AA, true, bytes);
    static const unsigned at[] = {0, 1, 2, 5, 13, 14};
    for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
        memcpy(forged, bytes, size);
        forged[at[i]] ^= at[i] == 2 ? 0x80 : 0x03;
        give(b, s, forged, size);
        assert_int_equal(a.told, 0);
        assert_true(s->open);
    }
    /* Another type in the question, then another class. */
    size_t end = size - 16;
    for (unsigned i = 1; i <= 3; i += 2) {
        memcpy(forged, bytes, size);
        forged[end - i] ^= 0x10;
        give(b, s, forged, size);
        assert_int_equal(a.told, 0);
    }
    assert_int_equal(resolver_counters(b->r)->reply_mismatch, 8);
    give(b, s, bytes, size);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_NOERROR);
    assert_int_equal(a.answers, 1);
}

static void letters_in_another_case_bring_tcp(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, true, bytes);
    name_lower(bytes + DNS_HEADER_SIZE, bytes + DNS_HEADER_SIZE);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    assert_int_equal(b->sent[1].via, TRANSPORT_TCP);
    assert_true(endpoint_equal(&b->sent[1].to, &b->sent[0].to));
    size = reply_to(&b->sent[1], FLAG_AA, true, bytes);
    name_lower(bytes + DNS_HEADER_SIZE, bytes + DNS_HEADER_SIZE);
    give(b, &b->sent[1], bytes, size);
    assert_int_equal(a.answers, 1);
}

static void many_clients_of_one_question_cost_one_message(void **state)
{
    struct bench *b = *state;
    enum { CLIENTS = 1000 };
    struct asking *a = calloc(CLIENTS, sizeof *a);
    uint8_t bytes[512];
    assert_non_null(a);
    for (unsigned i = 0; i < CLIENTS; i++)
        ask(b, &a[i], i % 2 ? "www.example.com." : "WWW.EXAMPLE.COM.", TYPE_A);
    assert_int_equal(b->sent_count, 1);
    give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA, true, bytes));
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(a[i].told, 1);
    assert_int_equal(resolver_counters(b->r)->coalesced, CLIENTS - 1);
    free(a);
}

static void a_client_that_goes_is_not_told_and_the_last_one_ends_the_lookup(void **state)
{
    struct bench *b = *state;
    struct asking a[2];
    ask(b, &a[0], "www.example.com.", TYPE_A);
    ask(b, &a[1], "www.example.com.", TYPE_A);
    resolver_forget(b->r, &a[0].client);
    resolver_turn(b->r);
    assert_true(b->sent[0].open);
    resolver_forget(b->r, &a[1].client);
    resolver_turn(b->r);
    assert_false(b->sent[0].open);
    assert_int_equal(resolver_load(b->r), 0);
    assert_int_equal(a[0].told + a[1].told, 0);
}

static void a_client_is_told_at_its_deadline_at_the_latest(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint64_t start = b->now_ms;
    ask(b, &a, "www.example.com.", TYPE_A);
    while (!a.told)
        pass_ms(b, b->wake_ms - b->now_ms);
    assert_true(b->now_ms - start <= LIMIT_TIME_MS);
    assert_int_equal(a.rcode, RCODE_SERVFAIL);
}

static void late_and_double_replies_meet_nobody(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, true, bytes);
    struct sent first = b->sent[0];
    b->sink.reply(b->sink.ctx, first.token, bytes, size);
    b->sink.reply(b->sink.ctx, first.token, bytes, size);
    b->sink.failed(b->sink.ctx, first.token, ERR_REFUSED);
    b->sink.turn(b->sink.ctx);
    give(b, &first, bytes, size);
    assert_int_equal(a.told, 1);
    assert_int_equal(resolver_counters(b->r)->reply_stale, 3);
}

static void every_failing_allocation_ends_in_servfail_and_leaks_nothing(void **state)
{
    struct bench *b = *state;
    uint8_t bytes[512];
    for (size_t n = 1; n < 40; n++) {
        struct asking a = {.client.done = on_done};
        uint8_t wire[NAME_MAX_WIRE];
        char name[] = "aa.example.com.";
        name[0] = (char)('a' + n % 26);
        name[1] = (char)('a' + n / 26);
        assert_int_equal(name_from_text(name, wire), OK);
        struct question q = {.name = wire, .type = TYPE_A};
        b->sent_count = 0;
        b->work.fail_after = n;
        enum err e = resolver_ask(b->r, &q, &a.client);
        resolver_turn(b->r);
        if (b->sent_count)
            give(b, &b->sent[0], bytes, reply_to(&b->sent[0], FLAG_AA, true, bytes));
        b->work.fail_after = 0;
        assert_true(e == ERR_NOMEM || a.told == 1);
        if (a.told)
            assert_true(a.answers == 1 || a.reason == REASON_WORK_SIZE);
        assert_int_equal(resolver_load(b->r), 0);
        assert_int_equal(b->work.used, 0);
    }
}

/* A referral from the zone one label up (`cut` labels skipped) to ns.c.test., with or without glue.
 */
static size_t refer(const struct sent *s, unsigned skip, bool glue, uint8_t out[512])
{
    size_t size = reply_to(s, 0, false, out);
    const uint8_t *name = s->message + DNS_HEADER_SIZE;
    uint8_t at = DNS_HEADER_SIZE;
    for (unsigned i = 0; i < skip; i++)
        at = (uint8_t)(at + 1 + s->message[at]);
    (void)name;
    static const uint8_t target[] = {2, 'n', 's', 1, 'c', 4, 't', 'e', 's', 't', 0};
    uint8_t head[] = {0xc0, at, 0, 2, 0, 1, 0, 0, 1, 44, 0, sizeof target};
    memcpy(out + size, head, sizeof head);
    size += sizeof head;
    memcpy(out + size, target, sizeof target);
    size += sizeof target;
    store_u16(out + 8, 1);
    if (!glue)
        return size;
    static const uint8_t rest[] = {0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 53};
    memcpy(out + size, target, sizeof target);
    size += sizeof target;
    memcpy(out + size, rest, sizeof rest);
    store_u16(out + 10, 1);
    return size + sizeof rest;
}

static void a_lookup_whose_last_payer_left_is_not_joined(void **state)
{
    struct bench *b = *state;
    struct asking first, second;
    uint8_t bytes[512];
    b->options.use_ipv6 = false;
    ask(b, &first, "www.a.test.", TYPE_A);
    give(b, &b->sent[0], bytes, refer(&b->sent[0], 1, false, bytes));
    assert_int_equal(b->sent_count, 2); /* ns.c.test. A */
    ask(b, &second, "www.b.test.", TYPE_A);
    assert_int_equal(b->sent_count, 3);
    first.client.budget.packets = 0;
    size_t size = refer(&b->sent[1], 1, true, bytes);
    b->sink.reply(b->sink.ctx, b->sent[1].token, bytes, size);
    size = refer(&b->sent[2], 1, false, bytes);
    b->sink.reply(b->sink.ctx, b->sent[2].token, bytes, size);
    b->sink.turn(b->sink.ctx); /* both in one batch */
    assert_int_equal(first.told, 1);
    assert_int_equal(first.reason, REASON_BUDGET_PACKETS);
    if (b->sent_count == 3)
        print_message("nothing is out; next wake-up in %llu ms\n",
                      (unsigned long long)(b->wake_ms - b->now_ms));
    assert_int_equal(b->sent_count, 4); /* ns.c.test. goes on at its own server for the second */
    resolver_stop(b->r);
}

/* Some servers make the target from the question's name as it came (www.example.com ->
 * www.example.net): the letters that 0x20 turned must not reach cache and client. */
static void letters_that_a_server_copies_into_a_target_are_put_back(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    b->options.use_ipv6 = false;
    ask(b, &a, "abcdefghijklmnop.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], FLAG_AA, false, bytes);
    uint8_t record[] = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 22};
    static const uint8_t tail[] = {3, 'n', 'e', 't', 0};
    memcpy(bytes + size, record, sizeof record);
    size += sizeof record;
    memcpy(bytes + size, bytes + DNS_HEADER_SIZE, 17); /* the label as it was sent */
    size += 17;
    memcpy(bytes + size, tail, sizeof tail);
    size += sizeof tail;
    store_u16(bytes + 6, 1);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    give(b, &b->sent[1], bytes, reply_to(&b->sent[1], FLAG_AA, true, bytes));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.answers, 2);
    assert_memory_equal(a.first,
                        "\x10"
                        "abcdefghijklmnop",
                        17);
}

/* RFC 9520: servers that cannot be reached are remembered for a second at least. */
static void a_zone_whose_servers_refuse_is_remembered_as_failing(void **state)
{
    struct bench *b = *state;
    struct asking a;
    uint8_t bytes[512];
    static const uint8_t ref[] = {0xc0, 16, 0, 2, 0, 1, 0, 0, 1, 44, 0, 5, 2, 'n', 's', 0xc0, 16};
    static const uint8_t glue[] = {2, 'n', 's', 0xc0, 16, 0,   1, 0, 1, 0,
                                   0, 1,   44,  0,    4,  192, 0, 2, 53};
    b->options.use_ipv6 = false;
    ask(b, &a, "www.example.com.", TYPE_A);
    size_t size = reply_to(&b->sent[0], 0, false, bytes);
    memcpy(bytes + size, ref, sizeof ref);
    size += sizeof ref;
    memcpy(bytes + size, glue, sizeof glue);
    size += sizeof glue;
    store_u16(bytes + 8, 1);
    store_u16(bytes + 10, 1);
    give(b, &b->sent[0], bytes, size);
    assert_int_equal(b->sent_count, 2);
    b->sink.failed(b->sink.ctx, b->sent[1].token, ERR_REFUSED); /* ICMP port unreachable */
    b->sink.turn(b->sink.ctx);
    assert_int_equal(a.told, 1);
    assert_int_equal(a.rcode, RCODE_SERVFAIL);
    ask(b, &a, "www.example.com.", TYPE_A);
    assert_int_equal(a.told, 1);
    assert_int_equal(b->sent_count, 2); /* nobody was asked again */
    resolver_stop(b->r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_network_without_ipv6_uses_no_budget_up),
        TEST(only_the_reply_with_id_question_and_letters_counts),
        TEST(letters_in_another_case_bring_tcp),
        TEST(many_clients_of_one_question_cost_one_message),
        TEST(a_client_that_goes_is_not_told_and_the_last_one_ends_the_lookup),
        TEST(a_client_is_told_at_its_deadline_at_the_latest),
        TEST(late_and_double_replies_meet_nobody),
        TEST(a_lookup_whose_last_payer_left_is_not_joined),
        TEST(letters_that_a_server_copies_into_a_target_are_put_back),
        TEST(a_zone_whose_servers_refuse_is_remembered_as_failing),
        TEST(every_failing_allocation_ends_in_servfail_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
