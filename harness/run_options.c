/* What the options of a run come to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/run.h"
#include "harness/words.h"

/* What has to be typed to play one of them again as it was played. */
char *run_command_of(const struct run_options *options)
{
    char *program = shell_word(program_invocation_name);
    const char *server = options->server ? options->server : options->besterd;
    char *word = server ? shell_word(server) : NULL;
    char *command = must_print("%s run%s%s%s%s", program,
        options->server    ? " --server "
        : options->besterd ? " --besterd "
                           : "",
        word ? word : "", options->has ? " --has " : "", options->has ? options->has : "");

    if (options->deadline_s != DEADLINE_MS / 1e3) {
        char *longer = must_print("%s --deadline %gs", command, options->deadline_s);
        free(command);
        command = longer;
    }
    free(word);
    free(program);
    return command;
}

FILE *run_diff_output(const struct run_options *options)
{
    for (size_t i = 0; i < REPORT_KIND_COUNT; i++)
        if (options->reports[i] && strcmp(options->reports[i], "-") == 0)
            return stderr;
    return stdout;
}
