/*
 * Several workers on one cache: what a reader finds is whole and belongs to its key while others
 * put, evict, clean, grow, flush and resize; and the budget holds although memory waits for
 * readers. Run it under the thread and the address sanitizer too.
 */
#include "tests/unit/cache_fixture.h"

#include <pthread.h>
#include <time.h>

#include "cache/internal.h"

enum { READERS = 2, WORKERS = READERS + 1, KEYS = 6000, SECONDS_MOST = 60 };

static struct epoch epoch;
static atomic_bool found[WORKERS]; /* a worker has had its first hit */

static struct cache *shared_cache(size_t size, unsigned workers)
{
    struct cache_config config = {.size = size, .policy = "lru", .epoch = &epoch};
    uint8_t seed[32] = {7};
    hash_key_init(&config.key, seed);
    epoch_init(&epoch, workers);
    struct cache *c;
    assert_int_equal(cache_new(&c, &config), OK);
    return c;
}

/* ---- What is stored tells whose it is -------------------------------------------------------- */

static size_t name_of(uint32_t key, uint8_t out[64])
{
    static const uint8_t zone[] = "\7example\3com";
    int n = snprintf((char *)out + 1, 32, "key-%u", key);
    out[0] = (uint8_t)n;
    memcpy(out + 1 + n, zone, sizeof zone);
    return 1 + (size_t)n + sizeof zone;
}

/* Rdata: its length, the key, then octets that follow from the length and the key. */
static size_t content_of(uint32_t key, uint16_t length, uint8_t *out)
{
    store_u16(out, length);
    store_u32(out + 2, key);
    for (unsigned i = 4; i < length; i++)
        out[2 + i] = (uint8_t)(key * 31 + length * 7 + i);
    return 2u + length;
}

static bool content_right(uint32_t key, const uint8_t *p, size_t size)
{
    if (size < 6 || load_u16(p) != size - 2 || load_u32(p + 2) != key)
        return false;
    for (unsigned i = 4; i < size - 2; i++) {
        if (p[2 + i] != (uint8_t)(key * 31 + (size - 2) * 7 + i))
            return false;
    }
    return true;
}

/* ---- Workers --------------------------------------------------------------------------------- */

struct worker {
    struct cache *cache;
    unsigned index;
    uint64_t seed;
    uint64_t gets;
    uint64_t hits;
    uint64_t wrong;
};

static _Atomic bool over;

static bool put_set(struct worker *w, uint32_t key, uint16_t length)
{
    uint8_t name[64];
    uint8_t rdata[2048];
    name_of(key, name);
    struct rrset s = {.owner = name, .rdata = rdata, .expiry = NOW + 60, .type = 16, .count = 1};
    s.rdata_size = (uint32_t)content_of(key, length, rdata);
    s.trust = TRUST_ANSWER_AA;
    return cache_put_rrset(w->cache, &s, NOW);
}

static bool put_answer(struct worker *w, uint32_t key, uint16_t length)
{
    uint8_t name[64];
    uint8_t content[2048];
    struct answer_key k = {.qname = name, .qtype = 16};
    k.qname_size = (uint16_t)name_of(key, name);
    struct answer a = {.wire = content, .stored = NOW, .expiry = NOW + 60};
    a.size = (uint16_t)content_of(key, length, content);
    return cache_put_answer(w->cache, &k, &a, NOW);
}

static bool put_server(struct worker *w, uint32_t key)
{
    struct endpoint at = {.family = 4, .port = 53};
    store_u32(at.bytes, key);
    struct server_state s = {.expiry = NOW + 60, .srtt_ms = key, .rttvar_ms = ~key};
    return cache_put_server(w->cache, &at, NULL, &s, NOW);
}

static bool put_negative(struct worker *w, uint32_t key, uint16_t length)
{
    uint8_t name[64];
    uint8_t rdata[2048];
    name_of(key, name);
    struct negative n = {.expiry = NOW + 60, .count = 1};
    n.authority[0] = (struct rrset){.owner = name, .rdata = rdata, .type = 6, .count = 1};
    n.authority[0].rdata_size = (uint32_t)content_of(key, length, rdata);
    return cache_put_negative(w->cache, name, 28, &n, NOW);
}

static const uint8_t denying_zone[] = "\7example\3com";

static bool put_denial(struct worker *w, uint32_t key, uint16_t length)
{
    uint8_t name[64];
    uint8_t rdata[2048];
    name_of(key, name);
    struct rrset s = {.owner = name, .rdata = rdata, .expiry = NOW + 60, .type = 47, .count = 1};
    s.rdata_size = (uint32_t)content_of(key, length, rdata);
    return cache_put_denial(w->cache, denying_zone, &s, NOW);
}

static void check(struct worker *w, enum cache_miss m, bool right)
{
    w->gets++;
    if (m == CACHE_HIT && w->hits++ == 0)
        atomic_store(&found[w->index], true);
    w->wrong += m == CACHE_HIT && !right;
}

static void read_set(struct worker *w, uint32_t key)
{
    uint8_t name[64];
    name_of(key, name);
    struct rrset s = {0};
    enum cache_miss m = cache_get_rrset(w->cache, name, 16, NOW, &s);
    check(w, m,
          m == CACHE_HIT && name_equal(s.owner, name) && s.expiry == NOW + 60 &&
              content_right(key, s.rdata, s.rdata_size));
}

static void read_answer(struct worker *w, uint32_t key)
{
    uint8_t name[64];
    struct answer_key k = {.qname = name, .qtype = 16};
    k.qname_size = (uint16_t)name_of(key, name);
    struct answer a = {0};
    enum cache_miss m = cache_get_answer(w->cache, &k, NOW, &a);
    check(w, m, m == CACHE_HIT && content_right(key, a.wire, a.size));
}

static void read_server(struct worker *w, uint32_t key)
{
    struct endpoint at = {.family = 4, .port = 53};
    store_u32(at.bytes, key);
    struct server_state s = {0};
    enum cache_miss m = cache_get_server(w->cache, &at, NULL, NOW, &s);
    check(w, m, s.srtt_ms == key && s.rttvar_ms == ~key);
}

static void read_negative(struct worker *w, uint32_t key)
{
    uint8_t name[64];
    name_of(key, name);
    struct negative n = {0};
    enum cache_miss m = cache_get_negative(w->cache, name, 28, NOW, &n);
    check(w, m,
          m == CACHE_HIT && n.count == 1 &&
              content_right(key, n.authority[0].rdata, n.authority[0].rdata_size));
}

/* The last one at or before the name, whose record may go at any moment. */
static void read_denial(struct worker *w, uint32_t key)
{
    uint8_t name[64], owner[64];
    name_of(key, name);
    struct rrset s = {0};
    enum cache_miss m = cache_find_denial(w->cache, denying_zone, 47, name, NOW, &s);
    if (m == CACHE_HIT) {
        uint32_t of = load_u32(s.rdata + 2);
        name_of(of, owner);
        w->wrong += !name_equal(s.owner, owner) || !content_right(of, s.rdata, s.rdata_size);
    }
    (void)cache_denial_zone(w->cache, name, 0);
}

static void read_one(struct worker *w)
{
    uint32_t key = draw(&w->seed) % KEYS;
    switch (draw(&w->seed) % 5) {
    case 0:
        read_set(w, key);
        break;
    case 3:
        read_denial(w, key);
        break;
    case 1:
        read_answer(w, key);
        break;
    case 2:
        read_server(w, key);
        break;
    default:
        read_negative(w, key);
    }
}

static bool put_one(struct worker *w)
{
    uint32_t key = draw(&w->seed) % KEYS;
    uint16_t length = (uint16_t)(4 + draw(&w->seed) % (draw(&w->seed) % 16 ? 60 : 1500));
    switch (draw(&w->seed) % 5) {
    case 0:
        return put_set(w, key, length);
    case 3:
        return put_denial(w, key, length);
    case 1:
        return put_answer(w, key, length);
    case 2:
        return put_server(w, key);
    default:
        return put_negative(w, key, length);
    }
}

static void *read_much(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        epoch_online(&epoch, w->index);
        for (unsigned i = 0; i < 32; i++)
            read_one(w);
        epoch_quiescent(&epoch, w->index);
        read_one(w);
        epoch_offline(&epoch, w->index);
    }
    return NULL;
}

/* A reader that puts as well, as resolving workers do. */
static void *read_and_put(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        epoch_online(&epoch, w->index);
        for (unsigned i = 0; i < 8; i++)
            read_one(w);
        (void)put_one(w);
        epoch_offline(&epoch, w->index);
    }
    return NULL;
}

/* ---- The writer ------------------------------------------------------------------------------ */

static void disturb(struct worker *w)
{
    uint8_t name[64];
    switch (draw(&w->seed) % 1000) {
    case 0:
        assert_int_equal(cache_resize(w->cache, CACHE_SIZE_MIN + draw(&w->seed) % (2 * MIB)), OK);
        break;
    case 1:
        cache_flush_all(w->cache);
        break;
    case 2:
        cache_drop_answers(w->cache);
        break;
    default:
        name_of(draw(&w->seed) % KEYS, name);
        cache_flush_name(w->cache, name);
        cache_forget_failure(w->cache, name, 1);
    }
}

/* Where there are fewer cores than threads, a reader may be stopped while it is online. */
static void let_readers_pass(void)
{
    struct timespec moment = {.tv_nsec = 200000};
    nanosleep(&moment, NULL);
}

static unsigned write_much(struct worker *w, unsigned puts)
{
    time_t end = time(NULL) + SECONDS_MOST;
    unsigned stored = 0;
    for (unsigned i = 0; i < puts && (i % 64 != 0 || time(NULL) < end); i++) {
        epoch_online(&epoch, w->index);
        bool done = put_one(w);
        if (i % 40 == 0)
            disturb(w);
        epoch_offline(&epoch, w->index);
        stored += done;
        if (!done)
            let_readers_pass();
    }
    return stored;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static bool all_found(void)
{
    for (unsigned i = 1; i < WORKERS; i++)
        if (!atomic_load(&found[i]))
            return false;
    return true;
}

static void run(struct worker workers[WORKERS], void *(*reader)(void *), unsigned puts)
{
    pthread_t threads[READERS];
    atomic_store(&over, false);
    for (unsigned i = 0; i < WORKERS; i++)
        atomic_store(&found[i], false);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &workers[1 + i]), 0);
    unsigned stored = write_much(&workers[0], puts);
    /* On a busy machine all may be written before a reader has had its turn. */
    time_t end = time(NULL) + SECONDS_MOST;
    while (!all_found() && time(NULL) < end)
        stored += write_much(&workers[0], 1000);
    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    print_message("%u puts, %u stored; gets %llu, hits %llu\n", puts, stored,
                  (unsigned long long)(workers[1].gets + workers[2].gets),
                  (unsigned long long)(workers[1].hits + workers[2].hits));
    assert_true(stored > puts / 2);
}

static void check_run(void *(*reader)(void *), unsigned puts)
{
    struct cache *c = shared_cache(CACHE_SIZE_MIN + MIB / 2, WORKERS);
    struct worker workers[WORKERS] = {{.cache = c, .seed = 1}};
    for (unsigned i = 1; i < WORKERS; i++) {
        workers[i] = (struct worker){.index = i, .seed = 1 + i};
        assert_int_equal(cache_attach(c, i, &workers[i].cache), OK);
    }
    run(workers, reader, puts);
    struct cache_figures f = figures_of(c);
    uint64_t counted = 0;
    for (unsigned k = 0; k < CACHE_KINDS; k++) {
        if (k == CACHE_DENIAL) /* looked for by another's name */
            continue;
        counted += f.hits[k];
        for (unsigned m = 0; m < CACHE_MISSES; m++)
            counted += f.misses[k][m];
    }
    uint64_t gets = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(workers[i].wrong, 0);
        gets += workers[i].gets;
    }
    assert_int_equal(counted, gets);
    assert_true(workers[1].hits > 0 && workers[2].hits > 0);
    assert_true(f.evictions[CACHE_RRSET] > 0);
    for (unsigned i = 0; i < WORKERS; i++)
        cache_free(workers[i].cache);
}

static void readers_find_whole_values_beside_a_writer(void **state)
{
    (void)state;
    check_run(read_much, 60000);
}

static void workers_that_read_and_put_find_whole_values(void **state)
{
    (void)state;
    check_run(read_and_put, 40000);
}

enum { LASTING = 300, PASSING = 3000 };

static bool put_zone(struct cache *c, uint32_t key)
{
    uint8_t name[64];
    name_of(key, name);
    struct delegation d = {.zone = name, .expiry = NOW + 60, .ns_count = 1, .ns = {name}};
    return cache_put_delegation(c, &d, NOW);
}

static void *seek_zones(void *arg)
{
    struct worker *w = arg;
    uint8_t name[64];
    struct delegation d;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        epoch_online(&epoch, w->index);
        for (unsigned i = 0; i < 64; i++) {
            name_of(draw(&w->seed) % LASTING, name);
            check(w, cache_get_delegation(w->cache, name, NOW, &d), true);
        }
        epoch_offline(&epoch, w->index);
    }
    return NULL;
}

/* Slots move as others go, arrays are replaced as others come: what stays is found all the time. */
static void what_stays_is_found_while_its_neighbours_come_and_go(void **state)
{
    (void)state;
    struct cache *c = shared_cache(8 * MIB, 2);
    struct worker w = {.index = 1, .seed = 9};
    pthread_t thread;
    uint8_t name[64];
    for (uint32_t i = 0; i < LASTING; i++)
        assert_true(put_zone(c, i));
    assert_int_equal(cache_attach(c, 1, &w.cache), OK);
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&thread, NULL, seek_zones, &w), 0);
    time_t end = time(NULL) + SECONDS_MOST;
    for (unsigned round = 0; round < 20 && time(NULL) < end; round++) {
        for (uint32_t i = 0; i < PASSING; i++)
            (void)put_zone(c, LASTING + i);
        for (uint32_t i = 0; i < PASSING; i++) {
            name_of(LASTING + i, name);
            cache_flush_name(c, name);
        }
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    print_message("%llu gets\n", (unsigned long long)w.gets);
    assert_true(w.gets > 0);
    assert_int_equal(w.hits, w.gets);
    cache_free(w.cache);
    cache_free(c);
}

static void what_a_reader_holds_in_an_emptied_segment_stays(void **state)
{
    (void)state;
    struct cache *c = shared_cache(CACHE_SIZE_MIN, 2);
    struct worker w = {.cache = c};
    struct cache *other;
    struct rrset held;
    uint8_t name[64];
    assert_int_equal(cache_attach(c, 1, &other), OK);
    name_of(1, name);
    assert_true(put_set(&w, 1, 900));
    epoch_online(&epoch, 1);
    assert_int_equal(cache_get_rrset(other, name, 16, NOW, &held), CACHE_HIT);
    cache_flush_all(c); /* the open segment has no entry now, and would begin anew */
    assert_true(put_set(&w, 2, 900));
    assert_true(content_right(1, held.rdata, held.rdata_size));
    cache_free(other);
    cache_free(c);
}

static void a_probe_that_a_removal_crossed_says_so(void **state)
{
    (void)state;
    struct memory memory = {0};
    static struct table t;
    table__init(&t, &memory);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(table__reserve(&t, 0));
        table__insert(&t, table__place(0, i), i);
    }
    struct probe calm = table__probe(&t, table__place(0, 3));
    assert_int_equal(probe__next(&calm), 3);
    assert_false(probe__overlooked(&calm));
    struct probe crossed = table__probe(&t, table__place(0, 3));
    table__remove(&t, table__place(0, 1), 1);
    assert_true(probe__overlooked(&crossed));
    table__deinit(&t);
    assert_int_equal(memory.held, 0);
}

static void what_a_reader_holds_stays_while_others_evict_and_clean(void **state)
{
    (void)state;
    struct cache *c = shared_cache(CACHE_SIZE_MIN, 2);
    struct worker w = {.cache = c, .seed = 1};
    struct cache *other;
    struct rrset held;
    uint8_t name[64];
    assert_int_equal(cache_attach(c, 1, &other), OK);
    name_of(1, name);
    assert_true(put_set(&w, 1, 900));
    epoch_online(&epoch, 1);
    assert_int_equal(cache_get_rrset(other, name, 16, NOW, &held), CACHE_HIT);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        refused += !put_set(&w, 2 + i, (uint16_t)(4 + i % 1000));
        struct cache_figures f = figures_of(c);
        assert_true(f.bytes <= f.budget);
    }
    cache_flush_all(c);
    assert_true(content_right(1, held.rdata, held.rdata_size));
    assert_true(refused > 10000);
    epoch_offline(&epoch, 1);
    for (uint32_t i = 0; i < 20000; i++)
        assert_true(put_set(&w, 2 + i, (uint16_t)(4 + i % 1000)));
    cache_free(c);
    cache_free(other);
}

static void a_cache_that_shrinks_gives_its_memory_back_as_readers_pass(void **state)
{
    (void)state;
    struct cache *c = shared_cache(32 * MIB, 2);
    struct worker w = {.cache = c};
    for (uint32_t i = 0; i < 60000; i++)
        assert_true(put_set(&w, i, 300));
    size_t before = figures_of(c).bytes;
    assert_true(before > 20 * MIB);
    epoch_online(&epoch, 1);
    assert_int_equal(cache_resize(c, 2 * MIB), OK);
    assert_true(figures_of(c).bytes <= before + before / 8);
    for (unsigned i = 0; i < 200; i++) {
        (void)put_set(&w, 100000 + i, 300);
        epoch_quiescent(&epoch, 1);
    }
    assert_true(figures_of(c).bytes <= 2 * MIB);
    assert_true(put_set(&w, 200000, 300));
    cache_free(c);
}

static void the_budget_holds_with_slow_readers(void **state)
{
    (void)state;
    struct cache *c = shared_cache(2 * MIB, 2);
    struct worker w = {.cache = c, .seed = 3};
    unsigned refused = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        if (i % 64 == 0)
            epoch_online(&epoch, 1);
        refused += !put_one(&w);
        assert_true(c->core->memory.peak <= 2 * MIB);
    }
    assert_true(refused < 1000);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_find_whole_values_beside_a_writer),
        cmocka_unit_test(workers_that_read_and_put_find_whole_values),
        cmocka_unit_test(what_stays_is_found_while_its_neighbours_come_and_go),
        cmocka_unit_test(what_a_reader_holds_in_an_emptied_segment_stays),
        cmocka_unit_test(a_probe_that_a_removal_crossed_says_so),
        cmocka_unit_test(what_a_reader_holds_stays_while_others_evict_and_clean),
        cmocka_unit_test(a_cache_that_shrinks_gives_its_memory_back_as_readers_pass),
        cmocka_unit_test(the_budget_holds_with_slow_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
