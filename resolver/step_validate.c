/*
 * Validating what was found, before anything of it is believed, cached or told. The step runs until
 * the validator has a verdict; what it needs first becomes a child lookup, for which it waits and
 * then begins again. Sets that have their verdict keep it, so no signature is checked twice.
 *
 * A bogus answer is not final while another server may be asked: one server with old signatures
 * must not break a zone whose other servers are in order. What is bogus in the cache is as if it
 * were not there.
 */
#include <string.h>

#include "base/must.h"
#include "resolver/aggressive.h"
#include "resolver/classify.h"

enum { ANY_SKEW_S = INT32_MAX / 2 }; /* 34 years: dates do not count */

/* ---- What is validated -------------------------------------------------------------------------
 */

static enum err take_sets(struct lookup *l, const struct rrsets *sets, struct judged **out,
                          unsigned *count)
{
    struct judged *all = arena_calloc(&l->arena, sets->count + 1, sizeof *all);
    if (!all)
        return ERR_NOMEM;
    for (unsigned i = 0; i < sets->count; i++) {
        all[i].set = arena_copy(&l->arena, sets->at[i], sizeof(struct rrset));
        if (!all[i].set)
            return ERR_NOMEM;
        all[i].derived = sets->at[i]->trust == TRUST_NONE;
        sets->at[i] = all[i].set; /* its verdict goes with it from here on */
    }
    *out = all;
    *count = sets->count;
    return OK;
}

static enum response_kind kind_of(enum reply_kind kind)
{
    switch (kind) {
    case REPLY_NXDOMAIN:
        return RESPONSE_NXDOMAIN;
    case REPLY_NODATA:
        return RESPONSE_NODATA;
    default:
        return RESPONSE_RECORDS;
    }
}

static enum err take(struct lookup *l)
{
    const struct classified *c = l->lead.found;
    struct response *r = arena_calloc(&l->arena, 1, sizeof *r);
    if (!r)
        return ERR_NOMEM;
    *r = (struct response){
        .kind = kind_of(c->kind),
        .name = c->last,
        .type = l->key.type,
        .zone = l->lead.reply ? l->walk.cut->zone : name_root,
        .now = l->r->now,
    };
    const struct rrsets *authority = c->denial.count ? &c->denial : &c->proof;
    enum err e = take_sets(l, &c->answer, &r->answer, &r->answer_count);
    if (!e)
        e = take_sets(l, authority, &r->authority, &r->authority_count);
    l->chain.response = r;
    l->chain.server = l->lead.reply ? l->exchange->to : NULL;
    return e;
}

/* ---- The verdict -------------------------------------------------------------------------------
 */

static struct dnssec_work spent_of(const struct dnssec_work *before,
                                   const struct dnssec_work *after)
{
    return (struct dnssec_work){
        .price = before->price - after->price,
        .good = (uint16_t)(before->good - after->good),
        .failed = (uint16_t)(before->failed - after->failed),
        .blocks = (uint16_t)(before->blocks - after->blocks),
    };
}

static enum verdict validate(struct lookup *l, struct finding *out)
{
    const struct resolver_options *o = l->r->options;
    struct dnssec_work work = waits_checks(l);
    if (work.blocks > LIMIT_HASH_BLOCKS_ONCE)
        work.blocks = LIMIT_HASH_BLOCKS_ONCE;
    struct dnssec_work before = work;
    struct dnssec_policy policy = o->dnssec;
    if (clock_grace(l->r))
        policy.skew_s = ANY_SKEW_S;
    struct validation v = {
        .checker = {.policy = &policy,
                    .keys = l->r->keys,
                    .arena = &l->arena,
                    .work = &work,
                    .wall = (uint32_t)world_wall_s(l->r->config.world)},
        .anchors = &o->anchors,
        .chain = {.ctx = l, .known = chain_known},
    };
    enum verdict verdict = dnssec_validate(&v, l->chain.response, out);
    struct dnssec_work spent = spent_of(&before, &work);
    waits_charge_checks(l, &spent);
    l->r->counters.checks_good += spent.good;
    l->r->counters.checks_failed += spent.failed;
    l->r->counters.hash_blocks += spent.blocks;
    l->r->counters.limit_checks += work.over;
    return verdict;
}

/* What proved nothing, being broken, is not handed on. */
static void leave_out_bogus(struct rrsets *sets)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < sets->count; i++)
        if (sets->at[i]->security != SECURITY_BOGUS)
            sets->at[kept++] = sets->at[i];
    sets->count = kept;
}

static const char *security_text(enum security security)
{
    switch (security) {
    case SECURITY_SECURE:
        return "secure";
    case SECURITY_INSECURE:
        return "insecure";
    default:
        return "indeterminate";
    }
}

static void leave_unchecked(const struct rrsets *sets)
{
    for (unsigned i = 0; i < sets->count; i++)
        ((struct rrset *)(uintptr_t)sets->at[i])->security = SECURITY_UNCHECKED;
}

/* Where dates were not looked at (`dnssec.clock-grace`), or trust anchors have changed meanwhile,
 * the verdict holds for this answer only. What is kept is validated when it is asked for again. */
static void forget_verdict(struct lookup *l)
{
    struct classified *c = l->lead.found;
    leave_unchecked(&c->answer);
    leave_unchecked(&c->denial);
    leave_unchecked(&c->proof);
}

/* With the sets that were judged, each with its own verdict. */
static void tell_verdict(const struct lookup *l, const char *what, enum reason reason)
{
    const struct classified *c = l->lead.found;
    if (!lookup__watched(l))
        return;
    lookup__tell(
        l, (struct traced_event){.kind = TRACED_VERDICT,
                                 .what = what,
                                 .reason = reason,
                                 .kept = {&c->answer, c->denial.count ? &c->denial : &c->proof}});
}

static enum next accept(struct lookup *l, enum security security, const struct finding *f)
{
    enum response_kind proven = l->chain.response->kind;
    if (proven != RESPONSE_RECORDS)
        l->lead.found->kind = proven == RESPONSE_NXDOMAIN ? REPLY_NXDOMAIN : REPLY_NODATA;
    tell_verdict(l, security_text(security), chain_reason(f->why));
    leave_out_bogus(&l->lead.found->denial);
    leave_out_bogus(&l->lead.found->proof);
    l->result.security = (uint8_t)security;
    l->result.why = (uint8_t)f->why;
    l->result.delegation = f->delegation;
    l->chain.denial = (uint8_t)f->denial;
    if (security == SECURITY_SECURE && l->lead.reply)
        signal_anchor(l);
    if (clock_grace(l->r) || clock_overtook(l))
        forget_verdict(l);
    else
        aggressive_keep(l);
    l->step = STEP_ACCEPT;
    return NEXT_STEP;
}

/* Is nothing wrong with it but the dates, by a clock that is wrong itself? */
static bool is_clocks_fault(const struct lookup *l, const struct finding *f)
{
    return l->r->clock.wrong && (f->why == WHY_BOGUS_EXPIRED || f->why == WHY_BOGUS_NOT_YET ||
                                 f->why == WHY_BOGUS_CLOCK);
}

static enum next reject(struct lookup *l, const struct finding *f)
{
    bool clock = is_clocks_fault(l, f);
    enum reason reason = clock ? REASON_BOGUS_CLOCK : chain_reason(f->why);
    l->chain.response = NULL;
    l->r->counters.bogus++;
    lookup__trace(l, "bogus", "why=%s", reason_name(reason));
    tell_verdict(l, "bogus", reason);
    if (!l->chain.server) {
        if (l->key.flags & LOOKUP_CACHED)
            return lookup__fail(l, reason);
        l->step = STEP_FIND_CUT;
        return NEXT_STEP;
    }
    /* What one server's dates say is what may be otherwise tomorrow, whatever another one's fault.
     */
    if (clock_matters(l->chain.reason))
        reason = l->chain.reason;
    l->chain.reason = reason;
    /* Where the chain above or a limit is to blame no other server can help. */
    if (f->of_chain || clock || f->why == WHY_BOGUS_LIMIT)
        return lookup__fail(l, reason);
    if (++l->chain.bogus_replies >= LIMIT_BOGUS_REPLIES) {
        l->r->counters.limit_bogus_replies++;
        return lookup__fail(l, reason);
    }
    servers_give_up(l, l->chain.server, FAULT_BOGUS);
    l->step = STEP_CHOOSE_SERVER;
    return NEXT_STEP;
}

static enum next need(struct lookup *l, const struct finding *f)
{
    struct key_draft draft;
    struct edge *e;
    if (lookup__key(&draft, f->need_name, f->need_type, l->key.flags))
        return lookup__fail(l, REASON_CHAIN_UNKNOWN);
    switch (waits_need(l, &draft.key, EDGE_CHAIN, &e)) {
    case NEED_WAITS:
        return NEXT_WAIT;
    case NEED_NOMEM:
        return lookup__fail(l, REASON_WORK_SIZE);
    default:
        return lookup__fail(l, REASON_CHAIN_UNKNOWN);
    }
}

/* Drops the children of the chain that have ended; is one still under way? */
static bool chain_waits(struct lookup *l)
{
    bool waits = false;
    LIST_EACH_SAFE (it, tmp, &l->waits.children) {
        struct edge *e = CONTAINER_OF(it, struct edge, in_parent);
        if (e->kind != EDGE_CHAIN)
            continue;
        if (e->child)
            waits = true;
        else
            waits_drop(e);
    }
    return waits;
}

enum next step_validate(struct lookup *l, const struct event *e)
{
    struct finding f;
    (void)e;
    if (chain_waits(l))
        return NEXT_WAIT;
    if (!l->chain.response && take(l))
        return lookup__fail(l, REASON_WORK_SIZE);
    switch (validate(l, &f)) {
    case VERDICT_SECURE:
        return accept(l, SECURITY_SECURE, &f);
    case VERDICT_INSECURE:
        return accept(l, SECURITY_INSECURE, &f);
    case VERDICT_INDETERMINATE:
        return accept(l, SECURITY_INDETERMINATE, &f);
    case VERDICT_BOGUS:
        return reject(l, &f);
    case VERDICT_NEED:
        return need(l, &f);
    case VERDICT_NOMEM:
        break;
    }
    return lookup__fail(l, REASON_WORK_SIZE);
}
