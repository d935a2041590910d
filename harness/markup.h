/*
 * markup: texts of strangers inside XML and HTML, and at a terminal.
 *
 * What comes out holds no character that means something to either, none that
 * XML forbids, none that a reader can't see or that turns the direction of
 * writing: those come out as \x1b, \u{202e}, bytes that are no UTF-8 as \xff.
 * Pure.
 */
#ifndef HARNESS_MARKUP_H
#define HARNESS_MARKUP_H

#include <stdio.h>

#include "libbester/status.h"

/* As the content of an element. */
void markup_text(FILE *out, struct span text);
void markup_string(FILE *out, const char *text);
/* As an attribute, between quotes of either kind: a newline stays one. */
void markup_attribute(FILE *out, const char *text);

/* On one line of a terminal, where nothing of it acts: visible.h. */
void markup_terminal(FILE *out, struct span text);

/* The first bytes of a text, at most max of them, cut at a character. */
struct span markup_cut(struct span text, size_t max);

/* How many columns of a fixed-width font a text takes, about: wide characters
 * are two, marks that combine none. */
size_t markup_columns(const char *text);
/* Bytes of the longest beginning that takes at most so many columns. */
size_t markup_fit(const char *text, size_t columns);

#endif
