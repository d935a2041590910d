#include "bester-cli/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bester-cli/verbs.h"

enum { LINE_BYTES = 16 << 20, WAITING_MAX = 256 };

static void finish(struct script *self)
{
    self->over = true;
    ev_io_stop(self->loop, &self->readable);
    session_finish(self->session);
}

static void run_line(struct script *self, struct span record, uint64_t number)
{
    struct session *session = self->session;
    char *line = malloc(record.len + 1);
    session->screen->line = (unsigned long)number;
    if (line == NULL) {
        session_refuse(session, "out of memory");
    } else if (memchr(record.at, '\0', record.len) != NULL) {
        session_refuse(session, "holds a zero byte");
    } else {
        memcpy(line, record.at, record.len);
        line[record.len] = '\0';
        verbs_line(session, line);
    }
    free(line);
    session->screen->line = 0;
}

void script_pump(struct script *self)
{
    struct session *session = self->session;
    while (!self->over && !session->ended && session_waiting(session) < WAITING_MAX) {
        struct span record;
        uint64_t number = 0;
        enum pull pull = records_next(&self->records, &record, &number);
        if (pull == PULL_MORE && !self->records.ended) {
            ev_io_start(self->loop, &self->readable);
            return;
        }
        if (pull == PULL_READY) {
            run_line(self, record, number);
        } else if (pull == PULL_BAD) {
            session->screen->line = (unsigned long)number;
            session_refuse(session, "longer than %d bytes", LINE_BYTES);
            session->screen->line = 0;
        }
        if (pull == PULL_MORE || session->refused_input || session->finishing)
            finish(self);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct script *self = watcher->data;
    char *room = NULL;
    (void)events;
    ev_io_stop(loop, watcher);
    ssize_t n = -1;
    if (records_room(&self->records, &room) == STATUS_OK)
        n = read(watcher->fd, room, RECORDS_READ_BYTES);
    else
        errno = ENOMEM;
    if (n > 0) {
        records_put(&self->records, (size_t)n);
    } else if (n == 0) {
        records_end(&self->records);
    } else if (errno != EINTR && errno != EAGAIN) {
        screen_say(self->session->screen, STYLE_BAD, "the script: %s", strerror(errno));
        self->exit_status = EXIT_LOCAL_IO;
        finish(self);
    }
    script_pump(self);
}

void script_init(struct script *self, struct ev_loop *loop, struct session *session, int fd)
{
    *self = (struct script){.loop = loop, .session = session};
    records_init(&self->records, RECORDS_LINES, LINE_BYTES);
    ev_io_init(&self->readable, on_readable, fd, EV_READ);
    self->readable.data = self;
    ev_io_start(loop, &self->readable);
}

void script_release(struct script *self)
{
    if (self->loop == NULL)
        return;
    ev_io_stop(self->loop, &self->readable);
    records_release(&self->records);
}
