/* What a line asks for. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bester-cli/pairs.h"
#include "bester-cli/session_internal.h"
#include "libbester/visible.h"

void session_refuse(struct session *self, const char *format, ...)
{
    char text[SCREEN_LINE_MAX];
    char shown[SCREEN_LINE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    self->refused_input = true;
    screen_say(self->screen, STYLE_BAD, "%s", visible_into(shown, sizeof shown, span_of(text)));
}

/* ", #3 sent" or ", 5 sent". */
static void add_open(
    const struct session *self, enum line_state state, const char *word, struct bytes *out)
{
    size_t count = self->outbox.counts[state];
    const char *comma = out->len == 0 ? "" : ", ";
    if (count == 1)
        (void)!bytes_printf(out, "%s#%lu %s", comma, outbox_first(&self->outbox, state), word);
    else if (count > 1)
        (void)!bytes_printf(out, "%s%zu %s", comma, count, word);
}

/* What waits: " (2 queued, #7 sent, 1 unread)", or "". */
static void open_text(const struct session *self, char *out, size_t cap)
{
    struct bytes text;
    size_t unread = talks_unread(&self->talks);
    bytes_init(&text, cap);
    add_open(self, LINE_QUEUED, "queued", &text);
    add_open(self, LINE_SENT, "sent", &text);
    if (unread > 0)
        (void)!bytes_printf(&text, "%s%zu unread", text.len == 0 ? "" : ", ", unread);
    out[0] = '\0';
    if (text.len > 0)
        snprintf(out, cap, " (%s)", bytes_text(&text));
    bytes_release(&text);
}

const char *session_prompt(const struct session *self, char out[SESSION_PROMPT_MAX])
{
    char type[60];
    char to[80];
    char link[60];
    char open[120];
    if (self->dialogue.active)
        return dialogue_question(&self->dialogue, out, SESSION_PROMPT_MAX);
    visible_into(type, sizeof type, span_of(self->type));
    visible_into(to, sizeof to, span_of(self->to[0] == '\0' ? "nobody" : self->to));
    session_link_text(self, link, sizeof link);
    open_text(self, open, sizeof open);
    const struct type_template *sheet = book_known_template(&self->book, self->type);
    if (sheet != NULL && template_recipients(sheet) != NULL)
        snprintf(out, SESSION_PROMPT_MAX, "%s#%lu %s to %s%s> ", link, self->outbox.next, type, to,
            open);
    else
        snprintf(out, SESSION_PROMPT_MAX, "%s#%lu %s%s> ", link, self->outbox.next, type, open);
    return out;
}

/* Fills in recipients and text as far as the template has fields for them. */
static enum status fill(
    struct session *self, struct form *form, const char *to, const char *text, struct fault *fault)
{
    const struct template_field *recipients = template_recipients(form->sheet);
    const struct template_field *rest = template_rest(form->sheet);
    if (rest == NULL)
        return fault_set(fault, STATUS_INVALID, 0,
            "%s has no field for a plain line; use /new or /raw", form->sheet->type);
    if (recipients != NULL && to[0] == '\0')
        return fault_set(fault, STATUS_INVALID, 0, "to whom? say /to NAME first");
    enum status status = STATUS_OK;
    if (recipients != NULL)
        status = form_set_text(form, recipients, span_of(to), fault);
    if (status == STATUS_OK)
        status = form_set_text(form, rest, span_of(text), fault);
    if (status == STATUS_OK)
        status = form_data(form, &self->compose, fault);
    return status;
}

static void say(struct session *self, const char *type, const char *to, const char *text)
{
    struct fault fault = {0};
    struct form form;
    const struct type_template *sheet = session_template(self, type);
    if (sheet == NULL) {
        session_refuse(self, "%s has no template; send JSON with /raw", type);
        return;
    }
    bytes_reset(&self->compose);
    enum status status = form_init(&form, sheet);
    if (status == STATUS_OK) {
        status = fill(self, &form, to, text, &fault);
        form_release(&form);
    }
    if (status == STATUS_OK)
        session_submit(self, type, bytes_span(&self->compose), text);
    else
        session_refuse(self, "%s", status == STATUS_NO_MEMORY ? "out of memory" : fault.text);
}

void session_say(struct session *self, const char *text)
{
    say(self, self->type, self->to, text);
}

void session_reply(struct session *self, const char *text)
{
    char to[BOOK_NAME_MAX];
    char type[TEMPLATE_NAME_MAX];
    snprintf(to, sizeof to, "%s", self->latest_from);
    snprintf(type, sizeof type, "%s", self->latest_type);
    if (to[0] == '\0') {
        session_refuse(self, "nobody has written yet");
    } else if (text[0] != '\0') {
        say(self, type, to, text);
    } else {
        session_set_to(self, to);
        session_set_type(self, type);
    }
}

void session_send_json(struct session *self, const char *json)
{
    struct fault fault = {0};
    struct span text = span_of(json);
    if (json_check(text, JSON_DEPTH_DEFAULT, &fault) == STATUS_OK) {
        session_submit(self, self->type, text, json);
        return;
    }
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < fault.offset && i < text.len; i++) {
        column = json[i] == '\n' ? 1 : column + 1;
        line += json[i] == '\n';
    }
    const char *why = strstr(fault.text, ": "); /* behind "byte 7" */
    session_refuse(self, "not JSON: line %zu, column %zu: %s", line, column,
        why == NULL ? fault.text : why + 2);
}

void session_edited(struct session *self, const char *text)
{
    const struct type_template *sheet = session_template(self, self->type);
    if (text[strspn(text, " \t\n")] == '\0')
        screen_say(self->screen, STYLE_NOTE, "nothing was sent");
    else if (sheet != NULL && template_rest(sheet) != NULL)
        session_say(self, text);
    else
        session_send_json(self, text);
}

/* ---- /new ------------------------------------------------------------------------------------ */

static void dialogue_done(struct session *self)
{
    struct fault fault = {0};
    bytes_reset(&self->compose);
    if (dialogue_data(&self->dialogue, &self->compose, &fault) == STATUS_OK)
        session_submit(self, self->dialogue.sheet->type, bytes_span(&self->compose),
            bytes_text(&self->compose));
    else
        session_refuse(self, "%s", fault.text);
    dialogue_stop(&self->dialogue);
}

/* "place=Oslo days=3": what is set is not asked for. */
static enum status set_pairs(struct session *self, const char *pairs, struct fault *fault)
{
    enum status status = STATUS_OK;
    enum pull pull = PULL_READY;
    struct bytes pair;
    bytes_init(&pair, SESSION_TO_MAX);
    while (status == STATUS_OK && (pull = pairs_next(&pairs, &pair, fault)) == PULL_READY)
        status = form_set_pair(&self->dialogue.form, bytes_text(&pair), false, fault);
    bytes_release(&pair);
    if (status != STATUS_OK || pull == PULL_BAD)
        return STATUS_INVALID;
    dialogue_skip(&self->dialogue);
    return STATUS_OK;
}

void session_new(struct session *self, const char *argument)
{
    char type[TEMPLATE_NAME_MAX];
    struct fault fault = {0};
    size_t len = strcspn(argument, " \t");
    snprintf(type, sizeof type, "%.*s", (int)len, len == 0 ? self->type : argument);
    if (len == 0)
        snprintf(type, sizeof type, "%s", self->type);
    const struct type_template *sheet = session_template(self, type);
    if (sheet == NULL) {
        session_refuse(self, "%s has no template; send JSON with /raw", type);
    } else if (dialogue_start(&self->dialogue, sheet, self->to) != STATUS_OK) {
        session_refuse(self, "out of memory");
    } else if (set_pairs(self, argument + len, &fault) != STATUS_OK) {
        session_refuse(self, "%s", fault.text);
        dialogue_stop(&self->dialogue);
    } else if (!self->dialogue.active) {
        dialogue_done(self);
    }
}

void session_answer(struct session *self, const char *line)
{
    struct fault fault = {0};
    if (dialogue_answer(&self->dialogue, line, &fault) != STATUS_OK)
        session_refuse(self, "%s", fault.text);
    else if (!self->dialogue.active)
        dialogue_done(self);
}

void session_cancel(struct session *self)
{
    if (self->dialogue.active)
        screen_say(self->screen, STYLE_NOTE, "nothing was sent");
    dialogue_stop(&self->dialogue);
}

/* ---- /type, /to, /raw, /who ------------------------------------------------------------------ */

void session_set_type(struct session *self, const char *type)
{
    if (strlen(type) >= sizeof self->type) {
        session_refuse(self, "the name of a type has at most %zu bytes", sizeof self->type - 1);
        return;
    }
    snprintf(self->type, sizeof self->type, "%s", type);
    talks_set_type(&self->talks, type);
    if (session_template(self, type) == NULL && !self->is_script)
        screen_say(self->screen, STYLE_NOTE, "no template for it is known; send JSON with /raw");
}

void session_show_types(struct session *self)
{
    char name[80];
    char summary[300];
    for (size_t i = 0; i < self->book.type_count; i++) {
        const char *type = self->book.types[i].name;
        const struct type_template *sheet = session_template(self, type);
        bool has_summary = sheet != NULL && sheet->summary != NULL;
        visible_into(summary, sizeof summary,
            span_of(has_summary     ? sheet->summary
                    : sheet == NULL ? "no template"
                                    : ""));
        screen_say(self->screen, STYLE_PLAIN, "%s %-12s %s",
            strcmp(type, self->type) == 0 ? "*" : " ",
            visible_into(name, sizeof name, span_of(type)), summary);
    }
    if (self->book.type_count == 0)
        screen_say(self->screen, STYLE_PLAIN, "the server has told no types; now: %s",
            visible_into(name, sizeof name, span_of(self->type)));
}

void session_meet(struct session *self, const char *names)
{
    char name[BOOK_NAME_MAX];
    while (*names != '\0') {
        names += strspn(names, ", \t");
        size_t len = strcspn(names, ", \t");
        if (len > 0 && len < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)len, names);
            book_meet(&self->book, name);
        }
        names += len;
    }
}

void session_set_to(struct session *self, const char *to)
{
    if (strlen(to) >= sizeof self->to) {
        session_refuse(self, "so many recipients do not fit");
        return;
    }
    snprintf(self->to, sizeof self->to, "%s", to);
    session_meet(self, to);
    const struct talk *talk = talks_go(&self->talks, to, self->type);
    snprintf(self->type, sizeof self->type, "%s", talk->type);
}

void session_next(struct session *self)
{
    char to[SESSION_TO_MAX];
    const struct talk *talk = talks_next(&self->talks);
    if (talk == NULL) {
        screen_say(self->screen, STYLE_PLAIN, "nothing is unread");
        return;
    }
    snprintf(to, sizeof to, "%s", talk->to);
    session_set_to(self, to);
}

void session_show_talks(struct session *self)
{
    char to[100];
    char type[80];
    for (size_t i = 0; i < self->talks.count; i++) {
        const struct talk *talk = &self->talks.at[i];
        char unread[40] = "";
        if (talk->unread > 0)
            snprintf(unread, sizeof unread, ", %zu unread", talk->unread);
        screen_say(self->screen, STYLE_PLAIN, "%s %s as %s%s", i == self->talks.current ? "*" : " ",
            visible_into(to, sizeof to, span_of(talk->to)),
            visible_into(type, sizeof type, span_of(talk->type)), unread);
    }
    if (self->talks.count == 0)
        screen_say(self->screen, STYLE_PLAIN, "nobody; say /to NAME");
}

void session_show_latest(struct session *self)
{
    struct bytes text;
    bytes_init(&text, 8 * self->latest.max);
    if (self->latest.len == 0)
        screen_say(self->screen, STYLE_PLAIN, "no message has come that could be shown");
    else if (visible_append(&text, bytes_span(&self->latest), VISIBLE_LINE) == STATUS_OK)
        screen_put(self->screen, STYLE_PLAIN, bytes_span(&text));
    bytes_release(&text);
}

void session_show_who(struct session *self)
{
    struct fault fault = {0};
    if (self->link != LINK_UP)
        screen_say(self->screen, STYLE_NOTE, "the server cannot be asked: there is no connection");
    else if (client_ask(self->client, "whoami", (struct span){0}, &self->whoami_ticket, &fault) !=
             STATUS_OK)
        session_refuse(self, "%s", fault.text);
    struct bytes people;
    bytes_init(&people, SCREEN_LINE_MAX);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < self->book.people_count && status == STATUS_OK; i++)
        status = bytes_printf(&people, "%s%s", i == 0 ? "" : ", ", self->book.people[i]);
    if (people.len > 0)
        screen_say(self->screen, STYLE_PLAIN, "people met: %s", bytes_text(&people));
    bytes_release(&people);
}
