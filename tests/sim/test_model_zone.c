/* What the model zone says honestly is believed, in each form of denial, so that its lies are worth
 * trying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/must.h"
#include "dns/types.h"
#include "tests/sim/model_zone.h"

/* The verdict on a response with the set `answer` (none: MODEL_SETS_MAX) and all that the zone has
 * to deny with. */
static enum verdict honest(enum model_form form, enum response_kind kind, unsigned name,
                           uint16_t type, unsigned answer)
{
    const struct model *m = model_zone(form);
    struct judged answers[1] = {0}, authority[MODEL_SETS_MAX] = {0};
    struct arena a;
    arena_init(&a, NULL);
    struct response r = {.kind = kind,
                         .name = model_name(name),
                         .type = type,
                         .zone = model_name(MODEL_APEX),
                         .answer = answers,
                         .authority = authority,
                         .now = MODEL_NOW};
    for (unsigned i = 0; i < m->count; i++) {
        struct rrset *set = rrset_copy(&a, m->sets[i]);
        MUST(set);
        if (i == answer)
            answers[r.answer_count++].set = set;
        else if (set->type != TYPE_A)
            authority[r.authority_count++].set = set;
    }
    enum verdict v = model_validate(m, &a, &r);
    model_check(m, &r, v);
    arena_deinit(&a);
    return v;
}

static void what_the_zone_says_is_believed_in_every_form(void **state)
{
    (void)state;
    enum { AT_WWW = 0, AT_WILD = 2, AT_DEEP = 3, NONE = MODEL_SETS_MAX };
    for (unsigned i = 0; i < MODEL_FORMS; i++) {
        enum model_form form = (enum model_form)i;
        enum verdict open = form == MODEL_OPT_OUT ? VERDICT_INSECURE : VERDICT_SECURE;
        assert_int_equal(honest(form, RESPONSE_RECORDS, MODEL_WWW, TYPE_A, AT_WWW), VERDICT_SECURE);
        assert_int_equal(honest(form, RESPONSE_RECORDS, MODEL_WILD, TYPE_A, AT_WILD), open);
        assert_int_equal(honest(form, RESPONSE_RECORDS, MODEL_WILD_DEEP, TYPE_A, AT_DEEP), open);
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_WWW, TYPE_MX, NONE), VERDICT_SECURE);
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_W, TYPE_A, NONE), VERDICT_SECURE);
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_WILD, TYPE_MX, NONE), open);
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_SUB, TYPE_DS, NONE), open);
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_NX, TYPE_A, NONE), open);
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_BELOW_NX, TYPE_A, NONE), open);
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_ZZ, TYPE_MX, NONE), open);
    }
}

static void what_it_does_not_say_is_not(void **state)
{
    (void)state;
    enum { NONE = MODEL_SETS_MAX };
    for (unsigned i = 0; i < MODEL_FORMS; i++) {
        enum model_form form = (enum model_form)i;
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_WWW, TYPE_A, NONE), VERDICT_BOGUS);
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_WWW, TYPE_A, NONE), VERDICT_BOGUS);
        /* What is proven of an empty non-terminal is that it has no such type: so it is taken. */
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_W, TYPE_A, NONE), VERDICT_SECURE);
        assert_int_equal(honest(form, RESPONSE_NXDOMAIN, MODEL_WILD, TYPE_A, NONE), VERDICT_BOGUS);
        /* Under opt-out it may be above an unsigned delegation: that it has no type is not bogus.
         */
        enum verdict open = form == MODEL_OPT_OUT ? VERDICT_INSECURE : VERDICT_BOGUS;
        assert_int_equal(honest(form, RESPONSE_NODATA, MODEL_WILD, TYPE_A, NONE), open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_zone_says_is_believed_in_every_form),
        cmocka_unit_test(what_it_does_not_say_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
