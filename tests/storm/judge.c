/* An answer of the resolver against what the oracle says. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/storm/judge.h"

enum { TTL_MOST = 86400, NEGATIVE_MOST = 3600, SLACK_MS = 7000, SURE_ROUGH = 14, SURE_MOST = 36 };

/* ---- what may never be in it ----------------------------------------------------------------- */

static bool is_forged(const struct rpl_rr *rr)
{
    static const uint8_t forged[] = "\6poison";
    if (rr->type == TYPE_A)
        return !memcmp(rr->rdata, storm_marker4, 4);
    if (rr->type == TYPE_AAAA)
        return !memcmp(rr->rdata, storm_marker6, 16);
    if (rr->type == TYPE_NS || rr->type == TYPE_CNAME)
        return name_equal(rr->rdata, forged);
    return name_equal(rr->owner, forged);
}

static bool forged_in(const struct rpl_message *m)
{
    for (unsigned s = RPL_ANSWER; s < RPL_SECTIONS; s++)
        for (const struct rpl_rr *rr = m->section[s]; rr; rr = rr->next)
            if (is_forged(rr))
                return true;
    return false;
}

/* ---- the same records? ----------------------------------------------------------------------- */

static bool same_rdata(const struct truth_rr *t, const struct rpl_rr *rr)
{
    switch (t->type) {
    case TYPE_TXT:
        return rr->length == STAMP_SIZE && rr->rdata[1] == 't';
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_DNAME:
        return name_equal(t->rdata, rr->rdata);
    case TYPE_MX:
        return !memcmp(t->rdata, rr->rdata, 2) && name_equal(t->rdata + 2, rr->rdata + 2);
    case TYPE_SOA: {
        size_t n = name_size(t->rdata);
        return rr->length == t->length && name_equal(t->rdata, rr->rdata) &&
               !memcmp(t->rdata + 2 * n, rr->rdata + 2 * n, 20);
    }
    default:
        return rr->length == t->length && !memcmp(t->rdata, rr->rdata, t->length);
    }
}

static const struct truth_rr *find_truth(const struct truth *t, const struct rpl_rr *rr)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->rr[i].type == rr->type && name_equal(t->rr[i].owner, rr->owner) &&
            same_rdata(&t->rr[i], rr))
            return &t->rr[i];
    return NULL;
}

/* NULL, or in what they differ. A CNAME from the cache comes without the DNAME that it was made of.
 */
static const char *compare(const struct truth *t, const struct rpl_message *m)
{
    unsigned count = 0, wanted = 0;
    if (m->rcode != t->rcode)
        return "the response code";
    for (const struct rpl_rr *rr = m->section[RPL_ANSWER]; rr; rr = rr->next) {
        if (rr->type == TYPE_RRSIG)
            continue;
        count += rr->type != TYPE_DNAME;
        if (!find_truth(t, rr))
            return "a record that should not be there";
        for (const struct rpl_rr *other = rr->next; other; other = other->next)
            if (other->type == rr->type && other->length == rr->length &&
                name_equal(other->owner, rr->owner) && !memcmp(other->rdata, rr->rdata, rr->length))
                return "a record that is there twice";
    }
    /* An alias of a wildcard and a loop's records may stand in the truth twice. */
    for (unsigned i = 0; i < t->count; i++)
        wanted += t->rr[i].type != TYPE_DNAME;
    return count == wanted ? NULL : "the number of records";
}

/* ---- how long it may live -------------------------------------------------------------------- */

static const char *check_times(const struct run *r, const struct truth *t,
                               const struct rpl_message *m)
{
    uint64_t now = sim_now(r->sim);
    for (const struct rpl_rr *rr = m->section[RPL_ANSWER]; rr; rr = rr->next) {
        const struct truth_rr *truth = find_truth(t, rr);
        if (!truth)
            continue;
        uint32_t most = truth->ttl > TTL_MOST ? TTL_MOST : truth->ttl;
        if (rr->ttl > most)
            return "a TTL that grew";
        /* What was made to live longer on the way counts from when it is checked. */
        if (rr->type != TYPE_TXT || r->rate[STORM_RAISE_TTL])
            continue;
        uint64_t stamp = storm_stamp(rr->rdata), age = now - stamp;
        /* On its way while the machine slept, it is as fresh as it came. */
        if (stamp <= r->slept_at_ms)
            age -= r->slept_ms < age ? r->slept_ms : age;
        if (age > most * 1000ULL + SLACK_MS)
            return "a record that lived too long";
        if (rr->ttl * 1000ULL + age > most * 1000ULL + SLACK_MS)
            return "a TTL that does not count down";
    }
    for (const struct rpl_rr *rr = m->section[RPL_AUTHORITY]; rr; rr = rr->next) {
        if (rr->type != TYPE_SOA || m->section[RPL_ANSWER])
            continue;
        uint32_t minimum = load_u32(rr->rdata + rr->length - 4);
        if (rr->ttl > NEGATIVE_MOST || rr->ttl > minimum)
            return "a negative TTL above the SOA's";
    }
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void breach(struct run *r, const struct ask *a, const char *what, uint16_t rcode)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], text[RCODE_TEXT_MAX];
    storm_breach(r, "query %" PRIu64 " (%.200s %s, %s): %s", a->request, name_text(a->name, name),
                 type_text(a->type, type), rcode_text(rcode, text), what);
}

static void judge_servfail(struct run *r, const struct ask *a, const struct truth *t,
                           const struct rpl_message *m)
{
    unsigned most = r->weather == WEATHER_ROUGH ? SURE_ROUGH : SURE_MOST;
    if (m->section[RPL_ANSWER])
        breach(r, a, "SERVFAIL with records", m->rcode);
    bool gone = t->gone_ms, bogus = t->safety == SAFETY_BOGUS && !a->cd;
    r->tally->servfails[r->weather]++;
    r->tally->unsafe[r->weather][t->safety] += !a->cd;
    if (!t->sure || t->unjudged || gone || t->packets > most || judge_clock_excuses(r, a))
        return;
    /* With a family that is lost or servers that are silent, time may run out first. */
    bool told = r->weather == WEATHER_CALM && !r->tree.vanishing && t->packets <= SURE_ROUGH;
    if (bogus && told && a->edns && !t->open && !judge_explains(m))
        breach(r, a, "SERVFAIL on bogus data that does not say so", m->rcode);
    if (bogus)
        return;
    r->tally->sure_servfails[r->weather]++;
    if (r->weather != WEATHER_HARSH)
        breach(r, a, "SERVFAIL, where the answer can be found", m->rcode);
}

/* NULL, or what is wrong with the answer if that is the truth. */
static const char *judge_by(const struct run *r, const struct ask *a, const struct truth *t,
                            const struct rpl_message *m)
{
    const char *what = r->is_signed ? judge_safety(r, a, t, m) : NULL;
    if (what || !judge_is_protected(r, a, t))
        return what;
    what = compare(t, m);
    if (!what && t->loops)
        what = "an answer, where the aliases never end";
    return what ? what : check_times(r, t, m);
}

/* Was the name within a zone that was withdrawn not long ago? `out` is how it was. */
static bool was_there(const struct run *r, const struct ask *a, struct truth *out)
{
    /* A referral that was on its way while the machine slept lives that much longer. */
    uint64_t now = sim_now(r->sim) - r->slept_ms;
    oracle_answer(&r->tree, a->name, a->type, 0, 0, out);
    return out->gone_ms && now < out->gone_ms + out->spare_s * 1000ULL;
}

/*
 * A name of a zone that was withdrawn may be believed for a while: it is answered as it was, or was
 * an alias that leads to what is there now, or a ghost's name was reached through an alias that is
 * no longer followed. So the chain is followed as it was up to each of its steps, and then as it
 * is. NULL, or what is wrong with the answer by the last of these.
 */
static const char *judge_ghosts(const struct run *r, const struct ask *a,
                                const struct rpl_message *m, const char *what)
{
    struct truth t;
    if (!was_there(r, a, &t))
        return what;
    for (unsigned before = t.aliases + 1; what && before > 0; before--) {
        oracle_answer(&r->tree, a->name, a->type, sim_now(r->sim), before, &t);
        what = judge_by(r, a, &t, m);
    }
    return what;
}

/* Nobody could have forged it, neither as it is nor as it was: that a cut is unsigned is believed
 * for as long as its denial lives. */
static bool cannot_be_forged(const struct run *r, const struct ask *a, const struct truth *t)
{
    struct truth before;
    return judge_is_protected(r, a, t) &&
           (!was_there(r, a, &before) || judge_is_protected(r, a, &before));
}

/* Against the tree as it is, and as it was while that may still be believed. */
static void judge_records(struct run *r, const struct ask *a, const struct truth *t,
                          const struct rpl_message *m)
{
    const char *what = judge_by(r, a, t, m);
    if (what)
        what = judge_ghosts(r, a, m, what);
    if (what)
        breach(r, a, what, m->rcode);
}

static void judge_message(struct run *r, const struct ask *a, const struct rpl_message *m)
{
    struct truth t;
    oracle_answer(&r->tree, a->name, a->type, sim_now(r->sim), 0, &t);
    r->tally->answers[r->weather]++;
    r->tally->checking_disabled += a->cd;
    r->tally->safety[r->weather][t.safety] += !a->cd && m->rcode != RCODE_SERVFAIL;
    r->tally->sure[r->weather] +=
        t.sure && !t.unjudged && !t.gone_ms && (a->cd || t.safety != SAFETY_BOGUS);
    if (m->id != a->id || !(m->flags & FLAG_QR) || !(m->flags & FLAG_RA) || !m->question.name ||
        !name_equal_case(m->question.name, a->name) || m->question.type != a->type)
        breach(r, a, "not a reply to what was asked", m->rcode);
    else if (m->flags & FLAG_AA)
        breach(r, a, "a resolver that says it is authoritative", m->rcode);
    else if (m->edns.present != a->edns)
        breach(r, a, "OPT without being asked, or none", m->rcode);
    else if (forged_in(m) && cannot_be_forged(r, a, &t))
        breach(r, a, "a forged record", m->rcode);
    else if (m->flags & FLAG_TC)
        r->tally->truncated++;
    else if (m->rcode == RCODE_SERVFAIL)
        judge_servfail(r, a, &t, m);
    else if (!t.unjudged)
        judge_records(r, a, &t, m);
}

void judge_answer(struct run *r, const struct ask *a, const uint8_t *bytes, size_t size)
{
    struct rpl_message m;
    char error[RPL_ERROR_MAX];
    struct arena arena;
    arena_init(&arena, NULL);
    if (rpl_message_read(&arena, bytes, size, &m, error))
        breach(r, a, error, 0);
    else
        judge_message(r, a, &m);
    if (r->verbose) {
        struct rpl_text t = {.arena = &arena};
        rpl_print_message(&t, &m);
        printf("%" PRIu64 " answer to query %" PRIu64 ":\n%s\n", sim_now(r->sim), a->request,
               t.at ? t.at : "");
    }
    arena_deinit(&arena);
}
