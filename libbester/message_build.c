/* The half of message.h that writes. The order of members is that of the wire
 * contract's examples; nothing is written for what is absent. */
#include <stdio.h>

#include "libbester/bytes.h"
#include "libbester/message.h"

/* Adds a literal; its length is known to the compiler. */
#define ADD(parts, literal) parts_add((parts), SPAN_LITERAL(literal))

struct writer {
    struct parts parts;
    bool after_first; /* the innermost object has a member already */
};

static void writer_init(struct writer *self)
{
    parts_init(&self->parts);
    self->after_first = false;
}

/* A name with its colon, e.g. "\"id\":", and a value; an absent value: nothing. */
static void member(struct writer *self, struct span name_colon, struct span value)
{
    if (value.at == NULL)
        return;
    if (self->after_first)
        ADD(&self->parts, ",");
    parts_add(&self->parts, name_colon);
    parts_add(&self->parts, value);
    self->after_first = true;
}

#define MEMBER(writer, name, value) member((writer), SPAN_LITERAL("\"" name "\":"), (value))

/* Text that begins an object, "…{", or ends some. */
static void open_object(struct writer *self, struct span text)
{
    parts_add(&self->parts, text);
    self->after_first = false;
}

static struct span or_null(struct span data)
{
    return data.at == NULL ? SPAN_LITERAL("null") : data;
}

static struct span decimal(char *out, size_t cap, unsigned long long number, const char *quote)
{
    int len = snprintf(out, cap, "%s%llu%s", quote, number, quote);
    return (struct span){.at = out, .len = (size_t)len};
}

enum { DECIMAL_MAX = 24 };

static struct span number_or_absent(
    char out[DECIMAL_MAX], unsigned long long number, const char *quote)
{
    return number == 0 ? (struct span){0} : decimal(out, DECIMAL_MAX, number, quote);
}

/* A text of our own tables, which needs no escapes. */
static struct span quoted_word(char *out, size_t cap, const char *word)
{
    return json_quote_into(out, cap, span_of(word));
}

enum { WORD_MAX = 40 };

static void add_report_payload(struct writer *writer, const struct report *report,
    struct span outcome, struct span reason, struct span detail)
{
    MEMBER(writer, "id", report->id_token);
    MEMBER(writer, "outcome", outcome);
    MEMBER(writer, "reason", reason);
    MEMBER(writer, "detail", detail);
    MEMBER(writer, "recipients", report->recipients);
    MEMBER(writer, "servers", report->servers);
    MEMBER(writer, "server", report->server);
}

struct blob *message_report(const struct report *report)
{
    struct writer writer;
    struct bytes detail;
    struct blob *frame = NULL;
    struct span outcome = {0};
    struct span reason = {0};
    char word[WORD_MAX];
    char digits[DECIMAL_MAX];
    bytes_init(&detail, SIZE_MAX);
    if (report->detail != NULL && json_quote(&detail, span_of(report->detail)) != STATUS_OK)
        goto out;
    if (report->good && report->outcome != OUTCOME_NONE)
        outcome = quoted_word(word, sizeof word, outcome_text(report->outcome));
    if (!report->good && report->reason != STATUS_OK)
        reason = quoted_word(word, sizeof word, status_text(report->reason));
    writer_init(&writer);
    ADD(&writer.parts, "{\"header\":{\"messageType\":\"statusReport\",\"status\":\"");
    parts_add_text(&writer.parts, report->good ? "good\"" : "bad\"");
    writer.after_first = true;
    MEMBER(&writer, "exchange", number_or_absent(digits, report->exchange, "\""));
    open_object(&writer, SPAN_LITERAL("},\"payload\":{"));
    add_report_payload(&writer, report, outcome, reason,
        report->detail == NULL ? (struct span){0} : bytes_span(&detail));
    ADD(&writer.parts, "}}");
    frame = parts_frame(&writer.parts);
out:
    bytes_release(&detail);
    return frame;
}

struct blob *message_received(const struct received *received)
{
    struct writer writer;
    struct span no = SPAN_LITERAL("false");
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{"));
    MEMBER(&writer, "messageType", SPAN_LITERAL("\"receivedMessage\""));
    MEMBER(&writer, "from", received->from_token);
    MEMBER(&writer, "id", received->id_token);
    MEMBER(&writer, "time", received->time_token);
    MEMBER(&writer, "authenticated", received->unauthenticated ? no : (struct span){0});
    open_object(&writer, SPAN_LITERAL("},\"payload\":{"));
    MEMBER(&writer, "type", received->type_token);
    MEMBER(&writer, "data", or_null(received->data));
    ADD(&writer.parts, "}}");
    return parts_frame(&writer.parts);
}

struct blob *message_dummy_answer(struct span id_token)
{
    struct writer writer;
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{\"status\":\"0\"},\"payload\":{"));
    MEMBER(&writer, "data", SPAN_LITERAL("null"));
    MEMBER(&writer, "type", SPAN_LITERAL("\"dummy\""));
    MEMBER(&writer, "id", id_token);
    ADD(&writer.parts, "}}");
    return parts_frame(&writer.parts);
}

static void trace_member(struct writer *writer, const char *trace)
{
    if (trace == NULL)
        return;
    MEMBER(writer, "trace", SPAN_LITERAL("\""));
    parts_add_text(&writer->parts, trace);
    ADD(&writer->parts, "\"");
}

struct blob *message_forward(const struct forward *forward)
{
    struct writer writer;
    char exchange[DECIMAL_MAX];
    char order[DECIMAL_MAX];
    char hops[DECIMAL_MAX];
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{"));
    MEMBER(&writer, "scope", SPAN_LITERAL("\"server\""));
    MEMBER(&writer, "exchange", number_or_absent(exchange, forward->exchange, "\""));
    MEMBER(&writer, "order", number_or_absent(order, forward->order, "\""));
    MEMBER(&writer, "origin", forward->origin);
    MEMBER(&writer, "hops", number_or_absent(hops, forward->hops, ""));
    trace_member(&writer, forward->trace);
    open_object(&writer, SPAN_LITERAL("},\"payload\":{"));
    MEMBER(&writer, "type", forward->type_token);
    MEMBER(&writer, "data", or_null(forward->data));
    MEMBER(&writer, "id", forward->id_token);
    ADD(&writer.parts, "}}");
    return parts_frame(&writer.parts);
}

struct blob *message_question(const struct question *question)
{
    struct writer writer;
    char exchange[DECIMAL_MAX];
    char deadline[DECIMAL_MAX];
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{"));
    MEMBER(&writer, "exchange", decimal(exchange, sizeof exchange, question->exchange, "\""));
    MEMBER(&writer, "origin", question->origin);
    MEMBER(&writer, "id", question->id_token);
    trace_member(&writer, question->trace);
    MEMBER(&writer, "deadlineMs", decimal(deadline, sizeof deadline, question->deadline_ms, ""));
    open_object(&writer, SPAN_LITERAL("},\"payload\":{"));
    MEMBER(&writer, "type", question->type_token);
    MEMBER(&writer, "data", or_null(question->data));
    ADD(&writer.parts, "}}");
    return parts_frame(&writer.parts);
}

/* A list of texts that ends with NULL, as a JSON array. */
static enum status quote_list(struct bytes *out, const char *const *texts)
{
    enum status status = bytes_append_text(out, "[");
    for (size_t i = 0; status == STATUS_OK && texts[i] != NULL; i++) {
        if (i > 0)
            status = bytes_append_text(out, ",");
        if (status == STATUS_OK)
            status = json_quote(out, span_of(texts[i]));
    }
    return status == STATUS_OK ? bytes_append_text(out, "]") : status;
}

struct blob *message_login(const char *username, const char *password, const char *const *features)
{
    struct writer writer;
    struct bytes name;
    struct bytes secret;
    struct bytes list;
    struct blob *frame = NULL;
    bytes_init(&name, SIZE_MAX);
    bytes_init(&secret, SIZE_MAX);
    bytes_init(&list, SIZE_MAX);
    if (json_quote(&name, span_of(username)) != STATUS_OK ||
        json_quote(&secret, span_of(password)) != STATUS_OK ||
        (features != NULL && quote_list(&list, features) != STATUS_OK))
        goto out;
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{\"scope\":\"client\",\"authentication\":{"));
    MEMBER(&writer, "username", bytes_span(&name));
    MEMBER(&writer, "password", bytes_span(&secret));
    ADD(&writer.parts, "}");
    MEMBER(&writer, "features", features == NULL ? (struct span){0} : bytes_span(&list));
    ADD(&writer.parts, "},\"payload\":{\"type\":\"dummy\",\"data\":null,\"id\":\"0\"}}");
    frame = parts_frame(&writer.parts);
out:
    bytes_release(&list);
    bytes_release(&secret);
    bytes_release(&name);
    return frame;
}

struct blob *message_from_client(const char *type, struct span data, struct span id_token)
{
    struct writer writer;
    struct bytes name;
    struct blob *frame = NULL;
    bytes_init(&name, SIZE_MAX);
    if (json_quote(&name, span_of(type)) != STATUS_OK)
        goto out;
    writer_init(&writer);
    open_object(&writer, SPAN_LITERAL("{\"header\":{},\"payload\":{"));
    MEMBER(&writer, "type", bytes_span(&name));
    MEMBER(&writer, "data", or_null(data));
    MEMBER(&writer, "id", id_token);
    ADD(&writer.parts, "}}");
    frame = parts_frame(&writer.parts);
out:
    bytes_release(&name);
    return frame;
}
