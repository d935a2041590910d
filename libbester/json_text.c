#include "libbester/json_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/bytes.h"

struct sink {
    struct bytes text;
    enum status status; /* the first failure stays */
};

static int add(const char *at, size_t len, void *user)
{
    struct sink *self = user;

    if (self->status == STATUS_OK)
        self->status = bytes_append(&self->text, at, len);
    return self->status == STATUS_OK ? 0 : -1;
}

char *json_text(const json_t *value, size_t flags)
{
    struct sink sink = {.status = STATUS_OK};
    char *text = NULL;

    bytes_init(&sink.text, SIZE_MAX / 2);
    if (value && json_dump_callback(value, add, &sink, flags) == 0 && sink.status == STATUS_OK) {
        const char *whole = bytes_text(&sink.text);

        text = whole ? strdup(whole) : NULL;
    }
    bytes_release(&sink.text);
    return text;
}
