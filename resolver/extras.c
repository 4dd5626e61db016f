/* What goes along with an answer where responses are full. */
#include "dns/rdata.h"
#include "resolver/classify.h"

static bool named_in(const struct rrsets *list, const uint8_t *name)
{
    for (unsigned i = 0; i < list->count; i++) {
        struct rrset_iter it = rrset_records(list->at[i]);
        while (rrset_next(&it)) {
            struct rdata_names names;
            rdata_find_names(list->at[i]->type, it.rdata, it.length, &names);
            for (unsigned k = 0; k < names.count; k++)
                if (name_equal(it.rdata + names.at[k].offset, name))
                    return true;
        }
    }
    return false;
}

static bool is_address(const struct rrset *set)
{
    return set->type == TYPE_A || set->type == TYPE_AAAA;
}

enum err reply_extras(struct arena *a, const struct message *m, const struct asked *q,
                      const struct classified *c, struct rrsets *authority,
                      struct rrsets *additional)
{
    const struct rrset_array *from = &m->section[SECTION_AUTHORITY];
    for (size_t i = 0; i < from->count; i++) {
        const struct rrset *set = from->at[i];
        if (set->type != TYPE_NS || !reply_in_bailiwick(q, set->owner) ||
            !name_at_or_below(c->last, set->owner))
            continue;
        if (reply_take(a, q, authority, set, TRUST_AUTHORITY))
            return ERR_NOMEM;
    }
    from = &m->section[SECTION_ADDITIONAL];
    for (size_t i = 0; i < from->count; i++) {
        const struct rrset *set = from->at[i];
        if (!is_address(set) || !reply_in_bailiwick(q, set->owner) ||
            !(named_in(&c->answer, set->owner) || named_in(authority, set->owner)))
            continue;
        if (reply_take(a, q, additional, set, TRUST_ADDITIONAL))
            return ERR_NOMEM;
    }
    return OK;
}
