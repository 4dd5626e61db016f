/* Attacks by number: on the cache's room, on working memory, on others' answers. All in virtual
 * time. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tests/attacks/attack.h"

static const char evil_server[] = "203.0.113.66", good_server[] = "203.0.113.1",
                  good[] = "192.0.2.80";

/* Octets of a message: header and question as asked, then `count` records of which only the rdata
 * differs. */
static size_t bulk(struct ask *q, uint8_t *out, unsigned type, unsigned count, size_t length)
{
    size_t size = DNS_HEADER_SIZE, name = name_size(q->sent);
    memset(out, 0, DNS_HEADER_SIZE);
    store_u16(out, q->id);
    store_u16(out + 2, FLAG_QR | FLAG_AA);
    store_u16(out + 4, 1);
    store_u16(out + 6, (uint16_t)count);
    memcpy(out + size, q->sent, name);
    size += name;
    store_u16(out + size, q->type);
    store_u16(out + size + 2, CLASS_IN);
    size += 4;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *at = out + size;
        store_u16(at, 0xc00c);
        store_u16(at + 2, (uint16_t)type);
        store_u16(at + 4, CLASS_IN);
        store_u32(at + 6, 86400);
        store_u16(at + 10, (uint16_t)length);
        memset(at + 12, 'x', length);
        if (type == TYPE_NS || type == TYPE_CNAME) { /* one label, then what was asked */
            at[12] = (uint8_t)(length - 3);
            store_u16(at + 12 + length - 2, 0xc00c);
        } else if (type == TYPE_TXT) {
            at[12] = (uint8_t)(length - 1);
        }
        store_u16(at + 13, (uint16_t)i);
        size += 12 + length;
    }
    return size;
}

/* ---- CacheFlush
 * ------------------------------------------------------------------------------------ */

static void serve_flood(struct ask *q, void *script)
{
    static uint8_t bytes[DNS_MESSAGE_MAX];
    unsigned *number = script;
    unsigned kind = ++*number % 4;
    size_t size;
    if (kind == 0)
        size = bulk(q, bytes, TYPE_NS, 200, 60);
    else if (kind == 1)
        size = bulk(q, bytes, TYPE_CNAME, 1, 60);
    else
        size = bulk(q, bytes, q->type, q->type == TYPE_A ? 800 : 60, q->type == TYPE_A ? 4 : 200);
    reply_raw(q, bytes, size, 5);
}

struct flood {
    struct rig *rig;
    unsigned serve_number;
    unsigned asked;
};

static void flood_some(struct flood *f, unsigned count)
{
    char name[64];
    for (unsigned i = 0; i < count; i++, f->asked++) {
        snprintf(name, sizeof name, "flood-%u.evil.com.", f->asked);
        rig_ask(f->rig, name, f->asked % 3 ? TYPE_TXT : f->asked % 2 ? TYPE_A : TYPE_NS, NULL);
    }
}

void attack_cache_flush(struct report *report)
{
    static struct answer_seen a;
    unsigned scale = report->full ? 1 : 40, seconds = 10, hits = 0, asked = 0;
    struct flood f = {0};
    f.rig = rig_new(&(struct rig_config){.cache_size = ((size_t)100 << 20) / scale,
                                         .work_size = (size_t)128 << 20});
    rig_zone(f.rig, "evil.com.", evil_server, serve_flood, &f.serve_number);
    rig_zone(f.rig, "bank.com.", good_server, serve_address, (void *)(uintptr_t)good);
    rig_resolve(f.rig, "www.bank.com.", TYPE_A, &a);
    for (unsigned s = 0; s < seconds; s++) {
        for (unsigned ms = 0; ms < 1000; ms += 20) {
            flood_some(&f, 160 / scale);
            rig_advance(f.rig, 20);
        }
        uint64_t before = rig_packets_to(f.rig, good_server);
        rig_resolve(f.rig, "www.bank.com.", TYPE_A, &a);
        hits += rig_packets_to(f.rig, good_server) == before && answer_has(&a, good);
        asked++;
    }
    struct cache_figures figures;
    cache_figures(rig_cache(f.rig), &figures);
    uint64_t evicted = 0;
    for (unsigned k = 0; k < CACHE_KINDS; k++)
        evicted += figures.evictions[k];
    report_at_least(report, "entries evicted (the flood is one)", (double)evicted, 1000);
    report_at_least(report, "% hits of a name asked once a second", 100.0 * hits / asked, 95);
    report_at_most(report, "octets held, of the cache's size",
                   (double)figures.bytes / (double)figures.budget, 1);
    rig_advance(f.rig, 20000);
    rig_free(f.rig);
}

/* ---- Random sub-domains
 * ------------------------------------------------------------------------------ */

struct others {
    struct answer_seen *answers;
    unsigned count;
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The 99th percentile of the time to an answer, and the share that was answered. */
static void judge_others(const struct others *o, double *share, double *p99)
{
    uint64_t *times = calloc(o->count, sizeof *times);
    unsigned good_ones = 0;
    MUST(times);
    for (unsigned i = 0; i < o->count; i++) {
        const struct answer_seen *a = &o->answers[i];
        times[i] = a->came ? a->after_ms : 60000;
        good_ones += a->came && answer_has(a, good);
    }
    qsort(times, o->count, sizeof *times, by_number);
    *share = 100.0 * good_ones / o->count;
    *p99 = (double)times[o->count * 99 / 100];
    free(times);
}

/* `qps` random names under a silent zone for some seconds, and 100 a second of another that
 * answers. */
static void play_random(unsigned qps, size_t work, double *share, double *p99)
{
    enum { SECONDS = 10, RATE = 100 };
    struct others o = {.count = SECONDS * RATE};
    struct rig *r = rig_new(&(struct rig_config){.work_size = work});
    o.answers = calloc(o.count, sizeof *o.answers);
    MUST(o.answers);
    rig_zone(r, "evil.com.", evil_server, NULL, NULL);
    rig_zone(r, "bank.com.", good_server, serve_address, (void *)(uintptr_t)good);
    char name[64];
    uint64_t number = 0;
    for (unsigned i = 0; i < o.count; i++) {
        for (unsigned k = 0; k < qps / RATE; k++) {
            snprintf(name, sizeof name, "r%llu.evil.com.", (unsigned long long)number++);
            rig_ask(r, name, TYPE_A, NULL);
        }
        snprintf(name, sizeof name, "w%u.bank.com.", i);
        rig_ask(r, name, TYPE_A, &o.answers[i]);
        rig_advance(r, 1000 / RATE);
    }
    rig_advance(r, 20000);
    judge_others(&o, share, p99);
    free(o.answers);
    rig_free(r);
}

void attack_random_names(struct report *report)
{
    double share, calm, p99;
    unsigned scale = report->full ? 1 : 10;
    size_t work = ((size_t)128 << 20) / scale;
    play_random(0, work, &share, &calm);
    play_random(50000 / scale, work, &share, &p99);
    report_at_least(report, "% of other names answered", share, 99.9);
    report_at_most(report, "p99 of the others, x that without attack", p99 / calm, 2);
}

/* ---- DNSBomb
 * -------------------------------------------------------------------------------------------- */

static void serve_held(struct ask *q, void *script)
{
    uint64_t *release = script;
    uint64_t now = sim_now(rig_sim(q->rig));
    reply_start(q, FLAG_AA);
    reply_add(q, SECTION_ANSWER, "%s 60 IN A 192.0.2.80", q->text);
    reply_send(q, *release > now ? *release - now : 1);
}

struct bomb {
    struct rig *rig;
    struct answer_seen *answers;
    unsigned count, most;
};

/* Lets ten seconds pass; the most answers that came in one. */
static void count_answers(struct bomb *b)
{
    unsigned before = 0;
    for (unsigned second = 0; second < 10; second++) {
        rig_advance(b->rig, 1000);
        unsigned came = 0;
        for (unsigned i = 0; i < b->count; i++)
            came += b->answers[i].came;
        b->most = came - before > b->most ? came - before : b->most;
        before = came;
    }
}

/* 10,000 queries of one address, of `names` names, held by a slow authority until `after_ms`. */
static void drop_bomb(struct bomb *b, unsigned names, unsigned after_ms)
{
    struct endpoint victim = address_of("10.1.2.3");
    uint64_t release;
    char name[64];
    b->count = 10000;
    b->answers = calloc(b->count, sizeof *b->answers);
    b->rig = rig_new(&(struct rig_config){.work_size = (size_t)512 << 20});
    MUST(b->answers);
    release = sim_now(rig_sim(b->rig)) + after_ms;
    rig_zone(b->rig, "evil.", evil_server, serve_held, &release);
    rig_zone(b->rig, "bank.com.", good_server, serve_address, (void *)(uintptr_t)good);
    for (unsigned i = 0; i < b->count; i++) {
        snprintf(name, sizeof name, "b%u.evil.", i % names);
        rig_ask_as(b->rig, &victim, TRANSPORT_UDP,
                   &(struct rig_wish){.name = name, .type = TYPE_A, .out = &b->answers[i]});
    }
    count_answers(b);
}

/* Queries of one address that it never wrote, held by a slow authority and released together. */
void attack_dns_bomb(struct report *report)
{
    static struct answer_seen other;
    struct bomb b = {0}, same = {0};
    drop_bomb(&b, 10000, 350);
    report_at_most(report, "answers to one address in one second", b.most, 256);
    report_at_least(report, "the same: some do leave", b.most, 200);
    rig_resolve(b.rig, "www.bank.com.", TYPE_A, &other);
    report_at_least(report, "another address is answered meanwhile", answer_has(&other, good), 1);
    rig_free(b.rig);
    free(b.answers);
    drop_bomb(&same, 1, 90);
    report_at_most(report, "answers to one address that repeats one question", same.most, 16);
    rig_free(same.rig);
    free(same.answers);
}

/*
 * One address asks as much as it can of a zone that never answers, as if over TCP; of the others
 * none may notice.
 */
void attack_one_source(struct report *report)
{
    static struct answer_seen seen;
    struct endpoint hog = address_of("10.1.2.3");
    struct rig *r = rig_new(&(struct rig_config){.work_size = (size_t)16 << 20});
    unsigned good_ones = 0, asked = 0, most = 0;
    char name[64];
    rig_zone(r, "evil.", evil_server, NULL, NULL);
    rig_zone(r, "bank.com.", good_server, serve_address, (void *)(uintptr_t)good);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "o%u.evil.", i);
        rig_ask_as(r, &hog, TRANSPORT_TCP, &(struct rig_wish){.name = name, .type = TYPE_A});
        most =
            resolver_load(rig_resolver(r)) > most ? (unsigned)resolver_load(rig_resolver(r)) : most;
        if (i % 200 != 199)
            continue;
        snprintf(name, sizeof name, "g%u.bank.com.", i);
        rig_resolve(r, name, TYPE_A, &seen);
        asked++;
        good_ones += answer_has(&seen, good);
    }
    report_at_least(report, "% of the others answered", 100.0 * good_ones / asked, 100);
    report_at_most(report, "lookups that one address has under way", most, 4096 + 2);
    rig_advance(r, 20000);
    rig_free(r);
}

/* A zone of its own for each name, each with a silent server of its own. */
static void serve_dead_zones(struct ask *q, void *script)
{
    unsigned *number = script, n = ++*number;
    const char *zone = strchr(q->text, 'z'); /* "zN.evil.", asked for alone or with a label more */
    MUST(zone);
    reply_start(q, 0);
    reply_add(q, SECTION_AUTHORITY, "%s 86400 IN NS ns.%s", zone, zone);
    reply_add(q, SECTION_ADDITIONAL, "ns.%s 86400 IN A 100.%u.%u.%u", zone, n >> 16 & 63,
              n >> 8 & 255, n & 255);
    reply_send(q, 5);
}

/* The working memory full of questions about zones that never answer. */
void attack_slow_zones(struct report *report)
{
    enum { SECONDS = 5, RATE = 100 };
    unsigned scale = report->full ? 1 : 10, number = 0;
    struct others o = {.count = SECONDS * RATE};
    struct rig *r = rig_new(&(struct rig_config){.work_size = ((size_t)128 << 20) / scale});
    double share, p99;
    char name[64];
    o.answers = calloc(o.count, sizeof *o.answers);
    MUST(o.answers);
    rig_zone(r, "evil.", evil_server, serve_dead_zones, &number);
    rig_zone(r, "bank.com.", good_server, serve_address, (void *)(uintptr_t)good);
    for (unsigned i = 0, n = 0; i < o.count; i++) {
        for (unsigned k = 0; k < 50000 / scale / RATE; k++) {
            snprintf(name, sizeof name, "w.z%u.evil.", n++);
            rig_ask(r, name, TYPE_A, NULL);
        }
        snprintf(name, sizeof name, "w%u.bank.com.", i);
        rig_ask(r, name, TYPE_A, &o.answers[i]);
        rig_advance(r, 1000 / RATE);
    }
    rig_advance(r, 20000);
    judge_others(&o, &share, &p99);
    report_at_least(report, "% of other names answered", share, 99.9);
    report_at_most(report, "p99 of the others, ms", p99, 100);
    report_at_least(report, "clients that made way",
                    (double)resolver_counters(rig_resolver(r))->limit_make_way, 1000);
    report_at_most(report, "octets of work, of work.size",
                   (double)rig_work(r) / (double)(((size_t)128 << 20) / scale), 1);
    free(o.answers);
    rig_free(r);
}

/* How many questions have room at once (L17): asked within 200 ms, so that none makes way yet, of
 * servers that do not answer in time. */
void attack_recursing(struct report *report)
{
    unsigned scale = report->full ? 1 : 16, number = 0, asked = 0;
    struct rig *r = rig_new(&(struct rig_config){.work_size = ((size_t)128 << 20) / scale});
    size_t most = 0, under_way = 1;
    char name[64];
    rig_zone(r, "evil.", evil_server, serve_dead_zones, &number);
    for (unsigned i = 0; i < 90 && under_way > most; i++) {
        most = under_way;
        for (unsigned k = 0; k < 1000 / scale; k++) {
            snprintf(name, sizeof name, "www.z%u.evil.", asked++);
            rig_ask(r, name, TYPE_A, NULL);
        }
        rig_advance(r, 2);
        under_way = resolver_load(rig_resolver(r));
    }
    report_at_least(report, "questions under way in 128 MiB", (double)most * scale, 65536);
    rig_advance(r, 20000);
    rig_free(r);
}

/* ---- Memory
 * -----------------------------------------------------------------------------------------------
 */

static size_t resident(void)
{
    char line[256];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    MUST(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %zu", &kib) == 1)
            break;
    fclose(f);
    return kib << 10;
}

static void serve_sizes(struct ask *q, void *script)
{
    static uint8_t bytes[DNS_MESSAGE_MAX];
    unsigned *number = script, n = ++*number;
    /* Sizes come in waves, so that what is freed never fits what comes next. */
    unsigned wave = n / 2000 % 6, count = wave == 5 ? 1 + n % 60 : 1U << wave;
    reply_raw(q, bytes, bulk(q, bytes, TYPE_TXT, count, 200), 2);
}

void attack_memory(struct report *report)
{
    size_t cache = (size_t)(report->full ? 100 : 16) << 20,
           work = (size_t)(report->full ? 128 : 16) << 20, most = 0;
    unsigned number = 0, queries = report->full ? 2000000 : 60000;
    char name[64];
    size_t before = resident();
    struct rig *r = rig_new(&(struct rig_config){.cache_size = cache, .work_size = work});
    rig_zone(r, "evil.com.", evil_server, serve_sizes, &number);
    rig_zone(r, "slow.com.", "203.0.113.9", NULL, NULL);
    for (unsigned i = 0; i < queries; i++) {
        snprintf(name, sizeof name, "m%u.%s.com.", i, i % 8 ? "evil" : "slow");
        rig_ask(r, name, TYPE_TXT, NULL);
        if (i % 128 == 127)
            rig_advance(r, 10);
        if (i % 1000 == 0) {
            size_t now = resident();
            most = now > most ? now : most;
        }
    }
    rig_advance(r, 20000);
    struct cache_figures figures;
    cache_figures(rig_cache(r), &figures);
    double bound = ((double)cache + (double)work) * 1.05 + (32 << 20);
    report_at_least(report, "octets held in the cache, of its size",
                    (double)figures.bytes / (double)cache, 0.8);
    report_at_most(report, "octets resident, of cache, work, 5 % and 32 MiB",
                   (double)(most > before ? most - before : 0) / bound, 1);
    rig_free(r);
}
