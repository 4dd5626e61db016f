/*
 * MUST(x): what can only fail if the program is wrong. Always on; prints where and aborts.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

_Noreturn void must_fail(const char *what, const char *file, int line);

#define MUST(x) ((x) ? (void)0 : must_fail(#x, __FILE__, __LINE__))

#endif
