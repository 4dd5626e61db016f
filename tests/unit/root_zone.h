/*
 * The real root zone for tests, as it was published on 2026-07-31: in the data that is shared
 * beside the checkout, or where NUTHATCH_SHARED says.
 */
#ifndef TESTS_UNIT_ROOT_ZONE_H
#define TESTS_UNIT_ROOT_ZONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/name.h"
#include "zones/anchors.h"
#include "zones/loader.h"

enum { ROOT_ZONE_AT = 1785542400 /* 2026-08-01 */, ROOT_ZONE_SERIAL = 2026073102 };
enum { ROOT_ZONE_PATH = 500 };

static inline void root_zone_path(char out[ROOT_ZONE_PATH])
{
    const char *shared = getenv("NUTHATCH_SHARED");
    snprintf(out, ROOT_ZONE_PATH, "%.400s/data/root/root-2026073102.zone.xz",
             shared ? shared : "../shared");
}

/* The text, malloc'd; its size is 0 where there is none. */
static inline char *root_zone_text(size_t *size)
{
    enum { MOST = 16 << 20 };
    char path[ROOT_ZONE_PATH], command[ROOT_ZONE_PATH + 40], *text = malloc(MOST);
    root_zone_path(path);
    snprintf(command, sizeof command, "xz -dc '%s' 2>/dev/null", path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(text);
    *size = fread(text, 1, MOST, f);
    pclose(f);
    return text;
}

/* Skips the test where there is none: before anything is made, which would not be freed. */
static inline void root_zone_need(void)
{
    char path[ROOT_ZONE_PATH];
    root_zone_path(path);
    if (access(path, R_OK) == 0)
        return;
    print_message("no root zone beside the checkout: left out\n");
    skip();
}

/* Its sets in canonical order, in the arena. */
static inline void root_zone_read(struct arena *a, struct rrset_array *out)
{
    struct zone_error error;
    size_t size;
    char *text = root_zone_text(&size);
    enum err e = zone_read_text(a, text, size, name_root, out, &error);
    free(text);
    assert_int_equal(e, OK);
    assert_true(size > 0);
}

/* The DS set of its built-in trust anchor. */
static inline const struct rrset *root_zone_anchor(struct arena *a)
{
    struct rrset_array anchors;
    struct zone_error error;
    assert_int_equal(anchors_load(a, NULL, &anchors, &error), OK);
    assert_int_equal(anchors.count, 1);
    return anchors.at[0];
}

#endif
