/* Where the programs of Bester are that a cast needs. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/needs.h"
#include "harness/topology.h"
#include "harness/words.h"

static enum status own_directory(char *out, size_t cap, struct fault *fault)
{
    ssize_t n = readlink("/proc/self/exe", out, cap - 1);

    if (n < 0)
        return fault_set(fault, STATUS_IO, 0, "/proc/self/exe: %s", strerror(errno));
    out[n] = '\0';
    *strrchr(out, '/') = '\0';
    return STATUS_OK;
}

enum status programs_find(struct programs *self, const char *besterd, struct fault *fault)
{
    char dir[PATH_MAX];
    char path[PATH_MAX + 64];
    char real[PATH_MAX];
    enum status status = own_directory(dir, sizeof(dir), fault);

    if (status != STATUS_OK)
        return status;
    snprintf(self->beside, sizeof(self->beside), "%.*s", PATH_MAX - 1, dir);
    snprintf(path, sizeof(path), "%s/besterd", dir);
    if (!realpath(besterd ? besterd : path, real) || access(real, X_OK) != 0)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "no server to run: %.150s: %s",
            besterd ? besterd : path, strerror(errno));
    snprintf(self->besterd, sizeof(self->besterd), "%.*s", PATH_MAX - 1, real);

    *strrchr(real, '/') = '\0';
    snprintf(path, sizeof(path), "%s/handlers", real);
    if (access(path, X_OK) != 0)
        snprintf(path, sizeof(path), "%s/../libexec/bester/handlers", real);
    snprintf(self->handlers, sizeof(self->handlers), "%.*s", PATH_MAX - 1, path);
    return STATUS_OK;
}

/* The servers run elsewhere: a program that is named by a path is so from here. */
static bool make_absolute(json_t *words)
{
    const char *program = json_string_value(json_array_get(words, 0));
    char here[PATH_MAX];

    if (!program || *program == '/' || !strchr(program, '/'))
        return program != NULL;
    if (!getcwd(here, sizeof(here)))
        return false;
    json_array_set_new(words, 0, must_json(json_sprintf("%s/%s", here, program)));
    return true;
}

static bool names_config(const json_t *words)
{
    for (size_t i = 1; i < json_array_size(words); i++)
        if (strstr(json_string_value(json_array_get(words, i)), "{config}"))
            return true;
    return false;
}

enum status programs_use_server(struct programs *self, const char *command, struct fault *fault)
{
    self->foreign = words_split(command);
    if (self->foreign && names_config(self->foreign) && make_absolute(self->foreign))
        return STATUS_OK;
    programs_release(self);
    return fault_set(fault, STATUS_INVALID, 0,
        "--server wants a command with {config} in it, not \"%.100s\"", command);
}

enum status programs_learn(struct programs *self, const char *has, bool asks, struct fault *fault)
{
    if (has || self->foreign)
        return needs_read(has ? has : "", &self->has, fault);
    return asks ? needs_ask(self->besterd, &self->has, fault) : STATUS_OK;
}

/* A play that does not tell is for besterd as it is. */
char *programs_lack(const struct programs *self, const struct scenario *scenario)
{
    if (scenario->tells_needs)
        return needs_missing(scenario->needs, self->has);
    if (self->foreign)
        return must_copy("the play does not say what it needs of another server");
    return NULL;
}

void programs_release(struct programs *self)
{
    json_decref(self->foreign);
    self->foreign = NULL;
}
