#include "libbester/json_find.h"

#include <string.h>

#include "libbester/json.h"

/* The member of one object; absent if there is none, or no object. */
static struct span member(struct span object, struct span name)
{
    struct json_cursor cursor;
    struct span token;
    struct span value;
    struct span found = {0};
    char buffer[JSON_FIND_NAME_MAX];
    size_t len;
    json_begin(&cursor, object, JSON_DEPTH_MAX);
    if (json_peek(&cursor) != JSON_KIND_OBJECT || json_enter_object(&cursor, NULL) != STATUS_OK)
        return found;
    while (json_next_member(&cursor, &token, NULL) == PULL_READY) {
        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            return found;
        if (json_decode(token, buffer, sizeof buffer, &len) == STATUS_OK && len == name.len &&
            memcmp(buffer, name.at, len) == 0)
            found = value; /* of several the last, as JSON libraries do */
    }
    return found;
}

struct span json_find(struct span value, struct span path)
{
    while (value.at != NULL && path.len > 0) {
        const char *dot = memchr(path.at, '.', path.len);
        size_t len = dot == NULL ? path.len : (size_t)(dot - path.at);
        value = member(value, (struct span){path.at, len});
        size_t used = dot == NULL ? len : len + 1;
        path = (struct span){path.at + used, path.len - used};
    }
    return value;
}
