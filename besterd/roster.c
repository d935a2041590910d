#include "besterd/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A failed allocation must reach roster_log_in, not end the server. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct roster_user {
    UT_hash_handle hh;
    struct session *sessions;
    size_t count;
    char name[];
};

void roster_init(struct roster *self)
{
    *self = (struct roster){0};
    slots_init(&self->numbers);
}

static void roster_forget_user(struct roster *self, struct roster_user *user)
{
    HASH_DEL(self->users, user);
    free(user);
}

void roster_release(struct roster *self)
{
    uint32_t cursor = 0;
    struct session *session;

    while ((session = slots_next(&self->numbers, &cursor)) != NULL) {
        roster_leave(self, session);
        slots_remove(&self->numbers, session->number);
        session_free(session);
    }
    roster_sweep(self);
    slots_release(&self->numbers);
}

enum status roster_enter(struct roster *self, struct session *session)
{
    session->number = slots_add(&self->numbers, session);
    return session->number ? STATUS_OK : STATUS_NO_MEMORY;
}

struct session *roster_find(const struct roster *self, uint64_t number)
{
    return slots_find(&self->numbers, number);
}

static struct roster_user *roster_user(const struct roster *self, const char *name)
{
    struct roster_user *user;

    HASH_FIND_STR(self->users, name, user);
    return user;
}

static struct roster_user *roster_add_user(struct roster *self, const char *name)
{
    size_t len = strlen(name);
    struct roster_user *user = calloc(1, sizeof(*user) + len + 1);

    if (!user)
        return NULL;
    memcpy(user->name, name, len + 1);
    HASH_ADD_STR(self->users, name, user);
    if (user->hh.tbl)
        return user;
    free(user); /* the table could not grow */
    return NULL;
}

enum status roster_log_in(struct roster *self, struct session *session)
{
    struct roster_user *user = roster_user(self, session->user);

    if (!user)
        user = roster_add_user(self, session->user);
    if (!user)
        return STATUS_NO_MEMORY;
    session->next_of_user = user->sessions;
    if (user->sessions)
        user->sessions->previous_of_user = session;
    user->sessions = session;
    user->count++;
    self->clients++;
    return STATUS_OK;
}

void roster_leave(struct roster *self, struct session *session)
{
    struct roster_user *user = session->user ? roster_user(self, session->user) : NULL;

    /* One that failed in its login has a name too, but is in no list. */
    if (!user || (user->sessions != session && !session->previous_of_user))
        return;
    if (session->previous_of_user)
        session->previous_of_user->next_of_user = session->next_of_user;
    else
        user->sessions = session->next_of_user;
    if (session->next_of_user)
        session->next_of_user->previous_of_user = session->previous_of_user;
    session->next_of_user = session->previous_of_user = NULL;
    assert(self->clients > 0 && user->count > 0);
    self->clients--;
    user->count--;
    if (!user->sessions)
        roster_forget_user(self, user);
}

void roster_remove(struct roster *self, struct session *session)
{
    roster_leave(self, session);
    if (!slots_remove(&self->numbers, session->number))
        return;
    session->next_of_user = self->gone;
    self->gone = session;
}

void roster_sweep(struct roster *self)
{
    while (self->gone) {
        struct session *session = self->gone;

        self->gone = session->next_of_user;
        session_free(session);
    }
}

size_t roster_count(const struct roster *self, const char *user)
{
    const struct roster_user *found = roster_user(self, user);

    return found ? found->count : 0;
}

struct session *roster_sessions(const struct roster *self, const char *user)
{
    struct roster_user *found = roster_user(self, user);

    return found ? found->sessions : NULL;
}

/* One candidate for the heaviest. */
struct burden {
    struct session *session;
    size_t of_session, of_user;
};

static void burden_add(struct burden *self, struct session *session, size_t *of_all)
{
    size_t bytes = session_held_bytes(session);

    *of_all += bytes;
    self->of_user += bytes;
    if (bytes > self->of_session) {
        self->of_session = bytes;
        self->session = session;
    }
}

static void burden_compare(struct burden *heaviest, const struct burden *other)
{
    if (other->of_user > heaviest->of_user)
        *heaviest = *other;
}

struct session *roster_heaviest(const struct roster *self, size_t *of_user, size_t *of_all)
{
    struct burden heaviest = {.session = NULL};
    struct session *session;
    uint32_t cursor = 0;
    size_t all = 0;

    while ((session = roster_next(self, &cursor)) != NULL) {
        struct burden alone = {.session = NULL};

        if (session->state == SESSION_CLIENT)
            continue; /* with its user, below */
        burden_add(&alone, session, &all);
        burden_compare(&heaviest, &alone);
    }
    for (const struct roster_user *user = self->users; user; user = user->hh.next) {
        struct burden together = {.session = NULL};

        for (session = user->sessions; session; session = session->next_of_user)
            burden_add(&together, session, &all);
        burden_compare(&heaviest, &together);
    }
    *of_user = heaviest.of_user;
    *of_all = all;
    return heaviest.session;
}

void roster_each_user(
    const struct roster *self, void (*each)(const char *user, void *argument), void *argument)
{
    for (const struct roster_user *user = self->users; user; user = user->hh.next)
        each(user->name, argument);
}

struct session *roster_next(const struct roster *self, uint32_t *cursor)
{
    return slots_next(&self->numbers, cursor);
}
