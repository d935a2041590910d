/* The options of bester-send, and its manual page. */
#include "bester-send/settings_internal.h"

const char *const settings_acks[] = {
    [ACK_NONE] = "none", [ACK_ACCEPTED] = "accepted", [ACK_DELIVERED] = "delivered", NULL};
static const char *const report_words[] = {"json", NULL};
static const char *const dry_words[] = {"text", "bytes", NULL};

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
        .apply = settings_apply_data,
        .help = "send one message with this data, whatever the template says"},
    {.name = "arg",
        .letter = 'a',
        .kind = OPTION_CALL,
        .argument = "NAME=VALUE",
        .apply = settings_apply_pair,
        .help = "a field of the template, as text"},
    {.name = "arg-json",
        .kind = OPTION_CALL,
        .argument = "NAME=JSON",
        .apply = settings_apply_json_pair,
        .help = "a field of the template, as JSON"},
    {.name = "template",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        .is_file = true,
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
        .apply = settings_apply_lines,
        .help = "send a message for each line: it is the text of the template"},
    {.name = "null",
        .letter = '0',
        .kind = OPTION_CALL,
        .apply = settings_apply_null,
        .help = "the same, but a zero byte ends each"},
    {.name = "stdin",
        .letter = 's',
        .kind = OPTION_CALL,
        .apply = settings_apply_whole,
        .help = "send all of it as the text of one message"},
    {.name = "ndjson",
        .kind = OPTION_CALL,
        .apply = settings_apply_ndjson,
        .help = "send a message for each line: it is the data, in JSON"},
    {.name = "keep-going",
        .letter = 'k',
        .kind = OPTION_FLAG,
        AT(keep_going),
        .help = "go on after a line that cannot be sent; the exit status stays 65"},
    {.name = "failed",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        .is_file = true,
        AT(failed_file),
        .help = "write the inputs that were not delivered to FILE, as they came; with FILE as "
                "input the next run finishes the job"},
    {.name = "inflight",
        .kind = OPTION_COUNT,
        .argument = "N",
        .min = 1,
        .max = 65536,
        AT(inflight),
        .help = "messages without a report yet, at most (default 256)"},
    {.name = "dry-run",
        .letter = 'n',
        .kind = OPTION_CALL,
        .argument = "FORM",
        .implied = "text",
        .words = dry_words,
        .apply = settings_apply_dry,
        .help = "send nothing, print each frame: its four bytes of length in hexadecimal and its "
                "JSON; or, with =bytes, its bytes"},
    {.kind = OPTION_GROUP, .help = "Messages that arrive"},
    {.name = "wait-reply",
        .letter = 'w',
        .kind = OPTION_COUNT,
        .argument = "N",
        .implied = "1",
        .min = 1,
        .max = 1e9,
        AT(replies),
        .help = "print the first N messages that arrive (default 1), and wait for them"},
    {.name = "wait",
        .letter = 'W',
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.001,
        .max = 1e6,
        AT(wait_s),
        .help = "for the next message (default 30s; with --listen as long as it takes)"},
    {.name = "match",
        .letter = 'm',
        .kind = OPTION_CALL,
        .argument = "PATH=VALUE",
        .apply = settings_apply_match,
        .help = "only messages in which this holds, like from=G or data.mood=good"},
    {.name = "listen",
        .kind = OPTION_CALL,
        .apply = settings_apply_listen,
        .help = "send nothing, print what arrives; with --type only what is of that type"},
    {.name = "count",
        .letter = 'c',
        .kind = OPTION_COUNT,
        .argument = "N",
        .min = 1,
        .max = 4e9,
        AT(count),
        .help = "end --listen after N messages (default: never)"},
    {.name = "format",
        .letter = 'F',
        .kind = OPTION_CALL,
        .argument = "TEXT",
        .apply = settings_apply_format,
        .help = "print TEXT for each instead of JSON; {from}, {type}, {id}, {time} and "
                "{data.PATH} are replaced, \\n, \\t and \\{ understood"},
    {.kind = OPTION_GROUP, .help = "Where to"},
    {.name = "server",
        .letter = 'S',
        .kind = OPTION_TEXT,
        .argument = "SERVER",
        AT(login.server),
        .environment = "BESTER_SERVER",
        .help = "host:port, bester://user@host:port, besters://host (TLS) or unix:/path"},
    LOGIN_OPTION_ROWS(struct settings, login),
    {.name = "retry",
        .kind = OPTION_COUNT,
        .argument = "N",
        .max = 1000,
        AT(retry),
        .help = "try again up to N times, with growing pauses, where nothing can happen twice"},
    {.kind = OPTION_GROUP, .help = "What is told, and how long to wait"},
    {.name = "ack",
        .kind = OPTION_CALL,
        .argument = "LEVEL",
        .words = settings_acks,
        .apply = settings_apply_ack,
        .help = "what success is: none (it was sent), accepted (also stored or queued) or "
                "delivered (default)"},
    {.name = "report",
        .kind = OPTION_CALL,
        .argument = "FORMAT",
        .words = report_words,
        .apply = settings_apply_report,
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
    "[OPTIONS] --listen [-t TYPE] [-c N]",
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
        "\"reason\": null, \"rtt_ms\": 1.9}\n"
        "    {\"line\": 2, \"id\": \"...\", \"status\": \"bad\", \"outcome\": null, \"reason\": "
        "\"offline\", \"rtt_ms\": 1.7}\n"
        "\n"
        "status is good; bad; unknown: it was sent, and no report came; unsent: it was\n"
        "not sent; invalid: the line could not be made into a message. line is the\n"
        "number of the record in the input, or 1. detail, recipients and servers stand\n"
        "there if the server told them.\n"},
    {"Finishing a job",
        "With --failed FILE the inputs that were not delivered, those that make no sense,\n"
        "and what was not read any more after an error, are left in FILE, byte for byte.\n"
        "Beside it FILE.ids keeps the ids of those that were sent, so that the same ids\n"
        "are used when FILE is the input of a run with the same --failed FILE, and a\n"
        "server can see that it has had a message already:\n"
        "\n"
        "    bester-send -t chat -a to=G -l --failed todo <lines\n"
        "    bester-send -t chat -a to=G -l --failed todo <todo\n"
        "\n"
        "An empty FILE means that all is done.\n"},
    {"Trying again",
        "--retry tries again where nothing can happen twice: no connection came about; the\n"
        "connection was lost before a message had left; the server says of the login, or of\n"
        "a message, rateLimited, overloaded or shuttingDown, and names nobody who got it. A\n"
        "message whose fate is unknown (exit status 10) is never sent again by itself, nor is\n"
        "a login tried again that was refused for another reason, nor TLS that failed.\n"
        "\n"
        "N is the limit for each message, and for connections one after the other that\n"
        "brought nothing; a message that was reported good begins that count anew. The\n"
        "pauses grow from 0.1 to 5 seconds. --timeout holds for all of it together.\n"},
    {"Messages that arrive",
        "They are printed on standard output, alone there, one JSON object on a line:\n"
        "\n"
        "    {\"type\": \"chat\", \"from\": \"G@S1\", \"id\": \"...\", \"time\": \"...\", "
        "\"data\": {\"text\": \"Yes\"}}\n"
        "\n"
        "PATH of --match and --format names members of that object. At a terminal control\n"
        "characters are shown, not obeyed.\n"},
    {"Which exit status",
        "If several messages ended differently, the status is the first of these that\n"
        "applies: 74, 65, 10, 8; the common one if all failed alike; 3. A message that was\n"
        "stored or queued where --ack asks for delivered counts as 6.\n"},
    {"Examples", "    bester-send -t chat -a to=G \"Are you there?\"\n"
                 "    tail -f log | bester-send -t chat -a to=ops@S2 -l\n"
                 "    bester-send -t echo -d 1 --wait-reply -W 5s\n"
                 "    bester-send --listen -c 10 --match from=G --format '{time} {data.text}'\n"
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
