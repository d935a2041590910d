#include "bester-cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bester-cli/pairs.h"
#include "libbester/options.h"

typedef void verb_run(struct session *session, const char *argument);

/* What the argument of a verb can be completed to; TEXT: to nothing, but it may be as
 * long as it likes. */
enum argument {
    ARGUMENT_NONE,
    ARGUMENT_TEXT,
    ARGUMENT_PEOPLE,
    ARGUMENT_TYPE,
    ARGUMENT_VERB,
    ARGUMENT_FILE
};

static void run_to(struct session *session, const char *argument)
{
    if (argument[0] != '\0')
        session_set_to(session, argument);
    else
        session_show_talks(session);
}

static void run_type(struct session *session, const char *argument)
{
    if (argument[0] != '\0')
        session_set_type(session, argument);
    else
        session_show_types(session);
}

static void run_next(struct session *session, const char *argument)
{
    (void)argument;
    session_next(session);
}

static void run_new(struct session *session, const char *argument)
{
    session_new(session, argument);
}

static void run_raw(struct session *session, const char *argument)
{
    if (argument[0] != '\0')
        session_send_json(session, argument);
    else
        session_show_latest(session);
}

static void run_who(struct session *session, const char *argument)
{
    (void)argument;
    session_show_who(session);
}

/* "#3" or "3"; nothing is 0, the latest. */
static bool number_of(struct session *session, const char *argument, unsigned long *out)
{
    unsigned number = 0;
    struct fault fault = {0};
    argument += argument[0] == '#';
    if (argument[0] != '\0' && options_count(argument, 1, 0, &number, &fault) != STATUS_OK) {
        session_refuse(session, "%s is not the number of a line", argument);
        return false;
    }
    *out = number;
    return true;
}

static void run_status(struct session *session, const char *argument)
{
    unsigned long number;
    if (argument[0] == '\0')
        session_show_status(session);
    else if (number_of(session, argument, &number))
        session_show_line(session, number);
}

static void run_pending(struct session *session, const char *argument)
{
    (void)argument;
    session_show_pending(session);
}

static void run_again(struct session *session, const char *argument)
{
    unsigned long number;
    if (number_of(session, argument, &number))
        session_again(session, number);
}

static void run_resend(struct session *session, const char *argument)
{
    unsigned long number;
    if (argument[0] == '\0')
        session_refuse(session, "which line? /pending lists those without a good fate");
    else if (number_of(session, argument, &number))
        session_resend(session, number);
}

static void run_reply(struct session *session, const char *argument)
{
    session_reply(session, argument);
}

static void run_log(struct session *session, const char *argument)
{
    session_log(session, argument);
}

static void run_last(struct session *session, const char *argument)
{
    unsigned long count;
    if (number_of(session, argument, &count))
        session_last(session, count == 0 ? 10 : count);
}

static void run_grep(struct session *session, const char *argument)
{
    if (argument[0] == '\0')
        session_refuse(session, "/grep what?");
    else
        session_grep(session, argument);
}

static void run_edit(struct session *session, const char *argument)
{
    (void)argument;
    session->callbacks->on_edit(session->user);
}

static void run_connect(struct session *session, const char *argument)
{
    (void)argument;
    session_connect(session);
}

static void run_quit(struct session *session, const char *argument)
{
    (void)argument;
    session->callbacks->on_quit(session->user);
}

static void run_help(struct session *session, const char *argument);

static const struct verb {
    const char *name; /* with its slash */
    const char *argument;
    const char *help;
    enum argument completion;
    verb_run *run;
} verbs[] = {
    {"/again", "[ID]", "send the latest line, or #ID, once more as a new line", ARGUMENT_NONE,
        run_again},
    {"/connect", "", "try to connect now instead of later", ARGUMENT_NONE, run_connect},
    {"/edit", "", "write a message in your editor, $VISUAL or $EDITOR", ARGUMENT_NONE, run_edit},
    {"/grep", "TEXT",
        "show what was said with TEXT in it, in earlier sessions too if they were logged",
        ARGUMENT_NONE, run_grep},
    {"/help", "[COMMAND]", "list the commands, or tell about one", ARGUMENT_VERB, run_help},
    {"/last", "[N]", "show the latest N (10) lines that were said, also earlier if that was logged",
        ARGUMENT_NONE, run_last},
    {"/log", "[on|off|FILE]", "append all that is said to FILE as NDJSON; alone: tell where to",
        ARGUMENT_FILE, run_log},
    {"/new", "[TYPE [FIELD=VALUE...]]",
        "ask for a message field by field; Ctrl-C gives up; a VALUE with blanks stands in \"\"",
        ARGUMENT_TYPE, run_new},
    {"/pending", "", "list the lines that are queued, sent without a report, or of unknown fate",
        ARGUMENT_NONE, run_pending},
    {"/quit", "", "wait for the reports of what was sent, and leave (Ctrl-D)", ARGUMENT_NONE,
        run_quit},
    {"/raw", "[JSON]", "send this data as the current type; alone: show the latest message's JSON",
        ARGUMENT_TEXT, run_raw},
    {"/reply", "[TEXT]", "answer who wrote last; alone: talk to them from now on", ARGUMENT_TEXT,
        run_reply},
    {"/resend", "ID", "send a line that may not have arrived again, under the same id",
        ARGUMENT_NONE, run_resend},
    {"/status", "[ID]", "tell about the connection and all lines, or about one line", ARGUMENT_NONE,
        run_status},
    {"/to", "[NAMES]", "talk to G, or G@S2, or several with commas; alone: list the conversations",
        ARGUMENT_PEOPLE, run_to},
    {"/type", "[TYPE]", "say as which type plain lines are sent; alone: list the types",
        ARGUMENT_TYPE, run_type},
    {"/unread", "", "talk where something unread has waited for the longest", ARGUMENT_NONE,
        run_next},
    {"/who", "", "tell who you are to the server, and whom you have met", ARGUMENT_NONE, run_who},
};
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

const char *verbs_usage(size_t index, const char **help)
{
    static char usage[64];
    if (index >= VERB_COUNT)
        return NULL;
    const struct verb *verb = &verbs[index];
    snprintf(usage, sizeof usage, "%s%s%s", verb->name, verb->argument[0] == '\0' ? "" : " ",
        verb->argument);
    *help = verb->help;
    return usage;
}

/* The verb of that name, or the only one that begins so; *many: more than one. */
static const struct verb *find(const char *name, size_t len, bool *many)
{
    const struct verb *found = NULL;
    *many = false;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strncmp(verbs[i].name, name, len) != 0)
            continue;
        if (strlen(verbs[i].name) == len) {
            *many = false;
            return &verbs[i];
        }
        *many = found != NULL || *many;
        found = &verbs[i];
    }
    return *many ? NULL : found;
}

static void run_help(struct session *session, const char *argument)
{
    char name[64];
    bool many;
    snprintf(name, sizeof name, "%s%s", argument[0] == '/' ? "" : "/", argument);
    const struct verb *one = argument[0] == '\0' ? NULL : find(name, strlen(name), &many);
    const char *help;
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (one == NULL || one == &verbs[i]) {
            const char *usage = verbs_usage(i, &help);
            screen_say(session->screen, STYLE_PLAIN, "  %-16s %s", usage, help);
        }
    if (one == NULL)
        screen_say(session->screen, STYLE_PLAIN,
            "  anything else    is sent; what begins with '/' is sent after another '/'");
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static void run_verb(struct session *session, const char *line)
{
    bool many;
    size_t len = strcspn(line, " \t");
    const struct verb *verb = find(line, len, &many);
    char argument[SESSION_TO_MAX];
    const char *rest = skip_blanks(line + len);
    size_t rest_len = strlen(rest);
    while (rest_len > 0 && (rest[rest_len - 1] == ' ' || rest[rest_len - 1] == '\t'))
        rest_len--;
    if (verb == NULL) {
        session_refuse(session, "%.*s: %s; /help lists the commands", (int)(len > 60 ? 60 : len),
            line, many ? "could be several commands" : "no such command");
    } else if (verb->completion == ARGUMENT_TEXT) {
        verb->run(session, rest);
    } else if (rest_len >= sizeof argument) {
        session_refuse(session, "%s: too long", verb->name);
    } else if (rest_len > 0 && verb->argument[0] == '\0') {
        session_refuse(session, "%s stands alone", verb->name);
    } else {
        snprintf(argument, sizeof argument, "%.*s", (int)rest_len, rest);
        verb->run(session, argument);
    }
}

void verbs_line(struct session *session, const char *line)
{
    bool pasted = strchr(line, '\n') != NULL;
    if (session->dialogue.active)
        session_answer(session, line);
    else if (!pasted && line[0] == '/' && line[1] == '/')
        session_say(session, line + 1);
    else if (!pasted && line[0] == '/')
        run_verb(session, line);
    else if (skip_blanks(line)[0] != '\0')
        session_say(session, line);
}

/* ---- completion ------------------------------------------------------------------------------ */

/* The index-th of `count` names that begins like word. */
static char *pick(const void *names, size_t size, size_t count, const char *word, unsigned index)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = (const char *)names + i * size;
        if (strncmp(name, word, strlen(word)) == 0 && book_is_showable(name) && index-- == 0)
            return strdup(name);
    }
    return NULL;
}

static char *pick_verb(const char *word, unsigned index)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strncmp(verbs[i].name, word, strlen(word)) == 0 && index-- == 0)
            return strdup(verbs[i].name);
    return NULL;
}

bool verbs_wants_file(const char *line, size_t start)
{
    bool many;
    const struct verb *verb = line[0] == '/' ? find(line, strcspn(line, " \t"), &many) : NULL;
    return start > 0 && verb != NULL && verb->completion == ARGUMENT_FILE;
}

/* "place=", of the type that stands behind the verb. */
static char *pick_field(const struct book *book, const char *line, const char *word, unsigned index)
{
    char type[TEMPLATE_NAME_MAX];
    char text[TEMPLATE_NAME_MAX + 1];
    const char *at = skip_blanks(line + strcspn(line, " \t"));
    snprintf(type, sizeof type, "%.*s", (int)strcspn(at, " \t"), at);
    const struct type_template *sheet = book_known_template(book, type);
    for (size_t i = 0; sheet != NULL && i < sheet->field_count; i++) {
        snprintf(text, sizeof text, "%s=", sheet->fields[i].name);
        if (strncmp(text, word, strlen(word)) == 0 && strstr(line, text) == NULL &&
            book_is_showable(text) && index-- == 0)
            return strdup(text);
    }
    return NULL;
}

char *verbs_complete(
    const struct session *session, const char *line, size_t start, const char *word, unsigned index)
{
    const struct book *book = &session->book;
    bool many;
    if (start == 0 && word[0] == '/' && !session->dialogue.active)
        return pick_verb(word, index);
    const struct verb *verb = line[0] == '/' ? find(line, strcspn(line, " \t"), &many) : NULL;
    enum argument wanted = verb == NULL ? ARGUMENT_PEOPLE : verb->completion;
    size_t argument = strcspn(line, " \t");
    argument += strspn(line + argument, " \t");
    if (wanted == ARGUMENT_TYPE && start > argument)
        return verb->run == run_new && !pairs_is_open(line, start)
                   ? pick_field(book, line, word, index)
                   : NULL;
    if (wanted == ARGUMENT_TYPE)
        return pick(book->types, sizeof *book->types, book->type_count, word, index);
    if (wanted == ARGUMENT_PEOPLE)
        return pick(book->people, sizeof *book->people, book->people_count, word, index);
    return wanted == ARGUMENT_VERB ? pick_verb(word, index) : NULL;
}
