/*
 * The world as the core sees it: clocks, random bytes, messages to servers, one wake-up.
 *
 * Everything nondeterministic comes through this struct. net/world_uv.c serves production with
 * sockets and the kernel's clocks; tests/sim/world_sim.c serves tests with virtual time and a
 * seeded generator. The core asks for I/O here and never does it; what comes back is handed to the
 * `world_sink` that the composition connects, and those calls only enqueue: the work is done in
 * `turn`.
 *
 *     core ── send, cancel, wake ──► world ── sockets, timers
 *     core ◄── reply, failed, turn ── world
 */
#ifndef BASE_WORLD_H
#define BASE_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

/* A message to a name server. The bytes are borrowed for the call. */
struct upstream_send {
    uint64_t token; /* the core's name for this exchange, handed back with its events */
    struct endpoint to;
    enum transport via;
    const uint8_t *message;
    size_t length;
};

struct world;

struct world_ops {
    /* Boot-time milliseconds (CLOCK_BOOTTIME): TTLs and timers. Constant within a turn. */
    uint64_t (*now_ms)(struct world *w);
    /* Wall-clock seconds since 1970: signatures and snapshots only. */
    int64_t (*wall_s)(struct world *w);
    void (*random)(struct world *w, void *out, size_t size);
    /*
     * Opens an exchange. On OK events with the token follow until `cancel`. On an error no event
     * follows and nothing is to be cancelled.
     */
    enum err (*send)(struct world *w, const struct upstream_send *s);
    /* Ends an exchange that was opened: no event with this token comes after. */
    void (*cancel)(struct world *w, uint64_t token);
    /*
     * The server of an exchange over TCP says how long it keeps a connection that is idle (RFC
     * 7828); 0: it is to be closed.
     */
    void (*keep)(struct world *w, uint64_t token, uint32_t idle_ms);
    /* Asks for `turn` at that time or soon after; replaces what was asked before. UINT64_MAX: none.
     */
    void (*wake)(struct world *w, uint64_t at_ms);
};

struct world {
    const struct world_ops *ops;
};

static inline uint64_t world_now_ms(struct world *w)
{
    return w->ops->now_ms(w);
}

/* Boot-time seconds, as TTLs count them. */
static inline uint32_t world_now_s(struct world *w)
{
    return (uint32_t)(w->ops->now_ms(w) / 1000);
}

/* Seconds since 1970, as far as this machine knows: for dates in signatures only. */
static inline int64_t world_wall_s(struct world *w)
{
    return w->ops->wall_s(w);
}

static inline void world_random(struct world *w, void *out, size_t size)
{
    w->ops->random(w, out, size);
}

/* What a world tells the core. */
struct world_sink {
    void *ctx;
    /*
     * A message arrived on the exchange, from the address and port it was sent to. Several may
     * come: the exchange stays open until it is cancelled, so that a forged one does not close it.
     */
    void (*reply)(void *ctx, uint64_t token, const uint8_t *message, size_t length);
    /* The exchange cannot get a reply any more (connection refused, closed, unreachable). */
    void (*failed)(void *ctx, uint64_t token, enum err why);
    /* Called once after each batch of the above and when the asked-for time has come. */
    void (*turn)(void *ctx);
};

#endif
