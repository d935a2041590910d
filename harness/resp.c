#include "harness/resp.h"

#include <stdlib.h>
#include <string.h>

static const char *const line_end = "\r\n";

/* The line from at on, without its end; *at moves behind it. false: it has no end yet. */
static bool take_line(struct span bytes, size_t *at, struct span *line)
{
    const char *end = memmem(bytes.at + *at, bytes.len - *at, line_end, 2);

    if (!end)
        return false;
    *line = (struct span){bytes.at + *at, (size_t)(end - (bytes.at + *at))};
    *at += line->len + 2;
    return true;
}

/* "*3" or "$5": the number, or -1. */
static long read_count(struct span line, char sign, long max)
{
    char text[16];
    char *end;

    if (line.len < 2 || line.len >= sizeof(text) || line.at[0] != sign)
        return -1;
    snprintf(text, sizeof(text), "%.*s", (int)line.len - 1, line.at + 1);
    long number = strtol(text, &end, 10);
    return *end || number < 0 || number > max ? -1 : number;
}

static long read_inline(struct span line, size_t taken, struct resp_command *out)
{
    const char *at = line.at;
    const char *end = line.at + line.len;

    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank ? blank : end;

        if (stop > at && out->count == RESP_WORDS_MAX)
            return -1;
        if (stop > at)
            out->words[out->count++] = (struct span){at, (size_t)(stop - at)};
        at = stop + 1;
    }
    return (long)taken;
}

long resp_read(struct span bytes, struct resp_command *out)
{
    struct span line;
    size_t at = 0;

    out->count = 0;
    if (!take_line(bytes, &at, &line))
        return bytes.len > RESP_WORD_BYTES_MAX ? -1 : 0;
    if (line.len == 0 || line.at[0] != '*')
        return read_inline(line, at, out);
    long count = read_count(line, '*', RESP_WORDS_MAX);
    for (long i = 0; i < count; i++) {
        if (!take_line(bytes, &at, &line))
            return 0;
        long len = read_count(line, '$', RESP_WORD_BYTES_MAX);
        if (len < 0)
            return -1;
        if (bytes.len < at + (size_t)len + 2)
            return 0;
        out->words[out->count++] = (struct span){bytes.at + at, (size_t)len};
        at += (size_t)len + 2;
    }
    return count < 0 ? -1 : (long)at;
}

void resp_text(FILE *out, const char *text)
{
    if (text)
        fprintf(out, "$%zu\r\n%s\r\n", strlen(text), text);
    else
        fputs("$-1\r\n", out);
}

void resp_list(FILE *out, size_t count)
{
    fprintf(out, "*%zu\r\n", count);
}

void resp_number(FILE *out, long number)
{
    fprintf(out, ":%ld\r\n", number);
}

void resp_simple(FILE *out, const char *text)
{
    fprintf(out, "+%s\r\n", text);
}

void resp_error(FILE *out, const char *text)
{
    fprintf(out, "-ERR %s\r\n", text);
}
