/* The parts of bester-cli that need neither terminal nor server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bester-cli/backoff.h"
#include "bester-cli/book.h"
#include "bester-cli/outbox.h"
#include "bester-cli/pairs.h"
#include "bester-cli/render.h"

static void test_numbers_and_ids(void **state)
{
    (void)state;
    static struct outbox outbox;
    struct fault fault = {0};
    char id[CLIENT_ID_MAX];
    outbox_init(&outbox, (const unsigned char[6]){0, 1, 0xab, 0xff, 5, 6});
    assert_string_equal(outbox_id(&outbox, 1, id), "0001abff0506-1");
    assert_int_equal(outbox_number(&outbox, id), 0); /* not sent yet */
    struct line *line = outbox_add(&outbox, "chat", SPAN_LITERAL("{}"), "a\x1b", &fault);
    assert_int_equal(line->number, 1);
    assert_string_equal(line->text, "a\\x1b");
    assert_int_equal(outbox_number(&outbox, id), 1);
    static const char *const others[] = {"", "0001abff0506", "0001abff0506-", "0001abff0506-0",
        "0001abff0506-2", "0001abff0506-1x", "0001abff0506-+1", "0001abff0506--1", "0001abff0507-1",
        "0001abff0506-99999999999999999999999"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(outbox_number(&outbox, others[i]), 0);
    outbox_withdraw(&outbox, line);
    assert_int_equal(outbox.next, 1);
    assert_int_equal(outbox.bytes, 0);
    outbox_release(&outbox);
}

static void test_an_open_line_is_never_pushed_out(void **state)
{
    (void)state;
    static struct outbox outbox;
    struct fault fault = {0};
    char id[CLIENT_ID_MAX];
    outbox_init(&outbox, (const unsigned char[6]){0});
    for (unsigned i = 1; i <= OUTBOX_MAX; i++)
        assert_int_equal(outbox_add(&outbox, "t", SPAN_LITERAL("1"), "", &fault)->number, i);
    assert_null(outbox_add(&outbox, "t", SPAN_LITERAL("1"), "", &fault));
    assert_string_equal(fault.text, "1024 lines wait for their reports already");
    outbox_set(&outbox, outbox_find(&outbox, 1), LINE_SENT, "");
    assert_null(outbox_add(&outbox, "t", SPAN_LITERAL("1"), "", &fault));
    assert_int_equal(outbox_first(&outbox, LINE_QUEUED), 2);
    assert_int_equal(outbox_first(&outbox, LINE_SENT), 1);
    outbox_set(&outbox, outbox_find(&outbox, 1), LINE_GOOD, "delivered");
    assert_int_equal(outbox_open(&outbox), OUTBOX_MAX - 1);
    assert_int_equal(outbox_add(&outbox, "t", SPAN_LITERAL("1"), "", &fault)->number, 1025);
    assert_null(outbox_find(&outbox, 1));
    assert_int_equal(outbox_number(&outbox, outbox_id(&outbox, 1, id)), 1); /* still ours */
    assert_int_equal(outbox_first(&outbox, LINE_GOOD), 0);
    outbox_release(&outbox);
}

/* The data of lines whose fate is known makes room for others. */
static void test_data_is_bounded(void **state)
{
    (void)state;
    static struct outbox outbox;
    struct fault fault = {0};
    size_t len = OUTBOX_BYTES_MAX / 2 - 1;
    char *big = malloc(len);
    assert_non_null(big);
    memset(big, ' ', len);
    struct span data = {big, len};
    outbox_init(&outbox, (const unsigned char[6]){0});
    struct line *first = outbox_add(&outbox, "t", data, "", &fault);
    struct line *second = outbox_add(&outbox, "t", data, "", &fault);
    assert_non_null(second);
    assert_null(outbox_add(&outbox, "t", data, "", &fault));
    outbox_set(&outbox, first, LINE_GOOD, "delivered");
    /* its own data, as for /again: copied before it goes */
    assert_non_null(
        outbox_add(&outbox, first->type, (struct span){first->data, len}, first->text, &fault));
    assert_null(first->data);
    assert_string_equal(line_state_text(first), "delivered");
    assert_int_equal(outbox.bytes, 2 * len);
    outbox_release(&outbox);
    free(big);
}

static void test_pauses(void **state)
{
    (void)state;
    struct backoff low = {0};
    struct backoff high = {0};
    static const double spans_s[] = {2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < sizeof spans_s / sizeof spans_s[0]; i++) {
        assert_true(backoff_next(&low, 0) == spans_s[i] / 2);
        double longest_s = backoff_next(&high, 0.999999);
        assert_true(longest_s > spans_s[i] * 0.99 && longest_s < spans_s[i]);
    }
    backoff_was_up(&low, 59); /* lost again before long: it goes on */
    assert_true(backoff_next(&low, 0) == 30);
    backoff_was_up(&low, 60);
    assert_true(backoff_next(&low, 0) == BACKOFF_MIN_S);
    struct backoff patient = {.first_s = 3600};
    assert_true(backoff_next(&patient, 0) == 3600);
    assert_true(backoff_next(&patient, 0) == 3600);
    struct backoff impatient = {.first_s = 0.01};
    assert_true(backoff_next(&impatient, 0) == 0.01);
    assert_true(backoff_next(&impatient, 0) == 0.02);
}

/* What the line comes to, pair by pair, each in brackets; a mistake at its end. */
static const char *pairs_of(const char *line, char out[200])
{
    struct bytes pair;
    struct fault fault = {0};
    enum pull pull;
    size_t len = 0;
    bytes_init(&pair, 100);
    out[0] = '\0';
    while ((pull = pairs_next(&line, &pair, &fault)) == PULL_READY)
        len += (size_t)snprintf(out + len, 200 - len, "[%s]", bytes_text(&pair));
    if (pull == PULL_BAD)
        snprintf(out + len, 200 - len, "%s", fault.text);
    bytes_release(&pair);
    return out;
}

static void test_pairs(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"  a=1\tb=two  ", "[a=1][b=two]"},
        {"a=\"New York\" b=3", "[a=New York][b=3]"},
        {"a='say \"hi\"'", "[a=say \"hi\"]"},
        {"a=\"say \\\"hi\\\"\\n\\\\ \\x\"", "[a=say \"hi\"\n\\ \\x]"},
        {"a='\\'", "[a=\\]"},
        {"a=\"\"", "[a=]"},
        {"a= b", "[a=][b]"},
        {"a=it's b=\"", "[a=it's]the quotation mark \" is not closed"},
        {"a=\"x\\\"", "the quotation mark \" is not closed"},
        {"a='x'y", "a blank must follow the closing '"},
        {"\"a b\"", "[\"a][b\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[200];
        assert_string_equal(pairs_of(cases[i][0], out), cases[i][1]);
    }
    assert_true(pairs_is_open("a=\"b c", 6));
    assert_true(pairs_is_open("a=\"b\\\" c", 8));
    assert_false(pairs_is_open("a=\"b c\" ", 8));
    assert_false(pairs_is_open("it's a=b ", 9));
    char wide[150];
    char out[200];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_string_equal(pairs_of(wide, out), status_help(STATUS_TOO_LARGE));
}

static void test_people(void **state)
{
    (void)state;
    struct book book;
    char name[40];
    book_init(&book);
    static const char *const refused[] = {
        "", "a b", "a,b", "a\x1b", "\xe2\x80\xae", "\xff", "a\nb"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        book_meet(&book, refused[i]);
    assert_int_equal(book.people_count, 0);
    for (unsigned i = 0; i < 2 * BOOK_PEOPLE_MAX; i++) {
        snprintf(name, sizeof name, "u%u@S", i / 2);
        book_meet(&book, name);
    }
    assert_int_equal(book.people_count, BOOK_PEOPLE_MAX);
    assert_string_equal(book.people[0], "u0@S");
    assert_string_equal(book.people[BOOK_PEOPLE_MAX - 1], "u4095@S");
    book_meet(&book, "one too many");
    assert_int_equal(book.people_count, BOOK_PEOPLE_MAX);
    book_release(&book);
}

static void test_types(void **state)
{
    (void)state;
    struct book book;
    struct fault fault = {0};
    book_init(&book);
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    assert_int_equal(
        book_learn_types(&book, SPAN_LITERAL("{\"types\": 7}"), &fault), STATUS_INVALID);
    assert_int_equal(
        book_learn_types(&book,
            SPAN_LITERAL("{\"types\": {\"a\": {}, \"b\": {\"template\": {\"type\": 7}}, "
                         "\"c\": {\"template\": {\"type\": \"c\", \"fields\": []}}}}"),
            &fault),
        STATUS_INVALID);
    assert_string_equal(fault.text, "the server's template of b: type: must be a string");
    assert_int_equal(book.type_count, 3);
    assert_null(book_template(&book, "a", &fault));
    assert_string_equal(fault.text, "");
    assert_non_null(book_template(&book, "c", &fault));
    assert_non_null(book_known_template(&book, "c"));
    assert_null(book_known_template(&book, "never heard of"));
    assert_null(book_template(&book, "../../etc/x", &fault));
    book_release(&book);
}

static void shown(const char *json, time_t now, const char *expected)
{
    struct message message;
    struct received_text received;
    struct type_template *sheet = NULL;
    struct bytes out;
    static const char chat[] = "{\"type\": \"chat\", \"fields\": [], \"show\": \"{from}: {text}\"}";
    assert_int_equal(template_parse(&sheet, span_of(chat), TEMPLATE_STRICT, NULL), STATUS_OK);
    assert_int_equal(message_parse(&message, span_of(json), JSON_DEPTH_DEFAULT, NULL), STATUS_OK);
    bytes_init(&out, 1000);
    render_read(&received, &message);
    bool is_chat = strcmp(received.type, "chat") == 0;
    assert_int_equal(render_received(&received, is_chat ? sheet : NULL, now, &out), STATUS_OK);
    assert_string_equal(bytes_text(&out), expected);
    bytes_release(&out);
    template_free(sheet);
}

static void test_what_arrived(void **state)
{
    (void)state;
    const time_t noon = 1580731200; /* 2020-02-03T12:00:00Z */
    setenv("TZ", "UTC", 1);
    tzset();
    shown("{\"header\":{\"from\":\"G@S2\",\"time\":\"2020-02-03T11:22:33.456Z\"},\"payload\":"
          "{\"type\":\"chat\",\"data\":{\"from\":\"X\",\"text\":\"hi\"}}}",
        noon, "11:22 G@S2: hi");
    shown("{\"header\":{\"from\":\"G@S2\",\"time\":\"2019-02-03T11:22:33Z\",\"authenticated\":"
          "false},\"payload\":{\"type\":\"chat\",\"data\":{\"text\":\"hi\"}}}",
        noon, "2019-02-03 11:22 G@S2 (unproven): hi");
    /* a server of Part I tells nothing */
    shown("{\"header\":{},\"payload\":{\"type\":\"chat\",\"data\":{\"from\":\"G\",\"text\":"
          "\"hi\"}}}",
        noon, "12:00 G: hi");
    shown("{\"header\":{\"time\":\"yesterday\"},\"payload\":{\"type\":\"x\\u001b\",\"data\":"
          "{\"n\": 1.50}}}",
        noon, "12:00 [x\\x1b] {\"n\": 1.50}");
    shown("{\"payload\":{\"type\":\"x\"}}", noon, "12:00 [x] null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_numbers_and_ids),
        cmocka_unit_test(test_an_open_line_is_never_pushed_out),
        cmocka_unit_test(test_data_is_bounded),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_what_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
