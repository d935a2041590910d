#include "libbester/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) >= ADDRESS_PATH_MAX,
    "every path that fits in an address fits in a sockaddr");

static const struct {
    const char *prefix;
    enum address_kind kind;
} schemes[] = {
    {"tcp://", ADDRESS_TCP}, {"tcp4://", ADDRESS_TCP4}, {"tcp6://", ADDRESS_TCP6},
    {"unix://", ADDRESS_UNIX}, {"unix:", ADDRESS_UNIX}, /* behind "unix://", which it begins */
};

static bool starts_with(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static struct span tail(struct span text, size_t skip)
{
    return (struct span){.at = text.at + skip, .len = text.len - skip};
}

static bool copy_text(char *out, size_t cap, struct span text)
{
    if (text.len >= cap || (text.len > 0 && memchr(text.at, '\0', text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

static bool parse_port(struct span text, uint16_t *port)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    if (value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* The syntax alone: an IPv6 address, which may name an interface, "fe80::1%eth0". */
static bool is_ipv6(const char *host, struct in6_addr *out, const char **zone)
{
    char bare[INET6_ADDRSTRLEN];
    size_t len = strcspn(host, "%");
    if (!copy_text(bare, sizeof bare, (struct span){.at = host, .len = len}) ||
        inet_pton(AF_INET6, bare, out) != 1)
        return false;
    *zone = host[len] == '%' ? host + len + 1 : NULL;
    return *zone == NULL || **zone != '\0';
}

static bool is_ipv4(const char *host, struct in_addr *out)
{
    return inet_pton(AF_INET, host, out) == 1;
}

/* An interface by name, or by number. 0: there is none. */
static uint32_t zone_index(const char *zone)
{
    unsigned index = if_nametoindex(zone);
    if (index != 0 || zone[strspn(zone, "0123456789")] != '\0')
        return index;
    unsigned long number = strtoul(zone, NULL, 10);
    return number > UINT32_MAX ? 0 : (uint32_t)number;
}

/* What no name of a host holds; the zone of an IPv6 address may follow in
 * brackets, so that '%' is left alone. */
static bool host_is_plain(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        if (c <= ' ' || c == 0x7F || strchr("[]/@\"\\", c) != NULL)
            return false;
    }
    return host.len > 0;
}

static enum status parse_unix(struct address *self, struct span path, struct fault *fault)
{
    if (path.len == 0)
        return fault_set(fault, STATUS_INVALID, 0, "the path of the UNIX socket is missing");
    if (!copy_text(self->path, sizeof self->path, path))
        return fault_set(fault, STATUS_INVALID, 0,
            "the path of a UNIX socket is at most %d bytes, none of them zero",
            ADDRESS_PATH_MAX - 1);
    return STATUS_OK;
}

/* Splits "host:port" or "[v6]:port". */
static enum status split_host(
    struct span text, struct span *host, struct span *port, bool *bracketed, struct fault *fault)
{
    const char *colon;
    *bracketed = text.len > 0 && text.at[0] == '[';
    if (*bracketed) {
        const char *close = memchr(text.at, ']', text.len);
        if (close == NULL)
            return fault_set(fault, STATUS_INVALID, 0, "']' is missing behind the IPv6 address");
        *host = (struct span){.at = text.at + 1, .len = (size_t)(close - text.at) - 1};
        colon = close + 1;
        if (colon == text.at + text.len || *colon != ':')
            return fault_set(
                fault, STATUS_INVALID, 0, "a port is missing: \"[address]:port\" is expected");
    } else {
        colon = text.len == 0 ? NULL : memchr(text.at, ':', text.len);
        if (colon == NULL)
            return fault_set(
                fault, STATUS_INVALID, 0, "a port is missing: \"host:port\" is expected");
        *host = (struct span){.at = text.at, .len = (size_t)(colon - text.at)};
    }
    *port = tail(text, (size_t)(colon + 1 - text.at));
    if (!*bracketed && port->len > 0 && memchr(port->at, ':', port->len) != NULL)
        return fault_set(
            fault, STATUS_INVALID, 0, "an IPv6 address is written in brackets: \"[address]:port\"");
    return STATUS_OK;
}

/* Whether the host may be of this kind; a name may be of any. */
static enum status check_host(const struct address *self, bool bracketed, struct fault *fault)
{
    struct in6_addr v6;
    struct in_addr v4;
    const char *zone;
    if (bracketed && !is_ipv6(self->host, &v6, &zone))
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is not an IPv6 address", self->host);
    if (bracketed && self->kind == ADDRESS_TCP4)
        return fault_set(fault, STATUS_INVALID, 0, "tcp4 can't take an IPv6 address");
    if (self->kind == ADDRESS_TCP6 && is_ipv4(self->host, &v4))
        return fault_set(fault, STATUS_INVALID, 0, "tcp6 can't take an IPv4 address");
    return STATUS_OK;
}

static enum status parse_tcp(struct address *self, struct span text, struct fault *fault)
{
    struct span host = {0};
    struct span port = {0};
    bool bracketed = false;
    enum status status = split_host(text, &host, &port, &bracketed, fault);
    if (status != STATUS_OK)
        return status;
    if (!host_is_plain(host) || !copy_text(self->host, sizeof self->host, host))
        return fault_set(fault, STATUS_INVALID, 0,
            "the host must be a name or an address of at most %d bytes", ADDRESS_HOST_MAX - 1);
    if (!parse_port(port, &self->port))
        return fault_set(fault, STATUS_INVALID, 0, "the port must be a number from 0 to 65535");
    return check_host(self, bracketed, fault);
}

enum status address_parse(struct address *self, struct span text, struct fault *fault)
{
    struct address found = {.kind = ADDRESS_TCP};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!starts_with(text, schemes[i].prefix))
            continue;
        found.kind = schemes[i].kind;
        text = tail(text, strlen(schemes[i].prefix));
        break;
    }
    enum status status = found.kind == ADDRESS_UNIX ? parse_unix(&found, text, fault)
                                                    : parse_tcp(&found, text, fault);
    if (status == STATUS_OK)
        *self = found;
    return status;
}

const char *address_format(const struct address *self, char *out, size_t cap)
{
    static const char *const names[] = {
        [ADDRESS_TCP] = "tcp", [ADDRESS_TCP4] = "tcp4", [ADDRESS_TCP6] = "tcp6"};
    if (self->kind == ADDRESS_UNIX) {
        snprintf(out, cap, "%s%s", self->path[0] == '/' ? "unix://" : "unix:", self->path);
        return out;
    }
    char rest[ADDRESS_TEXT_MAX];
    snprintf(out, cap, "%s://%s", names[self->kind], address_format_short(self, rest, sizeof rest));
    return out;
}

const char *address_format_short(const struct address *self, char *out, size_t cap)
{
    if (self->kind == ADDRESS_UNIX)
        snprintf(out, cap, "%s", self->path);
    else if (strchr(self->host, ':') != NULL)
        snprintf(out, cap, "[%s]:%u", self->host, (unsigned)self->port);
    else
        snprintf(out, cap, "%s:%u", self->host, (unsigned)self->port);
    return out;
}

enum status address_to_sockaddr(
    const struct address *self, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(self->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(self->port)};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    const char *zone;
    const void *from;
    if (self->kind == ADDRESS_UNIX) {
        size_t path_len = strlen(self->path);
        if (path_len == 0 || path_len >= sizeof path.sun_path)
            return STATUS_INVALID;
        memcpy(path.sun_path, self->path, path_len);
        from = &path;
        *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len + 1);
    } else if (self->kind != ADDRESS_TCP6 && is_ipv4(self->host, &v4.sin_addr)) {
        from = &v4;
        *len = sizeof v4;
    } else if (self->kind != ADDRESS_TCP4 && is_ipv6(self->host, &v6.sin6_addr, &zone)) {
        v6.sin6_scope_id = zone == NULL ? 0 : zone_index(zone);
        if (zone != NULL && v6.sin6_scope_id == 0)
            return STATUS_INVALID;
        from = &v6;
        *len = sizeof v6;
    } else {
        return STATUS_INVALID;
    }
    memset(out, 0, sizeof *out);
    memcpy(out, from, *len);
    return STATUS_OK;
}

static enum status from_ipv6(struct address *self, const struct sockaddr_in6 *from)
{
    if (inet_ntop(AF_INET6, &from->sin6_addr, self->host, sizeof self->host) == NULL)
        return STATUS_INVALID;
    size_t len = strlen(self->host);
    if (from->sin6_scope_id != 0)
        snprintf(self->host + len, sizeof self->host - len, "%%%u", (unsigned)from->sin6_scope_id);
    self->kind = ADDRESS_TCP6;
    self->port = ntohs(from->sin6_port);
    return STATUS_OK;
}

/* A socket that was never bound has no path: that is a legal, empty answer. */
static enum status from_unix(struct address *self, const struct sockaddr_un *from, socklen_t len)
{
    size_t path_len = len - offsetof(struct sockaddr_un, sun_path);
    if (path_len > sizeof from->sun_path)
        return STATUS_INVALID;
    if (path_len > 0 && from->sun_path[0] == '\0')
        return STATUS_INVALID; /* Linux's abstract names have no text of ours */
    path_len = strnlen(from->sun_path, path_len);
    if (!copy_text(
            self->path, sizeof self->path, (struct span){.at = from->sun_path, .len = path_len}))
        return STATUS_INVALID;
    self->kind = ADDRESS_UNIX;
    return STATUS_OK;
}

enum status address_from_sockaddr(struct address *self, const struct sockaddr *from, socklen_t len)
{
    struct address found = {.kind = ADDRESS_TCP4};
    struct sockaddr_storage copy = {0}; /* aligned for every family, whatever from is */
    enum status status = STATUS_INVALID;
    if (len < sizeof from->sa_family || len > sizeof copy)
        return STATUS_INVALID;
    memcpy(&copy, from, len);
    if (copy.ss_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&copy;
        found.port = ntohs(v4->sin_port);
        if (inet_ntop(AF_INET, &v4->sin_addr, found.host, sizeof found.host) != NULL)
            status = STATUS_OK;
    } else if (copy.ss_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        status = from_ipv6(&found, (const struct sockaddr_in6 *)&copy);
    } else if (copy.ss_family == AF_UNIX) {
        status = from_unix(&found, (const struct sockaddr_un *)&copy, len);
    }
    if (status == STATUS_OK)
        *self = found;
    return status;
}

bool address_is_local(const struct address *self)
{
    struct in6_addr v6;
    struct in_addr v4;
    const char *zone;
    if (self->kind == ADDRESS_UNIX)
        return true;
    if (self->kind != ADDRESS_TCP6 && is_ipv4(self->host, &v4))
        return ntohl(v4.s_addr) >> 24 == 127;
    if (self->kind == ADDRESS_TCP4 || !is_ipv6(self->host, &v6, &zone))
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

static const char *last_at_sign(struct span text)
{
    for (size_t i = text.len; i > 0; i--)
        if (text.at[i - 1] == '@')
            return text.at + i - 1;
    return NULL;
}

enum status user_address_parse(struct user_address *self, struct span text)
{
    struct user_address found = {.user = ""};
    struct span user = text;
    struct span server = {.at = "", .len = 0};
    const char *at = last_at_sign(text);
    if (at != NULL) {
        user.len = (size_t)(at - text.at);
        server = tail(text, user.len + 1);
        if (server.len == 0)
            return STATUS_INVALID;
    }
    if (user.len == 0 || !copy_text(found.user, sizeof found.user, user) ||
        !copy_text(found.server, sizeof found.server, server))
        return STATUS_INVALID;
    *self = found;
    return STATUS_OK;
}
