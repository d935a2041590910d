#include "besterd/http.h"

#include <string.h>
#include <strings.h>

/* RFC 9110, 5.6.2: the characters of a token. */
static bool is_token_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_byte((unsigned char)text.at[i]))
            return false;
    }
    return text.len > 0;
}

/* Same letters, whatever their case. */
static bool is_name(struct span text, const char *name)
{
    return text.len == strlen(name) && strncasecmp(text.at, name, text.len) == 0;
}

/* Takes what stands before the first `byte` off the front, and the byte. */
static bool split(struct span *rest, char byte, struct span *before)
{
    const char *found = rest->len > 0 ? memchr(rest->at, byte, rest->len) : NULL;
    if (found == NULL)
        return false;
    *before = (struct span){.at = rest->at, .len = (size_t)(found - rest->at)};
    rest->len -= before->len + 1;
    rest->at = found + 1;
    return true;
}

static struct span trim(struct span text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* ---- the request line ---- */

/* Origin form ("/metrics?x") or absolute form ("http://host/metrics"). */
static bool read_target(struct span target, struct span *path)
{
    static const char scheme[] = "http://";
    for (size_t i = 0; i < target.len; i++) {
        if (target.at[i] <= ' ' || target.at[i] > '~')
            return false;
    }
    if (target.len > sizeof scheme - 1 && strncasecmp(target.at, scheme, sizeof scheme - 1) == 0) {
        target.at += sizeof scheme - 1;
        target.len -= sizeof scheme - 1;
        const char *slash = memchr(target.at, '/', target.len);
        if (slash == NULL || slash == target.at)
            return false;
        target.len -= (size_t)(slash - target.at);
        target.at = slash;
    }
    if (target.len == 0 || target.at[0] != '/')
        return false;
    const char *query = memchr(target.at, '?', target.len);
    *path = (struct span){
        .at = target.at, .len = query != NULL ? (size_t)(query - target.at) : target.len};
    return true;
}

/* 0, or the code to answer. */
static int read_request_line(struct span line, struct http_request *out, bool *is_first_version)
{
    struct span target;
    bool asterisk;
    if (!split(&line, ' ', &out->method) || !is_token(out->method) || !split(&line, ' ', &target))
        return 400;
    asterisk = span_is(target, "*"); /* of OPTIONS, which is not answered */
    if (line.len != 8 || memcmp(line.at, "HTTP/", 5) != 0 || line.at[6] != '.' ||
        line.at[5] < '0' || line.at[5] > '9' || line.at[7] < '0' || line.at[7] > '9')
        return 400;
    if (line.at[5] != '1')
        return 505;
    *is_first_version = line.at[7] == '0';
    if (asterisk)
        out->path = target;
    else if (!read_target(target, &out->path))
        return 400;
    return 0;
}

/* ---- fields ---- */

static bool read_field(struct span line, struct http_request *out, unsigned *hosts)
{
    struct span name;
    if (!split(&line, ':', &name) || !is_token(name))
        return false; /* a folded line too: it begins with a space */
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return false;
    }
    if (is_name(name, "Host"))
        ++*hosts;
    if (is_name(name, "Accept") && out->accept.at == NULL)
        out->accept = trim(line);
    return true;
}

/* The next line, without its end. A CR or LF by itself is no end of a line. */
static enum pull next_line(struct span *rest, struct span *line)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    if (len == 0)
        return end != NULL ? PULL_BAD : PULL_MORE;
    const char *cr = memchr(rest->at, '\r', len);
    bool cr_is_last = cr == rest->at + len - 1;
    if (end == NULL)
        return cr == NULL || cr_is_last ? PULL_MORE : PULL_BAD;
    if (cr == NULL || !cr_is_last)
        return PULL_BAD;
    *line = (struct span){.at = rest->at, .len = len - 1};
    rest->at += len + 1;
    rest->len -= len + 1;
    return PULL_READY;
}

/* What can be said of a request line of which there is only a part: a client of
 * another protocol is told so at once, not when its time is over. */
static bool may_become_request(struct span line)
{
    struct span method;
    struct span rest = line;
    if (!split(&rest, ' ', &method))
        return line.len == 0 || is_token(line) || (line.len == 1 && line.at[0] == '\r');
    return is_token(method);
}

enum pull http_parse(struct span text, struct http_request *out, int *code)
{
    struct span rest = text;
    struct span line;
    bool is_first_version = false;
    unsigned hosts = 0;
    *out = (struct http_request){.accept = {.at = NULL, .len = 0}};
    *code = 400;
    if (rest.len >= 2 && memcmp(rest.at, "\r\n", 2) == 0) { /* RFC 9112, 2.2: one is let pass */
        rest.at += 2;
        rest.len -= 2;
    }
    enum pull pull = next_line(&rest, &line);
    if (pull == PULL_MORE && !may_become_request(rest))
        return PULL_BAD;
    if (pull == PULL_READY) {
        int refused = read_request_line(line, out, &is_first_version);
        *code = refused != 0 ? refused : 400;
        if (refused != 0)
            return PULL_BAD;
    }
    while (pull == PULL_READY && (pull = next_line(&rest, &line)) == PULL_READY && line.len > 0) {
        if (!read_field(line, out, &hosts))
            return PULL_BAD;
    }
    if (pull == PULL_READY && (hosts > 1 || (hosts == 0 && !is_first_version)))
        return PULL_BAD;
    if (pull == PULL_MORE && text.len >= HTTP_HEAD_MAX) {
        *code = 431;
        return PULL_BAD;
    }
    return pull;
}

bool http_accepts(struct span accept, const char *type)
{
    struct span range;
    struct span parameters;
    while (accept.len > 0) {
        if (!split(&accept, ',', &range)) {
            range = accept;
            accept.len = 0;
        }
        parameters = range;
        if (!split(&parameters, ';', &range))
            range = parameters;
        if (is_name(trim(range), type))
            return true;
    }
    return false;
}

const char *http_status(int code)
{
    static const struct {
        int code;
        const char *text;
    } rows[] = {
        {200, "200 OK"},
        {400, "400 Bad Request"},
        {404, "404 Not Found"},
        {405, "405 Method Not Allowed"},
        {408, "408 Request Timeout"},
        {431, "431 Request Header Fields Too Large"},
        {503, "503 Service Unavailable"},
        {505, "505 HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == code)
            return rows[i].text;
    }
    return "500 Internal Server Error";
}
