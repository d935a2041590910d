#include "tests/libbester/support.h"

#include <dirent.h>
#include <stdio.h>

#include "libbester/frame.h"

void support_assert_span(struct span span, const char *text, const char *file, int line)
{
    if (text == NULL ? span.at == NULL && span.len == 0 : span_is(span, text))
        return;
    print_error("the span is <%.*s>, not <%s>\n", (int)span.len, span.at == NULL ? "" : span.at,
        text == NULL ? "absent" : text);
    _fail(file, line);
}

void support_assert_frame(struct blob *frame, const char *text, const char *file, int line)
{
    struct span payload = {0};
    size_t consumed = 0;
    size_t need;
    if (frame == NULL) {
        print_error("there is no frame\n");
        _fail(file, line);
        return;
    }
    if (frame_next(frame->data, frame->len, UINT32_MAX, &payload, &consumed, &need) != PULL_READY ||
        consumed != frame->len) {
        print_error("the blob is not exactly one frame\n");
        _fail(file, line);
    }
    support_assert_span(payload, text, file, line);
    blob_unref(frame);
}

struct span exact_copy(const void *at, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, at, len);
    return (struct span){.at = copy, .len = len};
}

struct span exact_copy_of(const char *text)
{
    return exact_copy(text, strlen(text));
}

struct span repeated(const char *text, size_t times)
{
    size_t len = strlen(text);
    char *copy = malloc(len * times);
    assert_non_null(copy);
    for (size_t i = 0; i < times; i++)
        memcpy(copy + i * len, text, len);
    return (struct span){.at = copy, .len = len * times};
}

void exact_free(struct span span)
{
    free((void *)span.at);
}

static struct span read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s can't be opened", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long len = ftell(file);
    assert_true(len >= 0);
    rewind(file);
    char *text = malloc(len == 0 ? 1 : (size_t)len);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)len, file), (size_t)len);
    fclose(file);
    return (struct span){.at = text, .len = (size_t)len};
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

void fixtures_load(struct fixtures *self, const char *directory, size_t least)
{
    char path[512];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "fixtures/%s", directory);
    int count = scandir(path, &entries, is_case, alphasort);
    if (count < 0)
        fail_msg("%s can't be read; tests are run from the top of the tree", path);
    if ((size_t)count < least)
        fail_msg("%s holds %d files; at least %zu are expected", path, count, least);
    self->count = (size_t)count;
    self->at = calloc(self->count + 1, sizeof *self->at);
    assert_non_null(self->at);
    for (size_t i = 0; i < self->count; i++) {
        snprintf(path, sizeof path, "fixtures/%s/%s", directory, entries[i]->d_name);
        self->at[i] = (struct fixture){.name = strdup(path), .text = read_whole(path)};
        assert_non_null(self->at[i].name);
        free(entries[i]);
    }
    free(entries);
}

void fixtures_free(struct fixtures *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->at[i].name);
        exact_free(self->at[i].text);
    }
    free(self->at);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t dice_next(struct dice *self)
{
    uint64_t mixed = self->state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

size_t dice_below(struct dice *self, size_t below)
{
    return (size_t)(dice_next(self) % below);
}

uint64_t dice_seed(uint64_t otherwise)
{
    const char *given = getenv("BESTER_SEED");
    return given == NULL ? otherwise : strtoull(given, NULL, 0);
}
