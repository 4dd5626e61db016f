/*
 * A lookup: one question being answered, shared by all who wait for it. Internal to resolver/.
 *
 * It moves through the steps of steps.def. A step reads its event, sets `l->step` once, and says
 * whether to go on, to wait, or that all is done. It never calls another lookup: to wake one is to
 * put it on the ready queue (lookup__wake), which resolver_turn drains. Everything a lookup
 * allocates is in its arena.
 */
#ifndef RESOLVER_LOOKUP_H
#define RESOLVER_LOOKUP_H

#include "dns/name.h"
#include "dnssec/validate.h"
#include "resolver/chain.h"
#include "resolver/clock.h"
#include "resolver/flow.h"
#include "resolver/limits.h"
#include "resolver/resolver.h"

enum next { NEXT_STEP, NEXT_WAIT, NEXT_DONE };

enum step_id {
#define X(name, function, text) STEP_##name,
#include "resolver/steps.def"
#undef X
    STEP_COUNT
};

enum event_kind {
    EVENT_START,
    EVENT_REPLY,
    EVENT_FAILED,
    EVENT_DOUBT, /* what came is no answer, yet the exchange waits on: see struct exchange.saw */
    EVENT_TIMEOUT,
    EVENT_CHILD
};

struct event {
    enum event_kind kind;
    const struct message *message; /* EVENT_REPLY: in the lookup's arena */
};

struct lookup;

struct step {
    const char *name;
    enum next (*run)(struct lookup *l, const struct event *e);
};
extern const struct step lookup__steps[STEP_COUNT];

/* A growing array of borrowed RRsets in an arena. */
struct rrsets {
    const struct rrset **at;
    unsigned count;
    unsigned capacity;
};
MUST_CHECK enum err rrsets_push(struct arena *a, struct rrsets *list, const struct rrset *set);

/* What makes two questions one. */
enum lookup_flag { LOOKUP_CD = 1, LOOKUP_PRIME = 2, LOOKUP_CACHED = 4, LOOKUP_FRESH = 8 };
struct lookup_key {
    const uint8_t *name; /* lower case */
    uint8_t size;
    uint8_t flags; /* enum lookup_flag */
    uint16_t type;
};

/* A key in the making, with room for its name. */
struct key_draft {
    struct lookup_key key;
    uint8_t name[NAME_MAX_WIRE];
};

/* ---- Who waits for whom (waits.c) ------------------------------------------------------------ */

enum edge_kind {
    EDGE_ALIAS,   /* the child resolves the target of the parent's alias */
    EDGE_ADDRESS, /* the child finds an address of a name server */
    EDGE_PRIME,   /* the child finds the root's name servers */
    EDGE_OWN_NS,  /* the child finds the NS set that the zone itself has */
    EDGE_CHAIN,   /* the child finds and validates keys or DS records */
};
enum { EDGE_ADDRESSES = DELEGATION_ADDRESS_PER_NS };

struct edge {
    struct list in_parent; /* in parent->children */
    struct list in_child;  /* in child->parents; in none once the child has ended */
    struct lookup *parent;
    struct lookup *child; /* NULL once it has ended */
    enum edge_kind kind;
    uint8_t ns;    /* EDGE_ADDRESS: which name server */
    uint16_t type; /* which type of address */
    bool nxdomain;
    enum reason reason; /* how the child failed; REASON_NONE */
    uint8_t address_count;
    struct endpoint address[EDGE_ADDRESSES];
};

/* ---- Walking down (step_cut.c, servers.c) ---------------------------------------------------- */

enum { CANDIDATES_MAX = 40, CANDIDATES_BLOCK = 4 };
enum candidate_flag {
    CANDIDATE_OVER = 1,       /* not to be asked again for this question */
    CANDIDATE_NO_EDNS = 2,    /* ask it without EDNS */
    CANDIDATE_TCP = 4,        /* ask it over TCP */
    CANDIDATE_LAST = 8,       /* lame for the zone, as far as we know: when nobody else is left */
    CANDIDATE_NO_COOKIE = 32, /* ask it without one, and expect none */
    CANDIDATE_BADCOOKIE = 64, /* it said so once: our cookie for it is new now */
    CANDIDATE_NO_TCP = 16,    /* TCP to tell a forger apart was of no use: not again */
    CANDIDATE_COPY = 128,     /* no server at all: the local copy of the root (step_local_root.c) */
};

/* An address of a name server of the zone at hand. */
struct candidate {
    struct endpoint at;
    uint8_t ns;
    uint8_t flags;
    uint8_t sends[2]; /* by enum transport */
};

/* How servers of this zone failed, so that the reason of the whole can be named. */
enum fault {
    FAULT_SILENT,
    FAULT_REFUSED,
    FAULT_LAME,
    FAULT_MALFORMED,
    FAULT_ERROR,   /* a response code */
    FAULT_CUT,     /* its answer is cut off over TCP, too */
    FAULT_CLOSED,  /* the host or its port refuses */
    FAULT_NETWORK, /* nothing can be sent there from here */
    FAULT_BOGUS,   /* what it said does not validate */
    FAULT_COUNT
};

/* Where the servers of the cut come from. */
enum cut_kind {
    CUT_LEARNED, /* a referral, or the root's hints */
    CUT_STUB,    /* the operator: authoritative servers */
    CUT_FORWARD, /* the operator: resolvers, asked with RD */
};

/* Finding addresses of the cut's name servers. Bit i is name server i; [0] IPv4, [1] IPv6. */
struct ns_search {
    uint16_t known[2];  /* an address came as glue or lies in the cache, or it was looked up */
    uint16_t none[2];   /* of these there is no address */
    uint8_t started;    /* look-ups */
    bool glue_doubted;  /* what came as glue was of no use: it is looked up too */
    enum reason reason; /* why one could not be made */
};

/* A cut that the walk came by and that expires soon; in the lookup's arena. */
struct passed {
    const struct delegation *cut;
    const struct passed *before;
};

struct walk {
    struct delegation *cut;
    enum cut_kind kind;
    const struct passed *passed; /* the last one; NULL: none */
    bool may_iterate;            /* CUT_FORWARD: from the root instead when these fail */
    bool forward_over;           /* they have failed */
    bool fresh;                  /* the cut came by a referral to this very lookup */
    bool own_servers;            /* the servers are those that the zone itself names */
    bool own_asked;              /* it was asked for them */
    const uint8_t
        *above; /* begin above this zone: what we knew of its servers is no good; or NULL */
    bool probe; /* what is asked is a minimised question */
    bool minimise_off;
    uint8_t minimise_steps; /* minimised questions so far */
    uint8_t labels;         /* of the name that is asked */
    uint8_t referrals;      /* followed so far */
    uint8_t timeouts_most;  /* of this zone's servers, before they count as silent */
    struct ns_search ns;
    unsigned candidate_count;
    /* In blocks, since most zones have few: they stay where they are while the walk goes on. */
    struct candidate *candidates[CANDIDATES_MAX / CANDIDATES_BLOCK];
    struct exchange *copy; /* stands for what the local root was asked; NULL: nothing yet */
    uint8_t faults[FAULT_COUNT];
    uint8_t lost[2];     /* time-outs over IPv4, IPv6 */
    bool family_over[2]; /* as many as all that wait may lose */
};

/*
 * A message that is out (exchange.c). A lookup may have EXCHANGES_MAX out at once, all with the
 * walk's present question: the first valid answer wins and the others are cancelled. One that ended
 * without a reply keeps its state until the lookup's next turn has seen it.
 */
enum { EXCHANGES_MAX = 2 };
enum exchange_state {
    EXCHANGE_NONE,
    EXCHANGE_OPEN,
    EXCHANGE_FAILED, /* `why` says how */
    EXCHANGE_REPEAT, /* the server was heard: ask it again, over TCP */
};
/* What came to an open exchange and did not end it, since it may be a forger's. */
enum exchange_saw {
    SAW_MALFORMED = 1, /* a reply for us that could not be read */
    SAW_BARE = 2,      /* a header with an error and our id, nothing else */
    SAW_STRANGER = 4,  /* a reply with another id, question or cookie: somebody guesses */
};
struct exchange {
    enum exchange_state state;
    enum err why;
    uint64_t token; /* 0: the world knows nothing of it (any more) */
    struct candidate *to;
    enum transport via;
    uint16_t id;
    uint16_t type;
    bool edns;
    bool case_random;
    bool beside;        /* TCP beside UDP to tell a forger apart: no failure of the server's */
    uint8_t saw;        /* enum exchange_saw */
    uint8_t dealt_with; /* of these */
    uint8_t bare_rcode; /* SAW_BARE */
    bool cookie_sent;
    bool cookie_due; /* the server's own went along: its reply must bear a cookie, too */
    uint8_t cookie[COOKIE_CLIENT];
    uint64_t sent_ms;
    uint32_t rtt_ms;     /* of its reply */
    uint64_t due_ms;     /* when it counts as timed out */
    struct flow *server; /* counted there */
    const uint8_t *name; /* as sent */
};

static inline struct candidate *walk_candidate(const struct walk *w, unsigned i)
{
    return &w->candidates[i / CANDIDATES_BLOCK][i % CANDIDATES_BLOCK];
}

struct result {
    uint16_t rcode;
    uint8_t security;
    uint8_t why;     /* enum why: of insecure, where there is more to say */
    bool delegation; /* a secure denial of DS: there is a zone cut at the name */
    enum reason reason;
    bool from_failure_cache;
    enum source source;
    struct rrsets answer;
    struct rrsets authority;
    struct rrsets additional;
};

/* Who waits for the lookup, and for whom it waits. */
struct waits {
    struct list clients;  /* struct client.link */
    struct list parents;  /* struct edge.in_child */
    struct list children; /* struct edge.in_parent */
    uint64_t mark;        /* the last traversal that came by */
    uint8_t depth;
};

/* What one step hands to the next. */
struct lead {
    struct candidate *chosen;     /* SEND: to whom */
    bool beside;                  /* SEND: over TCP, beside UDP to the same server */
    const struct rrset *referral; /* FOLLOW_REFERRAL: its NS set, in the message of the event */
    const uint8_t *target;        /* FOLLOW_ALIAS: the name that the alias leads to */
    struct classified *found;     /* VALIDATE, ACCEPT */
    const struct message *reply;  /* VALIDATE, ACCEPT: where it was found; NULL: in the cache */
};

struct lookup {
    uint32_t magic;
    struct resolver *r;
    struct arena arena;
    struct arena reply; /* the message that is being looked at; `arena` adopts what is kept */
    struct lookup_key key;
    uint32_t number;
    uint32_t verdicts; /* by which number it judges: struct clock */
    uint64_t hash;
    struct lookup *bucket_next;
    struct list ready; /* in r->ready */
    struct waits waits;
    struct timer timer;
    enum step_id step;
    struct event event; /* the next to be handled */
    struct lead lead;
    struct stay stay;
    bool cancelled;
    bool had_failure;       /* a failure entry (expired) stands in the cache */
    uint8_t system_packets; /* priming: left of its own budget */
    struct walk walk;
    struct exchange exchanges[EXCHANGES_MAX];
    struct exchange *exchange; /* the last to be opened, or to end: what the step is about */
    struct chain_state chain;
    struct result result;
    uint8_t name[]; /* of the key */
};

struct slot {
    struct lookup *lookup;
    struct exchange *exchange;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
};

/* How it goes with IPv4 or IPv6 (families.c). */
struct family {
    uint8_t silent;    /* exchanges in a row, whoever was asked */
    uint64_t probe_ms; /* when it is doubted: not before */
};

/* Asking for the root's name servers (step_root.c). */
struct priming {
    bool under_way;
    uint8_t failures; /* in a row */
    uint64_t started_ms;
    uint32_t expiry; /* of the root's delegation, when it was seen last */
    uint32_t seen;   /* and when it was seen first */
};

struct resolver {
    uint32_t magic;
    struct resolver_config config;
    const struct resolver_options *options;
    struct counters counters;
    struct list ready;    /* lookups to run */
    struct list detached; /* clients to be told */
    struct list waiting;  /* struct client.age */
    struct heap timers;
    struct flows flows;
    struct lookup **buckets;
    size_t bucket_count; /* a power of two */
    size_t lookup_count;
    uint32_t numbers; /* given to lookups so far */
    struct slot *slots;
    uint32_t slot_count;
    uint32_t slot_free;
    struct priming priming;
    struct clock clock;
    struct client signal;    /* asks the questions of signal.c */
    bool signalling;         /* it waits */
    struct family family[2]; /* IPv4, IPv6 */
    uint64_t mark;
    struct keyring *keys; /* parsed public keys */
    uint64_t now_ms;
    uint32_t now; /* boot-time seconds, of this turn */
};

/* ---- lookup.c -------------------------------------------------------------------------------- */

/* The lookup of that question, found or made. ERR_NOMEM. */
MUST_CHECK enum err lookup__get(struct resolver *r, const struct lookup_key *key, unsigned depth,
                                struct lookup **out, bool *made);
MUST_CHECK enum err lookup__key(struct key_draft *d, const uint8_t *name, uint16_t type,
                                uint8_t flags);
void lookup__run(struct lookup *l);
void lookup__wake(struct lookup *l, enum event_kind kind);
/* Nobody waits for it any more? Then it will be cancelled in this turn. */
void lookup__check_orphan(struct lookup *l);
/* It ends without telling anybody. */
void lookup__cancel(struct lookup *l);
/* Ends it at once, its waiters untold. */
void lookup__free(struct lookup *l);
/* The step sets the reason and ends. */
enum next lookup__fail(struct lookup *l, enum reason reason);
/* Remembers a failure of that name and type, each time twice as long (RFC 9520 §3.2). */
void lookup__back_off(struct resolver *r, const uint8_t *name, uint16_t type, enum reason reason);
MUST_CHECK enum err lookup__timer(struct lookup *l, uint64_t at_ms);
/* The step has a chain in the result that leads to `target` (the arena's). */
enum next lookup__follow(struct lookup *l, const uint8_t *target, unsigned aliases);
struct outcome lookup__outcome(const struct lookup *l);
/* Does the root key sentinel have this secure answer refused to clients? (sentinel.c) */
bool sentinel_refuses(const struct lookup *l);
/* The lookup got what is secure from a server: of an anchor's keys its zone is told. (signal.c) */
void signal_anchor(struct lookup *l);

/* ---- waits.c --------------------------------------------------------------------------------- */

enum need { NEED_WAITS, NEED_LOOP, NEED_DEPTH, NEED_NOMEM };
/* Makes `parent` wait for the answer to a question. */
enum need waits_need(struct lookup *parent, const struct lookup_key *key, enum edge_kind kind,
                     struct edge **out);
void waits_drop(struct edge *e);
/* Is any of the lookup's children still at work? */
bool waits_pending(const struct lookup *l);

enum charge { CHARGE_PACKETS, CHARGE_BYTES, CHARGE_ALIASES, CHARGE_NS_LOOKUPS };
/*
 * Charges every client that waits for this lookup, directly or through others. Those who cannot pay
 * are detached. False when nobody is left: the lookup is over. Name server look-ups detach nobody:
 * false says only that nobody can pay for one.
 */
bool waits_charge(struct lookup *l, enum charge what, uint32_t amount);
/* The message that was charged could not leave this machine: a network without IPv6 must not use
 * budgets up. */
void waits_refund_packet(struct lookup *l);
/* Could all that wait afford look-ups that may turn out needless, and keep enough for needed ones?
 */
bool waits_spare_look_ups(struct lookup *l);
/* A message over that family was lost for all that wait; have they lost as many as they may? */
void waits_lost(struct lookup *l, uint8_t family);
bool waits_family_spent(struct lookup *l, uint8_t family);
void waits_detach(struct client *c, enum reason reason);
/* What may be spent on checking signatures: the most that anybody who waits has left. */
struct dnssec_work waits_checks(struct lookup *l);
/* Takes what was spent from all who wait. */
void waits_charge_checks(struct lookup *l, const struct dnssec_work *spent);

/* ---- exchange.c ------------------------------------------------------------------------------ */

/*
 * Sends the walk's present question to `to`, beside what is out already; exchange_room says whether
 * one more may be. The error is the world's, ERR_BUSY: it has no socket left just now, or
 * ERR_LIMIT: nobody is left to pay.
 */
MUST_CHECK enum err exchange_open(struct lookup *l, struct candidate *to, enum transport via);
bool exchange_room(const struct lookup *l);
/* Is any of them waiting for its reply? */
bool exchange_waits(const struct lookup *l);
/* When the first of those that wait is due, or lets us wait for too long; UINT64_MAX: none waits.
 */
uint64_t exchange_due_ms(const struct lookup *l);
void exchange_end(struct lookup *l, struct exchange *x);
void exchange_end_all(struct lookup *l);
/* The world's events. */
void exchange_reply(void *ctx, uint64_t token, const uint8_t *message, size_t length);
void exchange_failed(void *ctx, uint64_t token, enum err why);

/* ---- cookies.c ------------------------------------------------------------------------------- */

enum { COOKIE_OPTION_MAX = COOKIE_CLIENT + COOKIE_SERVER_MAX };
/* Adds a cookie to the options of a message to a server; `option` lives until it is written. */
void cookies_ask(struct lookup *l, struct exchange *x, uint8_t option[COOKIE_OPTION_MAX],
                 struct edns_out *out);

enum cookie_reply {
    COOKIE_REPLY_FINE,
    COOKIE_REPLY_STRANGE, /* not to be believed: another's cookie, or none where one was due */
    COOKIE_REPLY_AGAIN,   /* BADCOOKIE: the same server once more */
};
enum cookie_reply cookies_judge(struct lookup *l, struct exchange *x, const struct message *m);

/* ---- servers.c, server_figures.c, server_addresses.c ----------------------------------------- */

/* Fills the walk's candidates from the cut's glue and the addresses in the cache. */
void servers_collect(struct lookup *l);
void servers_add(struct lookup *l, const struct endpoint *at, uint8_t ns);
/* The walk asks another question of the same servers. */
void servers_new_question(struct lookup *l);
/* This one is of no use for this question, and how it failed. */
void servers_give_up(struct lookup *l, struct candidate *c, enum fault fault);
/* It counts only when nobody else can be asked; remembered for the zone. */
void servers_ask_last(struct lookup *l, struct candidate *c);
/* Is there an address left to ask beside the one that was asked last? */
bool servers_others(const struct lookup *l);
/* The best address left to ask, or NULL. */
struct candidate *servers_choose(struct lookup *l, bool last_resort);
uint32_t servers_timeout_ms(struct lookup *l, const struct candidate *c, enum transport via);
void servers_measured(struct resolver *r, const struct endpoint *at, uint32_t rtt_ms);
/* A message goes to it. */
void servers_asked(struct resolver *r, const struct endpoint *at);
void servers_timed_out(struct resolver *r, const struct endpoint *at);
/* The lookup waited for it in vain: held against it, its family, and those that wait. */
void servers_lost(struct lookup *l, const struct endpoint *at);
/* It did not answer within that time, and another did. */
void servers_outrun(struct resolver *r, const struct endpoint *at, uint32_t waited_ms);
/* Whom to ask beside the one that lets us wait; NULL: nobody who would be of use. */
struct candidate *servers_rival(struct lookup *l, const struct candidate *to);
/* It has sent an OPT; it has answered without EDNS only. */
void servers_edns_works(struct resolver *r, const struct endpoint *at);
void servers_edns_missed(struct resolver *r, const struct endpoint *at);
/* What it said to our cookie: its own for the next time, or nothing (size 0). */
void servers_cookie(struct resolver *r, const struct endpoint *at, const uint8_t *cookie,
                    uint8_t size);
bool servers__edns_broken(const struct resolver *r, const struct server_state *s);
/* Starts look-ups of name server addresses that are not known. True when some are under way. */
bool servers_look_up(struct lookup *l);
/* None of the known ones is of use: is there a look-up of what came as glue? The parent's addresses
 * of names outside of the zone may be old, and their own zone knows better (RFC 2181 §5.4.1). */
bool servers_doubt_glue(struct lookup *l);
/* Has one of this zone's servers failed this lookup? */
bool servers_ailing(const struct lookup *l);
/* The look-ups beside what is asked meanwhile, as far as all can spare them. */
void servers_look_up_beside(struct lookup *l);
/* What the children found joins the candidates. */
void servers_take_children(struct lookup *l);
/* Another zone is asked from now on: what is being looked up for this one is of no use. */
void servers_drop_children(struct lookup *l);
enum reason servers_reason(const struct lookup *l);
/* Was each address asked that can be, and is none being looked up? */
bool servers_all_tried(const struct lookup *l);

/* Between the three of them. */
struct server_state servers__state(struct resolver *r, const struct endpoint *at);
/* What its figures come to. */
struct server_view {
    uint32_t cost_ms;  /* how soon an answer may be expected, for comparison only */
    uint32_t slack_ms; /* one that costs that much more is as good: half of its own share of it */
    uint32_t idle_s;   /* since it was asked or heard of; UINT32_MAX: never */
    bool proven;       /* it answered when it was asked last */
    bool dead;         /* silent for so long that it is left alone for a while */
};
struct server_view servers__view(struct lookup *l, const struct endpoint *at);
bool servers__lame(struct lookup *l, const struct endpoint *at);
void servers__note_lame(struct lookup *l, const struct endpoint *at);
/* Addresses of the cut's name servers that are in the cache join the candidates. */
void servers__add_known(struct lookup *l);
/* Is there a name server whose address was never asked for, and may that still be done? */
bool servers__more_to_look_up(const struct lookup *l);
/* That, or is one being looked up? */
bool servers__seek(const struct lookup *l);

/* ---- step_cut.c, step_root.c, step_local_root.c ---------------------------------------------- */

/* Begins the walk at a cut; NULL: there was no memory for it. */
enum next cut_start(struct lookup *l, struct delegation *cut, enum cut_kind kind);
/* The walk stands at a cut: the answer is known from what its zone has denied, or it is asked. */
enum next cut_enter(struct lookup *l);
/* Waits for the root's name servers. */
enum next root_need(struct lookup *l);
/* Has them asked for anew in the background when `root` is near its end. */
void root_refresh(struct resolver *r, const struct delegation *root);
/* Priming begins; it has ended. */
void root_asked(struct resolver *r);
void root_ended(struct resolver *r, enum reason reason);
/* Is there a copy of the root zone that counts now; does it answer what the walk asks next? */
bool root_copy_holds(const struct resolver *r);
bool root_copy_serves(const struct lookup *l);

/* ---- child_servers.c ------------------------------------------------------------------------- */

/* The servers that the zone itself names join those of its parent. False: there are none. */
bool child_servers_join(struct lookup *l);
/* Asks the zone for them. True: they are waited for. */
bool child_servers_ask(struct lookup *l);
bool child_servers_awaited(struct lookup *l);

/* ---- families.c ------------------------------------------------------------------------------ */

/* Something came from there; nothing came; a message goes there. */
void family_heard(struct resolver *r, const struct endpoint *at);
void family_silent(struct resolver *r, const struct endpoint *at);
void family_asked(struct resolver *r, const struct endpoint *at);
/* Is there reason to think that nothing of that family can be reached? */
bool family_doubted(struct resolver *r, const struct endpoint *at);

/* ---- minimise.c ------------------------------------------------------------------------------ */

/* Sets labels and probe of the walk: what is to be asked at this cut next (RFC 9156 §2.3). */
void minimise_first(struct lookup *l);
void minimise_next(struct lookup *l);
void minimise_give_up(struct lookup *l);
/* The name and type that the walk asks now. */
const uint8_t *minimise_name(const struct lookup *l);
uint16_t minimise_type(const struct lookup *l);

/* ---- case.c ---------------------------------------------------------------------------------- */

/* Turns the letters of the name to upper or lower case by random bits (0x20). */
void case_randomise(uint8_t *name, const uint8_t bits[32]);
/* Puts the letters back wherever the reply bears labels of `turned`, the name as it was sent. */
void case_restore(const struct message *m, const uint8_t *turned, const uint8_t *meant);

/* ---- trace.c --------------------------------------------------------------------------------- */

/* One line on what this lookup does, to the debug log and the resolver's trace. */
void lookup__trace(const struct lookup *l, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool lookup__traced(const struct resolver *r);
/* The same as an event for the tracer; the lookup's number is filled in. */
void lookup__tell(const struct lookup *l, struct traced_event e);
/* An event about an exchange: with server, name and zone. */
struct traced_event lookup__event_of(const struct lookup *l, enum traced kind,
                                     const struct exchange *x);
static inline bool lookup__watched(const struct lookup *l)
{
    return l->r->config.tracer != NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */
#define X(name, function, text) enum next step_##function(struct lookup *l, const struct event *e);
#include "resolver/steps.def"
#undef X

#endif
