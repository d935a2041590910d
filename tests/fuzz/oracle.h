/*
 * oracle: whether json_check and jansson say the same about a text.
 */
#ifndef BESTER_TESTS_FUZZ_ORACLE_H
#define BESTER_TESTS_FUZZ_ORACLE_H

#include "libbester/json.h"

enum oracle {
    ORACLE_BOTH_ACCEPT,
    ORACLE_BOTH_REFUSE,
    ORACLE_KNOWN,    /* they differ, and a row of the table in oracle.c says why */
    ORACLE_DIFFERENT /* they differ, and nobody knows why: a bug */
};

/* *why (may be NULL) becomes the reason of a known difference, or what each of
 * the two said about another one; text of static storage or of `room`. */
enum oracle oracle_ask(struct span text, const char **why, char *room, size_t cap);

#endif
