/* MaginotDNS: a forwarder of one zone speaks of others, beside each kind of answer it may give. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tests/attacks/attack.h"

static const char good[] = "192.0.2.80", bad[] = "6.6.6.6", forwarder[] = "203.0.113.200";
enum { FOREIGN = 5, RCODES = 16 };

struct maginot {
    unsigned rcode, record;
    enum section section;
    bool alias; /* the answer is an alias into the other zone */
    bool answers;
};

static void serve_forwarder(struct ask *q, void *script)
{
    static const char *const foreign[FOREIGN] = {
        "com. 86400 IN NS ns.evil.a.", "bank.com. 86400 IN NS ns.evil.a.",
        "com. 86400 IN DNAME evil.a.", "www.bank.com. 86400 IN A 6.6.6.6",
        ". 86400 IN NS ns.evil.a."};
    const struct maginot *m = script;
    reply_start(q, (uint16_t)(FLAG_RA | m->rcode));
    if (m->alias)
        reply_add(q, SECTION_ANSWER, "%s 60 IN CNAME www.bank.com.", q->text);
    else if (m->answers && q->type == TYPE_A)
        reply_add(q, SECTION_ANSWER, "%s 60 IN A 192.0.2.99", q->text);
    reply_add(q, m->section, "%s", foreign[m->record]);
    if (m->section != SECTION_ADDITIONAL)
        reply_add(q, SECTION_ADDITIONAL, "ns.evil.a. 86400 IN A %s", bad);
    reply_send(q, 10);
}

/* What the caches should not hold: anything of `com` and the root that this forwarder said. */
static unsigned foreign_cached(struct rig *r)
{
    static const char *const zones[] = {".", "com.", "bank.com."};
    static const uint16_t types[] = {TYPE_NS, TYPE_DNAME};
    struct delegation d;
    struct rrset set;
    uint8_t name[NAME_MAX_WIRE];
    uint32_t now = rig_now(r);
    unsigned held = 0;
    struct endpoint true_server = address_of("203.0.113.1");
    for (unsigned i = 0; i < 3; i++) {
        name_of(zones[i], name);
        for (unsigned t = 0; t < 2; t++)
            held += !cache_get_rrset(rig_cache(r), name, types[t], now, &set);
        if (cache_get_delegation(rig_cache(r), name, now, &d))
            continue;
        bool own = i == 2 && d.address_count == 1 && endpoint_equal(&d.address[0].at, &true_server);
        held += !own; /* the one that the root gave */
    }
    struct endpoint e = address_of(bad);
    if (!cache_get_rrset(rig_cache(r), name_of("www.bank.com.", name), TYPE_A, now, &set))
        held += memcmp(set.rdata + 2, e.bytes, 4) == 0;
    return held;
}

static void play(struct maginot m, bool warm, unsigned *cached, unsigned *misled)
{
    static struct answer_seen a;
    struct rig *r = rig_new(&(struct rig_config){.cache_size = 1 << 20});
    rig_zone(r, "bank.com.", "203.0.113.1", serve_address, (void *)(uintptr_t)good);
    rig_zone(r, "a.", forwarder, serve_forwarder, &m);
    rig_forward(r, "a.", forwarder);
    if (warm)
        rig_resolve(r, "first.bank.com.", TYPE_A, &a);
    for (unsigned i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "w%u.a.", i);
        rig_resolve(r, name, i == 2 ? TYPE_NS : TYPE_A, &a);
        *misled += answer_has(&a, bad);
        *cached += foreign_cached(r);
    }
    MUST(rig_packets_to(r, forwarder) > 0);
    rig_resolve(r, "www.bank.com.", TYPE_A, &a);
    *misled += !answer_has(&a, good) || answer_has(&a, bad);
    rig_free(r);
}

void attack_maginot(struct report *report)
{
    unsigned cached = 0, misled = 0, tried = 0;
    for (unsigned i = 0; i < RCODES * FOREIGN * SECTION_COUNT * 3 * 2; i++, tried++) {
        unsigned shape = i / 2 % 3;
        struct maginot m = {.rcode = i / (6 * SECTION_COUNT * FOREIGN),
                            .record = i / (6 * SECTION_COUNT) % FOREIGN,
                            .section = (enum section)(i / 6 % SECTION_COUNT),
                            .alias = shape == 1,
                            .answers = shape == 2};
        play(m, i % 2, &cached, &misled);
    }
    report_at_least(report, "rcode x section x record x answer", tried, 1000);
    report_at_most(report, "records of other zones cached", cached, 0);
    report_at_most(report, "answers misled", misled, 0);
}
