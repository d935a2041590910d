/*
 * login: where a client logs in, as whom, how it knows the server, and where its
 * password comes from.
 *
 * Each of these from an option (or operand), else the environment, else the
 * profile (profile.h), else a default; a user in SERVER counts as said where
 * SERVER was. The password: from a descriptor, a file, a command of the profile,
 * the file `credentials`, or a person at the terminal; never from an option or a
 * URL, where others could read it.
 *
 * A struct login holds a reference to a TLS context: login_release.
 */
#ifndef BESTER_LOGIN_H
#define BESTER_LOGIN_H

#include "libbester/address.h"
#include "libbester/client.h"
#include "libbester/options.h"
#include "libbester/status.h"

enum {
    LOGIN_PASSWORD_MAX = 1024,
    LOGIN_DEFAULT_PORT = 2223,
    LOGIN_DEFAULT_TLS_PORT = 2224,
    LOGIN_NO_FD = -1
};

/* What options and environment say. NULL, 0 and LOGIN_NO_FD: nothing. Texts of the
 * environment must be those that getenv gave. */
struct login_settings {
    const char *server;
    const char *user;
    const char *password_file;
    unsigned password_fd;
    const char *profile;
    const char *ca;
    const char *pin;
    double connect_s;
};
#define LOGIN_SETTINGS                       \
    {                                        \
        .password_fd = (unsigned)LOGIN_NO_FD \
    }

/* Rows for the option table of a program whose settings have a member of type
 * struct login_settings. */
#define LOGIN_OPTION_ROWS(type, member)                                                          \
    {.name = "profile",                                                                          \
        .letter = 'P',                                                                           \
        .kind = OPTION_TEXT,                                                                     \
        .argument = "NAME",                                                                      \
        .offset = offsetof(type, member.profile),                                                \
        .environment = "BESTER_PROFILE",                                                         \
        .help = "what the section [NAME] of your configuration says (default: default)"},        \
        {.name = "user",                                                                         \
            .letter = 'u',                                                                       \
            .kind = OPTION_TEXT,                                                                 \
            .argument = "USER",                                                                  \
            .offset = offsetof(type, member.user),                                               \
            .environment = "BESTER_USER",                                                        \
            .help = "log in as USER; otherwise the user in SERVER, or your login name"},         \
        {.name = "password-file",                                                                \
            .kind = OPTION_TEXT,                                                                 \
            .argument = "FILE",                                                                  \
            .is_file = true,                                                                     \
            .offset = offsetof(type, member.password_file),                                      \
            .environment = "BESTER_PASSWORD_FILE",                                               \
            .help = "the password is the first line of FILE; without it you are asked"},         \
        {.name = "password-fd",                                                                  \
            .kind = OPTION_COUNT,                                                                \
            .argument = "N",                                                                     \
            .max = 65535,                                                                        \
            .offset = offsetof(type, member.password_fd),                                        \
            .help = "the password is the first line that descriptor N gives"},                   \
        {.name = "ca",                                                                           \
            .kind = OPTION_TEXT,                                                                 \
            .argument = "FILE",                                                                  \
            .is_file = true,                                                                     \
            .offset = offsetof(type, member.ca),                                                 \
            .environment = "BESTER_CA",                                                          \
            .help = "believe the certificates that those in FILE (PEM) have signed, instead of " \
                    "the system's authorities"},                                                 \
        {.name = "pin",                                                                          \
            .kind = OPTION_TEXT,                                                                 \
            .argument = "sha256:HEX",                                                            \
            .offset = offsetof(type, member.pin),                                                \
            .environment = "BESTER_PIN",                                                         \
            .help = "believe the server that has this key, whoever signed its certificate"},     \
    {                                                                                            \
        .name = "connect-timeout", .kind = OPTION_SECONDS, .argument = "TIME", .min = 0.001,     \
        .max = 86400, .offset = offsetof(type, member.connect_s),                                \
        .environment = "BESTER_CONNECT_TIMEOUT",                                                 \
        .help = "give up when connection and login take longer (default 10s)"                    \
    }

/* For the exits of a client's option table: status.h's table. */
extern const struct option_exit login_exits[];
/* Sections of the man pages. */
#define LOGIN_SERVER_TEXT                                                                    \
    "SERVER is HOST[:PORT], USER@HOST[:PORT], bester://[USER@]HOST[:PORT],\n"                \
    "besters://[USER@]HOST[:PORT] or unix:PATH. besters:// is TLS 1.3. An IPv6 address\n"    \
    "stands in brackets. The port is 2223 unless given, with besters:// 2224.\n"             \
    "Without SERVER it is the UNIX socket of the besterd that runs for you with its\n"       \
    "default configuration ($XDG_RUNTIME_DIR/bester/bester.sock), if that is there,\n"       \
    "and otherwise 127.0.0.1:2223.\n"                                                        \
    "\n"                                                                                     \
    "With besters:// the server shows a certificate. It is believed if an authority of\n"    \
    "the system has signed it for HOST; with --ca, if one in FILE has; with --pin, if its\n" \
    "key is the one you know (SHA-256 of the key as the certificate holds it). If it is\n"   \
    "not believed, no password is sent, and the key that was shown is told.\n"               \
    "\n"                                                                                     \
    "Without TLS a password to another machine can be read on its way: a line on stderr\n"   \
    "says so.\n"
#define LOGIN_PROFILE_TEXT                                                                 \
    "$XDG_CONFIG_HOME/bester/config holds what you would otherwise say each time:\n"       \
    "\n"                                                                                   \
    "    server = besters://T@example.org\n"                                               \
    "    password_command = pass show bester\n"                                            \
    "\n"                                                                                   \
    "    [work]\n"                                                                         \
    "    server = unix:/run/work.sock\n"                                                   \
    "    password_file = /home/T/.work\n"                                                  \
    "\n"                                                                                   \
    "A section is used with --profile; what stands before the first one holds without.\n"  \
    "The names: server, user, password_file, password_command, ca, pin and\n"              \
    "connect_timeout. Options go before the environment, which goes before the profile.\n" \
    "If SERVER is said elsewhere and no profile is named, password and pin of the\n"       \
    "profile are not used: they belong to its server.\n"                                   \
    "\n"                                                                                   \
    "A password is looked for in this order: --password-fd, --password-file, the\n"        \
    "profile's password_file, what its password_command writes, the file\n"                \
    "$XDG_CONFIG_HOME/bester/credentials, you at the terminal. A line of credentials is\n" \
    "SERVER, with its user, a blank and the password; the file must be readable for you\n" \
    "alone:\n"                                                                             \
    "\n"                                                                                   \
    "    besters://T@example.org secret\n"

struct login {
    struct address address;
    char user[USER_NAME_MAX];
    char password[LOGIN_PASSWORD_MAX];
    bool secure;             /* besters:// */
    struct tls_context *tls; /* NULL: none */
    bool has_pin;
    struct tls_pin pin;
    double connect_s;
};

/* Address and user ("" if it names none) of a SERVER text. STATUS_INVALID,
 * *fault says why. Pure. */
MUST_CHECK enum status login_target(struct login *self, const char *text, struct fault *fault);

/* All of it but the password: operand (may be NULL) goes before settings->server.
 * STATUS_INVALID: wrong or missing settings; STATUS_IO: a file could not be read. */
MUST_CHECK enum status login_find(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault);
/* The same, with the password. May ask at the terminal or run a command, and
 * blocks then. Also STATUS_CLOSED: the person gave none. */
MUST_CHECK enum status login_prepare(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault);
/* Whether the password would go to another machine without TLS, where others can read
 * it. A name other than localhost is another machine. Pure. */
bool login_is_exposed(const struct login *self);
/* What a program then says, on stderr, before it connects. */
#define LOGIN_EXPOSED_TEXT \
    "warning: the password goes to another machine in plain text; besters:// is TLS"
/* Puts what a client needs of it into its options; they point into self. */
void login_options(const struct login *self, struct client_options *options);
/* Overwrites the password. */
void login_wipe(struct login *self);
/* The same, and gives back the TLS context. Legal for a login of zeros. */
void login_release(struct login *self);

#endif
