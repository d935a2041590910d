#include "harness/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/canonical.h"
#include "harness/linediff.h"
#include "harness/must.h"
#include "harness/paths.h"
#include "harness/replace.h"

static const char STDIN_NAME[] = "-";

static bool is_stdin(const char *path)
{
    return strcmp(path, STDIN_NAME) == 0;
}

static int tell(const char *path, const struct mistake *mistake, enum status status)
{
    fprintf(stderr, "%s:%u:%u: %s\n", is_stdin(path) ? "<stdin>" : path, mistake->at.line,
        mistake->at.column, mistake->text);
    return status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
}

static int write_stdout(struct span text)
{
    if (fwrite(text.at, 1, text.len, stdout) == text.len && fflush(stdout) == 0)
        return 0;
    perror("harness fmt: standard output");
    return EXIT_LOCAL_IO;
}

static int write_file(const char *path, struct span text)
{
    struct fault fault;

    if (replace_text(path, text, &fault) == STATUS_OK)
        return 0;
    fprintf(stderr, "harness fmt: %s\n", fault.text);
    return EXIT_LOCAL_IO;
}

static int check(const char *path, struct span before, struct span after)
{
    if (span_equal(before, after))
        return 0;
    linediff_write(stdout, path, before, "in canonical form", after);
    return EXIT_SOME_DIFFER;
}

static int fmt_text(const struct fmt_options *options, const char *path, struct span before)
{
    struct mistake mistake;
    struct span after;
    char *text = canonical_text(before, &after.len, &mistake);
    int status;

    if (!text)
        return tell(path, &mistake, STATUS_INVALID);
    after.at = text;
    if (!canonical_same(before, after)) {
        fprintf(stderr,
            "%s: its layout would mean something else; it is left as it is. This is a "
            "mistake of the harness.\n",
            path);
        status = EXIT_INTERNAL;
    } else if (options->check) {
        status = check(path, before, after);
    } else if (is_stdin(path)) {
        status = write_stdout(after);
    } else {
        status = span_equal(before, after) ? 0 : write_file(path, after);
    }
    free(text);
    return status;
}

static int fmt_one(const struct fmt_options *options, const char *path)
{
    struct mistake mistake;
    struct span text;
    char *bytes;
    enum status read = source_read(path, &bytes, &text.len, &mistake);

    if (read != STATUS_OK)
        return tell(path, &mistake, read);
    text.at = bytes;
    int status = fmt_text(options, path, text);
    free(bytes);
    return status;
}

/* Which of two exit statuses says more: that a file is no JSON, than that one differs. */
static int worse(int a, int b)
{
    return a > b ? a : b;
}

int fmt_files(const struct fmt_options *options, char *const *arguments, size_t count)
{
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        struct paths paths;
        struct fault fault;

        if (is_stdin(arguments[i])) {
            status = worse(status, fmt_one(options, STDIN_NAME));
            continue;
        }
        if (paths_collect(&paths, &arguments[i], 1, &fault) != STATUS_OK) {
            fprintf(stderr, "harness fmt: %s\n", fault.text);
            status = worse(status, EXIT_LOCAL_IO);
            continue;
        }
        for (size_t j = 0; j < paths.count; j++)
            status = worse(status, fmt_one(options, paths.items[j]));
        paths_release(&paths);
    }
    return status;
}
