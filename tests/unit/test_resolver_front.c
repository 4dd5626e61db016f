/* Which queries the front lets in, and which answers leave (policy/crowd.h). */
#include "resolver/front.h"
#include "tests/unit/resolver_bench.h"

struct desk {
    struct bench *b;
    struct front *f;
    struct counters *n;
    uint64_t requests;
    unsigned answers; /* given later, and how many of these were none */
    unsigned silent;
    uint16_t rcode;
};

static void count_answer(void *ctx, uint64_t request, const uint8_t *bytes, size_t size)
{
    struct desk *d = ctx;
    (void)request;
    d->answers++;
    d->silent += size == 0;
    if (size)
        d->rcode = load_u16(bytes + 2) & FLAG_RCODE;
}

static struct front_config config_of(struct desk *d)
{
    struct front_config c = {.resolver = d->b->r,
                             .cache = d->b->cache,
                             .world = &d->b->world,
                             .work = &d->b->work,
                             .udp_payload = DNS_UDP_SAFE,
                             .answer = count_answer,
                             .ctx = d};
    uint8_t seed[32] = {3};
    hash_key_init(&c.key, seed);
    return c;
}

static int open_desk(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    void *b = NULL;
    assert_non_null(d);
    assert_int_equal(setup(&b), 0);
    d->b = b;
    struct front_config c = config_of(d);
    assert_int_equal(front_new(&d->f, &c), OK);
    d->n = resolver_counters(d->b->r);
    *state = d;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *d = *state;
    void *b = d->b;
    resolver_stop(d->b->r);
    front_free(d->f);
    free(d);
    return teardown(&b);
}

/* Asks for the n-th name from there. */
static enum front_verdict put(struct desk *d, const char *from, enum transport via, unsigned n)
{
    static uint8_t reply[DNS_MESSAGE_MAX];
    uint8_t query[512], wire[NAME_MAX_WIRE];
    char name[32];
    struct writer w;
    size_t size;
    struct front_query q = {.via = via, .request = ++d->requests, .bytes = query};
    snprintf(name, sizeof name, "n%u.example.", n);
    assert_int_equal(name_from_text(name, wire), OK);
    assert_int_equal(endpoint_parse(from, 40000, &q.client), OK);
    writer_init(&w, query, sizeof query);
    assert_int_equal(writer_header(&w, 1, FLAG_RD), OK);
    assert_int_equal(writer_question(&w, wire, TYPE_A, CLASS_IN), OK);
    q.size = writer_finish(&w);
    enum front_verdict v = front_query(d->f, &q, reply, sizeof reply, &size);
    if (v == FRONT_REPLY)
        d->rcode = load_u16(reply + 2) & FLAG_RCODE;
    resolver_turn(d->b->r);
    return v;
}

static unsigned pending(struct desk *d, const char *from, enum transport via, unsigned tries)
{
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++)
        n += put(d, from, via, 0) == FRONT_PENDING;
    return n;
}

static void repeat_answers(struct desk *d)
{
    uint8_t bytes[512];
    for (unsigned i = 0; i < d->b->sent_count; i++) {
        if (!d->b->sent[i].open)
            continue;
        size_t size = reply_to(&d->b->sent[i], FLAG_AA, true, bytes);
        give(d->b, &d->b->sent[i], bytes, size);
    }
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void the_seventeenth_repetition_over_udp_is_dropped(void **state)
{
    struct desk *d = *state;
    assert_int_equal(pending(d, "192.0.2.1", TRANSPORT_UDP, 20), 16);
    assert_int_equal(d->n->limit_repeats, 4);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 0), FRONT_DROP);
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 0), FRONT_PENDING);
    repeat_answers(d);
    assert_int_equal(d->answers, 17);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 1), FRONT_PENDING);
}

static void repetitions_over_tcp_or_the_loopback_wait_all(void **state)
{
    struct desk *d = *state;
    assert_int_equal(pending(d, "192.0.2.1", TRANSPORT_TCP, 40), 40);
    assert_int_equal(pending(d, "127.0.0.1", TRANSPORT_UDP, 40), 40);
    assert_int_equal(pending(d, "::1", TRANSPORT_UDP, 40), 40);
    repeat_answers(d);
    assert_int_equal(d->answers, 120);
    assert_int_equal(d->b->sent_count, 1);
}

static void a_cancelled_query_makes_room_for_another(void **state)
{
    struct desk *d = *state;
    assert_int_equal(pending(d, "192.0.2.1", TRANSPORT_UDP, 17), 16);
    front_cancel(d->f, 3);
    assert_int_equal(pending(d, "192.0.2.1", TRANSPORT_UDP, 2), 1);
}

static void over_tcp_a_source_with_too_many_queries_gets_servfail(void **state)
{
    struct desk *d = *state;
    struct front_config c = config_of(d);
    c.limits.queries = 30;
    front_configure(d->f, &c);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(put(d, "192.0.2.1", TRANSPORT_TCP, i), FRONT_PENDING);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_TCP, 30), FRONT_REPLY);
    assert_int_equal(d->rcode, RCODE_SERVFAIL);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 31), FRONT_DROP);
    assert_int_equal(d->n->limit_source, 2);
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 31), FRONT_PENDING);
}

static void with_several_workers_a_source_has_its_share_at_each(void **state)
{
    struct desk *d = *state;
    struct front_config c = config_of(d);
    c.limits.queries = 30;
    c.workers = 2;
    front_configure(d->f, &c);
    unsigned in = 0;
    for (unsigned i = 0; i < 30; i++)
        in += put(d, "192.0.2.1", TRANSPORT_TCP, i) == FRONT_PENDING;
    assert_int_equal(in, 15);
}

static void a_source_may_have_less_when_memory_is_short(void **state)
{
    struct desk *d = *state;
    d->b->work.used += d->b->work.limit / 4 * 3; /* half of the second half is left */
    unsigned in = 0;
    for (unsigned i = 0; i < 3000; i++)
        in += put(d, "192.0.2.1", TRANSPORT_UDP, i) == FRONT_PENDING;
    d->b->work.used -= d->b->work.limit / 4 * 3;
    assert_in_range(in, 500, 2048);
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 9000), FRONT_PENDING);
}

static void held_answers_leave_at_so_many_a_second(void **state)
{
    struct desk *d = *state;
    struct front_config c = config_of(d);
    c.limits.held = 10;
    front_configure(d->f, &c);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, i), FRONT_PENDING);
    pass_ms(d->b, LIMIT_HELD_MS + 1);
    repeat_answers(d);
    assert_int_equal(d->answers, 40);
    assert_int_equal(d->silent, 30);
    assert_int_equal(d->n->limit_held, 30);
    /* What it was denied is in the cache. */
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 39), FRONT_PENDING);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 39), FRONT_REPLY);
    assert_int_equal(d->silent, 30);
}

static void quick_answers_leave_as_they_come(void **state)
{
    struct desk *d = *state;
    struct front_config c = config_of(d);
    c.limits.held = 10;
    front_configure(d->f, &c);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, i), FRONT_PENDING);
    pass_ms(d->b, LIMIT_HELD_MS - 10);
    repeat_answers(d);
    assert_int_equal(d->answers, 40);
    assert_int_equal(d->silent, 0);
}

static void held_answers_over_tcp_leave_all(void **state)
{
    struct desk *d = *state;
    struct front_config c = config_of(d);
    c.limits.held = 1;
    front_configure(d->f, &c);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(put(d, "192.0.2.1", TRANSPORT_TCP, i), FRONT_PENDING);
    pass_ms(d->b, LIMIT_HELD_MS + 100);
    repeat_answers(d);
    assert_int_equal(d->silent, 0);
}

static void the_oldest_make_way_when_memory_is_nearly_used_up(void **state)
{
    struct desk *d = *state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, i), FRONT_PENDING);
    size_t taken = d->b->work.limit - d->b->work.limit / 20 - d->b->work.used;
    d->b->work.used += taken;
    /* Nobody has had his time yet: the newcomer is let in as long as there is room. */
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 10), FRONT_PENDING);
    assert_int_equal(d->answers, 0);
    pass_ms(d->b, LIMIT_MAKE_WAY_MS);
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 11), FRONT_PENDING);
    assert_int_equal(d->answers, 2);
    assert_int_equal(d->rcode, RCODE_SERVFAIL);
    assert_int_equal(d->n->limit_make_way, 2);
    d->b->work.used -= taken;
    assert_int_equal(put(d, "192.0.2.2", TRANSPORT_UDP, 12), FRONT_PENDING);
    assert_int_equal(d->answers, 2);
}

static void a_front_that_stops_answers_from_the_cache_and_fails_all_else(void **state)
{
    struct desk *d = *state;
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 1), FRONT_PENDING);
    repeat_answers(d);
    put(d, "192.0.2.1", TRANSPORT_UDP, 1); /* from RRsets, and now the answer cache has it */
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 2), FRONT_PENDING);
    front_stop(d->f);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 1), FRONT_REPLY);
    assert_int_equal(d->rcode, RCODE_NOERROR);
    assert_int_equal(put(d, "192.0.2.1", TRANSPORT_UDP, 3), FRONT_REPLY);
    assert_int_equal(d->rcode, RCODE_SERVFAIL);
    /* What was under way is not cut off. */
    repeat_answers(d);
    assert_int_equal(d->rcode, RCODE_NOERROR);
    assert_int_equal(d->silent, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        T(the_seventeenth_repetition_over_udp_is_dropped),
        T(repetitions_over_tcp_or_the_loopback_wait_all),
        T(a_cancelled_query_makes_room_for_another),
        T(over_tcp_a_source_with_too_many_queries_gets_servfail),
        T(with_several_workers_a_source_has_its_share_at_each),
        T(a_source_may_have_less_when_memory_is_short),
        T(held_answers_leave_at_so_many_a_second),
        T(quick_answers_leave_as_they_come),
        T(held_answers_over_tcp_leave_all),
        T(a_front_that_stops_answers_from_the_cache_and_fails_all_else),
        T(the_oldest_make_way_when_memory_is_nearly_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
