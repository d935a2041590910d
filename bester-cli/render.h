/*
 * render: a message that arrived, as a person reads it. Everything that comes
 * from others is made visible. Pure.
 */
#ifndef BESTER_CLI_RENDER_H
#define BESTER_CLI_RENDER_H

#include <time.h>

#include "libbester/address.h"
#include "libbester/bytes.h"
#include "libbester/message.h"
#include "libbester/template.h"

/* A received message, its texts decoded. */
struct received_text {
    char type[TEMPLATE_NAME_MAX];
    char from[USER_NAME_MAX + SERVER_NAME_MAX]; /* "": the server did not say */
    bool unproven;                              /* the server does not vouch for from */
    struct span data;
    time_t sent; /* 0: the server did not say */
};
void render_read(struct received_text *self, const struct message *message);

/* Appends "18:07 G@S2: Hello", "18:07 [weather] G@S2: {"place": …}". now says
 * whether the date has to be told. */
MUST_CHECK enum status render_received(const struct received_text *message,
    const struct type_template *sheet, time_t now, struct bytes *out);

/* Appends a line that was sent at some time (a JSON string of RFC 3339): "18:07 #3 chat:
 * See you at six", with the JSON where the sheet (or NULL) has no field for the text. */
MUST_CHECK enum status render_sent(struct span time_token, struct span number,
    struct span type_token, struct span data, const struct type_template *sheet, time_t now,
    struct bytes *out);

#endif
