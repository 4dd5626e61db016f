/*
 * Whoever has all that a zone ever signed and may mix, rename and spoil it as he likes, must not
 * have anything believed that is not true in the zone (tests/sim/model_zone.h: NSEC, NSEC3 and
 * opt-out).
 *
 * Input: kind of response + 3 × form of the zone, question's name and type, then four octets a
 * record: which, and into which section; another owner; where it is spoilt, and how (0: not at
 * all).
 */
#include "base/must.h"
#include "dns/rdata.h"
#include "dns/types.h"
#include "tests/sim/model_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS_MAX = 16 };

/* The record or its signature; what the checker of messages would refuse is left as it was. */
static void spoil(struct rrset *set, unsigned where, uint8_t how)
{
    struct rrset_iter it = rrset_all(set);
    bool signature = where & 1;
    for (unsigned i = 0; i <= signature; i++)
        MUST(rrset_next(&it));
    uint8_t *at = (uint8_t *)(uintptr_t)it.rdata + where / 2 % it.length;
    *at ^= how;
    if (rdata_check(signature ? TYPE_RRSIG : set->type, it.rdata, it.length, 0, it.length))
        *at ^= how;
}

static struct rrset *part(struct arena *a, const struct model *m, const uint8_t octets[4])
{
    struct rrset *set = rrset_copy(a, m->sets[octets[0] % 128 % m->count]);
    MUST(set);
    if (octets[1])
        set->owner = model_name(octets[1] % MODEL_NAMES);
    if (octets[3])
        spoil(set, octets[2], octets[3]);
    set->security = SECURITY_UNCHECKED;
    return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {TYPE_A, TYPE_MX, TYPE_DS, TYPE_NSEC};
    struct judged answer[PARTS_MAX] = {0}, authority[PARTS_MAX] = {0};
    struct arena a;
    if (size < 3)
        return 0;
    const struct model *m = model_zone((enum model_form)(data[0] / 3 % MODEL_FORMS));
    arena_init(&a, NULL);
    struct response r = {.kind = (enum response_kind)(data[0] % 3),
                         .name = model_name(data[1] % MODEL_NAMES),
                         .type = types[data[2] % 4],
                         .zone = model_name(MODEL_APEX),
                         .answer = answer,
                         .authority = authority,
                         .now = MODEL_NOW};
    for (size_t at = 3; at + 4 <= size && r.answer_count + r.authority_count < PARTS_MAX; at += 4) {
        struct rrset *set = part(&a, m, data + at);
        if (data[at] >= 128)
            answer[r.answer_count++].set = set;
        else
            authority[r.authority_count++].set = set;
    }
    model_check(m, &r, model_validate(m, &a, &r));
    arena_deinit(&a);
    return 0;
}
