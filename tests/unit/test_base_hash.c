#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"

static struct hash_key key_of(uint8_t last)
{
    uint8_t seed[32] = {[31] = last};
    struct hash_key k;
    hash_key_init(&k, seed);
    return k;
}

static void the_same_seed_gives_the_same_hash(void **state)
{
    (void)state;
    struct hash_key a = key_of(1);
    struct hash_key b = key_of(1);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(hash_bytes(&a, "example", 7) == hash_bytes(&b, "example", 7));
}

static void the_key_and_every_octet_matter_at_every_size(void **state)
{
    (void)state;
    struct hash_key a = key_of(1);
    struct hash_key b = key_of(2);
    uint8_t bytes[300] = {0};
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        uint64_t h = hash_bytes(&a, bytes, size);
        assert_true(h != hash_bytes(&b, bytes, size));
        bytes[size - 1] ^= 1;
        assert_true(h != hash_bytes(&a, bytes, size));
        bytes[size - 1] ^= 1;
    }
}

static void every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int e = OK; e <= ERR_REFUSED; e++)
        for (int f = OK; f < e; f++)
            assert_string_not_equal(err_text((enum err)e), err_text((enum err)f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_hash),
        cmocka_unit_test(the_key_and_every_octet_matter_at_every_size),
        cmocka_unit_test(every_error_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
