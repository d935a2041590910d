/*
 * visible: text of strangers, made safe to show on a terminal.
 *
 * Control characters, escape sequences, marks that turn the direction of writing
 * and characters that cannot be seen come out as \n, \x1b, \u{202e}; bytes that
 * are not UTF-8 as \xff. All else is passed on as it is. Pure.
 */
#ifndef BESTER_VISIBLE_H
#define BESTER_VISIBLE_H

#include "libbester/bytes.h"
#include "libbester/status.h"

enum visible_form {
    VISIBLE_LINE, /* all on one line: a newline is shown as \n */
    VISIBLE_LINES /* a newline is kept; what follows it is set in by four blanks */
};

MUST_CHECK enum status visible_append(struct bytes *out, struct span text, enum visible_form form);

/* One line into a fixed buffer; what does not fit is cut at a character and
 * ends in "...". cap is at least 16. Returns out. */
const char *visible_into(char *out, size_t cap, struct span text);

#endif
