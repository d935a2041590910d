#include "bester-send/settings.h"

#include <stdlib.h>
#include <string.h>

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

static enum status apply_data(void *settings, const char *argument, struct fault *fault)
{
    struct settings *self = settings;
    if (self->data != NULL)
        return fault_set(fault, STATUS_INVALID, 0, "given twice");
    self->data = argument;
    return source_set(self, SOURCE_DATA, fault);
}

static enum status apply_whole(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_WHOLE, fault);
}

static enum status apply_lines(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_LINES, fault);
}

static enum status apply_null(void *settings, const char *argument, struct fault *fault)
{
    (void)argument;
    return source_set(settings, SOURCE_NULL, fault);
}

static enum status apply_ndjson(void *settings, const char *argument, struct fault *fault)
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

static enum status apply_pair(void *settings, const char *argument, struct fault *fault)
{
    return add_pair(settings, argument, false, fault);
}

static enum status apply_json_pair(void *settings, const char *argument, struct fault *fault)
{
    return add_pair(settings, argument, true, fault);
}

static enum status apply_report(void *settings, const char *argument, struct fault *fault)
{
    if (strcmp(argument, "json") != 0)
        return fault_set(fault, STATUS_INVALID, 0, "\"%s\" is unknown; json is known", argument);
    ((struct settings *)settings)->report_json = true;
    return STATUS_OK;
}

#define AT(member) .offset = offsetof(struct settings, member)

static const struct option_row rows[] = {
    {.kind = OPTION_GROUP, .help = "What is sent"},
    {.name = "type",
        .letter = 't',
        .kind = OPTION_TEXT,
        .argument = "TYPE",
        AT(type),
        .help = "the type of the messages, like chat"},
    {.name = "data",
        .letter = 'd',
        .kind = OPTION_CALL,
        .argument = "JSON",
        .apply = apply_data,
        .help = "send one message with this data, whatever the template says"},
    {.name = "arg",
        .letter = 'a',
        .kind = OPTION_CALL,
        .argument = "NAME=VALUE",
        .apply = apply_pair,
        .help = "a field of the template, as text"},
    {.name = "arg-json",
        .kind = OPTION_CALL,
        .argument = "NAME=JSON",
        .apply = apply_json_pair,
        .help = "a field of the template, as JSON"},
    {.name = "template",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        AT(template_file),
        .help = "the type's template; otherwise your own of that type, or the server's"},
    {.name = "id",
        .letter = 'i',
        .kind = OPTION_TEXT,
        .argument = "ID",
        AT(id),
        .help = "the message's id; from stdin, ID-1 for line 1 and so on (default: random)"},
    {.kind = OPTION_GROUP, .help = "Standard input, which is read only with one of these"},
    {.name = "lines",
        .letter = 'l',
        .kind = OPTION_CALL,
        .apply = apply_lines,
        .help = "send a message for each line: it is the text of the template"},
    {.name = "null",
        .letter = '0',
        .kind = OPTION_CALL,
        .apply = apply_null,
        .help = "the same, but a zero byte ends each"},
    {.name = "stdin",
        .letter = 's',
        .kind = OPTION_CALL,
        .apply = apply_whole,
        .help = "send all of it as the text of one message"},
    {.name = "ndjson",
        .kind = OPTION_CALL,
        .apply = apply_ndjson,
        .help = "send a message for each line: it is the data, in JSON"},
    {.name = "keep-going",
        .letter = 'k',
        .kind = OPTION_FLAG,
        AT(keep_going),
        .help = "go on after a line that cannot be sent; the exit status stays 65"},
    {.name = "inflight",
        .kind = OPTION_COUNT,
        .argument = "N",
        .min = 1,
        .max = 65536,
        AT(inflight),
        .help = "messages without a report yet, at most (default 256)"},
    {.kind = OPTION_GROUP, .help = "Where to"},
    {.name = "server",
        .letter = 'S',
        .kind = OPTION_TEXT,
        .argument = "SERVER",
        AT(login.server),
        .environment = "BESTER_SERVER",
        .help = "host:port, bester://user@host:port, besters://host (TLS) or unix:/path"},
    LOGIN_OPTION_ROWS(struct settings, login),
    {.kind = OPTION_GROUP, .help = "What is told, and how long to wait"},
    {.name = "report",
        .kind = OPTION_CALL,
        .argument = "FORMAT",
        .apply = apply_report,
        .help = "json: a line on stdout for each message, in the order of the input"},
    {.name = "verbose",
        .letter = 'v',
        .kind = OPTION_FLAG,
        AT(verbose),
        .help = "tell on stderr what became of the good ones, too"},
    {.name = "report-timeout",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.001,
        .max = 1e6,
        AT(report_s),
        .help = "for the report of each message (default 30s)"},
    {.name = "timeout",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.001,
        .max = 1e6,
        AT(timeout_s),
        .help = "for the whole run, whatever hangs (default: none)"},
    {.kind = OPTION_GROUP, .help = "Other"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {
    "[OPTIONS] -t TYPE [-a NAME=VALUE]... [TEXT...]",
    "[OPTIONS] -t TYPE -d JSON",
    "[OPTIONS] -t TYPE [-a NAME=VALUE]... -l|-0|-s",
    "[OPTIONS] -t TYPE --ndjson",
    NULL,
};

static const struct option_section sections[] = {
    {"Description",
        "Logs in to a Bester server, sends messages, waits for the status report of each,\n"
        "and tells by its exit status what became of them: 0 only if every message was\n"
        "reported good.\n"
        "\n"
        "What a message holds is told by the template of its type: -a gives its fields,\n"
        "and TEXT, or a line of standard input, goes into the field that takes the rest\n"
        "of a line. The template is that of --template, else\n"
        "$XDG_CONFIG_HOME/bester/templates/TYPE.json, else what the server gives.\n"
        "Without a template, send JSON with -d or --ndjson.\n"
        "\n"
        "Nothing is printed for messages that were reported good. For every other one a\n"
        "line on standard error names its line, its id and the reason.\n"},
    {"Server", LOGIN_SERVER_TEXT},
    {"Profiles and passwords", LOGIN_PROFILE_TEXT},
    {"Report",
        "With --report json standard output has one JSON object on a line for each\n"
        "message, in the order of the input:\n"
        "\n"
        "    {\"line\": 1, \"id\": \"...\", \"status\": \"good\", \"outcome\": \"delivered\", "
        "\"rtt_ms\": 1.9}\n"
        "    {\"line\": 2, \"id\": \"...\", \"status\": \"bad\", \"reason\": \"offline\", "
        "\"rtt_ms\": 1.7}\n"
        "\n"
        "status is good; bad; unknown: it was sent, and no report came; unsent: it was\n"
        "not sent; invalid: the line could not be made into a message. line is the\n"
        "number of the record in the input, or 1. outcome, reason, detail, recipients\n"
        "and servers stand there if the server told them.\n"},
    {"Which exit status",
        "If several messages ended differently, the status is the first of these that\n"
        "applies: 74, 65, 10, 8; the common one if all failed alike; 3.\n"},
    {"Examples", "    bester-send -t chat -a to=G \"Are you there?\"\n"
                 "    tail -f log | bester-send -t chat -a to=ops@S2 -l\n"
                 "    bester-send -S bester://T@example.org -t chat -d '{\"to\": \"G\", \"text\": "
                 "\"Hello\"}'\n"},
    {"See also", "bester-cli(1), besterd(8)\n"},
    {NULL, NULL},
};

const struct option_table settings_table = {
    .program = "bester-send",
    .synopsis = synopsis,
    .summary = "sends messages to a Bester server and waits for their reports",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .exits = login_exits,
    .sections = sections,
};

void settings_init(struct settings *self)
{
    *self = (struct settings){.login = LOGIN_SETTINGS, .inflight = 256, .report_s = 30};
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

enum status settings_finish(
    struct settings *self, const struct operands *operands, struct fault *fault)
{
    if (self->type == NULL || self->type[0] == '\0')
        return fault_set(fault, STATUS_INVALID, 0, "which type? say it with --type");
    enum status status = take_operands(self, operands, fault);
    if (status != STATUS_OK)
        return status;
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
