/*
 * Each hash costs the iterations that the zone's owner has chosen, and an attacker chooses many. So
 * the price in SHA-1 blocks is taken from the query's work before a hash is made; records with more
 * iterations than the policy allows are not hashed at all, and say that the zone is insecure (RFC
 * 9276 §3.2); and at most NSEC3_SETS records are looked at.
 */
#include "dnssec/nsec3.h"

#include <openssl/evp.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dnssec/records.h"

enum { NSEC3_SETS = 8 };

struct hashed {
    uint8_t owner[NSEC3_HASH_SIZE];
    struct nsec3 n;
};

struct chain {
    const struct denial_question *q;
    unsigned count;
    struct hashed at[NSEC3_SETS];
    enum denial_kind trouble; /* DENIAL_NOTHING: none */
};

/* ---- Taking the records ------------------------------------------------------------------------
 */

/* A label of base32hex (RFC 4648 §7) as the hash that it spells. */
static bool read_hash(const uint8_t *label, uint8_t out[NSEC3_HASH_SIZE])
{
    uint64_t bits = 0;
    unsigned have = 0, at = 0;
    if (label[0] != 32)
        return false;
    for (unsigned i = 1; i <= 32; i++) {
        uint8_t c = label[i], v;
        if (c >= '0' && c <= '9')
            v = (uint8_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'v')
            v = (uint8_t)((c | 0x20) - 'a' + 10);
        else
            return false;
        bits = bits << 5 | v;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[at++] = (uint8_t)(bits >> have);
        }
    }
    return true;
}

static bool same_parameters(const struct nsec3 *a, const struct nsec3 *b)
{
    return a->iterations == b->iterations && a->salt_size == b->salt_size &&
           !memcmp(a->salt, b->salt, a->salt_size);
}

/* Usable: known hash and flags (RFC 5155 §8.1, 8.2), owned by a name right below the apex, of one
 * chain. */
static void take(struct chain *c, const struct rrset *set)
{
    struct hashed *h = &c->at[c->count];
    struct rrset_iter it = rrset_records(set);
    bool fits = set->type == TYPE_NSEC3 && c->count < NSEC3_SETS && *set->owner &&
                name_equal(name_skip(set->owner, 1), c->q->zone) && rrset_next(&it) &&
                nsec3_read(it.rdata, it.length, &h->n) && h->n.algorithm == NSEC3_SHA1 &&
                h->n.flags <= NSEC3_OPT_OUT && h->n.next_size == NSEC3_HASH_SIZE &&
                read_hash(set->owner, h->owner);
    if (!fits || (c->count && !same_parameters(&h->n, &c->at[0].n)))
        return;
    if (h->n.iterations > c->q->policy->iterations_max)
        c->trouble = DENIAL_ITERATIONS;
    c->count++;
}

static struct chain chain_of(const struct denial_question *q)
{
    struct chain c = {.q = q};
    for (unsigned i = 0; i < q->count; i++)
        take(&c, q->sets[i]);
    return c;
}

/* ---- Hashing -----------------------------------------------------------------------------------
 */

static bool digest(const uint8_t *a, size_t a_size, const struct nsec3 *n, uint8_t *out)
{
    uint8_t buf[NAME_MAX_WIRE + 255];
    memcpy(buf, a, a_size);
    memcpy(buf + a_size, n->salt, n->salt_size);
    return EVP_Digest(buf, a_size + n->salt_size, out, NULL, EVP_sha1(), NULL) == 1;
}

/* SHA-1 works on 64 octets, 9 of which at least are padding. */
static uint32_t blocks_of(size_t size)
{
    return (uint32_t)((size + 9 + 63) / 64);
}

static bool hash_name(struct chain *c, const uint8_t *name, uint8_t out[NSEC3_HASH_SIZE])
{
    const struct nsec3 *n = &c->at[0].n;
    struct dnssec_work *w = c->q->work;
    uint8_t lower[NAME_MAX_WIRE];
    size_t size = name_lower(lower, name);
    uint32_t price = blocks_of(size + n->salt_size) +
                     n->iterations * blocks_of(NSEC3_HASH_SIZE + (size_t)n->salt_size);
    if (price > w->blocks) {
        w->over = true;
        c->trouble = DENIAL_LIMIT;
        return false;
    }
    w->blocks = (uint16_t)(w->blocks - price);
    bool good = digest(lower, size, n, out);
    for (unsigned i = 0; good && i < n->iterations; i++)
        good = digest(out, NSEC3_HASH_SIZE, n, out);
    if (!good)
        c->trouble = DENIAL_LIMIT;
    return good;
}

static const struct nsec3 *matching(struct chain *c, const uint8_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    if (!hash_name(c, name, hash))
        return NULL;
    for (unsigned i = 0; i < c->count; i++)
        if (!memcmp(c->at[i].owner, hash, sizeof hash))
            return &c->at[i].n;
    return NULL;
}

static bool between(const struct hashed *h, const uint8_t *hash)
{
    int ends = memcmp(h->owner, h->n.next, NSEC3_HASH_SIZE);
    bool after = memcmp(h->owner, hash, NSEC3_HASH_SIZE) < 0;
    bool before = memcmp(hash, h->n.next, NSEC3_HASH_SIZE) < 0;
    return ends < 0 ? after && before : after || before;
}

static const struct nsec3 *covering(struct chain *c, const uint8_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    if (!hash_name(c, name, hash))
        return NULL;
    for (unsigned i = 0; i < c->count; i++)
        if (between(&c->at[i], hash))
            return &c->at[i].n;
    return NULL;
}

/* ---- Proofs ------------------------------------------------------------------------------------
 */

static bool has(const struct nsec3 *n, uint16_t type)
{
    return bitmap_has(n->bitmap, n->bitmap_size, type);
}

static bool is_cut(const struct nsec3 *n)
{
    return has(n, TYPE_NS) && !has(n, TYPE_SOA);
}

/* RFC 5155 §8.5, 8.6; RFC 6840 §4.1, 4.3. */
static bool denies_type(const struct denial_question *q, const struct nsec3 *n, bool wildcard)
{
    if (has(n, q->type) || has(n, TYPE_CNAME))
        return false;
    if (q->type == TYPE_DS)
        return !has(n, TYPE_SOA) || name_labels(q->name) == 0;
    return wildcard || !is_cut(n);
}

/*
 * The deepest name above that exists, by its record (RFC 5155 §8.3). Not one at a cut or with a
 * DNAME: below these the zone has nothing to say. NULL: none, or `trouble`.
 */
static const uint8_t *closest_encloser(struct chain *c)
{
    unsigned labels = name_labels(c->q->name);
    for (unsigned keep = labels; keep-- > name_labels(c->q->zone);) {
        const uint8_t *name = name_suffix(c->q->name, keep);
        const struct nsec3 *n = matching(c, name);
        if (c->trouble)
            return NULL;
        if (n)
            return is_cut(n) || has(n, TYPE_DNAME) ? NULL : name;
    }
    return NULL;
}

/* Nothing at or below the encloser's next label on the way to the name? */
static enum denial_kind closer_denied(struct chain *c, unsigned labels)
{
    const struct nsec3 *n = covering(c, name_suffix(c->q->name, labels + 1));
    if (c->trouble)
        return c->trouble;
    if (!n)
        return DENIAL_NOTHING;
    return n->flags & NSEC3_OPT_OUT ? DENIAL_OPT_OUT : DENIAL_NAME;
}

static void judge_wildcard(struct chain *c, const uint8_t *encloser, struct denial *out)
{
    static const uint8_t star[] = {1, '*'};
    uint8_t wildcard[NAME_MAX_WIRE];
    if (name_prepend(star, encloser, wildcard)) {
        out->kind = DENIAL_NAME;
        return;
    }
    const struct nsec3 *n = matching(c, wildcard);
    if (n && denies_type(c->q, n, true)) {
        out->kind = DENIAL_TYPE;
        out->wildcard = true;
    } else if (!n && covering(c, wildcard)) {
        out->kind = DENIAL_NAME;
    }
    if (c->trouble)
        out->kind = c->trouble;
}

void nsec3_deny(const struct denial_question *q, struct denial *out)
{
    struct chain c = chain_of(q);
    out->kind = c.trouble;
    if (!c.count || c.trouble)
        return;
    const struct nsec3 *exact = matching(&c, q->name);
    if (exact) {
        if (denies_type(q, exact, false)) {
            out->kind = DENIAL_TYPE;
            out->delegation = is_cut(exact);
        }
        return;
    }
    const uint8_t *encloser = c.trouble ? NULL : closest_encloser(&c);
    if (!encloser) {
        out->kind = c.trouble;
        return;
    }
    enum denial_kind closer = closer_denied(&c, name_labels(encloser));
    out->kind = closer;
    /* Where unsigned delegations may hide, the name may be one, or an empty one above: no wildcard
     * matters for a type (RFC 5155 §8.6). For the name it does (§8.4). */
    bool opt_out = closer == DENIAL_OPT_OUT;
    if ((closer != DENIAL_NAME && !opt_out) || (opt_out && q->type == TYPE_DS))
        return;
    out->kind = DENIAL_NOTHING;
    judge_wildcard(&c, encloser, out);
    if (opt_out && out->kind != DENIAL_LIMIT && out->kind != DENIAL_ITERATIONS)
        *out = (struct denial){.kind = DENIAL_OPT_OUT, .any_name = out->kind != DENIAL_NAME};
}

enum denial_kind nsec3_covers_closer(const struct denial_question *q, unsigned labels)
{
    struct chain c = chain_of(q);
    if (!c.count || c.trouble)
        return c.trouble;
    return closer_denied(&c, labels);
}

/* ---- Records made for later use ----------------------------------------------------------------
 */

/* The label that spells a hash in base32hex, lower case as canonical names are. */
static void write_hash(const uint8_t hash[NSEC3_HASH_SIZE], uint8_t label[1 + 32])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned bits = 0, have = 0, at = 1;
    label[0] = 32;
    for (unsigned i = 0; i < NSEC3_HASH_SIZE; i++) {
        bits = (bits << 8 | hash[i]) & 0xfff;
        for (have += 8; have >= 5; have -= 5)
            label[at++] = (uint8_t)digits[bits >> (have - 5) & 31];
    }
}

bool nsec3_owner(const struct rrset *like, const struct denial_question *q, const uint8_t *name,
                 uint8_t out[NAME_MAX_WIRE])
{
    struct chain c = {.q = q};
    uint8_t hash[NSEC3_HASH_SIZE], label[1 + 32];
    take(&c, like);
    if (!c.count || c.trouble || !hash_name(&c, name, hash))
        return false;
    write_hash(hash, label);
    return name_prepend(label, q->zone, out) == OK;
}

/* A span of at most two hashes beside the owner's is one that the server made for one name. */
static bool is_narrow(const uint8_t *from, const uint8_t *to)
{
    unsigned carry = 2;
    uint8_t reach[NSEC3_HASH_SIZE];
    for (unsigned i = NSEC3_HASH_SIZE; i-- > 0; carry >>= 8) {
        carry += from[i];
        reach[i] = (uint8_t)carry;
    }
    return memcmp(from, to, NSEC3_HASH_SIZE) < 0 && memcmp(to, reach, NSEC3_HASH_SIZE) <= 0;
}

bool nsec3_is_wide(const struct rrset *set)
{
    struct rrset_iter it = rrset_records(set);
    struct nsec3 n;
    uint8_t owner[NSEC3_HASH_SIZE];
    return rrset_next(&it) && nsec3_read(it.rdata, it.length, &n) && !(n.flags & NSEC3_OPT_OUT) &&
           n.next_size == NSEC3_HASH_SIZE && read_hash(set->owner, owner) &&
           !is_narrow(owner, n.next);
}
