/*
 * pairs: FIELD=VALUE words of a line. A VALUE that holds blanks stands in quotation marks,
 * single or double: place="New York". Between double ones \" \\ and \n are understood;
 * a mark that is not the first character of a VALUE is a character like others. Pure.
 */
#ifndef BESTER_CLI_PAIRS_H
#define BESTER_CLI_PAIRS_H

#include "libbester/bytes.h"

/* Takes one pair off *at into out, which is emptied first: without marks, as one text.
 * PULL_MORE: there are no more. PULL_BAD: *fault says why. */
enum pull pairs_next(const char **at, struct bytes *out, struct fault *fault);
/* Whether the end of text stands between marks. */
bool pairs_is_open(const char *text, size_t len);

#endif
