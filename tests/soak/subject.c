#include "tests/soak/subject.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/must.h"

enum { SUBJECTS_MAX = 8, FIRST_HANDED = 3, LOG_PIPE_BYTES = 1 << 20, ADDRESS_BLOCKS = 60000 };

/* Those that run, for the way out. */
static struct subject *alive[SUBJECTS_MAX];

/* ---- its folder ------------------------------------------------------------------------------ */

const char *subject_path(const struct subject *self, const char *name, char out[108])
{
    snprintf(out, 108, "%s/%s", self->folder, name);
    return out;
}

/* A socket's path has little room: a TMPDIR that is long is not used. */
static void make_folder(struct subject *self)
{
    static const char form[] = "bester-soak-XXXXXX";
    const char *where = getenv("TMPDIR");

    if (!where || where[0] != '/' || strlen(where) + sizeof(form) + 1 > sizeof(self->folder))
        where = "/tmp";
    snprintf(self->folder, sizeof(self->folder), "%.56s/%s", where, form);
    if (!mkdtemp(self->folder))
        soak_give_up(self->folder);
}

static void remove_folder(const struct subject *self)
{
    struct dirent *entry;
    DIR *folder = opendir(self->folder);

    // cppcheck-suppress readdirCalled
    while (folder && (entry = readdir(folder)))
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(self->folder);
}

void subject_remove_folders(void)
{
    for (size_t i = 0; i < SUBJECTS_MAX; i++)
        if (alive[i])
            remove_folder(alive[i]);
}

static void put_text(const struct subject *self, FILE *out, const char *text)
{
    static const char folder[] = "${folder}", build[] = "${build}";

    for (; text && *text; text++)
        if (strncmp(text, folder, sizeof(folder) - 1) == 0) {
            fputs(self->folder, out);
            text += sizeof(folder) - 2;
        } else if (strncmp(text, build, sizeof(build) - 1) == 0) {
            fputs(self->soak->build, out);
            text += sizeof(build) - 2;
        } else {
            fputc(*text, out);
        }
}

/* The names of the types: the members of the object, at its first level. */
static void put_types(FILE *out, const char *handlers)
{
    json_t *types = NULL;
    const char *name;
    const json_t *value;
    bool first = true;
    char *text = must_print("{%s}", handlers ? handlers : "");
    json_t *parsed = types = must_json(json_loads(text, JSON_REJECT_DUPLICATES, NULL));

    json_object_foreach (parsed, name, value) {
        fprintf(out, "%s\"%s\"", first ? "" : ", ", name);
        first = false;
    }
    json_decref(types);
    free(text);
}

static void write_config(const struct subject *self, const struct subject_config *config)
{
    char path[108], new_path[108];
    FILE *file = fopen(subject_path(self, "new", new_path), "we");

    if (!file)
        soak_give_up(new_path);
    fprintf(file,
        "{\"server\": {\"name\": \"S1\"}, \"network\": {\"types\": [\"tcp4\", \"unix\"], \"tcp4\": "
        "{\"address\": \"127.0.0.1\", \"port\": %d}, \"unix\": {\"address\": \"%s/sock\"}}, "
        "\"database\": {\"type\": \"open\"}, \"informer\": {\"address\": \"%s/informer\"}, "
        "\"metrics\": {\"address\": \"unix:%s/metrics\"}, \"handlers\": {\"availableTypes\": [",
        ntohs(self->address.sin_port), self->folder, self->folder, self->folder);
    put_types(file, config->handlers);
    fputs("], \"typeMap\": {", file);
    put_text(self, file, config->handlers);
    fputs("}}, \"limits\": {", file);
    put_text(self, file, config->limits);
    fputs("}}\n", file);
    if (fclose(file) != 0 || rename(new_path, subject_path(self, "config", path)) != 0)
        soak_give_up(path);
}

/* ---- its log --------------------------------------------------------------------------------- */

static void take_line(struct subject *self, const char *line)
{
    if (self->soak->log)
        fprintf(self->soak->log, "%s\n", line);
    snprintf(self->lines[self->line_count++ % SUBJECT_LOG_LINES], sizeof(self->lines[0]), "%.250s",
        line);
    if (strstr(line, "reload: the configuration was read again"))
        self->reloads++;
}

static void on_log(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct subject *self = watcher->data;
    ssize_t n =
        read(self->log, self->rest + self->rest_len, sizeof(self->rest) - 1 - self->rest_len);
    char *end;

    (void)events;
    if (n <= 0) {
        ev_io_stop(loop, watcher);
        return;
    }
    self->soak->events++;
    self->rest_len += (size_t)n;
    self->rest[self->rest_len] = '\0';
    while ((end = strchr(self->rest, '\n'))) {
        *end = '\0';
        take_line(self, self->rest);
        self->rest_len -= (size_t)(end + 1 - self->rest);
        memmove(self->rest, end + 1, self->rest_len + 1);
    }
    if (self->rest_len == sizeof(self->rest) - 1) /* a long line: its rest is another */
        self->rest_len = 0;
}

static void print_log(const struct subject *self)
{
    uint64_t first =
        self->line_count > SUBJECT_LOG_LINES ? self->line_count - SUBJECT_LOG_LINES : 0;

    soak_hide_progress(self->soak);
    for (uint64_t i = first; i < self->line_count; i++)
        printf("    | %s\n", self->lines[i % SUBJECT_LOG_LINES]);
}

/* ---- its life -------------------------------------------------------------------------------- */

static void on_end(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct subject *self = watcher->data;
    int status = watcher->rstatus;

    (void)events;
    ev_child_stop(loop, watcher);
    self->ended = true;
    self->soak->events++;
    if (!self->stopping)
        soak_fail(self->soak, "the server has ended: %s %d",
            WIFEXITED(status) ? "status" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    else if (status != 0)
        soak_fail(self->soak, "the server did not end in order: %s %d",
            WIFEXITED(status) ? "status" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int make_listener(struct subject *self)
{
    socklen_t len = sizeof(self->address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    self->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&self->address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&self->address, &len) != 0)
        soak_give_up("a socket to listen on");
    return fd;
}

__attribute__((noreturn)) static void become(const struct subject *self, int listener, int log)
{
    char program[4096], config[108], pid[32];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(log, STDERR_FILENO) < 0)
        _exit(126);
    if (listener == FIRST_HANDED)
        (void)fcntl(listener, F_SETFD, 0);
    else
        (void)dup2(listener, FIRST_HANDED);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    snprintf(program, sizeof(program), "%s/besterd", self->soak->build);
    execl(program, "besterd", subject_path(self, "config", config), (char *)NULL);
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool serves(void *user)
{
    const struct subject *self = user;

    for (size_t i = 0; i < SUBJECT_LOG_LINES; i++)
        if (strstr(self->lines[i], "serves as"))
            return true;
    return false;
}

static void start_process(struct subject *self, const struct subject_config *config)
{
    struct soak *soak = self->soak;
    int ends[2];
    int listener = make_listener(self);

    write_config(self, config);
    if (pipe2(ends, O_CLOEXEC) != 0)
        soak_give_up("a pipe");
    (void)fcntl(ends[0], F_SETPIPE_SZ, LOG_PIPE_BYTES); /* besterd loses what nobody takes */
    self->pid = fork();
    if (self->pid == 0)
        become(self, listener, ends[1]);
    if (self->pid < 0)
        soak_give_up("a process");
    close(listener);
    close(ends[1]);
    self->log = ends[0];
    ev_io_init(&self->log_watcher, on_log, self->log, EV_READ);
    ev_child_init(&self->end_watcher, on_end, self->pid, 0);
    self->log_watcher.data = self->end_watcher.data = self;
    ev_io_start(soak->loop, &self->log_watcher);
    ev_child_start(soak->loop, &self->end_watcher);
}

struct subject *subject_start(struct soak *soak, const struct subject_config *config)
{
    struct subject *self = must_alloc(sizeof(*self));
    size_t place = 0;

    *self = (struct subject){.soak = soak,
        .own_addresses = ((unsigned)getpid() % ADDRESS_BLOCKS + 1) * SUBJECT_ADDRESSES};
    make_folder(self);
    while (place < SUBJECTS_MAX - 1 && alive[place])
        place++;
    alive[place] = self;
    start_process(self, config);
    if (soak_until(soak, serves, self, "the server serves"))
        return self;
    subject_end(self);
    return NULL;
}

static bool has_ended(void *user)
{
    return ((struct subject *)user)->ended;
}

void subject_end(struct subject *self)
{
    if (!self)
        return;
    struct soak *soak = self->soak;
    bool had_failed = soak->failed;

    self->stopping = true;
    if (!self->ended)
        kill(self->pid, SIGTERM);
    soak->failed = false; /* its end is waited for all the same */
    (void)soak_until(soak, has_ended, self, "the server ends");
    soak->failed |= had_failed;
    if (soak->failed)
        print_log(self);
    ev_io_stop(soak->loop, &self->log_watcher);
    ev_child_stop(soak->loop, &self->end_watcher);
    close(self->log);
    remove_folder(self);
    for (size_t i = 0; i < SUBJECTS_MAX; i++)
        if (alive[i] == self)
            alive[i] = NULL;
    free(self);
}

void subject_reload(struct subject *self, const struct subject_config *config)
{
    write_config(self, config);
    kill(self->pid, SIGHUP);
}

/* ---- connections ----------------------------------------------------------------------------- */

int subject_connect_tcp(const struct subject *self, unsigned from)
{
    struct sockaddr_in source = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + self->own_addresses + from)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    /* The port is chosen when it is known where to: one port serves many connections. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0 &&
        connect(fd, (const struct sockaddr *)&self->address, sizeof(self->address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int subject_connect_unix(const struct subject *self, const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    subject_path(self, name, to.sun_path);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- what it uses ---------------------------------------------------------------------------- */

static uint64_t status_bytes(const char *line, const char *name)
{
    size_t len = strlen(name);

    return strncmp(line, name, len) == 0 ? strtoull(line + len, NULL, 10) * 1024 : 0;
}

static unsigned count_entries(const char *path)
{
    const struct dirent *entry;
    unsigned count = 0;
    DIR *folder = opendir(path);

    // cppcheck-suppress readdirCalled
    while (folder && (entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

struct usage subject_usage(const struct subject *self)
{
    struct usage usage = {0};
    struct timespec used;
    clockid_t clock;
    char path[64], line[256];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)self->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        usage.own_bytes += status_bytes(line, "RssAnon:");
        usage.resident_bytes += status_bytes(line, "VmRSS:");
    }
    if (file)
        fclose(file);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)self->pid);
    usage.descriptors = count_entries(path);
    if (clock_getcpuclockid(self->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
        usage.processor_s = (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    return usage;
}

static bool has_as_many(void *user)
{
    const struct subject *self = user;

    return subject_usage(self).descriptors == self->wanted_descriptors;
}

bool subject_await_descriptors(struct subject *self, unsigned before, unsigned more)
{
    char what[100];
    struct soak *soak = self->soak;

    self->wanted_descriptors = before + more;
    snprintf(what, sizeof(what), "there are %u descriptors (now %u)", before + more,
        subject_usage(self).descriptors);
    if (!soak_until(soak, has_as_many, self, what))
        return false;
    soak_say(soak, "descriptors", "%u before, %u after", before, subject_usage(self).descriptors);
    return true;
}

/* The answer to GET /metrics, the caller's. */
static char *scrape(const struct subject *self)
{
    static const char question[] = "GET /metrics HTTP/1.1\r\nHost: soak\r\n\r\n";
    size_t len = 0, room = 1 << 16;
    char *text = must_alloc(room);
    int fd = subject_connect_unix(self, "metrics");
    ssize_t n = 0;

    if (fd < 0 || send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
        soak_give_up("the metrics");
    while ((n = recv(fd, text + len, room - 1 - len, 0)) > 0) {
        len += (size_t)n;
        if (len == room - 1)
            text = must_resize(text, room *= 2);
    }
    close(fd);
    text[len] = '\0';
    return text;
}

double subject_metric(const struct subject *self, const char *sample)
{
    char *text = scrape(self);
    char *wanted = must_print("\n%s ", sample);
    const char *found = strstr(text, wanted);
    double value = found ? strtod(found + strlen(wanted), NULL) : 0;

    free(wanted);
    free(text);
    return value;
}

/* How many there are in out once these were added. */
static size_t add_children(pid_t of, pid_t *out, size_t count, size_t max)
{
    char path[64];
    char *number = NULL;
    size_t size = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)of, (int)of);
    FILE *file = fopen(path, "re");
    while (file && count < max && getdelim(&number, &size, ' ', file) > 0) {
        pid_t pid = (pid_t)strtol(number, NULL, 10);

        if (pid > 0)
            out[count++] = pid;
    }
    if (file)
        fclose(file);
    free(number);
    return count;
}

size_t subject_handlers(const struct subject *self, pid_t *out, size_t max)
{
    pid_t spawners[4]; /* there is one; none yet, or none any more */
    size_t spawner_count = add_children(self->pid, spawners, 0, 4);
    size_t count = 0;

    for (size_t i = 0; i < spawner_count; i++)
        count = add_children(spawners[i], out, count, max);
    return count;
}
