#include "harness/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"

static char *join(unsigned set, const char *before)
{
    char *text;
    size_t len;
    FILE *out = must_stream(&text, &len);

    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (set & need_bit((enum feature)i)) {
            fprintf(out, "%s%s", before, feature_word((enum feature)i));
            before = ", ";
        }
    fclose(out);
    return text;
}

char *needs_missing(unsigned needed, unsigned there)
{
    unsigned missing = needed & ~there;

    return missing ? join(missing, "needs ") : NULL;
}

char *needs_words(void)
{
    return join(~0U, "");
}

enum status needs_read(const char *list, unsigned *out, struct fault *fault)
{
    unsigned set = 0;

    while (*list) {
        size_t len = strcspn(list, ",");
        enum feature feature;

        if (len > 0 && !feature_find(list, len, &feature)) {
            char *words = needs_words();
            fault_set(fault, STATUS_INVALID, 0, "no feature \"%.*s\"; there are %s",
                (int)(len < 40 ? len : 40), list, words);
            free(words);
            return STATUS_INVALID;
        }
        if (len > 0)
            set |= need_bit(feature);
        list += len + (list[len] == ',');
    }
    *out = set;
    return STATUS_OK;
}

/* ---- asking a besterd ------------------------------------------------------------------------ */

static unsigned read_answer(FILE *in)
{
    char line[200];
    unsigned set = 0;

    while (fgets(line, sizeof(line), in)) {
        enum feature feature;

        if (feature_find(line, strcspn(line, " \n"), &feature))
            set |= need_bit(feature);
    }
    return set;
}

/* The program with --features, its output into a pipe, of which *in is the other end.
 * 0 or an errno. */
static int start(const char *besterd, FILE **in, pid_t *pid)
{
    char *argv[] = {(char *)besterd, (char *)"--features", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawn(pid, besterd, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *in = failed ? NULL : fdopen(ends[0], "r");
    if (!*in)
        close(ends[0]);
    return failed;
}

enum status needs_ask(const char *besterd, unsigned *out, struct fault *fault)
{
    FILE *in = NULL;
    pid_t pid = 0;
    int wait_status = 0;
    int failed = start(besterd, &in, &pid);

    if (failed)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", besterd, strerror(failed));
    unsigned set = in ? read_answer(in) : 0;
    if (in)
        fclose(in);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {}
    if (!in || !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        return fault_set(fault, STATUS_IO, 0, "%s --features tells nothing", besterd);
    *out = set;
    return STATUS_OK;
}
