#include "dns/writer.h"

#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/types.h"

enum { POINTER_MAX = 0x3fff, SLOT_PROBES = 4, OPT_FIXED_SIZE = 11 };

void writer_init(struct writer *w, uint8_t *buf, size_t capacity)
{
    *w = (struct writer){
        .buf = buf,
        .capacity = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX,
    };
}

static bool fits(const struct writer *w, size_t size)
{
    size_t taken = w->size + w->reserved;
    return taken <= w->capacity && size <= w->capacity - taken;
}

static bool put_bytes(struct writer *w, const void *bytes, size_t size)
{
    if (!fits(w, size))
        return false;
    if (size)
        memcpy(w->buf + w->size, bytes, size);
    w->size += size;
    return true;
}

static bool put_u16(struct writer *w, uint16_t value)
{
    uint8_t bytes[2];
    store_u16(bytes, value);
    return put_bytes(w, bytes, sizeof(bytes));
}

static bool put_u32(struct writer *w, uint32_t value)
{
    uint8_t bytes[4];
    store_u32(bytes, value);
    return put_bytes(w, bytes, sizeof(bytes));
}

/* Back to an earlier state of the message: names that lay behind it are forgotten. */
static void rewind_to(struct writer *w, size_t size, size_t ttl_count)
{
    w->size = size;
    w->ttl_count = ttl_count;
    for (unsigned i = 0; i < WRITER_SLOTS; i++)
        if (w->slots[i] >= size)
            w->slots[i] = 0;
}

enum err writer_header(struct writer *w, uint16_t id, uint16_t flags)
{
    uint8_t header[DNS_HEADER_SIZE] = {0};
    MUST(w->size == 0);
    store_u16(header, id);
    store_u16(header + 2, flags);
    return put_bytes(w, header, sizeof(header)) ? OK : ERR_SPACE;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Is the name at `offset` of what we wrote, through its pointers, equal to `name`? */
static bool written_equals(const struct writer *w, size_t offset, const uint8_t *name)
{
    const uint8_t *at = w->buf + offset;
    for (;;) {
        while (*at >= 0xc0)
            at = w->buf + (load_u16(at) & POINTER_MAX);
        if (*at != *name)
            return false;
        if (*name == 0)
            return true;
        for (unsigned i = 1; i <= *name; i++)
            if (fold(at[i]) != fold(name[i]))
                return false;
        at += 1 + *at;
        name += 1 + *name;
    }
}

/* Where this suffix was written before; 0 when it was not or has been forgotten. */
static uint16_t find_written(const struct writer *w, const uint8_t *suffix, uint32_t hash)
{
    for (unsigned i = 0; i < SLOT_PROBES; i++) {
        uint16_t offset = w->slots[(hash + i) % WRITER_SLOTS];
        if (offset && written_equals(w, offset, suffix))
            return offset;
    }
    return 0;
}

/* A suffix that finds no free slot is only not compressed to later. */
static void note_written(struct writer *w, size_t offset, uint32_t hash)
{
    if (offset > POINTER_MAX)
        return;
    for (unsigned i = 0; i < SLOT_PROBES; i++) {
        uint16_t *slot = &w->slots[(hash + i) % WRITER_SLOTS];
        if (*slot == 0) {
            *slot = (uint16_t)offset;
            return;
        }
    }
}

struct suffixes {
    unsigned count;
    uint8_t at[NAME_MAX_LABELS]; /* where each begins within the name */
    uint32_t hash[NAME_MAX_LABELS];
};

/* Hashes every suffix in one pass from the root up (FNV-1a over folded octets, then mixed). */
static void hash_suffixes(const uint8_t *name, struct suffixes *out)
{
    uint32_t h = 2166136261u;
    out->count = 0;
    for (const uint8_t *p = name; *p; p += 1 + *p)
        out->at[out->count++] = (uint8_t)(p - name);
    for (unsigned i = out->count; i-- > 0;) {
        const uint8_t *label = name + out->at[i];
        for (unsigned j = 0; j <= *label; j++)
            h = (h ^ fold(label[j])) * 16777619u;
        out->hash[i] = h ^ h >> 15;
    }
}

/*
 * Writes the labels up to the longest ending that the message holds already, then a pointer to
 * that. The endings that are new are noted last: until the whole name stands there they cannot be
 * compared with.
 */
static bool put_name(struct writer *w, const uint8_t *name)
{
    struct suffixes s;
    uint16_t target = 0;
    unsigned fresh = 0;
    size_t start = w->size;
    hash_suffixes(name, &s);
    for (; fresh < s.count; fresh++) {
        target = find_written(w, name + s.at[fresh], s.hash[fresh]);
        if (target)
            break;
    }
    size_t head = target ? s.at[fresh] : name_size(name) - 1;
    if (!put_bytes(w, name, head))
        return false;
    if (!(target ? put_u16(w, (uint16_t)(0xc000 | target)) : put_bytes(w, name_root, 1)))
        return false;
    for (unsigned i = 0; i < fresh; i++)
        note_written(w, start + s.at[i], s.hash[i]);
    return true;
}

enum err writer_question(struct writer *w, const uint8_t *name, uint16_t type, uint16_t class)
{
    size_t before = w->size;
    MUST(w->size == DNS_HEADER_SIZE);
    if (!put_name(w, name) || !put_u16(w, type) || !put_u16(w, class)) {
        rewind_to(w, before, w->ttl_count);
        return ERR_SPACE;
    }
    w->counts[0]++;
    return OK;
}

static bool put_rdata(struct writer *w, uint16_t type, const uint8_t *rdata, uint16_t length)
{
    struct rdata_names names;
    size_t start = w->size;
    size_t at = 0;
    if (!put_u16(w, 0))
        return false;
    rdata_find_names(type, rdata, length, &names);
    for (unsigned i = 0; i < names.count; i++) {
        if (!names.at[i].compressible)
            continue;
        if (!put_bytes(w, rdata + at, names.at[i].offset - at) ||
            !put_name(w, rdata + names.at[i].offset))
            return false;
        at = (size_t)names.at[i].offset + names.at[i].size;
    }
    if (!put_bytes(w, rdata + at, length - at))
        return false;
    store_u16(w->buf + start, (uint16_t)(w->size - start - 2));
    return true;
}

static void note_ttl(struct writer *w)
{
    if (!w->ttl_offsets || w->ttl_count == SIZE_MAX)
        return;
    if (w->ttl_count == WRITER_TTLS_MAX)
        w->ttl_count = SIZE_MAX;
    else
        w->ttl_offsets[w->ttl_count++] = (uint16_t)w->size;
}

static bool put_record(struct writer *w, const struct rrset *s, uint16_t type, uint32_t ttl,
                       const struct rrset_iter *record)
{
    if (!put_name(w, s->owner) || !put_u16(w, type) || !put_u16(w, CLASS_IN))
        return false;
    note_ttl(w);
    return put_u32(w, ttl) && put_rdata(w, type, record->rdata, record->length);
}

enum err writer_rrset(struct writer *w, enum section section, const struct rrset *s, uint32_t now_s,
                      bool with_signatures)
{
    size_t before = w->size;
    size_t ttl_count = w->ttl_count;
    uint32_t ttl = rrset_ttl(s, now_s);
    struct rrset_iter it = with_signatures ? rrset_all(s) : rrset_records(s);
    unsigned written = 0;
    for (unsigned i = (unsigned)section + 2; i <= SECTION_COUNT; i++)
        MUST(w->counts[i] == 0);
    while (rrset_next(&it)) {
        uint16_t type = written < s->count ? s->type : TYPE_RRSIG;
        if (!put_record(w, s, type, ttl, &it)) {
            rewind_to(w, before, ttl_count);
            return ERR_SPACE;
        }
        written++;
    }
    w->counts[section + 1] = (uint16_t)(w->counts[section + 1] + written);
    return OK;
}

enum err writer_txt(struct writer *w, const uint8_t *name, uint16_t class, uint32_t ttl,
                    const char *text)
{
    size_t before = w->size, length = strlen(text);
    uint8_t octets = (uint8_t)length;
    MUST(length <= UINT8_MAX);
    if (!put_name(w, name) || !put_u16(w, TYPE_TXT) || !put_u16(w, class) || !put_u32(w, ttl) ||
        !put_u16(w, (uint16_t)(length + 1)) || !put_bytes(w, &octets, 1) ||
        !put_bytes(w, text, length)) {
        rewind_to(w, before, w->ttl_count);
        return ERR_SPACE;
    }
    w->counts[SECTION_ANSWER + 1]++;
    return OK;
}

size_t writer_opt_size(const struct writer_opt *o)
{
    size_t size = OPT_FIXED_SIZE;
    for (size_t i = 0; i < o->option_count; i++)
        size += 4 + (size_t)o->options[i].length;
    return size;
}

/* `at` has room for writer_opt_size octets. RFC 6891 §6.1.2. */
static void store_opt(uint8_t *at, const struct writer_opt *o, size_t size)
{
    at[0] = 0;
    store_u16(at + 1, TYPE_OPT);
    store_u16(at + 3, o->udp_size);
    at[5] = o->extended_rcode;
    at[6] = o->version;
    store_u16(at + 7, o->do_bit ? 0x8000 : 0);
    store_u16(at + 9, (uint16_t)(size - OPT_FIXED_SIZE));
    at += OPT_FIXED_SIZE;
    for (size_t i = 0; i < o->option_count; i++) {
        const struct writer_option *option = &o->options[i];
        store_u16(at, option->code);
        store_u16(at + 2, option->length);
        if (option->length)
            memcpy(at + 4, option->data, option->length);
        at += 4 + (size_t)option->length;
    }
}

enum err writer_opt(struct writer *w, const struct writer_opt *o)
{
    size_t size = writer_opt_size(o);
    if (size > w->capacity - w->size)
        return ERR_SPACE;
    store_opt(w->buf + w->size, o, size);
    w->size += size;
    w->counts[SECTION_ADDITIONAL + 1]++;
    w->reserved = w->reserved > size ? w->reserved - size : 0;
    return OK;
}

enum err message_append_opt(uint8_t *message, size_t *size, size_t capacity,
                            const struct writer_opt *o)
{
    size_t need = writer_opt_size(o);
    MUST(*size >= DNS_HEADER_SIZE);
    if (capacity > DNS_MESSAGE_MAX)
        capacity = DNS_MESSAGE_MAX;
    if (*size > capacity || need > capacity - *size)
        return ERR_SPACE;
    store_opt(message + *size, o, need);
    store_u16(message + 10, (uint16_t)(load_u16(message + 10) + 1));
    *size += need;
    return OK;
}

void writer_truncate(struct writer *w)
{
    MUST(w->size >= DNS_HEADER_SIZE);
    size_t size = DNS_HEADER_SIZE;
    if (w->counts[0])
        size += name_size(w->buf + DNS_HEADER_SIZE) + 4;
    rewind_to(w, size, 0);
    for (unsigned i = 1; i <= SECTION_COUNT; i++)
        w->counts[i] = 0;
    store_u16(w->buf + 2, load_u16(w->buf + 2) | FLAG_TC);
}

size_t writer_finish(struct writer *w)
{
    MUST(w->size >= DNS_HEADER_SIZE);
    for (unsigned i = 0; i <= SECTION_COUNT; i++)
        store_u16(w->buf + 4 + 2 * i, w->counts[i]);
    return w->size;
}
