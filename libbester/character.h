/*
 * character: which characters a text consists of, and which of them a person must
 * not be shown as they are. Pure; on top of utf8, for code that is not hot.
 */
#ifndef BESTER_CHARACTER_H
#define BESTER_CHARACTER_H

#include <stdint.h>

#include "libbester/status.h"

/* How many bytes the code point at the start of text takes (1 to 4), *code set;
 * 0 when text is empty or does not start with valid UTF-8: an overlong form, a
 * surrogate, a code point over U+10FFFF, a cut sequence. */
size_t character_next(struct span text, uint32_t *code);

/* Whether a person must not be shown it as it is: control characters (C0, C1,
 * DEL), separators of lines, marks that change the direction of writing, and
 * characters that cannot be seen. Joiners (U+200C, U+200D) are not among them:
 * scripts and emoji need them. */
bool character_is_treacherous(uint32_t code);

/* Unicode's White_Space. */
bool character_is_space(uint32_t code);

#endif
