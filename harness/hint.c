#include "harness/hint.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

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

/* What the play itself last did to one of the two, if it stands. */
static char *tell_fault(const struct timeline *timeline, int from, int to)
{
    const struct event *fault = NULL;

    for (const struct event *event = timeline_first(timeline); event; event = event->next)
        if (event->kind == EVENT_FAULT && event->line > 0 &&
            (event->from == from || event->from == to || event->to == from || event->to == to))
            fault = is_healing(event) ? NULL : event;
    if (!fault)
        return NULL;
    char *text = event_text(timeline, fault, 0);
    char *hint = must_print("Line %u did this: %s.", fault->line, text);
    free(text);
    return hint;
}

char *hint_silence(const struct timeline *timeline, int from, int to)
{
    char *hint = tell_fault(timeline, from, to);

    return hint ? hint : tell_unanswered(timeline);
}
