#include "dns/name.h"

#include <string.h>

#include "base/must.h"
#include "dns/types.h"

const uint8_t name_root[1] = {0};

/*
 * ASCII lower case without a branch. Octets of length are below 64 and so not letters: whole names
 * can be folded octet by octet without looking at their labels.
 */
static inline uint8_t fold(uint8_t c)
{
    return (uint8_t)(c | ((uint8_t)(c - 'A') < 26) << 5);
}

size_t name_size(const uint8_t *name)
{
    const uint8_t *p = name;
    while (*p)
        p += 1 + *p;
    return (size_t)(p - name) + 1;
}

unsigned name_labels(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name; name += 1 + *name)
        labels++;
    return labels;
}

static bool same_octets(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t differ = 0;
    for (size_t i = 0; i < size; i++)
        differ |= (uint8_t)(fold(a[i]) ^ fold(b[i]));
    return differ == 0;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t size = name_size(a);
    return size == name_size(b) && same_octets(a, b, size);
}

bool name_equal_case(const uint8_t *a, const uint8_t *b)
{
    size_t size = name_size(a);
    return size == name_size(b) && memcmp(a, b, size) == 0;
}

bool name_at_or_below(const uint8_t *name, const uint8_t *ancestor)
{
    unsigned labels = name_labels(name);
    unsigned keep = name_labels(ancestor);
    return labels >= keep && name_equal(name_skip(name, labels - keep), ancestor);
}

bool name_below(const uint8_t *name, const uint8_t *ancestor)
{
    return name_labels(name) > name_labels(ancestor) && name_at_or_below(name, ancestor);
}

/* Where each label starts, leftmost first; returns how many. */
static unsigned find_labels(const uint8_t *name, const uint8_t *at[NAME_MAX_LABELS])
{
    unsigned n = 0;
    for (; *name; name += 1 + *name)
        at[n++] = name;
    return n;
}

/* Left-justified octets, a shorter label first (RFC 4034 §6.1). */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned least = *a < *b ? *a : *b;
    for (unsigned i = 1; i <= least; i++) {
        int difference = fold(a[i]) - fold(b[i]);
        if (difference)
            return difference;
    }
    return *a - *b;
}

unsigned name_common(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *at_a[NAME_MAX_LABELS];
    const uint8_t *at_b[NAME_MAX_LABELS];
    unsigned left_a = find_labels(a, at_a);
    unsigned left_b = find_labels(b, at_b);
    unsigned shared = 0;
    while (left_a && left_b && compare_labels(at_a[--left_a], at_b[--left_b]) == 0)
        shared++;
    return shared;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *at_a[NAME_MAX_LABELS];
    const uint8_t *at_b[NAME_MAX_LABELS];
    unsigned left_a = find_labels(a, at_a);
    unsigned left_b = find_labels(b, at_b);
    while (left_a && left_b) {
        int difference = compare_labels(at_a[--left_a], at_b[--left_b]);
        if (difference)
            return difference;
    }
    return (left_a > 0) - (left_b > 0);
}

size_t name_copy(uint8_t *out, const uint8_t *name)
{
    size_t size = name_size(name);
    memcpy(out, name, size);
    return size;
}

size_t name_lower(uint8_t *out, const uint8_t *name)
{
    size_t size = name_size(name);
    for (size_t i = 0; i < size; i++)
        out[i] = fold(name[i]);
    return size;
}

const uint8_t *name_skip(const uint8_t *name, unsigned labels)
{
    while (labels-- && *name)
        name += 1 + *name;
    return name;
}

const uint8_t *name_suffix(const uint8_t *name, unsigned labels)
{
    unsigned all = name_labels(name);
    MUST(labels <= all);
    return name_skip(name, all - labels);
}

enum err name_replace(const uint8_t *name, const uint8_t *from, const uint8_t *to,
                      uint8_t out[NAME_MAX_WIRE])
{
    MUST(name_at_or_below(name, from));
    size_t head = name_size(name) - name_size(from);
    size_t tail = name_size(to);
    if (head + tail > NAME_MAX_WIRE)
        return ERR_SPACE;
    uint8_t whole[NAME_MAX_WIRE]; /* `out` may be where one of the names lies */
    memcpy(whole, name, head);
    memcpy(whole + head, to, tail);
    memcpy(out, whole, head + tail);
    return OK;
}

enum err name_prepend(const uint8_t *label, const uint8_t *name, uint8_t out[NAME_MAX_WIRE])
{
    MUST(*label >= 1 && *label <= 63);
    size_t head = 1 + (size_t)*label;
    size_t tail = name_size(name);
    if (head + tail > NAME_MAX_WIRE)
        return ERR_SPACE;
    memmove(out + head, name, tail);
    memcpy(out, label, head);
    return OK;
}

/* A pointer's target; SIZE_MAX when it is cut off, not before `limit`, or in the header. */
static size_t read_pointer(struct cursor *c, uint8_t first, size_t limit)
{
    uint8_t second = cursor_u8(c);
    size_t target = (size_t)(first & 0x3f) << 8 | second;
    return c->failed || target >= limit || target < DNS_HEADER_SIZE ? SIZE_MAX : target;
}

/*
 * Each run of labels must begin before the run that points to it, so reading ends whatever is sent;
 * the bound on hops and on 255 octets makes it cheap as well (RFC 1035 §4.1.4).
 */
enum err name_read(struct cursor *c, uint8_t out[NAME_MAX_WIRE])
{
    struct cursor run = *c;
    const uint8_t *after = NULL;
    size_t start = cursor_offset(c);
    size_t size = 0;
    unsigned hops = 0;
    for (;;) {
        uint8_t length = cursor_u8(&run);
        if (run.failed)
            goto broken;
        if (length >= 0xc0) {
            start = read_pointer(&run, length, start);
            if (start == SIZE_MAX || ++hops > NAME_MAX_POINTERS)
                goto broken;
            after = after ? after : run.at;
            run.at = run.base + start;
            continue;
        }
        const uint8_t *label = cursor_bytes(&run, length);
        if (length > 63 || !label || size + 1 + length + (length != 0) > NAME_MAX_WIRE)
            goto broken;
        if (out) {
            out[size] = length;
            memcpy(out + size + 1, label, length);
        }
        size += 1 + (size_t)length;
        if (length == 0)
            break;
    }
    c->at = after ? after : run.at;
    return OK;
broken:
    c->failed = true;
    return ERR_FORMAT;
}
