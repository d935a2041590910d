#include "libbester/message.h"

#include <stddef.h>
#include <string.h>

/* ---- parsing ---- */

struct member {
    const char *name;
    size_t name_len;
    size_t offset; /* of a struct span in struct message */
};

#define ROW(json_name, field)              \
    {.name = (json_name),                  \
        .name_len = sizeof(json_name) - 1, \
        .offset = offsetof(struct message, field)},

static const struct member header_members[] = {MESSAGE_HEADER_TABLE(ROW)};
static const struct member payload_members[] = {MESSAGE_PAYLOAD_TABLE(ROW)};
/* "header" and "payload" stand first: TOP_HEADER, TOP_PAYLOAD. */
static const struct member top_members[] = {
    ROW("header", header) ROW("payload", payload) ROW("data", top_data)};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
_Static_assert(COUNT(header_members) <= 32 && COUNT(payload_members) <= 32, "a bit for each");

enum { TOP_HEADER, TOP_PAYLOAD, NOT_KNOWN = 32 };

/* One object of the envelope while it is walked. */
struct level {
    const struct member *members;
    unsigned count;
    uint32_t seen; /* a bit for each member that was met */
    unsigned unknown_count;
    struct span unknown[MESSAGE_MEMBERS_MAX];
};

static void level_init(struct level *self, const struct member *members, size_t count)
{
    self->members = members;
    self->count = (unsigned)count;
    self->seen = 0;
    self->unknown_count = 0; /* unknown[] is filled as needed */
}

static unsigned level_find(const struct level *self, struct span token)
{
    const char *inside = token.at + 1;
    size_t len = token.len - 2;
    bool escaped = len > 0 && memchr(inside, '\\', len) != NULL;
    for (unsigned i = 0; i < self->count; i++) {
        const struct member *member = &self->members[i];
        if (escaped ? json_string_is(token, member->name)
                    : member->name_len == len && memcmp(member->name, inside, len) == 0)
            return i;
    }
    return NOT_KNOWN;
}

static size_t offset_in(const struct json_cursor *cursor, struct span token)
{
    return (size_t)(token.at - cursor->start);
}

/* Notes that a name was met: *index of its row, or NOT_KNOWN. */
static enum status level_meet(struct level *self, const struct json_cursor *cursor,
    struct span name, unsigned *index, struct fault *fault)
{
    size_t offset = offset_in(cursor, name);
    bool twice = false;
    if (name.len > MESSAGE_NAME_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, offset,
            "byte %zu: the name of a member is over %d bytes", offset, MESSAGE_NAME_MAX);
    unsigned found = level_find(self, name);
    if (found != NOT_KNOWN) {
        twice = self->seen >> found & 1;
        self->seen |= UINT32_C(1) << found;
    } else {
        for (unsigned i = 0; i < self->unknown_count && !twice; i++)
            twice = json_string_equal(self->unknown[i], name);
    }
    if (twice)
        return fault_set(fault, STATUS_MALFORMED, offset, "byte %zu: a member is named twice: %.*s",
            offset, (int)name.len, name.at);
    unsigned met = self->unknown_count + (unsigned)__builtin_popcount(self->seen);
    if (met + (found == NOT_KNOWN) > MESSAGE_MEMBERS_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, offset,
            "byte %zu: an object of the envelope has more than %d members", offset,
            MESSAGE_MEMBERS_MAX);
    if (found == NOT_KNOWN)
        self->unknown[self->unknown_count++] = name;
    *index = found;
    return STATUS_OK;
}

static enum status next_row(struct level *level, struct json_cursor *cursor, unsigned *index,
    bool *at_end, struct fault *fault)
{
    struct span name;
    struct fault local;
    if (fault == NULL)
        fault = &local; /* it also tells the reason */
    enum pull pull = json_next_member(cursor, &name, fault);
    *at_end = pull == PULL_MORE;
    if (pull == PULL_BAD)
        return fault->status;
    return *at_end ? STATUS_OK : level_meet(level, cursor, name, index, fault);
}

static struct span *field_of(struct message *self, const struct member *member)
{
    return (struct span *)((char *)self + member->offset);
}

/* An object whose values are stepped over, never entered. */
static enum status parse_flat(struct message *self, struct json_cursor *cursor,
    const struct member *members, size_t count, struct fault *fault)
{
    struct level level;
    level_init(&level, members, count);
    enum status status = json_enter_object(cursor, fault);
    while (status == STATUS_OK) {
        unsigned index = NOT_KNOWN;
        bool at_end;
        status = next_row(&level, cursor, &index, &at_end, fault);
        if (status != STATUS_OK || at_end)
            break;
        struct span *field = index == NOT_KNOWN ? NULL : field_of(self, &members[index]);
        status = json_skip(cursor, field, fault);
    }
    return status;
}

static enum status parse_top_value(
    struct message *self, struct json_cursor *cursor, unsigned index, struct fault *fault)
{
    const char *from = cursor->at;
    struct span *field = index == NOT_KNOWN ? NULL : field_of(self, &top_members[index]);
    enum status status;
    if (index == TOP_HEADER)
        status = parse_flat(self, cursor, header_members, COUNT(header_members), fault);
    else if (index == TOP_PAYLOAD)
        status = parse_flat(self, cursor, payload_members, COUNT(payload_members), fault);
    else
        return json_skip(cursor, field, fault);
    if (status == STATUS_OK)
        *field = (struct span){.at = from, .len = (size_t)(cursor->at - from)};
    return status;
}

enum status message_parse(
    struct message *self, struct span text, unsigned max_depth, struct fault *fault)
{
    return message_parse_bounded(self, text, max_depth, SIZE_MAX, fault);
}

enum status message_parse_bounded(struct message *self, struct span text, unsigned max_depth,
    size_t max_values, struct fault *fault)
{
    struct json_cursor cursor;
    struct level level;
    memset(self, 0, sizeof *self);
    json_begin(&cursor, text, max_depth);
    cursor.max_values = max_values;
    level_init(&level, top_members, COUNT(top_members));
    enum status status = json_enter_object(&cursor, fault);
    while (status == STATUS_OK) {
        unsigned index = NOT_KNOWN;
        bool at_end;
        status = next_row(&level, &cursor, &index, &at_end, fault);
        if (status == STATUS_OK && at_end)
            return json_end(&cursor, fault);
        if (status == STATUS_OK)
            status = parse_top_value(self, &cursor, index, fault);
    }
    return status;
}
