/*
 * compose: a record of the input, or what the command line says, becomes the
 * data of a message. Pure, but for compose_find_template, which looks for
 * a file.
 *
 * Owns the template and what it builds; the data given out is valid until the
 * next call.
 */
#ifndef BESTER_SEND_COMPOSE_H
#define BESTER_SEND_COMPOSE_H

#include "bester-send/settings.h"
#include "libbester/template.h"

struct compose {
    const struct settings *settings;
    struct type_template *sheet; /* NULL: none yet, or none needed */
    struct form form;
    struct bytes data;
};

void compose_init(struct compose *self, const struct settings *settings);
void compose_release(struct compose *self);

/* Whether a template is needed and none is there yet. */
bool compose_lacks_template(const struct compose *self);
/* Takes the template over (also on failure) and fills in the fields of the
 * command line. STATUS_INVALID: it is not for this type, or the fields do not
 * suit it. */
MUST_CHECK enum status compose_adopt(
    struct compose *self, struct type_template *sheet, struct fault *fault);
/* The file of --template, or the user's own template of the type, if either is
 * there: *sheet, else it stays as it is. */
MUST_CHECK enum status compose_find_template(
    const struct settings *settings, struct type_template **sheet, struct fault *fault);

/* The data of one message. record is ignored unless it comes from stdin.
 * STATUS_INVALID: *fault says why there is none. */
MUST_CHECK enum status compose_data(
    struct compose *self, struct span record, struct span *data, struct fault *fault);

#endif
