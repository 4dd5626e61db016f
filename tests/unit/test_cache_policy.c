/*
 * The LRU: the same victims as a plain model of the same rule over a million random operations, and
 * nearly the hits of exact LRU on recorded and generated queries.
 *
 * The recorded ones are found through NUTHATCH_SHARED or in ../shared beside the project; where
 * they are not, those tests say so and are skipped.
 */
#include "tests/unit/cache_fixture.h"

#include "base/must.h"
#include "cache/policy.h"

/* A policy over a store of bare entries. */
struct bench {
    struct memory memory;
    struct store store;
    struct policy *policy;
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    assert_int_equal(store__init(&b->store, &b->memory, 64 * MIB), OK);
    assert_int_equal(policy_lru.new(&b->policy, &b->store, &b->memory), OK);
}

static void bench_deinit(struct bench *b)
{
    b->policy->ops->free(b->policy);
    store__deinit(&b->store);
    assert_int_equal(b->memory.held, 0);
}

static uint32_t bench_alloc(struct bench *b, uint16_t id)
{
    store__tidy(&b->store);
    if (!store__fits(&b->store, 4))
        assert_true(store__open(&b->store));
    uint32_t handle = store__alloc(&b->store, 4);
    struct entry *e = store__at(&b->store, handle);
    e->kind = CACHE_RRSET;
    e->type = id;
    return handle;
}

/* ---- The model ------------------------------------------------------------------------------- */

enum { ITEMS = 600, TICKS = 128, SHARE = 64, LOOKS = 1024 };

/* The rule written down anew: no lists, each item knows its tick and when it came to its place. */
struct item {
    bool there;
    unsigned group;
    uint32_t tick;
    uint32_t used;
    uint64_t place;
};

struct rule {
    struct item items[ITEMS];
    uint32_t clock;
    uint32_t until_tick;
    uint32_t count;
    uint32_t oldest[2];
    uint64_t places;
};

static void rule_insert(struct rule *r, unsigned id, unsigned group)
{
    r->items[id] = (struct item){true, group, r->clock, r->clock, r->places++};
    r->count++;
    if (--r->until_tick > 0)
        return;
    r->until_tick = r->count / SHARE ? r->count / SHARE : 1;
    r->clock++;
    for (unsigned g = 0; g < 2; g++) {
        if (r->clock - r->oldest[g] >= TICKS)
            r->oldest[g]++;
    }
}

static int rule_first(const struct rule *r, unsigned group)
{
    int best = -1;
    for (int i = 0; i < ITEMS; i++) {
        const struct item *a = &r->items[i];
        if (!a->there || a->group != group)
            continue;
        const struct item *b = best < 0 ? NULL : &r->items[best];
        if (!b || a->tick < b->tick || (a->tick == b->tick && a->place < b->place))
            best = i;
    }
    return best;
}

static int rule_last_of(struct rule *r, unsigned group)
{
    for (unsigned looks = 0;; looks++) {
        int i = rule_first(r, group);
        if (i < 0) {
            r->oldest[group] = r->clock;
            return -1;
        }
        struct item *a = &r->items[i];
        if (a->tick > r->oldest[group])
            r->oldest[group] = a->tick;
        if (a->used <= r->oldest[group] || looks == LOOKS)
            return i;
        a->tick = a->used;
        a->place = r->places++;
    }
}

static int rule_victim(struct rule *r, unsigned groups)
{
    int a = groups & 1 ? rule_last_of(r, 0) : -1;
    int b = groups & 2 ? rule_last_of(r, 1) : -1;
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return r->oldest[1] < r->oldest[0] ? b : a;
}

static void the_lru_takes_the_same_victims_as_its_model(void **state)
{
    (void)state;
    struct bench b;
    static struct rule r;
    static uint32_t handles[ITEMS];
    memset(&r, 0, sizeof r);
    r.until_tick = 1;
    bench_init(&b);
    const struct policy_ops *ops = b.policy->ops;
    uint64_t seed = 11;
    unsigned victims = 0;
    for (uint32_t step = 0; step < 1000000; step++) {
        unsigned id = draw(&seed) % ITEMS;
        unsigned what = draw(&seed) % 10;
        bool there = r.items[id].there;
        if (what < 5 && there) {
            ops->use(b.policy, store__at(&b.store, handles[id]));
            r.items[id].used = r.clock;
        } else if (what < 5) {
            unsigned group = id % 5 == 0;
            handles[id] = bench_alloc(&b, (uint16_t)id);
            ops->insert(b.policy, handles[id], (enum policy_group)group);
            rule_insert(&r, id, group);
        } else if (what == 5 && there) {
            uint32_t to = bench_alloc(&b, (uint16_t)id);
            memcpy(store__at(&b.store, to), store__at(&b.store, handles[id]), 32);
            ops->move(b.policy, handles[id], to);
            store__free(&b.store, handles[id]);
            handles[id] = to;
        } else if (what == 6 && there && id % 3 == 0) {
            ops->remove(b.policy, handles[id]);
            store__free(&b.store, handles[id]);
            r.items[id].there = false;
            r.count--;
        } else if (what > 6) {
            unsigned groups = 1 + draw(&seed) % 3;
            int expected = rule_victim(&r, groups);
            uint32_t handle = ops->victim(b.policy, groups);
            assert_int_equal(handle != 0, expected >= 0);
            if (handle == 0)
                continue;
            assert_int_equal(store__at(&b.store, handle)->type, expected);
            ops->remove(b.policy, handle);
            store__free(&b.store, handle);
            r.items[expected].there = false;
            r.count--;
            victims++;
        }
    }
    print_message("%u victims in 1,000,000 operations\n", victims);
    assert_true(victims > 100000);
    bench_deinit(&b);
}

/* ---- Exact LRU ------------------------------------------------------------------------------- */

/* A ring of ids through id 0. */
struct exact {
    uint32_t *next;
    uint32_t *prev;
    bool *there;
    size_t count;
};

static struct exact exact_of(size_t ids)
{
    struct exact x = {calloc(ids + 1, sizeof(uint32_t)), calloc(ids + 1, sizeof(uint32_t)),
                      calloc(ids + 1, 1), 0};
    assert_true(x.next && x.prev && x.there);
    return x;
}

static void exact_deinit(struct exact *x)
{
    free(x->next);
    free(x->prev);
    free(x->there);
}

static void exact_unlink(struct exact *x, uint32_t id)
{
    x->next[x->prev[id]] = x->next[id];
    x->prev[x->next[id]] = x->prev[id];
    x->there[id] = false;
    x->count--;
}

/* A use of an id from 1 on; was it there? Keeps `capacity` at most. */
static bool exact_use(struct exact *x, uint32_t id, size_t capacity)
{
    bool hit = x->there[id];
    if (hit)
        exact_unlink(x, id);
    x->next[id] = x->next[0];
    x->prev[id] = 0;
    x->prev[x->next[0]] = id;
    x->next[0] = id;
    x->there[id] = true;
    x->count++;
    while (x->count > capacity)
        exact_unlink(x, x->prev[0]);
    return hit;
}

/* ---- Streams of ids -------------------------------------------------------------------------- */

struct stream {
    uint32_t *ids; /* 1… */
    size_t length;
    size_t distinct;
};

struct line {
    char text[300];
    uint32_t at;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

static FILE *open_shared(const char *path)
{
    const char *shared = getenv("NUTHATCH_SHARED");
    char source[512] = __FILE__;
    char name[1024];
    char command[1100];
    char *end = strstr(source, "tests/unit/");
    if (end)
        *end = 0;
    if (shared)
        snprintf(name, sizeof name, "%s/data/%s", shared, path);
    else
        snprintf(name, sizeof name, "%s../shared/data/%s", source, path);
    FILE *there = fopen(name, "rb");
    if (!there)
        return NULL;
    fclose(there);
    snprintf(command, sizeof command, "xz -dc '%s'", name);
    return popen(command, "r");
}

/* Lines, cut to what comes after the second tab if they have tabs; ids by equal text. */
static struct stream read_stream(const char *path)
{
    struct stream s = {0};
    FILE *f = open_shared(path);
    if (!f)
        return s;
    enum { LINES = 40000 };
    struct line *lines = calloc(LINES, sizeof *lines);
    char text[1000];
    while (s.length < LINES && fgets(text, sizeof text, f)) {
        if (text[0] == '#')
            continue;
        const char *tab = strchr(text, '\t');
        tab = tab ? strchr(tab + 1, '\t') : NULL;
        snprintf(lines[s.length].text, sizeof lines->text, "%.299s", tab ? tab : text);
        lines[s.length].at = (uint32_t)s.length;
        s.length++;
    }
    pclose(f);
    assert_true(s.length > 100);
    qsort(lines, s.length, sizeof *lines, by_text);
    s.ids = calloc(s.length, sizeof *s.ids);
    for (size_t i = 0; i < s.length; i++) {
        if (i == 0 || strcmp(lines[i].text, lines[i - 1].text) != 0)
            s.distinct++;
        s.ids[lines[i].at] = (uint32_t)s.distinct;
    }
    free(lines);
    return s;
}

/* `length` draws from `distinct` ids whose popularity falls as 1/rank. */
static struct stream zipf_stream(size_t distinct, size_t length)
{
    struct stream s = {calloc(length, sizeof(uint32_t)), length, distinct};
    double *sum = calloc(distinct + 1, sizeof *sum);
    uint64_t seed = 21;
    for (size_t i = 1; i <= distinct; i++)
        sum[i] = sum[i - 1] + 1.0 / (double)i;
    for (size_t k = 0; k < length; k++) {
        double at = (double)draw(&seed) / 2147483648.0 * sum[distinct];
        size_t low = 1;
        size_t high = distinct;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (sum[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        s.ids[k] = (uint32_t)low;
    }
    free(sum);
    return s;
}

/* The hits of our LRU, bounded by count. */
static size_t lru_hits(const struct stream *s, size_t capacity)
{
    struct bench b;
    bench_init(&b);
    uint32_t *handles = calloc(s->distinct + 1, sizeof *handles);
    size_t hits = 0;
    size_t count = 0;
    for (size_t k = 0; k < s->length; k++) {
        uint32_t id = s->ids[k];
        if (handles[id] != 0) {
            hits++;
            b.policy->ops->use(b.policy, store__at(&b.store, handles[id]));
            continue;
        }
        if (count == capacity) {
            uint32_t victim = b.policy->ops->victim(b.policy, 1);
            b.policy->ops->remove(b.policy, victim);
            handles[store__at(&b.store, victim)->expiry] = 0;
            store__free(&b.store, victim);
            count--;
        }
        handles[id] = bench_alloc(&b, 0);
        store__at(&b.store, handles[id])->expiry = id;
        b.policy->ops->insert(b.policy, handles[id], GROUP_ORDINARY);
        count++;
    }
    free(handles);
    bench_deinit(&b);
    return hits;
}

static void compare(const char *what, const struct stream *s, size_t capacity)
{
    struct exact x = exact_of(s->distinct);
    size_t exact = 0;
    for (size_t k = 0; k < s->length; k++)
        exact += exact_use(&x, s->ids[k], capacity);
    exact_deinit(&x);
    double ours = 100.0 * (double)lru_hits(s, capacity) / (double)s->length;
    double theirs = 100.0 * (double)exact / (double)s->length;
    print_message("%-28s room for %5zu of %5zu: hits %.2f %%, exact LRU %.2f %%\n", what, capacity,
                  s->distinct, ours, theirs);
    assert_true(ours - theirs < 0.5 && theirs - ours < 0.5);
}

static void compare_file(const char *what, const char *path)
{
    struct stream s = read_stream(path);
    if (!s.ids) {
        print_message("%s is not there: skipped\n", path);
        skip();
    }
    static const size_t parts[] = {100, 30, 10, 4, 2};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        compare(what, &s, s.distinct / parts[i] + 1);
    free(s.ids);
}

static void hits_are_those_of_exact_lru_on_a_resolver_trace(void **state)
{
    (void)state;
    compare_file("resolver 2016", "traces/resolver-10s-2016-dns.queries.tsv.xz");
}

static void hits_are_those_of_exact_lru_on_a_root_server_trace(void **state)
{
    (void)state;
    compare_file("root server 2016", "traces/root-server-60s-2016-nsd-live.queries.tsv.xz");
}

static void hits_are_those_of_exact_lru_on_a_stub_trace(void **state)
{
    (void)state;
    compare_file("stub 2017", "traces/stub-to-public-resolver-10000-2017.queries.tsv.xz");
}

static void hits_are_those_of_exact_lru_on_popular_names(void **state)
{
    (void)state;
    struct stream s = zipf_stream(30000, 300000);
    for (size_t capacity = 30; capacity <= 10000; capacity *= 3)
        compare("popularity 1/rank", &s, capacity);
    free(s.ids);
}

/* Every id in turn, a loop a little longer than the cache: exact LRU never hits, nor should we. */
static void a_loop_longer_than_the_cache_never_hits(void **state)
{
    (void)state;
    struct stream s = {calloc(50000, sizeof(uint32_t)), 50000, 1010};
    for (size_t k = 0; k < s.length; k++)
        s.ids[k] = (uint32_t)(1 + k % s.distinct);
    compare("loop", &s, 1000);
    free(s.ids);
}

/* ---- The whole cache ------------------------------------------------------------------------- */

/* Page loads draw names by popularity; exact LRU is given as many entries as the cache held. */
static double whole_cache_hits(const struct stream *s, struct exact *x, double *exact)
{
    struct cache *c = cache_of(CACHE_SIZE_MIN);
    static uint8_t bytes[400];
    size_t hits = 0;
    size_t exact_hits = 0;
    for (size_t k = 0; k < s->length; k++) {
        const uint8_t *n = numbered("page", s->ids[k]);
        struct answer_key key = {n, (uint16_t)name_size(n), 1, 0, 0};
        struct answer a = {.wire = bytes, .ttl_offsets = bytes, .size = 400, .expiry = NOW + 60};
        struct answer out;
        if (cache_get_answer(c, &key, NOW, &out) == CACHE_HIT)
            hits++;
        else
            assert_true(cache_put_answer(c, &key, &a, NOW));
        exact_hits += exact_use(x, s->ids[k], figures_of(c).entries[CACHE_ANSWER]);
    }
    cache_free(c);
    *exact = 100.0 * (double)exact_hits / (double)s->length;
    return 100.0 * (double)hits / (double)s->length;
}

static void the_whole_cache_hits_as_exact_lru_does(void **state)
{
    (void)state;
    struct stream names = read_stream("names/namebench-alexa2000-pageload-queries.txt.xz");
    if (!names.ids) {
        print_message("the list of names is not there: skipped\n");
        skip();
    }
    struct stream s = zipf_stream(names.distinct, 300000);
    struct exact x = exact_of(s.distinct);
    double exact;
    double ours = whole_cache_hits(&s, &x, &exact);
    print_message("whole cache of 1 MiB, %zu names: hits %.2f %%, exact LRU %.2f %%\n", s.distinct,
                  ours, exact);
    assert_true(ours - exact < 0.5 && exact - ours < 0.5);
    exact_deinit(&x);
    free(s.ids);
    free(names.ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lru_takes_the_same_victims_as_its_model),
        cmocka_unit_test(hits_are_those_of_exact_lru_on_a_resolver_trace),
        cmocka_unit_test(hits_are_those_of_exact_lru_on_a_root_server_trace),
        cmocka_unit_test(hits_are_those_of_exact_lru_on_a_stub_trace),
        cmocka_unit_test(hits_are_those_of_exact_lru_on_popular_names),
        cmocka_unit_test(a_loop_longer_than_the_cache_never_hits),
        cmocka_unit_test(the_whole_cache_hits_as_exact_lru_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
