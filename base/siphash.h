/*
 * SipHash-2-4 (Aumasson, Bernstein): a keyed pseudorandom function of short inputs. For what others
 * see and must not be able to make themselves, such as DNS cookies; tables use base/hash.h.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY = 16, SIPHASH_SIZE = 8 };

/* The octets come out as the reference writes them, least significant first. */
void siphash(const uint8_t key[SIPHASH_KEY], const void *bytes, size_t size,
             uint8_t out[SIPHASH_SIZE]);

#endif
