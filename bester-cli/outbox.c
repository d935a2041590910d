#include "bester-cli/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/visible.h"

void outbox_init(struct outbox *self, const unsigned char random[6])
{
    *self = (struct outbox){.next = 1};
    for (size_t i = 0; i < 6; i++)
        snprintf(self->prefix + 2 * i, 3, "%02x", random[i]);
}

static void drop_data(struct outbox *self, struct line *line)
{
    if (line->data != NULL)
        self->bytes -= line->data_len;
    free(line->data);
    line->data = NULL;
}

static void forget(struct outbox *self, struct line *line)
{
    if (line->number == 0)
        return;
    drop_data(self, line);
    free(line->type);
    self->counts[line->state]--;
    *line = (struct line){0};
}

void outbox_release(struct outbox *self)
{
    for (size_t i = 0; i < OUTBOX_MAX; i++)
        forget(self, &self->lines[i]);
}

static bool is_open(const struct line *line)
{
    return line->state == LINE_QUEUED || line->state == LINE_SENT;
}

/* The data of lines whose fate is known makes room, the oldest first. */
static bool make_room(struct outbox *self, size_t len)
{
    unsigned long oldest = self->next > OUTBOX_MAX ? self->next - OUTBOX_MAX : 1;
    for (unsigned long i = oldest; i < self->next && self->bytes + len > OUTBOX_BYTES_MAX; i++) {
        struct line *line = &self->lines[i % OUTBOX_MAX];
        if (!is_open(line))
            drop_data(self, line);
    }
    return self->bytes == 0 || self->bytes + len <= OUTBOX_BYTES_MAX;
}

/* type, data and text may be those of a line that is pushed out: they are copied first. */
struct line *outbox_add(
    struct outbox *self, const char *type, struct span data, const char *text, struct fault *fault)
{
    struct line *line = &self->lines[self->next % OUTBOX_MAX];
    struct line fresh = {.number = self->next, .state = LINE_QUEUED, .data_len = data.len};
    fresh.type = strdup(type);
    fresh.data = malloc(data.len + 1);
    fresh.written = time(NULL);
    if (fresh.type == NULL || fresh.data == NULL) {
        fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
        goto refuse;
    }
    memcpy(fresh.data, data.at, data.len);
    fresh.data[data.len] = '\0';
    visible_into(fresh.text, sizeof fresh.text, span_of(text));
    if (is_open(line) || !make_room(self, data.len)) {
        fault_set(fault, STATUS_OVERLOADED, 0, "%zu lines wait for their reports already",
            outbox_open(self));
        goto refuse;
    }
    forget(self, line);
    *line = fresh;
    self->next++;
    self->counts[LINE_QUEUED]++;
    self->bytes += data.len;
    return line;

refuse:
    free(fresh.type);
    free(fresh.data);
    return NULL;
}

void outbox_withdraw(struct outbox *self, struct line *line)
{
    self->next = line->number;
    forget(self, line);
}

void outbox_set(struct outbox *self, struct line *line, enum line_state state, const char *fate)
{
    self->counts[line->state]--;
    self->counts[state]++;
    line->state = state;
    snprintf(line->fate, sizeof line->fate, "%s", fate);
}

struct line *outbox_find(struct outbox *self, unsigned long number)
{
    struct line *line = &self->lines[number % OUTBOX_MAX];
    return number > 0 && line->number == number ? line : NULL;
}

unsigned long outbox_first(const struct outbox *self, enum line_state state)
{
    unsigned long oldest = self->next > OUTBOX_MAX ? self->next - OUTBOX_MAX : 1;
    for (unsigned long i = oldest; self->counts[state] > 0 && i < self->next; i++) {
        const struct line *line = &self->lines[i % OUTBOX_MAX];
        if (line->number == i && line->state == state)
            return i;
    }
    return 0;
}

size_t outbox_open(const struct outbox *self)
{
    return self->counts[LINE_QUEUED] + self->counts[LINE_SENT];
}

const char *outbox_id(const struct outbox *self, unsigned long number, char out[CLIENT_ID_MAX])
{
    snprintf(out, CLIENT_ID_MAX, "%s-%lu", self->prefix, number);
    return out;
}

unsigned long outbox_number(const struct outbox *self, const char *id)
{
    size_t len = strlen(self->prefix);
    char *end = NULL;
    if (strncmp(id, self->prefix, len) != 0 || id[len] != '-' || id[len + 1] < '1' ||
        id[len + 1] > '9')
        return 0;
    errno = 0;
    unsigned long number = strtoul(id + len + 1, &end, 10);
    return errno == 0 && *end == '\0' && number < self->next ? number : 0;
}

const char *line_state_text(const struct line *line)
{
    return line->state == LINE_QUEUED ? "queued" : line->state == LINE_SENT ? "sent" : line->fate;
}
