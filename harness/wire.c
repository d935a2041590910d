#include "harness/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/must.h"
#include "libbester/frame.h"

enum { FRAME_MAX = 64 << 20, QUEUE_MAX = 256 << 20 };

const struct stream_options wire_options = {
    .max_frame = FRAME_MAX, .max_queued_bytes = QUEUE_MAX, .stall_s = 0};

const char *cause_text(enum cause cause)
{
    static const char *const texts[CAUSE_COUNT] = {
#define X(name, text) [name] = (text),
        CAUSE_TABLE(X)
#undef X
    };

    return texts[cause];
}

int wire_connect(const struct place *place, struct fault *fault)
{
    int family = place->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 &&
        (connect(fd, (const struct sockaddr *)&place->address, place->address_len) == 0 ||
            errno == EINPROGRESS))
        return fd;
    fault_set(fault, STATUS_IO, (size_t)errno, "%s: %s", place->text, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static struct blob *bytes_blob(struct span bytes)
{
    struct blob *blob = blob_new(bytes.len);

    if (blob && bytes.len)
        memcpy(blob->data, bytes.at, bytes.len);
    return blob;
}

/* {"hex": "…"}: what has no better form. */
static char *hex_text(struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = must_alloc(bytes.len * 2 + 1);

    for (size_t i = 0; i < bytes.len; i++) {
        hex[2 * i] = digits[(unsigned char)bytes.at[i] >> 4];
        hex[2 * i + 1] = digits[(unsigned char)bytes.at[i] & 15];
    }
    char *text = must_print("{\"hex\": \"%s\"}", hex);
    free(hex);
    return text;
}

static char *raw_text(struct span bytes)
{
    json_t *string = json_stringn(bytes.at, bytes.len);
    char *dumped = string ? must_dump(string) : must_copy("\"(not UTF-8)\"");
    char *text = must_print("{\"raw\": %s}", dumped);

    free(dumped);
    json_decref(string);
    return text;
}

static void note_said(const struct setting *setting, int from, int to, enum edge_kind edge,
    const struct utterance *utterance, struct span bytes)
{
    json_error_t error;
    json_t *json = utterance->body == BODY_JSON
                       ? NULL
                       : json_loadb(bytes.at, bytes.len, JSON_DECODE_ANY, &error);
    /* Said byte by byte, it shows so; but a password never shows. */
    bool shows = utterance->body == BODY_JSON ||
                 json_object_get(json_object_get(json, "header"), "authentication");

    json_decref(json);
    struct event *event;
    if (shows) {
        event = timeline_said(setting->timeline, from, to, edge, bytes);
    } else {
        char *text = utterance->body == BODY_RAW ? raw_text(bytes) : hex_text(bytes);
        event = timeline_said_text(setting->timeline, from, to, edge, text);
        free(text);
    }
    event->exchange = utterance->exchange;
}

static struct span say(
    struct stream *stream, const struct utterance *utterance, char **dumped, struct fault *fault)
{
    struct span bytes = {utterance->bytes, utterance->len};
    bool framed = utterance->body == BODY_JSON || utterance->body == BODY_RAW;

    if (utterance->body == BODY_JSON) {
        *dumped = json_dumps(utterance->wire, JSON_COMPACT | JSON_ENCODE_ANY);
        bytes = span_of(*dumped);
    }
    fault->status = stream_send_adopt(stream, framed ? frame_of(bytes) : bytes_blob(bytes), 0);
    if (fault->status != STATUS_OK)
        fault_set(fault, fault->status, 0, "%s", status_help(fault->status));
    return bytes;
}

enum status wire_say(const struct setting *setting, struct stream *stream, int from, int to,
    enum edge_kind edge, const struct utterance *utterance, struct fault *fault)
{
    char *dumped = NULL;
    struct span bytes = say(stream, utterance, &dumped, fault);

    note_said(setting, from, to, edge, utterance, bytes);
    free(dumped);
    return fault->status;
}

enum status wire_say_hidden(
    struct stream *stream, const struct utterance *utterance, struct fault *fault)
{
    char *dumped = NULL;

    say(stream, utterance, &dumped, fault);
    free(dumped);
    return fault->status;
}

pid_t wire_listener_pid(const struct place *place)
{
    struct ucred peer = {.pid = 0};
    struct fault fault;
    int fd = wire_connect(place, &fault);

    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){sizeof(peer)}) != 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}
