#define _GNU_SOURCE /* explicit_bzero, pipe2 */

/* Where the password comes from. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libbester/login_internal.h"
#include "libbester/secret.h"

static enum status read_password(struct login *self, int fd, const char *what, struct fault *fault)
{
    struct fault inner = {0};
    size_t len = 0;
    enum status status = secret_read_line(fd, self->password, sizeof self->password, &len, &inner);
    if (status == STATUS_CLOSED || (status == STATUS_OK && len == 0))
        return fault_set(fault, STATUS_INVALID, 0, "%s: no password in it", what);
    if (status != STATUS_OK)
        return fault_set(
            fault, status == STATUS_IO ? STATUS_IO : STATUS_INVALID, 0, "%s: %s", what, inner.text);
    if (len > 0 && self->password[len - 1] == '\r') /* a file from another system */
        self->password[len - 1] = '\0';
    return STATUS_OK;
}

static enum status password_from_file(struct login *self, const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(errno));
    enum status status = read_password(self, fd, path, fault);
    close(fd);
    return status;
}

static enum status password_from_person(struct login *self, struct fault *fault)
{
    char address[ADDRESS_TEXT_MAX];
    char prompt[USER_NAME_MAX + ADDRESS_TEXT_MAX + 32];
    struct fault inner = {0};
    size_t len = 0;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return fault_set(fault, STATUS_INVALID, 0,
            "no password: there is no terminal to ask at; use --password-file or --password-fd");
    address_format_short(&self->address, address, sizeof address);
    snprintf(prompt, sizeof prompt, "Password of %s at %s: ", self->user, address);
    enum status status =
        secret_ask(tty, tty, prompt, self->password, sizeof self->password, &len, &inner);
    close(tty);
    if (status == STATUS_CLOSED || (status == STATUS_OK && len == 0))
        return fault_set(fault, STATUS_CLOSED, 0, "no password was given");
    if (status != STATUS_OK)
        return fault_set(fault, status == STATUS_IO ? STATUS_IO : STATUS_INVALID, 0,
            "the password: %s", inner.text);
    return STATUS_OK;
}

/* ---- a command ---------------------------------------------------------------------------------
 */

/* Starts /bin/sh -c COMMAND, its output in a pipe; its input is not ours, which
 * may hold the messages. */
static enum status start_command(const char *command, pid_t *child, int *out, struct fault *fault)
{
    int ends[2];
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, STATUS_IO, 0, "password_command: %s", strerror(errno));
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (failed == 0)
            failed = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        if (failed == 0)
            failed = posix_spawn(child, "/bin/sh", &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    *out = ends[0];
    if (failed == 0)
        return STATUS_OK;
    close(ends[0]);
    return fault_set(fault, STATUS_IO, 0, "password_command: %s", strerror(failed));
}

/* What it still writes is read, so that it does not die of our closing. */
static void drain(int fd)
{
    char rest[512];
    ssize_t n;
    do
        n = read(fd, rest, sizeof rest);
    while (n > 0 || (n < 0 && errno == EINTR));
    explicit_bzero(rest, sizeof rest);
}

static enum status password_from_command(
    struct login *self, const char *command, struct fault *fault)
{
    pid_t child = -1;
    int out = -1;
    int ended = 0;
    enum status status = start_command(command, &child, &out, fault);
    if (status != STATUS_OK)
        return status;
    status = read_password(self, out, "password_command", fault);
    drain(out);
    close(out);
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        return status;
    explicit_bzero(self->password, sizeof self->password);
    if (WIFSIGNALED(ended))
        return fault_set(
            fault, STATUS_INVALID, 0, "password_command died of signal %d", WTERMSIG(ended));
    return fault_set(
        fault, STATUS_INVALID, 0, "password_command ended with status %d", WEXITSTATUS(ended));
}

/* ---- credentials -------------------------------------------------------------------------------
 */

/* Whether a line of the file is about where we go, as whom. What is meant for TLS
 * is never sent without. */
static bool is_ours(const char *server, void *user)
{
    const struct login *self = user;
    struct login line = {0};
    char here[ADDRESS_TEXT_MAX];
    char there[ADDRESS_TEXT_MAX];
    if (login_target(&line, server, NULL) != STATUS_OK || line.secure != self->secure)
        return false;
    address_format_short(&self->address, here, sizeof here);
    address_format_short(&line.address, there, sizeof there);
    bool is_unix = line.address.kind == ADDRESS_UNIX; /* whose text has no place for a user */
    return strcmp(here, there) == 0 &&
           (strcmp(line.user, self->user) == 0 || (is_unix && line.user[0] == '\0'));
}

enum status login_choose_password(struct login *self, const struct login_settings *settings,
    const struct profile *profile, struct fault *fault)
{
    char what[32];
    snprintf(what, sizeof what, "descriptor %u", settings->password_fd);
    if (settings->password_fd != (unsigned)LOGIN_NO_FD)
        return read_password(self, (int)settings->password_fd, what, fault);
    if (settings->password_file != NULL)
        return password_from_file(self, settings->password_file, fault);
    if (profile->password_file[0] != '\0')
        return password_from_file(self, profile->password_file, fault);
    if (profile->password_command[0] != '\0')
        return password_from_command(self, profile->password_command, fault);
    enum status status =
        profile_password(is_ours, self, self->password, sizeof self->password, fault);
    return status == STATUS_NOT_FOUND ? password_from_person(self, fault) : status;
}
