/*
 * login: where a client logs in, as whom, and where its password comes from.
 *
 * Server and user: from the operand or option, else the environment, else what
 * stands in the SERVER text, else a default. The password: from a descriptor, a
 * file, or a person at the terminal; never from an option or a URL, where others
 * could read it.
 */
#ifndef BESTER_LOGIN_H
#define BESTER_LOGIN_H

#include "libbester/address.h"
#include "libbester/options.h"
#include "libbester/status.h"

enum { LOGIN_PASSWORD_MAX = 1024, LOGIN_DEFAULT_PORT = 2223, LOGIN_NO_FD = -1 };

/* What options and environment say. NULL and LOGIN_NO_FD: nothing. */
struct login_settings {
    const char *server;
    const char *user;
    const char *password_file;
    unsigned password_fd;
    double connect_s;
};
#define LOGIN_SETTINGS                                        \
    {                                                         \
        .password_fd = (unsigned)LOGIN_NO_FD, .connect_s = 10 \
    }

/* Rows for the option table of a program whose settings have a member of type
 * struct login_settings. */
#define LOGIN_OPTION_ROWS(type, member)                                                      \
    {.name = "user",                                                                         \
        .letter = 'u',                                                                       \
        .kind = OPTION_TEXT,                                                                 \
        .argument = "USER",                                                                  \
        .offset = offsetof(type, member.user),                                               \
        .environment = "BESTER_USER",                                                        \
        .help = "log in as USER; otherwise the user in SERVER, or your login name"},         \
        {.name = "password-file",                                                            \
            .kind = OPTION_TEXT,                                                             \
            .argument = "FILE",                                                              \
            .offset = offsetof(type, member.password_file),                                  \
            .environment = "BESTER_PASSWORD_FILE",                                           \
            .help = "the password is the first line of FILE; without it you are asked"},     \
        {.name = "password-fd",                                                              \
            .kind = OPTION_COUNT,                                                            \
            .argument = "N",                                                                 \
            .max = 65535,                                                                    \
            .offset = offsetof(type, member.password_fd),                                    \
            .help = "the password is the first line that descriptor N gives"},               \
    {                                                                                        \
        .name = "connect-timeout", .kind = OPTION_SECONDS, .argument = "TIME", .min = 0.001, \
        .max = 86400, .offset = offsetof(type, member.connect_s),                            \
        .help = "give up when connection and login take longer (default 10s)"                \
    }

/* For the exits of a client's option table: status.h's table. */
extern const struct option_exit login_exits[];
/* "SERVER is host:port, …": for man pages. */
#define LOGIN_SERVER_TEXT                                                                  \
    "SERVER is HOST[:PORT], USER@HOST[:PORT], bester://[USER@]HOST[:PORT] or unix:PATH.\n" \
    "An IPv6 address stands in brackets. The port is 2223 unless given.\n"                 \
    "Without SERVER it is the UNIX socket of the besterd that runs for you with its\n"     \
    "default configuration ($XDG_RUNTIME_DIR/bester/bester.sock), if that is there,\n"     \
    "and otherwise 127.0.0.1:2223.\n"

struct login {
    struct address address;
    char user[USER_NAME_MAX];
    char password[LOGIN_PASSWORD_MAX];
};

/* Address and user ("" if it names none) of a SERVER text. STATUS_INVALID,
 * *fault says why. Pure. */
MUST_CHECK enum status login_target(struct login *self, const char *text, struct fault *fault);

/* All of it: operand (may be NULL) goes before settings->server. May ask at the
 * terminal, and blocks then. STATUS_INVALID: wrong or missing settings;
 * STATUS_IO: the password could not be read; STATUS_CLOSED: the person gave
 * none. The caller wipes. */
MUST_CHECK enum status login_prepare(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault);
/* Overwrites the password. */
void login_wipe(struct login *self);

#endif
