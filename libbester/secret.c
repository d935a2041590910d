#define _GNU_SOURCE /* ppoll, explicit_bzero */

#include "libbester/secret.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Signals that end or stop a program, and would leave the terminal mute. */
static const int dangerous[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { DANGEROUS = sizeof dangerous / sizeof dangerous[0] };

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

static enum status io_fault(struct fault *fault, const char *what)
{
    return fault_set(fault, STATUS_IO, 0, "%s: %s", what, strerror(errno));
}

/* ---- a line ---- */

/* mask: the signals that are let through while waiting, and end it; NULL: those
 * of always, and none does. */
static enum status read_line(
    int fd, const sigset_t *mask, char *out, size_t cap, size_t *len, struct fault *fault)
{
    size_t got = 0;
    bool too_long = false;
    if (fd < 0) /* poll would wait for ever */
        return fault_set(fault, STATUS_IO, 0, "there is nothing to read from");
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        char byte = '\0';
        ssize_t count = -1;
        if (ppoll(&readable, 1, NULL, mask) >= 0)
            count = read(fd, &byte, 1);
        if (count < 0 && errno == EINTR && mask != NULL)
            return STATUS_CLOSED;
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count < 0)
            return io_fault(fault, "reading the password");
        if (count == 0 && got == 0 && !too_long)
            return STATUS_CLOSED;
        if (count == 0 || byte == '\n')
            break;
        too_long = got == cap - 1;
        if (too_long && mask == NULL)
            break;
        if (!too_long)
            out[got++] = byte;
    }
    if (too_long)
        return fault_set(fault, STATUS_TOO_LARGE, 0, "longer than %zu bytes", cap - 1);
    if (got > 0 && out[got - 1] == '\r')
        got--;
    out[got] = '\0';
    *len = got;
    return STATUS_OK;
}

enum status secret_read_line(int fd, char *out, size_t cap, size_t *len, struct fault *fault)
{
    enum status status = read_line(fd, NULL, out, cap, len, fault);
    if (status != STATUS_OK)
        explicit_bzero(out, cap);
    return status;
}

/* ---- the terminal ---- */

static bool say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t count = write(fd, text, len);
        if (count < 0 && errno != EINTR)
            return false;
        text += count > 0 ? count : 0;
        len -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

struct guard {
    struct termios terminal;
    struct sigaction actions[DANGEROUS];
    sigset_t mask;
};

static void guard_end(struct guard *self, int tty)
{
    (void)tcsetattr(tty, TCSADRAIN, &self->terminal);
    for (int i = 0; i < DANGEROUS; i++)
        sigaction(dangerous[i], &self->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &self->mask, NULL);
}

/* From here on a signal is noted while ppoll waits, and nowhere else. */
static bool guard_begin(struct guard *self, int tty)
{
    sigset_t held;
    struct sigaction action = {.sa_handler = note_signal};
    if (tcgetattr(tty, &self->terminal) != 0)
        return false;
    sigemptyset(&held);
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DANGEROUS; i++)
        sigaddset(&held, dangerous[i]);
    sigprocmask(SIG_BLOCK, &held, &self->mask);
    caught = 0;
    for (int i = 0; i < DANGEROUS; i++)
        sigaction(dangerous[i], &action, &self->actions[i]);
    struct termios mute = self->terminal;
    mute.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    mute.c_lflag |= ICANON | ISIG;
    /* What was typed before the prompt was seen is no password. */
    if (tcsetattr(tty, TCSAFLUSH, &mute) == 0)
        return true;
    guard_end(self, tty);
    return false;
}

enum status secret_ask(int tty, int prompt_fd, const char *prompt, char *out, size_t cap,
    size_t *len, struct fault *fault)
{
    enum status status;
    do {
        struct guard guard;
        if (!guard_begin(&guard, tty))
            return io_fault(fault, "the terminal");
        status = say(prompt_fd, prompt) ? read_line(tty, &guard.mask, out, cap, len, fault)
                                        : io_fault(fault, "the prompt");
        (void)say(prompt_fd, "\n"); /* the person's own was not echoed */
        guard_end(&guard, tty);
        if (caught != 0)
            raise(caught); /* now it does what it would have done */
    } while (caught == SIGTSTP);
    if (status != STATUS_OK)
        explicit_bzero(out, cap);
    return status;
}
