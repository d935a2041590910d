/*
 * What logins tell and cost: a real server, asked over TCP.
 *
 *   work    how long a refused login takes: a user who is there, one who is not, and, in
 *           Redis, one whose password is stored as plain text; in turns, so that whatever
 *           else the machine does meets all of them alike. Medians, their ratio to the
 *           first, and how sure a guesser could be (the rank test of Mann and Whitney: the
 *           chance that one of the first took longer than one of the other; 0.5: he learns
 *           nothing)
 *   flood   how long a good login takes alone, and while 16 connections from another
 *           address try wrong passwords as fast as they are answered, with limits on
 *           failed logins so high that every one is hashed, and with the default ones
 *
 * Arguments name those that are wanted; without any it is all of them. Redis is left out
 * where there is no redis-server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbester/frame.h"

enum { ROUNDS = 150, FLOODERS = 16, PATIENCE_S = 60, TEXT_MAX = 1500 };

struct place {
    char directory[64];
    char programs[400]; /* where besterd is */
    pid_t pid, redis;
    struct sockaddr_in address;
};

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "logins: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- the server ---- */

static pid_t start(char *const argv[], int listener, bool quiet)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (quiet && !freopen("/dev/null", "w", stdout))
        _exit(1);
    if (listener >= 0) {
        char number[16];

        snprintf(number, sizeof(number), "%d", (int)getpid());
        setenv("LISTEN_PID", number, 1);
        setenv("LISTEN_FDS", "1", 1);
        if (dup2(listener, 3) != 3)
            _exit(1);
    }
    execvp(argv[0], argv);
    _exit(127);
}

static void end(pid_t *pid)
{
    if (*pid > 0 && (kill(*pid, SIGTERM) != 0 || waitpid(*pid, NULL, 0) != *pid))
        give_up("ending what was started");
    *pid = 0;
}

/* Whether a shell says that it went well. */
static bool shell(const char *command)
{
    char program[] = "sh", option[] = "-c";
    char *copy = strdup(command);
    char *argv[] = {program, option, copy, NULL};
    int status = 1;
    pid_t pid = start(argv, -1, true);

    if (!copy || pid < 0 || waitpid(pid, &status, 0) != pid)
        give_up("a shell");
    free(copy);
    return status == 0;
}

static void must(const char *command)
{
    if (!shell(command))
        give_up(command);
}

static void write_config(const struct place *self, const char *database, const char *limits)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/config", self->directory);
    file = fopen(path, "w");
    if (!file)
        give_up(path);
    fprintf(file,
        "{\"network\":{\"types\":[\"tcp4\"],\"tcp4\":{\"address\":\"127.0.0.1\",\"port\":%u}},"
        "\"handlers\":{\"availableTypes\":[]},\"database\":%s,\"log\":{\"level\":\"error\"},"
        "\"informer\":{\"address\":\"%s/informer\"},"
        "\"limits\":{\"connectsPerSecond\":1000000,\"connectBurst\":10000000%s}}\n",
        ntohs(self->address.sin_port), database, self->directory, limits);
    if (fclose(file) != 0)
        give_up(path);
}

static void open_server(struct place *self, const char *database, const char *limits)
{
    socklen_t len = sizeof(self->address);
    char besterd[500], config[128], command[TEXT_MAX];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    self->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&self->address, len) != 0 || listen(fd, 1000) != 0 ||
        getsockname(fd, (struct sockaddr *)&self->address, &len) != 0)
        give_up("a socket");
    write_config(self, database, limits);
    snprintf(besterd, sizeof(besterd), "%s/besterd", self->programs);
    snprintf(config, sizeof(config), "%s/config", self->directory);
    snprintf(command, sizeof(command), "echo secret | %s user add T --config %s >/dev/null 2>&1",
        besterd, config);
    must(command);
    char *argv[] = {besterd, config, NULL};
    self->pid = start(argv, fd, false);
    close(fd);
}

static void close_server(struct place *self)
{
    char command[200];

    end(&self->pid);
    end(&self->redis);
    snprintf(command, sizeof(command), "rm -f %s/*", self->directory);
    must(command);
}

/* Whether there is one. */
static bool open_redis(struct place *self)
{
    char socket_path[100], command[TEXT_MAX];
    char program[] = "redis-server", port[] = "--port", zero[] = "0", at[] = "--unixsocket";
    char save[] = "--save", nothing[] = "", folder[] = "--dir";

    if (!shell("command -v redis-server && command -v redis-cli"))
        return false;
    snprintf(socket_path, sizeof(socket_path), "%s/redis", self->directory);
    char *argv[] = {
        program, port, zero, at, socket_path, save, nothing, folder, self->directory, NULL};
    self->redis = start(argv, -1, true);
    snprintf(command, sizeof(command),
        "until redis-cli -s %s HSET P password secret >/dev/null 2>&1; do :; done", socket_path);
    must(command);
    return true;
}

/* ---- a login ---- */

static void give(int fd, const char *at, size_t len)
{
    if (send(fd, at, len, MSG_NOSIGNAL) != (ssize_t)len)
        give_up("sending");
}

/* How many milliseconds it takes to be answered. good: what the answer must be. */
static double log_in(
    const struct place *self, unsigned host, const char *user, const char *password, bool *good)
{
    struct sockaddr_in from = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    char text[300], answer[1000] = "", header[FRAME_HEADER_BYTES];
    int len = snprintf(text, sizeof(text),
        "{\"header\":{\"authentication\":{\"username\":\"%s\",\"password\":\"%s\"}},\"payload\":{}"
        "}",
        user, password);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)&self->address, sizeof(self->address)) != 0)
        give_up("connecting");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    frame_put_header(header, (uint32_t)len);
    double begin = now_ms();
    give(fd, header, sizeof(header));
    give(fd, text, (size_t)len);
    ssize_t got;
    do /* one small frame: it comes whole */
        got = recv(fd, answer, sizeof(answer) - 1, 0);
    while (got < 0 && errno == EINTR); /* one that was stopped goes on */
    double took = now_ms() - begin;
    if (got <= FRAME_HEADER_BYTES)
        give_up("no answer");
    close(fd);
    *good = strstr(answer + FRAME_HEADER_BYTES, "\"good\"") != NULL;
    return took;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double at_rank(double *times, size_t count, size_t percent)
{
    qsort(times, count, sizeof(*times), compare);
    return times[(count - 1) * percent / 100];
}

/* ---- work ---- */

/* The chance that one of a is above one of b. */
static double chance_above(const double *a, const double *b, size_t count)
{
    double above = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            above += a[i] > b[k] ? 1 : a[i] < b[k] ? 0 : 0.5;
    return above / ((double)count * (double)count);
}

static const char *const names[] = {"T", "nobody", "P"};
static const char *const titles[] = {"known", "unknown", "plain text"};

static void measure_work(const struct place *self, const char *kind, size_t users)
{
    static double times[3][ROUNDS];
    double first = 0;

    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < users; i++) {
            size_t user = (i + round) % users; /* nobody always comes first */
            bool good;

            times[user][round] = log_in(self, 1, names[user], "wrong", &good);
            if (good)
                give_up("a wrong password was taken");
        }
    for (size_t i = 0; i < users; i++) {
        double chance = chance_above(times[0], times[i], ROUNDS);
        double median = at_rank(times[i], ROUNDS, 50);

        first = i == 0 ? median : first;
        printf("  work   %-7s %-11s median %7.3f ms", kind, titles[i], median);
        if (i > 0)
            printf(", ratio %.3f, rank %.3f", median / first, chance);
        printf("\n");
        if (i > 0 && (median / first > 1.25 || median / first < 0.8)) {
            fprintf(stderr, "logins: the time tells who is there\n");
            exit(1);
        }
    }
}

static void run_work(struct place *self)
{
    char database[300];

    snprintf(database, sizeof(database),
        "{\"type\":\"sqlite\",\"sqlite\":{\"path\":\"%s/accounts.db\"}}", self->directory);
    open_server(self, database, "");
    measure_work(self, "sqlite", 2);
    close_server(self);
    if (!open_redis(self))
        return;
    snprintf(database, sizeof(database),
        "{\"type\":\"redis\",\"redis\":{\"address\":\"%s/redis\"}}", self->directory);
    open_server(self, database, "");
    measure_work(self, "redis", 3);
    close_server(self);
}

/* ---- flood ---- */

enum { STRETCHES = 10, OF_STRETCH = 8, SETTLING = 15, GOOD_LOGINS = STRETCHES * OF_STRETCH };

static double good_login(const struct place *self)
{
    bool good;
    double took = log_in(self, 3, "T", "secret", &good);

    if (!good)
        give_up("the right password was refused");
    return took;
}

static void flood(const struct place *self)
{
    bool good;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!nice(19); /* they would be on machines of their own */
    for (;;)
        (void)log_in(self, 2, "T", "wrong", &good);
}

static void signal_all(const pid_t flooders[FLOODERS], int number)
{
    for (size_t i = 0; i < FLOODERS; i++)
        if (kill(flooders[i], number) != 0)
            give_up("signalling what was started");
}

/* In turns, a stretch alone and one beside them. */
static void measure_stretches(
    const struct place *self, const pid_t flooders[FLOODERS], double times[2][GOOD_LOGINS])
{
    for (unsigned i = 0; i < 2 * STRETCHES; i++) {
        signal_all(flooders, i % 2 ? SIGCONT : SIGSTOP);
        for (size_t k = 0; k < SETTLING; k++) /* what was begun before is over */
            (void)good_login(self);
        for (size_t k = 0; k < OF_STRETCH; k++)
            times[i % 2][(size_t)(i / 2 * OF_STRETCH) + k] = good_login(self);
    }
}

static void measure_flood(struct place *self, const char *title, const char *limits)
{
    static double times[2][GOOD_LOGINS];
    pid_t flooders[FLOODERS];
    char database[300];

    snprintf(database, sizeof(database),
        "{\"type\":\"sqlite\",\"sqlite\":{\"path\":\"%s/accounts.db\"}}", self->directory);
    open_server(self, database, limits);
    (void)good_login(self);
    for (size_t i = 0; i < FLOODERS; i++) {
        flooders[i] = fork();
        if (flooders[i] == 0)
            flood(self);
    }
    measure_stretches(self, flooders, times);
    for (size_t i = 0; i < FLOODERS; i++)
        end(&flooders[i]);
    double alone = at_rank(times[0], GOOD_LOGINS, 50);
    double beside = at_rank(times[1], GOOD_LOGINS, 50);
    printf("  flood  %-9s alone %6.2f ms (95%%: %6.2f), beside it %6.2f ms (95%%: %6.2f): ratio "
           "%.2f\n",
        title, alone, at_rank(times[0], GOOD_LOGINS, 95), beside,
        at_rank(times[1], GOOD_LOGINS, 95), beside / alone);
    close_server(self);
}

static void run_flood(struct place *self)
{
    measure_flood(self, "hashed",
        ",\"alsoLocal\":true,\"failedLoginBurst\":1000000,\"addressFailedLoginBurst\":1000000,"
        "\"userFailedLoginBurst\":1000000");
    measure_flood(self, "throttled", ",\"alsoLocal\":true");
}

int main(int argc, char **argv)
{
    struct place place = {.directory = "/tmp/bester-logins-XXXXXX"};
    bool all = argc < 2;
    char self[400];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len < 0 || !mkdtemp(place.directory))
        give_up("a place to work");
    self[len] = '\0';
    snprintf(place.programs, sizeof(place.programs), "%.390s/..", dirname(self));
    signal(SIGCHLD, SIG_DFL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = all ? 0 : 1; i < argc; i++) {
        if (all || strcmp(argv[i], "work") == 0)
            run_work(&place);
        if (all || strcmp(argv[i], "flood") == 0)
            run_flood(&place);
    }
    if (rmdir(place.directory) != 0)
        give_up(place.directory);
    return 0;
}
