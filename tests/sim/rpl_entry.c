/* Entries of a replay file: ENTRY_BEGIN … ENTRY_END. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/text.h"
#include "tests/sim/rpl_lex.h"

struct keyword {
    const char *word;
    uint32_t value;
};

// clang-format off
static const struct keyword match_words[] = {
    {"opcode", MATCH_OPCODE}, {"qtype", MATCH_QTYPE}, {"qname", MATCH_QNAME}, {"subdomain", MATCH_SUBDOMAIN},
    {"qcase", MATCH_QCASE}, {"rcode", MATCH_RCODE}, {"flags", MATCH_FLAGS}, {"question", MATCH_QUESTION},
    {"answer", MATCH_ANSWER}, {"authority", MATCH_AUTHORITY}, {"additional", MATCH_ADDITIONAL},
    {"all", MATCH_ALL | MATCH_WHOLE}, {"all_noedns", MATCH_ALL | MATCH_WHOLE | MATCH_WHOLE_NOEDNS},
    {"ttl", MATCH_TTL}, {"DO", MATCH_DO}, {"noedns", MATCH_NOEDNS}, {"UDP", MATCH_UDP}, {"TCP", MATCH_TCP},
    {"edns", MATCH_EDNS}, {"ednsdata", MATCH_EDNSDATA}, {"nsid", MATCH_NSID},
    {"client_cookie", MATCH_CLIENT_COOKIE}, {"server_cookie", MATCH_SERVER_COOKIE}, {NULL, 0}};

static const struct keyword adjust_words[] = {
    {"copy_id", ADJUST_COPY_ID}, {"copy_query", ADJUST_COPY_QUERY}, {"raw_id", ADJUST_RAW_ID},
    {"do_not_answer", ADJUST_DO_NOT_ANSWER}, {NULL, 0}};

static const struct keyword opcode_words[] = {
    {"QUERY", OPCODE_QUERY}, {"IQUERY", OPCODE_IQUERY}, {"STATUS", OPCODE_STATUS},
    {"NOTIFY", OPCODE_NOTIFY}, {"UPDATE", OPCODE_UPDATE}, {NULL, 0}};

static const struct keyword rcode_words[] = {
    {"NOERROR", RCODE_NOERROR}, {"FORMERR", RCODE_FORMERR}, {"SERVFAIL", RCODE_SERVFAIL},
    {"NXDOMAIN", RCODE_NXDOMAIN}, {"NOTIMPL", RCODE_NOTIMP}, {"NOTIMP", RCODE_NOTIMP},
    {"REFUSED", RCODE_REFUSED}, {"YXDOMAIN", RCODE_YXDOMAIN}, {"YXRRSET", RCODE_YXRRSET},
    {"NXRRSET", RCODE_NXRRSET}, {"NOTAUTH", RCODE_NOTAUTH}, {"NOTZONE", RCODE_NOTZONE},
    {"BADVERS", RCODE_BADVERS}, {"BADCOOKIE", RCODE_BADCOOKIE}, {NULL, 0}};

static const struct keyword flag_words[] = {
    {"QR", FLAG_QR}, {"AA", FLAG_AA}, {"TC", FLAG_TC}, {"RD", FLAG_RD}, {"RA", FLAG_RA},
    {"AD", FLAG_AD}, {"CD", FLAG_CD}, {NULL, 0}};

static const struct keyword section_words[] = {
    {"QUESTION", RPL_QUESTION}, {"ANSWER", RPL_ANSWER}, {"AUTHORITY", RPL_AUTHORITY},
    {"ADDITIONAL", RPL_ADDITIONAL}, {NULL, 0}};
// clang-format on

static bool lookup(const struct keyword *table, const char *word, uint32_t *value)
{
    for (; table->word; table++) {
        if (rpl_is(word, table->word)) {
            *value = table->value;
            return true;
        }
    }
    return false;
}

/* Reading one entry. */
struct entry_reader {
    struct rpl_reader *r;
    struct rpl_entry *entry;
    struct rpl_packet *packet; /* the one that REPLY and SECTION now speak of */
    int section;               /* enum rpl_section; -1 before any SECTION line */
};

static enum err parse_match(struct entry_reader *e, char *rest)
{
    uint32_t bits;
    uint64_t number;
    for (char *w; (w = rpl_word(&rest));) {
        if (lookup(match_words, w, &bits)) {
            e->entry->match |= bits;
        } else if (rpl_is(w, "ede=any")) {
            e->entry->match |= MATCH_EDE_ANY;
        } else if (strncmp(w, "ede=", 4) == 0 && rpl_unsigned(w + 4, UINT16_MAX, &number) == OK) {
            e->entry->match |= MATCH_EDE;
            e->entry->ede = (uint16_t)number;
        } else if (strncmp(w, "serial=", 7) == 0 &&
                   rpl_unsigned(w + 7, UINT32_MAX, &number) == OK) {
            e->entry->match |= MATCH_SERIAL;
            e->entry->serial = (uint32_t)number;
        } else {
            return rpl_fault(e->r, "MATCH: unknown word \"%s\"", w);
        }
    }
    if (e->entry->match & MATCH_NOEDNS)
        e->packet->noedns = true;
    return OK;
}

static enum err parse_adjust(struct entry_reader *e, char *rest)
{
    uint32_t bits;
    for (char *w; (w = rpl_word(&rest));) {
        uint64_t *delay = NULL;
        const char *number = NULL;
        if (strncmp(w, "sleep=", 6) == 0) {
            delay = &e->entry->sleep_ms;
            number = w + 6;
        } else if (strncmp(w, "packet_sleep=", 13) == 0) {
            delay = &e->entry->packet_sleep_ms;
            number = w + 13;
        }
        if (delay && rpl_seconds(number, delay) == OK)
            continue;
        if (delay || !lookup(adjust_words, w, &bits))
            return rpl_fault(e->r, "ADJUST: unknown word \"%s\"", w);
        e->entry->adjust |= bits;
    }
    return OK;
}

static enum err parse_reply(struct entry_reader *e, char *rest)
{
    uint32_t v;
    struct rpl_packet *p = e->packet;
    for (char *w; (w = rpl_word(&rest));) {
        if (lookup(flag_words, w, &v))
            p->flags |= (uint16_t)v;
        else if (lookup(rcode_words, w, &v))
            p->rcode = (uint16_t)v;
        else if (lookup(opcode_words, w, &v))
            p->opcode = (uint8_t)v;
        else if (rpl_is(w, "DO"))
            p->do_bit = true;
        else if (rpl_is(w, "noedns"))
            p->noedns = true;
        else
            return rpl_fault(e->r, "REPLY: unknown word \"%s\"", w);
    }
    return OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends the octets of a line of hex digits and blanks. */
static enum err parse_hex(struct entry_reader *e, const char *line, uint8_t *out, size_t *size)
{
    int high = -1;
    for (; *line; line++) {
        if (isspace((unsigned char)*line))
            continue;
        int d = hex_digit(*line);
        if (d < 0)
            return rpl_fault(e->r, "'%c' is no hex digit", *line);
        if (high < 0) {
            high = d;
            continue;
        }
        if (*size == DNS_MESSAGE_MAX)
            return rpl_fault(e->r, "more than %d octets", DNS_MESSAGE_MAX);
        out[(*size)++] = (uint8_t)(high << 4 | d);
        high = -1;
    }
    return high < 0 ? OK : rpl_fault(e->r, "half an octet at the end of the line");
}

/* Hex up to `end`, or of the one next line when `end` is NULL. */
static enum err parse_hex_block(struct entry_reader *e, const char *end, struct rpl_bytes *out)
{
    uint8_t *buf = malloc(DNS_MESSAGE_MAX);
    if (!buf)
        return ERR_NOMEM;
    size_t size = 0;
    enum err err;
    for (;;) {
        char *line;
        err = rpl_line(e->r, false, &line);
        if (!err && !line)
            err = rpl_fault(e->r, "the file ends within hex data");
        if (err || (end && rpl_is(line, end)))
            break;
        err = parse_hex(e, line, buf, &size);
        if (err || !end)
            break;
    }
    if (!err) {
        out->at = arena_copy(e->r->arena, buf, size);
        out->size = size;
        if (!out->at)
            err = ERR_NOMEM;
    }
    free(buf);
    return err;
}

static void packet_init(struct rpl_packet *p)
{
    *p = (struct rpl_packet){0};
    for (int i = 0; i < RPL_SECTIONS; i++)
        p->last[i] = &p->section[i];
}

static enum err start_extra(struct entry_reader *e)
{
    struct rpl_packet *p = arena_alloc(e->r->arena, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    packet_init(p);
    p->noedns = e->packet->noedns;
    e->packet->next = p;
    e->packet = p;
    e->section = -1;
    return OK;
}

/* An owner name as the file writes it: "@" and names without a closing dot are the origin's. */
static enum err parse_owner(struct rpl_reader *r, const char *word, uint8_t **out)
{
    char full[2 * NAME_TEXT_MAX];
    char origin[NAME_TEXT_MAX];
    uint8_t name[NAME_MAX_WIRE];
    size_t n = strlen(word);
    if (n >= NAME_TEXT_MAX)
        return rpl_fault(r, "a name of more than 255 octets");
    name_text(r->origin, origin);
    if (strcmp(word, "@") == 0)
        snprintf(full, sizeof full, "%s", origin);
    else if (word[n - 1] == '.' || *r->origin == 0)
        snprintf(full, sizeof full, "%s", word);
    else
        snprintf(full, sizeof full, "%s.%s", word, origin);
    if (name_from_text(full, name) != OK)
        return rpl_fault(r, "\"%s\" is no domain name", word);
    *out = rpl_name_dup(r->arena, name);
    return *out ? OK : ERR_NOMEM;
}

static bool parse_class(const char *w, uint16_t *class)
{
    static const struct keyword classes[] = {{"IN", CLASS_IN},     {"CH", CLASS_CH},   {"HS", 4},
                                             {"NONE", CLASS_NONE}, {"ANY", CLASS_ANY}, {NULL, 0}};
    uint32_t v;
    uint64_t number;
    if (lookup(classes, w, &v)) {
        *class = (uint16_t)v;
        return true;
    }
    if (strncmp(w, "CLASS", 5) == 0 && rpl_unsigned(w + 5, UINT16_MAX, &number) == OK) {
        *class = (uint16_t)number;
        return true;
    }
    return false;
}

static enum err parse_question(struct entry_reader *e, char *line)
{
    struct rpl_question q = {.class = CLASS_IN};
    uint64_t ttl;
    uint8_t *name;
    char *owner = rpl_bare_word(&line);
    enum err err = parse_owner(e->r, owner, &name);
    if (err)
        return err;
    char *w = rpl_bare_word(&line);
    if (w && rpl_unsigned(w, UINT32_MAX, &ttl) == OK)
        w = rpl_bare_word(&line);
    /* ANY is a class and a type: it is the class only when a type follows. */
    char *next = rpl_bare_word(&line);
    if (w && next && parse_class(w, &q.class)) {
        w = next;
        next = rpl_bare_word(&line);
    }
    if (!w)
        return rpl_fault(e->r, "a question without a type");
    if (next)
        return rpl_fault(e->r, "\"%s\" after the question", next);
    if (type_parse(w, &q.type) != OK)
        return rpl_fault(e->r, "\"%s\" is no record type", w);
    q.name = name;
    e->packet->question = q;
    return OK;
}

/* The reader of records knows class IN only: another class is noted here and blanked out. */
static uint16_t take_class(char *line)
{
    char *p = line;
    for (int word = 0; word < 2; word++) {
        p += strcspn(p, " \t");
        p += strspn(p, " \t");
        size_t n = strcspn(p, " \t");
        char text[16] = "";
        uint16_t class;
        if (n > 0 && n < sizeof text)
            memcpy(text, p, n);
        if (parse_class(text, &class)) {
            memset(p, ' ', n);
            return class;
        }
    }
    return CLASS_IN;
}

/* Joins the lines that a parenthesis holds together. */
static enum err join_lines(struct entry_reader *e, char **line)
{
    for (;;) {
        int depth = 0;
        bool quoted = false;
        for (const char *p = *line; *p; p++) {
            if (*p == '\\' && p[1])
                p++;
            else if (*p == '"')
                quoted = !quoted;
            else if (!quoted)
                depth += (*p == '(') - (*p == ')');
        }
        if (depth <= 0)
            return OK;
        char *more;
        enum err err = rpl_line(e->r, false, &more);
        if (err)
            return err;
        size_t size = strlen(*line) + (more ? strlen(more) : 0) + 2;
        if (!more || size > RPL_LINE_MAX)
            return rpl_fault(e->r, "a parenthesis that is never closed");
        char *joined = arena_alloc(e->r->arena, size);
        if (!joined)
            return ERR_NOMEM;
        snprintf(joined, size, "%s %s", *line, more);
        *line = joined;
    }
}

/*
 * Public scenarios hold records that zone files may not: an RRSIG without a signature (read with
 * one octet of it, which is then cut off) and a stray quote after base64.
 */
static enum err read_odd_record(struct entry_reader *e, const char *line, struct rrset **set,
                                uint16_t *cut)
{
    char error[RPL_ERROR_MAX];
    size_t n = strlen(line);
    char *mended = arena_alloc(e->r->arena, n + 8);
    if (!mended)
        return ERR_NOMEM;
    memcpy(mended, line, n + 1);
    if (n > 0 && line[n - 1] == '\'') {
        mended[n - 1] = '\0';
    } else {
        memcpy(mended + n, " AA==", 6);
        *cut = 1;
    }
    enum err err =
        rrset_from_text(e->r->arena, mended, e->r->origin, e->r->ttl, set, error, sizeof error);
    return !err && *cut && (*set)->type != TYPE_RRSIG ? ERR_FORMAT : err;
}

static enum err add_record(struct entry_reader *e, const struct rpl_rr *from)
{
    struct rpl_rr *rr = arena_copy(e->r->arena, from, sizeof *from);
    if (!rr)
        return ERR_NOMEM;
    *e->packet->last[e->section] = rr;
    e->packet->last[e->section] = &rr->next;
    return OK;
}

static enum err parse_record(struct entry_reader *e, char *line)
{
    char error[RPL_ERROR_MAX / 2];
    struct rrset *set;
    uint16_t cut = 0;
    enum err err = join_lines(e, &line);
    if (err)
        return err;
    uint16_t class = take_class(line);
    err = rrset_from_text(e->r->arena, line, e->r->origin, e->r->ttl, &set, error, sizeof error);
    if (err == ERR_FORMAT)
        err = read_odd_record(e, line, &set, &cut);
    if (err == ERR_FORMAT)
        return rpl_fault(e->r, "record: %s", error);
    if (err)
        return err;
    struct rrset_iter it = rrset_all(set);
    while (!err && rrset_next(&it))
        err = add_record(e, &(struct rpl_rr){.owner = set->owner,
                                             .rdata = it.rdata,
                                             .length = (uint16_t)(it.length - cut),
                                             .type = set->type,
                                             .class = class,
                                             .ttl = set->expiry});
    return err;
}

enum err rpl_parse_directive(struct rpl_reader *r, char *line, bool *taken)
{
    uint64_t ttl;
    *taken = *line == '$';
    if (!*taken)
        return OK;
    char *word = rpl_word(&line);
    char *value = rpl_word(&line);
    if (rpl_is(word, "$TTL") && rpl_unsigned(value, INT32_MAX, &ttl) == OK) {
        r->ttl = (uint32_t)ttl;
        return OK;
    }
    if (!rpl_is(word, "$ORIGIN") || !value)
        return rpl_fault(r, "\"%s\" is neither $ORIGIN NAME nor $TTL NUMBER", word);
    uint8_t *name;
    enum err err = parse_owner(r, value, &name);
    if (!err)
        name_copy(r->origin, name);
    return err;
}

static enum err parse_section(struct entry_reader *e, char *rest)
{
    uint32_t v;
    char *w = rpl_word(&rest);
    if (!w || !lookup(section_words, w, &v))
        return rpl_fault(e->r, "SECTION: \"%s\" is none", w ? w : "");
    e->section = (int)v;
    return OK;
}

static enum err parse_data_line(struct entry_reader *e, char *line)
{
    if (e->section < 0)
        return rpl_fault(e->r, "\"%s\" stands in no section", line);
    return e->section == RPL_QUESTION ? parse_question(e, line) : parse_record(e, line);
}

/* A line that opens a block of hex; *taken says whether it was one. */
static enum err parse_hex_line(struct entry_reader *e, const char *keyword, bool *taken)
{
    struct rpl_bytes b = {0};
    *taken = true;
    enum err err;
    if (rpl_is(keyword, "RAW")) {
        err = parse_hex_block(e, NULL, &b);
    } else if (rpl_is(keyword, "HEX_ANSWER_BEGIN")) {
        err = parse_hex_block(e, "HEX_ANSWER_END", &b);
    } else if (rpl_is(keyword, "HEX_EDNSDATA_BEGIN")) {
        err = parse_hex_block(e, "HEX_EDNSDATA_END", &b);
        e->packet->has_ednsdata = true;
        e->packet->ednsdata = b.at;
        e->packet->ednsdata_size = b.size;
        return err;
    } else {
        *taken = false;
        return OK;
    }
    e->packet->raw = b.at;
    e->packet->raw_size = b.size;
    return err;
}

static enum err parse_entry_line(struct entry_reader *e, char *line)
{
    bool taken;
    enum err err = rpl_parse_directive(e->r, line, &taken);
    if (err || taken)
        return err;
    size_t n = strcspn(line, " \t\r\v\f");
    char keyword[32] = "";
    if (n < sizeof keyword)
        memcpy(keyword, line, n);
    char *rest = line + n;
    if (rpl_is(keyword, "MATCH"))
        return parse_match(e, rest);
    if (rpl_is(keyword, "ADJUST"))
        return parse_adjust(e, rest);
    if (rpl_is(keyword, "REPLY"))
        return parse_reply(e, rest);
    if (rpl_is(keyword, "SECTION"))
        return parse_section(e, rest);
    if (rpl_is(keyword, "EXTRA_PACKET"))
        return start_extra(e);
    err = parse_hex_line(e, keyword, &taken);
    if (err || taken)
        return err;
    return parse_data_line(e, line);
}

enum err rpl_parse_entry(struct rpl_reader *r, struct rpl_entry **out)
{
    struct rpl_entry *entry = arena_calloc(r->arena, 1, sizeof *entry);
    if (!entry)
        return ERR_NOMEM;
    entry->line = r->line;
    packet_init(&entry->packet);
    struct entry_reader e = {.r = r, .entry = entry, .packet = &entry->packet, .section = -1};
    for (;;) {
        char *line;
        enum err err = rpl_line(r, false, &line);
        if (err)
            return err;
        if (!line)
            return rpl_fault(r, "the file ends within an entry");
        if (rpl_is(line, "ENTRY_END"))
            break;
        err = parse_entry_line(&e, line);
        if (err)
            return err;
    }
    *out = entry;
    return OK;
}
