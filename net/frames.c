#include "net/internal.h"

#include <string.h>

enum { KEEP_LEAST = 512 };

/* Moves what is left into `capacity` octets of its own memory. */
static enum err move_to(struct frames *f, struct gauge *g, size_t capacity)
{
    uint8_t *own = net__alloc(g, capacity);
    if (own == NULL)
        return ERR_NOMEM;
    size_t left = f->end - f->at;
    memcpy(own, f->bytes + f->at, left);
    if (f->capacity != 0)
        net__release(g, f->bytes, f->capacity);
    *f = (struct frames){.bytes = own, .end = left, .capacity = capacity};
    return OK;
}

enum err net__frames_add(struct frames *f, struct gauge *g, uint8_t *bytes, size_t size)
{
    if (size == 0)
        return OK;
    if (f->at == f->end) {
        net__frames_free(f, g);
        *f = (struct frames){.bytes = bytes, .end = size};
        return OK;
    }
    size_t left = f->end - f->at;
    if (f->at > 0 && left + size <= f->capacity) {
        memmove(f->bytes, f->bytes + f->at, left);
        f->at = 0;
        f->end = left;
    }
    if (f->end + size > f->capacity) {
        size_t want = 2 * f->capacity > left + size ? 2 * f->capacity : left + size;
        enum err err = move_to(f, g, want);
        if (err != OK)
            return err;
    }
    memcpy(f->bytes + f->end, bytes, size);
    f->end += size;
    return OK;
}

static size_t first_length(const struct frames *f)
{
    const uint8_t *p = f->bytes + f->at;
    return (size_t)p[0] << 8 | p[1];
}

bool net__frames_ready(const struct frames *f)
{
    size_t left = f->end - f->at;
    return left >= 2 && left - 2 >= first_length(f);
}

bool net__frames_next(struct frames *f, const uint8_t **message, size_t *size)
{
    if (!net__frames_ready(f))
        return false;
    *size = first_length(f);
    *message = f->bytes + f->at + 2;
    f->at += 2 + *size;
    return true;
}

enum err net__frames_keep(struct frames *f, struct gauge *g)
{
    size_t left = f->end - f->at;
    if (left == 0) {
        net__frames_free(f, g);
        return OK;
    }
    if (f->capacity != 0)
        return OK;
    return move_to(f, g, left > KEEP_LEAST ? left : KEEP_LEAST);
}

void net__frames_free(struct frames *f, struct gauge *g)
{
    if (f->capacity != 0)
        net__release(g, f->bytes, f->capacity);
    *f = (struct frames){0};
}
