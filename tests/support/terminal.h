/*
 * terminal: enough of an xterm to see what a person would see: a program runs on
 * its other end, and tests wait for rows of the screen to read as they should.
 *
 * The program is a job of its own below a session leader, as under a shell, so
 * that stopping and continuing work.
 */
#ifndef TESTS_SUPPORT_TERMINAL_H
#define TESTS_SUPPORT_TERMINAL_H

#include "tests/support/program.h"

#include <locale.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <wchar.h>

enum { TERMINAL_ROWS = 24, TERMINAL_COLUMNS = 80, TERMINAL_RAW_MAX = 8 << 20 };

struct cell {
    wchar_t character; /* 0: empty; L'\xffff': the right half of a wide one */
};

struct terminal {
    int fd;       /* the terminal's side */
    int statuses; /* what waitpid tells of the program, an int each */
    pid_t leader;
    pid_t pid;
    struct termios found; /* the modes before the program started */
    struct cell cells[TERMINAL_ROWS][TERMINAL_COLUMNS];
    int columns;
    int row, column;
    bool wraps; /* the last column was written: the next character goes below */
    char escape[64];
    size_t escape_len; /* 0: none under way */
    char pending[8];   /* of a character of several bytes */
    size_t pending_len;
    char *raw; /* everything that came, for counting */
    size_t raw_len;
};

/* ---- drawing ---- */

static inline void terminal_scroll(struct terminal *self)
{
    if (++self->row < TERMINAL_ROWS)
        return;
    memmove(self->cells[0], self->cells[1], sizeof self->cells - sizeof self->cells[0]);
    memset(self->cells[TERMINAL_ROWS - 1], 0, sizeof self->cells[0]);
    self->row = TERMINAL_ROWS - 1;
}

static inline void terminal_put(struct terminal *self, wchar_t character)
{
    int width = wcwidth(character);
    if (width <= 0)
        return;
    if (self->wraps || self->column + width > self->columns) {
        terminal_scroll(self);
        self->column = 0;
        self->wraps = false;
    }
    self->cells[self->row][self->column].character = character;
    if (width == 2)
        self->cells[self->row][self->column + 1].character = 0xffff;
    self->column += width;
    if (self->column == self->columns) {
        self->column--;
        self->wraps = true;
    }
}

static inline void terminal_clear(struct terminal *self, int row, int from, int to)
{
    for (int i = from; i < to; i++)
        self->cells[row][i].character = 0;
}

static inline int terminal_clamp(int value, int max)
{
    return value < 0 ? 0 : value > max ? max : value;
}

/* CSI number final; whatever this does not know, and is not harmless, fails. */
static inline void terminal_control(struct terminal *self, int number, char final)
{
    int n = number == 0 ? 1 : number;
    struct cell *row = self->cells[self->row];
    int left = self->columns - self->column;
    self->wraps = final == 'm' && self->wraps;
    switch (final) {
    case 'A':
        self->row = terminal_clamp(self->row - n, TERMINAL_ROWS - 1);
        break;
    case 'B':
        self->row = terminal_clamp(self->row + n, TERMINAL_ROWS - 1);
        break;
    case 'C':
        self->column = terminal_clamp(self->column + n, self->columns - 1);
        break;
    case 'D':
        self->column = terminal_clamp(self->column - n, self->columns - 1);
        break;
    case 'G':
        self->column = terminal_clamp(n - 1, self->columns - 1);
        break;
    case 'H':
        self->row = self->column = 0;
        break;
    case 'J':
        terminal_clear(self, self->row, self->column, self->columns);
        for (int i = self->row + 1; i < TERMINAL_ROWS; i++)
            terminal_clear(self, i, 0, TERMINAL_COLUMNS);
        break;
    case 'K':
        terminal_clear(self, self->row, number == 1 ? 0 : self->column,
            number == 1 ? self->column : self->columns);
        break;
    case 'P':
        n = terminal_clamp(n, left);
        memmove(row + self->column, row + self->column + n, (size_t)(left - n) * sizeof *row);
        terminal_clear(self, self->row, self->columns - n, self->columns);
        break;
    case '@':
        n = terminal_clamp(n, left);
        memmove(row + self->column + n, row + self->column, (size_t)(left - n) * sizeof *row);
        terminal_clear(self, self->row, self->column, self->column + n);
        break;
    case 'm':
    case 'h':
    case 'l':
        break;
    default:
        fail_msg("the program sends ESC %s, which no test knows", self->escape);
    }
}

static inline void terminal_escape(struct terminal *self, char byte)
{
    self->escape[self->escape_len++ - 1] = byte;
    self->escape[self->escape_len - 1] = '\0';
    assert_true(self->escape_len < sizeof self->escape - 1);
    if (self->escape[0] != '[') { /* ESC =, ESC > and the like change no cell */
        self->escape_len = 0;
        return;
    }
    if (self->escape_len == 2 || byte < '@' || byte > '~')
        return;
    const char *digits = self->escape + 1 + (self->escape[1] == '?');
    terminal_control(self, (int)strtol(digits, NULL, 10), byte);
    self->escape_len = 0;
}

static inline void terminal_character(struct terminal *self, char byte)
{
    mbstate_t state = {0};
    wchar_t character;
    self->pending[self->pending_len++] = byte;
    size_t len = mbrtowc(&character, self->pending, self->pending_len, &state);
    if (len == (size_t)-2 && self->pending_len < sizeof self->pending - 1)
        return;
    if (len == (size_t)-1 || len == (size_t)-2)
        fail_msg("the program sends bytes that are not UTF-8");
    self->pending_len = 0;
    terminal_put(self, character);
}

static inline void terminal_byte(struct terminal *self, char byte)
{
    if (self->escape_len > 0) {
        terminal_escape(self, byte);
    } else if (byte == '\033') {
        self->escape_len = 1;
    } else if (byte == '\r') {
        self->column = 0;
        self->wraps = false;
    } else if (byte == '\n') {
        terminal_scroll(self);
    } else if (byte == '\b') {
        self->column = terminal_clamp(self->column - 1, self->columns - 1);
        self->wraps = false;
    } else if ((unsigned char)byte >= 0x20) {
        terminal_character(self, byte);
    } else if (byte != '\a') {
        fail_msg("the program sends the control byte %d", byte);
    }
}

/* ---- reading ---- */

/* One row as text, without blanks at its end. */
static inline const char *terminal_row(const struct terminal *self, int row, char out[400])
{
    size_t len = 0;
    size_t end = 0;
    for (int i = 0; i < self->columns; i++) {
        wchar_t character = self->cells[row][i].character;
        if (character == 0xffff)
            continue;
        int bytes = wctomb(out + len, character == 0 ? L' ' : character);
        assert_true(bytes > 0);
        len += (size_t)bytes;
        if (character != 0 && character != L' ')
            end = len;
    }
    out[end] = '\0';
    return out;
}

static inline int terminal_last_row(const struct terminal *self)
{
    char text[400];
    int row = TERMINAL_ROWS - 1;
    while (row > 0 && terminal_row(self, row, text)[0] == '\0' && row != self->row)
        row--;
    return row;
}

static inline void terminal_print(const struct terminal *self)
{
    char text[400];
    for (int i = 0; i <= terminal_last_row(self); i++)
        print_message("%2d|%s\n", i, terminal_row(self, i, text));
    print_message("the cursor is in row %d, column %d\n", self->row, self->column);
}

/* Takes in what the program writes; false: it has closed the terminal. */
static inline bool terminal_read(struct terminal *self)
{
    char bytes[4096];
    struct pollfd readable = {.fd = self->fd, .events = POLLIN};
    if (poll(&readable, 1, PEER_PATIENCE_S * 1000) != 1) {
        terminal_print(self);
        fail_msg("nothing more comes");
    }
    ssize_t n = read(self->fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++)
        terminal_byte(self, bytes[i]);
    if (n > 0 && self->raw_len + (size_t)n < TERMINAL_RAW_MAX) {
        memcpy(self->raw + self->raw_len, bytes, (size_t)n);
        self->raw_len += (size_t)n;
        self->raw[self->raw_len] = '\0';
    }
    return n > 0;
}

/* In a row that is expected: any one character, as of a time of day. */
#define ANY "\001"
#define ANY_TIME ANY ANY ":" ANY ANY ":" ANY ANY

static inline bool terminal_row_is(const char *row, const char *expected)
{
    while (*expected != '\0' && (*row == *expected || (*expected == '\001' && *row != '\0'))) {
        row++;
        expected++;
    }
    return *row == *expected;
}

/* Whether the last rows read so; rows ends with NULL. */
static inline bool terminal_shows(const struct terminal *self, const char *const *rows)
{
    char text[400];
    int count = 0;
    while (rows[count] != NULL)
        count++;
    int first = terminal_last_row(self) - count + 1;
    if (first < 0)
        return false;
    for (int i = 0; i < count; i++)
        if (!terminal_row_is(terminal_row(self, first + i, text), rows[i]))
            return false;
    return true;
}

static inline void terminal_expect(struct terminal *self, const char *const *rows)
{
    while (!terminal_shows(self, rows)) {
        struct pollfd readable = {.fd = self->fd, .events = POLLIN};
        if (poll(&readable, 1, PEER_PATIENCE_S * 1000) == 1 && terminal_read(self))
            continue;
        for (size_t i = 0; rows[i] != NULL; i++)
            print_message("expected: %s\n", rows[i]);
        terminal_print(self);
        fail_msg("the screen does not read as expected");
    }
}
#define EXPECT_ROWS(terminal, ...) \
    terminal_expect((terminal), (const char *const[]){__VA_ARGS__, NULL})

/* The cursor's place is the last that a redraw sets. To be waited for before a key
 * that makes a signal: with it the kernel throws away what has not been shown. */
static inline void terminal_expect_column(struct terminal *self, int column)
{
    while (self->column != column)
        assert_true(terminal_read(self));
}

/* ---- the program ---- */

static inline void terminal_type(struct terminal *self, const char *keys)
{
    size_t len = strlen(keys);
    assert_int_equal(write(self->fd, keys, len), (ssize_t)len);
}

/* Runs in the session leader: the program as its foreground job, each change of
 * its state told. */
static inline void terminal_lead(const char *path, char *const *argv, int statuses)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN); /* allowed: not yet in the foreground, as a shell does it */
        tcsetpgrp(0, getpgrp());
        signal(SIGTTOU, SIG_DFL); /* allowed: the same */
        program_die_with_test(getppid());
        execv(path, argv);
        _exit(127);
    }
    if (write(statuses, &pid, sizeof pid) != (ssize_t)sizeof pid)
        _exit(125);
    do {
        if (waitpid(pid, &status, WUNTRACED | WCONTINUED) != pid ||
            write(statuses, &status, sizeof status) != (ssize_t)sizeof status)
            _exit(125);
    } while (!WIFEXITED(status) && !WIFSIGNALED(status));
    pause(); /* the terminal stays, so that its modes can be looked at */
    _exit(0);
}

static inline void terminal_start(struct terminal *self, const char *name, const char *const *args)
{
    char path[PATH_MAX];
    char *argv[PROGRAM_ARGS_MAX] = {(char *)name};
    int ends[2];
    struct winsize size = {.ws_row = TERMINAL_ROWS, .ws_col = TERMINAL_COLUMNS};
    for (size_t i = 0; args[i] != NULL; i++)
        argv[i + 1] = (char *)args[i];
    program_path(name, path);
    setlocale(LC_CTYPE, "C.UTF-8");
    *self = (struct terminal){.columns = TERMINAL_COLUMNS, .raw = malloc(TERMINAL_RAW_MAX)};
    assert_non_null(self->raw);
    self->raw[0] = '\0';
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = getpid();
    self->leader = forkpty(&self->fd, NULL, NULL, &size);
    assert_true(self->leader >= 0);
    if (self->leader == 0) {
        program_die_with_test(parent);
        close_range(3, (unsigned)ends[1] - 1, 0); /* a listener of the test must close with it */
        close_range((unsigned)ends[1] + 1, ~0U, 0);
        terminal_lead(path, argv, ends[1]);
    }
    close(ends[1]);
    fcntl(self->fd, F_SETFD, FD_CLOEXEC);
    self->statuses = ends[0];
    assert_int_equal(tcgetattr(self->fd, &self->found), 0);
    assert_int_equal(read(self->statuses, &self->pid, sizeof self->pid), sizeof self->pid);
}

/* The next change of the program's state, as waitpid tells it. */
static inline int terminal_status(struct terminal *self)
{
    int status = 0;
    for (;;) {
        struct pollfd polls[2] = {
            {.fd = self->statuses, .events = POLLIN}, {.fd = self->fd, .events = POLLIN}};
        if (poll(polls, 2, PEER_PATIENCE_S * 1000) <= 0) {
            terminal_print(self);
            fail_msg("the program goes on");
        }
        if (polls[1].revents & POLLIN)
            terminal_read(self); /* or it might wait for us to read */
        else if (polls[0].revents != 0)
            break;
    }
    assert_int_equal(read(self->statuses, &status, sizeof status), sizeof status);
    return status;
}

/* The terminal's modes are those that the program found. */
static inline void terminal_expect_sane(const struct terminal *self)
{
    struct termios now;
    assert_int_equal(tcgetattr(self->fd, &now), 0);
    assert_int_equal(now.c_iflag, self->found.c_iflag);
    assert_int_equal(now.c_oflag, self->found.c_oflag);
    assert_int_equal(now.c_cflag, self->found.c_cflag);
    assert_int_equal(now.c_lflag, self->found.c_lflag);
    assert_memory_equal(now.c_cc, self->found.c_cc, sizeof now.c_cc);
}

static inline void terminal_close(struct terminal *self)
{
    if (self->leader > 0) {
        kill(self->pid, SIGKILL);
        kill(self->leader, SIGKILL);
        waitpid(self->leader, NULL, 0);
        close(self->fd);
        close(self->statuses);
    }
    free(self->raw);
}

#endif
