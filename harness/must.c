#include "harness/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *block)
{
    if (!block) {
        fputs("harness: out of memory\n", stderr);
        exit(EXIT_INTERNAL);
    }
    return block;
}

void *must_alloc(size_t bytes)
{
    return must(calloc(1, bytes ? bytes : 1));
}

void *must_resize(void *block, size_t bytes)
{
    return must(realloc(block, bytes ? bytes : 1));
}

char *must_copy(const char *text)
{
    return must(strdup(text));
}

char *must_copy_bytes(const char *at, size_t len)
{
    char *copy = must(malloc(len + 1));

    if (len)
        memcpy(copy, at, len);
    copy[len] = '\0';
    return copy;
}

char *must_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = must(n < 0 ? NULL : malloc((size_t)n + 1));
    va_start(arguments, format);
    vsnprintf(text, (size_t)n + 1, format, arguments);
    va_end(arguments);
    return text;
}

FILE *must_stream(char **text, size_t *len)
{
    return must(open_memstream(text, len));
}

json_t *must_json(json_t *value)
{
    return must(value);
}

char *must_dump(const json_t *value)
{
    return must(json_dumps(value, JSON_ENCODE_ANY));
}

void *must_grow_block(void *block, size_t count, size_t size)
{
    /* Full exactly when count is 0 or a power of two. */
    if (count & (count - 1))
        return block;
    return must_resize(block, (count ? count * 2 : 1) * size);
}
