/* Before the first line feed a template, behind it data to be shown by it and to
 * be put into it. Whatever comes, what is shown cannot harm a terminal, and what
 * is built is JSON. */
#include "libbester/template.h"

#include <string.h>

#include "tests/fuzz/targets.h"

enum { SHOWN_MAX = 1 << 24 };

static void check_harmless(struct span shown)
{
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char byte = (unsigned char)shown.at[i];
        MUST(byte >= 0x20 || byte == '\n');
        MUST(byte != 0x7f);
        MUST(byte != 0xc2 || (unsigned char)shown.at[i + 1] >= 0xa0); /* C1 */
        MUST(byte != '\n' || (i + 4 < shown.len + 1 && memcmp(shown.at + i, "\n    ", 5) == 0));
    }
}

static void show(const struct type_template *sheet, struct span data)
{
    static const struct shown_envelope envelope = {.from = "T\x1b[2J\nU", .type = "x"};
    struct bytes out;
    bytes_init(&out, SHOWN_MAX);
    if (template_show(sheet, data, &envelope, &out) == STATUS_OK)
        check_harmless(bytes_span(&out));
    bytes_release(&out);
}

/* Every field is given the text, and as JSON, if it takes it. */
static void build(const struct type_template *sheet, struct span text)
{
    struct form form;
    struct bytes out;
    MUST(form_init(&form, sheet) == STATUS_OK);
    bytes_init(&out, SHOWN_MAX);
    for (size_t i = 0; i < sheet->field_count; i++) {
        const struct template_field *field = &sheet->fields[i];
        bool set = form_set_text(&form, field, text, NULL) == STATUS_OK;
        set = form_set_json(&form, field, text, NULL) == STATUS_OK || set;
        MUST(form_has(&form, field) == set);
    }
    if (form_data(&form, &out, NULL) == STATUS_OK)
        MUST(json_check(bytes_span(&out), JSON_DEPTH_DEFAULT + 1, NULL) == STATUS_OK);
    bytes_release(&out);
    form_release(&form);
}

static void walk_types(struct span data)
{
    struct json_cursor cursor;
    struct span text;
    char type[TEMPLATE_NAME_MAX];
    if (template_types_begin(&cursor, data) != STATUS_OK)
        return;
    while (template_types_next(&cursor, type, &text) == PULL_READY)
        MUST(type[0] != '\0');
}

int fuzz_template(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    const char *end = size == 0 ? NULL : memchr(text, '\n', size);
    size_t len = end == NULL ? size : (size_t)(end - text);
    struct span data = end == NULL ? SPAN_LITERAL("") : (struct span){end + 1, size - len - 1};
    struct type_template *sheet = NULL;
    struct type_template *lenient = NULL;
    bool strict =
        template_parse(&sheet, (struct span){text, len}, TEMPLATE_STRICT, NULL) == STATUS_OK;
    if (template_parse(&lenient, (struct span){text, len}, TEMPLATE_LENIENT, NULL) == STATUS_OK)
        build(lenient, data);
    else
        MUST(!strict); /* what is strict enough is lenient enough */
    if (json_check(data, JSON_DEPTH_DEFAULT, NULL) == STATUS_OK) {
        show(lenient, data);
        walk_types(data);
    }
    template_free(sheet);
    template_free(lenient);
    return 0;
}
