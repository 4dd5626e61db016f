/*
 * Every bound of the resolution, each with its reason. A limit that is a client's own
 * (packets, octets, time, aliases) detaches that client with its own SERVFAIL and is never cached.
 */
#ifndef RESOLVER_LIMITS_H
#define RESOLVER_LIMITS_H

enum {
    /* L1: what one client query may cost others. A clean walk needs 4 to 10; 50 leaves room for
       loss. */
    LIMIT_PACKETS = 50,
    LIMIT_BYTES = 100 * 1000,
    /* Priming is nobody's query: its own few messages, whoever asks. */
    LIMIT_PRIME_PACKETS = 8,
    /* L2: stub resolvers give up after 5 s and ask again; later answers only refill the cache. */
    LIMIT_TIME_MS = 6000,
    /* L3: name servers found through name servers found through …; real chains end at 3. */
    LIMIT_DEPTH = 7,
    /* L3: referrals followed by one lookup; the deepest real trees have some 10 cuts (ip6.arpa 32
       labels). */
    LIMIT_REFERRALS = 32,
    /* L6: look-ups of name server addresses: at once, for one delegation, for one client query. */
    LIMIT_NS_AT_ONCE = 2,
    LIMIT_NS_PER_DELEGATION = 8,
    LIMIT_NS_PER_QUERY = 24,
    LIMIT_NS_NXDOMAIN = 3,
    /* L7: CNAME and DNAME steps of one answer. */
    LIMIT_ALIASES = 11,
    /* L8: minimised questions per walk: the first four label by label, the rest spread. */
    LIMIT_MINIMISE = 10,
    LIMIT_MINIMISE_SINGLE = 4,
    /* RFC 9520 §3.1: sends to one server over one transport for one question. */
    LIMIT_SENDS_PER_SERVER = 3,
    /* Time-outs at one zone before its servers count as silent: ends within L2, so that it can be
       cached. */
    LIMIT_TIMEOUTS = 6,
    /* L25: a failure is remembered 1 s, 2 s, … 300 s. */
    LIMIT_FAILURE_MIN_S = 1,
    LIMIT_FAILURE_MAX_S = 300,
    /* Time-outs of one UDP exchange: an unmeasured server's, and the bounds of a measured one's. */
    TIMEOUT_UNKNOWN_MS = 376,
    TIMEOUT_MIN_MS = 100,
    TIMEOUT_MAX_MS = 1500,
    TIMEOUT_TCP_MS = 2000,
    /* Vertices of the waits-on graph looked at before an edge counts as a loop. */
    LIMIT_LOOP_SEARCH = 512,
};

#endif
