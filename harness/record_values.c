#include "harness/record_values.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/must.h"
#include "harness/quote.h"

/* A shorter text is too likely to be the same by chance. */
enum { BOUND_BYTES_MIN = 8, SECRET_IN_BYTES_MIN = 4 };

/* 2000-01-01T00:00:00Z: where the clock of a play starts. */
static const double EPOCH_S = 946684800.0;
static const double DAY_S = 86400.0;

/* ---- what is known by now -------------------------------------------------------------------- */

static const struct known *find_secret(const struct values *self, const char *text)
{
    for (size_t i = 0; i < self->secret_count; i++)
        if (strcmp(self->secrets[i].text, text) == 0)
            return &self->secrets[i];
    return NULL;
}

static json_t *know(struct values *self, const char *text, json_t *shown)
{
    json_object_set_new(self->shown, text, must_json(shown));
    return json_object_get(self->shown, text);
}

void values_bind(struct values *self, const char *text, const char *capture)
{
    if (strlen(text) >= BOUND_BYTES_MIN && !json_object_get(self->shown, text))
        know(self, text, json_sprintf("<%s>", capture));
}

const char *values_secret(struct values *self, const char *password)
{
    const struct known *there = find_secret(self, password);

    if (there)
        return json_string_value(there->shown);
    must_grow(self->secrets, self->secret_count);
    struct known *secret = &self->secrets[self->secret_count++];
    *secret = (struct known){.text = must_copy(password),
        .shown = must_json(json_sprintf("password-%zu", self->secret_count))};
    return json_string_value(secret->shown);
}

/* ---- what looks like something that differs each time ---------------------------------------- */

/* 9: a digit, f: a hexadecimal one; all else is itself. Returns what follows. */
static const char *take_shape(const char *text, const char *shape)
{
    for (; *shape; shape++, text++) {
        bool fits = *shape == '9'   ? isdigit((unsigned char)*text)
                    : *shape == 'f' ? isxdigit((unsigned char)*text)
                                    : *text == *shape;
        if (!fits)
            return NULL;
    }
    return text;
}

/* RFC 3339, with a blank or T between date and time, with or without a zone. */
static bool is_time(const char *text)
{
    const char *at = take_shape(text, "9999-99-99");

    if (!at || (*at != 'T' && *at != ' '))
        return false;
    at = take_shape(at + 1, "99:99:99");
    if (at && *at == '.' && isdigit((unsigned char)at[1]))
        for (at++; isdigit((unsigned char)*at);)
            at++;
    if (at && *at == 'Z')
        return at[1] == '\0';
    if (at && (*at == '+' || *at == '-'))
        at = take_shape(at + 1, "99:99");
    return at && *at == '\0';
}

static bool is_uuid(const char *text)
{
    const char *at = take_shape(text, "ffffffff-ffff-ffff-ffff-ffffffffffff");

    return at && *at == '\0';
}

/* 127.0.0.1:4567, [::1]:4567 */
static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t host = colon ? (size_t)(colon - text) : 0;
    bool four = host > 0 && strspn(text, "0123456789.") == host;
    bool six = host > 2 && text[0] == '[' && text[host - 1] == ']';

    return (four || six) && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

/* The same form, at the start of the play's clock. */
static json_t *fixed_time(const char *text, unsigned n)
{
    char *fixed = must_copy(text);
    char clock[32];
    size_t len = strlen(fixed);

    memcpy(fixed, "2000-01-01", 10);
    snprintf(clock, sizeof(clock), "%02u:%02u:%02u", n / 3600 % 24, n / 60 % 60, n % 60);
    memcpy(fixed + 11, clock, 8);
    for (size_t i = 19; i < len; i++)
        if (isdigit((unsigned char)fixed[i]))
            fixed[i] = '0';
    json_t *shown = json_string(fixed);
    free(fixed);
    return shown;
}

/* Of a text that differs each time: what stands for it. NULL: it does not. */
static json_t *name_volatile(struct values *self, const char *text, bool said)
{
    if (is_time(text)) {
        self->times++;
        return said ? fixed_time(text, self->times) : json_sprintf("<t%u>", self->times);
    }
    if (is_uuid(text)) {
        self->uuids++;
        return said ? json_sprintf("00000000-0000-4000-8000-%012u", self->uuids)
                    : json_sprintf("<u%u>", self->uuids);
    }
    return NULL;
}

/* Seconds, or milli- or microseconds, since 1970, of about now: the unit, or 0. */
static double unit_of_time(const struct values *self, double number)
{
    static const double units[] = {1, 1e3, 1e6};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (number > (self->now_s - DAY_S) * units[i] && number < (self->now_s + DAY_S) * units[i])
            return units[i];
    return 0;
}

static json_t *show_number(
    struct values *self, const json_t *value, const struct value_place *place)
{
    double number = json_number_value(value);
    double unit = unit_of_time(self, number);

    if (unit <= 0)
        return must_json(json_deep_copy(value));
    char *text = must_dump(value);
    const json_t *there = json_object_get(self->shown, text);
    if (!there) {
        double fixed = (EPOCH_S + ++self->times) * unit;
        bool whole = json_is_integer(value);

        there = know(self, text,
            !place->said ? json_sprintf("<t%u:%s>", self->times, whole ? "int" : "number")
            : whole      ? json_integer((json_int_t)fixed)
                         : json_real(fixed));
    }
    json_t *shown = must_json(json_deep_copy(there));
    free(text);
    return shown;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static json_t *show_string(
    struct values *self, const json_t *value, const struct value_place *place)
{
    const char *text = json_string_value(value);
    const struct known *secret = find_secret(self, text);

    if (strlen(text) != json_string_length(value)) /* a zero byte: nothing of ours is in it */
        return must_json(json_deep_copy(value));
    if (secret)
        return json_incref(secret->shown);
    json_t *there = json_object_get(self->shown, text);
    if (there)
        return json_incref(there);
    json_t *named = name_volatile(self, text, place->said);
    if (named)
        return json_incref(know(self, text, named));
    if (place->builtin && !place->said && (is_address(text) || strcmp(text, BESTER_VERSION) == 0))
        return must_json(json_string("<any>"));
    json_t *plain = quote_text(self->topology, text, place->seen_from);
    if (place->said && strlen(text) >= BOUND_BYTES_MIN && json_equal(plain, value))
        know(self, text, json_incref(plain));
    return plain;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_secret_name(const char *name)
{
    const char *at = strcasestr(name, "password");

    return at && strcasecmp(at, "passwordFile") != 0;
}

json_t *values_show(struct values *self, const json_t *value, const struct value_place *place)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_string(value))
        return show_string(self, value, place);
    if (json_is_number(value))
        return show_number(self, value, place);
    if (!json_is_object(value) && !json_is_array(value))
        return must_json(json_deep_copy(value));
    json_t *shown = must_json(json_copy((json_t *)value));
    json_object_foreach ((json_t *)value, name, member) {
        if (is_secret_name(name) && json_is_string(member))
            values_secret(self, json_string_value(member));
        json_object_set_new(shown, name, values_show(self, member, place));
    }
    json_array_foreach (value, i, member) {
        json_array_set_new(shown, i, values_show(self, member, place));
    }
    return shown;
}

json_t *values_show_bytes(struct values *self, struct span bytes)
{
    json_t *whole = json_stringn(bytes.at, bytes.len);

    if (!whole || strlen(json_string_value(whole)) != bytes.len)
        return whole;
    char *text = must_copy(json_string_value(whole));
    for (size_t i = 0; i < self->secret_count; i++)
        if (strlen(self->secrets[i].text) >= SECRET_IN_BYTES_MIN)
            quote_replace(&text, self->secrets[i].text, json_string_value(self->secrets[i].shown));
    json_decref(whole);
    whole = quote_text(self->topology, text, -1);
    free(text);
    return whole;
}

json_t *values_config(struct values *self, const json_t *config)
{
    json_t *copy = must_json(json_copy((json_t *)config));
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)config, name, member) {
        if (is_secret_name(name) && json_is_string(member))
            json_object_set_new(
                copy, name, json_string(values_secret(self, json_string_value(member))));
        else if (json_is_object(member))
            json_object_set_new(copy, name, values_config(self, member));
    }
    return copy;
}

/* ---- life ------------------------------------------------------------------------------------ */

void values_init(struct values *self, const struct topology *topology)
{
    *self = (struct values){
        .topology = topology, .shown = must_json(json_object()), .now_s = (double)time(NULL)};
}

void values_release(struct values *self)
{
    for (size_t i = 0; i < self->secret_count; i++) {
        free(self->secrets[i].text);
        json_decref(self->secrets[i].shown);
    }
    free(self->secrets);
    json_decref(self->shown);
    *self = (struct values){0};
}
