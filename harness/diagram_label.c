/* What stands on an arrow: the short words of form.h, shorter still. */
#include <stdlib.h>
#include <string.h>

#include "harness/diagram.h"
#include "harness/markup.h"
#include "harness/must.h"

enum { LABEL_BYTES_MAX = 200 };

static const char *text_of(const json_t *words, const char *name)
{
    const char *text = json_string_value(json_object_get(words, name));

    return text ? text : "";
}

/* Like JSON, without the quotes: what it is exactly stands in the frame. */
static void put_value(FILE *out, const json_t *value)
{
    const char *comma = "";
    const char *name;
    const json_t *element;
    size_t i;

    if (json_is_string(value)) {
        fputs(json_string_value(value), out);
    } else if (json_is_array(value)) {
        fputc('[', out);
        json_array_foreach (value, i, element) {
            fputs(i ? ", " : "", out);
            put_value(out, element);
        }
        fputc(']', out);
    } else if (json_is_object(value)) {
        fputc('{', out);
        json_object_foreach ((json_t *)value, name, element) {
            fprintf(out, "%s%s: ", comma, name);
            put_value(out, element);
            comma = ", ";
        }
        fputc('}', out);
    } else {
        char *text = must_dump(value);
        fputs(text, out);
        free(text);
    }
}

/* A list of names, without brackets. */
static void put_names(FILE *out, const json_t *names)
{
    const json_t *name;
    size_t i;

    if (!json_is_array(names) || json_array_size(names) == 0) {
        put_value(out, names);
        return;
    }
    json_array_foreach (names, i, name) {
        fputs(i ? ", " : "", out);
        put_value(out, name);
    }
}

/* ---- what kinds of words there are ----------------------------------------------------------- */

static void put_login(FILE *out, const json_t *words)
{
    const json_t *login = json_object_get(words, "login");

    fputs("login ", out);
    put_value(out, json_is_object(login) ? json_object_get(login, "user") : login);
}

static void put_report(FILE *out, const json_t *words)
{
    fprintf(
        out, "%s %s %s", text_of(words, "status"), text_of(words, "reason"), text_of(words, "id"));
    if (json_object_get(words, "data")) { /* of an informer */
        fputc(' ', out);
        put_value(out, json_object_get(words, "data"));
    }
}

/* What an informer is asked. */
static void put_asked(FILE *out, const json_t *words)
{
    const json_t *data = json_object_get(words, "data");

    put_value(out, json_object_get(words, "command"));
    if (data) {
        fputc(' ', out);
        put_value(out, data);
    }
}

static void put_message(FILE *out, const json_t *words)
{
    const json_t *data = json_object_get(words, "data");

    fprintf(out, "%s ", text_of(words, "type"));
    if (data && !json_is_null(data))
        put_value(out, data);
}

static void put_question(FILE *out, const json_t *words)
{
    put_value(out, json_object_get(words, "ask"));
}

static void put_command(FILE *out, const json_t *words, const char *command)
{
    const json_t *data = json_object_get(words, "data");

    fprintf(out, "%s ", command);
    put_names(out, json_object_get(words, command));
    if (data) {
        fputs(": ", out);
        put_value(out, data);
    }
}

static void put_clients(FILE *out, const json_t *words)
{
    put_command(out, words, "sendClients");
}

static void put_servers(FILE *out, const json_t *words)
{
    put_command(out, words, "sendServers");
}

static void put_handler(FILE *out, const json_t *words)
{
    put_command(out, words, "sendHandler");
}

/* The first key that is there says what it is. */
static const struct {
    const char *key;
    void (*put)(FILE *out, const json_t *words);
} puts_by_key[] = {
    {"login", put_login},
    {"ask", put_question},
    {"command", put_asked},
    {"sendClients", put_clients},
    {"sendServers", put_servers},
    {"sendHandler", put_handler},
    {"status", put_report},
    {"type", put_message},
};

static void put_words(FILE *out, const json_t *words)
{
    for (size_t i = 0; i < sizeof(puts_by_key) / sizeof(puts_by_key[0]); i++)
        if (json_object_get(words, puts_by_key[i].key)) {
            puts_by_key[i].put(out, words);
            return;
        }
    put_value(out, words);
}

/* ---- all labels ------------------------------------------------------------------------------ */

/* On one line, without blanks in a row, cut at a character. Takes text over. */
static char *tidy(char *text)
{
    char *to = text;
    bool blank = true; /* none at the start */

    for (const char *from = text; *from; from++) {
        bool is_blank = *from == ' ' || *from == '\n' || *from == '\r' || *from == '\t';

        if (!(is_blank && blank))
            *to++ = is_blank ? ' ' : *from;
        blank = is_blank;
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
    struct span cut = markup_cut(span_of(text), LABEL_BYTES_MAX);
    if (cut.len == strlen(text))
        return text;
    char *label = must_print("%.*s…", (int)cut.len, text);
    free(text);
    return label;
}

static bool is_stdio(enum edge_kind edge)
{
    return edge == EDGE_STDIN || edge == EDGE_STDOUT;
}

static const char *stdio_name(const struct diagram *self, int from, int to)
{
    const struct member *members = self->scenario->members;

    return members[members[from].kind == MEMBER_STDIO ? from : to].name;
}

static char *message_label(const struct diagram *self, const struct event *event)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = must_stream(&text, &len);

    if (is_stdio(event->edge)) {
        fprintf(out, "%s: %s", stdio_name(self, event->from, event->to), event->bytes);
    } else if (event->json) {
        json_t *words = form_show(event->edge, event->json);
        put_words(out, words);
        json_decref(words);
    } else {
        char *body = event_body_text(event, LABEL_BYTES_MAX + 1);
        fputs(body, out);
        free(body);
    }
    fclose(out);
    return tidy(text);
}

static char *expected_label(const char *expected)
{
    json_t *words = json_loads(expected, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out;

    if (!words)
        return must_copy(expected);
    out = must_stream(&text, &len);
    put_words(out, words);
    fclose(out);
    json_decref(words);
    return text;
}

/* Whoever has closed a connection: it is closed. */
static void shorten_end(char *text)
{
    bool usual =
        strcmp(text, "(closed the connection)") == 0 || strcmp(text, "{\"close\": true}") == 0;
    size_t len = strlen(text);

    if (usual) {
        memmove(text, "closed", sizeof("closed"));
    } else if (len > 2 && text[0] == '(' && text[len - 1] == ')') {
        memmove(text, text + 1, len - 2);
        text[len - 2] = '\0';
    }
}

char *diagram_label(const struct diagram *self, const struct diagram_row *row)
{
    const struct verdict *verdict = &self->attempt->verdict;
    const struct event *event = row->first;

    if (row->kind == DIAGRAM_EXPECTED && row->from != row->to)
        return tidy(expected_label(verdict->expected));
    if (row->kind == DIAGRAM_EXPECTED) {
        char *line = expected_label(verdict->expected);
        char *label = must_print("%s: %s", stdio_name(self, verdict->from, verdict->to), line);
        free(line);
        return tidy(label);
    }
    if (row->kind == DIAGRAM_MESSAGE)
        return message_label(self, event);
    char *text = must_copy_bytes(event->bytes, event->len);
    if (row->kind == DIAGRAM_END)
        shorten_end(text);
    return tidy(text);
}
