/*
 * tables: writes a table of the code as Markdown, for the documents that quote
 * it. tests/check/docs compiles and runs it.
 */
#include <stdio.h>
#include <string.h>

#include "libbester/feature.h"
#include "libbester/status.h"

static void write_reasons(void)
{
    puts("| Reason | Means | Exit status of a client |\n| --- | --- | --- |");
    for (enum status status = STATUS_OK + 1; status < STATUS_COUNT; status++)
        if (status_on_wire(status))
            printf("| `%s` | %s | %d |\n", status_text(status), status_help(status),
                (int)status_exit(status));
}

static void write_exits(void)
{
    static const struct {
        enum client_exit value;
        const char *help;
    } rows[] = {
#define X(name, number, help) {name, help},
        EXIT_TABLE(X)
#undef X
    };

    puts("| Exit status | Means |\n| --- | --- |");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        printf("| %d | %s |\n", (int)rows[i].value, rows[i].help);
}

static void write_features(void)
{
    puts("| Feature | A server that has it |\n| --- | --- |");
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        printf("| `%s` | %s |\n", feature_word((enum feature)i), feature_meaning((enum feature)i));
}

static const struct {
    const char *name;
    void (*write)(void);
} tables[] = {
    {"reasons", write_reasons},
    {"exits", write_exits},
    {"features", write_features},
};

int main(int argc, char *argv[])
{
    for (size_t i = 0; argc == 2 && i < sizeof(tables) / sizeof(*tables); i++)
        if (strcmp(argv[1], tables[i].name) == 0) {
            tables[i].write();
            return fflush(stdout) != 0;
        }
    fprintf(stderr, "usage: tables reasons|exits|features\n");
    return 2;
}
