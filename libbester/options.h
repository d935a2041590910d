/*
 * options: one table of a program's options makes the parser (getopt_long), the
 * --help text, the defaults from the environment, the man page and the completion
 * in shells.
 *
 * The table is constant; what was chosen lands in the program's own settings
 * struct, at the offset that a row names. Texts point into argv or the
 * environment; nothing is allocated. An option of the command line wins over its
 * environment variable, which wins over what the settings held before.
 *
 * Not for use from several threads at once (getopt and getenv).
 */
#ifndef BESTER_OPTIONS_H
#define BESTER_OPTIONS_H

#include <stdio.h>

#include "libbester/status.h"

enum option_kind {
    OPTION_GROUP,   /* a heading in the help: only .help is used */
    OPTION_FLAG,    /* bool at the offset becomes true */
    OPTION_TEXT,    /* const char * at the offset; the last one given wins */
    OPTION_COUNT,   /* unsigned at the offset, min to max */
    OPTION_SECONDS, /* double at the offset, min to max; "2.5", "250ms", "3m", "1h" */
    OPTION_CALL,    /* .apply decides; may be given several times */
    OPTION_HELP,    /* rows of these four kinds come from OPTION_COMMON_ROWS */
    OPTION_VERSION,
    OPTION_MAN,
    OPTION_COMPLETION
};

/* For what the other kinds cannot express. argument is NULL if the row takes
 * none. A failure is told in *fault, without the option's name. */
typedef enum status option_apply(void *settings, const char *argument, struct fault *fault);

struct option_row {
    const char *name; /* long form, without the dashes */
    char letter;      /* short form, or 0 */
    enum option_kind kind;
    const char *argument; /* its name in the help, or NULL: takes none */
    const char *implied; /* what stands for an argument that may be left out, or NULL: it may not */
    bool is_file;        /* the argument names a file, for completion in shells */
    const char *const *words; /* all arguments there are, for the same; ends with NULL; or NULL */
    size_t offset;
    double min, max;         /* both 0: any value that the type holds */
    const char *environment; /* variable that gives the default, or NULL */
    bool hidden;             /* not in --help */
    option_apply *apply;
    const char *help; /* no full stop at the end */
};

#define OPTION_COMMON_ROWS                                                                       \
    {.name = "help", .letter = 'h', .kind = OPTION_HELP, .help = "print this help"},             \
        {.name = "version", .letter = 'V', .kind = OPTION_VERSION, .help = "print the version"}, \
        {.name = "man-page",                                                                     \
            .kind = OPTION_MAN,                                                                  \
            .hidden = true,                                                                      \
            .help = "print the manual page (roff)"},                                             \
    {                                                                                            \
        .name = "completion", .kind = OPTION_COMPLETION, .argument = "SHELL", .hidden = true,    \
        .help = "print the completion for bash, zsh or fish"                                     \
    }

struct option_exit {
    int value;
    const char *help; /* NULL ends the list */
};

/* Prose of the man page. Blank lines separate paragraphs; a line that begins
 * with four blanks is set as an example. */
struct option_section {
    const char *heading; /* NULL ends the list */
    const char *text;
};

struct option_table {
    const char *program;         /* "bester-send", or "besterd user" */
    const char *const *synopsis; /* without the program's name; NULL ends */
    const char *summary;         /* half a sentence, for NAME */
    const struct option_row *rows;
    size_t row_count;
    const struct option_exit *exits;       /* or NULL */
    const struct option_section *sections; /* or NULL */
    bool stop_at_operand;                  /* "program [OPTIONS] COMMAND …" */
};

struct operands {
    char **at;
    size_t count;
    const char *shell; /* after OPTIONS_COMPLETION: which */
};

enum options_answer {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_MAN,
    OPTIONS_COMPLETION,
    OPTIONS_BAD
};

/* Reads environment and argv (argv[0] is skipped; argv is reordered so that the
 * operands come last). OPTIONS_BAD: *fault says what is wrong. Prints nothing. */
MUST_CHECK enum options_answer options_parse(const struct option_table *table, int argc,
    char **argv, void *settings, struct operands *operands, struct fault *fault);

/* What main calls: parses, and prints help, version or man page to out, or what
 * is wrong to err. true: run. false: leave with *exit_status. */
MUST_CHECK bool options_begin(const struct option_table *table, int argc, char **argv,
    void *settings, struct operands *operands, FILE *out, FILE *err, int *exit_status);

void options_print_help(const struct option_table *table, FILE *out);
void options_print_man(const struct option_table *table, FILE *out);
/* One page for a program that is told what to do by a command: table has its name, synopsis
 * and prose, each of the others the options of one command. */
void options_print_man_of_commands(const struct option_table *table,
    const struct option_table *const *commands, size_t count, FILE *out);
/* false: that shell is not known, nothing was printed. */
bool options_print_completion(const struct option_table *table, const char *shell, FILE *out);

/* The parsers behind OPTION_COUNT and OPTION_SECONDS; max 0: no bound but the
 * type's. STATUS_INVALID, *fault says why. */
MUST_CHECK enum status options_count(
    const char *text, unsigned min, unsigned max, unsigned *out, struct fault *fault);
MUST_CHECK enum status options_seconds(
    const char *text, double min, double max, double *out, struct fault *fault);

#endif
