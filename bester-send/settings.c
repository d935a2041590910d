
#include <stdlib.h>
#include <string.h>

#include "bester-send/settings_internal.h"
#include "libbester/bytes.h"

static const struct {
    const char *option; /* how it is asked for */
    bool is_stdin;
    bool by_template;
} sources[SOURCE_COUNT] = {
    [SOURCE_NONE] = {"nothing", false, false},
    [SOURCE_DATA] = {"--data", false, false},
    [SOURCE_FORM] = {"text on the command line", false, true},
    [SOURCE_WHOLE] = {"--stdin", true, true},
    [SOURCE_LINES] = {"--lines", true, true},
    [SOURCE_NULL] = {"--null", true, true},
    [SOURCE_LISTEN] = {"--listen", false, false},
    [SOURCE_NDJSON] = {"--ndjson", true, false},
};

bool source_is_stdin(enum source source)
{
    return sources[source].is_stdin;
}

bool source_by_template(enum source source)
{
    return sources[source].by_template;
}

static enum status source_set(struct settings *self, enum source source, struct fault *fault)
{
    if (self->source != SOURCE_NONE && self->source != source)
        return fault_set(
            fault, STATUS_INVALID, 0, "does not go together with %s", sources[self->source].option);
    self->source = source;
    return STATUS_OK;
}

enum status settings_apply_data(void *settings, const char *argument, struct fault *fault)
{
    struct settings *self = settings;
    if (self->data != NULL)
        return fault_set(fault, STATUS_INVALID, 0, "given twice");
    self->data = argument;
    return source_set(self, SOURCE_DATA, fault);
}

enum status settings_apply_whole(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_WHOLE, fault);
}

enum status settings_apply_lines(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_LINES, fault);
}

enum status settings_apply_null(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_NULL, fault);
}

enum status settings_apply_ndjson(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_NDJSON, fault);
}

/* One field can be given once: of two values one would be lost without a word. */
static enum status add_pair(
    struct settings *self, const char *text, bool is_json, struct fault *fault)
{
    size_t name = strcspn(text, "=");
    for (size_t i = 0; i < self->pair_count; i++)
        if (strncmp(self->pairs[i].text, text, name) == 0 && self->pairs[i].text[name] == '=')
            return fault_set(fault, STATUS_INVALID, 0, "\"%.*s\" is given twice", (int)name, text);
    if (self->pair_count == PAIRS_MAX)
        return fault_set(fault, STATUS_INVALID, 0, "more than %d fields", PAIRS_MAX);
    self->pairs[self->pair_count++] = (struct pair){.text = text, .is_json = is_json};
    return STATUS_OK;
}

enum status settings_apply_pair(void *settings, const char *argument, struct fault *fault)
{
    return add_pair(settings, argument, false, fault);
}

enum status settings_apply_json_pair(void *settings, const char *argument, struct fault *fault)
{
    return add_pair(settings, argument, true, fault);
}

enum status settings_apply_report(void *settings, const char *argument, struct fault *fault)
{
    if (strcmp(argument, "json") != 0)
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is unknown; json is known", argument);
    ((struct settings *)settings)->report_json = true;
    return STATUS_OK;
}

enum status settings_apply_listen(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_LISTEN, fault);
}

enum status settings_apply_ack(void *settings, const char *argument, struct fault *fault)
{
    for (size_t i = 0; settings_acks[i] != NULL; i++)
        if (strcmp(argument, settings_acks[i]) == 0) {
            ((struct settings *)settings)->ack = (enum ack)i;
            return STATUS_OK;
        }
    return fault_set(fault, STATUS_INVALID, 0, "must be none, accepted or delivered");
}

enum status settings_apply_dry(void *settings, const char *argument, struct fault *fault)
{
    if (strcmp(argument, "text") != 0 && strcmp(argument, "bytes") != 0)
        return fault_set(fault, STATUS_INVALID, 0, "must be text or bytes");
    ((struct settings *)settings)->dry = argument[0] == 't' ? DRY_TEXT : DRY_BYTES;
    return STATUS_OK;
}

enum status settings_apply_match(void *settings, const char *argument, struct fault *fault)
{
    struct settings *self = settings;
    if (argument[0] == '=' || strchr(argument, '=') == NULL)
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is not PATH=VALUE", argument);
    if (self->match_count == MATCHES_MAX)
        return fault_set(fault, STATUS_INVALID, 0, "more than %d of them", MATCHES_MAX);
    self->matches[self->match_count++] = argument;
    return STATUS_OK;
}

static enum status check_format(const char *format, struct fault *fault)
{
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '\\' && (at[1] == '\0' || strchr("nt\\{0r", at[1]) == NULL))
            return fault_set(
                fault, STATUS_INVALID, 0, "behind '\\' comes n, t, r, 0, { or another one");
        if (*at == '\\')
            at++;
        else if (*at == '{' && strchr(at, '}') == NULL)
            return fault_set(fault, STATUS_INVALID, 0, "'}' is missing");
        else if (*at == '{')
            at = strchr(at, '}');
    }
    return STATUS_OK;
}

enum status settings_apply_format(void *settings, const char *argument, struct fault *fault)
{
    ((struct settings *)settings)->format = argument;
    return check_format(argument, fault);
}

void settings_init(struct settings *self)
{
    *self = (struct settings){
        .login = LOGIN_SETTINGS, .inflight = 256, .report_s = 30, .ack = ACK_DELIVERED};
}

void settings_release(struct settings *self)
{
    free(self->text);
    self->text = NULL;
}

/* "-" alone asks for standard input, all of it; other words are the text. */
static enum status take_operands(
    struct settings *self, const struct operands *operands, struct fault *fault)
{
    struct bytes text;
    if (operands->count == 0)
        return STATUS_OK;
    if (self->source != SOURCE_NONE)
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" does not go together with %s",
            operands->at[0], sources[self->source].option);
    if (operands->count == 1 && strcmp(operands->at[0], "-") == 0)
        return source_set(self, SOURCE_WHOLE, fault);
    self->source = SOURCE_FORM;
    bytes_init(&text, SIZE_MAX);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < operands->count && status == STATUS_OK; i++) {
        if (i > 0)
            status = bytes_append_text(&text, " ");
        if (status == STATUS_OK)
            status = bytes_append_text(&text, operands->at[i]);
    }
    const char *joined = status == STATUS_OK ? bytes_text(&text) : NULL;
    self->text = joined == NULL ? NULL : strdup(joined);
    bytes_release(&text);
    return self->text == NULL ? fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory") : STATUS_OK;
}

unsigned settings_awaited(const struct settings *self)
{
    return self->source == SOURCE_LISTEN ? self->count : self->replies;
}

bool settings_prints(const struct settings *self)
{
    return self->source == SOURCE_LISTEN || self->replies > 0;
}

/* Ids are written line by line, to FILE.ids among others. */
static bool is_plain(const char *id)
{
    for (; *id != '\0'; id++)
        if ((unsigned char)*id < ' ' || *id == 127)
            return false;
    return true;
}

/* What goes together with what: the first row that applies is what is wrong. */
static const char *contradiction(const struct settings *self)
{
    bool listens = self->source == SOURCE_LISTEN;
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        {!listens && (self->type == NULL || self->type[0] == '\0'),
            "which type? say it with --type"},
        {listens && (self->replies > 0 || self->dry != DRY_NO || self->report_json ||
                        self->failed_file != NULL || self->id != NULL),
            "--listen sends nothing: --wait-reply, --dry-run, --report, --failed and --id do not "
            "go "
            "together with it"},
        {self->count > 0 && !listens,
            "--count is for --listen; replies are counted by --wait-reply"},
        {self->replies > 0 && self->report_json,
            "replies and reports would both go to standard output: --wait-reply does not go "
            "together with --report"},
        {self->replies > 0 && self->dry != DRY_NO, "nothing is sent, so no reply will come"},
        {(self->match_count > 0 || self->format != NULL || self->wait_s > 0) &&
                !settings_prints(self),
            "--match, --format and --wait are for --wait-reply and --listen"},
        {self->failed_file != NULL && (!source_is_stdin(self->source) || self->dry != DRY_NO),
            "--failed is for messages from standard input"},
        {self->id != NULL && !is_plain(self->id), "the id must not hold control characters"},
        {listens && (self->pair_count > 0 || self->template_file != NULL),
            "--listen sends nothing; fields and templates do not go together with it"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].wrong)
            return rules[i].why;
    return NULL;
}

enum status settings_finish(
    struct settings *self, const struct operands *operands, struct fault *fault)
{
    enum status status = take_operands(self, operands, fault);
    if (status != STATUS_OK)
        return status;
    const char *why = contradiction(self);
    if (why != NULL)
        return fault_set(fault, STATUS_INVALID, 0, "%s", why);
    if (self->source == SOURCE_LISTEN)
        return STATUS_OK;
    if (self->source == SOURCE_NONE && self->pair_count == 0)
        return fault_set(fault, STATUS_INVALID, 0,
            "nothing to send: give --data, fields with --arg, text, or --lines for standard input");
    if (self->source == SOURCE_NONE)
        self->source = SOURCE_FORM;
    if (!source_by_template(self->source) && (self->pair_count > 0 || self->template_file != NULL))
        return fault_set(fault, STATUS_INVALID, 0,
            "%s gives the whole data; fields and templates do not go together with it",
            sources[self->source].option);
    return STATUS_OK;
}
