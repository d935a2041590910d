#include "harness/orphans.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void orphans_adopt(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

/* The death of one may make its children ours: until there are none. */
size_t orphans_end(void)
{
    char path[64];
    size_t ended = 0;
    char *number = NULL;
    size_t size = 0;

    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        FILE *file = fopen(path, "re");
        bool found = false;

        while (file && getdelim(&number, &size, ' ', file) > 0) {
            pid_t pid = (pid_t)strtol(number, NULL, 10);

            if (pid <= 0)
                continue;
            found = true;
            ended++;
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        if (file)
            fclose(file);
        if (!found)
            break;
    }
    free(number);
    return ended;
}
