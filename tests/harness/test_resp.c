/* The protocol of Redis, as the harness speaks it to servers that are no besterd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/resp.h"

static struct span span(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void test_commands(void **state)
{
    static const struct {
        const char *text;
        long taken;        /* of the text */
        const char *words; /* with | between */
    } rows[] = {
        {"*3\r\n$4\r\nHGET\r\n$1\r\nT\r\n$8\r\npassword\r\n", 35, "HGET|T|password"},
        {"*1\r\n$4\r\nPING\r\n*1\r\n", 14, "PING"},
        {"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n", 22, "ECHO|\r\n"},
        {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", 19, "GET|"},
        {"PING\r\n", 6, "PING"},
        {"HGET  T password \r\nx", 19, "HGET|T|password"},
        {"\r\n", 2, ""},
        {"*0\r\n", 4, ""},
        {"*-1\r\n", -1, NULL},
        {"*17\r\n", -1, NULL},
        {"*x\r\n", -1, NULL},
        {"*1\r\n+OK\r\n", -1, NULL},
        {"*1\r\n$5000\r\n", -1, NULL},
        {"*1\r\n$-1\r\n", -1, NULL},
        {"a b c d e f g h i j k l m n o p q\r\n", -1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resp_command command;
        char words[200] = "";
        size_t len = 0;

        if (resp_read(span(rows[i].text), &command) != rows[i].taken)
            fail_msg("row %zu is read otherwise", i);
        for (size_t k = 0; rows[i].words && k < command.count; k++)
            len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%.*s", k ? "|" : "",
                (int)command.words[k].len, command.words[k].at);
        if (rows[i].words)
            assert_string_equal(words, rows[i].words);
    }
}

/* Every beginning of a command wants more. */
static void test_trickle(void **state)
{
    static const char whole[] = "*3\r\n$4\r\nHGET\r\n$1\r\nT\r\n$8\r\npassword\r\n";
    struct resp_command command;

    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *part = malloc(len + 1); /* so that a byte too far is seen */

        assert_non_null(part);
        memcpy(part, whole, len);
        assert_int_equal(resp_read((struct span){part, len}, &command), 0);
        free(part);
    }
    char *endless = calloc(1, RESP_WORD_BYTES_MAX + 2);
    assert_non_null(endless);
    memset(endless, 'x', RESP_WORD_BYTES_MAX + 1);
    assert_int_equal(resp_read((struct span){endless, RESP_WORD_BYTES_MAX + 1}, &command), -1);
    free(endless);
}

static void test_answers(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    resp_list(out, 2);
    resp_text(out, "é");
    resp_text(out, NULL);
    resp_number(out, -3);
    resp_simple(out, "OK");
    resp_error(out, "no");
    fclose(out);
    assert_string_equal(text, "*2\r\n$2\r\né\r\n$-1\r\n:-3\r\n+OK\r\n-ERR no\r\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_trickle),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
