/* What was said: /log, /last and /grep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bester-cli/history.h"
#include "bester-cli/session_internal.h"
#include "libbester/visible.h"

enum { EARLIER_LINE_MAX = 1 << 20, LAST_MAX = 100000 };

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

/* ---- what was said ---------------------------------------------------------------------------
 */

/* What is looked for among lines of earlier sessions. */
struct looking {
    struct session *session;
    const char *text; /* to be found in the line; NULL: any line does */
    char **latest;    /* a ring of `latest_max`, instead of showing; or NULL */
    size_t latest_max;
    size_t count; /* of lines that did */
};

static enum status render_record(
    struct session *self, const struct journal_record *record, struct bytes *out)
{
    struct message message;
    struct received_text received;
    char type[TEMPLATE_NAME_MAX] = "";
    if (record->message.at == NULL) {
        (void)!json_decode(record->type, type, sizeof type, NULL);
        return render_sent(record->time, record->line, record->type, record->data,
            session_template(self, type), time(NULL), out);
    }
    if (message_parse(&message, record->message, JSON_DEPTH_MAX, NULL) != STATUS_OK)
        return STATUS_INVALID;
    render_read(&received, &message);
    return render_received(&received, session_template(self, received.type), time(NULL), out);
}

static void on_earlier(const struct journal_record *record, void *user)
{
    struct looking *self = user;
    struct bytes line;
    bytes_init(&line, EARLIER_LINE_MAX);
    if (render_record(self->session, record, &line) == STATUS_OK &&
        (self->text == NULL || strcasestr(bytes_text(&line), self->text) != NULL)) {
        if (self->latest == NULL) {
            screen_put(self->session->screen, STYLE_PLAIN, bytes_span(&line));
        } else {
            char **slot = &self->latest[self->count % self->latest_max];
            free(*slot);
            *slot = strdup(bytes_text(&line));
        }
        self->count++;
    }
    bytes_release(&line);
}

/* No file is no lines. */
static void look_back(struct looking *self)
{
    char path[HISTORY_PATH_MAX];
    if (!history_path(path, "log.ndjson"))
        path[0] = '\0';
    (void)!journal_earlier(&self->session->journal, path, on_earlier, self);
}

/* The latest of earlier sessions; how many. */
static size_t show_latest_earlier(struct session *self, size_t count)
{
    struct looking looking = {.session = self, .latest_max = count};
    looking.latest = calloc(count, sizeof *looking.latest);
    if (looking.latest == NULL)
        return 0;
    look_back(&looking);
    for (size_t i = 0; i < count; i++) {
        char *line = looking.latest[(looking.count + i) % count];
        if (line != NULL)
            screen_put(self->screen, STYLE_PLAIN, span_of(line));
        free(line);
    }
    free(looking.latest);
    return looking.count;
}

void session_last(struct session *self, unsigned long count)
{
    unsigned long kept = journal_kept(&self->journal);
    size_t earlier = 0;
    const char *line;
    if (count > LAST_MAX)
        count = LAST_MAX;
    if (kept < count)
        earlier = show_latest_earlier(self, count - kept);
    for (unsigned long i = kept > count ? kept - count : 0;
         (line = journal_line(&self->journal, i)) != NULL; i++)
        screen_say(self->screen, STYLE_PLAIN, "%s", line);
    if (kept == 0 && earlier == 0)
        screen_say(self->screen, STYLE_PLAIN, "nothing was said yet");
}

void session_grep(struct session *self, const char *text)
{
    struct looking looking = {.session = self, .text = text};
    size_t found = 0;
    const char *line;
    look_back(&looking);
    for (unsigned long i = 0; (line = journal_line(&self->journal, i)) != NULL; i++)
        if (strcasestr(line, text) != NULL) {
            screen_say(self->screen, STYLE_PLAIN, "%s", line);
            found++;
        }
    if (found + looking.count == 0)
        screen_say(self->screen, STYLE_PLAIN, "nothing was said with that");
}
