/* The way out: what is left over is kept, what is to be written is. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bester-send/sender_internal.h"

/* Over, if nothing is being written any more. */
static void leave(struct sender *self)
{
    struct fault fault = {0};
    if (self->salvaging)
        return;
    if (leftover_commit(&self->leftover, &fault) != STATUS_OK) {
        sender_complain(self, "%s", fault.text);
        self->exit_status = EXIT_LOCAL_IO;
    }
    self->leftover.path = NULL;
    if (outlet_is_empty(&self->outlet))
        ev_break(self->loop, EVBREAK_ALL);
}

void sender_end_salvage(struct sender *self)
{
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->deadline);
    self->salvaging = false;
    leave(self);
}

static void on_salvage(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct sender *self = watcher->data;
    char piece[RECORDS_READ_BYTES];
    (void)loop, (void)events;
    ssize_t n = read(watcher->fd, piece, sizeof piece);
    if (n > 0) {
        leftover_put_rest(&self->leftover, (struct span){piece, (size_t)n});
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        sender_complain(self, "standard input: %s", strerror(errno));
    sender_end_salvage(self);
}

static bool is_regular(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

/* What has not been looked at goes into the file of --failed; the rest of a pipe
 * too, to its end, if there is time. */
static void salvage(struct sender *self)
{
    if (self->leftover.path == NULL)
        return;
    leftover_begin_rest(&self->leftover, self->has_record ? self->number - 1 : self->input.number);
    if (self->has_record)
        leftover_put_rest(&self->leftover, records_raw(&self->input));
    leftover_put_rest(&self->leftover, records_rest(&self->input));
    if (self->input.ended)
        return;
    if (self->hurry && !is_regular(self->readable.fd)) {
        sender_complain(
            self, "what else comes from standard input is not in %s", self->settings->failed_file);
        return;
    }
    self->salvaging = true;
    ev_set_cb(&self->readable, on_salvage);
    ev_io_start(self->loop, &self->readable);
}

void sender_end(struct sender *self)
{
    if (self->ended)
        return;
    self->ended = true;
    ev_io_stop(self->loop, &self->readable);
    ev_timer_stop(self->loop, &self->pause);
    ev_timer_stop(self->loop, &self->replies);
    if (self->client != NULL)
        client_expire(self->client);
    client_free(self->client);
    self->client = NULL;
    ledger_abandon(&self->ledger, "");
    progress_stop(&self->progress);
    salvage(self);
    if (!self->salvaging)
        ev_timer_stop(self->loop, &self->deadline);
    leave(self);
}

static bool replies_missing(struct sender *self)
{
    return self->received < settings_awaited(self->settings) &&
           ledger_exit(&self->ledger) == EXIT_ALL_GOOD;
}

void sender_end_if_done(struct sender *self)
{
    bool nobody_waits = self->settings->ack == ACK_NONE && self->ledger.again == 0;
    if (!self->sending || self->ended || self->finishing || !self->input_over || self->has_record)
        return;
    if (self->settings->source == SOURCE_LISTEN) {
        if (self->settings->count > 0 && self->received >= self->settings->count)
            sender_end(self);
        return;
    }
    if (!ledger_is_empty(&self->ledger) && !nobody_waits)
        return;
    if (replies_missing(self)) {
        if (!ev_is_active(&self->replies))
            ev_timer_again(self->loop, &self->replies);
    } else if (ledger_is_empty(&self->ledger)) {
        sender_end(self);
    } else {
        self->finishing = true;
        client_finish(self->client);
    }
}

void sender_on_outlet_room(void *user)
{
    struct sender *self = user;
    if (!self->ended && outlet_status(&self->outlet) != STATUS_OK &&
        settings_prints(self->settings)) {
        sender_end(self);
    } else if (!self->ended) {
        if (self->client != NULL)
            client_resume(self->client);
        sender_pump(self);
    } else if (!self->salvaging) {
        ev_break(self->loop, EVBREAK_ALL);
    }
}
