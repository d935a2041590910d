#include "bester-cli/screen.h"

#include <stdarg.h>

static const struct {
    const char *on;
    bool is_failure;
} styles[STYLE_COUNT] = {
    [STYLE_PLAIN] = {"", false},
    [STYLE_MESSAGE] = {"", false},
    [STYLE_GOOD] = {"\033[32m", false},
    [STYLE_BAD] = {"\033[31m", true},
    [STYLE_NOTE] = {"\033[2m", false},
};

static enum status dress(
    const struct screen *self, enum style style, struct span text, struct bytes *out)
{
    const char *on = self->colour ? styles[style].on : "";
    enum status status = bytes_append_text(out, on);
    if (status == STATUS_OK)
        status = bytes_append_span(out, text);
    if (status == STATUS_OK && on[0] != '\0')
        status = bytes_append_text(out, "\033[0m");
    return status == STATUS_OK ? bytes_append_text(out, "\n") : status;
}

void screen_put(struct screen *self, enum style style, struct span text)
{
    struct bytes line;
    bool has_prompt = self->prompt != NULL || self->plain != NULL;
    FILE *file = styles[style].is_failure && !has_prompt ? self->err : self->out;
    bytes_init(&line, text.len + 64);
    if (!has_prompt && styles[style].is_failure) {
        fputs("bester-cli: ", file);
        if (self->line > 0)
            fprintf(file, "line %lu: ", self->line);
    }
    if (dress(self, style, text, &line) != STATUS_OK)
        fputs("bester-cli: out of memory\n", self->err);
    else if (self->prompt != NULL)
        prompt_print(self->prompt, bytes_span(&line));
    else if (self->plain != NULL)
        plain_print(self->plain, bytes_span(&line));
    else if (self->outlet != NULL && file == self->out)
        outlet_put(self->outlet, bytes_span(&line));
    else
        fwrite(bytes_span(&line).at, 1, line.len, file);
    if (!has_prompt)
        fflush(file);
    bytes_release(&line);
}

bool screen_is_full(const struct screen *self)
{
    return self->outlet != NULL && outlet_bytes(self->outlet) >= SCREEN_WAITING_MAX;
}

void screen_say(struct screen *self, enum style style, const char *format, ...)
{
    char text[SCREEN_LINE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    screen_put(self, style, span_of(text));
}
