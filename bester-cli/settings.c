#include "bester-cli/settings.h"

#include <string.h>

static enum status apply_colour(void *settings, const char *argument, struct fault *fault)
{
    static const char *const names[] = {
        [COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(argument, names[i]) == 0) {
            ((struct settings *)settings)->colour = (enum colour)i;
            return STATUS_OK;
        }
    return fault_set(fault, STATUS_INVALID, 0, "must be auto, always or never");
}

static enum status apply_command(void *settings, const char *argument, struct fault *fault)
{
    struct settings *self = settings;
    if (self->command_count == SETTINGS_COMMANDS_MAX)
        return fault_set(
            fault, STATUS_INVALID, 0, "more than %d; use --source", SETTINGS_COMMANDS_MAX);
    self->commands[self->command_count++] = argument;
    return STATUS_OK;
}

#define AT(member) .offset = offsetof(struct settings, member)

static const struct option_row rows[] = {
    {.kind = OPTION_GROUP, .help = "Where to"},
    {.name = "server",
        .letter = 'S',
        .kind = OPTION_TEXT,
        .argument = "SERVER",
        AT(login.server),
        .environment = "BESTER_SERVER",
        .help = "the same as the operand SERVER, which goes before it"},
    LOGIN_OPTION_ROWS(struct settings, login),
    {.kind = OPTION_GROUP, .help = "To begin with"},
    {.name = "to",
        .kind = OPTION_TEXT,
        .argument = "NAMES",
        AT(to),
        .help = "who gets plain lines, as with /to"},
    {.name = "type",
        .letter = 't',
        .kind = OPTION_TEXT,
        .argument = "TYPE",
        AT(type),
        .help = "as which type they are sent, as with /type (default chat)"},
    {.kind = OPTION_GROUP, .help = "As a script"},
    {.name = "execute",
        .letter = 'e',
        .kind = OPTION_CALL,
        .argument = "LINE",
        .apply = apply_command,
        .help = "do what LINE says as if it were typed, and end; may be given several times"},
    {.name = "source",
        .kind = OPTION_TEXT,
        .argument = "FILE",
        AT(source),
        .help = "do what the lines of FILE say, and end; - is standard input"},
    {.kind = OPTION_GROUP, .help = "Other"},
    {.name = "color",
        .kind = OPTION_CALL,
        .argument = "WHEN",
        .apply = apply_colour,
        .help = "auto (unless NO_COLOR is set), always or never; nothing is told by colour alone"},
    {.name = "plain",
        .kind = OPTION_FLAG,
        AT(plain),
        .help = "for screen readers and dumb terminals: whole lines from top to bottom, no colour, "
                "no control sequence; by itself if TERM is dumb or not set"},
    {.name = "heartbeat",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.05,
        .max = 86400,
        AT(heartbeat_s),
        .help = "after so much silence the server is asked for a sign of life; after twice that it "
                "counts as gone (default 30s)"},
    {.name = "reconnect",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.01,
        .max = 86400,
        AT(reconnect_s),
        .help = "before a lost connection is made again for the first time; the pauses grow from "
                "there to a minute (default 1s)"},
    {.name = "report-timeout",
        .kind = OPTION_SECONDS,
        .argument = "TIME",
        .min = 0.001,
        .max = 1e6,
        AT(report_s),
        .help = "for the report of each message (default 30s)"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {"[OPTIONS] [SERVER]", NULL};

static const struct option_section sections[] = {
    {"Description",
        "Logs in to a Bester server. What you type is sent; what arrives is shown above\n"
        "the line that you are typing.\n"
        "\n"
        "The prompt tells the number of the line, the type as which it will be sent, and\n"
        "to whom:\n"
        "\n"
        "    #3 chat to G@S2> See you at six\n"
        "    #3 delivered\n"
        "    18:07 G@S2: Fine!\n"
        "\n"
        "Each line sent gets its fate by its number: delivered, stored, queued, failed\n"
        "with the reason, no report in time, or fate unknown when the connection was lost.\n"
        "/status and /pending tell where lines are, /again and /resend send them again.\n"
        "\n"
        "/to switches between conversations, each with its type. What comes from somebody\n"
        "else than those you talk to is shown all the same and counted in the prompt as\n"
        "unread; /unread goes where it has waited for the longest, /to alone lists all.\n"
        "\n"
        "When the connection is lost, it is made again: after one to two seconds, then at\n"
        "growing distances up to a minute; the prompt says so, and /connect tries at once.\n"
        "What had not left, and what you write meanwhile, is kept and then sent under the\n"
        "same ids. What was sent and has no report is shown as of unknown fate and never\n"
        "sent again by itself: /resend does it.\n"
        "\n"
        "A line that begins with a slash is a command; /help lists them. What is pasted as\n"
        "several lines is one message. TAB completes commands, types and names. Ctrl-C\n"
        "clears the line, Ctrl-D on an empty one leaves.\n"
        "\n"
        "What others wrote is never obeyed by the terminal: control characters, escape\n"
        "sequences and marks of writing direction are shown as \\x1b or \\u{202e}.\n"},
    {"Server", LOGIN_SERVER_TEXT},
    {"Profiles and passwords", LOGIN_PROFILE_TEXT},
    {"Without a terminal",
        "With -e or --source, or if standard input or output is no terminal, bester-cli is an\n"
        "interpreter of a script: lines as one would type them, of -e in the order given,\n"
        "each counted as a line, or of FILE, or of standard input. It ends at the first line that "
        "makes no sense, and otherwise\n"
        "waits for all reports. Messages that arrive and good fates go to standard output,\n"
        "failures to standard error with the number of the script's line. The exit status\n"
        "is that of bester-send. At a terminal it is 0 after /quit or Ctrl-D.\n"
        "\n"
        "Who does not read a script's standard output does not stop the script: up to 64 MiB\n"
        "wait for him. When there is more, nothing is taken from the server until he reads.\n"
        "At its end the script waits until all is read, or nobody is there to read it, which\n"
        "is exit status 74.\n"},
    {"Files", "$XDG_CONFIG_HOME/bester/templates/TYPE.json: your own template of a type, which\n"
              "goes before the server's.\n"
              "\n"
              "$XDG_STATE_HOME/bester/history: the lines you typed, for you alone. A line that\n"
              "begins with a blank or speaks of a password, secret, token or credential is not\n"
              "kept, nor are answers to /new.\n"
              "\n"
              "$XDG_STATE_HOME/bester/log.ndjson: where /log on writes to. /last and /grep also\n"
              "look at the latest 16 MiB that were there before, or in the FILE of /log.\n"
              "\n"
              "$XDG_STATE_HOME/bester/draft: the text of an /edit that could not be sent.\n"},
    {"See also", "bester-send(1), besterd(8)\n"},
    {NULL, NULL},
};

const struct option_table settings_table = {
    .program = "bester-cli",
    .synopsis = synopsis,
    .summary = "talks to people and services through a Bester server",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .exits = login_exits,
    .sections = sections,
};

void settings_init(struct settings *self)
{
    *self = (struct settings){
        .login = LOGIN_SETTINGS, .type = "chat", .report_s = 30, .heartbeat_s = 30};
}
