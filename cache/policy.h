/*
 * Which entry makes way: the interface of an eviction policy, one file a policy. Folder-internal.
 *
 * The cache calls insert for each new entry, remove before one goes, use at each hit, move after
 * the cleaning has copied one elsewhere, and victim when space is short. Entries come in groups, so
 * that one group can be spared: victim takes the set of groups that may be drawn on. A policy keeps
 * its order in the entries' `newer`, `older` and `stamp`; links may be handles or, from
 * STORE_HANDLE_END up, marks of its own, never ENTRY_NONE both: that is a dead entry. `use` is
 * called without the writers' lock, by many threads at once.
 */
#ifndef CACHE_POLICY_H
#define CACHE_POLICY_H

#include "base/err.h"
#include "cache/memory.h"
#include "cache/store.h"

enum policy_group { GROUP_ORDINARY, GROUP_SPARED, POLICY_GROUPS };

struct policy {
    const struct policy_ops *ops;
};

struct policy_ops {
    const char *name;
    enum err (*new)(struct policy **out, struct store *s, struct memory *m);
    void (*free)(struct policy *p);
    void (*insert)(struct policy *p, uint32_t handle, enum policy_group group);
    void (*remove)(struct policy *p, uint32_t handle);
    /* At most one store, and only when there is something new to say. */
    void (*use)(struct policy *p, struct entry *e);
    /* The entry lies at `to` now, its links copied along. */
    void (*move)(struct policy *p, uint32_t from, uint32_t to);
    /* `groups`: bits 1 << enum policy_group. 0 when these are empty. The entry is not removed. */
    uint32_t (*victim)(struct policy *p, unsigned groups);
};

extern const struct policy_ops policy_lru;

#endif
