#include "harness/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

enum { NUMBER_BYTES_MAX = 63 };

/* Reads on from *at; never behind end. */
struct reader {
    const char *at;
    const char *end;
};

static void skip_blanks(struct reader *self)
{
    while (self->at < self->end && (*self->at == ' ' || *self->at == '\t'))
        self->at++;
}

static bool take(struct reader *self, char c)
{
    skip_blanks(self);
    if (self->at == self->end || *self->at != c)
        return false;
    self->at++;
    return true;
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
}

/* malloc'd, or NULL: there is none. */
static char *take_name(struct reader *self)
{
    skip_blanks(self);
    const char *begin = self->at;

    while (self->at < self->end && is_of_name(*self->at))
        self->at++;
    return self->at > begin ? must_copy_bytes(begin, (size_t)(self->at - begin)) : NULL;
}

/* "text" with \\, \" and \n. malloc'd, or NULL. */
static char *take_text(struct reader *self)
{
    if (!take(self, '"'))
        return NULL;
    char *text = must_alloc((size_t)(self->end - self->at) + 1);
    size_t len = 0;

    for (; self->at < self->end && *self->at != '"'; self->at++) {
        bool escaped = *self->at == '\\' && self->at + 1 < self->end;

        if (escaped)
            self->at++;
        text[len++] = escaped && *self->at == 'n' ? '\n' : *self->at;
    }
    if (take(self, '"'))
        return text;
    free(text);
    return NULL;
}

static bool take_label(struct reader *self, json_t *labels)
{
    char *name = take_name(self);
    char *text = name && take(self, '=') ? take_text(self) : NULL;
    bool taken = text && json_object_set_new(labels, name, json_string(text)) == 0;

    free(text);
    free(name);
    return taken;
}

/* {a="b", c="d"}, or nothing. false: begun, but of another form. */
static bool take_labels(struct reader *self, json_t *labels)
{
    if (!take(self, '{'))
        return true;
    while (!take(self, '}'))
        if (!take_label(self, labels) ||
            (!take(self, ',') && (self->at == self->end || *self->at != '}')))
            return false;
    return true;
}

static bool take_number(struct reader *self, double *out)
{
    char text[NUMBER_BYTES_MAX + 1];
    char *end;
    size_t len = 0;

    skip_blanks(self);
    while (self->at < self->end && *self->at != ' ' && len < NUMBER_BYTES_MAX)
        text[len++] = *self->at++;
    text[len] = '\0';
    *out = strtod(text, &end);
    return len > 0 && *end == '\0';
}

/* ---- the text -------------------------------------------------------------------------------- */

static struct sample *add(struct exposition *self, char *name)
{
    must_grow(self->items, self->count);
    struct sample *sample = &self->items[self->count++];
    *sample = (struct sample){.name = name};
    return sample;
}

/* # TYPE name kind: that there is such a metric, even if nothing has happened yet. */
static void read_comment(struct exposition *self, struct reader reader)
{
    static const char word[] = "TYPE ";

    reader.at++;
    skip_blanks(&reader);
    if ((size_t)(reader.end - reader.at) < sizeof(word) ||
        strncmp(reader.at, word, strlen(word)) != 0)
        return;
    reader.at += strlen(word);
    char *name = take_name(&reader);
    if (name)
        add(self, name);
}

/* name{labels} value, and a time perhaps. */
static bool read_sample(struct exposition *self, struct reader reader)
{
    char *name = take_name(&reader);
    struct sample *sample = name ? add(self, name) : NULL;

    if (!sample)
        return false;
    sample->labels = must_json(json_object());
    return take_labels(&reader, sample->labels) && take_number(&reader, &sample->value);
}

enum status exposition_read(struct exposition *self, struct span text, struct fault *fault)
{
    const char *at = text.at;
    const char *end = text.at + text.len;

    *self = (struct exposition){NULL, 0};
    for (const char *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct reader line = {at, stop ? stop : end};

        next = stop ? stop + 1 : end;
        if (line.at == line.end)
            continue;
        if (*line.at == '#') {
            read_comment(self, line);
        } else if (!read_sample(self, line)) {
            exposition_release(self);
            return fault_set(fault, STATUS_INVALID, (size_t)(at - text.at), "no metric: %.*s",
                (int)(line.end - line.at < 100 ? line.end - line.at : 100), line.at);
        }
    }
    return STATUS_OK;
}

void exposition_release(struct exposition *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].name);
        json_decref(self->items[i].labels);
    }
    free(self->items);
    *self = (struct exposition){NULL, 0};
}

/* ---- questions ------------------------------------------------------------------------------- */

enum status selector_read(struct span text, char **name, json_t **labels, struct fault *fault)
{
    struct reader reader = {text.at, text.at + text.len};
    char *found = take_name(&reader);
    json_t *wanted = must_json(json_object());

    if (found && take_labels(&reader, wanted) && reader.at == reader.end) {
        *name = found;
        *labels = wanted;
        return STATUS_OK;
    }
    free(found);
    json_decref(wanted);
    return fault_set(fault, STATUS_INVALID, 0,
        "\"%.*s\" is no metric: its name, and labels perhaps, as in name{type=\"chat\"}",
        (int)(text.len < 80 ? text.len : 80), text.at);
}

static bool has_labels(const struct sample *self, const json_t *labels)
{
    const char *name;
    json_t *text;

    json_object_foreach ((json_t *)labels, name, text)
        if (!json_equal(json_object_get(self->labels, name), text))
            return false;
    return self->labels != NULL;
}

bool exposition_sum(
    const struct exposition *self, const char *name, const json_t *labels, double *out)
{
    bool found = false;
    double sum = 0;

    for (size_t i = 0; i < self->count; i++) {
        const struct sample *sample = &self->items[i];

        if (strcmp(sample->name, name) != 0)
            continue;
        found = true;
        if (has_labels(sample, labels))
            sum += sample->value;
    }
    if (found)
        *out = sum;
    return found;
}

static size_t common_prefix(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

const char *exposition_nearest(const struct exposition *self, const char *name)
{
    const char *nearest = NULL;
    size_t most = 0;

    for (size_t i = 0; i < self->count; i++) {
        size_t n = common_prefix(self->items[i].name, name);

        if (n > most) {
            most = n;
            nearest = self->items[i].name;
        }
    }
    return nearest;
}
