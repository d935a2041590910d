#include "bester-cli/pairs.h"

#include <string.h>

#define BLANKS " \t"

/* The length of what stands before a VALUE: "place=", or a word that has none. */
static size_t name_len(const char *text)
{
    size_t len = strcspn(text, "=" BLANKS);
    return len + (text[len] == '=');
}

static bool is_mark(char c)
{
    return c == '"' || c == '\'';
}

/* One character of a quoted VALUE, at most two as written; how many. */
static size_t take_character(const char *at, char mark, struct bytes *out, enum status *status)
{
    bool escaped = mark == '"' && at[0] == '\\' && strchr("\"\\n", at[1]) != NULL && at[1] != '\0';
    char c = !escaped ? at[0] : at[1] == 'n' ? '\n' : at[1];
    *status = bytes_append(out, &c, 1);
    return escaped ? 2 : 1;
}

/* From the mark on to behind the one that closes. NULL: *fault says why. */
static const char *take_quoted(const char *at, struct bytes *out, struct fault *fault)
{
    char mark = *at++;
    enum status status = STATUS_OK;
    while (*at != mark && *at != '\0' && status == STATUS_OK)
        at += take_character(at, mark, out, &status);
    if (status != STATUS_OK)
        fault_set(fault, status, 0, "%s", status_help(status));
    else if (*at == '\0')
        fault_set(fault, STATUS_INVALID, 0, "the quotation mark %c is not closed", mark);
    else if (at[1] != '\0' && strchr(BLANKS, at[1]) == NULL)
        fault_set(fault, STATUS_INVALID, 0, "a blank must follow the closing %c", mark);
    else
        return at + 1;
    return NULL;
}

enum pull pairs_next(const char **at, struct bytes *out, struct fault *fault)
{
    const char *text = *at + strspn(*at, BLANKS);
    size_t name = name_len(text);
    bytes_reset(out);
    if (*text == '\0')
        return PULL_MORE;
    bool quoted = name > 0 && text[name - 1] == '=' && is_mark(text[name]);
    size_t plain = quoted ? name : name + strcspn(text + name, BLANKS);
    enum status status = bytes_append(out, text, plain);
    if (status != STATUS_OK) {
        fault_set(fault, status, 0, "%s", status_help(status));
        return PULL_BAD;
    }
    *at = quoted ? take_quoted(text + plain, out, fault) : text + plain;
    return *at == NULL ? PULL_BAD : PULL_READY;
}

bool pairs_is_open(const char *text, size_t len)
{
    char mark = '\0';
    for (size_t i = 0; i < len; i++)
        if (mark == '\0' && i > 0 && text[i - 1] == '=' && is_mark(text[i]))
            mark = text[i];
        else if (mark == '"' && text[i] == '\\')
            i++;
        else if (text[i] == mark)
            mark = '\0';
    return mark != '\0';
}
