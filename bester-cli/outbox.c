#include "bester-cli/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void outbox_init(struct outbox *self, const unsigned char random[6])
{
    *self = (struct outbox){.next = 1};
    for (size_t i = 0; i < 6; i++)
        snprintf(self->prefix + 2 * i, 3, "%02x", random[i]);
}

const char *outbox_id(const struct outbox *self, char out[CLIENT_ID_MAX])
{
    snprintf(out, CLIENT_ID_MAX, "%s-%lu", self->prefix, self->next);
    return out;
}

unsigned long outbox_sent(struct outbox *self, unsigned long script_line)
{
    self->script_line[self->next % OUTBOX_MAX] = script_line;
    self->waiting++;
    return self->next++;
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

unsigned long outbox_script_line(const struct outbox *self, unsigned long number)
{
    return number + OUTBOX_MAX > self->next ? self->script_line[number % OUTBOX_MAX] : 0;
}
