#include "besterd/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *paths_join(const char *directory, const char *name)
{
    size_t len = strlen(directory) + 1 + strlen(name) + 1;
    char *joined = malloc(len);
    if (joined != NULL)
        snprintf(joined, len, "%s/%s", directory, name);
    return joined;
}

/* XDG: what is not absolute is to be ignored. */
static const char *absolute_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

char *paths_state(void)
{
    const char *state = absolute_variable("XDG_STATE_HOME");
    if (state != NULL)
        return paths_join(state, "bester");
    const char *home = absolute_variable("HOME");
    return home != NULL ? paths_join(home, ".local/state/bester") : NULL;
}

char *paths_runtime(void)
{
    const char *runtime = absolute_variable("XDG_RUNTIME_DIR");
    return runtime != NULL ? paths_join(runtime, "bester") : paths_state();
}

char *paths_shipped(const char *name, const char *installed)
{
    char executable[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (len <= 0)
        return NULL;
    executable[len] = '\0';
    char *slash = strrchr(executable, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    char *built = paths_join(executable, name);
    if (built == NULL || access(built, R_OK) == 0)
        return built;
    /* bin/.. : the prefix, without leaving dots in what people get to read. */
    slash = strrchr(executable, '/');
    if (slash == NULL || slash == executable)
        return built;
    *slash = '\0';
    char *share = paths_join(executable, installed);
    char *there = share != NULL ? paths_join(share, name) : NULL;
    free(share);
    if (there != NULL && access(there, R_OK) == 0) {
        free(built);
        return there;
    }
    free(there);
    return built;
}

enum status paths_make_directory(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    size_t len = strlen(directory);
    if (len == 0 || len >= sizeof path)
        return fault_set(fault, STATUS_IO, 0, "%s: not a directory's name", directory);
    memcpy(path, directory, len + 1);
    for (char *at = path + 1;; at++) {
        char saved = *at;
        if (saved != '/' && saved != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(errno));
        *at = saved;
        if (saved == '\0')
            break;
    }
    struct stat stat_now;
    if (stat(path, &stat_now) != 0 || !S_ISDIR(stat_now.st_mode))
        return fault_set(fault, STATUS_IO, 0, "%s: is not a directory", path);
    return STATUS_OK;
}
