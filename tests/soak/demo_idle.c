/*
 * idle: fifty thousand clients are logged in and say nothing: at most 4 KiB each of the
 * server's own memory. What the kernel holds for their sockets is not counted.
 *
 * Where a process may not have so many descriptors there are several servers, each with
 * as many clients as it may have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libbester/message.h"
#include "tests/soak/crowd.h"
#include "tests/soak/helper.h"

enum {
    CLIENTS = 50000,
#ifdef __SANITIZE_ADDRESS__
    EACH_MAX_BYTES = 3 * 4096, /* around every block there is more that is none */
#else
    EACH_MAX_BYTES = 4096,
#endif
    SERVERS_MAX = 6,
    SPARE_DESCRIPTORS = 400, /* for all that is no client */
    FIRST_ADDRESS = 128,
    ADDRESSES_OF_A_SERVER = CLIENTS / SUBJECT_PORTS + 1,
    PATIENCE_S = 60,
    TALKERS = 4,
    TALK_MESSAGES = 200
};

/* One server and those who hold its clients. */
struct place {
    struct subject *subject;
    struct helper *holder;
    unsigned clients, first_address;
    uint64_t before_bytes;
};

/* ---- in the holder's process ----------------------------------------------------------------- */

static bool log_in(const struct place *self, unsigned number)
{
    char answer[2048], name[32];
    unsigned char head[4];
    int fd = subject_connect_tcp(self->subject, self->first_address + number / SUBJECT_PORTS);

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = PATIENCE_S},
        sizeof(struct timeval));
    snprintf(name, sizeof(name), "idle%u", number);
    struct blob *frame = message_login(name, "p", NULL);
    bool sent = frame && send(fd, frame->data, frame->len, MSG_NOSIGNAL) == (ssize_t)frame->len;
    blob_unref(frame);
    if (!sent || recv(fd, head, sizeof(head), MSG_WAITALL) != (ssize_t)sizeof(head))
        return false;
    size_t len = head[0] | (size_t)head[1] << 8;
    if (len >= sizeof(answer) || recv(fd, answer, len, MSG_WAITALL) != (ssize_t)len)
        return false;
    answer[len] = '\0';
    return strstr(answer, "\"good\"") != NULL; /* its descriptor stays open */
}

static void hold(int fd, void *user)
{
    const struct place *self = user;
    char letter = 'r';

    for (unsigned i = 0; i < self->clients && letter == 'r'; i++)
        if (!log_in(self, i)) {
            fprintf(stderr, "soak: idle client %u: %s\n", i, strerror(errno));
            letter = 'x';
        }
    (void)!write(fd, &letter, 1);
    (void)!read(fd, &letter, 1); /* comes to its end with the demonstration */
}

/* ---- the demonstration ----------------------------------------------------------------------- */

static unsigned clients_of_a_server(void)
{
    struct rlimit limit = {0};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > CLIENTS + SPARE_DESCRIPTORS
               ? CLIENTS
               : (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS;
}

static bool have_talked(void *user)
{
    return crowd_judge(user)->reported >= TALK_MESSAGES;
}

/* A few who talk, so that what is used for the first time is there already; and later
 * to see that those who wait disturb nobody. */
static bool talk(struct soak *soak, struct subject *subject)
{
    static const char *const types[] = {"chat"};
    struct crowd *crowd = crowd_new(soak, subject,
        &(struct crowd_options){.clients = TALKERS,
            .active = TALKERS,
            .types = types,
            .type_count = 1,
            .recipients = 1});

    if (!crowd)
        return false;
    crowd_send(crowd, 0, 4);
    bool good = soak_until(soak, have_talked, crowd, "those who talk have been answered") &&
                crowd_settle(crowd);
    crowd_free(crowd);
    return good;
}

static bool open_place(
    struct soak *soak, struct place *self, unsigned clients, unsigned first_address)
{
    self->clients = clients;
    self->first_address = first_address;
    self->subject = subject_start(soak, &(struct subject_config){.handlers = SUBJECT_CHAT});
    if (!self->subject || !talk(soak, self->subject))
        return false;
    self->before_bytes = subject_usage(self->subject).own_bytes;
    self->holder = helper_new(soak, hold, self);
    return true;
}

/* Those who talked have gone, too. */
static bool only_idle_ones_are_there(void *user)
{
    const struct place *self = user;

    return subject_metric(self->subject, "bester_sessions") == self->clients;
}

static bool await_place(struct soak *soak, struct place *self)
{
    return helper_await(self->holder, 'r', "all idle clients have logged in") &&
           soak_until(soak, only_idle_ones_are_there, self, "the idle clients alone have sessions");
}

static void measure(struct soak *soak, const struct place *places, size_t count, double took_s)
{
    uint64_t own = 0, resident = 0;
    unsigned clients = 0;

    for (size_t i = 0; i < count; i++) {
        struct usage usage = subject_usage(places[i].subject);

        own += usage.own_bytes - places[i].before_bytes;
        resident += usage.resident_bytes;
        clients += places[i].clients;
    }
    double each = (double)own / clients;
    soak_say(soak, "clients", "%u logged in within %.1f s, with %zu server%s", clients, took_s,
        count, count == 1 ? "" : "s: no process may have so many descriptors");
    soak_say(soak, "memory", "%.0f bytes each of the server's own; %.1f MiB resident in all", each,
        (double)resident / 1048576);
    if (each > EACH_MAX_BYTES)
        soak_fail(soak, "an idle client takes %.0f bytes, more than %d", each, EACH_MAX_BYTES);
}

static void run(struct soak *soak)
{
    struct place places[SERVERS_MAX] = {{0}};
    unsigned all = soak_size(soak, CLIENTS, 100), most = clients_of_a_server();
    size_t count = (all + most - 1) / most;
    bool good = count <= SERVERS_MAX;

    if (!good)
        soak_fail(soak, "a process may have %u descriptors: too few", most);
    uint64_t began = soak_now_ns();
    for (size_t i = 0; i < count && good; i++)
        good = open_place(soak, &places[i], (unsigned)(all / count + (i < all % count)),
            FIRST_ADDRESS + (unsigned)i * ADDRESSES_OF_A_SERVER);
    for (size_t i = 0; i < count && good; i++)
        good = await_place(soak, &places[i]);
    if (good)
        measure(soak, places, count, (double)(soak_now_ns() - began) / 1e9);
    for (size_t i = 0; i < count && good; i++)
        good = talk(soak, places[i].subject);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        helper_free(places[i].holder);
        subject_end(places[i].subject);
    }
}

const struct demonstration demo_idle = {
    .name = "idle", .help = "50,000 idle clients, at most 4 KiB each", .run = run};
