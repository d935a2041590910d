/*
 * dialogue: /new, which asks for a message field by field. Pure: it is given
 * lines and says what to ask next.
 */
#ifndef BESTER_CLI_DIALOGUE_H
#define BESTER_CLI_DIALOGUE_H

#include "libbester/template.h"

struct dialogue {
    bool active;
    struct form form;
    const struct type_template *sheet; /* must outlive the dialogue */
    size_t field;                      /* the one that is asked for */
    char to[1024];                     /* what an empty answer means for recipients */
};

/* A template without fields is finished at once: then it is not active. */
MUST_CHECK enum status dialogue_start(
    struct dialogue *self, const struct type_template *sheet, const char *to);
/* Goes on behind what is set already. */
void dialogue_skip(struct dialogue *self);
/* Forgets what was answered. Legal at any time. */
void dialogue_stop(struct dialogue *self);

/* "text (any text; what you say; required): ". Returns out. */
const char *dialogue_question(const struct dialogue *self, char *out, size_t cap);
/* An answer to it. STATUS_INVALID: it does not do, *fault says why, and the same
 * is asked again. With the last answer the dialogue is not active any more. */
MUST_CHECK enum status dialogue_answer(
    struct dialogue *self, const char *line, struct fault *fault);
/* The data, once all has been asked. */
MUST_CHECK enum status dialogue_data(
    const struct dialogue *self, struct bytes *out, struct fault *fault);

#endif
