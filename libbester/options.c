#include "libbester/options.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 64, LONG_BASE = 256 };

enum status options_count(
    const char *text, unsigned min, unsigned max, unsigned *out, struct fault *fault)
{
    if (max == 0)
        max = UINT_MAX;
    unsigned long long value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0')
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is not a whole number", text);
    if (digits <= 18)
        value = strtoull(text, NULL, 10);
    if (digits > 18 || value < min || value > max)
        return fault_set(fault, STATUS_INVALID, 0, "%s is out of range, %u to %u", text, min, max);
    *out = (unsigned)value;
    return STATUS_OK;
}

static const struct unit {
    const char *name;
    double seconds;
} units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}};

enum status options_seconds(
    const char *text, double min, double max, double *out, struct fault *fault)
{
    if (max == 0)
        max = 1e9;
    char *unit = NULL;
    /* strtod alone would take "inf", "nan", "0x1p3" and blanks in front */
    double value = isdigit((unsigned char)text[0]) && strpbrk(text, "xXeEnN") == NULL
                       ? strtod(text, &unit)
                       : 0;
    for (size_t i = 0; unit != NULL && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        value *= units[i].seconds;
        if (!(value >= min && value <= max))
            return fault_set(
                fault, STATUS_INVALID, 0, "%s is out of range, %g to %g seconds", text, min, max);
        *out = value;
        return STATUS_OK;
    }
    return fault_set(
        fault, STATUS_INVALID, 0, "\"%s\" is not a time; write seconds, or 250ms, 3m, 1h", text);
}

static enum status row_apply(
    const struct option_row *row, void *settings, const char *argument, struct fault *fault)
{
    void *place = (char *)settings + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return STATUS_OK;
    case OPTION_TEXT:
        *(const char **)place = argument;
        return STATUS_OK;
    case OPTION_COUNT:
        return options_count(argument, (unsigned)row->min, (unsigned)row->max, place, fault);
    case OPTION_SECONDS:
        return options_seconds(argument, row->min, row->max, place, fault);
    case OPTION_CALL:
        return row->apply(settings, argument, fault);
    case OPTION_GROUP:
    case OPTION_HELP:
    case OPTION_VERSION:
    case OPTION_MAN:
    case OPTION_COMPLETION:
        break;
    }
    return STATUS_OK;
}

/* An empty variable counts as unset, so that "BESTER_USER= bester-send" works. */
static enum status environment_apply(
    const struct option_table *table, void *settings, struct fault *fault)
{
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        const char *value = row->environment == NULL ? NULL : getenv(row->environment);
        if (value == NULL || value[0] == '\0')
            continue;
        struct fault inner = {0};
        enum status status = row_apply(row, settings, value, &inner);
        if (status != STATUS_OK)
            return fault_set(
                fault, status, 0, "the environment variable %s: %s", row->environment, inner.text);
    }
    return STATUS_OK;
}

struct getopt_tables {
    char letters[3 * OPTIONS_MAX + 3];
    struct option longs[OPTIONS_MAX + 1];
};

static void tables_fill(struct getopt_tables *self, const struct option_table *table)
{
    assert(table->row_count <= OPTIONS_MAX);
    *self = (struct getopt_tables){0};
    char *letter = self->letters;
    if (table->stop_at_operand)
        *letter++ = '+';
    *letter++ = ':';
    size_t count = 0;
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind == OPTION_GROUP)
            continue;
        if (row->letter != 0) {
            *letter++ = row->letter;
            if (row->argument != NULL)
                *letter++ = ':';
            if (row->implied != NULL)
                *letter++ = ':';
        }
        self->longs[count++] = (struct option){.name = row->name,
            .has_arg = row->argument == NULL  ? no_argument
                       : row->implied != NULL ? optional_argument
                                              : required_argument,
            .val = LONG_BASE + (int)i};
    }
}

static const struct option_row *row_find(const struct option_table *table, int value)
{
    if (value >= LONG_BASE)
        return &table->rows[value - LONG_BASE];
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].letter != 0 && table->rows[i].letter == value)
            return &table->rows[i];
    return NULL;
}

/* Says what getopt_long did not like; answer is what it returned. */
static enum options_answer complain(
    const struct option_table *table, int answer, char **argv, struct fault *fault)
{
    const struct option_row *row = optopt == 0 ? NULL : row_find(table, optopt);
    const char *word = argv[optind - 1];
    if (answer == ':' && row != NULL)
        fault_set(fault, STATUS_INVALID, 0, "--%s needs its %s", row->name, row->argument);
    else if (row != NULL)
        fault_set(fault, STATUS_INVALID, 0, "--%s takes no argument", row->name);
    else if (optopt != 0)
        fault_set(fault, STATUS_INVALID, 0, "unknown option -%c", optopt);
    else
        fault_set(fault, STATUS_INVALID, 0, "unknown or ambiguous option %s", word);
    return OPTIONS_BAD;
}

/* OPTIONS_RUN: go on with the next option. */
static enum options_answer row_take(
    const struct option_row *row, void *settings, const char *argument, struct fault *fault)
{
    if (row->kind == OPTION_HELP)
        return OPTIONS_HELP;
    if (row->kind == OPTION_VERSION)
        return OPTIONS_VERSION;
    if (row->kind == OPTION_MAN)
        return OPTIONS_MAN;
    if (row->kind == OPTION_COMPLETION)
        return OPTIONS_COMPLETION;
    struct fault inner = {0};
    enum status status =
        row_apply(row, settings, argument == NULL ? row->implied : argument, &inner);
    if (status == STATUS_OK)
        return OPTIONS_RUN;
    fault_set(fault, status, 0, "--%s: %s", row->name, inner.text);
    return OPTIONS_BAD;
}

enum options_answer options_parse(const struct option_table *table, int argc, char **argv,
    void *settings, struct operands *operands, struct fault *fault)
{
    if (environment_apply(table, settings, fault) != STATUS_OK)
        return OPTIONS_BAD;
    struct getopt_tables tables;
    tables_fill(&tables, table);
    optind = 0; /* glibc: start afresh, whatever was parsed before */
    opterr = 0;
    for (;;) {
        optopt = 0;
        int answer = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
        if (answer == -1)
            break;
        if (answer == '?' || answer == ':')
            return complain(table, answer, argv, fault);
        const struct option_row *row = row_find(table, answer);
        assert(row != NULL);
        enum options_answer taken = row_take(row, settings, optarg, fault);
        if (taken == OPTIONS_COMPLETION)
            operands->shell = optarg;
        if (taken != OPTIONS_RUN)
            return taken;
    }
    *operands = (struct operands){.at = argv + optind, .count = (size_t)(argc - optind)};
    return OPTIONS_RUN;
}

static int print_exit(FILE *out)
{
    return fflush(out) == 0 && !ferror(out) ? EXIT_ALL_GOOD : EXIT_LOCAL_IO;
}

bool options_begin(const struct option_table *table, int argc, char **argv, void *settings,
    struct operands *operands, FILE *out, FILE *err, int *exit_status)
{
    struct fault fault = {0};
    switch (options_parse(table, argc, argv, settings, operands, &fault)) {
    case OPTIONS_RUN:
        return true;
    case OPTIONS_HELP:
        options_print_help(table, out);
        break;
    case OPTIONS_VERSION:
        fprintf(out, "%s (Bester) %s\n", table->program, BESTER_VERSION);
        break;
    case OPTIONS_MAN:
        options_print_man(table, out);
        break;
    case OPTIONS_COMPLETION:
        if (options_print_completion(table, operands->shell, out))
            break;
        fault_set(&fault, STATUS_INVALID, 0, "--completion: bash, zsh or fish");
        /* fall through */
    case OPTIONS_BAD:
        fprintf(err, "%s: %s\nTry '%s --help'.\n", table->program, fault.text, table->program);
        *exit_status = EXIT_USAGE;
        return false;
    }
    *exit_status = print_exit(out);
    return false;
}
