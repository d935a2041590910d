#include "bester-cli/talks.h"

#include <stdio.h>
#include <string.h>

void talks_init(struct talks *self)
{
    *self = (struct talks){.current = TALKS_MAX};
}

void talks_set_server(struct talks *self, const char *server)
{
    snprintf(self->server, sizeof self->server, "%s", server);
}

/* The length of a name without the "@server" that is ours. */
static size_t bare_len(const struct talks *self, const char *name, size_t len)
{
    size_t own = strlen(self->server);
    if (own > 0 && len > own + 1 && name[len - own - 1] == '@' &&
        memcmp(name + len - own, self->server, own) == 0)
        return len - own - 1;
    return len;
}

static bool is_same(
    const struct talks *self, const char *a, size_t a_len, const char *b, size_t b_len)
{
    a_len = bare_len(self, a, a_len);
    b_len = bare_len(self, b, b_len);
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool is_among(const struct talks *self, const char *names, const char *name)
{
    while (*names != '\0') {
        names += strspn(names, ", \t");
        size_t len = strcspn(names, ", \t");
        if (len > 0 && is_same(self, names, len, name, strlen(name)))
            return true;
        names += len;
    }
    return false;
}

static struct talk *find(struct talks *self, const char *to)
{
    for (size_t i = 0; i < self->count; i++)
        if (is_same(self, self->at[i].to, strlen(self->at[i].to), to, strlen(to)))
            return &self->at[i];
    return NULL;
}

static struct talk *quietest(struct talks *self)
{
    struct talk *found = NULL;
    for (size_t i = 0; i < self->count; i++)
        if (i != self->current && (found == NULL || self->at[i].moved < found->moved))
            found = &self->at[i];
    return found;
}

static struct talk *find_or_add(struct talks *self, const char *to, const char *type)
{
    struct talk *talk = find(self, to);
    if (talk != NULL)
        return talk;
    talk = self->count < TALKS_MAX ? &self->at[self->count++] : quietest(self);
    *talk = (struct talk){0};
    snprintf(talk->to, sizeof talk->to, "%s", to);
    snprintf(talk->type, sizeof talk->type, "%s", type);
    return talk;
}

struct talk *talks_go(struct talks *self, const char *to, const char *type)
{
    struct talk *talk = find_or_add(self, to, type);
    snprintf(talk->to, sizeof talk->to, "%s", to); /* as it was written this time */
    talk->moved = ++self->moves;
    talk->unread = 0;
    self->current = (size_t)(talk - self->at);
    return talk;
}

void talks_set_type(struct talks *self, const char *type)
{
    if (self->current < TALKS_MAX)
        snprintf(self->at[self->current].type, TEMPLATE_NAME_MAX, "%s", type);
}

void talks_received(struct talks *self, const char *from, const char *type)
{
    if (from[0] == '\0' || strlen(from) >= TALK_TO_MAX)
        return;
    if (self->current < TALKS_MAX && is_among(self, self->at[self->current].to, from))
        return;
    struct talk *talk = find_or_add(self, from, type);
    if (talk->unread++ == 0)
        talk->moved = ++self->moves;
}

size_t talks_unread(const struct talks *self)
{
    size_t unread = 0;
    for (size_t i = 0; i < self->count; i++)
        unread += self->at[i].unread;
    return unread;
}

const struct talk *talks_next(const struct talks *self)
{
    const struct talk *found = NULL;
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].unread > 0 && (found == NULL || self->at[i].moved < found->moved))
            found = &self->at[i];
    return found;
}
