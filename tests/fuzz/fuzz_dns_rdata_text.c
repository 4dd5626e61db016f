/* One line of a zone file: what is read must be of its type's form, and its text must read as the
 * same. */
#include <string.h>

#include "base/must.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/*
 * ldns 1.8.3 loses a field when the text behind it is bad. Such text comes from an operator's file
 * and stops the start or the reload, so the loss is bounded; leaks of our own still fail.
 */
const char *__lsan_default_suppressions(void)
{
    return "leak:libldns.so\n";
}

static const uint8_t origin[] = "\7example";

static void read_again(struct arena *a, const struct rrset *s)
{
    static char text[400000];
    char error[100];
    struct rrset *again = NULL;
    struct rrset_iter it = rrset_records(s);
    MUST(rrset_next(&it) && rdata_check(s->type, it.rdata, it.length, 0, it.length) == OK);
    rrset_text(s, 0, text, sizeof(text));
    if (rrset_from_text(a, text, origin, 5, &again, error, sizeof(error)) == OK) {
        MUST(again->type == s->type && again->expiry == s->expiry);
        MUST(name_equal_case(again->owner, s->owner));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[5000];
    char error[100] = "";
    struct gauge g = {.limit = 16u << 20};
    struct arena a;
    struct rrset *s = NULL;
    size_t length = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
    memcpy(line, data, length);
    line[length] = '\0';
    arena_init(&a, &g);
    enum err e = rrset_from_text(&a, line, origin, 300, &s, error, sizeof(error));
    if (e)
        MUST(error[0] != '\0');
    else
        read_again(&a, s);
    arena_deinit(&a);
    MUST(g.used == 0);
    return 0;
}
