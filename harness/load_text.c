#include "harness/load_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/address.h"
#include "libbester/json.h"

static const char FILL[] = "${fill}";

enum { USER_TOKEN_MAX = 6 * (USER_NAME_MAX + SERVER_NAME_MAX) + 3 };

static void put(struct load_piece *out, const char *at, size_t len)
{
    if (len == 0)
        return;
    if (len > out->room - out->len) {
        out->room = 2 * (out->len + len);
        out->at = must_resize(out->at, out->room);
    }
    memcpy(out->at + out->len, at, len);
    out->len += len;
}

/* Without the quotes: the form has them. */
static void put_escaped(struct load_piece *out, const char *text)
{
    char token[USER_TOKEN_MAX];
    struct span quoted = json_quote_into(token, sizeof(token), span_of(text));

    if (quoted.len > 2)
        put(out, quoted.at + 1, quoted.len - 2);
}

/* Puts what stands for the place at `at`; its length, or 0: no place is there. */
static size_t put_place(
    struct load_piece *out, const char *at, const char *user, const char *to, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    const struct {
        const char *name;
        const char *value;
    } places[] = {{"${user}", user}, {"${to}", to}, {"${n}", digits}};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strncmp(at, places[i].name, strlen(places[i].name)) == 0) {
            put_escaped(out, places[i].value);
            return strlen(places[i].name);
        }
    return 0;
}

static void put_part(struct load_piece *out, const char *at, const char *end, const char *user,
    const char *to, uint64_t number)
{
    while (at < end) {
        const char *place = memmem(at, (size_t)(end - at), "${", 2);
        size_t len;

        put(out, at, (size_t)((place ? place : end) - at));
        if (!place)
            return;
        len = put_place(out, place, user, to, number);
        if (len == 0)
            put(out, place, len = 2);
        at = place + len;
    }
}

static size_t size_of_one(struct load_text *self)
{
    if (self->most <= self->least)
        return self->most;
    return self->least + chance_choose(&self->chance, (unsigned)(self->most - self->least + 1));
}

static void put_fill(struct load_piece *out, size_t count)
{
    if (count > out->room - out->len) {
        out->room = out->len + count;
        out->at = must_resize(out->at, out->room);
    }
    memset(out->at + out->len, 'x', count);
    out->len += count;
}

struct span load_text_make(
    struct load_text *self, const char *user, const char *to, uint64_t number)
{
    const char *fill = strstr(self->form, FILL);
    const char *end = self->form + strlen(self->form);

    self->out.len = self->tail.len = 0;
    put_part(&self->out, self->form, fill ? fill : end, user, to, number);
    if (fill) {
        put_part(&self->tail, fill + strlen(FILL), end, user, to, number);
        size_t others = self->out.len + self->tail.len;
        size_t wanted = size_of_one(self);
        if (wanted > others)
            put_fill(&self->out, wanted - others);
        put(&self->out, self->tail.at, self->tail.len);
    }
    return (struct span){self->out.at, self->out.len};
}

enum status load_text_init(struct load_text *self, const char *form, size_t least, size_t most,
    uint64_t seed, struct fault *fault)
{
    *self = (struct load_text){.form = form, .least = least, .most = most};
    const char *fill = strstr(form, FILL);

    if (most > 0 && !fill)
        return fault_set(fault, STATUS_INVALID, 0,
            "a size is asked for, and the data has no ${fill} that could be longer or shorter");
    if (fill && strstr(fill + 1, FILL))
        return fault_set(fault, STATUS_INVALID, 0, "${fill} stands twice in the data");
    chance_init(&self->chance, seed);
    struct span made = load_text_make(self, "T1", "T2", 1);
    json_error_t error;
    json_t *json = json_loadb(made.at, made.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        load_text_release(self);
        return fault_set(fault, STATUS_INVALID, 0, "the data is not JSON: %s", error.text);
    }
    json_decref(json);
    return STATUS_OK;
}

void load_text_release(struct load_text *self)
{
    free(self->out.at);
    free(self->tail.at);
    *self = (struct load_text){0};
}
