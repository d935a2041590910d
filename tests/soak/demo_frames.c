/*
 * frames: every valid frame of the fixtures, split at every byte, is answered as it is
 * when it comes whole; lengths and texts that are no messages are answered with the
 * reason that protocol.md promises. Others talk meanwhile, and notice nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/frame.h"
#include "libbester/message.h"
#include "tests/soak/crowd.h"

enum {
    CONVERSATIONS_MAX = 128,
    ANSWER_MAX = 8192,
    ANSWER_LINES_MAX = 256,
    PATIENCE_S = 30,
    TURN_NS = 5000000,
    TALKERS = 10,
    WINDOW = 2,
    LOGIN_FRAME = 16384,
    MAX_FRAME = 1 << 20
};

struct conversation {
    char *name;
    char *bytes; /* frames */
    size_t len;
    char *answer; /* to them as a whole */
};

struct show {
    struct soak *soak;
    struct subject *subject;
    struct crowd *crowd;
    struct conversation conversations[CONVERSATIONS_MAX];
    size_t count;
    size_t now, at; /* the next split */
    uint64_t splits;
    unsigned part; /* every so manieth byte */
};

/* ---- the fixtures ---------------------------------------------------------------------------- */

static char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    char *bytes = must_alloc(MAX_FRAME);

    if (!file)
        soak_give_up(path);
    *len = fread(bytes, 1, MAX_FRAME, file);
    fclose(file);
    return bytes;
}

/* is_frame: the file holds frames; else a text that becomes one. */
static void add_conversation(struct show *self, const char *path, bool is_frame)
{
    struct conversation *made = &self->conversations[self->count];
    size_t len;

    if (self->count == CONVERSATIONS_MAX)
        soak_give_up("too many fixtures");
    self->count++;
    char *bytes = read_whole(path, &len);
    made->name = must_copy(path);
    made->len = is_frame ? len : len + FRAME_HEADER_BYTES;
    made->bytes = must_alloc(made->len + 1);
    if (!is_frame)
        frame_put_header(made->bytes, (uint32_t)len);
    memcpy(made->bytes + (made->len - len), bytes, len);
    free(bytes);
}

static void add_folder(struct show *self, const char *name, bool is_frame)
{
    const struct dirent *entry;
    char *path = must_print("%s/%s", self->soak->fixtures, name);
    DIR *folder = opendir(path);

    if (!folder)
        soak_give_up(path);
    // cppcheck-suppress readdirCalled
    while ((entry = readdir(folder))) {
        char *file = must_print("%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            add_conversation(self, file, is_frame);
        free(file);
    }
    closedir(folder);
    free(path);
}

/* ---- one conversation ------------------------------------------------------------------------ */

/* One frame, as what counts of it: its kind, what it says, about which message. *out
 * grows. false: there is none any more. */
static bool hear(int fd, char *out, size_t cap)
{
    static char text[MAX_FRAME];
    unsigned char head[4];
    struct message message;
    struct fault fault;

    if (recv(fd, head, sizeof(head), MSG_WAITALL) != (ssize_t)sizeof(head))
        return false;
    size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (len > sizeof(text) || recv(fd, text, len, MSG_WAITALL) != (ssize_t)len ||
        message_parse(&message, (struct span){text, len}, JSON_DEPTH_MAX, &fault) != STATUS_OK)
        return false;
    size_t used = strlen(out);
    int added = snprintf(out + used, cap - used, "%.*s %.*s %.*s %.*s %.*s\n",
        (int)message.message_type.len, message.message_type.at, (int)message.status.len,
        message.status.at, (int)message.reason.len, message.reason.at, (int)message.id.len,
        message.id.at, (int)message.data.len, message.data.at);
    if (added < 0 || (size_t)added >= cap - used)
        out[used] = '\0'; /* whole lines only */
    return true;
}

static bool put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* The server has read what was sent: the rest is another read. */
static void await_read(int fd)
{
    int left = 1;

    while (ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0)
        sched_yield();
}

/* user NULL: a stranger. */
static int begin(const struct show *self, const char *user)
{
    char answer[ANSWER_MAX] = "";
    int fd = subject_connect_unix(self->subject, "sock");
    struct blob *login = user ? message_login(user, "p", NULL) : NULL;

    if (fd < 0) {
        soak_fail(self->soak, "a connection was refused: %s", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = PATIENCE_S},
        sizeof(struct timeval));
    if (login && (!put(fd, login->data, login->len) || !hear(fd, answer, sizeof(answer))))
        soak_fail(self->soak, "a login was not answered");
    blob_unref(login);
    return fd;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Answers to messages of different types come in any order. */
static void sort_lines(char text[ANSWER_MAX])
{
    char sorted[ANSWER_MAX] = "";
    char *lines[ANSWER_LINES_MAX];
    size_t count = 0, len = 0;

    for (char *at = text; *at && count < ANSWER_LINES_MAX; count++) {
        char *end = strchr(at, '\n');

        *end = '\0';
        lines[count] = at;
        at = end + 1;
    }
    qsort(lines, count, sizeof(lines[0]), compare_lines);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(sorted + len, sizeof(sorted) - len, "%s\n", lines[i]);
    memcpy(text, sorted, len + 1);
}

/* All that comes back; at: where they are split, or 0. */
static void converse(
    const struct show *self, const struct conversation *what, size_t at, char out[ANSWER_MAX])
{
    int fd = begin(self, "split");

    out[0] = '\0';
    if (fd < 0)
        return;
    bool sent = put(fd, what->bytes, at);
    if (at > 0)
        await_read(fd);
    /* A client that is put out in the middle can't say the rest. */
    (void)(sent && put(fd, what->bytes + at, what->len - at));
    shutdown(fd, SHUT_WR);
    while (hear(fd, out, ANSWER_MAX)) {}
    close(fd);
    sort_lines(out);
}

static void split_one(struct show *self)
{
    struct conversation *what = &self->conversations[self->now];
    char answer[ANSWER_MAX];

    if (!what->answer) {
        what->answer = must_alloc(ANSWER_MAX);
        converse(self, what, 0, what->answer);
    } else if (self->at < what->len) {
        converse(self, what, self->at, answer);
        self->splits++;
        if (strcmp(answer, what->answer) != 0)
            soak_fail(self->soak, "%s, split at byte %zu, is answered\n%sand whole\n%s", what->name,
                self->at, answer, what->answer);
    }
    self->soak->events++;
    self->at += self->part;
    if (self->at >= what->len) {
        self->now++;
        self->at = 0;
    }
}

/* Some more, between two turns of the loop, in which the others talk. */
static bool all_are_split(void *user)
{
    struct show *self = user;
    uint64_t until_ns = soak_now_ns() + TURN_NS;

    while (self->now < self->count && soak_now_ns() < until_ns && !self->soak->failed)
        split_one(self);
    soak_progress(self->soak, "frames: %zu of %zu files, %llu splits", self->now, self->count,
        (unsigned long long)self->splits);
    return self->now == self->count;
}

/* ---- what is no message ---------------------------------------------------------------------- */

/* A text made of before, fill again and again up to size bytes, and after. */
struct wrong {
    const char *name;
    const char *before, *fill, *after;
    size_t size;      /* of the whole */
    uint32_t claimed; /* as the frame's length; 0: what it is */
    enum status reason, strangers_reason;
    bool ends; /* the connection of one who is logged in */
};

#define ENVELOPE "{\"header\":{},\"payload\":{\"type\":\"chat\",\"id\":\"x\",\"data\":"

static const struct wrong wrongs[] = {
    {"length 0", "", "x", "", 0, 0, STATUS_MALFORMED, STATUS_MALFORMED, false},
    {"length 1", "", "x", "", 1, 0, STATUS_MALFORMED, STATUS_MALFORMED, false},
    {"a stranger's cap", "", "x", "", LOGIN_FRAME, 0, STATUS_MALFORMED, STATUS_MALFORMED, false},
    {"one more", "", "x", "", LOGIN_FRAME + 1, 0, STATUS_MALFORMED, STATUS_TOO_LARGE, false},
    {"the cap", "", "x", "", MAX_FRAME, 0, STATUS_MALFORMED, STATUS_TOO_LARGE, false},
    {"the cap and one", "", "x", "", MAX_FRAME + 1, 0, STATUS_TOO_LARGE, STATUS_TOO_LARGE, true},
    {"length 0xFFFFFFFF", "", "x", "", 100, 0xffffffff, STATUS_TOO_LARGE, STATUS_TOO_LARGE, true},
    {"1 MiB of [", "", "[", "", MAX_FRAME, 0, STATUS_MALFORMED, STATUS_TOO_LARGE, false},
    {"1 MiB of {},", "", "{},", "", MAX_FRAME - 1, 0, STATUS_MALFORMED, STATUS_TOO_LARGE, false},
    {"[ as data", ENVELOPE, "[", "", MAX_FRAME, 0, STATUS_TOO_LARGE, STATUS_TOO_LARGE, false},
    {"{}, as data", ENVELOPE "[", "{},", "0]}}", 0xffffe, 0, STATUS_TOO_LARGE, STATUS_TOO_LARGE,
        false},
    {"no UTF-8", ENVELOPE "\"", "\xc0\xaf", "\"}}", 80, 0, STATUS_MALFORMED, STATUS_MALFORMED,
        false},
    {"half a pair", ENVELOPE "\"", "\\ud800", "\"}}", 76, 0, STATUS_MALFORMED, STATUS_MALFORMED,
        false},
    {"twice in the header", "{\"header\":{\"ack\":1,\"ack\":2}", "", "}", 0, 0, STATUS_MALFORMED,
        STATUS_MALFORMED, false},
    {"twice in the payload", ENVELOPE "1,\"id\":\"y\"", "", "}}", 0, 0, STATUS_MALFORMED,
        STATUS_MALFORMED, false},
};

static char *make_wrong(const struct wrong *wrong, size_t *len)
{
    size_t before = strlen(wrong->before), fill = strlen(wrong->fill), after = strlen(wrong->after);
    size_t times =
        fill > 0 && wrong->size > before + after ? (wrong->size - before - after) / fill : 0;
    char *frame = must_alloc(FRAME_HEADER_BYTES + before + times * fill + after + 1);
    char *at = frame + FRAME_HEADER_BYTES;

    *len = before + times * fill + after;
    frame_put_header(frame, wrong->claimed ? wrong->claimed : (uint32_t)*len);
    memcpy(at, wrong->before, before);
    at += before;
    for (size_t i = 0; i < times; i++, at += fill)
        memcpy(at, wrong->fill, fill);
    memcpy(at, wrong->after, after);
    *len += FRAME_HEADER_BYTES;
    return frame;
}

static void try_wrong(const struct show *self, const struct wrong *wrong, bool stranger)
{
    enum status reason = stranger ? wrong->strangers_reason : wrong->reason;
    bool ends = stranger || wrong->ends;
    char answer[ANSWER_MAX] = "", wanted[64], fence[ANSWER_MAX] = "";
    size_t len;
    char *frame = make_wrong(wrong, &len);
    int fd = begin(self, stranger ? NULL : "wrong");
    struct blob *dummy =
        message_from_client("dummy", SPAN_LITERAL("null"), SPAN_LITERAL("\"fence\""));

    if (fd < 0 || !dummy)
        soak_give_up("a connection");
    (void)put(fd, frame, len); /* who is put out may not come to its end */
    snprintf(wanted, sizeof(wanted), "\"bad\" \"%s\" ", status_text(reason));
    if (!hear(fd, answer, sizeof(answer)) || !strstr(answer, wanted))
        soak_fail(self->soak, "%s (%s): answered %s, not %s", wrong->name,
            stranger ? "a stranger" : "logged in", answer, status_text(reason));
    bool goes_on = put(fd, dummy->data, dummy->len) && hear(fd, fence, sizeof(fence));
    if (goes_on == ends)
        soak_fail(self->soak, "%s (%s): the connection %s", wrong->name,
            stranger ? "a stranger" : "logged in", ends ? "goes on" : "has ended");
    blob_unref(dummy);
    free(frame);
    close(fd);
}

/* ---- the demonstration ----------------------------------------------------------------------- */

static void load(struct show *self)
{
    struct soak *soak = self->soak;
    uint64_t began = soak_now_ns();

    crowd_send(self->crowd, 0, WINDOW);
    if (!soak_until(soak, all_are_split, self, "every frame is split everywhere"))
        return;
    soak_say(soak, "splits", "%llu, of %zu files, in %.1f s: each answered as the whole is",
        (unsigned long long)self->splits, self->count, (double)(soak_now_ns() - began) / 1e9);
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]) && !soak->failed; i++) {
        try_wrong(self, &wrongs[i], false);
        try_wrong(self, &wrongs[i], true);
    }
    if (soak->failed || !crowd_settle(self->crowd))
        return;
    soak_say(soak, "wrong ones", "%zu, of clients and of strangers: each with the reason promised",
        sizeof(wrongs) / sizeof(wrongs[0]));
    soak_say(soak, "meanwhile", "%llu messages of others, all good",
        (unsigned long long)crowd_judge(self->crowd)->good);
}

static void run(struct soak *soak)
{
    static const char *const types[] = {"chat"};
    struct show *self = must_alloc(sizeof(*self));

    *self = (struct show){.soak = soak, .part = soak->part};
    add_folder(self, "messages/valid", false);
    add_folder(self, "frames/whole", true);
    self->subject = subject_start(soak, &(struct subject_config){.handlers = SUBJECT_CHAT});
    if (self->subject)
        self->crowd = crowd_new(soak, self->subject,
            &(struct crowd_options){.clients = TALKERS,
                .active = TALKERS,
                .types = types,
                .type_count = 1,
                .recipients = 2});
    if (self->crowd)
        load(self);
    crowd_free(self->crowd);
    subject_end(self->subject);
    for (size_t i = 0; i < self->count; i++) {
        free(self->conversations[i].name);
        free(self->conversations[i].bytes);
        free(self->conversations[i].answer);
    }
    free(self);
}

const struct demonstration demo_frames = {
    .name = "frames", .help = "valid frames split at every byte, wrong ones refused", .run = run};
