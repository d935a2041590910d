#include "libbester/message.h"

#include <jansson.h>
#include <string.h>

#include "tests/fuzz/targets.h"

enum level { TOP, HEADER, PAYLOAD };

static const struct {
    const char *name;
    size_t offset;
    enum level level;
} fields[] = {{"header", offsetof(struct message, header), TOP},
    {"payload", offsetof(struct message, payload), TOP},
    {"data", offsetof(struct message, top_data), TOP},
#define X(json_name, field) {(json_name), offsetof(struct message, field), HEADER},
    MESSAGE_HEADER_TABLE(X)
#undef X
#define X(json_name, field) {(json_name), offsetof(struct message, field), PAYLOAD},
        MESSAGE_PAYLOAD_TABLE(X)
#undef X
};

static struct span field(const struct message *message, size_t i)
{
    struct span span;
    memcpy(&span, (const char *)message + fields[i].offset, sizeof span);
    return span;
}

/* Every span lies in the text and is one JSON value; on failure too. */
static void check_spans(const struct message *message, struct span text)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct span span = field(message, i);
        if (span.at == NULL)
            continue;
        MUST(span.len > 0 && span.at >= text.at && span.at + span.len <= text.at + text.len);
        MUST(json_check(span, JSON_DEPTH_DEFAULT, NULL) == STATUS_OK);
    }
}

/* jansson finds the same members, with the same values. */
static void check_tree(const struct message *message, struct span text)
{
    json_t *tree = json_loadb(text.at, text.len, JSON_ALLOW_NUL, NULL);
    if (tree == NULL)
        return; /* a number that jansson can't hold: see oracle.c */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct span span = field(message, i);
        json_t *object = fields[i].level == HEADER    ? json_object_get(tree, "header")
                         : fields[i].level == PAYLOAD ? json_object_get(tree, "payload")
                                                      : tree;
        json_t *theirs = json_object_get(object, fields[i].name);
        MUST((theirs == NULL) == (span.at == NULL));
        if (theirs == NULL)
            continue;
        json_t *ours = json_loadb(span.at, span.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        MUST(ours != NULL && json_equal(ours, theirs));
        json_decref(ours);
    }
    json_decref(tree);
}

/* What is passed on is read again as it was. */
static void check_forwarding(const struct message *message)
{
    struct received received = {.type_token = message->type,
        .data = message->data,
        .id_token = message->id,
        .from_token = message->from,
        .unauthenticated = true};
    struct message again;
    struct blob *frame = message_received(&received);
    MUST(frame != NULL);
    struct span text = {
        .at = frame->data + FRAME_HEADER_BYTES, .len = frame->len - FRAME_HEADER_BYTES};
    MUST(message_parse(&again, text, JSON_DEPTH_DEFAULT, NULL) == STATUS_OK);
    MUST(span_equal(again.type, message->type) && span_equal(again.header_id, message->id));
    MUST(span_equal(again.from, message->from) && span_is(again.authenticated, "false"));
    MUST(message->data.at == NULL ? span_is(again.data, "null")
                                  : span_equal(again.data, message->data));
    blob_unref(frame);
}

int fuzz_message(const uint8_t *data, size_t size)
{
    struct span text = {.at = (const char *)data, .len = size};
    struct fault fault = {.text = ""};
    struct message message;
    enum status status = message_parse(&message, text, JSON_DEPTH_DEFAULT, &fault);
    check_spans(&message, text);
    if (status == STATUS_OK) {
        MUST(json_check(text, JSON_DEPTH_DEFAULT, NULL) == STATUS_OK);
        check_tree(&message, text);
        check_forwarding(&message);
    } else {
        MUST(status == STATUS_MALFORMED || status == STATUS_TOO_LARGE);
        MUST(fault.status == status && fault.offset <= size && fault.text[0] != '\0');
    }
    return 0;
}
