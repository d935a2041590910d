#include "harness/guests.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/visible.h"

/* Of a cast that runs for days, those who came long ago are forgotten. */
enum { NAME_ROOM = 64, GUESTS_MAX = 4096 };

/* Who has not said yet who he is. */
static const char *const unknown = "?";

static struct guest *find(const struct guests *self, int member, unsigned order)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].member == member && self->items[i].order == order)
            return &self->items[i];
    return NULL;
}

static void forget_half(struct guests *self)
{
    size_t gone = self->count / 2;

    for (size_t i = 0; i < gone; i++)
        free(self->items[i].name);
    self->count -= gone;
    memmove(self->items, self->items + gone, self->count * sizeof(*self->items));
}

void guests_release(struct guests *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i].name);
    free(self->items);
    *self = (struct guests){0};
}

static const char *user_of(const json_t *login)
{
    const json_t *header = json_object_get(login, "header");
    const json_t *authentication = json_object_get(header, "authentication");

    return json_string_value(json_object_get(authentication, "username"));
}

void guests_note(struct guests *self, const struct scenario *scenario, const struct event *event)
{
    const char *user = event->edge == EDGE_CLIENT_SERVER ? user_of(event->json) : NULL;
    char name[NAME_ROOM];

    if (!user || !scenario->members[event->from].client.guest ||
        find(self, event->from, event->order))
        return;
    if (self->count == GUESTS_MAX)
        forget_half(self);
    visible_into(name, sizeof(name), span_of(user));
    must_grow(self->items, self->count);
    self->items[self->count++] =
        (struct guest){.member = event->from, .order = event->order, .name = must_copy(name)};
}

const char *guests_name(
    const struct guests *self, const struct scenario *scenario, int member, unsigned order)
{
    const struct guest *guest;

    if (!scenario->members[member].client.guest)
        return scenario->members[member].name;
    guest = find(self, member, order);
    return guest ? guest->name : unknown;
}
