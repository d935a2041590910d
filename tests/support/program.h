/*
 * program: one of our programs run as a child, with pipes for its three streams.
 * Its environment is clean but for what the test sets in its own before.
 */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include "tests/support/peer.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PROGRAM_TEXT_MAX = 64 * 1024, PROGRAM_ARGS_MAX = 40 };

struct program {
    pid_t pid;
    int in, out, err;
    char text_out[PROGRAM_TEXT_MAX]; /* of program_finish */
    char text_err[PROGRAM_TEXT_MAX];
};

/* The program of this build: two folders above the test's own. */
static inline const char *program_path(const char *name, char out[PATH_MAX])
{
    char self[PATH_MAX] = "";
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    int needed = snprintf(out, PATH_MAX, "%.*s/../../%s", PATH_MAX - 64, dirname(self), name);
    assert_true(needed > 0 && needed < PATH_MAX);
    return out;
}

/* Ends the child when the test ends, however that may be. */
static inline void program_die_with_test(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
}

/* args ends with NULL. in_fd: the child's stdin; -1: a pipe, self->in. */
static inline void program_start(
    struct program *self, const char *name, const char *const *args, int in_fd)
{
    int in[2] = {-1, -1};
    int out[2];
    int err[2];
    char path[PATH_MAX];
    char *argv[PROGRAM_ARGS_MAX] = {(char *)name};
    for (size_t i = 0; args[i] != NULL; i++)
        argv[i + 1] = (char *)args[i];
    program_path(name, path);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    if (in_fd < 0)
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    pid_t parent = getpid();
    self->pid = fork();
    assert_true(self->pid >= 0);
    if (self->pid == 0) {
        program_die_with_test(parent);
        dup2(in_fd < 0 ? in[0] : in_fd, 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        setsid(); /* no terminal to ask at */
        execv(path, argv);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    if (in_fd < 0)
        close(in[0]);
    self->in = in[1];
    self->out = out[0];
    self->err = err[0];
}

static inline void program_write(struct program *self, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(write(self->in, text, len), (ssize_t)len);
}

static inline void program_close_in(struct program *self)
{
    if (self->in >= 0)
        close(self->in);
    self->in = -1;
}

/* Reads both outputs to their end, whichever speaks first. */
static inline void program_drain(struct program *self)
{
    struct {
        int *fd;
        char *text;
        size_t len;
    } pipes[2] = {{&self->out, self->text_out, 0}, {&self->err, self->text_err, 0}};
    while (*pipes[0].fd >= 0 || *pipes[1].fd >= 0) {
        struct pollfd polls[2] = {
            {.fd = *pipes[0].fd, .events = POLLIN}, {.fd = *pipes[1].fd, .events = POLLIN}};
        if (poll(polls, 2, PEER_PATIENCE_S * 1000) <= 0)
            fail_msg(
                "the program does not end; so far it said:\n%s%s", self->text_out, self->text_err);
        for (size_t i = 0; i < 2; i++) {
            if (polls[i].revents == 0 || *pipes[i].fd < 0)
                continue;
            size_t room = PROGRAM_TEXT_MAX - 1 - pipes[i].len;
            ssize_t n = read(*pipes[i].fd, pipes[i].text + pipes[i].len, room);
            if (n > 0) {
                pipes[i].len += (size_t)n;
                pipes[i].text[pipes[i].len] = '\0';
                continue;
            }
            close(*pipes[i].fd);
            *pipes[i].fd = -1;
        }
    }
}

/* Waits for its end; returns the exit status, or 1000 and the number of the
 * signal. text_out and text_err hold what it said. */
static inline int program_wait(struct program *self)
{
    int status = 0;
    self->text_out[0] = self->text_err[0] = '\0';
    program_drain(self);
    assert_int_equal(waitpid(self->pid, &status, 0), self->pid);
    program_close_in(self);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* The same, its input ended first. */
static inline int program_finish(struct program *self)
{
    program_close_in(self);
    return program_wait(self);
}

#endif
