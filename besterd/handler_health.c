/* How a handler is, for those who look. */
#include <time.h>
#include <unistd.h>

#include "besterd/handler_internal.h"
#include "libbester/visible.h"

double handler_unix_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum handler_state state_of(const struct handler *self)
{
    /* One-shot is only known by its last connection; before the first, by its file. */
    bool up = self->config->protocol == CONFIG_STREAM
                  ? handler_is_connected(self)
                  : self->contact == CONTACT_MADE ||
                        (self->contact == CONTACT_NONE && access(self->config->path, F_OK) == 0);

    return up ? HANDLER_UP : handler_is_running(self) ? HANDLER_STARTING : HANDLER_DOWN;
}

void handler_look(struct handler *self)
{
    enum handler_state state = state_of(self);

    if (self->since_s > 0 && state == self->state)
        return;
    self->state = state;
    self->since_s = handler_unix_s();
}

void handler_remember_failure(struct handler *self, const char *why)
{
    self->failed_s = handler_unix_s();
    visible_into(self->failed_why, sizeof(self->failed_why), span_of(why));
}

struct handler_condition handler_condition(struct handler *self)
{
    unsigned connections = 0;

    handler_look(self);
    for (unsigned i = 0; i < CONFIG_CONNECTIONS_MAX; i++)
        connections += self->lines[i].stream != NULL;
    return (struct handler_condition){
        .state = self->state,
        .since_s = self->since_s,
        .restarts = self->starts > 0 ? self->starts - 1 : 0,
        .connections = connections,
        .questions[QUESTION_SENT] = self->ask_count - self->unsent_count,
        .questions[QUESTION_UNSENT] = self->unsent_count,
        .unsent_bytes = self->unsent_bytes,
        .breaker = &self->breaker,
        .failed_s = self->failed_s,
        .failed_why = self->failed_s > 0 ? self->failed_why : NULL,
    };
}
