#include "tests/besterd/support.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

#include "besterd/log.h"
#include "besterd/mistakes.h"

enum { SCRIPT_MODE = 0700, PATHS = 8 };

/* ---- places ---- */

void place_open(struct place *self)
{
    snprintf(self->directory, sizeof self->directory, "/tmp/bester.XXXXXX");
    assert_non_null(mkdtemp(self->directory));
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *where)
{
    (void)stat, (void)flag, (void)where;
    return remove(path);
}

void place_close(struct place *self)
{
    assert_int_equal(nftw(self->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *place_path(const struct place *self, const char *name)
{
    static char paths[PATHS][108];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    assert_in_range(snprintf(path, sizeof paths[0], "%s/%s", self->directory, name), 1, 107);
    return path;
}

const char *place_script(const struct place *self, const char *name, const char *lines)
{
    const char *path = place_path(self, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, SCRIPT_MODE);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\n%s\n", lines);
    close(fd);
    return path;
}

const char *place_gate(const struct place *self, const char *name)
{
    const char *path = place_path(self, name);
    assert_int_equal(mkfifo(path, SCRIPT_MODE), 0);
    return path;
}

void place_open_gate(const char *gate)
{
    int fd = open(gate, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\n", 1), 1);
    /* Stays open until the end of the test: with no writer left the byte would be lost. */
}

/* ---- what programs write ---- */

struct wire place_hold(const struct place *self, struct ev_loop *loop, const char *name)
{
    const char *path = place_path(self, name);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct wire wire = {.loop = loop, .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    assert_true(wire.fd >= 0);
    return wire;
}

static bool holds_line(struct wire *wire, char *line, size_t cap)
{
    ssize_t n = read(wire->fd, line, cap - 1);
    line[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void hold_await_line(struct wire *self, char *line, size_t cap)
{
    while (!holds_line(self, line, cap)) {
        wire_await(self, EV_READ);
        if (self->ended)
            fail_msg("it has gone without a word");
    }
}

void hold_await_end(struct wire *self)
{
    char byte;
    ssize_t n;
    while ((n = read(self->fd, &byte, 1)) != 0)
        if (n < 0)
            wire_await(self, EV_READ);
}

/* ---- posts ---- */

static void post_listen(
    struct post *self, struct ev_loop *loop, const void *at, socklen_t len, int backlog)
{
    int family = ((const struct sockaddr *)at)->sa_family;
    *self = (struct post){.loop = loop};
    self->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(self->fd >= 0);
    assert_int_equal(bind(self->fd, at, len), 0);
    assert_int_equal(listen(self->fd, backlog), 0);
}

void post_unix(struct post *self, struct ev_loop *loop, const char *path, int backlog)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    post_listen(self, loop, &at, sizeof at, backlog);
}

void post_tcp(struct post *self, struct ev_loop *loop)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    post_listen(self, loop, &at, sizeof at, 128);
    assert_int_equal(getsockname(self->fd, (struct sockaddr *)&at, &len), 0);
    self->port = ntohs(at.sin_port);
}

bool post_accept_now(struct post *self, struct wire *wire)
{
    int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno == EAGAIN)
        return false;
    wire_open(wire, self->loop, fd);
    return true;
}

void post_accept(struct post *self, struct wire *wire)
{
    while (!post_accept_now(self, wire))
        wire_await(&(struct wire){.loop = self->loop, .fd = self->fd}, EV_READ);
}

void post_close(struct post *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

/* ---- configurations ---- */

struct config *config_of(const char *format, ...)
{
    char text[8192];
    struct config *config = NULL;
    struct mistakes mistakes;
    va_list list;
    va_start(list, format);
    assert_in_range(vsnprintf(text, sizeof text, format, list), 1, (int)sizeof text - 1);
    va_end(list);
    mistakes_init(&mistakes);
    if (config_parse(&config, span_of(text), &mistakes) != STATUS_OK) {
        mistakes_print(&mistakes, text, stderr);
        fail_msg("the configuration is wrong");
    }
    mistakes_release(&mistakes);
    return config;
}

char *built(const char *name)
{
    static char path[512];
    const char *build = getenv("BESTER_BUILD");
    snprintf(path, sizeof path, "%s/%s", build ? build : "build", name);
    return access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
}

/* ---- handlers ---- */

const char *handler_reads(struct wire *wire, const char *data)
{
    static char exchange[64];
    json_t *question = wire_read(wire);
    if (!question)
        fail_msg("a question was expected, the server closed the connection");
    const json_t *header = json_object_get(question, "header");
    const char *number = json_string_value(json_object_get(header, "exchange"));
    assert_non_null(number);
    snprintf(exchange, sizeof exchange, "%s", number);
    if (data)
        json_must_cover(json_object_get(json_object_get(question, "payload"), "data"), data);
    json_decref(question);
    return exchange;
}

void handler_answers(struct wire *wire, const char *exchange, const char *header, const char *data)
{
    wire_send(wire, "{\"header\":{\"exchange\":\"%s\",%s},\"data\":%s}", exchange, header, data);
}

/* ---- a whole server ---- */

static void add_extra(const struct house *self, const char *extra, char *text, size_t cap)
{
    size_t used = 0;
    for (; *extra; extra++) {
        int n = *extra == '%' ? snprintf(text + used, cap - used, "%s", self->place.directory)
                              : snprintf(text + used, cap - used, "%c", *extra);
        used += (size_t)n;
        assert_true(used < cap);
    }
}

void house_open(struct house *self, const char *extra)
{
    char text[4096] = "";
    struct fault fault = {0};
    log_set_level(LOG_LEVEL_ERROR);
    add_extra(self, extra, text, sizeof text);
    self->loop = ev_default_loop(0);
    self->config = config_of("{%s\"server\":{\"name\":\"S1\"},\"database\":{\"type\":\"open\"},"
                             "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"%s/c\"}},"
                             "\"informer\":{\"address\":\"%s/i\"}}",
        text, self->place.directory, self->place.directory);
    if (server_new(&self->server, self->config, NULL, self->loop, &fault) != STATUS_OK)
        fail_msg("the server does not start: %s", fault.text);
}

void house_close(struct house *self)
{
    server_free(self->server);
    config_unref(self->config);
    self->server = NULL;
    self->config = NULL;
}

void house_connect(struct house *self, struct wire *wire)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/c", self->place.directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    wire_open(wire, self->loop, fd);
}

void house_log_in(struct house *self, struct wire *wire, const char *user)
{
    house_connect(self, wire);
    wire_send(wire,
        "{\"header\":{\"scope\":\"client\",\"authentication\":{\"username\":\"%s\","
        "\"password\":\"p\"}},\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}",
        user);
    wire_expect(wire, "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"good\"},"
                      "\"payload\":{\"id\":\"auth_special\"}}");
}

unsigned count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 3; /* ".", "..", and the directory itself */
}
