#include "besterd/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "besterd/sandbox_internal.h"

static struct sandbox_state state;

/* It translates the program, and its own work would be refused, too. */
static bool is_under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

static bool is_wanted(const struct config *config)
{
    return config->sandbox && !is_under_valgrind();
}

void sandbox_confine_files(const struct config *config)
{
    if (!is_wanted(config))
        return;
    /* Without it neither of the two can be had by who is not root. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        state.landlock = sandbox_landlock(config);
    if (state.landlock == 0)
        log_line(LOG_LEVEL_WARNING, "sandbox",
            "Landlock is not to be had, files are not confined: %s", strerror(errno));
}

void sandbox_confine_calls(const struct config *config)
{
    if (!is_wanted(config))
        return;
    state.system_calls = sandbox_seccomp();
    if (!state.system_calls)
        log_line(LOG_LEVEL_WARNING, "sandbox",
            "seccomp is not to be had, system calls are not confined: %s", strerror(errno));
}

struct sandbox_state sandbox_state(void)
{
    struct sandbox_state now = state;

    now.refused = sandbox_refused();
    return now;
}

void sandbox_tell(const struct config *config)
{
    if (state.landlock > 0 && state.system_calls)
        log_line(LOG_LEVEL_INFO, "sandbox",
            "files are confined by Landlock %u, system calls by seccomp", state.landlock);
    else if (!config->sandbox)
        log_line(LOG_LEVEL_WARNING, "sandbox", "there is none: server.sandbox is false");
    else if (is_under_valgrind())
        log_line(LOG_LEVEL_INFO, "sandbox", "there is none under valgrind");
}
