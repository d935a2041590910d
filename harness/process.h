/*
 * process: a program that the harness has started, everything it writes to
 * stderr and stdout, line by line, and what is written to its stdin.
 *
 * Owns the child. Invariants: a child never outlives the harness (it is killed
 * when the harness dies, whatever of), is the leader of its own process group,
 * and is reaped. process_free kills what still runs. Needs the default loop.
 */
#ifndef HARNESS_PROCESS_H
#define HARNESS_PROCESS_H

#include <ev.h>
#include <sys/types.h>

#include "libbester/bytes.h"
#include "libbester/status.h"

struct process;

struct process_spec {
    char *const *argv;              /* argv[0]: a path, or a name in PATH */
    const char *const *environment; /* NAME=VALUE added to ours, NULL ends; or NULL */
    const char *directory;          /* to run in, or NULL */
    const char *input;              /* its stdin, then the end; NULL: none */
    bool input_open;                /* instead: what process_write writes */
    bool apart;                     /* stdout and stderr are told apart */
    const int *sockets;             /* handed over as LISTEN_FDS, from 3 on */
    size_t socket_count;
};

enum process_output { OUTPUT_STDOUT, OUTPUT_STDERR, OUTPUT_COUNT };

struct process_callbacks {
    /* A line, without its end; controls are spaces, but of an output that is told
     * apart a TAB is one. What is not told apart is OUTPUT_STDOUT. */
    void (*on_line)(const char *line, enum process_output output, void *user);
    /* After its last line; wait_status as waitpid has it. Not called by
     * process_free. */
    void (*on_exit)(int wait_status, void *user);
};

/* NULL, *fault says why: no process or no pipe could be made. A program that
 * can't be run ends with status 127 after a line that says so. */
struct process *process_start(struct ev_loop *loop, const struct process_spec *spec,
    const struct process_callbacks *callbacks, void *user, struct fault *fault);
void process_free(struct process *self);

bool process_runs(const struct process *self);
/* Whether that is the number of one that was started here and not reaped yet. */
bool process_is_known(pid_t pid);
pid_t process_pid(const struct process *self);
/* Queues bytes for its stdin (input_open). STATUS_CLOSED: it no longer reads, or
 * the end was written. */
MUST_CHECK enum status process_write(struct process *self, struct span bytes);
/* Its stdin ends behind what was written. */
void process_end_input(struct process *self);
/* To the process itself; SIGKILL to its whole group. */
void process_signal(struct process *self, int number);

/* fork, for whoever execs next: in the child (0) every signal has its usual action
 * and none was lost, and the child dies with us. */
pid_t process_fork(void);

/* "exited with 1", "was killed by signal 9 (Killed)" into out. Returns out. */
const char *process_describe(int wait_status, char *out, size_t cap);

#endif
