/*
 * siphash: a hash of bytes that nobody can foresee who does not know the key
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; SipHash-2-4).
 * Pure.
 */
#ifndef BESTERD_SIPHASH_H
#define BESTERD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_BYTES = 16 };

uint64_t siphash(const unsigned char key[SIPHASH_KEY_BYTES], const void *bytes, size_t len);

#endif
