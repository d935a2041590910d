/*
 * features: which of the features of libbester/feature.h this server has:
 * `besterd --features`. A feature that is built is a row added here.
 */
#ifndef BESTERD_FEATURES_H
#define BESTERD_FEATURES_H

#include <stdio.h>

/* A line for each: the word, and what it means. */
void features_print(FILE *out);

#endif
