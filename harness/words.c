#include "harness/words.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* One word from *text on, which moves behind it; a quote begins and ends what may
 * hold blanks. NULL: a quote does not end. */
static json_t *take_word(const char **text)
{
    char *word = must_alloc(strlen(*text) + 1);
    size_t len = 0;
    char quote = '\0';
    json_t *result = NULL;

    for (; **text && (quote || **text != ' '); ++*text) {
        char c = **text;

        if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? '\0' : c;
        else
            word[len++] = c;
    }
    if (!quote)
        result = must_json(json_stringn(word, len));
    free(word);
    return result;
}

json_t *words_split(const char *text)
{
    json_t *words = must_json(json_array());

    while (*(text += strspn(text, " "))) {
        json_t *word = take_word(&text);

        if (!word) {
            json_decref(words);
            return NULL;
        }
        json_array_append_new(words, word);
    }
    return words;
}
