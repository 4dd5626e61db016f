#include "policy/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { ROWS = 2, SOURCES = 1 << 14, QUESTIONS = 1 << 16, PACES = 1 << 12 };

/* Answers of one second. */
struct pace {
    uint32_t second;
    uint32_t count;
};

struct crowd {
    struct hash_key key;
    uint32_t sources[ROWS][SOURCES];
    uint32_t questions[ROWS][QUESTIONS];
    struct pace paces[ROWS][PACES];
};

enum err crowd_new(struct crowd **out, const struct hash_key *key)
{
    struct crowd *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->key = *key;
    *out = c;
    return OK;
}

void crowd_free(struct crowd *c)
{
    free(c);
}

bool crowd_is_loopback(const struct endpoint *client)
{
    static const uint8_t one[16] = {[15] = 1};
    return client->family == 4 ? client->bytes[0] == 127 : !memcmp(client->bytes, one, sizeof one);
}

/* Half of the hash chooses the counter in each row. */
static uint32_t at(uint64_t hash, unsigned row, uint32_t size)
{
    return (uint32_t)(row ? hash >> 32 : hash) & (size - 1);
}

struct crowd_ticket crowd_ticket(const struct crowd *c, const struct endpoint *client, bool proven,
                                 uint64_t question)
{
    uint8_t bytes[9 + sizeof question];
    size_t size = client->family == 4 ? 4 : 8; /* who has one address of a /64 has them all */
    bytes[0] = client->family;
    memcpy(bytes + 1, client->bytes, size);
    struct crowd_ticket t = {.source = hash_bytes(&c->key, bytes, 1 + size)};
    memcpy(bytes + 1 + size, &question, sizeof question);
    if (!proven)
        t.question = hash_bytes(&c->key, bytes, 1 + size + sizeof question) | 1;
    return t;
}

static bool over_sources(const struct crowd *c, uint64_t hash, uint32_t most)
{
    for (unsigned row = 0; row < ROWS; row++)
        if (c->sources[row][at(hash, row, SOURCES)] < most)
            return false;
    return true;
}

static bool over_questions(const struct crowd *c, uint64_t hash, uint32_t most)
{
    for (unsigned row = 0; row < ROWS; row++)
        if (c->questions[row][at(hash, row, QUESTIONS)] < most)
            return false;
    return true;
}

enum crowd_verdict crowd_enter(struct crowd *c, const struct crowd_ticket *t,
                               const struct crowd_limits *limits)
{
    if (over_sources(c, t->source, limits->queries))
        return CROWD_QUERIES;
    if (t->question && over_questions(c, t->question, limits->repeats))
        return CROWD_REPEATS;
    for (unsigned row = 0; row < ROWS; row++) {
        c->sources[row][at(t->source, row, SOURCES)]++;
        if (t->question)
            c->questions[row][at(t->question, row, QUESTIONS)]++;
    }
    return CROWD_IN;
}

void crowd_leave(struct crowd *c, const struct crowd_ticket *t)
{
    for (unsigned row = 0; row < ROWS; row++) {
        uint32_t *source = &c->sources[row][at(t->source, row, SOURCES)];
        MUST(*source > 0);
        --*source;
        if (!t->question)
            continue;
        uint32_t *question = &c->questions[row][at(t->question, row, QUESTIONS)];
        MUST(*question > 0);
        --*question;
    }
}

bool crowd_release(struct crowd *c, const struct crowd_ticket *t, uint32_t now_s,
                   const struct crowd_limits *limits)
{
    bool allowed = false;
    for (unsigned row = 0; row < ROWS; row++) {
        struct pace *p = &c->paces[row][at(t->source, row, PACES)];
        if (p->second != now_s)
            *p = (struct pace){.second = now_s};
        allowed = allowed || p->count < limits->held;
    }
    for (unsigned row = 0; allowed && row < ROWS; row++)
        c->paces[row][at(t->source, row, PACES)].count++;
    return allowed;
}
