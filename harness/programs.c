/* Where the programs of Bester are that a cast needs. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/topology.h"

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
