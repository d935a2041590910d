#define _GNU_SOURCE /* explicit_bzero */

#include "libbester/login_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        snprintf(with_port, sizeof with_port, "%s:%d", text,
            self->secure ? LOGIN_DEFAULT_TLS_PORT : LOGIN_DEFAULT_PORT);
        text = with_port;
    }
    return address_parse(&self->address, span_of(text), fault);
}

/* What stands behind bester:// or besters://. */
static enum status target_url(struct login *self, const char *rest, struct fault *fault)
{
    size_t len = strlen(rest);
    char host[ADDRESS_TEXT_MAX + USER_NAME_MAX];
    bool slash = len > 0 && rest[len - 1] == '/';
    snprintf(host, sizeof host, "%.*s", (int)(len - (slash ? 1 : 0)), rest);
    return target_host(self, host, fault);
}

enum status login_target(struct login *self, const char *text, struct fault *fault)
{
    struct login parsed = {.secure = starts_with(text, "besters://")};
    enum status status;
    if (parsed.secure || starts_with(text, "bester://"))
        status = target_url(&parsed, strstr(text, "://") + 3, fault);
    else if (starts_with(text, "unix:") || strstr(text, "://") != NULL)
        status = address_parse(&parsed.address, span_of(text), fault);
    else
        status = target_host(&parsed, text, fault);
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

/* Whether the environment said it, and no option. */
static bool from_environment(const char *text, const char *variable)
{
    return text != NULL && text == getenv(variable);
}

/* Keeps of the profile what counts: to another server than its own neither its
 * password is shown nor its pin. */
static void profile_restrict(struct profile *profile, const char *server)
{
    if (strcmp(profile->server, server) == 0)
        return;
    profile->password_file[0] = profile->password_command[0] = profile->pin[0] = '\0';
}

static enum status choose_server(struct login *self, const struct login_settings *settings,
    const char *operand, struct profile *profile, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    struct fault inner = {0};
    const char *server = operand != NULL ? operand : settings->server;
    enum status status = profile_load(profile, settings->profile, fault);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
    if (server != NULL && settings->profile == NULL)
        profile_restrict(profile, server);
    if (server == NULL && profile->server[0] != '\0')
        server = profile->server;
    if (server == NULL && default_socket(text, sizeof text))
        server = text;
    else if (server == NULL)
        server = "127.0.0.1";
    status = login_target(self, server, &inner);
    return status == STATUS_OK ? status : fault_set(fault, status, 0, "%s: %s", server, inner.text);
}

/* The user in SERVER was said where SERVER was: by an option it goes before the
 * environment's, by the environment or a profile not. */
static const char *said_user(const struct login *self, const struct login_settings *settings,
    const char *operand, const struct profile *profile)
{
    bool server_by_option =
        operand != NULL ||
        (settings->server != NULL && !from_environment(settings->server, "BESTER_SERVER"));
    bool user_by_option =
        settings->user != NULL && !from_environment(settings->user, "BESTER_USER");
    if (user_by_option || (settings->user != NULL && !(server_by_option && self->user[0] != '\0')))
        return settings->user;
    if (self->user[0] != '\0')
        return self->user;
    if (profile->user[0] != '\0')
        return profile->user;
    const char *name = getenv("LOGNAME");
    return name != NULL && name[0] != '\0' ? name : getenv("USER");
}

static enum status choose_user(struct login *self, const char *user, struct fault *fault)
{
    if (user == NULL || user[0] == '\0')
        return fault_set(fault, STATUS_INVALID, 0, "no user; say who with --user");
    if (strlen(user) >= sizeof self->user)
        return fault_set(fault, STATUS_INVALID, 0, "the user's name is too long");
    if (user != self->user)
        snprintf(self->user, sizeof self->user, "%s", user);
    return STATUS_OK;
}

/* Whom to believe is one thing: who says --ca does not mean the profile's pin too. */
static enum status choose_trust(struct login *self, const struct login_settings *settings,
    const struct profile *profile, struct fault *fault)
{
    bool said = settings->ca != NULL || settings->pin != NULL;
    const char *ca = said ? settings->ca : profile->ca;
    const char *pin = said ? settings->pin : profile->pin;
    struct tls_options options = {.trust = TLS_TRUST_AUTHORITIES};
    struct fault inner = {0};
    if (!self->secure && said && !from_environment(settings->ca, "BESTER_CA") &&
        !from_environment(settings->pin, "BESTER_PIN"))
        return fault_set(fault, STATUS_INVALID, 0,
            "--ca and --pin are about TLS, and the server is not besters://");
    if (!self->secure)
        return STATUS_OK;
    if (ca != NULL && ca[0] != '\0')
        options.authorities_file = ca;
    self->has_pin = pin != NULL && pin[0] != '\0';
    if (self->has_pin && tls_pin_parse(&self->pin, span_of(pin), &inner) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "%s: %s", pin, inner.text);
    if (self->has_pin && options.authorities_file == NULL)
        options.trust = TLS_TRUST_PIN;
    return tls_context_new(&self->tls, &options, fault);
}

static enum status choose_patience(struct login *self, const struct login_settings *settings,
    const struct profile *profile, struct fault *fault)
{
    struct fault inner = {0};
    self->connect_s = settings->connect_s > 0 ? settings->connect_s : 10;
    if (settings->connect_s > 0 || profile->connect_timeout[0] == '\0')
        return STATUS_OK;
    if (options_seconds(profile->connect_timeout, 0.001, 86400, &self->connect_s, &inner) ==
        STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID, 0, "the profile's connect_timeout: %s", inner.text);
}

enum status login_look(struct login *self, const struct login_settings *settings,
    const char *operand, struct profile *profile, struct fault *fault)
{
    *self = (struct login){0};
    enum status status = choose_server(self, settings, operand, profile, fault);
    if (status == STATUS_OK)
        status = choose_user(self, said_user(self, settings, operand, profile), fault);
    if (status == STATUS_OK)
        status = choose_patience(self, settings, profile, fault);
    return status == STATUS_OK ? choose_trust(self, settings, profile, fault) : status;
}

enum status login_find(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault)
{
    struct profile profile;
    return login_look(self, settings, operand, &profile, fault);
}

enum status login_prepare(struct login *self, const struct login_settings *settings,
    const char *operand, struct fault *fault)
{
    struct profile profile;
    enum status status = login_look(self, settings, operand, &profile, fault);
    if (status == STATUS_OK)
        status = login_choose_password(self, settings, &profile, fault);
    if (status != STATUS_OK)
        login_release(self);
    return status;
}

void login_options(const struct login *self, struct client_options *options)
{
    options->address = self->address;
    options->user = self->user;
    options->password = self->password;
    options->connect_s = self->connect_s;
    options->tls = self->tls;
    options->pin = self->has_pin ? &self->pin : NULL;
}

bool login_is_exposed(const struct login *self)
{
    return !self->secure && self->password[0] != '\0' && !address_is_local(&self->address) &&
           strcasecmp(self->address.host, "localhost") != 0;
}

void login_wipe(struct login *self)
{
    explicit_bzero(self->password, sizeof self->password);
}

void login_release(struct login *self)
{
    login_wipe(self);
    tls_context_unref(self->tls);
    self->tls = NULL;
}
