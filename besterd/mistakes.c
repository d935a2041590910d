#include "besterd/mistakes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/character.h"

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
    char sentence[1024];
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

/* The text comes from a file that anybody may have written. */
static void print_visible(const char *text, FILE *out)
{
    struct span rest = span_of(text);
    while (rest.len > 0) {
        uint32_t code = 0;
        size_t taken = character_next(rest, &code);
        if (taken == 0)
            fprintf(out, "\\x%02x", (unsigned char)rest.at[0]);
        else if (character_is_treacherous(code))
            fprintf(out, "\\u%04x", (unsigned)code);
        else
            fwrite(rest.at, 1, taken, out);
        taken = taken > 0 ? taken : 1;
        rest.at += taken;
        rest.len -= taken;
    }
}

void mistakes_print(const struct mistakes *self, const char *file, FILE *out)
{
    for (size_t i = 0; i < self->kept; i++) {
        fprintf(out, "%s: ", file);
        print_visible(self->at[i].where, out);
        if (self->at[i].where[0] != '\0')
            fputs(": ", out);
        print_visible(self->at[i].sentence, out);
        fputc('\n', out);
    }
    if (self->count > self->kept)
        fprintf(out, "%s: and %zu more mistakes\n", file, self->count - self->kept);
}

enum { NEAREST_MAX = 64 };

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
