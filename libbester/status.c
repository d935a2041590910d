#include "libbester/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    const char *help;
    enum client_exit exit_status;
} statuses[STATUS_COUNT] = {
#define X(name, wire, exit_value, help_text) \
    [name] = {.text = (wire), .help = (help_text), .exit_status = (exit_value)},
    STATUS_TABLE(X)
#undef X
};

static const char *const outcomes[OUTCOME_COUNT] = {
#define X(name, wire) [name] = (wire),
    OUTCOME_TABLE(X)
#undef X
};

/* A value from outside the table is a bug of ours; it must still print. */
static enum status known(enum status status)
{
    return (unsigned)status < STATUS_COUNT ? status : STATUS_INTERNAL;
}

const char *status_text(enum status status)
{
    return statuses[known(status)].text;
}

const char *status_help(enum status status)
{
    return statuses[known(status)].help;
}

enum status status_from_text(struct span text)
{
    for (unsigned i = 0; i < STATUS_COUNT; i++)
        if (span_is(text, statuses[i].text))
            return (enum status)i;
    return STATUS_COUNT;
}

bool status_on_wire(enum status status)
{
    return status > STATUS_OK && status <= STATUS_INTERNAL;
}

enum client_exit status_exit(enum status status)
{
    return statuses[known(status)].exit_status;
}

const char *outcome_text(enum outcome outcome)
{
    return (unsigned)outcome < OUTCOME_COUNT ? outcomes[outcome] : "";
}

enum outcome outcome_from_text(struct span text)
{
    for (unsigned i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++)
        if (span_is(text, outcomes[i]))
            return (enum outcome)i;
    return OUTCOME_NONE;
}

/* A text that was cut in the middle of a UTF-8 character loses that character. */
static void trim_partial_character(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - start + 1 < wanted)
        text[start - 1] = '\0';
}

enum status fault_set(
    struct fault *fault, enum status status, size_t offset, const char *format, ...)
{
    if (fault == NULL)
        return status;
    fault->status = status;
    fault->offset = offset;
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    if (len < 0)
        fault->text[0] = '\0';
    else if ((size_t)len >= sizeof fault->text)
        trim_partial_character(fault->text, sizeof fault->text - 1);
    return status;
}

struct span span_of(const char *text)
{
    return (struct span){.at = text, .len = text == NULL ? 0 : strlen(text)};
}

bool span_is(struct span span, const char *text)
{
    return span.at != NULL && span_equal(span, span_of(text));
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
