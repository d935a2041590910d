/*
 * form_table: the forms behind form.h, and the answers of handlers, which have
 * words of their own. For form_*.c alone.
 */
#ifndef HARNESS_FORM_TABLE_H
#define HARNESS_FORM_TABLE_H

#include "harness/form.h"

enum { WORDS_MAX = 12 };

/* Where a word's value stands on the wire. */
enum part { PART_HEADER, PART_PAYLOAD };

struct word {
    const char *name;
    enum part part;
    const char *member;
};

/* A header member that every message of the form has. */
struct fixed {
    const char *member;
    const char *value;
};

struct form {
    unsigned edges;        /* a bit for each enum edge_kind */
    const char *key;       /* the word that selects the form… */
    const char *key_value; /* …when it has this value; NULL: any */
    struct fixed fixed;    /* .member NULL: none */
    struct word words[WORDS_MAX];
};

/* The first form that fits is taken. NULL ends an iteration from 0 on. */
const struct form *form_at(size_t index);
bool form_is_of(const struct form *form, enum edge_kind edge);
/* Whether the key's value is the one that selects the form. */
bool form_admits_key(const struct form *form, const json_t *key);
const char *part_name(enum part part);
/* Whether this is an object of one member that means more than it says: raw, text,
 * hex, close, silent (of a question: raw, hex, close). */
bool form_is_bare(enum edge_kind edge, const json_t *value);
/* Whether a value to a handler would be read as words, not as data. */
bool form_question_in_words(enum edge_kind edge, const json_t *value);

/* Words of an answer <-> the frame. NULL: *word and *fault say why; for show:
 * no words fit. */
json_t *answer_to_wire(
    bool stream, bool doing, const json_t *value, char *word, struct fault *fault);
json_t *answer_show(const json_t *wire);
/* The same for what is asked of an informer, and what it answers. */
json_t *informer_to_wire(enum edge_kind edge, const json_t *value, char *word, struct fault *fault);
json_t *informer_show(enum edge_kind edge, const json_t *wire);

#endif
