/*
 * Memory that runs out on purpose: the n-th allocation of the code under test fails, alone or with
 * all that follow. The player says when that code runs (scarce_arm); only a program that is linked
 * with scarce_wrap.c, as `play` is, has its allocations counted and refused.
 */
#ifndef TESTS_SIM_SCARCE_H
#define TESTS_SIM_SCARCE_H

#include <stdbool.h>
#include <stdint.h>

/* Counts anew. `fail_at` 0: nothing fails. `for_good`: all after it too. */
void scarce_begin(uint64_t fail_at, bool for_good);
/* Counted so far. */
uint64_t scarce_count(void);
/* From now on it is the code under test that allocates, or not; returns what was before. */
bool scarce_arm(bool on);
/* Counts one allocation; true: it is to fail. */
bool scarce_refuses(void);

#endif
