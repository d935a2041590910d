#include "besterd/route.h"

#include <stdlib.h>
#include <string.h>

#include "libbester/json.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { TYPE_MAX = 256 };

struct route_row {
    UT_hash_handle hh;
    struct handler *handler;
    const char *type; /* the configuration's */
};

enum status route_init(
    struct route *self, const struct config *config, const struct handler_context *context)
{
    self->rows = NULL;
    for (size_t i = 0; i < config->handler_count; i++) {
        struct route_row *row = calloc(1, sizeof(*row));

        if (row)
            row->handler = handler_new(&config->handlers[i], context);
        if (!row || !row->handler) {
            free(row);
            route_release(self);
            return STATUS_NO_MEMORY;
        }
        row->type = config->handlers[i].type;
        HASH_ADD_KEYPTR(hh, self->rows, row->type, strlen(row->type), row);
        if (!row->hh.tbl) {
            handler_free(row->handler);
            free(row);
            route_release(self);
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

void route_release(struct route *self)
{
    struct route_row *row, *next;

    HASH_ITER (hh, self->rows, row, next) {
        HASH_DEL(self->rows, row);
        handler_free(row->handler);
        free(row);
    }
}

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

void route_each(
    const struct route *self, void (*each)(struct handler *handler, void *user), void *user)
{
    for (struct route_row *row = self->rows; row; row = row->hh.next)
        each(row->handler, user);
}

bool route_any_running(const struct route *self)
{
    for (struct route_row *row = self->rows; row; row = row->hh.next)
        if (handler_is_running(row->handler))
            return true;
    return false;
}
