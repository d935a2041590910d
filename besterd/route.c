#include "besterd/route.h"

#include <stdlib.h>
#include <string.h>

#include "libbester/json.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

enum { TYPE_MAX = 256 };

struct route_row {
    UT_hash_handle hh;
    struct route_row *prev, *next; /* of those retired */
    struct handler *handler;
    const struct config *config;        /* retired: the one that the handler looks at */
    const struct config_handler *entry; /* in a plan */
    const char *type;                   /* the configuration's */
    bool is_kept;                       /* in a plan: the handler is there already */
    bool is_held;
    bool is_ending;
};

static struct route_row *row_of(struct route_row *rows, const char *type)
{
    struct route_row *row;

    HASH_FIND_STR(rows, type, row);
    return row;
}

/* ---- plans ---- */

/* The row of a type in a plan: with the handler that is there already if that can
 * stay, or with a new one. NULL: out of memory. */
static struct route_row *plan_row(struct route *self, const struct config_handler *config)
{
    const struct route_row *now = row_of(self->rows, config->type);
    struct route_row *row = calloc(1, sizeof(*row));

    if (!row)
        return NULL;
    row->entry = config;
    row->type = config->type;
    row->is_kept = now && handler_is_same(handler_config(now->handler), config);
    row->handler = row->is_kept ? now->handler : handler_new(config, self->context);
    if (row->handler)
        return row;
    free(row);
    return NULL;
}

void route_cancel(struct route_row *plan)
{
    struct route_row *row, *next;

    HASH_ITER (hh, plan, row, next) {
        HASH_DEL(plan, row);
        if (!row->is_kept)
            handler_free(row->handler);
        free(row);
    }
}

enum status route_plan(struct route *self, const struct config *config, struct route_row **plan)
{
    struct route_row *rows = NULL;

    for (size_t i = 0; i < config->handler_count; i++) {
        struct route_row *row = plan_row(self, &config->handlers[i]);
        bool entered = false;

        if (row) {
            HASH_ADD_KEYPTR(hh, rows, row->type, strlen(row->type), row);
            entered = row->hh.tbl != NULL;
        }
        if (entered)
            continue;
        if (row && !row->is_kept)
            handler_free(row->handler);
        free(row);
        route_cancel(rows);
        return STATUS_NO_MEMORY;
    }
    *plan = rows;
    return STATUS_OK;
}

/* ---- those that are retired ---- */

/* Whether a process of ours that is to end, retired before `end` (NULL: ever), is
 * at the path still. */
static bool is_blocked(const struct route *self, const struct route_row *end, const char *path)
{
    for (const struct route_row *row = self->retired; row && row != end; row = row->next)
        if (handler_config(row->handler)->binary &&
            strcmp(handler_config(row->handler)->path, path) == 0)
            return true;
    return false;
}

static void row_release(struct route *self, const struct route_row *end, struct route_row *row)
{
    if (!row->is_held || is_blocked(self, end, handler_config(row->handler)->path))
        return;
    row->is_held = false;
    handler_start(row->handler);
}

void route_sweep(struct route *self)
{
    struct route_row *row, *next;

    DL_FOREACH_SAFE (self->retired, row, next) {
        if (handler_questions(row->handler) > 0) {
            row_release(self, row, row);
            continue;
        }
        if (!row->is_ending)
            handler_stop(row->handler);
        row->is_ending = true;
        if (!handler_is_idle(row->handler))
            continue;
        DL_DELETE(self->retired, row);
        handler_free(row->handler);
        config_unref(row->config);
        free(row);
    }
    for (row = self->rows; row; row = row->hh.next)
        row_release(self, NULL, row);
}

/* ---- a reload ---- */

/* The old rows: those whose handler stays go, the others are retired. */
static void retire_rows(struct route *self, struct route_row *rows, struct route_row *plan,
    void (*replaced)(struct handler *old, struct handler *now, void *user), void *user)
{
    struct route_row *row, *next;

    HASH_ITER (hh, rows, row, next) {
        struct route_row *now = row_of(plan, row->type);

        HASH_DEL(rows, row);
        if (now && now->is_kept) {
            now->is_held = row->is_held;
            handler_reconfigure(now->handler, now->entry);
            free(row);
            continue;
        }
        row->config = config_ref(self->config);
        DL_APPEND(self->retired, row);
        replaced(row->handler, now ? now->handler : NULL, user);
        handler_retire(row->handler);
    }
}

void route_commit(struct route *self, const struct config *config, struct route_row *plan,
    void (*replaced)(struct handler *old, struct handler *now, void *user), void *user)
{
    struct route_row *rows = self->rows;

    self->rows = plan;
    retire_rows(self, rows, plan, replaced, user);
    config_ref(config);
    config_unref(self->config);
    self->config = config;
    for (struct route_row *row = self->rows; row; row = row->hh.next) {
        if (row->is_kept)
            continue;
        row->is_held = is_blocked(self, NULL, handler_config(row->handler)->path);
        if (row->is_held)
            handler_hold(row->handler);
        else
            handler_start(row->handler);
    }
}

/* ---- birth and end ---- */

enum status route_init(
    struct route *self, const struct config *config, const struct handler_context *context)
{
    *self = (struct route){.context = context};
    enum status status = route_plan(self, config, &self->rows);

    if (status == STATUS_OK)
        self->config = config_ref(config);
    return status;
}

void route_release(struct route *self)
{
    struct route_row *row, *next;

    HASH_ITER (hh, self->rows, row, next) {
        HASH_DEL(self->rows, row);
        handler_free(row->handler);
        free(row);
    }
    DL_FOREACH_SAFE (self->retired, row, next) {
        DL_DELETE(self->retired, row);
        handler_free(row->handler);
        config_unref(row->config);
        free(row);
    }
    config_unref(self->config);
}

/* ---- looking up ---- */

struct handler *route_find(const struct route *self, struct span type_token)
{
    struct route_row *row;
    char decoded[TYPE_MAX];
    size_t len;

    if (json_decode(type_token, decoded, sizeof(decoded), &len) != STATUS_OK)
        return NULL;
    HASH_FIND(hh, self->rows, decoded, len, row);
    return row ? row->handler : NULL;
}

void route_each_current(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user)
{
    for (struct route_row *row = self->rows; row; row = row->hh.next)
        each(row->handler, user);
}

void route_each(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user)
{
    route_each_current(self, each, user);
    for (struct route_row *row = self->retired; row; row = row->next)
        each(row->handler, user);
}

static void note_running(struct handler *handler, void *any)
{
    if (handler_is_running(handler))
        *(bool *)any = true;
}

bool route_any_running(const struct route *self)
{
    bool any = false;

    route_each(self, note_running, &any);
    return any;
}
