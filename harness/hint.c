#include "harness/hint.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

enum { LAST_WORDS_BYTES_MAX = 400 };

/* The same frame that came before on this edge, and was asked for. */
static const struct event *find_earlier(const struct timeline *timeline, const struct event *got)
{
    for (const struct event *event = timeline_first(timeline); event && event != got;
         event = event->next)
        if (event->kind == EVENT_FRAME && event->line > 0 && event->from == got->from &&
            event->to == got->to && event->json && json_equal(event->json, got->json))
            return event;
    return NULL;
}

char *hint_other(const struct timeline *timeline, const struct event *got, const struct step *later)
{
    const struct event *earlier = got->json ? find_earlier(timeline, got) : NULL;

    if (earlier)
        return must_print(
            "It is the same message that line %u took: it has come twice.", earlier->line);
    if (later)
        return must_print("It is what line %u expects: it has come too early, or what this line "
                          "expects has not come.",
            later->at.line);
    return NULL;
}

/* The last question to a member that has said nothing since; NULL: there is none. */
static const struct event *find_unanswered(const struct timeline *timeline, int member)
{
    const struct event *question = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        if (event->kind == EVENT_FRAME && event->to == member && event->exchange != 0)
            question = event;
        else if (event->kind == EVENT_SAID && event->from == member)
            question = NULL;
    }
    return question;
}

static char *tell_unanswered(const struct timeline *timeline)
{
    const struct scenario *scenario = timeline_scenario(timeline);

    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];
        const struct event *question = NULL;

        if (member->kind != MEMBER_CLIENT && member_is_played(member))
            question = find_unanswered(timeline, (int)i);
        if (question && question->line > 0)
            return must_print("%s was asked at line %u and has said nothing since.", member->name,
                question->line);
        if (question)
            return must_print("%s was asked and has said nothing since.", member->name);
    }
    return NULL;
}

/* Whether the event is a step that takes back what was done before. */
static bool is_healing(const struct event *event)
{
    return strncmp(event->bytes, "healed", 6) == 0 || strncmp(event->bytes, "signal 18 ", 10) == 0;
}

static char *tell_step(const struct timeline *timeline, const struct event *fault)
{
    if (!fault)
        return NULL;
    const struct member *members = timeline_scenario(timeline)->members;
    char *text = event_body_text(fault, 0);
    char *begins = strstr(text, " begins");

    if (begins)
        *begins = '\0';
    char *hint = fault->to < 0
                     ? must_print("Line %u did this to %s: %s.", fault->line,
                           members[fault->from].name, text)
                     : must_print("Line %u disturbed what passes from %s to %s: %s.", fault->line,
                           members[fault->from].name, members[fault->to].name, text);
    free(text);
    return hint;
}

static bool is_edge(const struct event *event, int a, int b)
{
    return (event->from == a && event->to == b) || (event->from == b && event->to == a);
}

/* What the play itself last did to one of the two, if it stands. */
static char *tell_fault(const struct timeline *timeline, int from, int to)
{
    const struct event *fault = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next)
        if (event->kind == EVENT_FAULT && event->line > 0 &&
            (event->from == from || event->from == to || event->to == from || event->to == to))
            fault = is_healing(event) ? NULL : event;
    return tell_step(timeline, fault);
}

char *hint_disturbed(const struct timeline *timeline, int from, int to, bool ended)
{
    const struct event *fault = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        bool to_one = event->to < 0 && (event->from == from || event->from == to);

        if (event->kind == EVENT_FAULT && event->line > 0 &&
            (is_edge(event, from, to) || (ended && to_one)))
            fault = is_healing(event) ? NULL : event;
    }
    return tell_step(timeline, fault);
}

static bool is_output(const struct event *event, int member)
{
    return event->from == member &&
           (event->kind == EVENT_LOG || (event->kind == EVENT_FRAME && event->edge == EDGE_STDOUT));
}

char *hint_last_words(const struct timeline *timeline, int member)
{
    const struct event *last = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next)
        if (is_output(event, member))
            last = event;
    if (!last)
        return NULL;
    char *text = event_body_text(last, LAST_WORDS_BYTES_MAX);
    char *hint = must_print(
        "The last that %s wrote: %s", timeline_scenario(timeline)->members[member].name, text);
    free(text);
    return hint;
}

char *hint_unasked(const struct event *event)
{
    const struct event *before = event;

    while (before && (before->line == 0 || before->kind != EVENT_SAID))
        before =
            before->prev == before || !before->prev || !before->prev->next ? NULL : before->prev;
    if (!before)
        return NULL;
    return must_print(
        "It came after line %u had been said. If it is right, a line for it is missing.",
        before->line);
}

char *hint_not_ended(const struct timeline *timeline, int member)
{
    const struct event *stop = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        if (event->kind != EVENT_FAULT || event->from != member || event->to >= 0)
            continue;
        if (strncmp(event->bytes, "signal 19 ", 10) == 0)
            stop = event;
        else if (is_healing(event))
            stop = NULL;
    }
    if (!stop)
        return NULL;
    return must_print("Line %u stopped %s, and no line has let it continue: but for KILL, signals "
                      "wait until then.",
        stop->line, timeline_scenario(timeline)->members[member].name);
}

char *hint_silence(const struct timeline *timeline, int from, int to)
{
    char *hint = tell_fault(timeline, from, to);

    return hint ? hint : tell_unanswered(timeline);
}
