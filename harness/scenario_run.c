/* The words of "run": a program and its arguments. */
#include <string.h>

#include "harness/must.h"
#include "harness/scenario_load.h"

enum { ARGUMENTS_MAX = 30 };

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

/* Blanks separate. Words that no list can be made of: NULL. */
static json_t *split_words(const char *text)
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

bool load_run(struct loader *self, const json_t *object, const json_t *value, json_t **out)
{
    bool ok = json_is_string(value) || json_is_array(value);

    for (size_t i = 0; ok && i < json_array_size(value); i++)
        ok = json_is_string(json_array_get(value, i));
    *out = json_is_string(value) ? split_words(json_string_value(value))
                                 : json_incref((json_t *)value);
    size_t words = json_array_size(*out);
    if (!ok || words == 0 || words > ARGUMENTS_MAX)
        return load_fail_member(self, object, "run",
            "\"run\" wants a program and its arguments, as a text or a list of texts");
    return true;
}
