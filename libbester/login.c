#define _GNU_SOURCE /* explicit_bzero */

#include "libbester/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbester/secret.h"

const struct option_exit login_exits[] = {
#define X(name, value, help) {(value), (help)},
    EXIT_TABLE(X)
#undef X
        {0, NULL}};

/* ---- SERVER ---- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* The user part of a URL: %40 stands for '@', and so on. */
static enum status decode_user(struct span text, char out[USER_NAME_MAX], struct fault *fault)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == ':')
            return fault_set(fault, STATUS_INVALID, 0,
                "a password does not belong into SERVER; use --password-file");
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;
            if (low < 0 || high + low == 0)
                return fault_set(fault, STATUS_INVALID, 0, "'%%' needs two digits behind it");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (len + 1 >= USER_NAME_MAX)
            return fault_set(fault, STATUS_INVALID, 0, "the user's name is too long");
        out[len++] = c;
    }
    if (len == 0)
        return fault_set(fault, STATUS_INVALID, 0, "the user's name is empty");
    out[len] = '\0';
    return STATUS_OK;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "host" and "[v6]" get the default port. */
static bool lacks_port(const char *host)
{
    const char *bracket = strrchr(host, ']');
    return strchr(bracket == NULL ? host : bracket, ':') == NULL;
}

static enum status target_host(struct login *self, const char *text, struct fault *fault)
{
    char with_port[ADDRESS_TEXT_MAX];
    const char *at = strrchr(text, '@');
    if (at != NULL) {
        enum status status =
            decode_user((struct span){text, (size_t)(at - text)}, self->user, fault);
        if (status != STATUS_OK)
            return status;
        text = at + 1;
    }
    if (strlen(text) >= ADDRESS_TEXT_MAX - 8)
        return fault_set(fault, STATUS_INVALID, 0, "the address is too long");
    if (lacks_port(text)) {
        snprintf(with_port, sizeof with_port, "%s:%d", text, LOGIN_DEFAULT_PORT);
        text = with_port;
    }
    return address_parse(&self->address, span_of(text), fault);
}

enum status login_target(struct login *self, const char *text, struct fault *fault)
{
    struct login parsed = {0};
    enum status status;
    if (starts_with(text, "bester://")) {
        size_t len = strlen(text);
        char host[ADDRESS_TEXT_MAX + USER_NAME_MAX];
        bool slash = text[len - 1] == '/' && len > strlen("bester://");
        snprintf(host, sizeof host, "%.*s", (int)(len - strlen("bester://") - (slash ? 1 : 0)),
            text + strlen("bester://"));
        status = target_host(&parsed, host, fault);
    } else if (starts_with(text, "besters://")) {
        status = fault_set(
            fault, STATUS_INVALID, 0, "besters:// is TLS, which this version does not speak");
    } else if (starts_with(text, "unix:") || strstr(text, "://") != NULL) {
        status = address_parse(&parsed.address, span_of(text), fault);
    } else {
        status = target_host(&parsed, text, fault);
    }
    if (status == STATUS_OK)
        *self = parsed;
    return status;
}

/* ---- the rest of it ---- */

/* The socket of a besterd with its default configuration, if there is one. */
static bool default_socket(char *out, size_t cap)
{
    static const struct {
        const char *variable;
        const char *below;
    } places[] = {{"XDG_RUNTIME_DIR", ""}, {"XDG_STATE_HOME", ""}, {"HOME", "/.local/state"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *base = getenv(places[i].variable);
        if (base == NULL || base[0] != '/')
            continue;
        int len = snprintf(out, cap, "unix:%s%s/bester/bester.sock", base, places[i].below);
        if (len > 0 && (size_t)len < cap && access(out + strlen("unix:"), F_OK) == 0)
            return true;
    }
    return false;
}

static enum status choose_user(
    struct login *self, const struct login_settings *settings, struct fault *fault)
{
    const char *user = settings->user;
    if (user == NULL && self->user[0] != '\0')
        return STATUS_OK;
    if (user == NULL)
        user = getenv("LOGNAME");
    if (user == NULL || user[0] == '\0')
        user = getenv("USER");
    if (user == NULL || user[0] == '\0')
        return fault_set(fault, STATUS_INVALID, 0, "no user; say who with --user");
    if (strlen(user) >= sizeof self->user)
        return fault_set(fault, STATUS_INVALID, 0, "the user's name is too long");
    snprintf(self->user, sizeof self->user, "%s", user);
    return STATUS_OK;
}

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

static enum status choose_password(
    struct login *self, const struct login_settings *settings, struct fault *fault)
{
    char what[32];
    snprintf(what, sizeof what, "descriptor %u", settings->password_fd);
    if (settings->password_fd != (unsigned)LOGIN_NO_FD)
        return read_password(self, (int)settings->password_fd, what, fault);
    if (settings->password_file != NULL)
        return password_from_file(self, settings->password_file, fault);
    return password_from_person(self, fault);
}

enum status login_prepare(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    struct fault inner = {0};
    const char *server = operand != NULL ? operand : settings->server;
    if (server == NULL && default_socket(text, sizeof text))
        server = text;
    else if (server == NULL)
        server = "127.0.0.1";
    enum status status = login_target(self, server, &inner);
    if (status != STATUS_OK)
        return fault_set(fault, status, 0, "%s: %s", server, inner.text);
    status = choose_user(self, settings, fault);
    if (status == STATUS_OK)
        status = choose_password(self, settings, fault);
    return status;
}

void login_wipe(struct login *self)
{
    explicit_bzero(self->password, sizeof self->password);
}
