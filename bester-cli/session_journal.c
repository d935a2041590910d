/* What was said: /log, /last and /grep. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bester-cli/history.h"
#include "bester-cli/session_internal.h"
#include "libbester/visible.h"

static void check(struct session *self, enum status status)
{
    if (status != STATUS_OK)
        screen_say(
            self->screen, STYLE_BAD, "the log: %s; nothing is logged any more", strerror(errno));
}

void session_log_received(struct session *self, struct span message)
{
    check(self, journal_received(&self->journal, message));
}

void session_log_sent(struct session *self, const struct line *line)
{
    char id[CLIENT_ID_MAX];
    char type[80];
    char text[SCREEN_LINE_MAX];
    snprintf(text, sizeof text, "#%lu %s: %s", line->number,
        visible_into(type, sizeof type, span_of(line->type)), line->text);
    journal_keep(&self->journal, span_of(text));
    check(
        self, journal_sent(&self->journal, line->number, outbox_id(&self->outbox, line->number, id),
                  line->type, (struct span){line->data, line->data_len}));
}

void session_log_fate(struct session *self, unsigned long number, const char *fate)
{
    char id[CLIENT_ID_MAX];
    check(self, journal_fate(&self->journal, number, outbox_id(&self->outbox, number, id), fate));
}

void session_log(struct session *self, const char *path)
{
    char own[HISTORY_PATH_MAX];
    char shown[300];
    struct journal *journal = &self->journal;
    if (path[0] == '\0') {
        screen_say(self->screen, STYLE_PLAIN, journal->fd < 0 ? "nothing is logged%s" : "log: %s",
            journal->fd < 0 ? "" : visible_into(shown, sizeof shown, span_of(journal->path)));
        return;
    }
    if (strcmp(path, "off") == 0) {
        journal_close(journal);
        screen_say(self->screen, STYLE_NOTE, "nothing is logged any more");
        return;
    }
    if (strcmp(path, "on") == 0)
        path = history_path(own, "log.ndjson") ? own : "";
    if (journal_open(journal, path) == STATUS_OK)
        screen_say(self->screen, STYLE_NOTE, "logging to %s",
            visible_into(shown, sizeof shown, span_of(path)));
    else
        session_refuse(self, "%s: %s", path, strerror(errno));
}

void session_last(struct session *self, unsigned long count)
{
    unsigned long kept = journal_kept(&self->journal);
    const char *line;
    for (unsigned long i = kept > count ? kept - count : 0;
         (line = journal_line(&self->journal, i)) != NULL; i++)
        screen_say(self->screen, STYLE_PLAIN, "%s", line);
    if (kept == 0)
        screen_say(self->screen, STYLE_PLAIN, "nothing was said yet");
}

void session_grep(struct session *self, const char *text)
{
    size_t found = 0;
    const char *line;
    for (unsigned long i = 0; (line = journal_line(&self->journal, i)) != NULL; i++)
        if (strcasestr(line, text) != NULL) {
            screen_say(self->screen, STYLE_PLAIN, "%s", line);
            found++;
        }
    if (found == 0)
        screen_say(self->screen, STYLE_PLAIN, "nothing was said with that");
}
