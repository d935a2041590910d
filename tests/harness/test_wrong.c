/* Plays that are wrong on purpose: what their failures say is part of what the
 * harness is for. tests/harness/wrong.expected holds it, without the timelines
 * and with what differs from run to run written as N. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/program.h"

#include <regex.h>

static const char expected_path[] = "tests/harness/wrong.expected";

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, PROGRAM_TEXT_MAX);

    if (!file)
        fail_msg("%s can't be read (tests run from the root of the tree)", path);
    assert_non_null(text);
    size_t n = fread(text, 1, PROGRAM_TEXT_MAX - 1, file);
    assert_true(n > 0 && n < PROGRAM_TEXT_MAX - 1);
    fclose(file);
    return text;
}

/* Every match of the expression's first group becomes an N. */
static void replace(char *text, const char *expression)
{
    regex_t compiled;
    regmatch_t found[2];
    size_t at = 0;

    assert_int_equal(regcomp(&compiled, expression, REG_EXTENDED | REG_NEWLINE), 0);
    while (regexec(&compiled, text + at, 2, found, at ? REG_NOTBOL : 0) == 0) {
        size_t from = at + (size_t)found[1].rm_so;
        size_t to = at + (size_t)found[1].rm_eo;

        text[from] = 'N';
        memmove(text + from + 1, text + to, strlen(text + to) + 1);
        at = from + 1;
    }
    regfree(&compiled);
}

/* Drops the blocks "  timeline: |" with their lines, which begin with four blanks. */
static void drop_timelines(char *text)
{
    char *to = text;
    bool inside = false;

    for (char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n';
        inside =
            strncmp(line, "  timeline: |", 13) == 0 || (inside && strncmp(line, "    ", 4) == 0);
        if (!inside) {
            memmove(to, line, len);
            to += len;
        }
        line += len;
    }
    *to = '\0';
}

static void assert_same_lines(const char *got, const char *wanted)
{
    while (*got || *wanted) {
        size_t left = strcspn(got, "\n");
        size_t right = strcspn(wanted, "\n");

        if (left != right || memcmp(got, wanted, left) != 0)
            fail_msg("the harness says\n%.*s\nnot\n%.*s\n(%s)", (int)left, got, (int)right, wanted,
                expected_path);
        got += left + (got[left] == '\n');
        wanted += right + (wanted[right] == '\n');
    }
}

static int run(struct program *program, const char *const *args)
{
    program_start(program, "harness", args, -1);
    return program_finish(program);
}

static void test_each_failure_reads_as_expected(void **state)
{
    static struct program program;
    const char *const args[] = {"run", "tests/harness/wrong", NULL};
    char *wanted = read_file(expected_path);

    (void)state;
    assert_int_equal(run(&program, args), 1);
    assert_string_equal(program.text_err, "");
    drop_timelines(program.text_out);
    replace(program.text_out, "\\(([0-9]+) ms\\)$");
    replace(program.text_out, "\"time\": \"([^\"]*)\"");
    assert_same_lines(program.text_out, wanted);
    free(wanted);
}

/* What came, what was said, what was done and what was logged: all of it. */
static void test_the_timeline_tells_all(void **state)
{
    static struct program program;
    const char *const args[] = {"run", "tests/harness/wrong/wrong_end.json", NULL};
    static const char *const lines[] = {
        " ms  J * started, process ",
        " ms  T > J {\"login\": {\"user\": \"T\"}}\n",
        " ms  J > T {\"status\": \"good\", \"id\": \"auth_special\", ",
        " ms  J | ",
        " ms  J * signal 15 (Terminated)\n",
        " ms  J > T (closed the connection)\n",
        " ms  J * exited with 0\n",
    };

    (void)state;
    assert_int_equal(run(&program, args), 1);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!strstr(program.text_out, lines[i]))
            fail_msg("no line \"%s\" in\n%s", lines[i], program.text_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_failure_reads_as_expected),
        cmocka_unit_test(test_the_timeline_tells_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
