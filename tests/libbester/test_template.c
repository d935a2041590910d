#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libbester/template.h"

static const char all_kinds[] =
    "{\"type\": \"weather\", \"summary\": \"asks for the weather\", \"fields\": ["
    "{\"name\": \"to\", \"kind\": \"recipients\", \"required\": true, \"help\": \"who\"},"
    "{\"name\": \"place\"},"
    "{\"name\": \"note\", \"kind\": \"text\", \"rest\": true},"
    "{\"name\": \"days\", \"kind\": \"int\"},"
    "{\"name\": \"limit\", \"kind\": \"number\"},"
    "{\"name\": \"loud\", \"kind\": \"bool\"},"
    "{\"name\": \"more\", \"kind\": \"json\"}]}";

static struct type_template *parsed(const char *text)
{
    struct type_template *self = NULL;
    struct fault fault = {0};
    enum status status = template_parse(&self, span_of(text), TEMPLATE_STRICT, &fault);
    if (status != STATUS_OK)
        print_message("%s\n", fault.text);
    assert_int_equal(status, STATUS_OK);
    return self;
}

static void test_parses(void **state)
{
    (void)state;
    struct type_template *self = parsed(all_kinds);
    assert_string_equal(self->type, "weather");
    assert_string_equal(self->summary, "asks for the weather");
    assert_null(self->show);
    assert_int_equal(self->field_count, 7);
    assert_string_equal(self->fields[0].help, "who");
    assert_true(self->fields[0].required);
    assert_int_equal(self->fields[1].kind, FIELD_STRING);
    assert_ptr_equal(template_rest(self), &self->fields[2]);
    assert_ptr_equal(template_recipients(self), &self->fields[0]);
    assert_ptr_equal(template_field(self, "limit"), &self->fields[4]);
    assert_null(template_field(self, "none"));
    template_free(self);
    template_free(NULL);
}

static void test_mistakes_name_their_path(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fault;
    } cases[] = {
        {"", "line 1, column 0: '[' or '{' expected near end of file"},
        {"{\"type\": \"x\",\n \"fields\": [}", "line 2, column 13: unexpected token near '}'"},
        {"[]", "a template must be an object"},
        {"{\"fields\": []}", "type: is missing"},
        {"{\"type\": 7, \"fields\": []}", "type: must be a string"},
        {"{\"type\": \"\", \"fields\": []}", "type: must have 1 to 127 bytes"},
        {"{\"type\": \"x\\n\", \"fields\": []}", "type: holds a control character"},
        {"{\"type\": \"x\"}", "fields: is missing"},
        {"{\"type\": \"x\", \"fields\": {}}", "fields: must be an array"},
        {"{\"type\": \"x\", \"fields\": [7]}", "fields[0]: must be an object"},
        {"{\"type\": \"x\", \"fields\": [{}]}", "fields[0].name: is missing"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a=b\"}]}",
            "fields[0].name: must not hold blanks, '=', '.', '{' or '}'"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\", \"kind\": \"date\"}]}",
            "fields[0].kind: must be recipients, string, text, int, number, bool or json"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\", \"required\": 1}]}",
            "fields[0].required: must be true or false"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\", \"requierd\": true}]}",
            "fields[0].requierd: no such member"},
        {"{\"type\": \"x\", \"fields\": [], \"shwo\": \"\"}", "shwo: no such member"},
        {"{\"type\": \"x\", \"type\": \"x\", \"fields\": []}",
            "line 1, column 20: duplicate object key near '\"type\"'"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}",
            "fields[1].name: fields[0] has the same name"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\", \"rest\": true}, {\"name\": \"b\", "
         "\"rest\": true}]}",
            "fields[1].rest: fields[0] takes the rest already"},
        {"{\"type\": \"x\", \"fields\": [{\"name\": \"a\", \"kind\": \"recipients\", \"rest\": "
         "true}]}",
            "fields[0].rest: recipients can't be the rest of a line"},
        {"{\"type\": \"x\", \"fields\": [], \"show\": \"a {b\"}",
            "show: the brace at byte 2 is not part of {name}, {{ or }}"},
        {"{\"type\": \"x\", \"fields\": [], \"show\": \"a } b\"}",
            "show: the brace at byte 2 is not part of {name}, {{ or }}"},
        {"{\"type\": \"x\", \"fields\": [], \"show\": \"{}\"}",
            "show: the brace at byte 0 is not part of {name}, {{ or }}"},
        {"{\"type\":[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}", "nested too deep for a template"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct type_template *self = NULL;
        struct fault fault = {0};
        assert_int_equal(
            template_parse(&self, span_of(cases[i].text), TEMPLATE_STRICT, &fault), STATUS_INVALID);
        assert_string_equal(fault.text, cases[i].fault);
        assert_null(self);
    }
}

static void test_lenient_takes_what_is_newer(void **state)
{
    (void)state;
    struct type_template *self = NULL;
    static const char newer[] =
        "{\"type\": \"x\", \"icon\": \"y\", \"fields\": [{\"name\": \"a\", \"kind\": \"date\", "
        "\"min\": 3}]}";
    assert_int_equal(template_parse(&self, span_of(newer), TEMPLATE_LENIENT, NULL), STATUS_OK);
    assert_int_equal(self->fields[0].kind, FIELD_JSON);
    template_free(self);
}

static void test_check(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(template_check(span_of(all_kinds), "weather", &fault), STATUS_OK);
    assert_int_equal(template_check(span_of(all_kinds), NULL, &fault), STATUS_OK);
    assert_int_equal(template_check(span_of(all_kinds), "chat", &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "type: is \"weather\", this is the template of \"chat\"");
}

static void test_load(void **state)
{
    (void)state;
    char path[] = "/tmp/bester-test-template-XXXXXX";
    int fd = mkstemp(path);
    struct type_template *self = NULL;
    struct fault fault = {0};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, all_kinds, strlen(all_kinds)), strlen(all_kinds));
    assert_int_equal(template_load(&self, path, &fault), STATUS_OK);
    assert_string_equal(self->type, "weather");
    template_free(self);
    self = NULL;
    assert_int_equal(ftruncate(fd, 5), 0);
    assert_int_equal(template_load(&self, path, &fault), STATUS_INVALID);
    assert_memory_equal(fault.text, path, strlen(path));
    close(fd);
    unlink(path);
    assert_int_equal(template_load(&self, path, &fault), STATUS_NOT_FOUND);
    assert_int_equal(template_load(&self, "/tmp", &fault), STATUS_IO);
    assert_null(self);
}

/* ---- building ---- */

static void expect_data(const struct form *form, const char *expected)
{
    struct bytes out;
    struct fault fault = {0};
    bytes_init(&out, 10000);
    enum status status = form_data(form, &out, &fault);
    if (status != STATUS_OK)
        print_message("%s\n", fault.text);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(bytes_text(&out), expected);
    bytes_release(&out);
}

static void test_pairs(void **state)
{
    (void)state;
    struct type_template *sheet = parsed(all_kinds);
    struct form form;
    assert_int_equal(form_init(&form, sheet), STATUS_OK);
    static const struct {
        const char *pair;
        bool is_json;
    } pairs[] = {
        {"note=a \"quoted\"\nline=2", false},
        {"to= G , H@S2", false},
        {"days=-7", false},
        {"limit=1e400", false},
        {"loud=true", false},
        {"more={\"a\": [1, 2.50]}", false},
        {"place=\"Oslo\"", true},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_int_equal(form_set_pair(&form, pairs[i].pair, pairs[i].is_json, NULL), STATUS_OK);
    expect_data(&form,
        "{\"to\":[\"G\",\"H@S2\"],\"place\":\"Oslo\",\"note\":\"a \\\"quoted\\\"\\nline=2\","
        "\"days\":-7,\"limit\":1e400,\"loud\":true,\"more\":{\"a\": [1, 2.50]}}");
    /* a later value replaces the earlier one */
    assert_int_equal(form_set_pair(&form, "to=G", false, NULL), STATUS_OK);
    assert_int_equal(form_set_pair(&form, "limit=12345678901234567890123", true, NULL), STATUS_OK);
    expect_data(&form,
        "{\"to\":\"G\",\"place\":\"Oslo\",\"note\":\"a \\\"quoted\\\"\\nline=2\","
        "\"days\":-7,\"limit\":12345678901234567890123,\"loud\":true,\"more\":{\"a\": [1, "
        "2.50]}}");
    form_release(&form);
    template_free(sheet);
}

static void test_refused_values(void **state)
{
    (void)state;
    static const struct {
        const char *pair;
        bool is_json;
        const char *fault;
    } cases[] = {
        {"to", false, "\"to\" is not name=value"},
        {"=G", false, "\"=G\" is not name=value"},
        {"colour=red", false,
            "weather has no field \"colour\"; it has to, place, note, days, limit, loud, more"},
        {"to=", false, "to: a recipient has no name"},
        {"to=G,,H", false, "to: a recipient has no name"},
        {"to=G\x1b", false, "to: holds a control character or a line break"},
        {"place=a\nb", false, "place: holds a control character or a line break"},
        {"note=\xff", false, "note: is not valid UTF-8"},
        {"days=1.5", false, "days: must be a whole number"},
        {"days=01", false, "days: must be a whole number"},
        {"days=", false, "days: must be a whole number"},
        {"days=-", false, "days: must be a whole number"},
        {"limit=0x10", false, "limit: must be a number, like 7, -2.5 or 1e6"},
        {"limit=Infinity", false, "limit: must be a number, like 7, -2.5 or 1e6"},
        {"limit=[1]", false, "limit: must be a number, like 7, -2.5 or 1e6"},
        {"loud=yes", false, "loud: must be true or false"},
        {"to=7", true, "to: must be a string or an array of strings"},
        {"to=[\"G\",7]", true, "to: must be a string or an array of strings"},
        {"note=7", true, "note: must be a string"},
        {"days=1e2", true, "days: must be a whole number"},
        {"loud=null", true, "loud: must be true or false"},
    };
    struct type_template *sheet = parsed(all_kinds);
    struct form form;
    assert_int_equal(form_init(&form, sheet), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};
        assert_int_equal(
            form_set_pair(&form, cases[i].pair, cases[i].is_json, &fault), STATUS_INVALID);
        assert_string_equal(fault.text, cases[i].fault);
    }
    struct fault fault = {0};
    assert_int_equal(form_set_pair(&form, "more={", false, &fault), STATUS_INVALID);
    assert_memory_equal(fault.text, "more: is not JSON: byte 1: ", 27);
    for (size_t i = 0; i < sheet->field_count; i++)
        assert_false(form_has(&form, &sheet->fields[i]));
    form_release(&form);
    template_free(sheet);
}

static void test_what_is_required(void **state)
{
    (void)state;
    struct type_template *sheet = parsed(all_kinds);
    struct form form;
    struct bytes out;
    struct fault fault = {0};
    bytes_init(&out, 1000);
    assert_int_equal(form_init(&form, sheet), STATUS_OK);
    assert_int_equal(form_data(&form, &out, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "to is missing: who");
    assert_int_equal(out.len, 0);
    form_release(&form);
    template_free(sheet);

    sheet = parsed("{\"type\": \"beat\", \"fields\": []}");
    assert_int_equal(form_init(&form, sheet), STATUS_OK);
    expect_data(&form, "{}");
    assert_int_equal(form_set_pair(&form, "a=b", false, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "beat has no field \"a\"; it has none");
    form_release(&form);
    template_free(sheet);
    bytes_release(&out);
}

/* ---- showing ---- */

static void expect_shown(
    const char *show, const char *data, const struct shown_envelope *envelope, const char *expected)
{
    char text[300];
    struct type_template *sheet = NULL;
    struct bytes out;
    bytes_init(&out, 10000);
    if (show != NULL) {
        snprintf(text, sizeof text, "{\"type\": \"x\", \"fields\": [], \"show\": \"%s\"}", show);
        sheet = parsed(text);
    }
    assert_int_equal(template_show(sheet, span_of(data), envelope, &out), STATUS_OK);
    assert_string_equal(bytes_text(&out), expected);
    bytes_release(&out);
    template_free(sheet);
}

static void test_show(void **state)
{
    (void)state;
    static const struct shown_envelope none = {0};
    static const struct shown_envelope stamped = {.from = "T@S1", .type = "x", .time = "noon"};
    expect_shown("{from}: {text}", "{\"from\": \"T\", \"text\": \"hi\"}", &none, "T: hi");
    /* what the server stamps cannot be forged in the data */
    expect_shown("{from}: {text}", "{\"from\": \"boss\", \"text\": \"hi\"}", &stamped, "T@S1: hi");
    expect_shown("{data.from} {text}", "{\"from\": \"X\", \"text\": \"hi\"}", &stamped, "X hi");
    expect_shown("{{{a.b}}} {type} {time}", "{\"a\": {\"b\": 7}}", &stamped, "{7} x noon");
    expect_shown("{to}|{n}|{t}|{o}",
        "{\"to\": [\"G\", \"H\", 3], \"n\": null, \"t\": true, \"o\": {}}", &none,
        "G, H, 3|null|true|{}");
    expect_shown("{a}{b}", "{\"a\": \"x\"}", &none, "x");
    expect_shown("{a}", "{\"a\": \"old\", \"a\": \"new\"}", &none, "new");
    expect_shown("{\\u0061}", "{\"\\u0061\": \"\\u00e9\"}", &none, "\xc3\xa9");
}

static void test_show_falls_back_to_the_json(void **state)
{
    (void)state;
    static const struct shown_envelope stamped = {.from = "T@S1"};
    expect_shown(NULL, "{\"a\": 1}", &stamped, "T@S1: {\"a\": 1}");
    expect_shown("{from}: {text}", "\"bare\"", &stamped, "T@S1: \"bare\"");
    expect_shown("{from}: {text}", "{\"teks\": \"x\"}", &stamped, "T@S1: {\"teks\": \"x\"}");
}

static void test_show_is_harmless(void **state)
{
    (void)state;
    static const struct shown_envelope none = {0};
    static const struct shown_envelope evil = {.from = "T\x1b[31m"};
    expect_shown("{from}: {text}", "{\"text\": \"\\u001b[2J\\u202eabc\\nnext\"}", &evil,
        "T\\x1b[31m: \\x1b[2J\\u{202e}abc\n    next");
    expect_shown("{text}", "{\"text\": \"nul \\u0000\"}", &none, "\"nul \\u0000\"");
    /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested */
    expect_shown(NULL, "\"\xe2\x80\xae\x7f\"", &none, "\"\\u{202e}\\x7f\"");
}

static void test_types(void **state)
{
    (void)state;
    static const char answer[] =
        "{\"command\": \"types\", \"types\": {\"chat\": {\"template\": {\"type\": \"chat\"}}, "
        "\"\": {}, \"raw\": {}}}";
    struct json_cursor cursor;
    struct span text;
    char type[TEMPLATE_NAME_MAX];
    assert_int_equal(template_types_begin(&cursor, span_of(answer)), STATUS_OK);
    assert_int_equal(template_types_next(&cursor, type, &text), PULL_READY);
    assert_string_equal(type, "chat");
    assert_true(span_is(text, "{\"type\": \"chat\"}"));
    assert_int_equal(template_types_next(&cursor, type, &text), PULL_READY);
    assert_string_equal(type, "raw");
    assert_null(text.at);
    assert_int_equal(template_types_next(&cursor, type, &text), PULL_MORE);
    assert_int_equal(template_types_begin(&cursor, span_of("{\"types\": []}")), STATUS_NOT_FOUND);
    assert_int_equal(template_types_begin(&cursor, span_of("null")), STATUS_NOT_FOUND);
}

/* The template that is shipped is a good one, and does what it should. */
static void test_chat(void **state)
{
    (void)state;
    struct type_template *sheet = NULL;
    struct form form;
    struct fault fault = {0};
    if (template_load(&sheet, "besterd/handlers/chat.json", &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    assert_string_equal(sheet->type, "chat");
    assert_int_equal(form_init(&form, sheet), STATUS_OK);
    assert_int_equal(
        form_set_text(&form, template_recipients(sheet), SPAN_LITERAL("G"), NULL), STATUS_OK);
    assert_int_equal(
        form_set_text(&form, template_rest(sheet), SPAN_LITERAL("Hello"), NULL), STATUS_OK);
    expect_data(&form, "{\"to\":\"G\",\"text\":\"Hello\"}");
    form_release(&form);
    template_free(sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_mistakes_name_their_path),
        cmocka_unit_test(test_lenient_takes_what_is_newer),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_what_is_required),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_show_falls_back_to_the_json),
        cmocka_unit_test(test_show_is_harmless),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
