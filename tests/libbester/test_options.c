#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libbester/options.h"

struct settings {
    bool loud;
    const char *type;
    unsigned window;
    double patience_s;
    char added[32];
};

static enum status add_letter(void *user, const char *argument, struct fault *fault)
{
    struct settings *settings = user;
    if (strlen(argument) != 1)
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is not one letter", argument);
    size_t used = strlen(settings->added);
    snprintf(settings->added + used, sizeof settings->added - used, "%s", argument);
    return STATUS_OK;
}

static const struct option_row rows[] = {
    {.kind = OPTION_GROUP, .help = "What is sent"},
    {.name = "type",
        .letter = 't',
        .kind = OPTION_TEXT,
        .argument = "TYPE",
        .offset = offsetof(struct settings, type),
        .environment = "TEST_OPTIONS_TYPE",
        .help = "the type of the messages, told in a sentence that is long enough to be wrapped "
                "once"},
    {.name = "loud",
        .letter = 'l',
        .kind = OPTION_FLAG,
        .offset = offsetof(struct settings, loud),
        .help = "say more"},
    {.name = "window",
        .kind = OPTION_COUNT,
        .argument = "N",
        .offset = offsetof(struct settings, window),
        .min = 1,
        .max = 1000,
        .help = "messages in flight"},
    {.name = "wait",
        .letter = 'w',
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .offset = offsetof(struct settings, patience_s),
        .environment = "TEST_OPTIONS_WAIT",
        .help = "how long"},
    {.name = "add",
        .letter = 'a',
        .kind = OPTION_CALL,
        .argument = "X",
        .apply = add_letter,
        .help = "add a letter"},
    {.name = "secret", .kind = OPTION_FLAG, .hidden = true, .help = "not shown"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {"[OPTIONS] FILE...", NULL};
static const struct option_exit exits[] = {{0, "all good"}, {2, "wrong options"}, {0, NULL}};
static const struct option_section sections[] = {
    {"Description",
        "First line.\n.not a request\n\nSecond - with \\ in it:\n\n    example -x\n\nEnd.\n"},
    {"See also", "others\n"},
    {NULL, NULL},
};
static const struct option_table table = {
    .program = "try",
    .synopsis = synopsis,
    .summary = "tries options",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .exits = exits,
    .sections = sections,
};

struct outcome_of {
    struct settings settings;
    struct operands operands;
    struct fault fault;
    char *argv[16];
    int argc;
};

static enum options_answer parse(struct outcome_of *o, const struct option_table *t, ...)
{
    *o = (struct outcome_of){.settings.window = 256, .argv[0] = (char *)"try", .argc = 1};
    va_list list;
    va_start(list, t);
    for (const char *arg; (arg = va_arg(list, const char *)) != NULL;)
        o->argv[o->argc++] = (char *)arg;
    va_end(list);
    return options_parse(t, o->argc, o->argv, &o->settings, &o->operands, &o->fault);
}

static void test_every_kind(void **state)
{
    (void)state;
    struct outcome_of o;
    assert_int_equal(parse(&o, &table, "-lt", "chat", "one", "--window=7", "-w250ms", "--add", "x",
                         "two", "-ay", "--", "-z", NULL),
        OPTIONS_RUN);
    assert_true(o.settings.loud);
    assert_string_equal(o.settings.type, "chat");
    assert_int_equal(o.settings.window, 7);
    assert_true(o.settings.patience_s > 0.2499 && o.settings.patience_s < 0.2501);
    assert_string_equal(o.settings.added, "xy");
    assert_int_equal(o.operands.count, 3);
    assert_string_equal(o.operands.at[0], "one");
    assert_string_equal(o.operands.at[1], "two");
    assert_string_equal(o.operands.at[2], "-z");
}

static void test_defaults_stay_and_parsing_repeats(void **state)
{
    (void)state;
    struct outcome_of o;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(parse(&o, &table, "operand", "-l", NULL), OPTIONS_RUN);
        assert_int_equal(o.settings.window, 256);
        assert_null(o.settings.type);
        assert_int_equal(o.operands.count, 1);
    }
}

static void test_environment_gives_way_to_the_option(void **state)
{
    (void)state;
    struct outcome_of o;
    setenv("TEST_OPTIONS_TYPE", "from-environment", 1);
    assert_int_equal(parse(&o, &table, NULL), OPTIONS_RUN);
    assert_string_equal(o.settings.type, "from-environment");
    assert_int_equal(parse(&o, &table, "-t", "given", NULL), OPTIONS_RUN);
    assert_string_equal(o.settings.type, "given");
    setenv("TEST_OPTIONS_TYPE", "", 1);
    assert_int_equal(parse(&o, &table, NULL), OPTIONS_RUN);
    assert_null(o.settings.type);
    setenv("TEST_OPTIONS_WAIT", "soon", 1);
    assert_int_equal(parse(&o, &table, NULL), OPTIONS_BAD);
    assert_string_equal(o.fault.text,
        "the environment variable TEST_OPTIONS_WAIT: \"soon\" is not a time; write seconds, or "
        "250ms, 3m, 1h");
    unsetenv("TEST_OPTIONS_WAIT");
    unsetenv("TEST_OPTIONS_TYPE");
}

static void test_complaints(void **state)
{
    (void)state;
    static const struct {
        const char *args[3];
        const char *text;
    } cases[] = {
        {{"-x"}, "unknown option -x"},
        {{"-lx"}, "unknown option -x"},
        {{"--nonsense"}, "unknown or ambiguous option --nonsense"},
        {{"--w"}, "unknown or ambiguous option --w"},
        {{"-t"}, "--type needs its TYPE"},
        {{"--window"}, "--window needs its N"},
        {{"--loud=yes"}, "--loud takes no argument"},
        {{"--window", "0"}, "--window: 0 is out of range, 1 to 1000"},
        {{"--window", "1001"}, "--window: 1001 is out of range, 1 to 1000"},
        {{"--window", "7x"}, "--window: \"7x\" is not a whole number"},
        {{"--window", "-1"}, "--window: \"-1\" is not a whole number"},
        {{"--window", "99999999999999999999999"},
            "--window: 99999999999999999999999 is out of range, 1 to 1000"},
        {{"-w", "inf"}, "--wait: \"inf\" is not a time; write seconds, or 250ms, 3m, 1h"},
        {{"-w", "0x10"}, "--wait: \"0x10\" is not a time; write seconds, or 250ms, 3m, 1h"},
        {{"-w", "3 m"}, "--wait: \"3 m\" is not a time; write seconds, or 250ms, 3m, 1h"},
        {{"-a", "xy"}, "--add: \"xy\" is not one letter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome_of o;
        assert_int_equal(parse(&o, &table, cases[i].args[0], cases[i].args[1], NULL), OPTIONS_BAD);
        assert_string_equal(o.fault.text, cases[i].text);
    }
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"0", 0}, {"2.5", 2.5}, {"2.5s", 2.5}, {"1500ms", 1.5}, {"2m", 120}, {"1h", 3600}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double seconds = -1;
        assert_int_equal(options_seconds(cases[i].text, 0, 0, &seconds, NULL), STATUS_OK);
        assert_true(seconds > cases[i].seconds - 1e-9 && seconds < cases[i].seconds + 1e-9);
    }
    double seconds = -1;
    assert_int_equal(options_seconds("5", 0, 4, &seconds, NULL), STATUS_INVALID);
    assert_true(seconds == -1);
}

static void test_stop_at_operand(void **state)
{
    (void)state;
    struct option_table leading = table;
    leading.stop_at_operand = true;
    struct outcome_of o;
    assert_int_equal(parse(&o, &leading, "-l", "run", "-t", "x", NULL), OPTIONS_RUN);
    assert_null(o.settings.type);
    assert_int_equal(o.operands.count, 3);
    assert_string_equal(o.operands.at[0], "run");
}

/* What options_begin prints, by answer. */
static void begin(const char *argument, char *out, char *err, bool *run, int *exit_status)
{
    char *streams[2];
    size_t sizes[2];
    FILE *files[2] = {
        open_memstream(&streams[0], &sizes[0]), open_memstream(&streams[1], &sizes[1])};
    char *argv[] = {(char *)"try", (char *)argument, NULL};
    struct settings settings = {0};
    struct operands operands;
    *run = options_begin(&table, 2, argv, &settings, &operands, files[0], files[1], exit_status);
    fclose(files[0]);
    fclose(files[1]);
    snprintf(out, 4000, "%s", streams[0]);
    snprintf(err, 4000, "%s", streams[1]);
    free(streams[0]);
    free(streams[1]);
}

static void test_help(void **state)
{
    (void)state;
    char out[4000];
    char err[4000];
    bool run = true;
    int exit_status = -1;
    begin("--help", out, err, &run, &exit_status);
    assert_false(run);
    assert_int_equal(exit_status, 0);
    assert_string_equal(err, "");
    assert_string_equal(out,
        "Usage: try [OPTIONS] FILE...\n"
        "Tries options.\n"
        "\n"
        "What is sent:\n"
        "  -t, --type TYPE            the type of the messages, told in a sentence that\n"
        "                             is long enough to be wrapped once\n"
        "                             [TEST_OPTIONS_TYPE]\n"
        "  -l, --loud                 say more\n"
        "      --window N             messages in flight\n"
        "  -w, --wait TIME            how long [TEST_OPTIONS_WAIT]\n"
        "  -a, --add X                add a letter\n"
        "  -h, --help                 print this help\n"
        "  -V, --version              print the version\n"
        "\n"
        "Exit status:\n"
        "  0   all good\n"
        "  2   wrong options\n");
    begin("--version", out, err, &run, &exit_status);
    assert_string_equal(out, "try (Bester) " BESTER_VERSION "\n");
    begin("-x", out, err, &run, &exit_status);
    assert_int_equal(exit_status, EXIT_USAGE);
    assert_string_equal(out, "");
    assert_string_equal(err, "try: unknown option -x\nTry 'try --help'.\n");
}

static void test_man_page(void **state)
{
    (void)state;
    char out[4000];
    char err[4000];
    bool run = true;
    int exit_status = -1;
    begin("--man-page", out, err, &run, &exit_status);
    assert_false(run);
    assert_non_null(strstr(out, "\n.TH TRY 1 "));
    assert_non_null(strstr(out, ".SH DESCRIPTION\nFirst line.\n\\&.not a request\n.PP\n"
                                "Second \\- with \\e in it:\n.PP\n.RS 4\n.nf\nexample \\-x\n"
                                ".fi\n.RE\n.PP\nEnd.\n.SH OPTIONS\n"));
    assert_non_null(strstr(out, ".TP\n\\fB\\-t\\fR, \\fB\\-\\-type\\fR \\fITYPE\\fR\n"));
    assert_null(strstr(out, "secret"));
    assert_non_null(strstr(out, ".SH SEE ALSO\nothers\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_defaults_stay_and_parsing_repeats),
        cmocka_unit_test(test_environment_gives_way_to_the_option),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_stop_at_operand),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_man_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
