#include "besterd/mistakes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/visible.h"

enum { SENTENCE_BYTES = 1024, VISIBLE_BYTES = 4 * SENTENCE_BYTES, NEAREST_MAX = 64 };

void mistakes_init(struct mistakes *self)
{
    *self = (struct mistakes){.at = NULL};
}

void mistakes_release(struct mistakes *self)
{
    for (size_t i = 0; i < self->kept; i++) {
        free(self->at[i].where);
        free(self->at[i].sentence);
    }
    free(self->at);
    mistakes_init(self);
}

void mistakes_add(struct mistakes *self, const char *where, const char *format, ...)
{
    self->count++;
    if (self->kept == MISTAKES_MAX)
        return;
    struct mistake *grown = realloc(self->at, (self->kept + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    self->at = grown;
    char sentence[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    struct mistake made = {
        .where = strdup(where), .sentence = strdup(len < 0 ? "is wrong" : sentence)};
    if (made.where == NULL || made.sentence == NULL) {
        free(made.where);
        free(made.sentence);
        return;
    }
    self->at[self->kept++] = made;
}

void mistakes_print(const struct mistakes *self, const char *file, FILE *out)
{
    /* The texts come from a file that anybody may have written. */
    char where[VISIBLE_BYTES];
    char sentence[VISIBLE_BYTES];
    for (size_t i = 0; i < self->kept; i++) {
        const struct mistake *mistake = &self->at[i];
        visible_into(where, sizeof where, span_of(mistake->where));
        visible_into(sentence, sizeof sentence, span_of(mistake->sentence));
        fprintf(out, "%s: %s%s%s\n", file, where, where[0] != '\0' ? ": " : "", sentence);
    }
    if (self->count > 0 && self->kept == 0)
        fprintf(out, "%s: out of memory\n", file);
    else if (self->count > self->kept)
        fprintf(out, "%s: and %zu more mistakes\n", file, self->count - self->kept);
}

/* Least number of letters to add, drop or change (Levenshtein). */
static size_t edits(const char *a, const char *b)
{
    size_t row[NEAREST_MAX + 1];
    size_t len = strlen(b);
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= len; j++) {
            size_t changed = diagonal + (a[i] == b[j - 1] ? 0 : 1);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = changed < shorter ? changed : shorter;
        }
    }
    return row[len];
}

const char *mistakes_nearest(const char *text, const char *const *candidates)
{
    size_t len = strlen(text);
    if (len > NEAREST_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t least = len / 3 + 1;
    for (; *candidates != NULL; candidates++) {
        if (strlen(*candidates) > NEAREST_MAX)
            continue;
        size_t distance = edits(text, *candidates);
        if (distance < least || (distance == least && nearest == NULL)) {
            least = distance;
            nearest = *candidates;
        }
    }
    return nearest;
}
