#include "harness/orphans.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/process.h"

struct pids {
    pid_t *items;
    size_t count;
};

/* ---- who is whose ---------------------------------------------------------------------------- */

static void add_numbers(struct pids *self, const char *path)
{
    char *number = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");

    while (file && getdelim(&number, &size, ' ', file) > 0) {
        pid_t pid = (pid_t)strtol(number, NULL, 10);

        if (pid <= 0)
            continue;
        must_grow(self->items, self->count);
        self->items[self->count++] = pid;
    }
    if (file)
        fclose(file);
    free(number);
}

/* Each thread has those that it has started; the first has the orphans. */
static void add_children(struct pids *self, pid_t parent)
{
    char path[300];
    const struct dirent *thread;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)parent);
    DIR *threads = opendir(path);
    // cppcheck-suppress readdirCalled
    while (threads && (thread = readdir(threads))) {
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)parent, thread->d_name);
        if (thread->d_name[0] != '.')
            add_numbers(self, path);
    }
    if (threads)
        closedir(threads);
}

static bool has_mark(pid_t pid, const char *mark)
{
    char path[64];
    char *variable = NULL;
    size_t size = 0;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !found && getdelim(&variable, &size, '\0', file) > 0)
        found = strcmp(variable, mark) == 0;
    if (file)
        fclose(file);
    free(variable);
    return found;
}

static bool is_in(pid_t pid, const char *directory)
{
    size_t len = strlen(directory);
    char path[64];
    char where[512];

    snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, where, sizeof(where) - 1);
    where[n > 0 ? n : 0] = '\0';
    return strncmp(where, directory, len) == 0 && (where[len] == '\0' || where[len] == '/');
}

/* ---- their end ------------------------------------------------------------------------------- */

/* Ends a child of ours and all below it. Who is killed later has become our child by
 * then, or has been reaped by a parent that is dead now. */
static size_t end_tree(pid_t root)
{
    struct pids tree = {NULL, 0};

    must_grow(tree.items, tree.count);
    tree.items[tree.count++] = root;
    for (size_t i = 0; i < tree.count; i++)
        add_children(&tree, tree.items[i]);
    for (size_t i = 0; i < tree.count; i++) {
        /* One that is not ours yet may end before we look, and its number be another's. */
        if (i > 0 && waitpid(tree.items[i], NULL, WNOHANG) != 0)
            continue;
        kill(tree.items[i], SIGKILL);
        waitpid(tree.items[i], NULL, 0);
    }
    size_t ended = tree.count;
    free(tree.items);
    return ended;
}

/* The death of one may make its children ours: until there are none. */
static size_t end_all(bool (*is_meant)(pid_t pid, const char *directory), const char *directory)
{
    size_t ended = 0;
    bool found = true;

    while (found) {
        struct pids children = {NULL, 0};

        found = false;
        add_children(&children, getpid());
        for (size_t i = 0; i < children.count; i++)
            if (is_meant(children.items[i], directory)) {
                ended += end_tree(children.items[i]);
                found = true;
            }
        free(children.items);
    }
    return ended;
}

static bool is_of(pid_t pid, const char *directory)
{
    char mark[256];

    if (process_is_known(pid))
        return false; /* of another cast, and alive */
    snprintf(mark, sizeof(mark), ORPHANS_MARK "=%s", directory);
    return has_mark(pid, mark) || is_in(pid, directory);
}

size_t orphans_end_of(const char *directory)
{
    return end_all(is_of, directory);
}

static bool is_anybody(pid_t pid, const char *directory)
{
    (void)pid, (void)directory;
    return true;
}

size_t orphans_end(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    return end_all(is_anybody, NULL);
}

/* ---- the guard ------------------------------------------------------------------------------- */

static const int watched[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* As the one that did the work has ended. */
static void end_as(int wait_status)
{
    if (WIFEXITED(wait_status))
        _exit(WEXITSTATUS(wait_status));
    int number = WTERMSIG(wait_status);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* one core is enough */
    signal(number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(128 + number);
}

static void guard(pid_t worker, const sigset_t *signals)
{
    siginfo_t info;
    int wait_status;

    for (;;) {
        int number = sigwaitinfo(signals, &info);

        if (number == SIGCHLD && waitpid(worker, &wait_status, WNOHANG) == worker)
            break;
        /* What is typed at a terminal has reached both of us. */
        if (number > 0 && number != SIGCHLD && info.si_code <= 0)
            kill(worker, number);
    }
    orphans_end();
    end_as(wait_status);
}

static void begin_guard(void)
{
    sigset_t signals;
    sigset_t before;
    pid_t parent = getpid();

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        sigaddset(&signals, watched[i]);
    sigprocmask(SIG_BLOCK, &signals, &before);
    pid_t worker = fork();
    if (worker > 0)
        guard(worker, &signals);
    if (worker == 0) {
        /* A guard that is killed is as if it had been asked to end. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            raise(SIGTERM);
    }
    sigprocmask(SIG_SETMASK, &before, NULL); /* without a guard if there is no process for it */
}

void orphans_adopt(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    begin_guard();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* a new process is none */
}
