#include "tests/sim/rpl_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/rpl_lex.h"

enum { DAY_S = 86400, DNSKEY_CSK = 257, DNSSEC_PROTOCOL = 3, HASH_SIZE = 20 };

/* ---- What the configuration says ----------------------------------------------------------------
 */

static enum err wrong(char error[RPL_ERROR_MAX], const char *what, const char *word)
{
    snprintf(error, RPL_ERROR_MAX, "%.60s: \"%.100s\"", what, word ? word : "");
    return ERR_FORMAT;
}

static const char *value_of(const char *word, const char *key)
{
    size_t n = strlen(key);
    return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static bool number_of(const char *word, const char *key, uint64_t most, uint64_t *out)
{
    const char *value = value_of(word, key);
    return value && rpl_unsigned(value, most, out) == OK;
}

static const uint8_t *name_of(struct arena *a, const char *text)
{
    uint8_t name[NAME_MAX_WIRE];
    return text && name_from_text(text, name) == OK ? rpl_name_dup(a, name) : NULL;
}

static struct signed_zone *find_zone(struct signing *s, const uint8_t *name)
{
    for (size_t i = 0; i < s->zone_count; i++)
        if (name_equal(s->zones[i].name, name))
            return &s->zones[i];
    return NULL;
}

const struct signed_zone *signing_find(const struct signing *s, const uint8_t *name)
{
    return find_zone((struct signing *)(uintptr_t)s, name);
}

enum err signing_add_zone(struct signing *s, struct arena *a, const char *text,
                          char error[RPL_ERROR_MAX])
{
    char *rest = rpl_strdup(a, text);
    if (!rest)
        return ERR_NOMEM;
    uint64_t flags = DNSKEY_CSK, protocol = DNSSEC_PROTOCOL;
    const char *algorithm = "ED25519", *word = rpl_word(&rest);
    const uint8_t *name = name_of(a, word);
    struct signed_zone *z = name ? find_zone(s, name) : NULL;
    bool again = z; /* the later line counts */
    if (!name || (!z && s->zone_count == SIGNED_ZONES_MAX))
        return wrong(error, "no zone, or one too many", word);
    z = again ? z : &s->zones[s->zone_count];
    z->name = name;
    while ((word = rpl_word(&rest)))
        if (!number_of(word, "flags", UINT16_MAX, &flags) &&
            !number_of(word, "protocol", UINT8_MAX, &protocol))
            algorithm = word;
    z->key = sign_key(z->name, algorithm);
    bool unsigned_zone = strcmp(algorithm, "NONE") == 0;
    if (!z->key && !unsigned_zone)
        return wrong(error, "no such algorithm", algorithm);
    s->zone_count += !again;
    if (unsigned_zone)
        return OK;
    return sign_dnskey(a, z->key, (uint16_t)flags, (uint8_t)protocol, &z->dnskey);
}

/* A word with a number; false: it is none of these. */
static bool take_number(struct sign_fault *f, const char *word)
{
    uint64_t n;
    if (number_of(word, "labels", UINT8_MAX, &n)) {
        f->has_labels = true;
        f->labels = (uint8_t)n;
    } else if (number_of(word, "algorithm", UINT8_MAX, &n)) {
        f->has_algorithm = true;
        f->algorithm = (uint8_t)n;
    } else if (number_of(word, "ttl", UINT32_MAX, &n)) {
        f->has_ttl = true;
        f->original_ttl = (uint32_t)n;
    } else if (number_of(word, "tag", UINT16_MAX, &n)) {
        f->has_tag = true;
        f->tag = (uint16_t)n;
    } else if (number_of(word, "more", 1000, &n)) {
        f->more = (unsigned)n;
    } else {
        return false;
    }
    return true;
}

/* Seconds from now, either way. */
static bool seconds_of(const char *word, const char *key, int64_t *out)
{
    const char *value = value_of(word, key);
    char *end = NULL;
    if (!value || !*value)
        return false;
    *out = strtoll(value, &end, 10);
    return *end == '\0' && *out != 0;
}

static bool take_word(struct signing *s, struct arena *a, struct set_fault *f, const char *word)
{
    if (strcmp(word, "expired") == 0) {
        f->fault.inception_s = -2 * DAY_S;
        f->fault.expiration_s = -DAY_S;
    } else if (strcmp(word, "early") == 0) {
        f->fault.inception_s = DAY_S;
        f->fault.expiration_s = 2 * DAY_S;
    } else if (strcmp(word, "broken") == 0) {
        f->fault.broken = true;
    } else if (strcmp(word, "beside") == 0) {
        f->beside = true;
    } else if (strcmp(word, "dropped") == 0) {
        f->dropped = true;
    } else if (strcmp(word, "strip") == 0) {
        f->fault.strip = true;
    } else if (value_of(word, "signer")) {
        f->fault.signer = name_of(a, value_of(word, "signer"));
        return f->fault.signer;
    } else if (value_of(word, "by")) {
        const uint8_t *zone = name_of(a, value_of(word, "by"));
        f->by = zone ? signing_find(s, zone) : NULL;
        return f->by;
    } else if (value_of(word, "covered")) {
        return type_parse(value_of(word, "covered"), &f->fault.covered) == OK;
    } else {
        return seconds_of(word, "since", &f->fault.inception_s) ||
               seconds_of(word, "until", &f->fault.expiration_s) || take_number(&f->fault, word);
    }
    return true;
}

enum err signing_add_fault(struct signing *s, struct arena *a, const char *text,
                           char error[RPL_ERROR_MAX])
{
    char *rest = rpl_strdup(a, text);
    if (!rest)
        return ERR_NOMEM;
    struct set_fault *f = &s->faults[s->fault_count];
    const char *owner = rpl_word(&rest), *type = rpl_word(&rest), *word;
    f->owner = name_of(a, owner);
    if (!f->owner || s->fault_count == SIGN_FAULTS_MAX)
        return wrong(error, "no owner, or one fault too many", owner);
    if (!type || type_parse(type, &f->type) != OK)
        return wrong(error, "no type", type);
    while ((word = rpl_word(&rest)))
        if (!take_word(s, a, f, word))
            return wrong(error, "not a fault of a signature", word);
    s->fault_count++;
    return OK;
}

/* ---- Placeholders -------------------------------------------------------------------------------
 */

struct sign_pass {
    struct arena *arena;
    const struct signing *s;
    int64_t now_s;
    bool expected; /* the entry is an answer of ours */
};

/* The deepest zone at or above the name of which the file speaks. */
static const struct signed_zone *zone_above(const struct signing *s, const uint8_t *name)
{
    for (;; name = name_skip(name, 1)) {
        const struct signed_zone *z = signing_find(s, name);
        if (z || !*name)
            return z;
    }
}

/* Whose denial is it? An unsigned zone has none, so it is the one above. */
static const struct signed_zone *denier(const struct signing *s, const uint8_t *name)
{
    const struct signed_zone *z = zone_above(s, name);
    while (z && !z->key && *z->name)
        z = zone_above(s, name_skip(z->name, 1));
    return z;
}

static const struct signed_zone *signer(const struct signing *s, const struct rpl_rr *rr)
{
    if (rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3)
        return denier(s, rr->owner);
    return zone_above(s, rr->type == TYPE_DS && *rr->owner ? name_skip(rr->owner, 1) : rr->owner);
}

static enum err fill_dnskey(struct sign_pass *p, struct rpl_rr *rr)
{
    static const uint8_t automatic[] = {0x01, 0x44, 0xce}; /* "AUTO" in base 64 */
    const struct signed_zone *z = signing_find(p->s, rr->owner);
    struct rpl_bytes made;
    if (!z || !z->key || rr->length != 7 || memcmp(rr->rdata + 4, automatic, 3) != 0)
        return OK;
    enum err e = sign_dnskey(p->arena, z->key, load_u16(rr->rdata), rr->rdata[2], &made);
    if (e)
        return e;
    rr->rdata = made.at;
    rr->length = (uint16_t)made.size;
    return OK;
}

static enum err fill_ds(struct sign_pass *p, struct rpl_rr *rr)
{
    const struct signed_zone *z = signing_find(p->s, rr->owner);
    struct rpl_bytes made;
    if (!z || !z->key || rr->length != 5 || rr->rdata[4] != 0)
        return OK;
    enum err e = sign_ds(p->arena, z->name, &z->dnskey, rr->rdata[3], &made);
    if (e)
        return e;
    uint8_t *bytes = (uint8_t *)(uintptr_t)made.at;
    if (load_u16(rr->rdata))
        memcpy(bytes, rr->rdata, 2);
    if (rr->rdata[2])
        bytes[2] = rr->rdata[2];
    rr->rdata = made.at;
    rr->length = (uint16_t)made.size;
    return OK;
}

/* One more or less, as a number of 20 octets; `far`: in the first octet. */
static void step_hash(uint8_t hash[HASH_SIZE], int by, bool far)
{
    for (int i = far ? 1 : HASH_SIZE; i-- > 0;) {
        hash[i] = (uint8_t)(hash[i] + by);
        if (hash[i] != (by > 0 ? 0 : 0xff))
            return;
    }
}

/* The words in base32hex, five octets each. */
static const struct {
    uint8_t word[5];
    bool covers;
    bool far;
} nsec3_words[] = {
    {{0xb2, 0xba, 0xc8, 0xca, 0xf0}, false, false}, /* MATCHING */
    {{0x66, 0x3e, 0xed, 0xca, 0xf0}, true, false},  /* COVERING */
    {{0xb2, 0xba, 0xc8, 0xbd, 0x5b}, false, true},  /* MATCHFAR */
    {{0x66, 0x3e, 0xed, 0xbd, 0x5b}, true, true},   /* COVERFAR */
};
enum { NSEC3_WORDS = sizeof nsec3_words / sizeof *nsec3_words };

/* NSEC3_WORDS: the next hash is no word of ours. */
static unsigned find_word(const uint8_t *next)
{
    unsigned i = next[0] == 5 ? 0 : NSEC3_WORDS;
    while (i < NSEC3_WORDS && memcmp(next + 1, nsec3_words[i].word, 5) != 0)
        i++;
    return i;
}

static enum err fill_nsec3(struct sign_pass *p, struct rpl_rr *rr)
{
    const struct signed_zone *z = denier(p->s, rr->owner);
    uint8_t hash[HASH_SIZE], label[33], owner[NAME_MAX_WIRE];
    uint8_t salt_size = rr->rdata[4];
    const uint8_t *next = rr->rdata + 5 + salt_size;
    unsigned word = find_word(next);
    if (!z || word == NSEC3_WORDS)
        return OK;
    bool cover = nsec3_words[word].covers, far = nsec3_words[word].far;
    enum err e = sign_hash(rr->owner, load_u16(rr->rdata + 2), rr->rdata + 5, salt_size, hash);
    if (e)
        return e;
    size_t head = 5U + salt_size, tail = rr->length - head - 6;
    uint8_t *rdata = arena_alloc(p->arena, head + 1 + HASH_SIZE + tail);
    if (!rdata)
        return ERR_NOMEM;
    if (cover)
        step_hash(hash, -1, far);
    sign_hash_label(hash, label);
    if (name_prepend(label, z->name, owner))
        return ERR_FORMAT;
    for (int i = 0; i <= cover; i++)
        step_hash(hash, 1, far);
    memcpy(rdata, rr->rdata, head);
    rdata[head] = HASH_SIZE;
    memcpy(rdata + head + 1, hash, HASH_SIZE);
    memcpy(rdata + head + 1 + HASH_SIZE, next + 6, tail);
    rr->rdata = rdata;
    rr->length = (uint16_t)(head + 1 + HASH_SIZE + tail);
    rr->owner = rpl_name_dup(p->arena, owner);
    return rr->owner ? OK : ERR_NOMEM;
}

static enum err fill(struct sign_pass *p, struct rpl_rr *rr)
{
    enum err e = OK;
    for (; !e && rr; rr = rr->next) {
        if (rr->type == TYPE_DNSKEY)
            e = fill_dnskey(p, rr);
        else if (rr->type == TYPE_DS)
            e = fill_ds(p, rr);
        else if (rr->type == TYPE_NSEC3)
            e = fill_nsec3(p, rr);
    }
    return e;
}

/* ---- Signatures ---------------------------------------------------------------------------------
 */

static bool same_set(const struct rpl_rr *a, const struct rpl_rr *b)
{
    return a->type == b->type && name_equal(a->owner, b->owner);
}

/* Seen before in the list, or signed by the file's own hand? */
static bool is_done(const struct rpl_rr *list, const struct rpl_rr *rr)
{
    for (const struct rpl_rr *at = list; at != rr; at = at->next)
        if (same_set(at, rr))
            return true;
    for (const struct rpl_rr *at = list; at; at = at->next)
        if (at->type == TYPE_RRSIG && name_equal(at->owner, rr->owner) &&
            load_u16(at->rdata) == rr->type)
            return true;
    return rr->type == TYPE_RRSIG;
}

/* Is it the NSEC3 record that matches or covers the name? */
static bool is_hash_of(const struct rpl_rr *rr, const uint8_t *name)
{
    uint8_t hash[HASH_SIZE], label[33];
    if (rr->type != TYPE_NSEC3 || rr->owner[0] != 32 ||
        sign_hash(name, load_u16(rr->rdata + 2), rr->rdata + 5, rr->rdata[4], hash))
        return false;
    for (int i = 0; i < 2; i++, step_hash(hash, -1, false)) {
        sign_hash_label(hash, label);
        if (memcmp(label, rr->owner, sizeof label) == 0)
            return true;
    }
    return false;
}

static const struct set_fault *fault_of(const struct signing *s, const struct rpl_rr *rr)
{
    for (size_t i = 0; i < s->fault_count; i++)
        if (s->faults[i].type == rr->type &&
            (name_equal(s->faults[i].owner, rr->owner) || is_hash_of(rr, s->faults[i].owner)))
            return &s->faults[i];
    return NULL;
}

/* What we hand on bears none of the signatures that are dropped. */
static struct set_fault fault_here(const struct sign_pass *p, const struct rpl_rr *rr)
{
    static const struct set_fault none;
    const struct set_fault *of = fault_of(p->s, rr);
    bool drop = of && of->dropped && p->expected;
    struct set_fault f = of && !(drop && of->beside) ? *of : none;
    if (drop)
        f.fault.more = 0;
    return f;
}

static enum err append(struct sign_pass *p, struct rpl_packet *packet, int section,
                       const struct rpl_rr *of, const struct rpl_bytes *rdata)
{
    struct rpl_rr *rr = arena_alloc(p->arena, sizeof *rr);
    if (!rr)
        return ERR_NOMEM;
    *rr = *of;
    rr->type = TYPE_RRSIG;
    rr->rdata = rdata->at;
    rr->length = (uint16_t)rdata->size;
    rr->next = NULL;
    *packet->last[section] = rr;
    packet->last[section] = &rr->next;
    return OK;
}

static enum err sign_one(struct sign_pass *p, struct rpl_packet *packet, int section,
                         const struct rpl_rr *first)
{
    const struct set_fault of = fault_here(p, first);
    const struct signed_zone *own = signer(p->s, first);
    const struct signed_zone *z = of.by ? of.by : own;
    struct rpl_bytes rdata;
    enum err e = OK;
    if (!z || !z->key || of.fault.strip)
        return OK;
    for (unsigned i = 0; !e && i < of.fault.more; i++) {
        struct sign_fault bad = {.broken = true, .expiration_s = DAY_S + 1 + (int64_t)i};
        e = sign_set(p->arena, z->key, z->name, &z->dnskey, first, &bad, p->now_s, &rdata);
        if (!e)
            e = append(p, packet, section, first, &rdata);
    }
    if (!e)
        e = sign_set(p->arena, z->key, z->name, &z->dnskey, first, &of.fault, p->now_s, &rdata);
    if (!e)
        e = append(p, packet, section, first, &rdata);
    if (e || !of.beside)
        return e;
    static const struct sign_fault none;
    z = own;
    e = sign_set(p->arena, z->key, z->name, &z->dnskey, first, &none, p->now_s, &rdata);
    return e ? e : append(p, packet, section, first, &rdata);
}

static enum err sign_section(struct sign_pass *p, struct rpl_packet *packet, int section)
{
    enum err e = OK;
    struct rpl_rr *list = packet->section[section];
    for (struct rpl_rr *rr = list; !e && rr; rr = rr->next) {
        bool referral =
            rr->type == TYPE_NS && section == RPL_AUTHORITY && !(packet->flags & FLAG_AA);
        if (!referral && !is_done(list, rr))
            e = sign_one(p, packet, section, rr);
    }
    return e;
}

static enum err sign_entry(struct sign_pass *p, struct rpl_entry *entry, bool expected)
{
    enum err e = OK;
    p->expected = expected;
    for (struct rpl_packet *packet = &entry->packet; !e && packet; packet = packet->next) {
        for (int i = RPL_ANSWER; !e && i < RPL_SECTIONS; i++)
            e = fill(p, packet->section[i]);
        for (int i = RPL_ANSWER; !e && i <= RPL_AUTHORITY; i++)
            if (!expected || packet->do_bit)
                e = sign_section(p, packet, i);
    }
    return e;
}

enum err rpl_sign(struct arena *a, struct rpl_file *f, const struct signing *s, int64_t now_s)
{
    struct sign_pass pass = {.arena = a, .s = s, .now_s = now_s};
    enum err e = OK;
    if (s->zone_count == 0)
        return OK;
    for (struct rpl_range *r = f->ranges; !e && r; r = r->next)
        for (struct rpl_entry *entry = r->entries; !e && entry; entry = entry->next)
            e = sign_entry(&pass, entry, false);
    for (struct rpl_step *step = f->steps; !e && step; step = step->next)
        if (step->entry && step->kind != STEP_QUERY)
            e = sign_entry(&pass, step->entry, step->kind == STEP_CHECK_ANSWER);
    return e;
}
