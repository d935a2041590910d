#include "tests/fuzz/oracle.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Containers that a text could have open at once, at most. */
static size_t brackets(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '[' || text.at[i] == '{';
    return count;
}

struct answers {
    struct span text;
    enum status ours;
    struct fault fault;
    bool theirs;
    json_error_t error;
};

static bool number_out_of_range(const struct answers *answers)
{
    return answers->ours == STATUS_OK && !answers->theirs &&
           json_error_code(&answers->error) == json_error_numeric_overflow;
}

static bool too_deep_for_us(const struct answers *answers)
{
    return answers->ours == STATUS_TOO_LARGE && brackets(answers->text) > JSON_DEPTH_DEFAULT;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* They take the text, and we would without the zero bytes that jansson loses. */
static bool zero_byte_lost(const struct answers *answers)
{
    struct span text = answers->text;
    if (answers->ours == STATUS_OK || !answers->theirs || memchr(text.at, '\0', text.len) == NULL)
        return false;
    char *kept = malloc(text.len);
    if (kept == NULL)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '\0' || i == 0 || !is_letter_or_digit(text.at[i - 1]))
            kept[len++] = text.at[i];
    enum status status =
        json_check((struct span){.at = kept, .len = len}, JSON_DEPTH_DEFAULT, NULL);
    free(kept);
    return status == STATUS_OK;
}

/* Everything that one side takes and the other does not. */
static const struct {
    bool (*is_so)(const struct answers *answers);
    const char *why;
} differences[] = {
    /* jansson turns numbers into a long long or a double and refuses those that
     * do not fit. The grammar of RFC 8259 has no such limit, section 6 leaves the
     * range to whoever reads the number, and that is not us: `data` is passed on
     * as it came. Where we read a number ourselves (json_u64), the range is
     * checked there. */
    {number_out_of_range, "a number that the grammar allows and jansson can't hold"},
    /* jansson puts the byte behind a number or a word back into a buffer in which
     * zero means "empty", and so loses it if it is a zero byte. No JSON text holds
     * one (RFC 8259, section 2). */
    {zero_byte_lost, "a zero byte behind a number or a word, which jansson overlooks"},
    /* We stop at the depth that we are told, jansson at 2048. Whether the text
     * would have been valid beyond, we do not ask. */
    {too_deep_for_us, "nested deeper than our limit"},
};

enum oracle oracle_ask(struct span text, const char **why, char *room, size_t cap)
{
    struct answers answers = {.text = text};
    const char *unused;
    if (why == NULL)
        why = &unused;
    answers.ours = json_check(text, JSON_DEPTH_DEFAULT, &answers.fault);
    json_t *tree = json_loadb(text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &answers.error);
    answers.theirs = tree != NULL;
    json_decref(tree);
    if (answers.theirs && answers.ours == STATUS_OK)
        return ORACLE_BOTH_ACCEPT;
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
        if (differences[i].is_so(&answers)) {
            *why = differences[i].why;
            return ORACLE_KNOWN;
        }
    if (!answers.theirs && answers.ours == STATUS_MALFORMED)
        return ORACLE_BOTH_REFUSE;
    if (room != NULL) {
        snprintf(room, cap, "json_check: %s; jansson: %s",
            answers.ours == STATUS_OK ? "ok" : answers.fault.text,
            answers.theirs ? "ok" : answers.error.text);
        *why = room;
    }
    return ORACLE_DIFFERENT;
}
